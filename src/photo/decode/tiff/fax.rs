//! What fax machines send: runs of white and black pixels, alone or told from the row above.
//!
//! A row that cannot be read is white from there on, and where rows begin with a mark the next one is
//! looked for, as libtiff does.
//!
//! References: ITU-T T.4 (Group 3, one- and two-dimensional), T.6 (Group 4), TIFF 6.0, section 10
//! (the same runs without marks).

use std::sync::LazyLock;

use super::super::super::stop;

/// How the rows are coded.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Scheme {
    /// Runs alone, each row from the beginning of a byte, or of two.
    Runs { of_words: bool },
    /// Rows after marks; with `is_two`, some of them told from the row above.
    Group3 { is_two: bool },
    /// All rows told from the row above, without marks.
    Group4,
}

/// The codes of the runs of 0 … 63 white pixels, then of 64, 128 … 1728.
const WHITE: &str = "00110101 000111 0111 1000 1011 1100 1110 1111 10011 10100 00111 01000 001000 \
    000011 110100 110101 101010 101011 0100111 0001100 0001000 0010111 0000011 0000100 0101000 \
    0101011 0010011 0100100 0011000 00000010 00000011 00011010 00011011 00010010 00010011 00010100 \
    00010101 00010110 00010111 00101000 00101001 00101010 00101011 00101100 00101101 00000100 \
    00000101 00001010 00001011 01010010 01010011 01010100 01010101 00100100 00100101 01011000 \
    01011001 01011010 01011011 01001010 01001011 00110010 00110011 00110100 \
    11011 10010 010111 0110111 00110110 00110111 01100100 01100101 01101000 01100111 011001100 \
    011001101 011010010 011010011 011010100 011010101 011010110 011010111 011011000 011011001 \
    011011010 011011011 010011000 010011001 010011010 011000 010011011";

/// The same of black ones.
const BLACK: &str = "0000110111 010 11 10 011 0011 0010 00011 000101 000100 0000100 0000101 0000111 \
    00000100 00000111 000011000 0000010111 0000011000 0000001000 00001100111 00001101000 00001101100 \
    00000110111 00000101000 00000010111 00000011000 000011001010 000011001011 000011001100 \
    000011001101 000001101000 000001101001 000001101010 000001101011 000011010010 000011010011 \
    000011010100 000011010101 000011010110 000011010111 000001101100 000001101101 000011011010 \
    000011011011 000001010100 000001010101 000001010110 000001010111 000001100100 000001100101 \
    000001010010 000001010011 000000100100 000000110111 000000111000 000000100111 000000101000 \
    000001011000 000001011001 000000101011 000000101100 000001011010 000001100110 000001100111 \
    0000001111 000011001000 000011001001 000001011011 000000110011 000000110100 000000110101 \
    0000001101100 0000001101101 0000001001010 0000001001011 0000001001100 0000001001101 0000001110010 \
    0000001110011 0000001110100 0000001110101 0000001110110 0000001110111 0000001010010 0000001010011 \
    0000001010100 0000001010101 0000001011010 0000001011011 0000001100100 0000001100101";

/// Of 1792, 1856 … 2560 pixels of either colour.
const LONG: &str = "00000001000 00000001100 00000001101 000000010010 000000010011 000000010100 \
    000000010101 000000010110 000000010111 000000011100 000000011101 000000011110 000000011111";

/// Bits of the longest code.
const LONGEST: usize = 13;

/// Pixels and bits of the code that begins some bits; no bits where none does.
type Codes = Vec<(u16, u8)>;

static CODES: LazyLock<[Codes; 2]> = LazyLock::new(|| [codes(WHITE), codes(BLACK)]);

fn codes(short: &str) -> Codes {
    let mut all = vec![(0, 0); 1 << LONGEST];
    let long = LONG.split_whitespace().zip((1792..).step_by(64));
    let runs = (0..64).chain((64..=1728).step_by(64));
    for (code, run) in short.split_whitespace().zip(runs).chain(long) {
        let number = code
            .bytes()
            .fold(0, |number, bit| number << 1 | usize::from(bit & 1));
        let rest = LONGEST - code.len();
        all[number << rest..(number + 1) << rest].fill((run, code.len() as u8));
    }
    all
}

/// Bits from the highest of each byte; zeros behind the last.
struct Bits<'a> {
    bytes: &'a [u8],
    at: usize,
}

impl Bits<'_> {
    fn peek(&self, count: usize) -> usize {
        let from = self.at / 8;
        let byte = |index: usize| usize::from(self.bytes.get(from + index).copied().unwrap_or(0));
        let four = byte(0) << 24 | byte(1) << 16 | byte(2) << 8 | byte(3);
        (four >> (32 - self.at % 8 - count)) & ((1 << count) - 1)
    }

    const fn is_over(&self) -> bool {
        self.at >= self.bytes.len() * 8
    }

    /// Goes behind the zeros here and the one after them; not at all where there is none.
    fn skip_mark(&mut self) -> bool {
        let begin = self.at;
        while self.peek(1) == 0 {
            if self.is_over() {
                self.at = begin;
                return false;
            }
            self.at += if self.at.is_multiple_of(8) && self.peek(8) == 0 {
                8
            } else {
                1
            };
        }
        self.at += 1;
        true
    }

    /// A run of one colour: long codes, then a short one.
    fn run(&mut self, is_black: bool) -> Option<usize> {
        let codes = &CODES[usize::from(is_black)];
        let mut sum = 0;
        loop {
            let (run, bits) = codes[self.peek(LONGEST)];
            if bits == 0 || self.is_over() {
                return None;
            }
            self.at += usize::from(bits);
            sum += usize::from(run);
            if run < 64 {
                return Some(sum);
            }
        }
    }
}

/// Bits of the mark that begins a row: eleven zeros, or more, and a one.
const MARK: usize = 11;

/// Decodes rows of `width` pixels, one bit each and 1 for black, until `packed` is full; tells how many
/// there were.
pub fn decode(bytes: &[u8], scheme: Scheme, width: usize, packed: &mut [u8]) -> usize {
    let mut bits = Bits { bytes, at: 0 };
    // Where the colour changes, in the row above and in this one.
    let (mut above, mut row) = (Vec::new(), Vec::new());
    let stride = width.div_ceil(8);
    for (index, to) in packed.chunks_exact_mut(stride).enumerate() {
        let is_plain = match scheme {
            Scheme::Runs { .. } => true,
            Scheme::Group4 => false,
            Scheme::Group3 { is_two } => begins_plain(&mut bits, is_two),
        };
        if bits.is_over() || index % 256 == 0 && stop::is_asked() {
            return index;
        }
        row.clear();
        let whole = if is_plain {
            runs(&mut bits, width, &mut row)
        } else {
            differences(&mut bits, width, &above, &mut row)
        };
        if whole.is_none() {
            match scheme {
                Scheme::Group3 { .. } => to_next_mark(&mut bits),
                _ if row.is_empty() => return index,
                Scheme::Group4 => bits.at = usize::MAX / 2,
                Scheme::Runs { .. } => {}
            }
        }
        if let Scheme::Runs { of_words } = scheme {
            bits.at = bits.at.next_multiple_of(if of_words { 16 } else { 8 });
        }
        paint(&row, width, to);
        std::mem::swap(&mut above, &mut row);
    }
    packed.len() / stride.max(1)
}

/// Goes behind the marks at the beginning of a row, and tells whether it is coded by runs alone.
fn begins_plain(bits: &mut Bits, is_two: bool) -> bool {
    let mut is_plain = true;
    let mut has_mark = false;
    while !bits.is_over() && bits.peek(MARK) == 0 {
        if !bits.skip_mark() {
            // Nothing but filling until the end.
            bits.at = bits.bytes.len() * 8;
            break;
        }
        has_mark = true;
        if is_two {
            is_plain = bits.peek(1) == 1;
            bits.at += 1;
        }
    }
    if is_two && !has_mark && !bits.is_over() {
        is_plain = bits.peek(1) == 1;
        bits.at += 1;
    }
    is_plain
}

fn to_next_mark(bits: &mut Bits) {
    while !bits.is_over() && bits.peek(MARK) != 0 {
        bits.at += 1;
    }
}

/// A row of runs alone.
fn runs(bits: &mut Bits, width: usize, row: &mut Vec<usize>) -> Option<()> {
    let (mut at, mut is_black) = (0, false);
    while at < width {
        at += bits.run(is_black)?;
        row.push(at.min(width));
        is_black = !is_black;
        check(row, width)?;
    }
    Some(())
}

/// A row has no more changes than pixels, and some runs of none.
fn check(row: &[usize], width: usize) -> Option<()> {
    (row.len() <= 2 * width + 8).then_some(())
}

/// A row told from the one above.
fn differences(bits: &mut Bits, width: usize, above: &[usize], row: &mut Vec<usize>) -> Option<()> {
    // The place before the first pixel is to the left of a change at 0.
    let (mut at, mut is_black, mut is_first) = (0, false, true);
    let mut index = 0;
    while at < width {
        check(row, width)?;
        if bits.is_over() {
            return None;
        }
        // The next change above to the right of here, from this colour to the other one.
        while index > 0 && above[index - 1] > at {
            index -= 1;
        }
        while index < above.len()
            && (above[index] < at
                || above[index] == at && !is_first
                || (index % 2 == 1) != is_black)
        {
            index += 1;
        }
        let change = |index: usize| above.get(index).copied().unwrap_or(width);
        let shift = match bits.peek(7) {
            code if code >> 6 == 0b1 => {
                bits.at += 1;
                0
            }
            code if code >> 4 == 0b011 => {
                bits.at += 3;
                1
            }
            code if code >> 4 == 0b010 => {
                bits.at += 3;
                -1
            }
            code if code >> 4 == 0b001 => {
                bits.at += 3;
                for _ in 0..2 {
                    at = (at + bits.run(is_black)?).min(width);
                    row.push(at);
                    is_black = !is_black;
                }
                is_first = false;
                continue;
            }
            code if code >> 3 == 0b0001 => {
                bits.at += 4;
                at = change(index + 1);
                is_first = false;
                continue;
            }
            code if code >> 1 == 0b00_0011 => {
                bits.at += 6;
                2
            }
            code if code >> 1 == 0b00_0010 => {
                bits.at += 6;
                -2
            }
            0b000_0011 => {
                bits.at += 7;
                3
            }
            0b000_0010 => {
                bits.at += 7;
                -3
            }
            _ => return None,
        };
        at = change(index).saturating_add_signed(shift).clamp(at, width);
        row.push(at);
        is_black = !is_black;
        is_first = false;
    }
    Some(())
}

/// Sets the black pixels: from every second change to the next one.
fn paint(row: &[usize], width: usize, to: &mut [u8]) {
    to.fill(0);
    for pair in row.chunks(2) {
        let (from, until) = (pair[0], pair.get(1).copied().unwrap_or(width));
        for at in from..until {
            if at % 8 == 0 && until - at >= 8 {
                break;
            }
            to[at / 8] |= 0x80 >> (at % 8);
        }
        let whole = from.next_multiple_of(8);
        if whole + 8 <= until {
            to[whole / 8..until / 8].fill(0xFF);
            for at in until / 8 * 8..until {
                to[at / 8] |= 0x80 >> (at % 8);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The bytes of some codes, filled up with zeros.
    fn bytes(codes: &str) -> Vec<u8> {
        let digits: Vec<u8> = codes
            .bytes()
            .filter(|byte| matches!(byte, b'0' | b'1'))
            .collect();
        let byte = |digits: &[u8]| {
            digits
                .iter()
                .enumerate()
                .map(|(at, digit)| (digit & 1) << (7 - at))
                .sum()
        };
        digits.chunks(8).map(byte).collect()
    }

    fn decoded(codes: &str, scheme: Scheme, width: usize, rows: usize) -> (usize, Vec<u8>) {
        let mut packed = vec![0; width.div_ceil(8) * rows];
        let count = decode(&bytes(codes), scheme, width, &mut packed);
        (count, packed)
    }

    const RUNS: Scheme = Scheme::Runs { of_words: false };

    #[test]
    fn runs_begin_with_white_and_rows_with_a_byte() {
        // White 2, black 3, white 3; then white 0, black 8.
        let rows = "0111 10 1000 000000  00110101 000101 00";
        assert_eq!(decoded(rows, RUNS, 8, 2), (2, vec![0b0011_1000, 0xFF]));
        let words = "0111 10 1000 000000  00110101 000101 00";
        let of_words = Scheme::Runs { of_words: true };
        assert_eq!(decoded(words, of_words, 8, 2), (2, vec![0b0011_1000, 0xFF]));
    }

    #[test]
    fn long_runs_are_sums_and_both_tables_are_free_of_prefixes() {
        // Black 1792 + 64 + 5.
        let row = "00110101 00000001000 0000001111 0011";
        let (count, packed) = decoded(row, RUNS, 1861, 1);
        assert_eq!(count, 1);
        let black: u32 = packed.iter().map(|byte| byte.count_ones()).sum();
        assert_eq!(black, 1861);
        for short in [WHITE, BLACK] {
            assert_eq!(short.split_whitespace().count(), 64 + 27);
            let filled: usize = codes(short).iter().filter(|code| code.1 > 0).count();
            let each = short.split_whitespace().chain(LONG.split_whitespace());
            assert_eq!(
                filled,
                each.map(|code| 1 << (LONGEST - code.len())).sum::<usize>()
            );
        }
    }

    #[test]
    fn rows_of_group_4_follow_the_one_above() {
        // Horizontal: white 2, black 3, then V0 to the end; the next is the same but one to the right,
        // and the third has nothing of it (pass).
        let rows = "001 0111 10 1  011 011 1  0001 1";
        let expected = vec![0b0011_1000, 0b0001_1100, 0];
        assert_eq!(decoded(rows, Scheme::Group4, 8, 3), (3, expected));
    }

    #[test]
    fn group_3_goes_on_at_the_next_mark() {
        let scheme = Scheme::Group3 { is_two: false };
        let mark = "000000000001";
        // Nine zeros begin no run: that row is white from there on.
        let rows = format!(
            "{mark} 0111 10 1000 {mark} 0111 000000000 1 {mark} 00110101 000101 {mark}{mark}"
        );
        assert_eq!(
            decoded(&rows, scheme, 8, 3),
            (3, vec![0b0011_1000, 0b0011_1111, 0xFF])
        );
        let (count, _) = decoded(&rows, scheme, 8, 9);
        assert_eq!(count, 3);
    }

    #[test]
    fn what_is_cut_off_ends_there() {
        let whole = bytes("001 0111 10 1  011 011 1  0001 1");
        for end in 0..whole.len() {
            let mut packed = [0; 3];
            assert!(decode(&whole[..end], Scheme::Group4, 8, &mut packed) <= 3);
        }
        let mut packed = [0; 30];
        assert_eq!(decode(&[], Scheme::Group4, 8, &mut packed), 0);
    }
}
