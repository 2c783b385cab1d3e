use std::fs;
use std::io::ErrorKind;
use std::path::{Component, Path, PathBuf};
use std::sync::Arc;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use mprov_sdk::Value;

use super::glob::matching;
use super::signature::{Failure, Function, Param, Shape, Special, Surroundings, any, string};
use super::text::text;
use crate::config::eval::limits::BYTES;
use crate::config::eval::literal::normal;

const PATH: &[Param] = &[string("path")];

pub const FUNCTIONS: &[Function] = &[
    Function::new("abspath", PATH, Shape::String, "the path from the root", abspath),
    Function::new("basename", PATH, Shape::String, "the last part of the path", basename),
    Function::new("dirname", PATH, Shape::String, "the path without its last part", dirname),
    Function::new("pathexpand", PATH, Shape::String, "the path; ~ is not replaced", pathexpand),
    Function::new("file", PATH, Shape::String, "the text of the file", file),
    Function::new("filebase64", PATH, Shape::String, "the bytes of the file, in Base64", filebase64),
    Function::new("fileexists", PATH, Shape::Bool, "whether there is such a file", fileexists),
    Function::new(
        "fileset",
        &[string("path"), string("pattern")],
        Shape::Set(&Shape::String),
        "the files below the folder that match the pattern",
        fileset,
    ),
    Function::special(
        "templatefile",
        &[string("path"), any("vars")],
        None,
        Shape::Any,
        "the template in the file, with values for its names",
        Special::TemplateFile,
    ),
    Function::special(
        "templatestring",
        &[string("template"), any("vars")],
        None,
        Shape::Any,
        "the template in the value, with values for its names",
        Special::TemplateString,
    ),
];

/// A path of the configuration as a path of this machine: relative ones start in the root module's
/// folder.
pub fn resolve(surroundings: &Surroundings<'_>, path: &str) -> Result<PathBuf, Failure> {
    if path.contains('\0') {
        return Err(Failure::of(0, "a path has no NUL character"));
    }
    if path == "~" || path.starts_with("~/") {
        return Err(Failure::of(0, "\"~\" is not replaced by a home folder")
            .advice("Whose home that is depends on who runs mprov: give the whole path, or a variable."));
    }
    Ok(surroundings.base_dir.join(path))
}

/// The text of a file.
pub fn read_text(surroundings: &Surroundings<'_>, path: &str) -> Result<Arc<str>, Failure> {
    let bytes = read(&resolve(surroundings, path)?)?;
    let text = String::from_utf8(bytes).map_err(|_| {
        Failure::of(0, format!("{path:?} is no text in UTF-8"))
            .advice("Use filebase64() for other files, where Base64 is what is wanted.")
    })?;
    Ok(text.into())
}

pub fn read(path: &Path) -> Result<Vec<u8>, Failure> {
    let cannot = |reason: String| Failure::of(0, format!("{} cannot be read: {reason}", path.display()));
    let metadata = fs::metadata(path).map_err(|e| match e.kind() {
        ErrorKind::NotFound => Failure::of(0, format!("there is no file {}", path.display())).advice(
            "The file has to be there before mprov starts; what a resource makes is not. Relative paths \
             start in the folder of the root module: use path.module for files of this module.",
        ),
        _ => cannot(e.to_string()),
    })?;
    if metadata.is_dir() {
        return Err(cannot("it is a folder".to_owned()));
    }
    if metadata.len() > BYTES as u64 {
        return Err(cannot(format!("it has more than {} MiB", BYTES >> 20)));
    }
    if !metadata.is_file() {
        return Err(cannot("it is no ordinary file".to_owned()));
    }
    fs::read(path).map_err(|e| cannot(e.to_string()))
}

fn abspath(surroundings: &Surroundings<'_>, args: &[Value]) -> Result<Value, Failure> {
    let path = resolve(surroundings, text(&args[0]))?;
    let path = std::path::absolute(&path).map_err(|e| Failure::of(0, e.to_string()))?;
    Ok(Value::from(cleaned(&path).to_string_lossy().into_owned()))
}

/// Without `.` and `..`, by the text alone.
fn cleaned(path: &Path) -> PathBuf {
    let mut result = PathBuf::new();
    for part in path.components() {
        match part {
            Component::CurDir => {}
            Component::ParentDir => {
                result.pop();
            }
            part => result.push(part),
        }
    }
    result
}

fn basename(_: &Surroundings<'_>, args: &[Value]) -> Result<Value, Failure> {
    let path = text(&args[0]);
    let trimmed = path.trim_end_matches('/');
    Ok(Value::from(match (path.is_empty(), trimmed.is_empty()) {
        (true, _) => ".",
        (false, true) => "/",
        _ => trimmed.rsplit('/').next().unwrap_or(trimmed),
    }))
}

fn dirname(_: &Surroundings<'_>, args: &[Value]) -> Result<Value, Failure> {
    let path = text(&args[0]);
    let Some(at) = path.rfind('/') else { return Ok(Value::from(".")) };
    let folder = path[..at].trim_end_matches('/');
    if folder.is_empty() {
        return Ok(Value::from("/"));
    }
    let rooted = folder.starts_with('/');
    let mut parts: Vec<&str> = Vec::new();
    for part in folder.split('/') {
        match part {
            "" | "." => {}
            ".." if parts.last().is_some_and(|p| *p != "..") => {
                parts.pop();
            }
            ".." if rooted => {}
            part => parts.push(part),
        }
    }
    let joined = parts.join("/");
    Ok(Value::from(match (rooted, joined.is_empty()) {
        (true, _) => format!("/{joined}"),
        (false, true) => ".".to_owned(),
        (false, false) => joined,
    }))
}

fn pathexpand(surroundings: &Surroundings<'_>, args: &[Value]) -> Result<Value, Failure> {
    resolve(surroundings, text(&args[0]))?;
    Ok(args[0].clone())
}

fn file(surroundings: &Surroundings<'_>, args: &[Value]) -> Result<Value, Failure> {
    Ok(normal(&read_text(surroundings, text(&args[0]))?))
}

fn filebase64(surroundings: &Surroundings<'_>, args: &[Value]) -> Result<Value, Failure> {
    Ok(Value::from(STANDARD.encode(read(&resolve(surroundings, text(&args[0]))?)?)))
}

fn fileexists(surroundings: &Surroundings<'_>, args: &[Value]) -> Result<Value, Failure> {
    let path = resolve(surroundings, text(&args[0]))?;
    match fs::metadata(&path) {
        Ok(metadata) if metadata.is_file() => Ok(true.into()),
        Ok(_) => Err(Failure::of(0, format!("{} is there but is no file", path.display()))),
        Err(e) if matches!(e.kind(), ErrorKind::NotFound | ErrorKind::NotADirectory) => Ok(false.into()),
        Err(e) => Err(Failure::of(0, format!("{}: {e}", path.display()))),
    }
}

fn fileset(surroundings: &Surroundings<'_>, args: &[Value]) -> Result<Value, Failure> {
    let folder = resolve(surroundings, text(&args[0]))?;
    let found = matching(&folder, text(&args[1]))?;
    Ok(Value::set(found.into_iter().map(Value::from)))
}
