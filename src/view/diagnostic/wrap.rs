/// Text broken between words into lines of at most that many characters; a longer word has a line
/// of its own. Control characters, which a terminal might obey, are replaced.
pub fn wrap(text: &str, width: usize) -> String {
    let lines = text.lines().map(|line| wrap_line(line, width.max(20)));
    lines.collect::<Vec<_>>().join("\n")
}

fn wrap_line(line: &str, width: usize) -> String {
    let mut wrapped = String::with_capacity(line.len());
    let mut used = 0;
    for word in line.split(' ') {
        let length = word.chars().count();
        if used > 0 && used + 1 + length > width {
            wrapped.push('\n');
            used = 0;
        } else if used > 0 {
            wrapped.push(' ');
            used += 1;
        }
        wrapped.extend(word.chars().map(visible));
        used += length;
    }
    wrapped
}

/// One line of text, with nothing that a terminal would obey.
pub fn one_line(text: &str) -> String {
    text.chars().map(visible).collect()
}

fn visible(c: char) -> char {
    if c.is_control() { char::REPLACEMENT_CHARACTER } else { c }
}
