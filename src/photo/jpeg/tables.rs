//! The segments that scans need: quantization, Huffman codes, restarts, components.

use super::huffman::Huffman;

/// What the segments so far have defined.
#[derive(Default)]
pub struct Tables {
    quantization: [Option<[i32; 64]>; 4],
    dc: [Option<Codes>; 4],
    ac: [Option<Codes>; 4],
    /// Units between two restart markers; 0 without.
    pub restart_interval: usize,
}

struct Codes {
    counts: [u8; 16],
    symbols: Vec<u8>,
}

impl Tables {
    /// Takes in a segment that defines something. None if it is malformed.
    pub fn note(&mut self, marker: u8, segment: &[u8]) -> Option<()> {
        match marker {
            0xC4 => self.codes(segment),
            0xDB => self.quantization(segment),
            0xDD => {
                let interval = segment.first_chunk::<2>()?;
                self.restart_interval = usize::from(u16::from_be_bytes(*interval));
                Some(())
            }
            _ => Some(()),
        }
    }

    fn codes(&mut self, mut segment: &[u8]) -> Option<()> {
        while let Some((kind, rest)) = segment.split_first() {
            let (counts, rest) = rest.split_first_chunk::<16>()?;
            let count = counts.iter().map(|count| usize::from(*count)).sum();
            let (symbols, rest) = rest.split_at_checked(count)?;
            let codes = Codes {
                counts: *counts,
                symbols: symbols.to_vec(),
            };
            let tables = if kind >> 4 == 0 {
                &mut self.dc
            } else {
                &mut self.ac
            };
            *tables.get_mut(usize::from(kind & 15))? = Some(codes);
            segment = rest;
        }
        Some(())
    }

    fn quantization(&mut self, mut segment: &[u8]) -> Option<()> {
        while let Some((kind, rest)) = segment.split_first() {
            let bytes = if kind >> 4 == 0 { 1 } else { 2 };
            let (steps, rest) = rest.split_at_checked(64 * bytes)?;
            let mut table = [0; 64];
            for (entry, step) in table.iter_mut().zip(steps.chunks_exact(bytes)) {
                *entry = step
                    .iter()
                    .fold(0, |value, byte| value << 8 | i32::from(*byte));
            }
            *self.quantization.get_mut(usize::from(kind & 15))? = Some(table);
            segment = rest;
        }
        Some(())
    }

    /// The codes of first coefficients with this number.
    pub fn dc(&self, number: u8) -> Option<Huffman> {
        let codes = self.dc.get(usize::from(number))?.as_ref()?;
        Huffman::new(&codes.counts, &codes.symbols)
    }

    /// The codes of other coefficients with this number.
    pub fn ac(&self, number: u8) -> Option<Huffman> {
        let codes = self.ac.get(usize::from(number))?.as_ref()?;
        Huffman::new(&codes.counts, &codes.symbols)
    }

    /// The quantization steps with this number, in the order of the file.
    pub fn steps(&self, number: u8) -> Option<&[i32; 64]> {
        self.quantization.get(usize::from(number))?.as_ref()
    }
}

/// What a scan header says.
pub struct Scan {
    /// For each component its identifier and its numbers of DC and AC codes.
    pub components: Vec<(u8, u8, u8)>,
    /// First and last place of its coefficients.
    pub band: (usize, usize),
    /// Bits of the coefficients that are known already (0 before their first scan) and that are
    /// left for later.
    pub bits: (u8, u8),
}

impl Scan {
    /// Reads the header in `segment`.
    pub fn parse(segment: &[u8]) -> Option<Self> {
        let (count, rest) = segment.split_first()?;
        let (components, rest) = rest.split_at_checked(2 * usize::from(*count))?;
        let [first, last, bits] = *rest.first_chunk::<3>()?;
        let component = |pair: &[u8]| (pair[0], pair[1] >> 4, pair[1] & 15);
        let scan = Self {
            components: components.chunks_exact(2).map(component).collect(),
            band: (usize::from(first), usize::from(last)),
            bits: (bits >> 4, bits & 15),
        };
        (first <= last && last < 64 && bits & 15 < 14).then_some(scan)
    }
}
