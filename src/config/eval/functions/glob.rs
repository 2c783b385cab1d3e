use std::fs;
use std::path::Path;

use regex::Regex;

use super::signature::Failure;
use crate::config::eval::limits::ELEMENTS;

/// Levels of folders that are looked into.
const DEPTH: usize = 64;

/// The files below the folder whose path, relative to it and with `/`, matches the pattern:
/// `*` and `?` inside of a part, `**` over parts, `[…]` and `{a,b}`.
pub fn matching(folder: &Path, pattern: &str) -> Result<Vec<String>, Failure> {
    let regex = compile(pattern)?;
    let mut found = Vec::new();
    let mut left = ELEMENTS;
    // Without ** the pattern itself says how deep the files lie.
    let depth = if pattern.contains("**") { DEPTH } else { pattern.matches('/').count() + 1 };
    walk(folder, "", depth, &mut left, &mut |path| {
        if regex.is_match(path) {
            found.push(path.to_owned());
        }
    })?;
    Ok(found)
}

fn walk(
    folder: &Path,
    prefix: &str,
    depth: usize,
    left: &mut usize,
    file: &mut dyn FnMut(&str),
) -> Result<(), Failure> {
    let entries = match fs::read_dir(folder) {
        Ok(entries) => entries,
        Err(_) if prefix.is_empty() && !folder.exists() => return Ok(()),
        Err(e) => return Err(Failure::of(0, format!("{} cannot be listed: {e}", folder.display()))),
    };
    for entry in entries {
        let entry = entry.map_err(|e| Failure::of(0, format!("{}: {e}", folder.display())))?;
        *left = left.checked_sub(1).ok_or_else(|| Failure::too_large("there are too many files"))?;
        let Ok(name) = entry.file_name().into_string() else { continue };
        let path = format!("{prefix}{name}");
        // A symbolic link to a file counts; one to a folder is not followed, it may lead around.
        let kind = entry.file_type().map_err(|e| Failure::of(0, e.to_string()))?;
        if kind.is_dir() && depth > 1 {
            walk(&entry.path(), &format!("{path}/"), depth - 1, left, file)?;
        } else if kind.is_file() || (kind.is_symlink() && entry.path().is_file()) {
            file(&path);
        }
    }
    Ok(())
}

fn compile(pattern: &str) -> Result<Regex, Failure> {
    let malformed = |reason: &str| Failure::of(1, format!("the pattern is malformed: {reason}"));
    let mut regex = String::from("^");
    let mut alternatives = 0;
    let mut rest = pattern;
    while let Some(c) = rest.chars().next() {
        if let Some(after) = rest.strip_prefix("**/") {
            regex.push_str("(?:[^/]+/)*");
            rest = after;
            continue;
        }
        if let Some(after) = rest.strip_prefix("**") {
            regex.push_str(".*");
            rest = after;
            continue;
        }
        rest = &rest[c.len_utf8()..];
        match c {
            '*' => regex.push_str("[^/]*"),
            '?' => regex.push_str("[^/]"),
            '{' => {
                alternatives += 1;
                regex.push_str("(?:");
            }
            '}' if alternatives > 0 => {
                alternatives -= 1;
                regex.push(')');
            }
            ',' if alternatives > 0 => regex.push('|'),
            '[' => {
                let end = rest.find(']').ok_or_else(|| malformed("\"[\" is not closed"))?;
                let class = &rest[..end];
                let (negated, class) = match class.strip_prefix(['!', '^']) {
                    Some(class) => ("^", class),
                    None => ("", class),
                };
                regex.push_str(&format!("[{negated}{}]", class.replace('\\', "\\\\").replace('[', "\\[")));
                rest = &rest[end + 1..];
            }
            '\\' => {
                let escaped = rest.chars().next().ok_or_else(|| malformed("it ends with \\"))?;
                regex.push_str(&regex::escape(&escaped.to_string()));
                rest = &rest[escaped.len_utf8()..];
            }
            c => regex.push_str(&regex::escape(&c.to_string())),
        }
    }
    regex.push('$');
    if alternatives > 0 {
        return Err(malformed("\"{\" is not closed"));
    }
    Regex::new(&regex).map_err(|_| malformed("a class or range in it is not possible"))
}
