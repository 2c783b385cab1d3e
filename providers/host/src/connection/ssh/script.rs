//! Shell scripts for the machine, which any POSIX shell understands.

use std::fmt::Write as _;

use mprov_sdk::Fault;

/// Marks every process of one exec in its environment, so that it can be found and ended.
const MARK: &str = "MPROV_EXEC";
/// What a script says where it could not even begin, with [`CANNOT_BEGIN_STATUS`].
pub const CANNOT_BEGIN: &str = "mprov-cannot-begin: ";
pub const CANNOT_BEGIN_STATUS: i64 = 127;

/// A word that the shell takes as it is.
pub fn quote(text: &str) -> String {
    format!("'{}'", text.replace('\'', r"'\''"))
}

/// The command line that runs a script of that many bytes, which it reads from its input: so
/// neither arguments nor environment show in a command line, and any login shell can start it.
pub fn bootstrap(length: usize, sudo: bool) -> String {
    let sudo = if sudo { "sudo -n -- " } else { "" };
    format!("exec {sudo}sh -c 's=$(head -c {length}; echo .); eval \"${{s%.}}\"'")
}

/// The whole of a script: what every one begins with, then its own text.
pub fn whole(mark: &str, text: &str) -> String {
    // Administrators' tools are not in the path of every login.
    format!("export {MARK}={mark}\nPATH=$PATH:/usr/local/sbin:/usr/sbin:/sbin\nexport PATH\n{text}\n")
}

/// Sends a signal to every process of that mark.
pub fn signal(mark: &str, name: &str) -> String {
    format!(
        "for f in $(grep -lzxF -- {MARK}={mark} /proc/[0-9]*/environ 2>/dev/null); do\n\
         p=${{f#/proc/}}; kill -s {name} \"${{p%/environ}}\" 2>/dev/null\ndone\ntrue"
    )
}

/// A script with `$1`, `$2` and so on, in the language that we understand.
pub fn with_arguments(text: &str, arguments: &[&str]) -> String {
    let words: Vec<String> = arguments.iter().map(|word| quote(word)).collect();
    format!("LC_ALL=C; export LC_ALL\nset -- {}\n{text}", words.join(" "))
}

/// What a process is to be.
pub struct Process<'a> {
    pub argv: &'a [String],
    pub user: Option<&'a str>,
    pub folder: Option<&'a str>,
    pub env: Vec<(&'a str, &'a str)>,
    /// It gets the rest of the script's input as its own.
    pub reads: bool,
}

/// # Errors
/// No shell can hand the environment over.
pub fn process(process: &Process<'_>) -> Result<String, Fault> {
    let Some(program) = process.argv.first() else {
        return Err(Fault::new("an empty command cannot be run"));
    };
    let mut script = String::new();
    for (name, value) in &process.env {
        let plain = |c: char| c == '_' || c.is_ascii_alphanumeric();
        if name.is_empty() || name.starts_with(|c: char| c.is_ascii_digit()) || !name.chars().all(plain) {
            return Err(Fault::new(format!("{name:?} cannot be the name of an environment variable"))
                .detail("Use letters, digits and _, not beginning with a digit."));
        }
        let _ = writeln!(script, "{name}={}; export {name}", quote(value));
    }
    let cannot =
        |what: &str| format!("{{ echo '{CANNOT_BEGIN}'{} >&2; exit {CANNOT_BEGIN_STATUS}; }}", quote(what));
    if let Some(folder) = process.folder {
        let _ = writeln!(script, "cd -- {} || {}", quote(folder), cannot("the working directory must exist"));
    }
    let found = format!("command -v {} >/dev/null 2>&1", quote(program));
    let _ = writeln!(script, "{found} || {}", cannot("install it there, or give its full path"));
    let words: Vec<String> = process.argv.iter().map(|word| quote(word)).collect();
    let become_user = match process.user {
        Some(user) => {
            let user = quote(user);
            // A user that only has a number gets the group of that number.
            let _ = writeln!(script, "u=$(id -u -- {user} 2>/dev/null) || u={user}");
            let _ = writeln!(script, "g=$(id -g -- {user} 2>/dev/null) || g=$u");
            "setpriv --reuid \"$u\" --regid \"$g\" --clear-groups -- "
        }
        None => "",
    };
    let input = if process.reads { "" } else { " </dev/null" };
    let _ = write!(script, "exec {become_user}{}{input}", words.join(" "));
    Ok(script)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_reach_a_real_shell_as_they_are() {
        for word in ["", "a b", "it's", "$HOME `id` \"x\" \\", "two\nlines", "-n"] {
            let script = format!("printf %s {}", quote(word));
            let output = std::process::Command::new("sh").arg("-c").arg(&script).output().unwrap();
            assert_eq!(String::from_utf8(output.stdout).unwrap(), word);
        }
    }

    #[test]
    fn a_strange_variable_is_refused() {
        let argv = ["true".to_owned()];
        let env = vec![("A;id", "x")];
        let process = Process { argv: &argv, user: None, folder: None, env, reads: false };
        assert!(super::process(&process).unwrap_err().summary.contains("A;id"));
    }
}
