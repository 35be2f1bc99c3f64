//! One budget of memory for all pictures that are being decoded.
//!
//! A file of a megabyte can hold a picture of two gigabytes. Whoever decodes takes its share first and
//! waits until there is room; what is larger than the whole budget is refused by name, before anything
//! is allocated.

use std::cell::Cell;
use std::fs;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Condvar, LazyLock, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use super::stop;

/// Where nobody can be asked what there is, in bytes.
const USUAL: u64 = 2 << 30;
/// However little there is, an ordinary photo fits, in bytes.
const LEAST: u64 = 256 << 20;

/// How often whoever waits asks whether it is to stop.
const TICK: Duration = Duration::from_millis(100);

thread_local! {
    /// Bytes that this thread has a share of. It does not wait for more: it would wait for itself.
    static HELD: Arc<AtomicU64> = Arc::default();
    /// The most that they were.
    static MOST: Cell<u64> = const { Cell::new(0) };
}

/// The most bytes that this thread had shares of at once since it was last asked: whether decoders keep to
/// their shares is a question of the tests.
#[doc(hidden)]
#[must_use]
pub fn most_held() -> u64 {
    MOST.replace(HELD.with(|held| held.load(Ordering::Relaxed)))
}

/// Memory to be shared out.
#[derive(Debug)]
pub struct Budget {
    total: u64,
    free: Mutex<u64>,
    freed: Condvar,
}

/// Bytes of the budget, until it is dropped.
#[derive(Debug)]
pub struct Share {
    budget: &'static Budget,
    bytes: u64,
    /// What the thread that took it has a share of.
    held: Arc<AtomicU64>,
}

impl Budget {
    /// So many bytes.
    pub const fn new(total: u64) -> Self {
        Self {
            total,
            free: Mutex::new(total),
            freed: Condvar::new(),
        }
    }

    /// Half of what this process may still take when it is first asked.
    pub fn of_machine() -> &'static Self {
        static BUDGET: LazyLock<Budget> = LazyLock::new(|| {
            let half = available().map_or(USUAL, |bytes| bytes / 2);
            Budget::new(half.max(LEAST))
        });
        &BUDGET
    }

    /// All of it, in bytes.
    pub const fn total(&self) -> u64 {
        self.total
    }

    /// A share of so many bytes, when there are as many; none if there never will be.
    pub fn take(&'static self, bytes: u64) -> Option<Arc<Share>> {
        if bytes > self.total {
            return None;
        }
        let held = HELD.with(Arc::clone);
        let mut free = self.free();
        // Who is told to stop meanwhile goes on, and stops at the first byte that it reads.
        while *free < bytes && held.load(Ordering::Relaxed) == 0 && !stop::is_asked() {
            let waited = self.freed.wait_timeout(free, TICK);
            free = waited.unwrap_or_else(PoisonError::into_inner).0;
        }
        // A thread that has a share already may take more than there is, for a moment.
        let bytes = bytes.min(*free);
        *free -= bytes;
        drop(free);
        let now = held.fetch_add(bytes, Ordering::Relaxed) + bytes;
        MOST.set(MOST.get().max(now));
        Some(Arc::new(Share {
            budget: self,
            bytes,
            held,
        }))
    }

    fn free(&self) -> MutexGuard<'_, u64> {
        self.free.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Share {
    fn drop(&mut self) {
        self.held.fetch_sub(self.bytes, Ordering::Relaxed);
        *self.budget.free() += self.bytes;
        self.budget.freed.notify_all();
    }
}

/// Bytes that this process may still take: of the machine's memory, of its control group's and of its
/// address space the least. None where the system does not say.
fn available() -> Option<u64> {
    let read = |path: &str| fs::read_to_string(path).unwrap_or_default();
    let of_machine = field(&read("/proc/meminfo"), "MemAvailable:").map(|kib| kib * 1024);
    let group = |limit: &str, used: &str| {
        let number = |path: &str| read(path).trim().parse::<u64>().ok();
        Some(number(limit)?.saturating_sub(number(used)?))
    };
    let of_group = group("/sys/fs/cgroup/memory.max", "/sys/fs/cgroup/memory.current");
    let of_older_group = group(
        "/sys/fs/cgroup/memory/memory.limit_in_bytes",
        "/sys/fs/cgroup/memory/memory.usage_in_bytes",
    );
    let used = field(&read("/proc/self/status"), "VmSize:").map_or(0, |kib| kib * 1024);
    let of_space = field(&read("/proc/self/limits"), "Max address space");
    let of_space = of_space.map(|bytes| bytes.saturating_sub(used));
    let all = [of_machine, of_group, of_older_group, of_space];
    all.into_iter().flatten().min()
}

/// The number behind a name; none if it is no number (`unlimited`).
fn field(text: &str, name: &str) -> Option<u64> {
    let line = text.lines().find_map(|line| line.strip_prefix(name))?;
    line.split_whitespace().next()?.parse().ok()
}

#[cfg(test)]
mod tests {
    use std::thread;

    use std::sync::atomic::AtomicBool;

    use super::*;

    #[test]
    fn all_at_once_never_have_more_than_there_is_and_all_get_theirs() {
        static BUDGET: Budget = Budget::new(100);
        let (now, most, done) = (AtomicU64::new(0), AtomicU64::new(0), AtomicU64::new(0));
        thread::scope(|scope| {
            for thread in 0..8 {
                let (now, most, done) = (&now, &most, &done);
                scope.spawn(move || {
                    for turn in 0..50 {
                        let wanted = 1 + (thread * 31 + turn * 17) % 100;
                        let share = BUDGET.take(wanted).unwrap();
                        let taken = now.fetch_add(wanted, Ordering::SeqCst) + wanted;
                        most.fetch_max(taken, Ordering::SeqCst);
                        thread::yield_now();
                        now.fetch_sub(wanted, Ordering::SeqCst);
                        drop(share);
                        done.fetch_add(1, Ordering::SeqCst);
                    }
                });
            }
        });
        assert_eq!(done.into_inner(), 400);
        assert!(most.into_inner() <= 100);
        assert_eq!(*BUDGET.free(), 100);
    }

    #[test]
    fn what_never_fits_is_refused_and_a_thread_does_not_wait_for_itself() {
        static BUDGET: Budget = Budget::new(100);
        assert!(BUDGET.take(101).is_none());
        let first = BUDGET.take(80).unwrap();
        let second = BUDGET.take(80).unwrap();
        // Wherever it is given back, the thread that took it may wait again.
        thread::scope(|scope| scope.spawn(move || drop((first, second))).join()).unwrap();
        assert_eq!(*BUDGET.free(), 100);
        assert_eq!(HELD.with(|held| held.load(Ordering::Relaxed)), 0);
    }

    #[test]
    fn what_the_system_says_is_read() {
        let status = "Name:\tx\nVmSize:\t   2048 kB\n";
        assert_eq!(field(status, "VmSize:"), Some(2048));
        let limits = "Max address space         unlimited            unlimited            bytes\n";
        assert_eq!(field(limits, "Max address space"), None);
        let limits = "Max address space         6442450944           unlimited            bytes\n";
        assert_eq!(field(limits, "Max address space"), Some(6_442_450_944));
        assert!(Budget::of_machine().total() >= LEAST);
    }

    #[test]
    fn who_waits_for_memory_hears_that_it_is_to_stop() {
        static BUDGET: Budget = Budget::new(10);
        let held = BUDGET.take(10).unwrap();
        thread::scope(|scope| {
            let asked = Arc::new(AtomicBool::new(false));
            let waiter = scope.spawn({
                let asked = Arc::clone(&asked);
                move || stop::until(&asked, || BUDGET.take(10).map(|share| share.bytes))
            });
            thread::sleep(Duration::from_millis(20));
            asked.store(true, Ordering::Relaxed);
            assert_eq!(waiter.join().unwrap(), Some(0));
        });
        drop(held);
        assert_eq!(*BUDGET.free(), 10);
    }
}
