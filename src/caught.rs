//! A panic as an error: of one photo, not of the run, and without a trace on the terminal.

use std::any::Any;
use std::cell::Cell;
use std::panic::{self, AssertUnwindSafe};
use std::sync::Once;

thread_local! {
    /// How many that catch are at work in this thread.
    static CATCHING: Cell<usize> = const { Cell::new(0) };
}

/// Does `work`, or says in one line why it gave up. What was begun then is dropped, so `work` must
/// not leave half of a change in what outlives it.
///
/// # Errors
/// What the panic said.
pub fn caught<T>(work: impl FnOnce() -> T) -> Result<T, String> {
    static QUIET: Once = Once::new();
    // Whoever set a hook keeps it for the panics that nobody catches here.
    QUIET.call_once(|| {
        let usual = panic::take_hook();
        panic::set_hook(Box::new(move |info| {
            if CATCHING.get() == 0 {
                usual(info);
            }
        }));
    });
    CATCHING.set(CATCHING.get() + 1);
    let done = panic::catch_unwind(AssertUnwindSafe(work));
    CATCHING.set(CATCHING.get() - 1);
    done.map_err(|said| in_one_line(said.as_ref()))
}

fn in_one_line(said: &(dyn Any + Send)) -> String {
    let text = said.downcast_ref::<String>().map(String::as_str);
    let text = text.or_else(|| said.downcast_ref::<&str>().copied());
    let text = text.unwrap_or("it does not say why");
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_panic_is_an_error_in_one_line_and_what_is_caught_within_stays_there() {
        assert_eq!(caught(|| 5), Ok(5));
        let said = caught(|| panic!("of {}\n  lines", 2));
        assert_eq!(said, Err::<(), _>("of 2 lines".to_owned()));
        let nothing: [u8; 0] = [];
        let outside = caught(|| {
            assert!(caught(|| nothing[nothing.len()]).is_err());
            7
        });
        assert_eq!(outside, Ok(7));
        assert_eq!(CATCHING.get(), 0);
        let odd = caught(|| panic::panic_any(3u8));
        assert_eq!(odd, Err::<(), _>("it does not say why".to_owned()));
    }
}
