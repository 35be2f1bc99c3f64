//! `imgsearch index`: build or update the gallery.

use std::fs;
use std::io::{self, IsTerminal, Write};
use std::path::{Path, PathBuf};
use std::time::Instant;

use anyhow::Result;
use clap::Args;
use globset::Glob;
use imgsearch::error::{FileError, GalleryError};
use imgsearch::gallery::{Encoding, Gallery};
use imgsearch::ingest::{IngestOptions, IngestReport};
use imgsearch::photo::Exclude;
use imgsearch::ranking::{Expansion, Ranking};
use imgsearch::{Error, Extractor};

use super::args::{DescriptorArgs, GalleryArgs, WaitArgs, jobs};
use super::exit::Exit;
use super::output::{clean_line, json, photos, shell_word, table};
use super::progress::{Afterwards, IngestProgress, stop_on_ctrl_c};
use super::setup;
use super::tell::{has_notes, note, tell};

/// Build or update the gallery: new, changed, moved and removed photos
#[derive(Args)]
#[command(after_help = "Examples:\n  imgsearch index ./photos\n  \
                        imgsearch index ~/Pictures --exclude 'thumbs' --exclude '*.png'\n  \
                        imgsearch index ./photos --spec efficientnet_lite0:blocks.10/gem*0.5+head\n  \
                        imgsearch index ./photos --whitening photos.safetensors")]
pub struct IndexArgs {
    /// Photos and folders of photos
    #[arg(required = true, value_name = "PATH")]
    paths: Vec<PathBuf>,
    /// Pass over what matches, a name or a path within the folder (may be repeated)
    #[arg(long, value_name = "GLOB")]
    exclude: Vec<Glob>,
    /// Photos worked on at once; 0: one per core
    #[arg(long, value_name = "N", default_value_t = 0, value_parser = jobs)]
    jobs: usize,
    /// How its photos are ranked unless a query says otherwise, as `query --ranking` has it: augment=3 in a
    /// new gallery without a --spec, none with one. Kept until it is changed, and changed without a look at
    /// the photos
    #[arg(long, value_name = "RANKING", value_parser = |text: &str| text.parse::<Ranking>())]
    ranking: Option<Ranking>,
    /// Move each photo's descriptor towards its N nearest when searching; 0: not at all. Kept until
    /// it is changed, and changed without a look at the photos
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(..=1000),
          conflicts_with = "ranking")]
    augment: Option<u32>,
    /// Search with N values of each descriptor, along axes fitted on the gallery's own, from 1,024 photos on;
    /// 0: with all. 384 in a new gallery without a --spec, 0 with one. Kept until it is changed, and changed
    /// without a look at the photos
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(..=65536))]
    axes: Option<u32>,
    /// In which numbers descriptors are kept: f32, or f16, which has half the bytes and is within 2e-5.
    /// Kept until it is changed; what is stored stays as it is
    #[arg(long, value_name = "NUMBERS", value_parser = ["f32", "f16"])]
    encoding: Option<String>,
    /// Take out photos that are gone even if they are most of a folder's: usually that means that a
    /// disk is not mounted
    #[arg(long)]
    yes: bool,
    /// Print the summary, with every skipped photo, as JSON
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    gallery: GalleryArgs,
    #[command(flatten)]
    wait: WaitArgs,
    #[command(flatten)]
    descriptor: DescriptorArgs,
}

pub fn run(args: &IndexArgs) -> Result<Exit> {
    stop_on_ctrl_c(Afterwards::GoesOn);
    setup::tell_threads(args.jobs);
    let begun = Instant::now();
    let dir = &args.gallery.find_or_here(&args.paths)?;
    refuse_nothing(dir, &args.paths)?;
    let (mut gallery, extractor, is_new) = open(dir, &args.descriptor, &args.wait)?;
    args.set_what_stays(&mut gallery, is_new)?;
    for repair in gallery.repairs() {
        note!("note: {}", clean_line(&repair.to_string()));
    }
    let repaired = gallery.repairs().len();
    let options = IngestOptions {
        jobs: args.jobs,
        exclude: excluded(&args.exclude)?,
        remove_many: args.yes,
    };
    let mut progress = IngestProgress::default();
    let indexing = gallery.index(&args.paths).options(options).with(&extractor);
    let report = indexing.run(|event| progress.on_event(&event));
    progress.finish();
    let mut report = report?;
    report.seconds = begun.elapsed().as_secs_f64();
    for repair in &gallery.repairs()[repaired..] {
        note!("note: {}", clean_line(&repair.to_string()));
    }
    if report.photos == 0 && report.skipped.is_empty() && !report.interrupted {
        note!("note: there are no photos in what was given");
    }
    tell_what_stays(&report);
    print(&report, args.json)?;
    args.tell_next(&report);
    Ok(if report.interrupted {
        Exit::Interrupted
    } else if report.skipped.is_empty() && report.kept.is_empty() {
        Exit::Done
    } else {
        Exit::Skipped
    })
}

/// Photos that went or stayed otherwise than somebody may expect.
fn tell_what_stays(report: &IngestReport) {
    if report.overwritten > 0 {
        let count = photos(report.overwritten);
        tell!("note: {count} overwritten by what cannot be taken in, and so taken out");
    }
    for kept in &report.kept {
        tell!("note: {}", clean_line(&kept.to_string()));
    }
    if !report.kept.is_empty() {
        tell!(
            "\nhint: mount the disk; or, if they are gone for good, add `--yes` and run it again"
        );
    }
}

impl IndexArgs {
    /// Says what to do next, to a person.
    fn tell_next(&self, report: &IngestReport) {
        let is_person = io::stdout().is_terminal() && io::stderr().is_terminal();
        if is_person && has_notes() && !self.json && !report.interrupted && report.photos > 0 {
            // Behind what the summary still holds back.
            let _ = io::stdout().flush();
            let next = next(self.gallery.named().as_deref());
            note!("next: {}", clean_line(&next));
        }
    }

    /// Keeps what is asked for in the gallery.
    fn set_what_stays(&self, gallery: &mut Gallery, is_new: bool) -> Result<(), Error> {
        if is_new {
            let asked = self.descriptor.overrides();
            gallery.set_ranking(asked.ranking_of_new()?)?;
            gallery.set_axes(asked.axes_of_new())?;
        }
        if let Some(axes) = self.axes {
            gallery.set_axes((axes > 0).then_some(axes as usize))?;
        }
        if let Some(ranking) = self.ranking(gallery.ranking())? {
            gallery.set_ranking(ranking)?;
        }
        match self.encoding.as_deref() {
            None => Ok(()),
            Some(name) if name == Encoding::F16.name() => gallery.set_encoding(Encoding::F16),
            Some(_) => gallery.set_encoding(Encoding::F32),
        }
    }

    /// The ranking that is asked for, if one is: by itself, or by a spec file.
    fn ranking(&self, current: &Ranking) -> Result<Option<Ranking>, Error> {
        let augmented = |neighbors: u32| Ranking {
            augment: (neighbors > 0).then_some(Expansion {
                neighbors: neighbors as usize,
                alpha: Expansion::ALPHA,
            }),
            ..*current
        };
        match self.ranking.or_else(|| self.augment.map(augmented)) {
            None => self.descriptor.overrides().ranking(),
            asked => Ok(asked),
        }
    }
}

/// The command that asks this gallery, which is found by itself where none was named.
fn next(gallery: Option<&Path>) -> String {
    let Some(dir) = gallery else {
        return "imgsearch query PHOTO".to_owned();
    };
    let dir = shell_word(&dir.display().to_string());
    format!("imgsearch query PHOTO --gallery {dir}")
}

/// Where no gallery is there is none made for paths of which none exists: it is a typo.
fn refuse_nothing(dir: &Path, paths: &[PathBuf]) -> Result<(), FileError> {
    if dir.exists() {
        return Ok(());
    }
    let looked = paths.iter().map(|path| (path, fs::metadata(path)));
    let errors = looked.map(|(path, looked)| Some((path, looked.err()?)));
    let Some(errors) = errors.collect::<Option<Vec<_>>>() else {
        return Ok(());
    };
    match errors.into_iter().next() {
        Some((path, error)) => Err(FileError::read_at(path)(error)),
        None => Ok(()),
    }
}

/// A gallery that exists says itself what it is made with; what is asked for must agree. With it comes
/// whether it was made just now.
fn open(dir: &Path, args: &DescriptorArgs, wait: &WaitArgs) -> Result<(Gallery, Extractor, bool)> {
    match setup::waiting(wait, || Gallery::open(dir)) {
        Ok(gallery) => {
            let extractor = setup::extractor_of(dir, gallery.fingerprint(), args)?;
            if let Some(whitening) = extractor.whitening() {
                gallery.restore_whitening(whitening)?;
            }
            Ok((gallery, extractor, false))
        }
        Err(Error::Gallery(GalleryError::NoGallery { .. })) => {
            let extractor = setup::whitened(args)?;
            let create = || Gallery::create_or_open_with(dir, &extractor);
            Ok((setup::waiting(wait, create)?, extractor, true))
        }
        Err(error) => Err(error.into()),
    }
}

/// What the patterns of `--exclude` match.
pub fn excluded(globs: &[Glob]) -> Result<Exclude, Error> {
    Ok(Exclude::of(globs.iter().map(Glob::glob))?)
}

fn print(report: &IngestReport, as_json: bool) -> io::Result<()> {
    let mut out = io::stdout().lock();
    if as_json {
        json::print(report, &mut out)
    } else {
        table::ingestion(report, &mut out)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_to_do_next_names_the_gallery_where_it_had_to_be_named_as_a_shell_reads_it() {
        let next = |dir: Option<&str>| next(dir.map(Path::new));
        assert_eq!(next(None), "imgsearch query PHOTO");
        assert!(next(Some("/data/g-1")).ends_with("--gallery /data/g-1"));
        assert!(next(Some("my own")).ends_with("--gallery 'my own'"));
        assert!(next(Some("it's")).ends_with(r"--gallery 'it'\''s'"));
    }
}
