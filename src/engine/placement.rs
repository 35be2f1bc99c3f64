//! Where a network runs, and in which numbers.

use std::fmt;
use std::str::FromStr;

use candle_core::{DType, Device};
use serde::{Deserialize, Serialize};

use crate::caught::caught;
use crate::error::NetworkError;

/// The numbers in which a network is run on a GPU. Descriptors are f32 whatever it is, and those of
/// all three may meet: their cosine is at least .9999 in f16.
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize,
)]
#[serde(rename_all = "lowercase")]
pub enum Precision {
    /// 32 bits, as the weights are.
    #[default]
    F32,
    /// 16 bits, 11 of them for the digits: up to 65,504.
    F16,
    /// 16 bits, 8 of them for the digits: as large as f32.
    Bf16,
}

impl Precision {
    pub(super) const fn dtype(self) -> DType {
        match self {
            Self::F32 => DType::F32,
            Self::F16 => DType::F16,
            Self::Bf16 => DType::BF16,
        }
    }
}

impl fmt::Display for Precision {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::F32 => "f32",
            Self::F16 => "f16",
            Self::Bf16 => "bf16",
        })
    }
}

impl FromStr for Precision {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, &'static str> {
        let all = [Self::F32, Self::F16, Self::Bf16];
        let found = all.into_iter().find(|one| one.to_string() == text);
        found.ok_or("a precision is none of f32, f16, bf16")
    }
}

/// Where a network runs, ready to be used.
#[derive(Clone, Debug)]
pub struct Placement {
    name: String,
    device: Device,
    precision: Precision,
    engine: Engine,
    /// Why there is no GPU, where any was asked for.
    without_gpu: Option<String>,
    /// Whether whoever asked takes a CPU where a GPU fails.
    is_any: bool,
}

/// Whose operations run it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Engine {
    Ours,
    Candle,
}

impl Placement {
    /// On the CPU, by our own operations, in f32.
    #[must_use]
    pub fn cpu() -> Self {
        Self {
            name: "cpu".to_owned(),
            device: Device::Cpu,
            precision: Precision::F32,
            engine: Engine::Ours,
            without_gpu: None,
            is_any: false,
        }
    }

    /// On a device: `cpu`; `cuda` or `cuda:N`, the N-th GPU; `auto`, a GPU where there is one that
    /// this build can use, and the CPU otherwise, as well as when the GPU fails later; `candle`, the
    /// way of a GPU, Candle's operations on full batches, on the CPU: slow, without bf16, and for trying
    /// it out.
    ///
    /// # Errors
    /// [`NetworkError::Device`] if it is not there or this build cannot use it;
    /// [`NetworkError::Precision`] for another precision than f32 on a CPU.
    pub fn open(name: &str, precision: Precision) -> Result<Self, NetworkError> {
        if name == "auto" {
            let (gpu, cpu) = (Self::on_gpu("cuda", 0, precision), Self::cpu());
            let found = match gpu {
                Ok(gpu) => gpu,
                Err(_) if cfg!(not(feature = "cuda")) => cpu,
                Err(error) => Self {
                    without_gpu: Some(error.to_string()),
                    ..cpu
                },
            };
            return Self {
                is_any: true,
                ..found
            }
            .checked(precision);
        }
        let (kind, number) = name.split_once(':').unwrap_or((name, "0"));
        let opened = match (kind, number.parse()) {
            ("cpu", Ok(0)) => Self::cpu(),
            ("cuda", Ok(number)) => Self::on_gpu(name, number, precision)?,
            ("candle", Ok(0)) => Self {
                name: name.to_owned(),
                // It has no other ones on a CPU.
                precision: precision.min(Precision::F16),
                engine: Engine::Candle,
                ..Self::cpu()
            },
            _ => {
                return Err(NetworkError::Device {
                    device: name.to_owned(),
                    reason: "devices are auto, cpu, cuda and cuda:N".to_owned(),
                });
            }
        };
        opened.checked(precision)
    }

    /// The way of a GPU, where any device was asked for.
    #[cfg(test)]
    pub(crate) fn any_by_candle() -> Self {
        let candle = Self::open("candle", Precision::F32);
        Self {
            is_any: true,
            ..candle.unwrap()
        }
    }

    fn on_gpu(name: &str, number: usize, precision: Precision) -> Result<Self, NetworkError> {
        let failed = |reason: String| NetworkError::Device {
            device: name.to_owned(),
            reason,
        };
        if cfg!(not(feature = "cuda")) {
            return Err(failed(
                "this build has no CUDA: it was built without the feature `cuda`".to_owned(),
            ));
        }
        // What looks for the driver's library panics where there is none.
        let opened = caught(|| Device::new_cuda(number));
        let opened = opened.map_err(|_| failed("NVIDIA's driver is not installed".to_owned()))?;
        Ok(Self {
            name: format!("cuda:{number}"),
            device: opened.map_err(|error| failed(explained(&error.to_string())))?,
            precision,
            engine: Engine::Candle,
            ..Self::cpu()
        })
    }

    fn checked(self, wanted: Precision) -> Result<Self, NetworkError> {
        if self.precision == wanted {
            return Ok(self);
        }
        let why = self.without_gpu.map(|reason| format!(" ({reason})"));
        Err(NetworkError::Precision {
            precision: wanted.to_string(),
            why: why.unwrap_or_default(),
        })
    }

    /// `cpu`, `cuda:N` or `candle`.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// In which numbers.
    #[must_use]
    pub const fn precision(&self) -> Precision {
        self.precision
    }

    /// Whether pictures are best run many at once: on a GPU. A CPU is fastest one by one, with the
    /// maps still in its cache.
    #[must_use]
    pub fn takes_batches(&self) -> bool {
        self.engine == Engine::Candle
    }

    /// Whether whoever asked for it takes a CPU where it fails.
    #[must_use]
    pub fn falls_back(&self) -> bool {
        self.is_any && self.takes_batches()
    }

    /// Why it is a CPU, where any device was asked for and this build could use a GPU.
    #[must_use]
    pub fn without_gpu(&self) -> Option<&str> {
        self.without_gpu.as_deref()
    }

    /// Candle's device, where tensors have to lie that it takes.
    #[must_use]
    pub const fn device(&self) -> &Device {
        &self.device
    }

    pub(super) const fn engine(&self) -> Engine {
        self.engine
    }
}

/// What CUDA's commonest refusals mean.
fn explained(reason: &str) -> String {
    const MEANINGS: [(&str, &str); 5] = [
        ("CUDA_ERROR_NO_DEVICE", "there is no NVIDIA GPU"),
        (
            "CUDA_ERROR_INVALID_DEVICE",
            "there is no GPU of this number",
        ),
        (
            "CUDA_ERROR_SYSTEM_DRIVER_MISMATCH",
            "NVIDIA's driver and its library are of different versions",
        ),
        (
            "CUDA_ERROR_INSUFFICIENT_DRIVER",
            "NVIDIA's driver is older than the CUDA that this build wants",
        ),
        (
            "CUDA_ERROR_STUB_LIBRARY",
            "NVIDIA's driver is not installed, only a stub of its library",
        ),
    ];
    let known = MEANINGS.iter().find(|(code, _)| reason.contains(code));
    known.map_or_else(
        || reason.to_owned(),
        |(_, meaning)| format!("{meaning}: {reason}"),
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cpu_refuses_other_precisions_with_a_word() {
        for device in ["cpu", "cpu:0"] {
            for precision in [Precision::F16, Precision::Bf16] {
                let refused = Placement::open(device, precision).unwrap_err();
                assert!(matches!(refused, NetworkError::Precision { .. }));
                let said = refused.to_string();
                assert!(said.contains(&precision.to_string()), "{said}");
            }
        }
        let candle = Placement::open("candle", Precision::F16).unwrap();
        assert_eq!(candle.precision(), Precision::F16);
        assert!(Placement::open("candle", Precision::Bf16).is_err());
    }

    #[test]
    fn any_device_is_a_cpu_where_there_is_no_gpu() {
        if Placement::open("cuda", Precision::F32).is_ok() {
            return;
        }
        let any = Placement::open("auto", Precision::F32).unwrap();
        assert!(!any.takes_batches() && !any.falls_back());
        assert_eq!(any.name(), "cpu");
        assert_eq!(any.without_gpu().is_some(), cfg!(feature = "cuda"));
        assert!(Placement::open("auto", Precision::F16).is_err());
    }

    #[test]
    fn what_is_no_device_is_refused_and_a_build_without_cuda_says_so() {
        for name in ["", "gpu", "cpu:1", "cuda:x", "candle:2", "metal"] {
            let refused = Placement::open(name, Precision::F32).unwrap_err();
            assert!(refused.to_string().contains("cuda:N"), "{refused}");
        }
        if cfg!(not(feature = "cuda")) {
            let refused = Placement::open("cuda:3", Precision::F32).unwrap_err();
            assert!(refused.to_string().contains("feature `cuda`"), "{refused}");
        }
    }
}
