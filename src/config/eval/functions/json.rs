use std::fmt::Write as _;

use mprov_sdk::{Number, Object, Value};

use super::signature::{Failure, Function, Shape, Surroundings, any, string};
use super::text::text;
use crate::config::eval::limits::ELEMENTS;
use crate::config::eval::literal::normal;

/// Levels of arrays and objects in a text that is read.
const DEPTH: usize = 128;

pub const FUNCTIONS: &[Function] = &[
    Function::new("jsonencode", &[any("val").nullable()], Shape::String, "the value as JSON", jsonencode),
    Function::new(
        "jsondecode",
        &[string("str")],
        Shape::Any,
        "the value that the JSON text holds",
        jsondecode,
    ),
];

fn jsonencode(_: &Surroundings<'_>, args: &[Value]) -> Result<Value, Failure> {
    to_json(&args[0]).map(Value::from).map_err(|m| Failure::of(0, m))
}

/// A known value without marks as JSON on one line.
pub fn to_json(value: &Value) -> Result<String, String> {
    let mut output = String::new();
    write(value, &mut output)?;
    Ok(output)
}

fn write(value: &Value, output: &mut String) -> Result<(), String> {
    if output.len() > crate::config::eval::limits::BYTES {
        return Err("the text becomes too large".to_owned());
    }
    match value {
        Value::Null => output.push_str("null"),
        Value::Bool(b) => output.push_str(if *b { "true" } else { "false" }),
        Value::Number(n) => output.push_str(&n.to_string()),
        Value::String(s) => quote(s, output),
        Value::List(v) | Value::Set(v) | Value::Tuple(v) => {
            output.push('[');
            for (i, item) in v.iter().enumerate() {
                if i > 0 {
                    output.push(',');
                }
                write(item, output)?;
            }
            output.push(']');
        }
        Value::Map(o) | Value::Object(o) => {
            output.push('{');
            for (i, (key, item)) in o.iter().enumerate() {
                if i > 0 {
                    output.push(',');
                }
                quote(key, output);
                output.push(':');
                write(item, output)?;
            }
            output.push('}');
        }
        Value::Unknown(_) | Value::Sensitive(_) => return Err("the value is not known".to_owned()),
    }
    Ok(())
}

/// With the characters escaped that would mean something in HTML, as Terraform does.
fn quote(text: &str, output: &mut String) {
    output.push('"');
    for c in text.chars() {
        match c {
            '"' => output.push_str("\\\""),
            '\\' => output.push_str("\\\\"),
            '\n' => output.push_str("\\n"),
            '\r' => output.push_str("\\r"),
            '\t' => output.push_str("\\t"),
            '\u{8}' => output.push_str("\\b"),
            '\u{c}' => output.push_str("\\f"),
            '<' | '>' | '&' | '\u{2028}' | '\u{2029}' | '\0'..='\u{1f}' => {
                write!(output, "\\u{:04x}", c as u32).expect("writing to a string does not fail");
            }
            c => output.push(c),
        }
    }
    output.push('"');
}

fn jsondecode(_: &Surroundings<'_>, args: &[Value]) -> Result<Value, Failure> {
    let mut reader = Reader { text: text(&args[0]), at: 0, left: ELEMENTS };
    reader.document().map_err(|message| {
        let line = reader.text[..reader.at].matches('\n').count() + 1;
        Failure::of(0, format!("line {line} of the text is no JSON: {message}"))
    })
}

/// Reads JSON with exact numbers, which a general library would pass through floats.
struct Reader<'t> {
    text: &'t str,
    at: usize,
    left: usize,
}

impl Reader<'_> {
    fn document(&mut self) -> Result<Value, &'static str> {
        let value = self.value(DEPTH)?;
        self.blanks();
        if self.at < self.text.len() { Err("something follows the value") } else { Ok(value) }
    }

    fn peek(&self) -> Option<u8> {
        self.text.as_bytes().get(self.at).copied()
    }

    fn blanks(&mut self) {
        while matches!(self.peek(), Some(b' ' | b'\n' | b'\r' | b'\t')) {
            self.at += 1;
        }
    }

    fn take(&mut self, byte: u8) -> bool {
        let found = self.peek() == Some(byte);
        self.at += usize::from(found);
        found
    }

    fn word(&mut self, word: &str, value: Value) -> Result<Value, &'static str> {
        if !self.text[self.at..].starts_with(word) {
            return Err("a value is expected");
        }
        self.at += word.len();
        Ok(value)
    }

    fn value(&mut self, depth: usize) -> Result<Value, &'static str> {
        self.left = self.left.checked_sub(1).ok_or("it has too many elements")?;
        self.blanks();
        match self.peek() {
            Some(b'n') => self.word("null", Value::Null),
            Some(b't') => self.word("true", true.into()),
            Some(b'f') => self.word("false", false.into()),
            Some(b'"') => self.string().map(|s| normal(&s)),
            Some(b'-' | b'0'..=b'9') => self.number(),
            Some(b'[') => self.array(depth.checked_sub(1).ok_or("it is nested too deeply")?),
            Some(b'{') => self.object(depth.checked_sub(1).ok_or("it is nested too deeply")?),
            Some(_) => Err("a value is expected"),
            None => Err("the text ends too early"),
        }
    }

    fn array(&mut self, depth: usize) -> Result<Value, &'static str> {
        self.at += 1;
        let mut items = Vec::new();
        self.blanks();
        if self.take(b']') {
            return Ok(Value::tuple([]));
        }
        loop {
            items.push(self.value(depth)?);
            self.blanks();
            if self.take(b']') {
                return Ok(Value::tuple(items));
            }
            if !self.take(b',') {
                return Err("\",\" or \"]\" is expected");
            }
        }
    }

    fn object(&mut self, depth: usize) -> Result<Value, &'static str> {
        self.at += 1;
        let mut object = Object::new();
        self.blanks();
        if self.take(b'}') {
            return Ok(Value::from(object));
        }
        loop {
            self.blanks();
            if self.peek() != Some(b'"') {
                return Err("a key in quotes is expected");
            }
            let key = self.string()?;
            self.blanks();
            if !self.take(b':') {
                return Err("\":\" is expected");
            }
            let value = self.value(depth)?;
            object.set(key, value);
            self.blanks();
            if self.take(b'}') {
                return Ok(Value::from(object));
            }
            if !self.take(b',') {
                return Err("\",\" or \"}\" is expected");
            }
        }
    }

    fn number(&mut self) -> Result<Value, &'static str> {
        let start = self.at;
        self.take(b'-');
        let leading_zero = self.peek() == Some(b'0');
        let whole = self.digits();
        if whole == 0 || (leading_zero && whole > 1) {
            return Err("a number is malformed");
        }
        if self.take(b'.') && self.digits() == 0 {
            return Err("a number is malformed");
        }
        if matches!(self.peek(), Some(b'e' | b'E')) {
            self.at += 1;
            if !self.take(b'-') {
                self.take(b'+');
            }
            if self.digits() == 0 {
                return Err("a number is malformed");
            }
        }
        let number: Result<Number, _> = self.text[start..self.at].parse();
        number.map(Value::Number).map_err(|_| "a number is too large")
    }

    fn digits(&mut self) -> usize {
        let start = self.at;
        while matches!(self.peek(), Some(b'0'..=b'9')) {
            self.at += 1;
        }
        self.at - start
    }

    fn string(&mut self) -> Result<String, &'static str> {
        self.at += 1;
        let mut result = String::new();
        loop {
            let rest = &self.text[self.at..];
            let plain =
                rest.find(|c: char| c == '"' || c == '\\' || c < ' ').ok_or("a quote is not closed")?;
            result.push_str(&rest[..plain]);
            self.at += plain;
            match rest.as_bytes()[plain] {
                b'"' => {
                    self.at += 1;
                    return Ok(result);
                }
                b'\\' => {
                    self.at += 1;
                    result.push(self.escape()?);
                }
                _ => return Err("a string has a control character"),
            }
        }
    }

    fn escape(&mut self) -> Result<char, &'static str> {
        let letter = self.peek().ok_or("a quote is not closed")?;
        self.at += 1;
        Ok(match letter {
            b'"' | b'\\' | b'/' => char::from(letter),
            b'n' => '\n',
            b'r' => '\r',
            b't' => '\t',
            b'b' => '\u{8}',
            b'f' => '\u{c}',
            b'u' => {
                let first = self.hex()?;
                match first {
                    0xd800..=0xdbff if self.text[self.at..].starts_with("\\u") => {
                        self.at += 2;
                        let second = self.hex()?;
                        let combined = 0x10000 + ((first - 0xd800) << 10) + second.wrapping_sub(0xdc00);
                        char::from_u32(combined).unwrap_or(char::REPLACEMENT_CHARACTER)
                    }
                    code => char::from_u32(code).unwrap_or(char::REPLACEMENT_CHARACTER),
                }
            }
            _ => {
                self.at -= 1;
                return Err("an escape is not known");
            }
        })
    }

    fn hex(&mut self) -> Result<u32, &'static str> {
        let digits = self.text.get(self.at..self.at + 4).ok_or("an escape is malformed")?;
        if !digits.bytes().all(|b| b.is_ascii_hexdigit()) {
            return Err("an escape is malformed");
        }
        self.at += 4;
        u32::from_str_radix(digits, 16).map_err(|_| "an escape is malformed")
    }
}
