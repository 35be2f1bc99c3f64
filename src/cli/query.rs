//! `imgsearch query`: the photos most like some pictures, and unlike others.

use std::io::{self, Write};
use std::path::{Path, PathBuf};

use anyhow::Result;
use clap::Args;
use imgsearch::error::FileError;
use imgsearch::photo::{Exclude, Photo, Region, is_stream, walk};
use imgsearch::ranking::{Expansion, Ranking};
use imgsearch::replace::replace;
use imgsearch::search::{Answer, Example, Query};
use imgsearch::{Error, Searcher};
use indicatif::{HumanBytes, HumanCount};

use super::args::{DescriptorArgs, GalleryArgs};
use super::exit::Exit;
use super::filter::FilterArgs;
use super::hint;
use super::output::error::ErrorReport;
use super::output::{
    clean_line, contact_sheet, csv, html, json, nul, preview, skipped_line, table,
};
use super::progress::{FetchProgress, REBUILDING, StepProgress};
use super::skipped::SkippedLines;
use super::tell::{detail, note, tell};
use super::{open, setup};

/// Pictures of a folder that are shown beside what it found.
const SHOWN_OF_FOLDER: usize = 12;

/// Unrelated photos that `auto` lets pass.
const ONE: f64 = 1.0;

/// The least similarity of a match.
#[derive(Clone, Copy, Debug)]
enum Lowest {
    Similarity(f32),
    /// Where one unrelated photo would be expected.
    Auto,
}

fn lowest(text: &str) -> Result<Lowest, String> {
    if text == "auto" {
        return Ok(Lowest::Auto);
    }
    let lowest = text.parse().map(Lowest::Similarity);
    lowest.map_err(|_| "it is a number from -1 to 1, or auto".to_owned())
}

/// Find the photos most like one or several pictures
#[expect(
    clippy::struct_excessive_bools,
    reason = "each is a flag that is given or not"
)]
#[derive(Args)]
#[command(after_help = "Examples:\n  imgsearch query cat.jpg -k 10\n  \
                        imgsearch query a.jpg b.jpg --html matches.html\n  \
                        imgsearch query beach.jpg --unlike crowd.jpg --not-itself\n  \
                        imgsearch query street.jpg --region 25%,40%,50%,60%\n  \
                        imgsearch query album/ -k 50\n  \
                        imgsearch query cat.jpg --within ~/Pictures/2024 --tag family\n  \
                        imgsearch query cat.jpg --since 2023-06 --until 2024 --min-size 1000x800\n  \
                        imgsearch query *.jpg --each > neighbours.jsonl\n  \
                        imgsearch query cat.jpg --ranking augment=3,expand=5\n  \
                        curl … | imgsearch query - --json")]
pub struct QueryArgs {
    /// Pictures, in the gallery or not, folders of them or pipes; several are averaged into one query;
    /// `-` is standard input
    #[arg(required = true, value_name = "IMAGE")]
    images: Vec<PathBuf>,
    /// What each IMAGE counts beside the others, in their order, separated by commas; 1 each if left
    /// away
    #[arg(long, value_name = "W", value_delimiter = ',', value_parser = weight)]
    weight: Vec<f32>,
    /// Pictures that the answers shall be unlike (may be repeated): each is subtracted with half the
    /// weight of an IMAGE
    #[arg(long, value_name = "IMAGE")]
    unlike: Vec<PathBuf>,
    /// Only this part of each IMAGE, after the turn that its EXIF data say: from the left, from the
    /// top, width, height, in pixels or per cent (25%,25%,50%,50%)
    #[arg(long, value_name = "X,Y,W,H", value_parser = |text: &str| text.parse::<Region>())]
    region: Option<Region>,
    /// Ask with every picture by itself, and print a line of JSON for each
    #[arg(long, conflicts_with_all = ["csv", "nul", "html", "open", "contact_sheet", "weight"])]
    each: bool,
    /// Leave out the pictures themselves: photos with the bytes of an IMAGE
    #[arg(long)]
    not_itself: bool,
    /// The most matches wanted
    #[arg(short, default_value_t = 10, value_parser = clap::value_parser!(u32).range(1..))]
    k: u32,
    /// Leave out matches below this similarity (−1 … 1); auto: those as similar as more than one photo that
    /// has nothing to do with the picture would be expected to be, in this gallery
    #[arg(long, value_name = "SIMILARITY", allow_negative_numbers = true, value_parser = lowest)]
    min_similarity: Option<Lowest>,
    /// Say of each match how many unrelated photos of this gallery would be expected to be as similar: 0.001
    /// is sure, 5 is noise
    #[arg(long)]
    expected: bool,
    /// Leave out photos that are gone from the disk; else they are marked
    #[arg(long)]
    existing: bool,
    /// Compare with every photo, however many there are
    #[arg(long)]
    exact: bool,
    /// Candidates of the approximate search: more find more and take longer
    #[arg(long, value_name = "N")]
    ef_search: Option<usize>,
    /// Rank otherwise than the gallery does: none, or some of these joined by commas: centre=0.5 (without
    /// half of what all photos have in common), augment=3 (each photo moved towards its 3 nearest),
    /// expand=3 (the query likewise), csls=10 (what is near to many ranks lower), k-reciprocal(10,3,0.3) (by
    /// neighbours in common), keep-first=1 (of the order before that)
    #[arg(long, value_name = "RANKING", value_parser = |text: &str| text.parse::<Ranking>())]
    ranking: Option<Ranking>,
    /// Search again with the query moved towards its N nearest: finds more of what is alike
    #[arg(
        long,
        value_name = "N",
        default_value_t = 0,
        conflicts_with = "ranking"
    )]
    expand: usize,
    /// How much more the nearer of them count; 0: all the same
    #[arg(long, value_name = "A", default_value_t = Expansion::ALPHA, value_parser = alpha)]
    alpha: f32,
    /// Print JSON
    #[arg(long, conflicts_with_all = ["csv", "nul"])]
    json: bool,
    /// Print comma-separated values: rank, similarity, path and `absolute_hex`, the bytes of the whole
    /// path in hexadecimal digits where it is not Unicode
    #[arg(long, conflicts_with = "nul")]
    csv: bool,
    /// Print the paths alone, each ended by NUL, for `xargs -0`
    #[arg(short = '0', id = "nul")]
    nul: bool,
    /// Write a page of thumbnails to look at
    #[arg(long, value_name = "FILE")]
    html: Option<PathBuf>,
    /// Show that page in the browser; where no FILE is named, one in a temporary folder
    #[arg(long)]
    open: bool,
    /// Show small pictures of the matches in the terminal: as kitty or iTerm2 or as sixels show them,
    /// where it can; in half blocks elsewhere, if it has colours (24 bits)
    #[arg(long, conflicts_with_all = ["json", "csv", "nul", "each"])]
    preview: bool,
    /// Write the query (framed) and its matches as one picture
    #[arg(long, value_name = "FILE")]
    contact_sheet: Option<PathBuf>,
    #[command(flatten)]
    filter: FilterArgs,
    #[command(flatten)]
    gallery: GalleryArgs,
    #[command(flatten)]
    descriptor: DescriptorArgs,
}

pub fn run(args: &QueryArgs) -> Result<Exit> {
    let mut rebuilding = StepProgress::new(REBUILDING);
    let (dir, overrides) = (
        args.gallery.find(&args.images)?,
        args.descriptor.overrides(),
    );
    let opened = Searcher::open_telling(dir, &overrides, &mut |done, total| {
        rebuilding.on_step(done, total)
    });
    rebuilding.finish();
    let searcher = opened?;
    let mut progress = FetchProgress::default();
    let searcher = searcher
        .tell_fetching(move |event| progress.on_event(event))
        .tell_loaded(setup::tell_loaded);
    tell_asked(&searcher);
    let repaired = tell_repairs(&searcher, 0);
    let mut out = io::BufWriter::new(io::stdout().lock());
    let (exit, page) = if args.each {
        (args.run_each(&searcher, &mut out)?, None)
    } else {
        args.run_together(&searcher, &mut out)?
    };
    out.flush()?;
    tell_repairs(&searcher, repaired);
    detail!(
        "read: {} of the gallery",
        HumanBytes(searcher.snapshot().read_bytes())
    );
    if searcher.loaded_extractor().is_none() {
        detail!("weights: none were needed, the gallery knows what it was asked with");
    }
    if let Some(page) = page.filter(|_| args.open) {
        open::show(&page);
    }
    Ok(exit)
}

/// Says what was mended, but for what was said already; how much that is in all.
fn tell_repairs(searcher: &Searcher, said: usize) -> usize {
    let repairs = searcher.repairs();
    for repair in repairs.iter().skip(said) {
        note!("note: {}", clean_line(&repair.to_string()));
    }
    repairs.len()
}

/// Says what is asked.
fn tell_asked(searcher: &Searcher) {
    let snapshot = searcher.snapshot();
    let (photos, recipe) = (snapshot.len() as u64, snapshot.fingerprint().recipe());
    detail!("photos: {} already known", HumanCount(photos));
    detail!("made with: {}", clean_line(&recipe.to_string()));
    setup::tell_threads(0);
}

impl QueryArgs {
    /// Why nothing can ever be found with these, whatever the gallery.
    pub fn contradiction(&self) -> Option<&'static str> {
        self.filter.contradiction()
    }

    /// Where the page is written, if one is.
    fn page(&self) -> Result<Option<PathBuf>> {
        match &self.html {
            None if self.open => Ok(Some(open::place()?)),
            html => Ok(html.clone()),
        }
    }

    /// One query of all pictures together; and the page, if one was written.
    fn run_together(
        &self,
        searcher: &Searcher,
        out: &mut dyn Write,
    ) -> Result<(Exit, Option<PathBuf>)> {
        let given = self.weight.len();
        if given != 0 && given != self.images.len() {
            anyhow::bail!(
                "{given} weights for {} pictures: give one for each",
                self.images.len()
            );
        }
        // Standard input and pipes can be read only once, and are shown too.
        let photos = self
            .images
            .iter()
            .map(|path| is_input(path).then(|| read(path)).transpose());
        let photos = photos.collect::<Result<Vec<_>, _>>()?;
        let mut query = self.with_unlike(searcher.query())?;
        for (place, (path, photo)) in self.images.iter().zip(&photos).enumerate() {
            let weight = self.weight.get(place).copied().unwrap_or(1.0);
            let example = photo.clone().map_or_else(|| path.into(), Example::from);
            query = query.weighted(weight, self.part_of(example))?;
        }
        let answer = query.run()?;
        self.tell_unknown(searcher, &answer);
        let mut lines = SkippedLines::default();
        for asked in &answer.queries {
            if let Some(part) = asked.part() {
                let name = clean_line(asked.place.path());
                note!("note: only {part} of the picture is there: {name}");
            }
        }
        for skipped in answer.queries.iter().flat_map(|asked| &asked.skipped) {
            lines.note_said(&skipped.place, &skipped.reason);
        }
        lines.tell();
        if searcher.snapshot().is_empty() {
            note!("note: the gallery is empty: `imgsearch index PATH` puts photos into it");
        } else if answer.matches.is_empty() {
            note!("note: no photo in the gallery matches");
        }
        let page = self.write_pictures(photos, &answer)?;
        if self.json {
            json::print(&answer, out)?;
        } else if self.csv {
            csv::matches(&answer.matches, out)?;
        } else if self.nul {
            nul::matches(&answer.matches, out)?;
        } else if self.preview && preview::is_possible() {
            preview::matches(&answer.matches, out)?;
        } else {
            if self.preview {
                note!("note: pictures are shown on a terminal with colours only");
            }
            table::matches(&answer.matches, out)?;
        }
        let has_all = answer.queries.iter().all(|asked| asked.skipped.is_empty());
        let exit = match (answer.matches.is_empty(), has_all) {
            (true, _) => Exit::Nothing,
            (false, true) => Exit::Done,
            (false, false) => Exit::Skipped,
        };
        Ok((exit, page))
    }

    /// Says that of too few photos nobody knows what is unrelated.
    fn tell_unknown(&self, searcher: &Searcher, answer: &Answer) {
        let is_asked = self.expected || matches!(self.min_similarity, Some(Lowest::Auto));
        if is_asked && searcher.snapshot().unrelated(&answer.ranking).is_none() {
            note!(
                "note: the gallery has too few photos to say how similar unrelated ones are: no match was left out for it"
            );
        }
    }

    /// A query for each picture, and a line for each answer. One that cannot be asked does not stop
    /// the others.
    fn run_each(&self, searcher: &Searcher, out: &mut dyn Write) -> Result<Exit> {
        let unlike = self.with_unlike(searcher.query())?;
        let (mut done, mut failed) = (0usize, 0usize);
        for image in self.images.iter().flat_map(|path| pictures(path)) {
            let asked = self.ask_one(unlike.clone(), &image);
            match asked {
                Ok(answer) => {
                    json::line(&answer, out)?;
                    done += 1;
                }
                Err(error) => {
                    tell!("{}", skipped_line(&image, &error));
                    let error = anyhow::Error::from(error);
                    let hint = hint::of(&error);
                    json::line(&ErrorReport::of(&error, hint).about(&image), out)?;
                    failed += 1;
                }
            }
        }
        Ok(match (done, failed) {
            (_, 0) => Exit::Done,
            (0, _) => Exit::Failed,
            _ => Exit::Skipped,
        })
    }

    fn ask_one(&self, query: Query<'_>, image: &Path) -> Result<Answer, Error> {
        query.like(self.part_of(example(image)?))?.run()
    }

    /// The query with how to answer it, and what the answers shall be unlike.
    fn with_unlike<'a>(&self, query: Query<'a>) -> Result<Query<'a>, Error> {
        let mut query = query.k(self.k as usize).filter(self.filter.filter());
        if self.expected {
            query = query.most_expected(f64::INFINITY);
        }
        match self.min_similarity {
            Some(Lowest::Similarity(lowest)) => query = query.min_similarity(lowest),
            Some(Lowest::Auto) => query = query.most_expected(ONE),
            None => {}
        }
        if let Some(candidates) = self.ef_search {
            query = query.ef_search(candidates);
        }
        if let Some(ranking) = self.ranking {
            query = query.ranking(ranking);
        }
        if self.expand > 0 {
            query = query.expand(Expansion {
                neighbors: self.expand,
                alpha: self.alpha,
            });
        }
        if self.exact {
            query = query.exact();
        }
        if self.not_itself {
            query = query.not_itself();
        }
        if self.existing {
            query = query.existing();
        }
        for path in &self.unlike {
            query = query.unlike(example(path)?)?;
        }
        Ok(query)
    }

    fn part_of(&self, example: Example) -> Example {
        match self.region {
            Some(region) => example.region(region),
            None => example,
        }
    }

    /// The page and the sheet. A picture that the gallery knows and the disk has no more is left out.
    fn write_pictures(
        &self,
        from_input: Vec<Option<Photo>>,
        answer: &Answer,
    ) -> Result<Option<PathBuf>> {
        let page = self.page()?;
        if page.is_none() && self.contact_sheet.is_none() {
            return Ok(None);
        }
        let photos = self
            .images
            .iter()
            .zip(from_input)
            .flat_map(|(path, photo)| {
                let paths = if photo.is_some() {
                    Vec::new()
                } else {
                    pictures(path)
                };
                let read = paths
                    .into_iter()
                    .take(SHOWN_OF_FOLDER)
                    .filter_map(|path| Photo::read(path).ok());
                photo.into_iter().chain(read).collect::<Vec<_>>()
            });
        let photos: Vec<Photo> = photos.collect();
        if let Some(file) = &page {
            let page = html::page(&photos, &answer.matches);
            replace(file, page.as_bytes()).map_err(FileError::write_at(file))?;
        }
        if let Some(file) = &self.contact_sheet {
            contact_sheet::write(file, &photos, &answer.matches)?;
        }
        Ok(page)
    }
}

/// A file, a folder, or what comes from standard input.
fn example(path: &Path) -> Result<Example, Error> {
    Ok(if is_input(path) {
        read(path)?.into()
    } else {
        path.into()
    })
}

/// Whether it is standard input, or another pipe.
fn is_input(path: &Path) -> bool {
    path == Path::new("-") || is_stream(path)
}

/// The pictures in a folder; of a file, itself.
fn pictures(path: &Path) -> Vec<PathBuf> {
    if !path.is_dir() {
        return vec![path.to_owned()];
    }
    let walked = walk(&[path.to_owned()], &Exclude::default());
    walked.found.into_iter().map(|found| found.path).collect()
}

fn alpha(text: &str) -> Result<f32, &'static str> {
    let usable = |alpha: &f32| (0.0..=100.0).contains(alpha);
    let alpha = text.parse().ok().filter(usable);
    alpha.ok_or("alpha is a number in 0 … 100")
}

fn weight(text: &str) -> Result<f32, &'static str> {
    let usable = |weight: &f32| weight.is_finite() && *weight > 0.0;
    let weight = text.trim().parse().ok().filter(usable);
    weight.ok_or("a weight is a number above 0")
}

/// The photo at `path`, a file or a pipe; `-` is standard input.
pub fn read(path: &Path) -> Result<Photo, Error> {
    if path != Path::new("-") {
        return Photo::read_any(path);
    }
    Photo::from_stream(path, io::stdin().lock())
}
