//! Which gallery is meant where nobody says: found as git finds its folder.
//!
//! First from the current folder upwards, then from the photos that are asked about upwards. One
//! that belongs to another user is not opened: a gallery in a folder that everybody can write to,
//! such as `/tmp`, would else be anybody's word about one's own photos. Naming it is asking for it.

use std::env;
use std::fs;
use std::path::{Path, PathBuf};

use super::salvage;
use super::snapshot::CURRENT;
use crate::error::{FileError, GalleryError, Result};

/// What a gallery's folder is called where nobody says.
pub const DEFAULT_NAME: &str = ".imgsearch";

/// Finds the gallery for `photos`, which may be none: in the current folder or above it, else beside
/// the photos or above them. One in the current folder is called `.imgsearch`, others by their
/// absolute path.
///
/// # Errors
/// [`GalleryError::NoGallery`], which says where it was looked for; [`GalleryError::ForeignGallery`]
/// if the first one found is another user's; [`FileError::Read`] where there is no current folder.
pub fn find(photos: &[PathBuf]) -> Result<PathBuf> {
    let here = current_folder()?;
    let found = find_from(&here, photos, &is_ours)?;
    Ok(as_seen_from(&here, found))
}

/// The same for what makes a gallery where there is none: in the current folder.
///
/// # Errors
/// As [`find`], without [`GalleryError::NoGallery`].
pub fn find_or_here(photos: &[PathBuf]) -> Result<PathBuf> {
    match find_from(&current_folder()?, photos, &is_ours) {
        Ok(found) => Ok(as_seen_from(&current_folder()?, found)),
        Err(GalleryError::NoGallery { .. }) => Ok(DEFAULT_NAME.into()),
        Err(error) => Err(error.into()),
    }
}

/// Whether a gallery lies in `dir`, be it damaged.
#[must_use]
pub fn is_gallery(dir: &Path) -> bool {
    salvage::is_store_there(dir) || dir.join(CURRENT).is_file()
}

fn current_folder() -> Result<PathBuf, FileError> {
    env::current_dir().map_err(FileError::read_at(Path::new(".")))
}

fn as_seen_from(here: &Path, found: PathBuf) -> PathBuf {
    if found.parent() == Some(here) {
        DEFAULT_NAME.into()
    } else {
        found
    }
}

/// Whether a gallery's folder may be opened unasked.
type IsOurs<'a> = &'a dyn Fn(&Path) -> bool;

fn find_from(here: &Path, photos: &[PathBuf], ours: IsOurs<'_>) -> Result<PathBuf, GalleryError> {
    let beside = photos.iter().filter_map(|photo| folder_of(here, photo));
    let mut looked = Vec::new();
    for from in std::iter::once(here.to_owned()).chain(beside) {
        for folder in from.ancestors() {
            let dir = folder.join(DEFAULT_NAME);
            if looked.contains(&dir) {
                // And all above it.
                break;
            }
            if is_gallery(&dir) {
                let foreign = |dir| Err(GalleryError::ForeignGallery { dir });
                return if ours(&dir) { Ok(dir) } else { foreign(dir) };
            }
            looked.push(dir);
        }
    }
    Err(GalleryError::NoGallery {
        dir: DEFAULT_NAME.into(),
        looked,
    })
}

/// The folder that a photo is in, without links and dots; of a folder, itself. What is gone is
/// looked for where it was.
fn folder_of(here: &Path, photo: &Path) -> Option<PathBuf> {
    if photo == Path::new("-") {
        return None;
    }
    let photo = here.join(photo);
    let is_folder = photo.is_dir();
    let mut folders = photo.ancestors().skip(usize::from(!is_folder));
    folders.find_map(|folder| fs::canonicalize(folder).ok())
}

/// Whether whoever runs this owns the folder and, where that is a link, the link. Of root it is
/// enough that whoever became root does, as git has it.
#[cfg(unix)]
fn is_ours(dir: &Path) -> bool {
    use std::os::unix::fs::MetadataExt;
    let user = nix::unistd::geteuid();
    let before = env::var("SUDO_UID").ok().filter(|_| user.is_root());
    let before: Option<u32> = before.and_then(|user| user.parse().ok());
    let owns = |owner: u32| owner == user.as_raw() || Some(owner) == before;
    let owners = [dir.metadata(), dir.symlink_metadata()];
    owners.iter().all(|found| {
        let owner = found.as_ref().map(MetadataExt::uid);
        owner.is_ok_and(owns)
    })
}

#[cfg(not(unix))]
fn is_ours(_: &Path) -> bool {
    true
}

#[cfg(test)]
mod tests {
    use super::*;
    use tempfile::TempDir;

    /// A folder in which nothing is found, with folders in it; the part of the path above it is
    /// nobody's concern.
    fn place() -> (TempDir, PathBuf) {
        let folder = TempDir::new().unwrap();
        let root = folder.path().canonicalize().unwrap();
        for path in ["here/deep/er", "photos/album"] {
            fs::create_dir_all(root.join(path)).unwrap();
        }
        fs::write(root.join("photos/album/a.jpg"), "").unwrap();
        (folder, root)
    }

    fn make(root: &Path, folder: &str) -> PathBuf {
        let dir = root.join(folder).join(DEFAULT_NAME);
        fs::create_dir_all(dir.join("store")).unwrap();
        dir
    }

    fn found(here: &Path, photos: &[&str]) -> Option<PathBuf> {
        let photos: Vec<PathBuf> = photos.iter().map(PathBuf::from).collect();
        find_from(here, &photos, &|_| true).ok()
    }

    #[test]
    fn the_nearest_from_here_upwards_comes_before_that_of_the_photo() {
        let (_folder, root) = place();
        let here = root.join("here/deep/er");
        let photo = "../../../photos/album/a.jpg";
        assert_eq!(found(&here, &[photo]), None);
        let beside = make(&root, "photos");
        assert_eq!(found(&here, &[photo]).as_ref(), Some(&beside));
        assert_eq!(found(&here, &["-", "../../../photos"]), Some(beside));
        assert_eq!(found(&here, &["-"]), None);
        let above = make(&root, "here");
        assert_eq!(found(&here, &[photo]), Some(above));
        let own = make(&root, "here/deep/er");
        assert_eq!(found(&here, &[photo]), Some(own));
    }

    #[test]
    fn photos_that_are_gone_are_looked_for_where_they_were() {
        let (_folder, root) = place();
        let dir = make(&root, "photos");
        let here = root.join("here");
        assert_eq!(found(&here, &["../photos/gone/b.jpg"]), Some(dir));
    }

    #[test]
    fn a_folder_of_that_name_that_is_no_gallery_is_passed_over() {
        let (_folder, root) = place();
        fs::create_dir_all(root.join("here/deep").join(DEFAULT_NAME)).unwrap();
        fs::write(root.join("here/deep/er").join(DEFAULT_NAME), "").unwrap();
        let dir = make(&root, "here");
        assert_eq!(found(&root.join("here/deep/er"), &[]), Some(dir));
    }

    #[cfg(unix)]
    #[test]
    fn a_link_is_climbed_from_where_it_leads() {
        let (_folder, root) = place();
        let dir = make(&root, "photos");
        std::os::unix::fs::symlink(root.join("photos/album"), root.join("here/album")).unwrap();
        assert_eq!(found(&root.join("here"), &["album/a.jpg"]), Some(dir));
    }

    #[test]
    fn another_users_is_refused_and_not_passed_over() {
        let (_folder, root) = place();
        let above = make(&root, "");
        let near = make(&root, "here");
        let ours = |dir: &Path| dir != near;
        let found = find_from(&root.join("here/deep"), &[], &ours);
        assert!(matches!(found, Err(GalleryError::ForeignGallery { dir }) if dir == near));
        let found = find_from(&root.join("photos"), &[], &ours);
        assert_eq!(found.unwrap(), above);
    }

    #[test]
    fn where_nothing_is_found_each_place_is_named_once_and_from_the_root() {
        let (_folder, root) = place();
        let photos = ["../photos/album/a.jpg".into(), "../photos".into()];
        let error = find_from(&root.join("here"), &photos, &|_| true).unwrap_err();
        let text = error.to_string();
        for folder in ["here", "", "photos/album", "photos"] {
            let dir = root.join(folder).join(DEFAULT_NAME);
            let dir = dir.display().to_string();
            let times = text
                .split(", ")
                .filter(|place| place.ends_with(&dir))
                .count();
            assert_eq!(times, 1, "{dir}: {text}");
        }
        let GalleryError::NoGallery { looked, .. } = error else {
            panic!("{text}")
        };
        assert!(looked.iter().all(|dir| dir.is_absolute()));
    }
}
