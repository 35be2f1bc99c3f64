//! The file of a revisited set as it is written, as Python's pickle or as JSON.

use std::path::Path;

use serde::Deserialize;

use crate::bounded;
use crate::error::{EvalError, FileError, Result};
use crate::weights::pickle::{Bytes, Pickle, Value};

/// The largest file that is read: those of the paper have less than a megabyte.
const MAX_BYTES: u64 = 256 << 20;

/// A pickle names a list by a byte as often as it likes. What is made of it, in bytes, may be as much,
/// and as many times the file beside that.
const LEAST: usize = 4 << 20;
const MULTIPLE: usize = 16;
/// What a name or a judgement costs beside its bytes.
const COST: usize = 64;

#[derive(Deserialize)]
pub struct Judgements {
    pub imlist: Vec<String>,
    pub qimlist: Vec<String>,
    pub gnd: Vec<Judgement>,
}

#[derive(Deserialize)]
pub struct Judgement {
    pub bbx: Option<Vec<f32>>,
    #[serde(default)]
    pub easy: Vec<u32>,
    #[serde(default)]
    pub hard: Vec<u32>,
    #[serde(default)]
    pub junk: Vec<u32>,
}

/// Reads the file at `path`: JSON if it is named so, otherwise a pickle.
pub fn read(path: &Path) -> Result<Judgements> {
    let bytes = bounded::read(path, MAX_BYTES).map_err(FileError::read_at(path))?;
    let read = if path.extension().is_some_and(|ending| ending == "json") {
        serde_json::from_slice(&bytes).ok()
    } else {
        Unpickling::read(&bytes)
    };
    let invalid = EvalError::ground_truth_at(path, None);
    let reason = "not the ground truth of a revisited set (imlist, qimlist, gnd)";
    Ok(read.ok_or_else(|| invalid(reason))?)
}

/// A pickle that is being made into judgements.
struct Unpickling {
    pickle: Pickle,
    /// Bytes that may still be made.
    left: usize,
}

impl Unpickling {
    fn read(bytes: &[u8]) -> Option<Judgements> {
        let mut reading = Self {
            pickle: Pickle::read(&mut Bytes::new(bytes)).ok()?,
            left: LEAST + MULTIPLE * bytes.len(),
        };
        let entry = |key| reading.pickle.entry(reading.pickle.root, key);
        let (items, queries, judged) = (entry("imlist")?, entry("qimlist")?, entry("gnd")?);
        Some(Judgements {
            imlist: reading.all(items, Self::name)?,
            qimlist: reading.all(queries, Self::name)?,
            gnd: reading.all(judged, Self::judgement)?,
        })
    }

    fn spend(&mut self, bytes: usize) -> Option<()> {
        self.left = self.left.checked_sub(bytes)?;
        Some(())
    }

    /// What each item of a list is.
    fn all<T>(
        &mut self,
        list: Value,
        each: impl Fn(&mut Self, Value) -> Option<T>,
    ) -> Option<Vec<T>> {
        let len = self.pickle.items(list)?.len();
        self.spend(len * size_of::<T>())?;
        (0..len)
            .map(|at| {
                let item = *self.pickle.items(list)?.get(at)?;
                each(self, item)
            })
            .collect()
    }

    fn name(&mut self, value: Value) -> Option<String> {
        let len = self.pickle.text(value)?.len();
        self.spend(COST + len)?;
        self.pickle.text(value).map(str::to_owned)
    }

    fn judgement(&mut self, value: Value) -> Option<Judgement> {
        self.spend(COST)?;
        let bbx = match self.pickle.entry(value, "bbx") {
            None | Some(Value::None) => None,
            Some(corners) => Some(self.all(corners, |_, value| corner(value))?),
        };
        let mut list = |key| match self.pickle.entry(value, key) {
            None => Some(Vec::new()),
            Some(list) => self.all(list, |_, value| index(value)),
        };
        let (easy, hard, junk) = (list("easy")?, list("hard")?, list("junk")?);
        let is_dict = matches!(value, Value::Dict(_));
        is_dict.then_some(Judgement {
            bbx,
            easy,
            hard,
            junk,
        })
    }
}

fn corner(value: Value) -> Option<f32> {
    match value {
        Value::Float(number) => Some(number as f32),
        Value::Int(number) => Some(number as f32),
        _ => None,
    }
}

fn index(value: Value) -> Option<u32> {
    match value {
        Value::Int(number) => number.try_into().ok(),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What Python's first format, in lines, says of one query.
    const LINES: &[u8] =
        b"(dp0\nS'imlist'\np1\n(lp2\nS'a'\np3\naS'b'\np4\nasS'qimlist'\np5\n(lp6\n\
        S'q'\np7\nasS'gnd'\np8\n(lp9\n(dp10\nS'bbx'\np11\n(lp12\nF1.5\naF2\naF30.25\naI40\nas\
        S'easy'\np13\n(lp14\nI1\nasS'hard'\np15\n(lp16\nL0L\nasS'junk'\np17\n(lp18\nsas.";

    #[test]
    fn pythons_first_format_is_read_too() {
        let read = Unpickling::read(LINES).unwrap();
        assert_eq!(
            (read.imlist, read.qimlist),
            (vec!["a".to_owned(), "b".to_owned()], vec!["q".to_owned()])
        );
        let judgement = &read.gnd[0];
        assert_eq!(judgement.bbx.as_deref(), Some(&[1.5, 2.0, 30.25, 40.0][..]));
        assert_eq!(
            (
                &judgement.easy[..],
                &judgement.hard[..],
                &judgement.junk[..]
            ),
            (&[1][..], &[0][..], &[][..])
        );
    }

    /// A pickle of a dict that has this besides.
    fn with_more(value: &[u8]) -> Vec<u8> {
        let lists = b"}(X\x06\x00\x00\x00imlist]X\x07\x00\x00\x00qimlist]X\x03\x00\x00\x00gnd]";
        [lists, &b"X\x04\x00\x00\x00more"[..], value, b"u."].concat()
    }

    #[test]
    fn lists_that_are_each_twice_in_the_next_and_lists_within_lists_end_soon() {
        let twice = |n: u8| [&b"0](h"[..], &[n], b"h", &[n], b"eq", &[n + 1]].concat();
        let doubled = [b"]q\x00".to_vec(), (0..60).flat_map(twice).collect()].concat();
        let deep = [vec![b']'; 300_000], vec![b'a'; 299_999]].concat();
        for value in [&b"N"[..], &doubled, &deep] {
            assert!(Unpickling::read(&with_more(value)).is_some());
        }
        assert!(Unpickling::read(&[&deep[..], b"."].concat()).is_none());
    }

    #[test]
    fn a_list_named_again_and_again_costs_each_time() {
        let with = |times: usize| {
            let list = [&b"]q\x00("[..], &b"K\x01".repeat(2000), b"e0"].concat();
            let judged = b"}X\x04\x00\x00\x00easyh\x00sq\x010}(X\x06\x00\x00\x00imlist]\
                X\x07\x00\x00\x00qimlist]X\x03\x00\x00\x00gnd](";
            [&list[..], judged, &b"h\x01".repeat(times), b"eu."].concat()
        };
        assert_eq!(Unpickling::read(&with(100)).unwrap().gnd.len(), 100);
        assert!(Unpickling::read(&with(20_000)).is_none());
    }
}
