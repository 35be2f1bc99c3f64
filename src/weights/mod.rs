//! Files of named tensors, in the formats in which people share trained networks.
//!
//! A [`WeightsFile`] knows the tensors' names and shapes and reads the numbers of those that are
//! asked for, and no others. It does not know which network they belong to: a [`Fit`] finds where in
//! the file a network lies, and `Parameters` asks for what it needs; a [`HeadLayout`] is what somebody
//! trained behind it. The format is told by content:
//! safetensors, torch's zip, the pickle stream that torch wrote before 1.6, and Keras' HDF5, alone or
//! in its `.keras`; several of them are one where a folder or an index says so. Files come from
//! strangers: nothing in them is ever executed, and no length in them is believed before it was
//! compared with the file's.

mod contents;
mod damage;
mod file;
mod fit;
mod head;
pub mod heads;
mod keras;
mod metered;
mod numbers;
mod objects;
mod open;
mod other;
pub mod parameters;
mod part;
pub(crate) mod pickle;
mod safetensors;
mod torch;
mod torch_legacy;
mod torch_zip;
mod wanted;
mod zipped;

pub use self::file::{TensorInfo, View, WeightsFile};
pub use self::fit::Fit;
pub use self::head::{HeadLayout, HeadStep};
pub use self::part::Part;

/// Longer names, in bytes, are no network's: they are passed over, since each is looked at often.
const MAX_NAME: usize = 1000;

#[cfg(test)]
mod tests;
