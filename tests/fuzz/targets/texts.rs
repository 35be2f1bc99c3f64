//! What people pass on as text: specs, recipes, preprocessings, rankings, regions, and files of them.

use imgsearch::backbone::Architecture;
use imgsearch::network::Network;
use imgsearch::photo::{Preprocess, Region};
use imgsearch::ranking::Ranking;
use imgsearch::{DescriptorSpec, Recipe, SpecFile};

use super::{Place, Target};

const TEXTS: [&str; 10] = [
    "vgg16:block4_pool/direct",
    "efficientnet_lite0:blocks.10/gem*0.5+head",
    "efficientnet_lite0:blocks.10/rmac*0.7+head/gem1.5",
    "resnet18:layer4@resize=320x240,crop=none,decode=full@whitening",
    "efficientnet_lite0:head@crop=none",
    "none",
    "augment=3^0.5,expand=5",
    "10,20,300,200",
    "10%,20%,50%,50%",
    "resize=320x240,crop=none,decode=full",
];

pub fn texts() -> Target {
    let network = Architecture::find("efficientnet_lite0").unwrap().network();
    let mut samples: Vec<_> = TEXTS.map(|text| text.as_bytes().to_vec()).into();
    samples.push(
        "efficientnet_lite0:head"
            .parse::<Recipe>()
            .unwrap()
            .preprocess
            .to_string()
            .into_bytes(),
    );
    Target::new(samples, move |bytes| read(bytes, &network))
}

/// Whether a text is anything of what texts are.
fn read(bytes: &[u8], network: &Network) -> bool {
    let text = String::from_utf8_lossy(bytes);
    let sizes = |spec: &DescriptorSpec| {
        let _ = spec.dimension(network, 224, 224);
        let _ = spec.to_string();
    };
    let spec = text.parse::<DescriptorSpec>().map(|spec| sizes(&spec));
    let recipe = text.parse::<Recipe>().map(|recipe| sizes(&recipe.spec));
    let ranking = text.parse::<Ranking>().map(|ranking| ranking.to_string());
    let preprocess = text
        .parse::<Preprocess>()
        .map(|preprocess| preprocess.to_string());
    let region = text.parse::<Region>();
    spec.is_ok() || recipe.is_ok() || ranking.is_ok() || preprocess.is_ok() || region.is_ok()
}

pub fn spec_file() -> Target {
    let place = Place::new("spec.json");
    let mut spec = SpecFile::of("efficientnet_lite0:blocks.10/gem*0.5+head".parse().unwrap());
    spec.ranking = Some("augment=3".parse().unwrap());
    spec.weights = Some("0".repeat(64));
    spec.write(&place.path).unwrap();
    let sample = std::fs::read(&place.path).unwrap();
    Target::new(vec![sample], move |bytes| {
        SpecFile::read(place.with(bytes)).is_ok()
    })
}
