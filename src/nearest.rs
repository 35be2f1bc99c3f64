//! The known name that a mistyped one was meant to be.

/// The known name most like `name`, if one is near enough to be what was meant; of equals the first.
#[must_use]
pub fn nearest<'a>(name: &str, known: impl Iterator<Item = &'a str>) -> Option<String> {
    known
        .map(|candidate| (strsim::jaro_winkler(name, candidate), candidate))
        .filter(|(likeness, _)| *likeness > 0.75)
        // `max_by` alone would take the last of equals.
        .reduce(|best, next| if next.0 > best.0 { next } else { best })
        .map(|(_, candidate)| candidate.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_slip_of_the_finger_is_understood_and_nonsense_is_not() {
        let known = || ["layer3", "layer4", "avgpool"].into_iter();
        assert_eq!(nearest("layr3", known()).as_deref(), Some("layer3"));
        assert_eq!(nearest("layer", known()).as_deref(), Some("layer3"));
        assert_eq!(nearest("xyz", known()), None);
    }
}
