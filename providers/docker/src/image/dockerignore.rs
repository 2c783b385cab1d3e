use regex::{Regex, RegexBuilder};

/// The rules of a `.dockerignore` file. They are not git's: patterns are anchored at the context,
/// `*` does not cross `/`, and the last rule that matches a path or a folder above it decides.
#[derive(Debug, Default)]
pub struct DockerIgnore {
    rules: Vec<Rule>,
}

#[derive(Debug)]
struct Rule {
    pattern: Regex,
    keeps: bool,
}

/// For each rule, whether it matches a folder or one above it. Its entries inherit that.
#[derive(Clone, Debug, Default)]
pub struct Inherited(Vec<bool>);

impl DockerIgnore {
    /// Lines that make no valid pattern are reported by their text.
    pub fn parse(text: &str) -> Result<Self, String> {
        let mut rules = Vec::new();
        for line in text.trim_start_matches('\u{feff}').lines() {
            let line = line.trim();
            if line.is_empty() || line.starts_with('#') {
                continue;
            }
            let (keeps, pattern) = match line.strip_prefix('!') {
                Some(rest) => (true, rest.trim()),
                None => (false, line),
            };
            let Some(pattern) = cleaned(pattern) else { continue };
            let pattern = RegexBuilder::new(&translated(&pattern))
                .dot_matches_new_line(true)
                .build()
                .map_err(|_| line.to_owned())?;
            rules.push(Rule { pattern, keeps });
        }
        Ok(Self { rules })
    }

    /// Whether the path, relative to the context, is left out; and what its own entries inherit.
    pub fn judge(&self, path: &str, above: &Inherited) -> (bool, Inherited) {
        let matches: Vec<bool> = self
            .rules
            .iter()
            .enumerate()
            .map(|(i, rule)| above.0.get(i).copied().unwrap_or(false) || rule.pattern.is_match(path))
            .collect();
        let last = matches.iter().rposition(|m| *m);
        (last.is_some_and(|i| !self.rules[i].keeps), Inherited(matches))
    }

    /// Whether something in a folder that is left out may be kept all the same.
    pub fn has_exceptions(&self) -> bool {
        self.rules.iter().any(|rule| rule.keeps)
    }
}

/// Without `.`, `..`, doubled and outer slashes. None where nothing is left.
fn cleaned(pattern: &str) -> Option<String> {
    let mut parts: Vec<&str> = Vec::new();
    for part in pattern.split('/') {
        match part {
            "" | "." => {}
            ".." => {
                parts.pop();
            }
            part => parts.push(part),
        }
    }
    (!parts.is_empty()).then(|| parts.join("/"))
}

fn translated(pattern: &str) -> String {
    let mut regex = String::from("^");
    let mut chars = pattern.chars().peekable();
    while let Some(c) = chars.next() {
        match c {
            '*' if chars.peek() == Some(&'*') => {
                chars.next();
                if chars.peek() == Some(&'/') {
                    chars.next();
                    regex.push_str("(.*/)?");
                } else {
                    regex.push_str(".*");
                }
            }
            '*' => regex.push_str("[^/]*"),
            '?' => regex.push_str("[^/]"),
            '[' => {
                regex.push('[');
                if chars.peek() == Some(&'^') {
                    regex.push(chars.next().expect("peeked"));
                }
                for c in chars.by_ref() {
                    match c {
                        ']' => break,
                        '-' => regex.push('-'),
                        c => regex.push_str(&regex::escape(&c.to_string())),
                    }
                }
                regex.push(']');
            }
            '\\' => regex.push_str(&regex::escape(&chars.next().unwrap_or('\\').to_string())),
            c => regex.push_str(&regex::escape(&c.to_string())),
        }
    }
    regex.push('$');
    regex
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Judges a path as the walk does: folder by folder.
    fn is_ignored(rules: &str, path: &str) -> bool {
        let ignore = DockerIgnore::parse(rules).expect("rules");
        let mut inherited = Inherited::default();
        let mut result = false;
        let ends = path.match_indices('/').map(|(i, _)| i).chain([path.len()]);
        for end in ends {
            (result, inherited) = ignore.judge(&path[..end], &inherited);
        }
        result
    }

    #[test]
    fn patterns_are_anchored_and_stars_stop_at_slashes() {
        assert!(is_ignored("node_modules", "node_modules/a/b.js"));
        assert!(!is_ignored("node_modules", "web/node_modules/a.js"));
        assert!(is_ignored("**/node_modules", "web/node_modules/a.js"));
        assert!(is_ignored("**/node_modules", "node_modules"));
        assert!(is_ignored("*.log", "a.log"));
        assert!(!is_ignored("*.log", "x/a.log"));
        assert!(is_ignored("*/*.log", "x/a.log"));
        assert!(is_ignored("/x/", "x/a"));
        assert!(is_ignored("a?c", "abc") && !is_ignored("a?c", "a/c"));
        assert!(is_ignored("[a-c].txt", "b.txt") && !is_ignored("[^a-c].txt", "b.txt"));
        assert!(is_ignored("./docs/../tmp", "tmp/x"));
        assert!(!is_ignored("a.b", "axb"));
    }

    #[test]
    fn the_last_matching_rule_decides() {
        let rules = "# comment\n*\n!src\nsrc/*.bak\n";
        assert!(is_ignored(rules, "README"));
        assert!(!is_ignored(rules, "src/main.c"));
        assert!(is_ignored(rules, "src/main.bak"));
        assert!(!is_ignored("docs\n!docs/keep.md", "docs/keep.md"));
        assert!(is_ignored("!docs/keep.md\ndocs", "docs/keep.md"));
    }

    #[test]
    fn a_broken_pattern_is_reported() {
        assert_eq!(DockerIgnore::parse("ok\n[b-a]\n").expect_err("range"), "[b-a]");
    }

    proptest::proptest! {
        #[test]
        fn no_rules_crash(rules in "[ -~\n]{0,60}", path in "[a-z./]{1,20}") {
            if let Ok(ignore) = DockerIgnore::parse(&rules) {
                ignore.judge(&path, &Inherited::default());
            }
        }
    }
}
