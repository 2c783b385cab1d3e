use super::style::{Style, Tone};

/// What a line says happens to what stands on it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mark {
    None,
    Add,
    Change,
    Remove,
    Read,
    /// Replaced, the old one deleted first.
    DeleteFirst,
    /// Replaced, the new one created first.
    CreateFirst,
}

impl Mark {
    pub fn symbol(self) -> &'static str {
        match self {
            Self::None => "",
            Self::Add => "+",
            Self::Change => "~",
            Self::Remove => "-",
            Self::Read => "<=",
            Self::DeleteFirst => "-/+",
            Self::CreateFirst => "+/-",
        }
    }

    pub fn tone(self) -> Option<Tone> {
        match self {
            Self::None => None,
            Self::Add => Some(Tone::Add),
            Self::Change => Some(Tone::Change),
            Self::Remove | Self::DeleteFirst | Self::CreateFirst => Some(Tone::Remove),
            Self::Read => Some(Tone::Read),
        }
    }
}

/// Indented lines with marks in front of them.
pub struct Page {
    text: String,
    style: Style,
    /// Column of the text of level 0; marks stand in the columns before it.
    margin: usize,
}

impl Page {
    /// Columns from one level to the next.
    const STEP: usize = 4;

    /// A page with room for marks.
    pub fn with_marks(style: Style) -> Self {
        Self { text: String::new(), style, margin: Self::STEP }
    }

    /// A page whose lines carry no marks and begin at the first column.
    pub fn plain(style: Style) -> Self {
        Self { text: String::new(), style, margin: 0 }
    }

    pub fn style(&self) -> Style {
        self.style
    }

    pub fn line(&mut self, level: usize, mark: Mark, text: &str) {
        let column = self.margin + level * Self::STEP;
        let symbol = mark.symbol();
        let before = match symbol {
            "" => column,
            _ => column.saturating_sub(symbol.len() + 1),
        };
        self.text.extend(std::iter::repeat_n(' ', before));
        if let Some(tone) = mark.tone() {
            self.text.push_str(&self.style.paint(tone, symbol));
            self.text.push(' ');
        }
        self.text.push_str(text);
        self.text.push('\n');
    }

    /// A remark at the place of the marks of that level, as the titles over blocks.
    pub fn remark(&mut self, level: usize, text: &str) {
        let column = (self.margin + level * Self::STEP).saturating_sub(2);
        self.text.extend(std::iter::repeat_n(' ', column));
        self.text.push_str(text);
        self.text.push('\n');
    }

    /// `# (3 unchanged attributes hidden)`; nothing for none.
    pub fn hidden(&mut self, level: usize, count: usize, noun: &str) {
        if count == 0 {
            return;
        }
        let plural = if count == 1 { "" } else { "s" };
        let text = self.style.paint(Tone::Faint, &format!("# ({count} unchanged {noun}{plural} hidden)"));
        self.line(level, Mark::None, &text);
    }

    /// Text as it is, at the first column.
    pub fn raw(&mut self, text: &str) {
        self.text.push_str(text);
    }

    pub fn blank(&mut self) {
        self.text.push('\n');
    }

    pub fn finish(self) -> String {
        self.text
    }
}
