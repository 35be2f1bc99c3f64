//! Paints scenes to try imgsearch on: `cargo run --example paint -- DIR [VIEWS]`.
//!
//! Each kind of scene is painted in several views, as `<scene>_<view>.jpg`, so one knows which
//! pictures should find each other. `data/painted` was made by `paint -- data/painted 4`, and the
//! pictures of the reference values by `paint -- data/goldens/pictures png`.

#![allow(
    clippy::print_stderr,
    clippy::print_stdout,
    reason = "an example shows what it finds"
)]

#[path = "../tests/common/paint.rs"]
mod paint;

use std::error::Error;
use std::path::PathBuf;

use image::codecs::jpeg::JpegEncoder;
use paint::{Scene, paint};

fn main() -> Result<(), Box<dyn Error>> {
    let mut arguments = std::env::args().skip(1);
    let folder = PathBuf::from(arguments.next().ok_or("usage: paint DIR [VIEWS|png]")?);
    let views = arguments.next().unwrap_or_else(|| "4".to_owned());
    std::fs::create_dir_all(&folder)?;
    if views == "png" {
        paint(Scene::Beach, 90, 224, 224).save(folder.join("beach.png"))?;
        paint(Scene::City, 91, 224, 224).save(folder.join("city.png"))?;
        paint(Scene::Balloons, 92, 288, 224).save(folder.join("balloons_288x224.png"))?;
        paint(Scene::Boats, 93, 400, 300).save(folder.join("boats_400x300.png"))?;
        return Ok(());
    }
    for (scene, name) in Scene::ALL {
        for view in 0..views.parse()? {
            // Every fourth picture stands upright.
            let (width, height) = if view % 4 == 3 {
                (240, 320)
            } else {
                (320, 240)
            };
            let file = std::fs::File::create(folder.join(format!("{name}_{view}.jpg")))?;
            let picture = paint(scene, view, width, height);
            picture.write_with_encoder(JpegEncoder::new_with_quality(file, 85))?;
        }
    }
    Ok(())
}
