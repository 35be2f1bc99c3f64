//! Measures of retrieval quality, each from where the relevant items stand in a ranking.

use std::fmt;
use std::str::FromStr;

/// Where a query's relevant items came in its ranking, ignored items left out.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Outcome {
    /// Place of each relevant item, counted from 0, ascending. All of them: the ranking is of the
    /// whole gallery.
    pub places: Vec<u32>,
}

/// A measure, 0 … 1 for a query (N-S: 1 … 4), averaged over queries. Higher is better.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum Metric {
    /// Mean average precision: the mean of the precision at each relevant item (Manning et al.,
    /// "Introduction to Information Retrieval", 2008, §8.4), as scikit-learn's
    /// `average_precision_score` and most papers have it.
    #[default]
    MeanAveragePrecision,
    /// Mean average precision by trapezoids under the precision-recall curve, as the evaluation
    /// programs of Oxford Buildings (Philbin et al., 2007) and of its revisited version compute it:
    /// a little lower.
    OxfordMap,
    /// The share of queries with a relevant item among the first k; what metric learning calls
    /// recall@k (Jégou et al., "Product quantization", 2011; Musgrave et al., 2020).
    Recall(u32),
    /// The share of relevant items among the first k (Manning et al., "Introduction to Information
    /// Retrieval", 2008, §8.4). Where there are fewer than k relevant ones it cannot reach 1.
    Precision(u32),
    /// The share of relevant items among the first R, where R is how many there are (as above).
    RPrecision,
    /// Mean average precision at R: precision at each relevant item among the first R, added up and
    /// divided by R. Musgrave et al., "A Metric Learning Reality Check", 2020.
    MapAtR,
    /// UKBench's N-S score: how many of the object's four photos are among the first four, the query
    /// itself, which comes first, counted in. Nistér & Stewénius, 2006.
    Ns,
}

impl Metric {
    /// What is reported unless asked otherwise.
    pub const USUAL: [Self; 8] = [
        Self::MeanAveragePrecision,
        Self::OxfordMap,
        Self::Recall(1),
        Self::Recall(5),
        Self::Recall(10),
        Self::Precision(10),
        Self::RPrecision,
        Self::MapAtR,
    ];

    /// The value for one query.
    #[must_use]
    pub fn of(self, outcome: &Outcome) -> f64 {
        let relevant = outcome.places.len();
        match self {
            Self::MeanAveragePrecision => {
                precisions(&outcome.places).sum::<f64>() / relevant as f64
            }
            Self::OxfordMap => oxford_average_precision(&outcome.places),
            Self::Recall(k) => f64::from(u8::from(outcome.hits(k) > 0)),
            Self::Precision(k) => outcome.hits(k) as f64 / f64::from(k),
            Self::RPrecision => outcome.hits(relevant as u32) as f64 / relevant as f64,
            Self::MapAtR => {
                let first = &outcome.places[..outcome.hits(relevant as u32)];
                precisions(first).sum::<f64>() / relevant as f64
            }
            Self::Ns => 1.0 + outcome.hits(3) as f64,
        }
    }
}

impl Outcome {
    /// Relevant items among the first k.
    fn hits(&self, k: u32) -> usize {
        self.places.partition_point(|place| *place < k)
    }
}

/// Precision at each relevant item.
fn precisions(places: &[u32]) -> impl Iterator<Item = f64> {
    let precision = |(hits, place): (f64, &u32)| hits / f64::from(place + 1);
    (1u32..).map(f64::from).zip(places).map(precision)
}

/// Between one relevant item and the next recall grows by one step; the height of that step's
/// trapezoid is the mean of the precision just before the item and at it.
fn oxford_average_precision(places: &[u32]) -> f64 {
    let before = |(hits, place): (u32, &u32)| match place {
        0 => 1.0,
        place => f64::from(hits) / f64::from(*place),
    };
    let before = (0u32..).zip(places).map(before);
    let heights = before
        .zip(precisions(places))
        .map(|(before, at)| f64::midpoint(before, at));
    heights.sum::<f64>() / places.len() as f64
}

impl fmt::Display for Metric {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::MeanAveragePrecision => f.write_str("mAP"),
            Self::OxfordMap => f.write_str("mAP-oxford"),
            Self::Recall(k) => write!(f, "recall@{k}"),
            Self::Precision(k) => write!(f, "precision@{k}"),
            Self::RPrecision => f.write_str("R-precision"),
            Self::MapAtR => f.write_str("mAP@R"),
            Self::Ns => f.write_str("N-S"),
        }
    }
}

impl FromStr for Metric {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, &'static str> {
        const UNKNOWN: &str =
            "a metric is none of map, map-oxford, recall@K, precision@K, r-precision, map@r, n-s";
        let lower = text.to_ascii_lowercase();
        match lower.as_str() {
            "map" => return Ok(Self::MeanAveragePrecision),
            "map-oxford" => return Ok(Self::OxfordMap),
            "r-precision" => return Ok(Self::RPrecision),
            "map@r" => return Ok(Self::MapAtR),
            "n-s" => return Ok(Self::Ns),
            _ => {}
        }
        let (name, k) = lower.split_once('@').ok_or(UNKNOWN)?;
        let k = k.parse().ok().filter(|k| *k > 0).ok_or(UNKNOWN)?;
        match name {
            "recall" => Ok(Self::Recall(k)),
            "precision" => Ok(Self::Precision(k)),
            _ => Err(UNKNOWN),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn value(metric: Metric, places: &[u32]) -> f64 {
        metric.of(&Outcome {
            places: places.to_vec(),
        })
    }

    fn close(a: f64, b: f64) -> bool {
        (a - b).abs() < 1e-12
    }

    #[test]
    fn average_precision_equals_what_one_computes_by_hand_and_scikit_learns() {
        assert!(close(value(Metric::MeanAveragePrecision, &[0, 1, 2]), 1.0));
        // `average_precision_score` of eleven items of falling score, relevant at these places.
        for (places, theirs) in [
            (&[0u32, 2, 5, 9][..], 0.641_666_666_666_666_7),
            (&[3, 4, 10][..], 0.307_575_757_575_757_57),
            (&[7][..], 0.125),
        ] {
            let ours = value(Metric::MeanAveragePrecision, places);
            assert!(close(ours, theirs), "{places:?}: {ours}");
        }
    }

    #[test]
    fn oxfords_average_precision_equals_what_one_computes_by_hand() {
        assert!(close(value(Metric::OxfordMap, &[0, 1, 2]), 1.0));
        // Relevant at the second and the fourth place: before 0/1 and at 1/2, before 1/3 and at 2/4.
        let by_hand = f64::midpoint(f64::midpoint(0.0, 0.5), f64::midpoint(1.0 / 3.0, 0.5));
        assert!(close(value(Metric::OxfordMap, &[1, 3]), by_hand));
    }

    /// What `compute_ap` of the revisited sets' published evaluation gives for these ranks.
    #[test]
    fn oxfords_average_precision_equals_the_published_evaluations() {
        for (places, published) in [
            (&[0u32, 2, 5, 9][..], 0.6),
            (&[3, 4, 10][..], 0.228_787_878_787_878_76),
            (&[7][..], 0.062_5),
        ] {
            let ours = value(Metric::OxfordMap, places);
            assert!(close(ours, published), "{places:?}: {ours}");
        }
    }

    #[test]
    fn recall_is_a_hit_and_precision_is_how_many() {
        for (k, hit, share) in [(1, 0.0, 0.0), (2, 1.0, 0.5), (5, 1.0, 0.4)] {
            assert!(close(value(Metric::Recall(k), &[1, 4, 8]), hit));
            assert!(close(value(Metric::Precision(k), &[1, 4, 8]), share));
        }
    }

    #[test]
    fn measures_at_r_look_at_the_first_r() {
        // Three relevant: two of them are among the first three, at the second and third place.
        assert!(close(value(Metric::RPrecision, &[1, 2, 9]), 2.0 / 3.0));
        assert!(close(
            value(Metric::MapAtR, &[1, 2, 9]),
            (0.5 + 2.0 / 3.0) / 3.0
        ));
        assert!(close(value(Metric::MapAtR, &[0, 1, 2]), 1.0));
    }

    #[test]
    fn n_s_counts_the_query_itself() {
        assert!(close(value(Metric::Ns, &[0, 1, 2]), 4.0));
        assert!(close(value(Metric::Ns, &[0, 5, 9]), 2.0));
    }

    #[test]
    fn a_printed_metric_parses_to_itself() {
        for metric in Metric::USUAL.into_iter().chain([Metric::Ns]) {
            assert_eq!(metric.to_string().parse(), Ok(metric));
        }
        for text in ["", "recall", "recall@0", "recall@x", "speed@1"] {
            assert!(text.parse::<Metric>().is_err(), "{text}");
        }
    }
}
