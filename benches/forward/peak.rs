//! How many f32 multiply-adds a second this machine can do at most, all in registers.

use std::thread::ScopedJoinHandle;
use std::time::{Duration, Instant};

/// Chains of multiply-adds side by side: enough to hide the latency of two units.
const CHAINS: usize = 12;
/// Multiply-adds in a chain between two looks at the clock; some tenths of a millisecond.
const LENGTH: usize = 100_000;

/// The best rate of `threads` threads at once, in GFLOP/s; a multiply-add counts as two.
pub fn gflops(threads: usize, duration: Duration) -> f64 {
    std::thread::scope(|scope| {
        let threads: Vec<_> = (0..threads)
            .map(|_| scope.spawn(|| best_rate(duration)))
            .collect();
        let rates = threads.into_iter().map(ScopedJoinHandle::join);
        rates.map(|rate| rate.unwrap_or(0.0)).sum()
    })
}

/// Others may take the processor away, so the best slice counts.
fn best_rate(duration: Duration) -> f64 {
    let start = Instant::now();
    let mut best = 0f64;
    while start.elapsed() < duration {
        let slice = Instant::now();
        let lanes = chains();
        let operations = (2 * CHAINS * LENGTH * lanes) as f64;
        best = best.max(operations / slice.elapsed().as_secs_f64() / 1e9);
    }
    best
}

/// Runs the chains with the widest instructions there are; their lanes.
#[allow(unsafe_code, reason = "intrinsics, each behind its detection")]
fn chains() -> usize {
    #[cfg(target_arch = "x86_64")]
    {
        if is_x86_feature_detected!("avx512f") {
            // SAFETY: AVX-512F was just detected, and the function touches no memory of others.
            unsafe { chains_avx512() };
            return 16;
        }
        if is_x86_feature_detected!("avx2") && is_x86_feature_detected!("fma") {
            // SAFETY: AVX2 and FMA were just detected, and the function touches no memory of others.
            unsafe { chains_avx2() };
            return 8;
        }
    }
    chains_portable()
}

// No closures in these: one that is called by a function without the feature is not inlined, and
// every multiply-add becomes a call.
#[cfg(target_arch = "x86_64")]
#[target_feature(enable = "avx512f")]
fn chains_avx512() {
    use std::arch::x86_64::{_mm512_fmadd_ps, _mm512_set1_ps, _mm512_setzero_ps};
    let (factor, term) = std::hint::black_box((_mm512_set1_ps(0.5), _mm512_set1_ps(1.0)));
    let mut chains = [_mm512_setzero_ps(); CHAINS];
    for _ in 0..LENGTH {
        for sum in &mut chains {
            *sum = _mm512_fmadd_ps(*sum, factor, term);
        }
    }
    std::hint::black_box(chains);
}

#[cfg(target_arch = "x86_64")]
#[target_feature(enable = "avx2,fma")]
fn chains_avx2() {
    use std::arch::x86_64::{_mm256_fmadd_ps, _mm256_set1_ps, _mm256_setzero_ps};
    let (factor, term) = std::hint::black_box((_mm256_set1_ps(0.5), _mm256_set1_ps(1.0)));
    let mut chains = [_mm256_setzero_ps(); CHAINS];
    for _ in 0..LENGTH {
        for sum in &mut chains {
            *sum = _mm256_fmadd_ps(*sum, factor, term);
        }
    }
    std::hint::black_box(chains);
}

/// Vectors of four as every 64-bit machine has them; on Arm the compiler fuses `mul_add`.
fn chains_portable() -> usize {
    const LANES: usize = 4;
    let (factor, term) = std::hint::black_box((0.5f32, 1f32));
    let step = |sum: f32| {
        if cfg!(target_arch = "aarch64") {
            sum.mul_add(factor, term)
        } else {
            sum * factor + term
        }
    };
    let mut chains = [[0f32; LANES]; CHAINS];
    for _ in 0..LENGTH {
        chains = chains.map(|lanes| lanes.map(step));
    }
    std::hint::black_box(chains);
    LANES
}
