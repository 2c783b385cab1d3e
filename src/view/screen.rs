use std::io::{self, BufRead, ErrorKind, Write};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use super::style::Style;

type Sink = Box<dyn Write + Send>;

/// The two streams of a command, and the person in front of it. The only place that writes.
///
/// Data (plans, outputs, documents) goes to `out`, everything said about the work to `talk`. A
/// reader that goes away (`mprov show | head`) is no failure: what it did not want is dropped.
/// Another failure to write is kept for [`Screen::failure`].
pub struct Screen {
    out: Mutex<Sink>,
    talk: Mutex<Sink>,
    input: Mutex<Box<dyn BufRead + Send>>,
    failure: Mutex<Option<io::Error>>,
    out_style: Style,
    talk_style: Style,
}

/// What a test reads back from a screen.
#[derive(Clone, Default)]
pub struct Captured(Arc<Mutex<Vec<u8>>>);

impl Screen {
    /// The process's own standard streams.
    pub fn standard(out_style: Style, talk_style: Style) -> Self {
        Self::new(
            Box::new(io::stdout()),
            Box::new(io::stderr()),
            Box::new(io::BufReader::new(io::stdin())),
            [out_style, talk_style],
        )
    }

    pub fn new(out: Sink, talk: Sink, input: Box<dyn BufRead + Send>, styles: [Style; 2]) -> Self {
        Self {
            out: Mutex::new(out),
            talk: Mutex::new(talk),
            input: Mutex::new(input),
            failure: Mutex::default(),
            out_style: styles[0],
            talk_style: styles[1],
        }
    }

    /// A screen in memory: what goes to `out`, and what goes to `talk`.
    pub fn captured(input: &'static str) -> (Self, Captured, Captured) {
        let (out, talk) = (Captured::default(), Captured::default());
        let screen = Self::new(
            Box::new(out.clone()),
            Box::new(talk.clone()),
            Box::new(input.as_bytes()),
            [Style::PLAIN; 2],
        );
        (screen, out, talk)
    }

    pub fn out_style(&self) -> Style {
        self.out_style
    }

    pub fn talk_style(&self) -> Style {
        self.talk_style
    }

    /// Data, as it is.
    pub fn out(&self, text: &str) {
        self.write(&self.out, text);
    }

    /// A document for programs, on lines of its own.
    pub fn out_json(&self, json: &serde_json::Value) {
        self.out(&format!("{json:#}\n"));
    }

    /// Words about the work, as they are.
    pub fn talk(&self, text: &str) {
        self.write(&self.talk, text);
    }

    /// Asks and waits for a line; none when there is nobody to answer any more.
    pub fn ask(&self, question: &str) -> Option<String> {
        self.talk(question);
        let mut answer = String::new();
        let read = lock(&self.input).read_line(&mut answer);
        match read {
            Ok(0) | Err(_) => None,
            Ok(_) => Some(answer.trim().to_owned()),
        }
    }

    /// The first failure to write data, other than that the reader went away.
    pub fn failure(&self) -> Option<io::Error> {
        lock(&self.failure).take()
    }

    fn write(&self, sink: &Mutex<Sink>, text: &str) {
        let mut sink = lock(sink);
        let written = sink.write_all(text.as_bytes()).and_then(|()| sink.flush());
        match written {
            Err(error) if error.kind() != ErrorKind::BrokenPipe => {
                lock(&self.failure).get_or_insert(error);
            }
            _ => {}
        }
    }
}

impl Captured {
    pub fn text(&self) -> String {
        String::from_utf8_lossy(&lock(&self.0)).into_owned()
    }
}

impl Write for Captured {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        lock(&self.0).extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

fn lock<T: ?Sized>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A stream that fails in one way.
    struct Broken(ErrorKind);

    impl Write for Broken {
        fn write(&mut self, _: &[u8]) -> io::Result<usize> {
            Err(self.0.into())
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    fn screen_over(kind: ErrorKind) -> Screen {
        let talk = Box::new(Captured::default());
        Screen::new(Box::new(Broken(kind)), talk, Box::new(io::empty()), [Style::PLAIN; 2])
    }

    #[test]
    fn a_reader_that_went_away_is_no_failure() {
        let screen = screen_over(ErrorKind::BrokenPipe);
        screen.out("text");
        assert!(screen.failure().is_none());
    }

    #[test]
    fn a_full_disk_is_a_failure() {
        let screen = screen_over(ErrorKind::StorageFull);
        screen.out("text");
        assert_eq!(screen.failure().map(|e| e.kind()), Some(ErrorKind::StorageFull));
    }

    #[test]
    fn an_answer_is_a_line_and_nobody_is_no_answer() {
        let (screen, out, talk) = Screen::captured("yes\n");
        assert_eq!(screen.ask("Sure? ").as_deref(), Some("yes"));
        assert_eq!(screen.ask("Sure? "), None);
        assert_eq!((out.text().as_str(), talk.text().as_str()), ("", "Sure? Sure? "));
    }
}
