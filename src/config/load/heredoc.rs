use std::ops::Range;

/// A heredoc whose first line was seen.
pub struct Heredoc<'t> {
    text: &'t str,
    /// The word that closes it.
    pub word: Range<usize>,
    /// Where its first line of text begins.
    pub body: usize,
}

/// Where a heredoc ends.
pub struct Closing {
    /// The start of the line with the closing word.
    pub line_start: usize,
    /// Behind the word.
    pub end: usize,
}

impl<'t> Heredoc<'t> {
    /// The heredoc that `<<` at that place begins, if a word and the line's end follow.
    pub fn begin(text: &'t str, at: usize) -> Option<Self> {
        let rest = &text[at + 2..];
        let word = rest.strip_prefix('-').unwrap_or(rest);
        let length = word.find(|c| !is_word(c)).unwrap_or(word.len());
        if length == 0 || word.starts_with(|c: char| c.is_ascii_digit() || c == '-') {
            return None;
        }
        let start = at + 2 + (rest.len() - word.len());
        let behind = &word[length..];
        let newline = if behind.starts_with("\r\n") { 2 } else { usize::from(behind.starts_with('\n')) };
        let word = start..start + length;
        (newline > 0).then(|| Self { text, body: word.end + newline, word })
    }

    pub fn mark(&self) -> &'t str {
        &self.text[self.word.clone()]
    }

    /// The first line that begins with the word, white space aside. Templates in the text are not
    /// followed: one that is left open must not hide the end.
    pub fn closing_word(&self) -> Option<Closing> {
        let mark = self.mark();
        let mut line = self.body;
        while line < self.text.len() {
            let end = self.text[line..].find('\n').map_or(self.text.len(), |n| line + n);
            let content = self.text[line..end].trim_start_matches([' ', '\t']);
            if content.strip_prefix(mark).is_some_and(|rest| !rest.starts_with(is_word)) {
                return Some(Closing { line_start: line, end: end - content.len() + mark.len() });
            }
            line = end + 1;
        }
        None
    }
}

fn is_word(c: char) -> bool {
    c.is_alphanumeric() || c == '_' || c == '-'
}
