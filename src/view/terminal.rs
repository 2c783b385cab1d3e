use std::io::{IsTerminal as _, stderr, stdout};

use terminal_size::{Width, terminal_size_of};

/// What a standard stream leads to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Stream {
    pub is_terminal: bool,
    /// Columns, where it is a terminal that tells.
    pub width: Option<usize>,
}

impl Stream {
    pub fn out() -> Self {
        Self { is_terminal: stdout().is_terminal(), width: columns(terminal_size_of(stdout())) }
    }

    pub fn talk() -> Self {
        Self { is_terminal: stderr().is_terminal(), width: columns(terminal_size_of(stderr())) }
    }
}

fn columns(size: Option<(Width, terminal_size::Height)>) -> Option<usize> {
    size.map(|(Width(columns), _)| columns.into())
}
