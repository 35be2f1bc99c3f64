//! A path as JSON has it: as a person here would write it, and whole.

use std::env;
use std::path::{Path, PathBuf};

use serde::{Serialize, Serializer};

use crate::photo::absolute;

/// A file or folder as JSON: `path` as it is shown here, `absolute` for whoever works elsewhere.
///
/// JSON is Unicode, paths need not be. In one that is not, what is no character becomes U+FFFD, and
/// `absolute_hex` has the bytes of the absolute path, two hexadecimal digits each; there it opens the
/// file, and the others only tell about it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Place {
    path: String,
    absolute: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    absolute_hex: Option<String>,
}

impl Place {
    /// A path as it is called from the current folder.
    #[must_use]
    pub fn of(path: &Path) -> Self {
        Self {
            path: shown(path).to_string_lossy().into_owned(),
            ..Self::as_given(path)
        }
    }

    /// A path as somebody wrote it.
    #[must_use]
    pub fn as_given(path: &Path) -> Self {
        // Of an empty path, or where the current folder is gone, nobody knows where it is.
        let absolute = absolute(path).ok();
        let not_unicode = absolute.iter().find(|whole| whole.to_str().is_none());
        let absolute_hex = not_unicode.map(|whole| {
            let bytes = whole.as_os_str().as_encoded_bytes();
            let digits = bytes.iter().flat_map(|byte| [byte >> 4, byte & 15]);
            let digits = digits.filter_map(|digit| char::from_digit(digit.into(), 16));
            digits.collect()
        });
        Self {
            path: path.to_string_lossy().into_owned(),
            absolute: absolute.map(|whole| whole.to_string_lossy().into_owned()),
            absolute_hex,
        }
    }

    /// What has a name but is no file: standard input.
    #[must_use]
    pub fn nowhere(name: &str) -> Self {
        Self {
            path: name.to_owned(),
            absolute: None,
            absolute_hex: None,
        }
    }

    /// The path as it is shown.
    #[must_use]
    pub fn path(&self) -> &str {
        &self.path
    }

    /// The bytes of the whole path in hexadecimal digits, where it is not Unicode.
    #[must_use]
    pub fn absolute_hex(&self) -> Option<&str> {
        self.absolute_hex.as_deref()
    }

    /// The whole path, where there is one.
    #[must_use]
    pub fn absolute(&self) -> Option<&str> {
        self.absolute.as_deref()
    }
}

/// The path as the user would write it here: relative if it lies below the current folder.
#[must_use]
pub fn shown(path: &Path) -> PathBuf {
    let here = env::current_dir().unwrap_or_default();
    match path.strip_prefix(&here) {
        // As `fd` does: no command shall take a name for an option.
        Ok(below) if below.as_os_str().as_encoded_bytes().starts_with(b"-") => {
            Path::new(".").join(below)
        }
        Ok(below) if !below.as_os_str().is_empty() => below.to_owned(),
        _ => path.to_owned(),
    }
}

/// For `flatten` with `serialize_with`: a path as the fields of its [`Place`].
///
/// # Errors
/// Those of the serializer.
pub fn place<S: Serializer>(path: &Path, serializer: S) -> Result<S::Ok, S::Error> {
    Place::of(path).serialize(serializer)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_place_below_here_is_shown_relative_and_told_whole() {
        let here = env::current_dir().unwrap();
        let place = Place::of(&here.join("photos/a.jpg"));
        assert_eq!(place.path(), "photos/a.jpg");
        assert_eq!(
            place.absolute(),
            Some(&*here.join("photos/a.jpg").to_string_lossy())
        );
        assert_eq!(
            Place::as_given(Path::new("photos/../a.jpg")).path(),
            "photos/../a.jpg"
        );
        let json = serde_json::to_string(&Place::nowhere("-")).unwrap();
        assert_eq!(json, r#"{"path":"-","absolute":null}"#);
    }

    #[test]
    fn no_command_takes_a_name_for_an_option() {
        let here = env::current_dir().unwrap();
        assert_eq!(shown(&here.join("-x.jpg")), Path::new("./-x.jpg"));
        assert_eq!(shown(&here.join("--help.jpg")).as_os_str(), "./--help.jpg");
        assert_eq!(shown(&here.join("a/-x.jpg")), Path::new("a/-x.jpg"));
        assert_eq!(shown(Path::new("/-x.jpg")), Path::new("/-x.jpg"));
    }

    #[cfg(unix)]
    #[test]
    fn a_name_that_is_not_unicode_is_told_byte_for_byte_too() {
        use std::ffi::OsStr;
        use std::os::unix::ffi::OsStrExt;
        let place = Place::of(Path::new(OsStr::from_bytes(b"/p/\xff.jpg")));
        assert_eq!(place.path(), "/p/\u{FFFD}.jpg");
        assert_eq!(place.absolute_hex.as_deref(), Some("2f702fff2e6a7067"));
    }
}
