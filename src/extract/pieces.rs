//! As many pictures at once as a device has memory for.

use std::sync::atomic::{AtomicUsize, Ordering};

use crate::error::NetworkError;
use crate::photo::Pixels;

/// How much a device took at most, learned from what it refused.
#[derive(Debug)]
pub struct Room {
    /// Pixels at once, of all pictures together.
    pixels: AtomicUsize,
}

impl Default for Room {
    fn default() -> Self {
        Self {
            pixels: usize::MAX.into(),
        }
    }
}

impl Room {
    /// Runs pictures of one size, all at once or in pieces: what does not fit is halved until it
    /// does, and later pictures come in such pieces at once. One result for each, in order. An error
    /// of many may be one picture's, so each is tried alone to find out; but not on a lost device.
    pub fn run<T>(
        &self,
        group: &[Pixels],
        run: impl Fn(&[Pixels]) -> Result<Vec<T>, NetworkError>,
    ) -> Vec<Result<T, NetworkError>> {
        let mut results = Vec::with_capacity(group.len());
        let mut rest = group;
        while let Some(first) = rest.first() {
            let area = (first.height * first.width).max(1);
            let fitting = self.pixels.load(Ordering::Relaxed) / area;
            let (piece, after) = rest.split_at(fitting.clamp(1, rest.len()));
            match run(piece) {
                Ok(made) => results.extend(made.into_iter().map(Ok)),
                Err(NetworkError::OutOfMemory { .. }) if piece.len() > 1 => {
                    let half = piece.len() / 2 * area;
                    self.pixels.fetch_min(half, Ordering::Relaxed);
                    continue;
                }
                Err(NetworkError::DeviceLost { source }) => {
                    let said = source.to_string();
                    let lost = || NetworkError::DeviceLost {
                        source: said.clone().into(),
                    };
                    results.extend(rest.iter().map(|_| Err(lost())));
                    return results;
                }
                Err(_) if piece.len() > 1 => {
                    let alone = piece.iter().flat_map(|one| {
                        let one = std::slice::from_ref(one);
                        self.run(one, &run as &dyn Fn(&[Pixels]) -> _)
                    });
                    results.extend(alone);
                }
                Err(error) => results.push(Err(error)),
            }
            rest = after;
        }
        results
    }
}

#[cfg(test)]
mod tests {
    use std::cell::RefCell;

    use super::*;

    fn pictures(count: usize, side: usize) -> Vec<Pixels> {
        let picture = |number: usize| Pixels {
            height: side,
            width: side,
            rgb: vec![number as u8; 3 * side * side],
        };
        (0..count).map(picture).collect()
    }

    fn memory() -> NetworkError {
        NetworkError::OutOfMemory {
            source: "full".into(),
        }
    }

    /// Runs on a device that takes so many pixels, and tells how many pictures it was given each time.
    fn sizes(room: &Room, group: &[Pixels], takes: usize) -> (Vec<usize>, Vec<Option<u8>>) {
        let asked = RefCell::new(Vec::new());
        let results = room.run(group, |piece| {
            asked.borrow_mut().push(piece.len());
            let pixels: usize = piece.iter().map(|one| one.height * one.width).sum();
            if pixels > takes {
                return Err(memory());
            }
            Ok(piece.iter().map(|one| one.rgb[0]).collect())
        });
        let results = results.into_iter().map(Result::ok).collect();
        (asked.into_inner(), results)
    }

    #[test]
    fn what_does_not_fit_is_halved_until_it_does_and_stays_so() {
        let room = Room::default();
        let all: Vec<Option<u8>> = (0..32).map(Some).collect();
        // 5 pictures of 8 × 8 fit.
        let (asked, results) = sizes(&room, &pictures(32, 8), 5 * 64);
        assert_eq!(asked, [vec![32, 16, 8], vec![4; 8]].concat());
        assert_eq!(results, all);
        let (asked, results) = sizes(&room, &pictures(32, 8), 5 * 64);
        assert_eq!(asked, vec![4; 8]);
        assert_eq!(results, all);
        // Smaller ones, more at once.
        assert_eq!(sizes(&room, &pictures(32, 4), 5 * 64).0, [16, 16]);
    }

    #[test]
    fn a_picture_that_does_not_fit_by_itself_is_an_error_of_its_own() {
        let room = Room::default();
        let (asked, results) = sizes(&room, &pictures(3, 8), 63);
        assert_eq!(asked, [3, 1, 1, 1]);
        assert_eq!(results, [None; 3]);
        assert_eq!(sizes(&room, &pictures(1, 7), 63).1, [Some(0)]);
    }

    #[test]
    fn one_bad_picture_of_many_does_not_harm_the_others() {
        let bad = |piece: &[Pixels]| {
            if piece.iter().any(|one| one.rgb[0] == 2) {
                return Err(NetworkError::Tensor {
                    source: "bad".into(),
                });
            }
            Ok(piece.iter().map(|one| one.rgb[0]).collect())
        };
        let results = Room::default().run(&pictures(5, 2), bad).into_iter();
        let results: Vec<Option<u8>> = results.map(Result::ok).collect();
        assert_eq!(results, [Some(0), Some(1), None, Some(3), Some(4)]);
    }

    #[test]
    fn a_lost_device_is_asked_no_more() {
        let asked = RefCell::new(0);
        let room = Room::default();
        room.pixels.store(2 * 4, Ordering::Relaxed);
        let results = room.run(&pictures(6, 2), |piece| {
            *asked.borrow_mut() += 1;
            if piece[0].rgb[0] == 2 {
                return Err(NetworkError::DeviceLost {
                    source: "gone".into(),
                });
            }
            Ok(vec![(); piece.len()])
        });
        assert_eq!((asked.into_inner(), results.len()), (2, 6));
        assert_eq!(results.iter().filter(|result| result.is_ok()).count(), 2);
        let lost = |result: &Result<(), _>| matches!(result, Err(NetworkError::DeviceLost { .. }));
        assert!(results[2..].iter().all(lost));
    }
}
