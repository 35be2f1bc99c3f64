//! `imgsearch tag`: what people call photos, for `query --tag`.

use std::io::{self, Write};
use std::path::{Path, PathBuf};

use anyhow::Result;
use clap::Args;
use imgsearch::Gallery;
use imgsearch::gallery::{Tagged, Tagging, Tags, tag_name, tags_of_table};

use super::args::{GalleryArgs, WaitArgs};
use super::exit::Exit;
use super::output::{clean_line, json, photos, shown_clean};
use super::setup;
use super::tell::tell;

/// Give photos tags to find them by, or take them away
#[derive(Args)]
#[command(
    after_help = "Examples:\n  imgsearch tag family ./photos/2024 ./photos/aunt.jpg\n  \
                        imgsearch tag family ./photos/2024/stranger.jpg --remove\n  \
                        imgsearch tag --csv tags.csv\n  \
                        imgsearch tag --list\n  \
                        imgsearch query cat.jpg --tag family"
)]
pub struct TagArgs {
    /// The tag: up to 100 bytes without commas
    #[arg(value_name = "NAME", value_parser = tag_name, requires = "paths",
          required_unless_present_any = ["list", "csv"])]
    name: Option<String>,
    /// Photos of the gallery, or folders with all below them; they need not exist any more
    #[arg(value_name = "PATH")]
    paths: Vec<PathBuf>,
    /// Take the tag away from them
    #[arg(long)]
    remove: bool,
    /// List all tags and how many photos have each
    #[arg(long, conflicts_with_all = ["name", "paths", "remove", "csv"])]
    list: bool,
    /// Give (or take, with --remove) the tags of a table with the columns `path,tag`; paths from its
    /// folder on
    #[arg(long, value_name = "FILE", conflicts_with_all = ["name", "paths"])]
    csv: Option<PathBuf>,
    /// Print JSON
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    gallery: GalleryArgs,
    #[command(flatten)]
    wait: WaitArgs,
}

pub fn run(args: &TagArgs) -> Result<Exit> {
    if args.list {
        return args.list();
    }
    let tagged = args.tagged()?;
    let beside: Vec<PathBuf> = match &args.csv {
        Some(table) => vec![table.clone()],
        None => args.paths.clone(),
    };
    let dir = args.gallery.find(&beside)?;
    let mut gallery = setup::waiting(&args.wait, || Gallery::open(&dir))?;
    let tagging = if args.remove {
        gallery.remove_tags(&tagged)?
    } else {
        gallery.add_tags(&tagged)?
    };
    for path in &tagging.unknown {
        tell!("not in the gallery: {}", shown_clean(path));
    }
    let mut out = io::stdout().lock();
    if args.json {
        json::print(&tagging, &mut out)?;
    } else {
        args.print(&tagging, &mut out)?;
    }
    Ok(if tagging.unknown.is_empty() {
        Exit::Done
    } else {
        Exit::Skipped
    })
}

impl TagArgs {
    fn tagged(&self) -> Result<Vec<Tagged>> {
        if let Some(table) = &self.csv {
            return Ok(tags_of_table(table)?);
        }
        let tag = self.name.as_deref().unwrap_or_default();
        let tagged = self.paths.iter().map(|path| Tagged {
            path: path.clone(),
            tag: tag.to_owned(),
        });
        Ok(tagged.collect())
    }

    fn print(&self, tagging: &Tagging, out: &mut dyn Write) -> io::Result<()> {
        let done = if self.remove { "untagged" } else { "tagged" };
        write!(out, "{done} {}", photos(tagging.changed.len()))?;
        match tagging.unchanged {
            0 => writeln!(out),
            count => writeln!(out, ", {count} were so already"),
        }
    }

    fn list(&self) -> Result<Exit> {
        let dir: &Path = &self.gallery.find(&[])?;
        let snapshot = setup::snapshot(dir)?;
        let tags = Tags::of(&snapshot);
        let mut out = io::stdout().lock();
        if self.json {
            json::print(&tags, &mut out)?;
        } else {
            for one in &tags.tags {
                writeln!(out, "{:>9}  {}", one.photos, clean_line(&one.tag))?;
            }
        }
        Ok(Exit::Done)
    }
}
