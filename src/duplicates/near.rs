//! The nearest of many points, each asked for each: a k-d tree (Bentley 1975).

use rayon::prelude::*;

/// Points of a leaf.
const LEAF: usize = 24;
/// Sums of squares are right to less than this.
const ROUNDED: f32 = 1.0001;

/// Points, in such an order that each half of a stretch lies on one side of a plane.
pub struct Tree<const D: usize> {
    points: Vec<(u32, [f32; D])>,
    /// The planes in the order of a heap: axis and place.
    planes: Vec<(u8, f32)>,
    depth: u32,
}

impl<const D: usize> Tree<D> {
    /// Of points with their numbers.
    pub fn of(mut points: Vec<(u32, [f32; D])>) -> Self {
        let mut depth = 0;
        while points.len() >> depth > LEAF {
            depth += 1;
        }
        let mut planes = vec![(0, 0.0); (1 << depth) - 1];
        split(&mut points, &mut planes, 0);
        Self {
            points,
            planes,
            depth,
        }
    }

    /// For each point the nearest others within this distance, at most so many, nearest first and equally
    /// near ones by number: `take` makes of them what is wanted.
    pub fn each<T: Send>(
        &self,
        radius: f32,
        most: usize,
        take: impl Fn(u32, &[(f32, u32)]) -> T + Sync,
    ) -> Vec<T> {
        let near = self
            .points
            .par_iter()
            .map(|(number, point)| take(*number, &self.near((*number, point), radius, most)));
        near.collect()
    }

    /// The same for one point with its number, which need not be here.
    pub fn near(
        &self,
        (number, point): (u32, &[f32; D]),
        radius: f32,
        most: usize,
    ) -> Vec<(f32, u32)> {
        let mut found = Nearest {
            found: Vec::with_capacity(most + 1),
            most,
            farthest: radius * radius,
            itself: number,
        };
        let all = Half {
            plane: 0,
            level: 0,
            stretch: (0, self.points.len()),
        };
        self.search(point, all, (&mut [0.0; D], 0.0), &mut found);
        found.found
    }

    /// `aside` is how far the point lies outside of this half along each axis, and the square of all of it:
    /// Arya and Mount, "Algorithms for fast vector quantization", 1993.
    fn search(
        &self,
        point: &[f32; D],
        half: Half,
        (aside, apart): (&mut [f32; D], f32),
        found: &mut Nearest,
    ) {
        let (start, end) = half.stretch;
        if half.level == self.depth {
            for (number, other) in &self.points[start..end] {
                let apart = point.iter().zip(other).map(|(a, b)| (a - b).powi(2)).sum();
                found.meet(apart, *number);
            }
            return;
        }
        let (axis, place) = self.planes[half.plane];
        let axis = usize::from(axis);
        let beyond = point[axis] - place;
        let middle = start + (end - start) / 2;
        let halves = [(1, (start, middle)), (2, (middle, end))].map(|(side, stretch)| Half {
            plane: 2 * half.plane + side,
            level: half.level + 1,
            stretch,
        });
        let [own, other] = if beyond < 0.0 {
            halves
        } else {
            let [below, above] = halves;
            [above, below]
        };
        self.search(point, own, (&mut *aside, apart), found);
        let before = aside[axis];
        let there = apart - before * before + beyond * beyond;
        if there <= found.farthest * ROUNDED {
            aside[axis] = beyond;
            self.search(point, other, (&mut *aside, there), found);
            aside[axis] = before;
        }
    }
}

/// The points on one side of a plane.
#[derive(Clone, Copy)]
struct Half {
    /// The number of the plane that splits them.
    plane: usize,
    level: u32,
    /// The first of them, and the one after the last.
    stretch: (usize, usize),
}

/// Splits a stretch at the median of its widest axis, and each half again, as there are planes.
fn split<const D: usize>(points: &mut [(u32, [f32; D])], planes: &mut [(u8, f32)], plane: usize) {
    if plane >= planes.len() {
        return;
    }
    let spread = |axis: usize| {
        let values = points.iter().map(|(_, point)| point[axis]);
        let (least, most) = values.fold((f32::MAX, f32::MIN), |(least, most), it| {
            (least.min(it), most.max(it))
        });
        most - least
    };
    let axis = (0..D)
        .max_by(|a, b| spread(*a).total_cmp(&spread(*b)))
        .unwrap_or(0);
    let middle = points.len() / 2;
    points.select_nth_unstable_by(middle, |a, b| {
        a.1[axis].total_cmp(&b.1[axis]).then(a.0.cmp(&b.0))
    });
    planes[plane] = (axis as u8, points[middle].1[axis]);
    let (below, above) = points.split_at_mut(middle);
    split(below, planes, 2 * plane + 1);
    split(above, planes, 2 * plane + 2);
}

struct Nearest {
    found: Vec<(f32, u32)>,
    most: usize,
    farthest: f32,
    itself: u32,
}

impl Nearest {
    fn meet(&mut self, apart: f32, number: u32) {
        if apart > self.farthest || number == self.itself {
            return;
        }
        let at = self
            .found
            .partition_point(|it| (it.0, it.1) < (apart, number));
        self.found.insert(at, (apart, number));
        if self.found.len() > self.most {
            self.found.truncate(self.most);
            self.farthest = self.found.last().map_or(self.farthest, |it| it.0);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_nearest_are_those_that_a_comparison_with_all_finds_in_any_order_of_points() {
        let mut chance = fastrand::Rng::with_seed(5);
        let mut point =
            || std::array::from_fn(|axis| (chance.f32() * 9.0).floor() / (1 + axis) as f32);
        let mut points: Vec<(u32, [f32; 4])> = (0..3000).map(|number| (number, point())).collect();
        let found = |points: &[(u32, [f32; 4])]| {
            let tree = Tree::of(points.to_vec());
            let mut found = tree.each(1.5, 10, |number, near| (number, near.to_vec()));
            found.sort_by_key(|it| it.0);
            found
        };
        let first = found(&points);
        for (number, near) in first.iter().step_by(97) {
            let own = points[*number as usize].1;
            let mut all: Vec<(f32, u32)> = points
                .iter()
                .filter(|it| it.0 != *number)
                .map(|(other, at)| {
                    let apart = own.iter().zip(at).map(|(a, b)| (a - b).powi(2)).sum();
                    (apart, *other)
                })
                .filter(|it: &(f32, u32)| it.0 <= 2.25)
                .collect();
            all.sort_by(|a, b| a.0.total_cmp(&b.0).then(a.1.cmp(&b.1)));
            all.truncate(10);
            assert_eq!(*near, all);
        }
        points.reverse();
        assert_eq!(found(&points), first);
    }
}
