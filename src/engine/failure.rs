//! What an error of a device means for what comes next: fewer pictures at once, another device, or
//! nothing that helps.

use candle_core::Error as Failure;

use crate::error::{Error, NetworkError};

/// What drivers and libraries call a want of memory.
const OUT_OF_MEMORY: [&str; 6] = [
    "CUDA_ERROR_OUT_OF_MEMORY",
    "CUBLAS_STATUS_ALLOC_FAILED",
    "CUDNN_STATUS_ALLOC_FAILED",
    "CUDNN_STATUS_INTERNAL_ERROR_DEVICE_ALLOCATION_FAILED",
    "CUDNN_STATUS_INTERNAL_ERROR_HOST_ALLOCATION_FAILED",
    "out of memory",
];

/// After these a process can do nothing more with the device: CUDA's "sticky" errors, and a card that
/// is gone.
const LOST: [&str; 19] = [
    "CUDA_ERROR_NO_DEVICE",
    "CUDA_ERROR_DEVICE_UNAVAILABLE",
    "CUDA_ERROR_DEINITIALIZED",
    "CUDA_ERROR_NOT_INITIALIZED",
    "CUDA_ERROR_ECC_UNCORRECTABLE",
    "CUDA_ERROR_NVLINK_UNCORRECTABLE",
    "CUDA_ERROR_CONTAINED",
    "CUDA_ERROR_ILLEGAL_ADDRESS",
    "CUDA_ERROR_MISALIGNED_ADDRESS",
    "CUDA_ERROR_ILLEGAL_INSTRUCTION",
    "CUDA_ERROR_INVALID_ADDRESS_SPACE",
    "CUDA_ERROR_INVALID_PC",
    "CUDA_ERROR_HARDWARE_STACK_ERROR",
    "CUDA_ERROR_LAUNCH_FAILED",
    "CUDA_ERROR_LAUNCH_TIMEOUT",
    "CUDA_ERROR_ASSERT",
    "CUDA_ERROR_CONTEXT_IS_DESTROYED",
    "CUDA_ERROR_SYSTEM_NOT_READY",
    "CUDA_ERROR_UNKNOWN",
];

impl From<Failure> for NetworkError {
    fn from(source: Failure) -> Self {
        let said = source.to_string();
        let names = |codes: &[&str]| codes.iter().any(|code| said.contains(code));
        let (is_memory, is_lost) = (names(&OUT_OF_MEMORY), names(&LOST));
        // Behind the first line comes Candle's trace of its own calls.
        let source = match said.split_once('\n') {
            Some((first, _)) => first.trim_end().to_owned().into(),
            None => source.into(),
        };
        if is_memory {
            Self::OutOfMemory { source }
        } else if is_lost {
            Self::DeviceLost { source }
        } else {
            Self::Tensor { source }
        }
    }
}

impl From<Failure> for Error {
    fn from(source: Failure) -> Self {
        NetworkError::from(source).into()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_want_of_memory_and_a_lost_card_are_told_from_what_is_wrong_otherwise() {
        let kind = |said: &str| match NetworkError::from(Failure::Msg(said.to_owned())) {
            NetworkError::OutOfMemory { .. } => "memory",
            NetworkError::DeviceLost { .. } => "lost",
            NetworkError::Tensor { .. } => "other",
            _ => "nothing of a device",
        };
        // As cudarc prints them, beneath whatever Candle says of the place.
        let driver = "DriverError(CUDA_ERROR_OUT_OF_MEMORY, \"out of memory\")";
        assert_eq!(kind(driver), "memory");
        assert_eq!(kind(&format!("in conv2d: {driver}\n at …")), "memory");
        assert_eq!(kind("CudnnError(CUDNN_STATUS_ALLOC_FAILED)"), "memory");
        let address = "DriverError(CUDA_ERROR_ILLEGAL_ADDRESS, \"an illegal memory access\")";
        assert_eq!(kind(address), "lost");
        assert_eq!(kind("DriverError(CUDA_ERROR_UNKNOWN)"), "lost");
        assert_eq!(kind("shape mismatch in conv2d"), "other");
        assert_eq!(kind("DriverError(CUDA_ERROR_INVALID_VALUE)"), "other");
    }
}
