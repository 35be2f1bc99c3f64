//! A decoder that is told to stop: what it reads ends with an error.

use std::cell::RefCell;
use std::io::{self, BufRead, Cursor, Read, Seek, SeekFrom};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

thread_local! {
    static ASKED: RefCell<Option<Arc<AtomicBool>>> = const { RefCell::new(None) };
}

/// Does `work` so that decoders in this thread stop when `asked` becomes true.
pub fn until<T>(asked: &Arc<AtomicBool>, work: impl FnOnce() -> T) -> T {
    let before = ASKED.replace(Some(Arc::clone(asked)));
    let done = work();
    ASKED.set(before);
    done
}

/// Whether decoders in this thread are to stop.
pub fn is_asked() -> bool {
    ASKED.with_borrow(|asked| {
        let asked = asked.as_ref();
        asked.is_some_and(|asked| asked.load(Ordering::Relaxed))
    })
}

/// The bytes of a file, until it is told to stop.
pub struct Bytes<'a>(pub Cursor<&'a [u8]>);

/// # Errors
/// If decoders in this thread are to stop.
pub fn go_on() -> io::Result<()> {
    if is_asked() {
        return Err(io::Error::other("stopped"));
    }
    Ok(())
}

impl Read for Bytes<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        go_on()?;
        // Not all at once, so that what reads a large file can be stopped in between.
        let most = buffer.len().min(1 << 20);
        self.0.read(&mut buffer[..most])
    }
}

impl BufRead for Bytes<'_> {
    fn fill_buf(&mut self) -> io::Result<&[u8]> {
        go_on()?;
        self.0.fill_buf()
    }

    fn consume(&mut self, amount: usize) {
        self.0.consume(amount);
    }
}

impl Seek for Bytes<'_> {
    fn seek(&mut self, to: SeekFrom) -> io::Result<u64> {
        self.0.seek(to)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_read_ends_when_it_is_told_to_stop_and_in_no_other_thread() {
        let asked = Arc::new(AtomicBool::new(false));
        until(&asked, || {
            let mut bytes = Bytes(Cursor::new(b"abc"));
            let mut one = [0];
            bytes.read_exact(&mut one).unwrap();
            asked.store(true, Ordering::Relaxed);
            assert!(bytes.read_exact(&mut one).is_err());
            assert!(bytes.fill_buf().is_err());
            std::thread::scope(|scope| {
                assert!(!scope.spawn(is_asked).join().unwrap());
            });
        });
        assert!(!is_asked());
    }
}
