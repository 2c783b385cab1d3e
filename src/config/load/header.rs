/// The words that begin a top-level block.
pub const BLOCK_TYPES: [&str; 9] =
    ["mprov", "variable", "locals", "output", "resource", "data", "provider", "module", "moved"];

/// Whether a text begins, at its first column, like a top-level block: one of the words, labels, and
/// a brace on the same line.
pub fn is_header(text: &str) -> bool {
    if !text.starts_with(|c: char| c.is_ascii_alphabetic()) {
        return false;
    }
    let line = text.lines().next().unwrap_or_default();
    let word = line.split([' ', '\t', '"', '{']).next().unwrap_or_default();
    if !BLOCK_TYPES.contains(&word) {
        return false;
    }
    let behind = line[word.len()..].trim_start();
    behind.starts_with(['"', '{']) && behind.contains('{')
}
