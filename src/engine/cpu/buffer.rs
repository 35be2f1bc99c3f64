//! Memory aligned to cache lines.

use memmap2::MmapMut;

use crate::kernels::BLOCK;
use crate::kernels::Floats;

/// Bytes of a large page. Weights of many megabytes are read from end to end for every picture, and
/// with pages of 4 KiB their addresses alone cost a few per cent.
const LARGE_PAGE: usize = 2 << 20;

#[derive(Clone, Copy)]
#[repr(C, align(64))]
struct Line([f32; BLOCK]);

/// Floats that start on a cache line; zero at first.
pub struct Buffer {
    /// What the pointer points into.
    #[cfg_attr(not(test), expect(dead_code, reason = "it is kept for the pointer"))]
    memory: Memory,
    /// The first float.
    base: *mut f32,
    len: usize,
}

/// Where a buffer's floats lie.
enum Memory {
    Lines(Vec<Line>),
    Pages(MmapMut),
}

// SAFETY: the pointer is to memory that the buffer owns.
unsafe impl Send for Buffer {}
// SAFETY: through a shared buffer its memory is only read, but for maps, whose users promise more.
unsafe impl Sync for Buffer {}

impl Buffer {
    /// At least `len` zeros.
    pub fn new(len: usize) -> Self {
        let lines = len.div_ceil(BLOCK);
        let mut memory = match large_pages(lines * size_of::<Line>()) {
            Some(pages) => Memory::Pages(pages),
            None => Memory::Lines(vec![Line([0.0; BLOCK]); lines]),
        };
        let base = match &mut memory {
            Memory::Lines(lines) => lines.as_mut_ptr().cast(),
            Memory::Pages(pages) => {
                let start = pages.as_mut_ptr();
                // The pages have room for this.
                start.wrapping_add(start.align_offset(LARGE_PAGE)).cast()
            }
        };
        let len = lines * BLOCK;
        Self { memory, base, len }
    }

    /// Whether it lies in large pages, if the system has given any.
    #[cfg(test)]
    pub const fn is_in_pages(&self) -> bool {
        matches!(self.memory, Memory::Pages(_))
    }

    /// Its floats, to be read.
    pub fn floats(&self) -> Floats {
        Floats::of(self.as_slice())
    }

    /// Its floats, to be written too, as long as it lives.
    pub fn floats_mut(&mut self) -> Floats {
        Floats::of_mut(self.as_mut_slice())
    }

    pub fn as_slice(&self) -> &[f32] {
        // SAFETY: the memory holds so many floats without anything between.
        unsafe { std::slice::from_raw_parts(self.base, self.len) }
    }

    pub fn as_mut_slice(&mut self) -> &mut [f32] {
        // SAFETY: as above, and the borrow is exclusive.
        unsafe { std::slice::from_raw_parts_mut(self.base, self.len) }
    }
}

/// Memory of its own for a buffer of several large pages, where the system has such.
fn large_pages(bytes: usize) -> Option<MmapMut> {
    #[cfg(target_os = "linux")]
    if bytes >= 2 * LARGE_PAGE {
        let pages = MmapMut::map_anon(bytes + LARGE_PAGE).ok()?;
        // Without them the memory serves as well.
        let _ = pages.advise(memmap2::Advice::HugePage);
        return Some(pages);
    }
    let _ = bytes;
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    #[expect(clippy::float_cmp, reason = "what was written is read")]
    fn small_and_large_buffers_are_aligned_zeros_that_can_be_written() {
        for len in [1, 17, 3 * LARGE_PAGE / size_of::<f32>() + 5] {
            let mut buffer = Buffer::new(len);
            assert_eq!(buffer.floats().as_ptr().align_offset(64), 0);
            assert!(buffer.as_slice().len() >= len);
            assert!(buffer.as_slice().iter().all(|value| *value == 0.0));
            buffer.as_mut_slice().fill(1.0);
            assert!(buffer.as_slice().iter().all(|value| *value == 1.0));
            assert_eq!(
                buffer.is_in_pages(),
                cfg!(target_os = "linux") && len > LARGE_PAGE / 4
            );
        }
    }
}
