/// How text is to look: decided once, by whoever knows the terminal.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Style {
    /// Colour repeats what the words and symbols say; it never says anything alone.
    pub color: bool,
    /// Columns to stay within where text can be cut or wrapped.
    pub width: usize,
}

/// What a stretch of text means, and with that its colour.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Tone {
    Strong,
    Faint,
    Add,
    Change,
    Remove,
    Read,
    Error,
    Warning,
}

impl Style {
    /// No colour, 80 columns: for files, pipes and tests.
    pub const PLAIN: Self = Self { color: false, width: 80 };

    pub fn paint(self, tone: Tone, text: &str) -> String {
        if !self.color || text.is_empty() {
            return text.to_owned();
        }
        format!("\x1b[{}m{text}\x1b[0m", tone.sgr())
    }
}

impl Tone {
    /// The parameters of the escape sequence "select graphic rendition" (ECMA-48, 8.3.117).
    fn sgr(self) -> &'static str {
        match self {
            Self::Strong => "1",
            Self::Faint => "2",
            Self::Add => "32",
            Self::Change | Self::Warning => "33",
            Self::Remove | Self::Error => "31",
            Self::Read => "36",
        }
    }
}
