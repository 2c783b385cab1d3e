use std::collections::HashMap;

use hcl_edit::Spanned;
use hcl_edit::template::{Directive, Element, Strip, Template};
use unicode_segmentation::UnicodeSegmentation;

/// How the literal text of a template is written.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Layout {
    /// Between quotes: a strip marker reaches over the whole literal.
    Quoted,
    /// Line by line: a strip marker reaches to the line's end.
    Lines,
    /// Line by line, with the common indentation of the lines taken away.
    Indented,
}

/// The literals of a template after strip markers and indentation, where they differ from what
/// the tree has.
pub struct Text {
    changed: HashMap<*const String, String>,
}

impl Text {
    pub fn of(template: &Template, layout: Layout) -> Self {
        if layout != Layout::Indented && !has_strips(template) {
            return Self { changed: HashMap::new() };
        }
        let mut pieces = Pieces { list: Vec::new(), by_line: layout != Layout::Quoted };
        pieces.template(template);
        pieces.strip();
        if layout == Layout::Indented {
            pieces.dedent();
        }
        Self { changed: pieces.collect() }
    }

    pub fn get<'t>(&'t self, literal: &'t Spanned<String>) -> &'t str {
        match self.changed.get(&std::ptr::from_ref(literal.value())) {
            Some(changed) => changed,
            None => literal.value(),
        }
    }
}

fn has_strips(template: &Template) -> bool {
    template.iter().any(|element| match element {
        Element::Literal(_) => false,
        Element::Interpolation(i) => i.strip != Strip::None,
        Element::Directive(d) => match &**d {
            Directive::If(d) => {
                d.if_expr.strip != Strip::None
                    || d.endif_expr.strip != Strip::None
                    || has_strips(&d.if_expr.template)
                    || d.else_expr.as_ref().is_some_and(|e| e.strip != Strip::None || has_strips(&e.template))
            }
            Directive::For(d) => {
                d.for_expr.strip != Strip::None
                    || d.endfor_expr.strip != Strip::None
                    || has_strips(&d.for_expr.template)
            }
        },
    })
}

/// A template as a flat row of what it is made of, in the order of the text.
enum Piece {
    /// One literal, or one line of it.
    Literal { of: *const String, text: String },
    /// `${…}` or `%{…}`
    Sequence(Strip),
}

struct Pieces {
    list: Vec<Piece>,
    by_line: bool,
}

impl Pieces {
    fn template(&mut self, template: &Template) {
        for element in template.iter() {
            match element {
                Element::Literal(literal) => self.literal(literal),
                Element::Interpolation(i) => self.list.push(Piece::Sequence(i.strip)),
                Element::Directive(d) => self.directive(d),
            }
        }
    }

    fn directive(&mut self, directive: &Directive) {
        match directive {
            Directive::If(d) => {
                self.list.push(Piece::Sequence(d.if_expr.strip));
                self.template(&d.if_expr.template);
                if let Some(other) = &d.else_expr {
                    self.list.push(Piece::Sequence(other.strip));
                    self.template(&other.template);
                }
                self.list.push(Piece::Sequence(d.endif_expr.strip));
            }
            Directive::For(d) => {
                self.list.push(Piece::Sequence(d.for_expr.strip));
                self.template(&d.for_expr.template);
                self.list.push(Piece::Sequence(d.endfor_expr.strip));
            }
        }
    }

    fn literal(&mut self, literal: &Spanned<String>) {
        let of = std::ptr::from_ref(literal.value());
        match self.by_line {
            true => {
                let lines = literal.split_inclusive('\n');
                self.list.extend(lines.map(|line| Piece::Literal { of, text: line.to_owned() }));
            }
            false => self.list.push(Piece::Literal { of, text: literal.value().clone() }),
        }
    }

    fn strip(&mut self) {
        for at in 0..self.list.len() {
            let Piece::Sequence(strip) = self.list[at] else { continue };
            let before = matches!(strip, Strip::Start | Strip::Both);
            if before
                && at > 0
                && let Piece::Literal { text, .. } = &mut self.list[at - 1]
            {
                text.truncate(text.trim_end().len());
            }
            let after = matches!(strip, Strip::End | Strip::Both);
            if after && let Some(Piece::Literal { text, .. }) = self.list.get_mut(at + 1) {
                text.drain(..text.len() - text.trim_start().len());
            }
        }
    }

    /// Takes the common indentation from all lines. Lines of nothing but blanks do not count and
    /// stay as they are.
    fn dedent(&mut self) {
        let mut common = usize::MAX;
        let mut indented = Vec::new();
        let mut starts_line = true;
        for (at, piece) in self.list.iter().enumerate() {
            let text = match piece {
                Piece::Literal { text, .. } => text.as_str(),
                Piece::Sequence(_) => "",
            };
            let is_blank_line = text.trim_start().is_empty() && text.ends_with('\n');
            if starts_line && !is_blank_line {
                let blanks = &text[..text.len() - text.trim_start().len()];
                common = common.min(blanks.graphemes(true).count());
                indented.push(at);
            }
            starts_line = text.ends_with('\n');
        }
        for at in indented {
            if let Piece::Literal { text, .. } = &mut self.list[at] {
                let cut: usize = text.graphemes(true).take(common).map(str::len).sum();
                text.drain(..cut);
            }
        }
    }

    fn collect(self) -> HashMap<*const String, String> {
        let mut changed: HashMap<*const String, String> = HashMap::new();
        for piece in self.list {
            if let Piece::Literal { of, text } = piece {
                changed.entry(of).or_default().push_str(&text);
            }
        }
        changed
    }
}
