use std::sync::Arc;

/// Something that happens inside a provider call, for people who wait.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Event {
    /// What it does now, and how far it is.
    Progress(Progress),
    /// A line of a log (an image build, a command).
    Log(String),
}

#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Progress {
    pub message: String,
    pub done: Option<u64>,
    pub total: Option<u64>,
}

/// Where events of one provider call go. Never blocks.
pub trait Events: Send + Sync {
    fn emit(&self, event: Event);

    fn progress(&self, message: &str) {
        self.emit(Event::Progress(Progress { message: message.to_owned(), ..Progress::default() }));
    }

    fn progress_of(&self, message: &str, done: u64, total: u64) {
        self.emit(Event::Progress(Progress {
            message: message.to_owned(),
            done: Some(done),
            total: Some(total),
        }));
    }

    fn log(&self, line: &str) {
        self.emit(Event::Log(line.to_owned()));
    }
}

/// Drops every event.
pub struct Silent;

impl Events for Silent {
    fn emit(&self, _: Event) {}
}

impl Silent {
    pub fn shared() -> Arc<dyn Events> {
        Arc::new(Self)
    }
}
