use tokio::signal::unix::{SignalKind, signal};

use mprov_sdk::Diagnostic;

use crate::engine::Stop;

use super::failure::Failure;

/// Listens for Ctrl-C and the request to end (SIGTERM): the first lets running steps finish, the
/// second stops waiting for them.
///
/// # Errors
/// The system gives no way to listen.
pub fn listen(stop: &Stop) -> Result<(), Failure> {
    let cannot = |error: std::io::Error| {
        Diagnostic::error(3004, format!("signals cannot be listened for: {error}"))
            .detail("Nothing was done: without this an interruption could not be recorded.")
    };
    let mut interrupt = signal(SignalKind::interrupt()).map_err(cannot)?;
    let mut terminate = signal(SignalKind::terminate()).map_err(cannot)?;
    let stop = stop.clone();
    tokio::spawn(async move {
        loop {
            tokio::select! {
                heard = interrupt.recv() => if heard.is_none() { return },
                heard = terminate.recv() => if heard.is_none() { return },
            }
            heard(&stop);
        }
    });
    Ok(())
}

fn heard(stop: &Stop) {
    match stop.gently.is_cancelled() {
        false => stop.gently.cancel(),
        true => stop.now.cancel(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_stops_gently_and_the_second_at_once() {
        let stop = Stop::default();
        heard(&stop);
        assert!(stop.gently.is_cancelled() && !stop.now.is_cancelled());
        heard(&stop);
        assert!(stop.now.is_cancelled());
    }
}
