//! In words, what differs between a photo and its duplicate.

use imgsearch::duplicates::{Change, Duplicate, Level};

/// In what it differs from the kept one.
pub fn difference(duplicate: &Duplicate) -> String {
    let mut words = match duplicate.level {
        Level::Bytes => vec!["equal bytes".to_owned()],
        Level::Pixels => vec!["equal pixels".to_owned()],
        Level::Near => duplicate.change.iter().flat_map(changes).collect(),
    };
    if words.is_empty() {
        words.push("saved again".to_owned());
    }
    if duplicate.protected {
        words.push("protected".to_owned());
    }
    words.join(", ")
}

fn changes(change: &Change) -> Vec<String> {
    let mut words = Vec::new();
    if change.turned != 0 {
        words.push(format!("turned {}°", change.turned));
    }
    if change.mirrored {
        words.push("mirrored".to_owned());
    }
    if change.shows < 0.985 {
        words.push(format!("{:.0} % of the area", change.shows * 100.0));
    }
    if change.strip {
        words.push("a strip over it".to_owned());
    }
    words
}
