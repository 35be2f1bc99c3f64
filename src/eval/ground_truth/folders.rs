//! One folder per class or object: the folder that a photo lies in is its group.

use std::path::Path;

use super::labelled::Labelled;
use super::set::GroundTruth;
use crate::photo::Found;

/// Photos that lie in `root` itself belong to no group.
pub fn read(root: &Path, found: &[Found]) -> GroundTruth {
    let labelled = |found: &Found| {
        let folder = found
            .path
            .parent()
            .and_then(|folder| folder.strip_prefix(root).ok());
        let group = folder.map(|folder| folder.to_string_lossy().into_owned());
        Labelled::both(&found.path, group.filter(|group| !group.is_empty()))
    };
    GroundTruth::of_groups(&found.iter().map(labelled).collect::<Vec<_>>())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_folder_is_the_group() {
        let found = |path: &str| Found {
            path: path.into(),
            size: 1,
            modified: 0,
        };
        let photos = [
            "/set/cat/1.jpg",
            "/set/cat/2.jpg",
            "/set/dog/big/1.jpg",
            "/set/loose.jpg",
        ];
        let truth = read(Path::new("/set"), &photos.map(found));
        assert_eq!(truth.groups, ["cat", "dog/big"]);
        let groups: Vec<Option<u32>> = truth.items.iter().map(|item| item.group).collect();
        assert_eq!(groups, [Some(0), Some(0), Some(1), None]);
        assert_eq!(truth.queries.len(), 2);
    }
}
