//! What can go wrong with a network: it is not known, or it cannot be run.

use std::io;

use super::cause::Source;

/// Why a network cannot be built or run.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum NetworkError {
    /// There is no architecture of this name.
    #[error("unknown network: `{name}`")]
    UnknownArchitecture {
        /// The name asked for.
        name: String,
        /// The known name most like it.
        nearest: Option<String>,
    },
    /// The network has no layer of this name.
    #[error("`{architecture}` has no layer `{layer}`")]
    UnknownLayer {
        /// The architecture asked.
        architecture: String,
        /// The name asked for.
        layer: String,
        /// The known name most like it.
        nearest: Option<String>,
    },
    /// The picture is so small that nothing is left of it at the layer.
    #[error("a picture of {width}×{height} pixels is too small for layer `{layer}`")]
    PictureTooSmall {
        /// Its width in pixels.
        width: usize,
        /// Its height in pixels.
        height: usize,
        /// The layer with an empty map.
        layer: String,
    },
    /// A step or a layer of a network does not fit what is there before it.
    #[error("invalid network `{network}`: {place} {reason}")]
    Invalid {
        /// The network's name.
        network: String,
        /// The step, by its number, or the layer.
        place: String,
        /// What is wrong with it.
        reason: String,
    },
    /// The network cannot be run on pictures of this size.
    #[error("`{network}` cannot be run on {width}×{height} pixels: {reason}")]
    UnfitSize {
        /// The network's name.
        network: String,
        /// Height of the picture in pixels.
        height: usize,
        /// Width of the picture in pixels.
        width: usize,
        /// What meets that does not fit.
        reason: String,
    },
    /// The tensor library failed: out of device memory, for instance.
    #[error("the network failed: {source}")]
    Tensor {
        /// Why.
        source: Source,
    },
    /// The device has not the memory for so many pictures at once: of a single one, for its size.
    #[error("the device's memory does not hold it: {source}")]
    OutOfMemory {
        /// What the device said.
        source: Source,
    },
    /// The device answers no more, whatever it is asked: it was taken away, or is broken.
    #[error("the device failed: {source}")]
    DeviceLost {
        /// What it said.
        source: Source,
    },
    /// The system gives this process no thread to work in.
    #[error("the system gives no thread to work in: {source}")]
    NoThreads {
        /// Why not.
        source: io::Error,
    },
    /// A CPU runs networks in f32 alone.
    #[error("a CPU runs networks in f32, not in {precision}{why}")]
    Precision {
        /// As asked for.
        precision: String,
        /// Why it would have been a CPU, in brackets; empty if one was asked for.
        why: String,
    },
    /// The device asked for is not there, or this build cannot use it.
    #[error("cannot use device `{device}`: {reason}")]
    Device {
        /// As asked for.
        device: String,
        /// Why not.
        reason: String,
    },
}
