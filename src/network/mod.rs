//! A network written down: steps on numbered values, and names for the values worth tapping.
//!
//! This is only the declaration: no weight is loaded and nothing runs. It is enough to tell every
//! layer's shape, parameters and cost, and it is what both ways of running a network (our own
//! operations on a CPU, Candle's on a GPU) read. Family files write it down in the order of their
//! paper's table.
//!
//! A [`Network`] is made by a [`NetworkBuilder`], which checks all that does not depend on the size
//! of a picture; [`Network::check_size`] checks the rest for one size. What runs a network counts on
//! both.

mod builder;
mod convolution;
mod declaration;
mod norm;
mod shapes;
mod step;
mod value;
mod window;

pub use self::builder::NetworkBuilder;
pub use self::convolution::{Activation, Branch, Convolution, WeightNames};
pub(crate) use self::declaration::aliases;
pub use self::declaration::{Layer, Network};
pub use self::norm::{BatchNorm, LayerNorm};
pub use self::shapes::MapShape;
pub use self::step::{Operation, Step};
pub use self::value::Value;
pub use self::window::{Padding, Window};
