//! Work of decoders that ask nobody whether they are to stop.

use std::sync::mpsc::{self, RecvTimeoutError};
use std::thread;
use std::time::Duration;

use super::stop::is_asked;
use crate::caught::caught;

/// How often whoever waits for it asks.
const TICK: Duration = Duration::from_millis(50);

/// Does `work` in a thread of its own, for decoders that ask nobody: one that is told to stop leaves it
/// behind, to end when it will or with the process. None then.
///
/// # Errors
/// What a panic of it said.
pub fn apart<T: Send + 'static>(
    work: impl FnOnce() -> T + Send + 'static,
) -> Option<Result<T, String>> {
    let (sender, receiver) = mpsc::sync_channel(1);
    let started = thread::Builder::new().spawn(move || {
        // Nobody waits for it any more if this fails.
        let _ = sender.send(caught(work));
    });
    if let Err(error) = started {
        return Some(Err(error.to_string()));
    }
    loop {
        match receiver.recv_timeout(TICK) {
            Ok(done) => return Some(done),
            Err(RecvTimeoutError::Timeout) if !is_asked() => {}
            Err(_) => return None,
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;
    use std::sync::atomic::{AtomicBool, Ordering};
    use std::time::Instant;

    use super::super::stop::until;
    use super::*;

    #[test]
    fn work_apart_is_left_when_it_is_told_to_stop_and_a_panic_of_it_is_told() {
        let asked = Arc::new(AtomicBool::new(false));
        until(&asked, || {
            assert_eq!(apart(|| 5), Some(Ok(5)));
            let said = apart(|| panic!("gave up"));
            assert_eq!(said, Some(Err::<(), _>("gave up".to_owned())));
            let later = Arc::clone(&asked);
            let (release, held) = mpsc::channel::<()>();
            let begun = Instant::now();
            thread::spawn(move || later.store(true, Ordering::Relaxed));
            assert_eq!(apart(move || held.recv().is_ok()), None);
            assert!(begun.elapsed() < Duration::from_secs(30));
            drop(release);
        });
    }
}
