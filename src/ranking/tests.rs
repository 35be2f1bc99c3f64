use proptest::prelude::*;

use super::*;
use crate::descriptor::dot;
use crate::error::DescriptorError;

fn expansion() -> impl Strategy<Value = Option<Expansion>> {
    let some = (1..=MOST_NEIGHBORS, 0u32..1000).prop_map(|(neighbors, tenths)| Expansion {
        neighbors,
        alpha: tenths as f32 / 10.0,
    });
    prop::option::of(some)
}

fn ranking() -> impl Strategy<Value = Ranking> {
    let count = || prop::option::of(1..=MOST_NEIGHBORS);
    let reciprocal = (1..=MOST_NEIGHBORS, 1..=MOST_NEIGHBORS, 0u16..=100);
    let reciprocal = reciprocal.prop_map(|(k1, k2, hundredths)| KReciprocal {
        k1,
        k2,
        lambda: f32::from(hundredths) / 100.0,
    });
    let centre = prop::option::of((1u16..=100).prop_map(|share| f32::from(share) / 100.0));
    let parts = (
        centre,
        expansion(),
        expansion(),
        count(),
        prop::option::of(reciprocal),
        count(),
    );
    parts.prop_map(
        |(centre, augment, expand, csls, k_reciprocal, keep_first)| Ranking {
            centre,
            augment,
            expand,
            csls,
            k_reciprocal,
            keep_first,
        },
    )
}

proptest! {
    #[test]
    fn a_printed_ranking_parses_to_itself(ranking in ranking()) {
        prop_assert_eq!(ranking.to_string().parse::<Ranking>().unwrap(), ranking);
    }
}

#[test]
fn malformed_rankings_are_errors_that_name_the_part() {
    for (text, wrong) in [
        ("", ""),
        ("augment", "augment"),
        ("augment=0", "augment=0"),
        ("augment=3,expand=x", "expand=x"),
        ("augment=3,augment=4", "augment=4"),
        ("augment=1001", "augment=1001"),
        ("expand=3^-1", "expand=3^-1"),
        ("expand=3^nan", "expand=3^nan"),
        ("none,expand=3", "none"),
        ("centre=0", "centre=0"),
        ("centre=1.5", "centre=1.5"),
        ("centre=nan", "centre=nan"),
        ("csls=0", "csls=0"),
        ("k-reciprocal(10,3)", "k-reciprocal(10,3)"),
        ("k-reciprocal(10,3,2)", "k-reciprocal(10,3,2)"),
        ("k-reciprocal(10,0,.3)", "k-reciprocal(10,0,.3)"),
        ("augment=3,k-reciprocal(10,3,.3", "k-reciprocal(10,3,.3"),
        ("keep-first=-1", "keep-first=-1"),
    ] {
        let error = text.parse::<Ranking>().unwrap_err();
        assert!(
            matches!(&error, DescriptorError::InvalidRanking { part } if part == wrong),
            "{text}: {error}"
        );
    }
}

/// Rows that are compared with one another as they stand.
struct Compared {
    rows: Vec<Vec<f32>>,
    query: Vec<f32>,
    own: Option<u32>,
}

impl Compared {
    fn compared(&self, with: &[f32], without: Option<u32>) -> Vec<Neighbor> {
        let rows = (0u32..).zip(&self.rows);
        let others = rows.filter(|(index, _)| ![without, self.own].contains(&Some(*index)));
        let near = others.map(|(index, row)| Neighbor {
            index,
            similarity: dot(row, with),
        });
        best(near.collect(), usize::MAX)
    }

    fn sum(&self, terms: &[(u32, f32)]) -> Vec<f32> {
        let mut sum = vec![0.0; self.query.len()];
        for (item, weight) in terms {
            let row = &self.rows[*item as usize];
            sum.iter_mut()
                .zip(row)
                .for_each(|(sum, value)| *sum += weight * value);
        }
        sum
    }
}

impl Neighborhood for Compared {
    fn to_query(&self, item: u32) -> f32 {
        dot(&self.rows[item as usize], &self.query)
    }

    fn between(&self, a: u32, b: u32) -> f32 {
        dot(&self.rows[a as usize], &self.rows[b as usize])
    }

    fn nearest(&self, item: u32, count: usize) -> Vec<Neighbor> {
        let mut near = self.compared(&self.rows[item as usize], Some(item));
        near.truncate(count);
        near
    }

    fn length(&self, terms: &[(u32, f32)]) -> f32 {
        let sum = self.sum(terms);
        dot(&sum, &sum).sqrt()
    }
}

#[derive(serde::Deserialize)]
struct Goldens {
    rows: Vec<Vec<f32>>,
    query: Vec<f32>,
    cases: Vec<Golden>,
}

#[derive(serde::Deserialize)]
struct Golden {
    ranking: String,
    own: Option<u32>,
    scores: Vec<Option<f32>>,
    first: Vec<u32>,
}

/// As a plain program in NumPy has it, with the formulas of the papers and one query at a time.
#[test]
fn every_ranking_is_that_of_the_papers() {
    let goldens = include_str!("../../data/goldens/rankings.json");
    let goldens: Goldens = serde_json::from_str(goldens).unwrap();
    for case in &goldens.cases {
        let ranking: Ranking = case.ranking.parse().unwrap();
        let asked = case
            .own
            .map_or(&goldens.query, |own| &goldens.rows[own as usize]);
        let rows = goldens.rows.iter();
        let centre = ranking
            .centre
            .map(|share| Centre::of(share, asked.len(), rows));
        let centred = |row: &Vec<f32>| {
            centre
                .as_ref()
                .map_or_else(|| row.clone(), |it| it.applied(row))
        };
        let mut rows = Compared {
            rows: goldens.rows.iter().map(centred).collect(),
            query: centred(asked),
            own: case.own,
        };
        if let Some(expansion) = ranking.expand {
            let augmented = Ranking {
                augment: ranking.augment,
                ..Ranking::NONE
            };
            let near = order(&augmented, rows.compared(&rows.query, None), 100, &rows);
            let near = near
                .iter()
                .map(|it| (it.similarity, &rows.rows[it.index as usize][..]));
            let expanded = expansion.expand(&rows.query, near).unwrap();
            rows.query = expanded.as_slice().to_vec();
        }
        let found = order(&ranking, rows.compared(&rows.query, None), 100, &rows);
        let first: Vec<u32> = found.iter().take(10).map(|it| it.index).collect();
        assert_eq!(first, case.first, "{ranking}");
        // Those that are kept in front have a score that says so.
        for one in &found[ranking.keep_first.unwrap_or(0)..] {
            let expected = case.scores[one.index as usize].unwrap();
            let difference = (one.similarity - expected).abs();
            assert!(difference < 1e-5, "{ranking}: {one:?} {expected}");
        }
    }
}
