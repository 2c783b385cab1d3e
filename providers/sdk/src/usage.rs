/// Room that data takes on disk, in bytes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Usage {
    /// All that can be reached through it.
    pub total: u64,
    /// What only it holds, so that a delete of it would free that much; none where the file system
    /// cannot tell.
    pub unique: Option<u64>,
}

/// How many of one kind of thing users have written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Written {
    /// In the plural, as a sentence would name them: "log entries".
    pub what: String,
    pub count: u64,
}
