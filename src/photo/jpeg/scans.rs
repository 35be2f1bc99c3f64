//! The scans of a JPEG one after the other, and how much of the picture they bring.
//!
//! What is there is shown, as libjpeg-turbo does; how much that is is told. A block counts if all that
//! was read before it in its restart interval can be right. All blocks weigh the same, those of colour
//! as those of brightness. Of a progressive picture whose file breaks off, a block counts as whole once
//! one of its scans of other coefficients than the first has come, since later ones only refine it; and
//! with the first coefficient alone as 1/n where it becomes n×n pixels: it is one pixel then.

use super::super::stop;
use super::arithmetic::Arithmetic;
use super::baseline::{self, Codes, Sequential};
use super::colours::Colours;
use super::inverse::{self, Inverse};
use super::layout::{Component, Layout};
use super::lossless::{self, Samples};
use super::marker::{next_marker, segment};
use super::outline::Frame;
use super::planes::{self, Plane};
use super::progressive::Progressive;
use super::tables::{Scan, Tables};

/// Why there is no picture.
pub type Reason = &'static str;

/// What is to be read.
pub struct Picture<'a> {
    pub frame: &'a Frame,
    pub layout: &'a Layout,
    pub colours: Colours,
    /// The components of the first scan.
    pub first_scan: usize,
}

/// The parts of a component's blocks that came: of the first coefficients, and of others.
#[derive(Clone, Copy, Default)]
struct Came {
    means: f64,
    others: f64,
}

/// What the scans so far have brought.
struct Progress {
    tables: Tables,
    steps: Vec<Option<[i32; 64]>>,
    planes: Vec<Plane>,
    samples: Vec<Samples>,
    came: Vec<Came>,
    scans: usize,
    /// A scan did not come as a whole.
    is_cut: bool,
}

/// What became of a scan: the picture, or where the next one is looked for.
enum Step<'b> {
    Done(Vec<u8>, f64),
    On(&'b [u8]),
}

/// Pixels of eight bits, or samples that are still to become pixels; and the part of the picture that is
/// there, 0 … 1.
pub struct Brought {
    pub pixels: Vec<u8>,
    pub samples: Vec<Samples>,
    pub present: f64,
}

impl Picture<'_> {
    /// Bytes that [`Picture::read`] takes.
    pub fn bytes(&self) -> u64 {
        if self.frame.is_lossless() {
            return lossless::bytes(self.layout);
        }
        let pixels = super::canvas::Canvas::bytes(self.layout, self.colours);
        let units = (self.layout.units.0 * self.layout.units.1) as u64;
        let of_unit = self.layout.components.iter().map(|part| {
            let of_block = 2 * (inverse::last(part.size) as u64 + 1) + 8;
            (part.across * part.down) as u64 * of_block
        });
        let blocks = units * of_unit.sum::<u64>();
        pixels + if self.keeps_blocks() { blocks } else { 0 }
    }

    /// Whether blocks do not come one after the other.
    fn keeps_blocks(&self) -> bool {
        let is_plain = matches!(self.frame.marker, 0xC0 | 0xC1);
        !is_plain || self.first_scan != self.layout.components.len()
    }

    /// Reads the scans of `bytes`, which may have tables before them.
    ///
    /// # Errors
    /// Why nothing of the picture can be read.
    pub fn read(&self, bytes: &[u8], tables: Tables) -> Result<Brought, Reason> {
        let mut progress = Progress {
            tables,
            steps: vec![None; self.layout.components.len()],
            planes: Vec::new(),
            samples: Vec::new(),
            came: vec![Came::default(); self.layout.components.len()],
            scans: 0,
            is_cut: false,
        };
        let mut rest = bytes.get(2..).unwrap_or_default();
        let mut is_ended = false;
        while let Some((marker, after)) = next_marker(rest) {
            if marker == 0xD9 {
                is_ended = true;
                break;
            }
            if stop::is_asked() {
                return Err("stopped");
            }
            let Some((segment, behind)) = segment(after) else {
                break;
            };
            let step = match marker {
                0xDA => self.scan(segment, behind, &mut progress),
                _ => match progress.tables.note(marker, segment) {
                    Some(()) => Ok(Step::On(behind)),
                    None => Err("its tables are malformed"),
                },
            };
            match step {
                Ok(Step::On(next)) => rest = next,
                Ok(Step::Done(pixels, present)) => {
                    let samples = Vec::new();
                    return Ok(Brought {
                        pixels,
                        samples,
                        present,
                    });
                }
                Err(reason) if progress.scans == 0 => return Err(reason),
                Err(_) => break,
            }
        }
        self.finish(progress, is_ended)
    }

    fn finish(&self, progress: Progress, is_ended: bool) -> Result<Brought, Reason> {
        if progress.scans == 0 {
            return Err("it is cut off before the picture");
        }
        let is_all = is_ended && !progress.is_cut;
        let present = self.present(&progress.came, is_all);
        if self.frame.is_lossless() {
            return Ok(Brought {
                pixels: Vec::new(),
                samples: progress.samples,
                present,
            });
        }
        let inverses = self.inverses(&progress.steps);
        let pixels = planes::finish(&progress.planes, &inverses, self.layout, self.colours);
        Ok(Brought {
            pixels,
            samples: Vec::new(),
            present,
        })
    }

    /// Of a component that no scan has brought there are no steps, and it is grey.
    fn inverses(&self, steps: &[Option<[i32; 64]>]) -> Vec<Inverse> {
        let parts = self.layout.components.iter().zip(steps);
        let precision = self.frame.precision;
        let inverse = |(component, steps): (&Component, &Option<[i32; 64]>)| {
            Inverse::new(component.size, &steps.unwrap_or([0; 64]), precision)
        };
        parts.map(inverse).collect()
    }

    fn present(&self, came: &[Came], is_all: bool) -> f64 {
        let (mut there, mut all) = (0.0, 0.0);
        for (component, came) in self.layout.components.iter().zip(came) {
            let blocks = (component.covered.0 * component.covered.1) as f64;
            let of_mean = 1.0 / component.size.0.max(component.size.1) as f64;
            let is_whole = is_all || !self.frame.is_progressive();
            let whole = if is_whole {
                came.means
            } else {
                came.others.min(came.means)
            };
            there += blocks * (whole + (came.means - whole) * of_mean);
            all += blocks;
        }
        there / all
    }

    /// The components that a scan is about: the first of that name that it has not yet named, and that
    /// no scan has brought where a name stands for several.
    fn components(&self, scan: &Scan, came: &[Came]) -> Option<Vec<usize>> {
        let parts = &self.layout.components;
        let mut of: Vec<usize> = Vec::new();
        for (id, ..) in &scan.components {
            let named = |at: &usize| parts[*at].id == *id && !of.contains(at);
            let is_new = |at: &usize| self.frame.is_progressive() || came[*at].means == 0.0;
            let new = (0..parts.len()).find(|at| named(at) && is_new(at));
            of.push(new.or_else(|| (0..parts.len()).find(named))?);
        }
        Some(of)
    }

    fn scan<'b>(
        &self,
        segment: &[u8],
        data: &'b [u8],
        progress: &mut Progress,
    ) -> Result<Step<'b>, Reason> {
        let scan = Scan::parse(segment).ok_or("a scan's header is malformed")?;
        let of = self.components(&scan, &progress.came);
        let of = of.ok_or("a scan is of a component that it does not have")?;
        if self.frame.is_lossless() {
            return self.samples(data, &scan, &of, progress);
        }
        for component in &of {
            let steps = &mut progress.steps[*component];
            if steps.is_none() {
                let number = self.layout.components[*component].steps;
                let said = progress.tables.steps(number);
                *steps = Some(*said.ok_or("its quantization steps are missing")?);
            }
        }
        if self.frame.is_progressive() && !scan.is_progressive() {
            return Err("a scan's header is malformed");
        }
        if !self.keeps_blocks() {
            let inverses = self.inverses(&progress.steps);
            let picture = (self.layout, inverses.as_slice(), self.colours);
            let read = baseline::decode(data, (&scan, &of), &progress.tables, picture);
            let (pixels, present) = read.ok_or("a scan's codes are missing or malformed")?;
            return Ok(Step::Done(pixels, present));
        }
        if progress.planes.is_empty() {
            let plane = |component: &Component| {
                Plane::new(component, self.layout, inverse::last(component.size) + 1)
            };
            progress.planes = self.layout.components.iter().map(plane).collect();
        }
        self.blocks(data, &scan, &of, progress)
    }

    /// A scan whose blocks are kept.
    fn blocks<'b>(
        &self,
        data: &'b [u8],
        scan: &Scan,
        of: &[usize],
        progress: &mut Progress,
    ) -> Result<Step<'b>, Reason> {
        let (tables, planes) = (&progress.tables, progress.planes.as_mut_slice());
        let interval = tables.restart_interval;
        let missing = "a scan's codes are missing or malformed";
        let is_progressive = self.frame.is_progressive();
        if is_progressive && scan.band.0 > 0 && planes[of[0]].kept == 1 {
            return Ok(Step::On(data));
        }
        let (rest, came) = if self.frame.is_arithmetic() {
            let mut coder = Arithmetic::new(data, scan, tables, is_progressive);
            let came = planes::read(&mut coder, of, self.layout, interval, planes);
            (coder.rest(), came)
        } else if is_progressive {
            let mut coder = Progressive::new(data, scan, tables).ok_or(missing)?;
            let came = planes::read(&mut coder, of, self.layout, interval, planes);
            (coder.rest(), came)
        } else {
            let kept: Vec<usize> = of.iter().map(|component| planes[*component].kept).collect();
            let is_whole = kept.iter().all(|kept| *kept == 64);
            let codes = Codes::of(scan, tables, is_whole).ok_or(missing)?;
            let coder = Sequential::new(data, scan, &codes, |at| kept[at]);
            let mut coder = coder.ok_or(missing)?;
            let came = planes::read(&mut coder, of, self.layout, interval, planes);
            (coder.rest(), came)
        };
        progress.note(of, scan, came);
        Ok(Step::On(rest))
    }

    fn samples<'b>(
        &self,
        data: &'b [u8],
        scan: &Scan,
        of: &[usize],
        progress: &mut Progress,
    ) -> Result<Step<'b>, Reason> {
        if progress.samples.is_empty() {
            progress.samples = lossless::empty(self.layout);
        }
        let layout = (self.layout, self.frame.precision);
        let samples = &mut progress.samples;
        let read = lossless::read(data, (scan, of), &progress.tables, layout, samples);
        let (rest, came) = read.ok_or("a scan's codes are missing or malformed")?;
        progress.note(of, scan, came);
        Ok(Step::On(rest))
    }
}

impl Progress {
    /// A scan of the components `of` has come in this part.
    fn note(&mut self, of: &[usize], scan: &Scan, part: f64) {
        self.scans += 1;
        self.is_cut |= part < 1.0;
        for component in of {
            let came = &mut self.came[*component];
            if scan.bits.0 > 0 {
                continue;
            }
            if scan.band.0 == 0 || scan.band.1 == 0 {
                came.means = came.means.max(part);
            } else {
                came.others = came.others.max(part);
            }
        }
    }
}
