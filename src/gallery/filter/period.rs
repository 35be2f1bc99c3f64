//! Periods of time as people write them.

use std::str::FromStr;

use crate::error::GalleryError;
use crate::photo::{days_before, days_of};

const OF_DAY: i64 = 86_400;

/// A year, a month, a day, an hour, a minute or a second, by the clock of whoever took the pictures: `2024`,
/// `2024-05`, `2024-05-01`, `2024-05-01T10`, `2024-05-01T10:00` or `2024-05-01T10:00:30`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Period {
    start: i64,
    end: i64,
}

impl Period {
    /// Its first second, from 1970 on as if the clock had shown UTC.
    #[must_use]
    pub const fn start(&self) -> i64 {
        self.start
    }

    /// The first second behind it.
    #[must_use]
    pub const fn end(&self) -> i64 {
        self.end
    }

    fn of(text: &str) -> Option<Self> {
        let (date, time) = match text.split_once(['T', 't', ' ']) {
            Some((date, time)) => (date, Some(time)),
            None => (text, None),
        };
        let mut date = date.split('-');
        let year = date.next().filter(|year| year.len() == 4);
        let year = number(year?).filter(|year| *year > 0)?;
        let (month, day) = (date.next(), date.next());
        if date.next().is_some() || (day.is_none() && time.is_some()) {
            return None;
        }
        let Some(month) = month else {
            let year = |year| OF_DAY * days_before(year, 1, 1);
            return Some(Self::between(year(number(text)?), year(number(text)? + 1)));
        };
        let month = number(month).filter(|month| (1..=12).contains(month))?;
        let Some(day) = day else {
            let start = OF_DAY * days_before(year, month, 1);
            return Some(Self::lasting(
                start,
                OF_DAY * i64::from(days_of(year, month)),
            ));
        };
        let day = number(day).filter(|day| (1..=days_of(year, month)).contains(day))?;
        let midnight = OF_DAY * days_before(year, month, day);
        match time {
            None => Some(Self::lasting(midnight, OF_DAY)),
            Some(time) => Self::of_time(midnight, time),
        }
    }

    fn of_time(midnight: i64, time: &str) -> Option<Self> {
        let mut parts = time.split(':');
        let (mut start, mut length) = (midnight, OF_DAY);
        for (seconds, most) in [(3600, 23), (60, 59), (1, 59)] {
            let Some(part) = parts.next() else {
                break;
            };
            let part = number(part).filter(|part| *part <= most)?;
            (start, length) = (start + seconds * i64::from(part), seconds);
        }
        parts.next().is_none().then(|| Self::lasting(start, length))
    }

    const fn between(start: i64, end: i64) -> Self {
        Self { start, end }
    }

    const fn lasting(start: i64, seconds: i64) -> Self {
        Self::between(start, start + seconds)
    }
}

/// Some digits; not `+5`.
fn number(text: &str) -> Option<u32> {
    let is_number = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    text.parse().ok().filter(|_| is_number && text.len() <= 4)
}

impl FromStr for Period {
    type Err = GalleryError;

    fn from_str(text: &str) -> Result<Self, GalleryError> {
        Self::of(text).ok_or_else(|| GalleryError::InvalidFilter {
            text: text.to_owned(),
            expected: "a date: 2024, 2024-05, 2024-05-01 or 2024-05-01T10:00",
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_period_is_all_that_was_named() {
        let year = 366 * OF_DAY;
        let begins = OF_DAY * days_before(2024, 1, 1);
        let march = begins + 60 * OF_DAY;
        for (text, start, length) in [
            ("2024", begins, year),
            ("2024-02", begins + 31 * OF_DAY, 29 * OF_DAY),
            ("2024-12", begins + 335 * OF_DAY, 31 * OF_DAY),
            ("2024-03-01", march, OF_DAY),
            ("2024-3-1", march, OF_DAY),
            ("2024-03-01T10", march + 36_000, 3600),
            ("2024-03-01T10:05", march + 36_300, 60),
            ("2024-03-01 10:05:07", march + 36_307, 1),
            ("1970", 0, 365 * OF_DAY),
        ] {
            let period: Period = text.parse().unwrap();
            assert_eq!(
                (period.start(), period.end()),
                (start, start + length),
                "{text}"
            );
        }
    }

    #[test]
    fn what_names_no_period_is_an_error_that_says_how_to_write_one() {
        for text in [
            "",
            "24",
            "02024",
            "2024-",
            "2024-13",
            "2024-00",
            "2023-02-29",
            "2024-05-01T",
            "2024-05T10",
            "2024-05-01T24",
            "2024-05-01T10:60",
            "2024-05-01T10:00:00:00",
            "2024-05-01-01",
            "+024",
            "2024-05-01Z",
            "yesterday",
            "0000",
            "2024-05-01T10:00Z",
        ] {
            let error = text.parse::<Period>().unwrap_err().to_string();
            assert!(error.contains("2024-05-01T10:00"), "{text}: {error}");
        }
    }
}
