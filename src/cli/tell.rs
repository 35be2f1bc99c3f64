//! Lines on standard error, which may be a full disk, a closed pipe or nothing at all.

/// As `eprintln!`, which panics where nothing can be written: then nobody is told, and the work goes
/// on. Clippy refuses the others.
macro_rules! tell {
    ($($words:tt)*) => {{
        use std::io::Write as _;
        let _ = writeln!(std::io::stderr(), $($words)*);
    }};
}

pub(super) use tell;
