//! Scans in the code of the QM coder, sequential and progressive.
//!
//! References: ITU-T T.81, annex D (the coder), F.1.4 (what it decides in a sequential scan) and G.1.3
//! (in a progressive one).

use super::decisions::{Decisions, State};
use super::planes::Coder;
use super::tables::{Scan, Tables};

/// Places in the table of a first coefficient: where sizes begin, and how far behind a size's state
/// the one of its bits is.
const DC_SIZES: usize = 20;
const BITS_BEHIND: usize = 14;
/// Where the sizes of other coefficients begin, of low and of high frequencies.
const LOW_SIZES: usize = 189;
const HIGH_SIZES: usize = 217;

/// What is remembered of each component.
struct Component {
    dc: usize,
    ac: usize,
    mean: i32,
    /// Where the states begin that are used for the next difference, by the last one.
    context: usize,
}

/// A scan.
pub struct Arithmetic<'a> {
    decisions: Decisions<'a>,
    components: Vec<Component>,
    dc: Vec<[State; 64]>,
    ac: Vec<[State; 256]>,
    small_and_large: [(u8, u8); 16],
    low: [u8; 16],
    first: usize,
    last: usize,
    bit: u8,
    refines: bool,
    is_broken: bool,
}

impl<'a> Arithmetic<'a> {
    /// The scan that begins `data`; all of each block at once if it is not `progressive`.
    pub fn new(data: &'a [u8], scan: &Scan, tables: &Tables, progressive: bool) -> Self {
        let component = |(_, dc, ac): &(u8, u8, u8)| Component {
            dc: usize::from(*dc),
            ac: usize::from(*ac),
            mean: 0,
            context: 0,
        };
        let (first, last) = if progressive { scan.band } else { (0, 63) };
        Self {
            decisions: Decisions::new(data),
            components: scan.components.iter().map(component).collect(),
            dc: vec![[State::default(); 64]; 16],
            ac: vec![[State::default(); 256]; 16],
            small_and_large: tables.small_and_large,
            low: tables.low,
            first,
            last,
            bit: if progressive { scan.bits.1 } else { 0 },
            refines: progressive && scan.bits.0 > 0,
            is_broken: false,
        }
    }

    /// What follows it.
    pub const fn rest(&self) -> &'a [u8] {
        self.decisions.rest()
    }

    fn mean(&mut self, at: usize) -> Option<i32> {
        let component = &mut self.components[at];
        let states = &mut self.dc[component.dc];
        let decisions = &mut self.decisions;
        let context = component.context;
        if !decisions.next(&mut states[context]) {
            component.context = 0;
            return Some(component.mean);
        }
        let is_negative = decisions.next(&mut states[context + 1]);
        let mut state = context + 2 + usize::from(is_negative);
        let mut size = i32::from(decisions.next(&mut states[state]));
        if size != 0 {
            state = DC_SIZES;
            while decisions.next(&mut states[state]) {
                size <<= 1;
                state += 1;
                if size == 0x8000 {
                    return None;
                }
            }
        }
        let (small, large) = self.small_and_large[component.dc];
        component.context = match size {
            _ if size < (1 << small) >> 1 => 0,
            _ if size > (1 << large) >> 1 => 12 + 4 * usize::from(is_negative),
            _ => 4 + 4 * usize::from(is_negative),
        };
        let value = decisions.value(size, &mut states[state + BITS_BEHIND], is_negative);
        component.mean = component.mean.wrapping_add(value);
        Some(component.mean)
    }

    /// The other coefficients that are not zero.
    fn others(&mut self, at: usize, values: &mut [i16], set: &mut u64) -> Option<()> {
        let number = self.components[at].ac;
        let states = &mut self.ac[number];
        let decisions = &mut self.decisions;
        let mut place = self.first.max(1);
        while place <= self.last {
            let mut state = 3 * (place - 1);
            if decisions.next(&mut states[state]) {
                break;
            }
            while !decisions.next(&mut states[state + 1]) {
                state += 3;
                place += 1;
                if place > self.last {
                    return None;
                }
            }
            let is_negative = decisions.even();
            state += 2;
            let mut size = i32::from(decisions.next(&mut states[state]));
            if size != 0 && decisions.next(&mut states[state]) {
                size <<= 1;
                state = if place <= usize::from(self.low[number]) {
                    LOW_SIZES
                } else {
                    HIGH_SIZES
                };
                while decisions.next(&mut states[state]) {
                    size <<= 1;
                    state += 1;
                    if size == 0x8000 {
                        return None;
                    }
                }
            }
            let value = decisions.value(size, &mut states[state + BITS_BEHIND], is_negative);
            *set |= 1 << place;
            if let Some(kept) = values.get_mut(place) {
                *kept = (value << self.bit) as i16;
            }
            place += 1;
        }
        Some(())
    }

    /// One more bit of them, and those that are only now set.
    fn refine(&mut self, values: &mut [i16], set: &mut u64) -> Option<()> {
        let states = &mut self.ac[self.components[0].ac];
        let decisions = &mut self.decisions;
        let value = 1i16 << self.bit;
        let known = (*set & (u64::MAX >> (63 - self.last))) | 1;
        let known_end = 63 - known.leading_zeros() as usize;
        let mut place = self.first;
        while place <= self.last {
            let mut state = 3 * (place - 1);
            if place > known_end && decisions.next(&mut states[state]) {
                break;
            }
            loop {
                let kept = values.get_mut(place);
                if *set >> place & 1 == 1 {
                    let is_larger = decisions.next(&mut states[state + 2]);
                    if let Some(kept) = kept.filter(|_| is_larger) {
                        *kept = kept.wrapping_add(kept.signum() * value);
                    }
                    break;
                }
                if decisions.next(&mut states[state + 1]) {
                    let is_negative = decisions.even();
                    *set |= 1 << place;
                    if let Some(kept) = kept {
                        *kept = if is_negative { -value } else { value };
                    }
                    break;
                }
                state += 3;
                place += 1;
                if place > self.last {
                    return None;
                }
            }
            place += 1;
        }
        Some(())
    }

    fn read(&mut self, at: usize, values: &mut [i16], set: &mut u64) -> Option<()> {
        match (self.first, self.refines) {
            (0, true) => {
                values[0] |= i16::from(self.decisions.even()) << self.bit;
                Some(())
            }
            (0, false) => {
                values[0] = (self.mean(at)? << self.bit) as i16;
                if self.last > 0 {
                    return self.others(at, values, set);
                }
                Some(())
            }
            (_, true) => self.refine(values, set),
            (_, false) => self.others(at, values, set),
        }
    }
}

impl Coder for Arithmetic<'_> {
    fn restart(&mut self, number: usize) {
        self.decisions.restart(number);
        self.is_broken = false;
        for component in &mut self.components {
            self.dc[component.dc] = [State::default(); 64];
            self.ac[component.ac] = [State::default(); 256];
            (component.mean, component.context) = (0, 0);
        }
    }

    fn is_over(&self) -> bool {
        // Behind the end there are zeros, which mean something; nothing follows an impossible decision.
        self.is_broken
    }

    fn block(&mut self, at: usize, values: &mut [i16], set: &mut u64) {
        if !self.is_broken && self.read(at, values, set).is_none() {
            self.is_broken = true;
        }
    }

    fn is_sound(&mut self) -> bool {
        !self.decisions.is_overrun() && !self.is_broken
    }
}
