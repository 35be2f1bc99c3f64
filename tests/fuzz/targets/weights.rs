//! Files of tensors: of networks, and of a whitening.

use imgsearch::descriptor::{Vectors, Whitening};
use imgsearch::weights::WeightsFile;
use safetensors::tensor::{Dtype, TensorView};

use super::{Place, Target, data, packed};
use crate::collection;

/// Opens a file and reads every tensor in it.
fn target(samples: Vec<Vec<u8>>) -> Target {
    let place = Place::new("weights");
    Target::new(samples, move |bytes| {
        let Ok(file) = WeightsFile::open(place.with(bytes)) else {
            return false;
        };
        for name in file.names() {
            let shape = file.shape(name).unwrap().to_vec();
            let _ = file.tensor(name, &shape);
        }
        true
    })
}

const TORCHS: [&str; 6] = [
    "plain", "wrapped", "module", "float16", "bfloat16", "float64",
];

pub fn torch() -> Target {
    let files = TORCHS.map(|name| data(&format!("weights/{name}.pth")));
    target(files.to_vec()).changed_by(packed::zip)
}

pub fn legacy() -> Target {
    let files = TORCHS.map(|name| data(&format!("weights/{name}_legacy.pth")));
    target(files.to_vec())
}

pub fn safetensors() -> Target {
    let numbers: Vec<u8> = (0..96u8).collect();
    let views = [
        ("conv.weight", Dtype::F32, vec![2, 3, 2, 2]),
        ("norm.bias", Dtype::F16, vec![48]),
        ("norm.steps", Dtype::I64, vec![12]),
    ];
    let views =
        views.map(|(name, kind, shape)| (name, TensorView::new(kind, shape, &numbers).unwrap()));
    let file = safetensors::serialize(views, None).unwrap();
    target(vec![file]).changed_by(packed::safetensors)
}

pub fn keras() -> Target {
    target(vec![
        data("weights/keras.h5"),
        data("weights/keras.weights.h5"),
    ])
}

pub fn whitening() -> Target {
    let place = Place::new("whitening.safetensors");
    let photos = (0..40).map(collection::photo);
    let rows: Vec<f32> = photos
        .flat_map(|(_, photo)| photo.unwrap().as_slice().to_vec())
        .collect();
    let rows = Vectors::new(&rows, collection::DIMENSION).unwrap();
    let whitening = Whitening::fit(rows, 8, 0.1).unwrap();
    whitening
        .fitted_on(&collection::fingerprint())
        .save(&place.path)
        .unwrap();
    let sample = std::fs::read(&place.path).unwrap();
    let read = move |bytes: &[u8]| {
        let Ok(whitening) = Whitening::load(place.with(bytes)) else {
            return false;
        };
        let _ = whitening.check(&collection::fingerprint());
        let _ = whitening.apply(&vec![0.5; whitening.input_dimension()]);
        true
    };
    Target::new(vec![sample], read).changed_by(packed::safetensors)
}
