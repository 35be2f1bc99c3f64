//! The segments that scans need: quantization, codes, restarts, components.

use super::huffman::Huffman;
use super::standard;

/// What the segments so far have defined.
#[derive(Clone)]
pub struct Tables {
    quantization: [Option<[i32; 64]>; 4],
    dc: [Option<Codes>; 4],
    ac: [Option<Codes>; 4],
    /// For each number the bounds of small and large differences, of the QM coder.
    pub small_and_large: [(u8, u8); 16],
    /// For each number the last place of a low frequency, of the QM coder.
    pub low: [u8; 16],
    /// Units between two restart markers; 0 without.
    pub restart_interval: usize,
}

#[derive(Clone)]
struct Codes {
    counts: [u8; 16],
    symbols: Vec<u8>,
}

impl Default for Tables {
    fn default() -> Self {
        Self {
            quantization: [None; 4],
            dc: [const { None }; 4],
            ac: [const { None }; 4],
            small_and_large: [(0, 1); 16],
            low: [5; 16],
            restart_interval: 0,
        }
    }
}

impl Tables {
    /// Takes in a segment that defines something. None if it is malformed.
    pub fn note(&mut self, marker: u8, segment: &[u8]) -> Option<()> {
        match marker {
            0xC4 => self.codes(segment),
            0xCC => self.conditions(segment),
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
        // A few bytes that are none are filling, as libjpeg-turbo takes it.
        while let Some((kind, rest)) = segment.split_first().filter(|_| segment.len() > 16) {
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

    /// DAC.
    fn conditions(&mut self, segment: &[u8]) -> Option<()> {
        for [kind, value] in segment.as_chunks::<2>().0 {
            let number = usize::from(kind & 15);
            match kind >> 4 {
                0 if value & 15 <= value >> 4 => {
                    self.small_and_large[number] = (value & 15, value >> 4);
                }
                1 => self.low[number] = *value,
                _ => return None,
            }
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

    /// The codes of first coefficients with this number; none if there are none, or no such codes.
    pub fn dc(&self, number: u8) -> Option<Huffman> {
        huffman(&self.dc, &standard::DC, number)
    }

    /// The codes of other coefficients with this number.
    pub fn ac(&self, number: u8) -> Option<Huffman> {
        huffman(&self.ac, &standard::AC, number)
    }

    /// The quantization steps with this number, in the order of the file.
    pub fn steps(&self, number: u8) -> Option<&[i32; 64]> {
        self.quantization.get(usize::from(number))?.as_ref()
    }
}

fn huffman(
    said: &[Option<Codes>; 4],
    standard: &[standard::Standard; 2],
    number: u8,
) -> Option<Huffman> {
    let number = usize::from(number);
    match said.get(number)? {
        Some(codes) => Huffman::new(&codes.counts, &codes.symbols),
        None => standard
            .get(number)
            .and_then(|(counts, symbols)| Huffman::new(counts, symbols)),
    }
}

/// What a scan header says.
#[derive(Clone, Debug)]
pub struct Scan {
    /// For each component its identifier and its numbers of DC and AC codes.
    pub components: Vec<(u8, u8, u8)>,
    /// First and last place of its coefficients; of a lossless one its predictor first.
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
        let component = |pair: &[u8; 2]| (pair[0], pair[1] >> 4, pair[1] & 15);
        let scan = Self {
            components: components
                .as_chunks::<2>()
                .0
                .iter()
                .map(component)
                .collect(),
            band: (usize::from(first), usize::from(last)),
            bits: (bits >> 4, bits & 15),
        };
        (1..=4).contains(count).then_some(scan)
    }

    /// Whether it may stand in a progressive file.
    pub fn is_progressive(&self) -> bool {
        let (first, last) = self.band;
        let is_band = match first {
            0 => last == 0,
            _ => first <= last && last < 64 && self.components.len() == 1,
        };
        is_band && self.bits.1 < 14
    }
}
