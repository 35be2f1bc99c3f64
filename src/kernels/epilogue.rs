//! Activations, applied to sums while they are still in registers.

use super::vector::Vector;
use crate::network::Activation;

/// What is done to a sum before it is written.
#[derive(Clone, Copy, Debug)]
pub enum Finish {
    /// Nothing but a clamp: identity, ReLU, ReLU6.
    Clamp {
        /// Lower end.
        low: f32,
        /// Upper end.
        high: f32,
    },
    /// x · min(max(x + 3, 0), 6) / 6.
    HardSwish,
    /// min(max(x + 3, 0), 6) / 6.
    HardSigmoid,
    /// x / (1 + e⁻ˣ).
    Silu,
    /// 1 / (1 + e⁻ˣ).
    Sigmoid,
    /// x · (1 + erf(x / √2)) / 2.
    Gelu,
}

impl Finish {
    /// Changes nothing.
    pub const NOTHING: Self = Self::Clamp {
        low: f32::NEG_INFINITY,
        high: f32::INFINITY,
    };

    /// The ends of the clamp; those of none where it is another activation.
    pub const fn clamp(&self) -> (f32, f32) {
        match *self {
            Self::Clamp { low, high } => (low, high),
            _ => (f32::NEG_INFINITY, f32::INFINITY),
        }
    }

    /// Whether the clamp is all.
    pub const fn is_clamp(&self) -> bool {
        matches!(self, Self::Clamp { .. })
    }
}

impl From<Activation> for Finish {
    fn from(activation: Activation) -> Self {
        match activation {
            Activation::Identity => Self::NOTHING,
            Activation::Relu => Self::Clamp {
                low: 0.0,
                high: f32::INFINITY,
            },
            Activation::Relu6 => Self::Clamp {
                low: 0.0,
                high: 6.0,
            },
            Activation::HardSwish => Self::HardSwish,
            Activation::HardSigmoid => Self::HardSigmoid,
            Activation::Silu => Self::Silu,
            Activation::Sigmoid => Self::Sigmoid,
            Activation::Gelu => Self::Gelu,
        }
    }
}

/// Applies the activation.
///
/// # Safety
/// The machine has `V`'s instructions.
#[inline(always)]
pub unsafe fn finish<V: Vector>(x: V, how: &Finish) -> V {
    // SAFETY: the caller's promise.
    unsafe {
        match *how {
            Finish::Clamp { low, high } => x.at_least(V::splat(low)).at_most(V::splat(high)),
            Finish::HardSwish => x.times(hard_sigmoid(x)),
            Finish::HardSigmoid => hard_sigmoid(x),
            Finish::Silu => x.times(V::splat(1.0).plus(exp_of_minus(x)).reciprocal()),
            Finish::Sigmoid => V::splat(1.0).plus(exp_of_minus(x)).reciprocal(),
            Finish::Gelu => gelu(x),
        }
    }
}

/// # Safety
/// As [`finish`].
#[inline(always)]
unsafe fn hard_sigmoid<V: Vector>(x: V) -> V {
    // SAFETY: the caller's promise.
    unsafe {
        let shifted = x.plus(V::splat(3.0)).at_least(V::splat(0.0));
        shifted.at_most(V::splat(6.0)).times(V::splat(1.0 / 6.0))
    }
}

/// x · Φ(x), Φ being the normal distribution: ½ + x·p(x²), with a polynomial p that is off by less
/// than 1e-6 of x · Φ(x), or of 1 where that is less. Beyond ±5.2 Φ stays at 0 or 1, where it is so
/// to within a float's precision.
///
/// # Safety
/// As [`finish`].
#[inline(always)]
unsafe fn gelu<V: Vector>(x: V) -> V {
    const END: f32 = 5.2;
    // SAFETY: the caller's promise.
    unsafe {
        let near = x.at_least(V::splat(-END)).at_most(V::splat(END));
        // The polynomial's argument is −1 … 1, where its terms do not cancel each other.
        let t = V::splat(-1.0).plus_product(near.times(near), V::splat(2.0 / (END * END)));
        let mut sum = V::splat(8.586_836_6e-4);
        for coefficient in [
            -2.503_638e-3,
            2.853_805_4e-3,
            -3.505_898_2e-3,
            7.557_666e-3,
            -1.310_319_2e-2,
            1.838_722_6e-2,
            -2.459_346e-2,
            3.190_725_3e-2,
            -3.994_129_2e-2,
            5.003_017e-2,
            -6.774_34e-2,
            0.135_949_94,
        ] {
            sum = V::splat(coefficient).plus_product(sum, t);
        }
        x.times(V::splat(0.5).plus_product(near, sum))
    }
}

/// e⁻ˣ to about 2 units in the last place: 2ⁿ·eʳ with |r| ≤ ln 2 / 2, the polynomial of Cephes'
/// `expf`. Beyond ±87 it stays at what is largest or smallest.
///
/// # Safety
/// As [`finish`].
#[inline(always)]
unsafe fn exp_of_minus<V: Vector>(x: V) -> V {
    const LN_2_HIGH: f32 = 0.693_359_4;
    const LN_2_LOW: f32 = -2.121_944_4e-4;
    // SAFETY: the caller's promise.
    unsafe {
        let x = V::splat(0.0)
            .minus(x)
            .at_least(V::splat(-87.0))
            .at_most(V::splat(87.0));
        let n = x.times(V::splat(std::f32::consts::LOG2_E)).rounded();
        let r = x
            .minus_product(n, V::splat(LN_2_HIGH))
            .minus_product(n, V::splat(LN_2_LOW));
        let mut sum = V::splat(1.987_569_1e-4);
        for coefficient in [
            1.398_199_9e-3,
            8.333_452e-3,
            4.166_579_6e-2,
            0.166_666_65,
            0.5,
            1.0,
            1.0,
        ] {
            sum = V::splat(coefficient).plus_product(sum, r);
        }
        sum.times_two_to(n)
    }
}
