use std::sync::Arc;
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, channel};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use crate::plan::{Observer, RunEvent};

use super::Reporter;

const TICK: Duration = Duration::from_millis(100);

/// Reporters at work, several at once where there are several.
///
/// Events go to them through a queue, so that a run never waits for a terminal or a pipe.
pub struct Reporting {
    sender: Sender<Message>,
    clock: fn() -> Instant,
    thread: Option<JoinHandle<()>>,
}

enum Message {
    Event(Instant, RunEvent),
    End,
}

struct Queue {
    sender: Sender<Message>,
    clock: fn() -> Instant,
}

impl Reporting {
    pub fn start(reporters: Vec<Box<dyn Reporter>>, clock: fn() -> Instant) -> Self {
        let (sender, receiver) = channel();
        let thread = std::thread::Builder::new()
            .name("reporting".to_owned())
            .spawn(move || report(reporters, &receiver, clock));
        // Without the thread events are dropped with the receiver: a run is not worth less for it.
        Self { sender, clock, thread: thread.ok() }
    }

    pub fn observer(&self) -> Arc<dyn Observer> {
        Arc::new(Queue { sender: self.sender.clone(), clock: self.clock })
    }

    /// Waits until everything that was reported is shown.
    pub fn finish(self) {}
}

impl Drop for Reporting {
    fn drop(&mut self) {
        let _ = self.sender.send(Message::End);
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

impl Observer for Queue {
    fn event(&self, event: &RunEvent) {
        let _ = self.sender.send(Message::Event((self.clock)(), event.clone()));
    }
}

fn report(mut reporters: Vec<Box<dyn Reporter>>, messages: &Receiver<Message>, clock: fn() -> Instant) {
    let mut ticked = clock();
    loop {
        let next = match messages.try_recv() {
            Ok(message) => Ok(message),
            Err(_) => {
                reporters.iter_mut().for_each(|r| r.flush());
                messages.recv_timeout(TICK)
            }
        };
        match next {
            Ok(Message::Event(at, event)) => reporters.iter_mut().for_each(|r| r.event(at, &event)),
            Err(RecvTimeoutError::Timeout) => {}
            Ok(Message::End) | Err(RecvTimeoutError::Disconnected) => break,
        }
        let now = clock();
        if now.saturating_duration_since(ticked) >= TICK {
            ticked = now;
            reporters.iter_mut().for_each(|r| r.tick(now));
        }
    }
    for reporter in &mut reporters {
        reporter.flush();
        reporter.finish();
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::Mutex;

    #[derive(Default)]
    struct Seen(Arc<Mutex<Vec<String>>>);

    impl Reporter for Seen {
        fn event(&mut self, _: Instant, event: &RunEvent) {
            if let RunEvent::Skipped { address } = event {
                self.0.lock().expect("not poisoned").push(address.clone());
            }
        }

        fn finish(&mut self) {
            self.0.lock().expect("not poisoned").push("end".to_owned());
        }
    }

    #[test]
    fn every_reporter_sees_every_event_in_order_before_the_end() {
        let (first, second) = (Seen::default(), Seen::default());
        let seen = [first.0.clone(), second.0.clone()];
        let reporting = Reporting::start(vec![Box::new(first), Box::new(second)], Instant::now);
        let observer = reporting.observer();
        for i in 0..1000 {
            observer.event(&RunEvent::Skipped { address: i.to_string() });
        }
        reporting.finish();
        observer.event(&RunEvent::Skipped { address: "late".to_owned() });
        let expected: Vec<String> = (0..1000).map(|i| i.to_string()).chain(["end".to_owned()]).collect();
        for seen in seen {
            assert_eq!(*seen.lock().expect("not poisoned"), expected);
        }
    }
}
