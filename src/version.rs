//! Which imgsearch this is.

use std::fmt;

use crate::kernels::Instructions;

/// A version, as `imgsearch --version` tells it and as tuned specs record it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Version {
    /// The release.
    pub release: &'static str,
    /// The first digits of the commit it was built from; nothing in a development build, or where
    /// it was not built from the repository.
    pub commit: Option<&'static str>,
    /// The instruction set that networks run in on this machine.
    pub instructions: Instructions,
}

/// This one.
#[must_use]
pub fn version() -> Version {
    Version {
        release: env!("CARGO_PKG_VERSION"),
        commit: option_env!("IMGSEARCH_COMMIT"),
        instructions: Instructions::best(),
    }
}

impl fmt::Display for Version {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let commit = self.commit.unwrap_or("unknown");
        write!(
            f,
            "{} (commit {commit}, {})",
            self.release, self.instructions
        )
    }
}
