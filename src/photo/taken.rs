//! When a picture was taken, wherever its file says it.
//!
//! References: Exif 3.0, sections 4.6.5 and 4.6.6 (tags 0132, 9003, 9004, 9010 … 9012 and 9290 … 9292),
//! and XMP specification part 1, section 8.2.1.1 (dates). What programs write besides is read as well.

use std::fmt;

use serde::{Serialize, Serializer};

use super::directory::Directory;
use super::xmp;

/// Date, part of a second and offset: of the taking, of the digitizing, of the file.
const ORIGINAL: [u16; 3] = [0x9003, 0x9291, 0x9011];
const DIGITIZED: [u16; 3] = [0x9004, 0x9292, 0x9012];
const CHANGED: [u16; 3] = [0x0132, 0x9290, 0x9010];

/// The names under which XMP has it, the best first; `xap` is what `xmp` was called once.
const OF_XMP: [&str; 4] = [
    "exif:DateTimeOriginal",
    "photoshop:DateCreated",
    "xmp:CreateDate",
    "xap:CreateDate",
];

/// The first year of which there is a photograph, and a year beyond which a clock is wrong.
const YEARS: std::ops::RangeInclusive<u32> = 1826..=2100;

/// Bytes of a date that are looked at.
const LONGEST: usize = 64;

const OF_DAY: i64 = 86_400;

/// When a picture was taken, by the clock of its camera.
///
/// As text, and so in JSON, `2024-05-01T10:20:30.250+02:00` (ISO 8601), without the parts that its file
/// does not say.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Taken {
    /// Seconds from 1970 on to what the clock showed, as if it had shown UTC; negative before.
    pub seconds: i64,
    /// Thousandths of a second more, 0 … 999.
    pub millis: u16,
    /// Minutes by which the clock was ahead of UTC, −1439 … 1439; none where nothing says where it was.
    pub offset: Option<i16>,
}

impl Taken {
    /// Seconds from 1970 on in UTC; none where the clock's offset is not known.
    #[must_use]
    pub fn utc(&self) -> Option<i64> {
        Some(self.seconds - 60 * i64::from(self.offset?))
    }

    /// What a first directory and the one of Exif below it say.
    pub(super) fn of_directories(first: &Directory, exif: Option<&Directory>) -> Option<Self> {
        // Some programs put all tags into the first one.
        let text = |tag| {
            let in_exif = exif.and_then(|tags| tags.bytes(tag));
            in_exif.or_else(|| first.bytes(tag))
        };
        let said = |[date, part, offset]: [u16; 3]| {
            let taken = Self::of_text(text(date)?)?;
            let of_part = |said| Text(said).blanks().fraction();
            let of_offset = |said| Text(said).blanks().offset();
            Some(Self {
                millis: text(part).and_then(of_part).unwrap_or(taken.millis),
                offset: taken.offset.or_else(|| of_offset(text(offset)?)),
                ..taken
            })
        };
        said(ORIGINAL)
            .or_else(|| said(DIGITIZED))
            .or_else(|| said(CHANGED))
    }

    /// What an XMP packet says.
    pub(super) fn of_xmp(packet: &[u8]) -> Option<Self> {
        let mut names = OF_XMP.iter();
        names.find_map(|name| xmp::values(packet, name).find_map(Self::of_text))
    }

    /// A date with or without a time; of what is no date, or no date of a photo, nothing.
    fn of_text(text: &[u8]) -> Option<Self> {
        let mut text = Text(&text[..text.len().min(LONGEST)]).blanks();
        let year = text.number(4, 4)?;
        let month = text.past(b":-/.").number(1, 2)?;
        let day = text.past(b":-/.").number(1, 2)?;
        if !YEARS.contains(&year) || day == 0 || day > days_of(year, month) {
            return None;
        }
        let midnight = Self {
            seconds: OF_DAY * days_before(year, month, day),
            millis: 0,
            offset: None,
        };
        if text.past(b"T:").ends() {
            return Some(midnight);
        }
        let (hour, minute) = (text.number(1, 2)?, text.past(b":.").number(1, 2)?);
        let second = text.past(b":.").number(1, 2).unwrap_or(0);
        // 60 is a leap second; telephones have been seen to call the hour behind midnight the 24th.
        if hour > 24 || minute > 59 || second > 60 {
            return None;
        }
        let millis = text.past_one(b".,").and_then(Text::fraction);
        Some(Self {
            seconds: midnight.seconds + i64::from(hour % 24 * 3600 + minute * 60 + second),
            millis: millis.unwrap_or(0),
            offset: text.blanks().offset(),
        })
    }
}

impl fmt::Display for Taken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (year, month, day) = date_of(self.seconds.div_euclid(OF_DAY));
        let of_day = self.seconds.rem_euclid(OF_DAY);
        let (hour, minute, second) = (of_day / 3600, of_day / 60 % 60, of_day % 60);
        write!(
            f,
            "{year:04}-{month:02}-{day:02}T{hour:02}:{minute:02}:{second:02}"
        )?;
        if self.millis > 0 {
            write!(f, ".{:03}", self.millis)?;
        }
        match self.offset {
            None => Ok(()),
            Some(0) => f.write_str("Z"),
            Some(offset) => {
                let (sign, minutes) = (if offset < 0 { '-' } else { '+' }, offset.unsigned_abs());
                write!(f, "{sign}{:02}:{:02}", minutes / 60, minutes % 60)
            }
        }
    }
}

impl Serialize for Taken {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

/// What is still to be read of a text.
#[derive(Clone, Copy)]
struct Text<'a>(&'a [u8]);

impl Text<'_> {
    /// Behind blanks and zeros.
    fn blanks(self) -> Self {
        let is_blank = |byte: &u8| byte.is_ascii_whitespace() || *byte == 0;
        let start = self.0.iter().position(|byte| !is_blank(byte));
        Self(&self.0[start.unwrap_or(self.0.len())..])
    }

    /// Goes past blanks, and one of these letters among them.
    fn past(&mut self, letters: &[u8]) -> &mut Self {
        *self = self.blanks();
        self.past_one(letters);
        *self = self.blanks();
        self
    }

    /// Goes past one of these letters; none if there is none of them.
    fn past_one(&mut self, letters: &[u8]) -> Option<&mut Self> {
        let (first, rest) = self.0.split_first()?;
        if !letters.contains(first) {
            return None;
        }
        self.0 = rest;
        Some(self)
    }

    /// Whether there is no digit any more: what is not known is filled with blanks between colons.
    fn ends(&self) -> bool {
        !self.0.iter().any(u8::is_ascii_digit)
    }

    /// Digits, at least and at most so many.
    fn number(&mut self, least: usize, most: usize) -> Option<u32> {
        let digits = self.0.iter().take(most);
        let count = digits.take_while(|byte| byte.is_ascii_digit()).count();
        let (digits, rest) = self.0.split_at(count);
        let join = |number: u32, digit: &u8| 10 * number + u32::from(digit - b'0');
        let number = digits.iter().fold(0, join);
        (count >= least).then(|| {
            self.0 = rest;
            number
        })
    }

    /// All digits of a fraction, as thousandths.
    fn fraction(&mut self) -> Option<u16> {
        let count = self.0.iter().take_while(|byte| byte.is_ascii_digit());
        let (digits, rest) = self.0.split_at(count.count());
        let digit = |place: usize| digits.get(place).map_or(0, |digit| u16::from(digit - b'0'));
        self.0 = rest;
        (!digits.is_empty()).then(|| 100 * digit(0) + 10 * digit(1) + digit(2))
    }

    /// `Z`, `+02:00`, `+0200` or `+02`, in minutes.
    fn offset(mut self) -> Option<i16> {
        let (sign, rest) = self.0.split_first()?;
        self.0 = rest;
        let sign = match sign {
            b'Z' | b'z' => return Some(0),
            b'+' => 1,
            b'-' => -1,
            _ => return None,
        };
        let hours = self.number(1, 2)?;
        let minutes = self.past(b":").number(2, 2).unwrap_or(0);
        (hours < 24 && minutes < 60).then(|| sign * (60 * hours + minutes) as i16)
    }
}

/// Days of a month; 0 of what is none.
pub(crate) const fn days_of(year: u32, month: u32) -> u32 {
    match month {
        1 | 3 | 5 | 7 | 8 | 10 | 12 => 31,
        4 | 6 | 9 | 11 => 30,
        2 if year.is_multiple_of(4) && (!year.is_multiple_of(100) || year.is_multiple_of(400)) => {
            29
        }
        2 => 28,
        _ => 0,
    }
}

/// Days from 1970 on, in the Gregorian calendar: years are counted from March, so that a leap day is
/// their last (Howard Hinnant, "chrono-compatible low-level date algorithms").
pub(crate) fn days_before(year: u32, month: u32, day: u32) -> i64 {
    let year = i64::from(year) - i64::from(month <= 2);
    let of_year = (153 * ((i64::from(month) + 9) % 12) + 2) / 5 + i64::from(day) - 1;
    365 * year + year.div_euclid(4) - year.div_euclid(100) + year.div_euclid(400) + of_year
        - 719_468
}

/// Year, month and day of so many days from 1970 on, by the same source.
const fn date_of(days: i64) -> (i64, i64, i64) {
    let days = days.saturating_add(719_468);
    let (era, of_era) = (days.div_euclid(146_097), days.rem_euclid(146_097));
    let year = (of_era - of_era / 1460 + of_era / 36_524 - of_era / 146_096) / 365;
    let of_year = of_era - (365 * year + year / 4 - year / 100);
    let month = (5 * of_year + 2) / 153;
    let day = of_year - (153 * month + 2) / 5 + 1;
    let month = if month < 10 { month + 3 } else { month - 9 };
    let year = year + 400 * era + if month <= 2 { 1 } else { 0 };
    (year, month, day)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> Option<String> {
        Taken::of_text(text.as_bytes()).map(|taken| taken.to_string())
    }

    #[test]
    fn dates_are_read_as_people_write_them() {
        for (text, expected) in [
            ("2004:02:29 10:20:30", "2004-02-29T10:20:30"),
            ("2004:02:29 10:20:30\0", "2004-02-29T10:20:30"),
            (" 2004-02-29T10:20:30Z ", "2004-02-29T10:20:30Z"),
            (
                "2004-02-29T10:20:30.25+02:00",
                "2004-02-29T10:20:30.250+02:00",
            ),
            ("2004/02/29 10:20:30,1234", "2004-02-29T10:20:30.123"),
            ("2004-02-29T10:20-0930", "2004-02-29T10:20:00-09:30"),
            ("2004:02:29 10:20:30 +05", "2004-02-29T10:20:30+05:00"),
            ("2004: 2: 9  1: 2: 3", "2004-02-09T01:02:03"),
            ("20040229T102030", "2004-02-29T10:20:30"),
            ("2004:02:29", "2004-02-29T00:00:00"),
            ("2004:02:29   :  :  ", "2004-02-29T00:00:00"),
            ("2004:02:29 24:07:15", "2004-02-29T00:07:15"),
            ("2016-12-31T23:59:60Z", "2017-01-01T00:00:00Z"),
            ("1826:01:01 00:00:00", "1826-01-01T00:00:00"),
            ("2004:02:29 10:20:30+99:00", "2004-02-29T10:20:30"),
        ] {
            assert_eq!(read(text).as_deref(), Some(expected), "{text:?}");
        }
    }

    #[test]
    fn what_is_no_date_of_a_photo_says_nothing() {
        for text in [
            "",
            "0000:00:00 00:00:00",
            "    :  :     :  :  ",
            "2004:13:01 00:00:00",
            "2004:00:10 00:00:00",
            "2003:02:29 10:20:30",
            "1900:02:29 10:20:30",
            "2004:04:31 10:20:30",
            "2004:01:00 10:20:30",
            "1825:12:31 23:59:59",
            "2101:01:01 00:00:00",
            "2004:01:01 25:00:00",
            "2004:01:01 10:60:00",
            "2004:01:01 10:20:61",
            "2004:01:01 x9",
            "2004",
            "2004-02",
            "yesterday",
            "\u{ff12}004:01:01",
        ] {
            assert_eq!(read(text), None, "{text:?}");
        }
    }

    #[test]
    fn every_day_is_counted_once() {
        let mut expected = days_before(1826, 1, 1);
        assert_eq!(days_before(1970, 1, 1), 0);
        for year in YEARS {
            for month in 1..=12 {
                for day in 1..=days_of(year, month) {
                    assert_eq!(days_before(year, month, day), expected);
                    let date = (i64::from(year), i64::from(month), i64::from(day));
                    assert_eq!(date_of(expected), date);
                    expected += 1;
                }
            }
        }
    }

    #[test]
    fn an_offset_leads_to_utc_and_without_one_there_is_none() {
        let taken = |text: &str| Taken::of_text(text.as_bytes()).unwrap();
        let at = taken("1970-01-01T02:00:00+02:00");
        assert_eq!(
            (at.seconds, at.offset, at.utc()),
            (7200, Some(120), Some(0))
        );
        let at = taken("1969-12-31T23:59:59");
        assert_eq!((at.seconds, at.offset, at.utc()), (-1, None, None));
    }

    #[test]
    fn of_an_xmp_packet_the_best_name_counts() {
        let read = |packet: &str| Taken::of_xmp(packet.as_bytes()).map(|taken| taken.to_string());
        let packet = "<x xmp:CreateDate='2001-01-01' exif:DateTimeOriginalX='2003-01-01' \
            photoshop:DateCreated='0000'><exif:DateTimeOriginal>2002-02-02T01:02:03-05:00</a>";
        assert_eq!(read(packet).as_deref(), Some("2002-02-02T01:02:03-05:00"));
        let packet = "<x xmp:CreateDate='2001-01-01' photoshop:DateCreated='0000' />";
        assert_eq!(read(packet).as_deref(), Some("2001-01-01T00:00:00"));
        assert_eq!(read("<x/>"), None);
    }

    #[test]
    fn any_time_is_shown() {
        for seconds in [i64::MIN, i64::MAX, 0] {
            let (millis, offset) = (999, Some(i16::MIN));
            let taken = Taken {
                seconds,
                millis,
                offset,
            };
            assert!(taken.to_string().len() > 20);
        }
    }
}
