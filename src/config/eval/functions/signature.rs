use std::path::Path;

use mprov_sdk::{Type, Value};

/// A function of the language.
pub struct Function {
    pub name: &'static str,
    pub params: &'static [Param],
    /// What further arguments are, where any number of them is taken.
    pub rest: Option<Param>,
    /// The type of the result, for calls with unknown arguments.
    pub returns: Shape,
    pub doc: &'static str,
    pub run: Run,
}

pub enum Run {
    /// Arguments are evaluated and prepared as their parameters say.
    Values(fn(&Surroundings<'_>, &[Value]) -> Result<Value, Failure>),
    /// The call evaluates its arguments itself.
    Expressions(Special),
}

/// Functions whose arguments are expressions.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Special {
    Try,
    Can,
    TemplateFile,
    TemplateString,
}

/// What functions may know besides their arguments.
pub struct Surroundings<'a> {
    pub base_dir: &'a Path,
    pub plan_time: &'a str,
    pub apply_time: Option<&'a str>,
}

/// How one parameter treats its argument before the function sees it.
#[derive(Clone, Copy)]
pub struct Param {
    pub name: &'static str,
    pub shape: Shape,
    pub null: bool,
    pub unknown: Unknowns,
    pub marks: Marks,
}

/// Which unknowns make the result unknown without a call.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Unknowns {
    /// Any, at any depth.
    Deep,
    /// The argument itself; its elements may be unknown.
    Shallow,
    /// None: the function deals with them.
    Allowed,
}

/// What becomes of sensitive marks.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Marks {
    /// A mark at any depth marks the result; the function sees none.
    Whole,
    /// The argument's own mark marks the result; its elements keep theirs.
    Elements,
    /// The function deals with them.
    Raw,
}

/// A type that can stand in a constant.
#[derive(Clone, Copy)]
pub enum Shape {
    Any,
    Bool,
    Number,
    String,
    List(&'static Shape),
    Set(&'static Shape),
    Map(&'static Shape),
}

/// Why a call failed. The message never holds the value of a sensitive argument: functions see
/// marks only where they ask for them, so the caller hides messages of calls with marked arguments.
#[derive(Debug)]
pub struct Failure {
    /// The argument at fault, counted from 0.
    pub argument: Option<usize>,
    pub message: String,
    pub advice: String,
    /// A limit stopped it: no other way of evaluating helps.
    pub limit: bool,
}

impl Failure {
    pub fn new(message: impl Into<String>) -> Self {
        Self { argument: None, message: message.into(), advice: String::new(), limit: false }
    }

    pub fn too_large(message: impl Into<String>) -> Self {
        Self { limit: true, ..Self::new(message) }
    }

    pub fn of(argument: usize, message: impl Into<String>) -> Self {
        Self { argument: Some(argument), ..Self::new(message) }
    }

    pub fn advice(mut self, advice: impl Into<String>) -> Self {
        self.advice = advice.into();
        self
    }
}

impl Shape {
    pub fn ty(self) -> Type {
        match self {
            Self::Any => Type::Any,
            Self::Bool => Type::Bool,
            Self::Number => Type::Number,
            Self::String => Type::String,
            Self::List(t) => Type::list(t.ty()),
            Self::Set(t) => Type::set(t.ty()),
            Self::Map(t) => Type::map(t.ty()),
        }
    }
}

impl Param {
    const fn new(name: &'static str, shape: Shape) -> Self {
        Self { name, shape, null: false, unknown: Unknowns::Deep, marks: Marks::Whole }
    }

    /// May be null.
    pub const fn nullable(mut self) -> Self {
        self.null = true;
        self
    }

    /// Elements may be unknown and keep their marks.
    pub const fn container(mut self) -> Self {
        self.unknown = Unknowns::Shallow;
        self.marks = Marks::Elements;
        self
    }

    /// Elements may be unknown.
    pub const fn elements_unknowable(mut self) -> Self {
        self.unknown = Unknowns::Shallow;
        self
    }

    /// May be unknown, as a whole or in parts.
    pub const fn unknowable(mut self) -> Self {
        self.unknown = Unknowns::Allowed;
        self
    }

    /// Is handed over with its marks.
    pub const fn marked(mut self) -> Self {
        self.marks = Marks::Raw;
        self
    }
}

pub const fn any(name: &'static str) -> Param {
    Param::new(name, Shape::Any)
}

pub const fn string(name: &'static str) -> Param {
    Param::new(name, Shape::String)
}

pub const fn number(name: &'static str) -> Param {
    Param::new(name, Shape::Number)
}

pub const fn of(name: &'static str, shape: Shape) -> Param {
    Param::new(name, shape)
}

pub const STRINGS: Shape = Shape::List(&Shape::String);
pub const NUMBERS: Shape = Shape::List(&Shape::Number);

type Body = fn(&Surroundings<'_>, &[Value]) -> Result<Value, Failure>;

impl Function {
    pub const fn new(
        name: &'static str,
        params: &'static [Param],
        returns: Shape,
        doc: &'static str,
        body: Body,
    ) -> Self {
        Self { name, params, rest: None, returns, doc, run: Run::Values(body) }
    }

    /// Takes any number of further arguments.
    pub const fn rest(mut self, rest: Param) -> Self {
        self.rest = Some(rest);
        self
    }

    pub const fn special(
        name: &'static str,
        params: &'static [Param],
        rest: Option<Param>,
        returns: Shape,
        doc: &'static str,
        special: Special,
    ) -> Self {
        Self { name, params, rest, returns, doc, run: Run::Expressions(special) }
    }

    pub fn param(&self, argument: usize) -> Option<&Param> {
        self.params.get(argument).or(self.rest.as_ref())
    }

    /// What is wrong with calling it with that many arguments, if anything.
    pub fn count_problem(&self, given: usize) -> Option<String> {
        let needed = self.params.len();
        let fits = if self.rest.is_some() { given >= needed } else { given == needed };
        if fits {
            return None;
        }
        Some(match self.params.get(given) {
            Some(missing) => format!("{}() needs an argument \"{}\"", self.name, missing.name),
            None => format!("{}() takes {}, not {given}", self.name, arguments(needed)),
        })
    }

    /// How it is called: `join(separator, lists...)`.
    pub fn usage(&self) -> String {
        let mut params: Vec<String> = self.params.iter().map(|p| p.name.to_owned()).collect();
        params.extend(self.rest.map(|p| format!("{}...", p.name)));
        format!("{}({})", self.name, params.join(", "))
    }
}

fn arguments(count: usize) -> String {
    match count {
        0 => "no arguments".to_owned(),
        1 => "one argument".to_owned(),
        n => format!("{n} arguments"),
    }
}
