//! What a walk found, held against what the gallery knows.

use std::collections::{HashMap, HashSet};
use std::io;
use std::path::{Path, PathBuf};

use super::kept::{Root, RootState, keep};
use super::report::{IngestReport, Skipped};
use super::twins::{self, Twin};
use crate::error::{Error, FileError, Result};
use crate::gallery::{Gallery, Record};
use crate::photo::{ContentHash, Found, Walk, absolute};

/// What is to be done, and what is known beforehand.
pub(super) struct Changes {
    pub(super) to_do: Vec<Found>,
    pub(super) unchanged: usize,
    pub(super) known: HashMap<PathBuf, Record>,
    /// Photos beneath the roots that are not there any more.
    pub(super) gone: HashMap<PathBuf, ContentHash>,
    /// What they are called, by their content.
    tags: HashMap<ContentHash, Vec<String>>,
    roots: Vec<Root>,
    /// Known photos that were found under their own names.
    twins: Vec<Twin>,
}

impl Changes {
    /// Of a walk over `paths`.
    pub(super) fn make(
        paths: &[PathBuf],
        walked: &mut Walk,
        gallery: &mut Gallery,
    ) -> Result<Self> {
        gallery.follow_moved_roots(&walked.roots)?;
        // Without its descriptor a photo is as good as new.
        let mut known = HashMap::new();
        let asked = paths.iter().filter_map(|path| absolute(path).ok());
        for path in walked.roots.iter().cloned().chain(asked) {
            add_beneath(&path, gallery, &mut known)?;
        }
        let folders = NewFolders::of(&walked.found, &known);
        for place in folders.known_elsewhere(gallery) {
            add_beneath(&place, gallery, &mut known)?;
        }
        for root in walked.roots.iter().chain(&folders.links) {
            gallery.add_root(if root.is_dir() {
                root
            } else {
                root.parent().unwrap_or(root)
            })?;
        }
        let twins = twins::settle(&mut walked.found, &known);
        let is_unchanged = |found: &&Found| {
            // What an earlier version described is looked at once more.
            let same = |record: &Record| {
                (record.size, record.modified) == (found.size, found.modified)
                    && record.facts.is_some()
            };
            known.get(&found.path).is_some_and(same)
        };
        let (unchanged, to_do): (Vec<&Found>, Vec<&Found>) =
            walked.found.iter().partition(is_unchanged);
        let roots = roots(paths, walked);
        let mut gone = gone(&roots, walked, &known);
        for twin in &twins {
            gone.extend(
                known
                    .get(&twin.other)
                    .map(|it| (twin.other.clone(), it.hash)),
            );
        }
        let unchanged = unchanged.len();
        let tags = tags_of(gone.keys().filter_map(|path| known.get(path)));
        Ok(Self {
            to_do: to_do.into_iter().cloned().collect(),
            unchanged,
            gone,
            tags,
            known,
            roots,
            twins,
        })
    }

    /// What a photo is called that is gone, its content is called at another place too.
    pub(super) fn give_tags(&self, record: &mut Record) {
        if let Some(tags) = self.tags.get(&record.hash) {
            record.tags.clone_from(tags);
        }
    }

    /// Takes the photos out that are gone: all of them, or, unless `remove_many`, no more than is
    /// usual.
    pub(super) fn take_out_gone(
        self,
        gallery: &mut Gallery,
        remove_many: bool,
        report: &mut IngestReport,
    ) -> Result<()> {
        let mut gone = self.gone;
        for twin in &self.twins {
            // Where its own name could not be taken in, the other stays.
            if gallery.record(&twin.own)?.is_none() {
                gone.remove(&twin.other);
            }
        }
        if gone.is_empty() {
            return Ok(());
        }
        if !remove_many {
            let mut new = HashSet::new();
            for found in &self.to_do {
                let record = gallery.record(&found.path)?;
                let record = record.filter(|record| !self.known.contains_key(&record.path));
                new.extend(record.map(|record| record.hash));
            }
            report.kept = keep(&mut gone, &self.roots, &self.known, &new);
        }
        let gone: Vec<PathBuf> = gone.into_keys().collect();
        if !gone.is_empty() {
            gallery.write(&[], &gone)?;
        }
        report.removed = gone.len().saturating_sub(report.moved);
        Ok(())
    }

    /// Takes the photos out that were overwritten by what cannot be taken in: they would be found
    /// under a picture that is not there any more. Of what could not be read nobody knows.
    pub(super) fn take_out_overwritten(
        &self,
        gallery: &mut Gallery,
        report: &mut IngestReport,
    ) -> Result<()> {
        let is_overwritten = |skipped: &&Skipped| {
            self.known.contains_key(&skipped.path) && !matches!(skipped.reason, Error::File(_))
        };
        let skipped = report.skipped.iter().filter(is_overwritten);
        let overwritten: Vec<PathBuf> = skipped.map(|skipped| skipped.path.clone()).collect();
        if !overwritten.is_empty() {
            gallery.write(&[], &overwritten)?;
        }
        report.overwritten = overwritten.len();
        Ok(())
    }
}

/// Adds what the gallery knows at or beneath a path.
fn add_beneath(path: &Path, gallery: &Gallery, known: &mut HashMap<PathBuf, Record>) -> Result<()> {
    for record in gallery.described_beneath(path) {
        let record = record?;
        known.insert(record.path.clone(), record);
    }
    Ok(())
}

/// The folders of photos that are new by name.
struct NewFolders {
    /// Where they really are.
    own: HashSet<PathBuf>,
    /// The links, within what was walked, that lead to some of them.
    links: HashSet<PathBuf>,
}

impl NewFolders {
    fn of(found: &[Found], known: &HashMap<PathBuf, Record>) -> Self {
        let (mut own, mut links) = (HashSet::new(), HashSet::new());
        let mut seen = HashSet::new();
        for found in found {
            if known.contains_key(&found.path) {
                continue;
            }
            let linked = found.path.is_symlink();
            let folder = found.path.parent().unwrap_or(&found.path);
            if !linked && seen.contains(folder) {
                continue;
            }
            seen.insert(folder.to_owned());
            let target = if linked { &found.path } else { folder };
            let Ok(real) = target.canonicalize() else {
                continue;
            };
            let real = if linked {
                real.parent().unwrap_or(&real).to_owned()
            } else {
                real
            };
            if real != folder {
                let mut above = folder.ancestors();
                links.extend(above.find(|above| above.is_symlink()).map(Path::to_owned));
            }
            own.insert(real);
        }
        Self { own, links }
    }

    /// The same folders by the names that the gallery knows them by.
    fn known_elsewhere(&self, gallery: &Gallery) -> Vec<PathBuf> {
        let mut places = Vec::new();
        for root in gallery.roots() {
            let Ok(real) = root.canonicalize() else {
                continue;
            };
            let within = self
                .own
                .iter()
                .filter_map(|own| own.strip_prefix(&real).ok());
            places.extend(within.map(|rest| root.join(rest)));
        }
        places
    }
}

/// What was walked, and what was to be walked and is not there.
fn roots(paths: &[PathBuf], walked: &Walk) -> Vec<Root> {
    let there = walked.roots.iter().map(|root| {
        let is_beneath = |found: &Found| found.path.starts_with(root);
        Root {
            state: if walked.found.iter().any(is_beneath) {
                RootState::There
            } else {
                RootState::Empty
            },
            path: root.clone(),
        }
    });
    // A link that leads nowhere is there.
    let is_gone = |path: &&PathBuf| {
        let looked = path.symlink_metadata();
        looked.is_err_and(|error| error.kind() == io::ErrorKind::NotFound)
    };
    let gone = paths.iter().filter(is_gone);
    let gone = gone
        .filter_map(|path| absolute(path).ok())
        .map(|path| Root {
            path,
            state: RootState::Gone,
        });
    there.chain(gone).collect()
}

/// The known photos beneath the roots that were looked for and not found.
fn gone(
    roots: &[Root],
    walked: &Walk,
    known: &HashMap<PathBuf, Record>,
) -> HashMap<PathBuf, ContentHash> {
    let found: HashSet<&Path> = walked
        .found
        .iter()
        .map(|found| found.path.as_path())
        .collect();
    // A folder that could not be read, or a link that leads nowhere, takes nothing out.
    let is_root_gone = |path: &Path| {
        roots
            .iter()
            .any(|it| it.state == RootState::Gone && it.path == path)
    };
    let whole = |(path, _): &(PathBuf, FileError)| absolute(path).unwrap_or_else(|_| path.clone());
    let mut unseen: Vec<PathBuf> = walked.problems.iter().map(whole).collect();
    unseen.retain(|path| !is_root_gone(path));
    let is_gone = |path: &Path| {
        roots.iter().any(|root| path.starts_with(&root.path))
            && !found.contains(path)
            && !unseen.iter().any(|problem| path.starts_with(problem))
    };
    let gone = known.iter().filter(|(path, _)| is_gone(path));
    gone.map(|(path, record)| (path.clone(), record.hash))
        .collect()
}

/// The tags of some photos, by their content.
fn tags_of<'a>(photos: impl Iterator<Item = &'a Record>) -> HashMap<ContentHash, Vec<String>> {
    let mut of_contents: HashMap<ContentHash, Vec<String>> = HashMap::new();
    for photo in photos.filter(|photo| !photo.tags.is_empty()) {
        let tags = of_contents.entry(photo.hash).or_default();
        tags.extend_from_slice(&photo.tags);
        tags.sort_unstable();
        tags.dedup();
    }
    of_contents
}
