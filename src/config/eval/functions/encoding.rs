use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use mprov_sdk::Value;

use super::signature::{Failure, Function, Param, Shape, Surroundings, string};
use super::text::{check_size, text};
use crate::config::eval::literal::normal;

const STR: &[Param] = &[string("str")];
const TEXT_AND_ENCODING: &[Param] = &[string("string"), string("encoding")];

pub const FUNCTIONS: &[Function] = &[
    Function::new("base64encode", STR, Shape::String, "the text in Base64", base64encode),
    Function::new("base64decode", STR, Shape::String, "the text that the Base64 holds", base64decode),
    Function::new(
        "textencodebase64",
        TEXT_AND_ENCODING,
        Shape::String,
        "the text in that encoding, in Base64",
        textencodebase64,
    ),
    Function::new(
        "textdecodebase64",
        TEXT_AND_ENCODING,
        Shape::String,
        "the text in that encoding that the Base64 holds",
        textdecodebase64,
    ),
    Function::new("urlencode", STR, Shape::String, "the text for the query of a URL", urlencode),
];

fn base64encode(_: &Surroundings<'_>, args: &[Value]) -> Result<Value, Failure> {
    Ok(Value::from(STANDARD.encode(text(&args[0]))))
}

fn decoded(value: &Value) -> Result<Vec<u8>, Failure> {
    STANDARD.decode(text(value)).map_err(|_| Failure::of(0, "the text is no Base64"))
}

fn base64decode(_: &Surroundings<'_>, args: &[Value]) -> Result<Value, Failure> {
    let bytes = decoded(&args[0])?;
    let text = String::from_utf8(bytes).map_err(|_| {
        Failure::of(0, "the bytes are no text in UTF-8").advice("Strings hold text only, not other bytes.")
    })?;
    Ok(normal(&text))
}

enum Encoding {
    Utf8,
    Utf16 { little: bool },
    Latin1,
}

fn encoding(args: &[Value]) -> Result<Encoding, Failure> {
    match text(&args[1]).to_ascii_uppercase().as_str() {
        "UTF-8" => Ok(Encoding::Utf8),
        "UTF-16LE" => Ok(Encoding::Utf16 { little: true }),
        "UTF-16BE" => Ok(Encoding::Utf16 { little: false }),
        "ISO-8859-1" | "US-ASCII" => Ok(Encoding::Latin1),
        _ => Err(Failure::of(1, "the encoding is not known")
            .advice("There are UTF-8, UTF-16LE, UTF-16BE, ISO-8859-1 and US-ASCII.")),
    }
}

fn textencodebase64(_: &Surroundings<'_>, args: &[Value]) -> Result<Value, Failure> {
    let given = text(&args[0]);
    let bytes: Vec<u8> = match encoding(args)? {
        Encoding::Utf8 => given.as_bytes().to_vec(),
        Encoding::Utf16 { little: true } => given.encode_utf16().flat_map(u16::to_le_bytes).collect(),
        Encoding::Utf16 { little: false } => given.encode_utf16().flat_map(u16::to_be_bytes).collect(),
        Encoding::Latin1 => {
            let bytes: Result<Vec<u8>, _> = given.chars().map(|c| u8::try_from(u32::from(c))).collect();
            bytes.map_err(|_| Failure::of(0, "the encoding lacks a character of the text"))?
        }
    };
    Ok(Value::from(STANDARD.encode(bytes)))
}

fn textdecodebase64(_: &Surroundings<'_>, args: &[Value]) -> Result<Value, Failure> {
    let bytes = decoded(&args[0])?;
    let malformed = || Failure::of(0, "the bytes are no text in that encoding");
    let text = match encoding(args)? {
        Encoding::Utf8 => String::from_utf8(bytes).map_err(|_| malformed())?,
        Encoding::Utf16 { little } => {
            if bytes.len() % 2 != 0 {
                return Err(malformed());
            }
            let unit = |pair: &[u8]| match little {
                true => u16::from_le_bytes([pair[0], pair[1]]),
                false => u16::from_be_bytes([pair[0], pair[1]]),
            };
            let units: Vec<u16> = bytes.chunks_exact(2).map(unit).collect();
            String::from_utf16(&units).map_err(|_| malformed())?
        }
        Encoding::Latin1 => bytes.into_iter().map(char::from).collect(),
    };
    Ok(normal(&text))
}

fn urlencode(_: &Surroundings<'_>, args: &[Value]) -> Result<Value, Failure> {
    let given = text(&args[0]);
    check_size(given.len().saturating_mul(3))?;
    let mut result = String::with_capacity(given.len());
    for byte in given.bytes() {
        match byte {
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'-' | b'_' | b'.' | b'~' => {
                result.push(char::from(byte));
            }
            b' ' => result.push('+'),
            other => result.push_str(&format!("%{other:02X}")),
        }
    }
    Ok(Value::from(result))
}
