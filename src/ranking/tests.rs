use proptest::prelude::*;

use super::*;
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
