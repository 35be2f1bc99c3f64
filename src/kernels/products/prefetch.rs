//! Asking for memory before it is needed.

/// Bytes that memory comes in.
const LINE: usize = 64;

/// Asks for the memory of a slice; what is done with it meanwhile does not wait.
#[inline(always)]
pub fn prefetch<T>(slice: &[T]) {
    let start = slice.as_ptr().cast::<u8>();
    for at in (0..size_of_val(slice)).step_by(LINE) {
        line(start.wrapping_add(at));
    }
}

#[cfg(target_arch = "x86_64")]
#[inline(always)]
fn line(at: *const u8) {
    use std::arch::x86_64::{_MM_HINT_T0, _mm_prefetch};
    // SAFETY: a prefetch reads nothing that the program could see, whatever the address.
    unsafe { _mm_prefetch::<_MM_HINT_T0>(at.cast()) }
}

#[cfg(target_arch = "aarch64")]
#[inline(always)]
fn line(at: *const u8) {
    // SAFETY: a prefetch reads nothing that the program could see, whatever the address.
    unsafe {
        std::arch::asm!("prfm pldl1keep, [{}]", in(reg) at, options(nostack, readonly, preserves_flags));
    }
}

#[cfg(not(any(target_arch = "x86_64", target_arch = "aarch64")))]
#[inline(always)]
fn line(_: *const u8) {}
