//! Sets whose file names are the ground truth.

use super::super::metrics::Metric;
use super::labelled::Labelled;
use super::set::GroundTruth;
use crate::photo::Found;

/// The digits at the end of a name's stem, and how many there are.
fn number(found: &Found) -> Option<(u64, usize)> {
    let stem = found.path.file_stem()?.to_str()?;
    let before = stem.trim_end_matches(|c: char| c.is_ascii_digit());
    let digits = &stem[before.len()..];
    Some((digits.parse().ok()?, digits.len()))
}

/// Whether all are called `ukbench` and five digits.
pub fn are_ukbenchs(found: &[Found]) -> bool {
    let is_one = |found: &Found| {
        let stem = found.path.file_stem().and_then(|stem| stem.to_str());
        stem.is_some_and(|stem| stem.starts_with("ukbench")) && number(found).is_some()
    };
    !found.is_empty() && found.iter().all(is_one)
}

/// Whether all are called by six digits, of which the last two are 00 for some.
pub fn are_holidays(found: &[Found]) -> bool {
    let is_one = |found: &Found| {
        let stem = found.path.file_stem().and_then(|stem| stem.to_str());
        stem.is_some_and(|stem| stem.len() == 6) && matches!(number(found), Some((_, 6)))
    };
    !found.is_empty()
        && found.iter().all(is_one)
        && found
            .iter()
            .any(|found| matches!(number(found), Some((n, _)) if n % 100 == 0))
}

/// INRIA Holidays (Jégou et al., "Hamming embedding and weak geometric consistency", 2008): photo
/// `GGGGPP` is number PP of group GGGG, and each group's number 00 is the query for the others.
pub fn holidays(found: &[Found]) -> GroundTruth {
    let labelled = |found: &Found| {
        let number = number(found).map(|(number, _)| number);
        let group = number.map(|number| format!("{:04}", number / 100));
        Labelled {
            is_query: number.is_some_and(|number| number % 100 == 0),
            ..Labelled::both(&found.path, group)
        }
    };
    GroundTruth::of_groups(&found.iter().map(labelled).collect::<Vec<_>>())
}

/// UKBench (Nistér & Stewénius, "Scalable recognition with a vocabulary tree", 2006): four photos
/// of each object, numbered through from 0; each is a query.
pub fn ukbench(found: &[Found]) -> GroundTruth {
    let labelled = |found: &Found| {
        let group = number(found).map(|(number, _)| format!("{:05}", number / 4));
        Labelled::both(&found.path, group)
    };
    let truth = GroundTruth::of_groups(&found.iter().map(labelled).collect::<Vec<_>>());
    GroundTruth {
        measure: Metric::Ns,
        ..truth
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(names: &[&str]) -> Vec<Found> {
        let one = |name: &&str| Found {
            path: format!("/set/{name}.jpg").into(),
            size: 1,
            modified: 0,
        };
        names.iter().map(one).collect()
    }

    #[test]
    fn holidays_ask_for_the_others_of_a_group_with_its_first() {
        let found = found(&["100000", "100001", "100002", "100100", "100101"]);
        assert!(are_holidays(&found) && !are_ukbenchs(&found));
        let truth = holidays(&found);
        let asked: Vec<(u32, usize)> = truth
            .queries
            .iter()
            .map(|query| (query.item, query.relevant_count()))
            .collect();
        assert_eq!(asked, [(0, 2), (3, 1)]);
    }

    #[test]
    fn ukbench_comes_in_fours() {
        let names: Vec<String> = (0..8).map(|number| format!("ukbench{number:05}")).collect();
        let found = found(&names.iter().map(String::as_str).collect::<Vec<_>>());
        assert!(are_ukbenchs(&found) && !are_holidays(&found));
        let truth = ukbench(&found);
        assert_eq!(truth.measure, Metric::Ns);
        assert_eq!(truth.queries.len(), 8);
        assert_eq!(
            truth.queries[5].relevant_items().collect::<Vec<_>>(),
            [4, 6, 7]
        );
    }
}
