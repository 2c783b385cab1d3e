use std::sync::Mutex;
use std::time::Duration;

use mprov_sdk::{Event, Events};

/// Keeps what a call says.
#[derive(Default)]
pub struct Heard(Mutex<Vec<String>>);

impl Events for Heard {
    fn emit(&self, event: Event) {
        let text = match event {
            Event::Progress(progress) => progress.message,
            Event::Log(line) => format!("log: {line}"),
        };
        self.0.lock().expect("no panic").push(text);
    }
}

impl Heard {
    pub fn all(&self) -> Vec<String> {
        self.0.lock().expect("no panic").clone()
    }

    pub async fn wait_for(&self, text: &str) {
        for _ in 0..1000 {
            if self.all().iter().any(|said| said.contains(text)) {
                return;
            }
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
        panic!("\"{text}\" was not said in 10 s: {:?}", self.all());
    }
}
