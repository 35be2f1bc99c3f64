use super::*;

const PHOTOS: Unit = Unit::Things("photos");

fn beside() -> Vec<String> {
    vec!["31,200 already known".to_owned(), "3 skipped".to_owned()]
}

fn halfway() -> Numbers {
    Numbers {
        done: 15_900,
        total: Some(31_800),
        pace: Some(45.2),
    }
}

#[test]
fn a_wide_terminal_shows_all_of_it_in_whole_numbers_with_thousands() {
    let line = halfway().line(PHOTOS, &beside(), 120);
    let (bar, text) = line.split_once("  ").unwrap();
    assert_eq!(bar, "█".repeat(15) + &"░".repeat(15));
    let expected = "15,900/31,800 photos  ETA 6 min  45/s  31,200 already known  3 skipped";
    assert_eq!(text, expected);
}

#[test]
fn no_line_is_as_wide_as_its_terminal_and_the_count_is_left_out_last() {
    let full = halfway().count(PHOTOS);
    for columns in 0..=200 {
        for unit in [PHOTOS, Unit::Bytes, Unit::Share("rebuilding the snapshot")] {
            let line = halfway().line(unit, &beside(), columns);
            let taken = line.chars().count();
            assert!(taken < columns.max(1), "{columns}: {line}");
        }
        let line = halfway().line(PHOTOS, &beside(), columns);
        assert!(columns <= full.len() || line.contains(&full), "{line}");
    }
    let narrow = halfway().line(PHOTOS, &beside(), 40);
    assert_eq!(narrow, "15,900/31,800 photos  ETA 6 min  45/s");
    let usual = halfway().line(PHOTOS, &beside(), 80);
    assert!(usual.contains("31,200 already known"), "{usual}");
}

#[test]
fn what_nobody_knows_is_not_shown() {
    let unknown = Numbers {
        done: 8_200_000,
        total: None,
        pace: None,
    };
    assert_eq!(unknown.line(Unit::Bytes, &[], 120), "8.20 MB");
    let none = Numbers {
        done: 0,
        total: Some(0),
        pace: None,
    };
    assert_eq!(none.line(PHOTOS, &[], 120), "0/0 photos");
    let step = Unit::Share("reading the weights");
    assert_eq!(none.line(step, &[], 120), "reading the weights 0 %");
    assert_eq!(
        halfway().line(step, &[], 40),
        "reading the weights 50 %  ETA 6 min"
    );
}

/// What is stored in batches, two seconds apart, looked at five times a second.
fn batches(pace: &mut Pace, begun: Instant, seconds: u64, of_batch: u64) -> Vec<f64> {
    let mut paces = Vec::new();
    for tick in 0..seconds * 5 {
        let now = begun + Duration::from_millis(200 * tick);
        pace.see(tick / 10 * of_batch, now);
        paces.extend(pace.per_second());
    }
    paces
}

#[test]
fn batches_do_not_make_the_end_jump() {
    let mut pace = Pace::default();
    let paces = batches(&mut pace, Instant::now(), 120, 64);
    // 32 photos a second; the first seconds may be off.
    for pace in &paces[paces.len() / 4..] {
        assert!((pace - 32.0).abs() < 32.0 * 0.08, "{pace}");
    }
}

#[test]
fn a_pace_that_changes_is_followed_within_a_minute_or_two() {
    let begun = Instant::now();
    let mut pace = Pace::default();
    batches(&mut pace, begun, 60, 200);
    let (mut done, slower) = (29 * 200, begun + Duration::from_secs(60));
    for second in 0..90 {
        done += 10;
        pace.see(done, slower + Duration::from_secs(second));
    }
    let found = pace.per_second().unwrap();
    assert!((9.5..20.0).contains(&found), "{found}");
}

#[test]
fn there_is_no_guess_before_anything_is_done() {
    let begun = Instant::now();
    let mut pace = Pace::default();
    for second in 0..10 {
        assert!(pace.per_second().is_none());
        pace.see(7, begun + Duration::from_secs(second));
    }
    pace.see(8, begun + Duration::from_secs(10));
    assert_eq!(pace.per_second().map(|pace| pace < 1.0), Some(true));
}

#[test]
fn durations_are_said_no_more_exactly_than_they_are_known() {
    let said = [0.0, 3.0, 41.0, 56.0, 61.0, 3541.0, 7300.0, 86_101.0, 1e6].map(duration);
    let expected = [
        "0 s",
        "5 s",
        "45 s",
        "1 min",
        "2 min",
        "1 h 0 min",
        "2 h 5 min",
        "1 d 0 h",
        "11 d 14 h",
    ];
    assert_eq!(said, expected);
}
