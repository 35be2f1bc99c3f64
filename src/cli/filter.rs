//! Arguments that say which photos may be found.

use clap::Args;
use clap::builder::{PathBufValueParser, TypedValueParser};
use imgsearch::Filter;
use imgsearch::gallery::{MinSize, Period, Within, tag_name};

/// Which photos may be found; there are as many answers as without.
#[derive(Args, Clone)]
#[command(next_help_heading = "Which photos may be found")]
pub struct FilterArgs {
    /// Only photos in this folder, or at paths that match (may be repeated: in any of them). `*` stays
    /// within a name, `**` does not; matched is the path from the root, from here or from the indexed
    /// folder, and the name alone where the pattern has no `/`
    #[arg(long, value_name = "GLOB",
          value_parser = PathBufValueParser::new().try_map(Within::of))]
    within: Vec<Within>,
    /// Only photos taken then or later: 2024, 2024-05, 2024-05-01 or 2024-05-01T10:00, by the camera's
    /// clock; where the file does not say it, its last change counts (UTC)
    #[arg(long, value_name = "DATE", value_parser = |text: &str| text.parse::<Period>())]
    since: Option<Period>,
    /// Only photos taken then or earlier; all of the named year, month or day is meant
    #[arg(long, value_name = "DATE", value_parser = |text: &str| text.parse::<Period>())]
    until: Option<Period>,
    /// Only pictures with both sides of at least so many pixels (1000), or at least so large, upright or
    /// lying (1000x800)
    #[arg(long, value_name = "SIZE", value_parser = |text: &str| text.parse::<MinSize>())]
    min_size: Option<MinSize>,
    /// Only photos with this tag, which `imgsearch tag` gave them (may be repeated: with all of them)
    #[arg(long, value_name = "NAME", value_parser = tag_name)]
    tag: Vec<String>,
}

impl FilterArgs {
    /// Why no photo can ever be meant.
    pub fn contradiction(&self) -> Option<&'static str> {
        let (since, until) = self.since.zip(self.until)?;
        let is_over = until.end() <= since.start();
        is_over.then_some(
            "the date of --until is before that of --since: no photo was taken between them",
        )
    }

    pub fn filter(&self) -> Filter {
        Filter {
            within: self.within.clone(),
            since: self.since,
            until: self.until,
            min_size: self.min_size,
            tags: self.tag.clone(),
        }
    }
}
