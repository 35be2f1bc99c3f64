//! What runs a network, on tensors `[N, C, H, W]`. It knows no family of networks.
//!
//! On a CPU the operations are our own, since a user would take something far faster than Candle's:
//! the whole network enters Candle as one custom operation ([`cpu`]). On a GPU they are Candle's
//! ([`candle`]), which are slow on a CPU but right, and so what the others are held against. The rest
//! of the crate sees [`Runner`] alone.

mod candle;
mod cpu;
mod failure;
mod placement;

use candle_core::{CpuStorage, CustomOp1, DType, Layout, Shape, Tensor};

use self::candle::CandleNetwork;
use self::cpu::CpuNetwork;
use self::placement::Engine;
pub use self::placement::{Placement, Precision};
use crate::cores::Cores;
use crate::error::{NetworkError, Result};
use crate::kernels::Instructions;
use crate::network::{Network, Value};
use crate::weights::parameters::{Parameters, Source};

/// A network with its weights where it runs.
pub enum Runner {
    /// Our own operations.
    Cpu(Box<CpuNetwork>),
    /// Candle's.
    Candle(CandleNetwork),
}

impl Runner {
    /// Moves the weights to where it runs; `taps` are what [`Runner::run`] gives.
    pub fn load(
        network: &Network,
        source: &Source,
        taps: Vec<Value>,
        placement: &Placement,
        instructions: Instructions,
    ) -> Result<Self> {
        match placement.engine() {
            Engine::Ours => {
                let read = |step| source.step(step);
                let cpu = CpuNetwork::load(network.clone(), read, taps, instructions)?;
                Ok(Self::Cpu(Box::new(cpu)))
            }
            Engine::Candle => {
                let parameters = Parameters::load(source)?;
                let (device, dtype) = (placement.device(), placement.precision().dtype());
                let candle = CandleNetwork::load(network, parameters, taps, (device, dtype))?;
                Ok(Self::Candle(candle))
            }
        }
    }

    /// `[N, 3, H, W]` pixels to one map `[N, C, h, w]` for each tap, both f32; on a CPU in as many of
    /// `threads` threads as there are cores that no other caller has.
    pub fn run(&self, pixels: &Tensor, threads: usize) -> Result<Vec<Tensor>, NetworkError> {
        match self {
            Self::Cpu(network) => {
                let share = Cores::of_machine().take(threads);
                run_on_cpu(network, pixels, share.threads())
            }
            Self::Candle(network) => {
                let maps = network.run(pixels)?.into_iter();
                let exact = |map: Tensor| map.to_dtype(DType::F32);
                Ok(maps.map(exact).collect::<Result<_, _>>()?)
            }
        }
    }
}

fn run_on_cpu(
    network: &CpuNetwork,
    pixels: &Tensor,
    threads: usize,
) -> Result<Vec<Tensor>, NetworkError> {
    let (images, _, height, width) = pixels.dims4()?;
    let shapes = network.shapes(height, width)?;
    let all = pixels.contiguous()?;
    let all = all.apply_op1_no_bwd(&Forward { network, threads })?;
    let mut start = 0;
    let mut maps = Vec::new();
    for shape in shapes {
        let map = all.narrow(0, start, images * shape.len())?;
        maps.push(map.reshape((images, shape.channels, shape.height, shape.width))?);
        start += images * shape.len();
    }
    Ok(maps)
}

/// The network as one operation of Candle's: its output holds the maps of all taps, one after the
/// other.
struct Forward<'a> {
    network: &'a CpuNetwork,
    threads: usize,
}

impl CustomOp1 for Forward<'_> {
    fn name(&self) -> &'static str {
        "convolutional-network"
    }

    fn cpu_fwd(
        &self,
        pixels: &CpuStorage,
        layout: &Layout,
    ) -> candle_core::Result<(CpuStorage, Shape)> {
        let (_, channels, height, width) = layout.shape().dims4()?;
        if channels != 3 {
            candle_core::bail!("a network reads 3 channels of pixels, not {channels}");
        }
        let values = pixels.as_slice::<f32>()?;
        let Some((start, end)) = layout.contiguous_offsets() else {
            candle_core::bail!("a network needs contiguous pixels");
        };
        let maps = self
            .network
            .run(&values[start..end], (height, width), self.threads)
            .map_err(candle_core::Error::wrap)?;
        let shape = Shape::from(maps.len());
        Ok((CpuStorage::F32(maps), shape))
    }
}
