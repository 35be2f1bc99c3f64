//! The instruction sets there are kernels for, and which of them this machine has.

use std::sync::LazyLock;
use std::{env, fmt};

use super::table::Kernels;

/// A set of vector instructions.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Instructions {
    /// What the program was compiled for: there on every machine, and NEON on 64-bit Arm.
    Portable,
    /// AVX2 and FMA, on x86.
    Avx2,
    /// AVX-512F, on x86.
    Avx512,
}

impl fmt::Display for Instructions {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Portable if cfg!(target_arch = "aarch64") => "NEON",
            Self::Portable => "portable instructions",
            Self::Avx2 => "AVX2",
            Self::Avx512 => "AVX-512",
        })
    }
}

impl Instructions {
    /// All, the slowest first.
    const ALL: [Self; 3] = [Self::Portable, Self::Avx2, Self::Avx512];

    /// The best that may be used, whatever the machine has: `IMGSEARCH_INSTRUCTIONS=avx2` or `portable`, for
    /// whoever compares them.
    pub(super) fn most() -> Self {
        static MOST: LazyLock<Instructions> = LazyLock::new(|| {
            let named = env::var("IMGSEARCH_INSTRUCTIONS").unwrap_or_default();
            match named.as_str() {
                "portable" => Instructions::Portable,
                "avx2" => Instructions::Avx2,
                _ => Instructions::Avx512,
            }
        });
        *MOST
    }

    /// The fastest that this machine has, and that may be used.
    #[must_use]
    pub fn best() -> Self {
        let sets = Self::ALL.into_iter().take(1 + Self::most() as usize);
        let available = sets.rev().find(|set| set.is_available());
        available.unwrap_or(Self::Portable)
    }

    /// Those that this machine has, the slowest first.
    #[must_use]
    pub fn available() -> Vec<Self> {
        let all = Self::ALL.into_iter();
        all.filter(|set| set.is_available()).collect()
    }

    /// Whether this machine has them.
    #[must_use]
    pub fn is_available(self) -> bool {
        self.kernels().is_some()
    }

    /// Their kernels, if this machine can run them.
    pub(crate) fn kernels(self) -> Option<&'static Kernels> {
        match self {
            Self::Portable => Some(&super::portable::KERNELS),
            #[cfg(target_arch = "x86_64")]
            Self::Avx2 => (is_x86_feature_detected!("avx2") && is_x86_feature_detected!("fma"))
                .then_some(&super::avx2::KERNELS),
            #[cfg(target_arch = "x86_64")]
            Self::Avx512 => (is_x86_feature_detected!("avx512f") && Self::Avx2.kernels().is_some())
                .then_some(&super::avx512::KERNELS),
            #[allow(
                unreachable_patterns,
                reason = "which are left depends on the processor"
            )]
            _ => None,
        }
    }
}
