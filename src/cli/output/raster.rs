//! A drawing as PNG.

use resvg::tiny_skia::{Pixmap, Transform};
use resvg::usvg::{Options, Tree};

/// Pixels for each of the drawing's units: plots are looked at on dense screens.
const SCALE: f32 = 2.0;

/// The bytes of a PNG file. The drawing is one of our own, so it is well-formed.
pub fn png(svg: &str) -> Vec<u8> {
    let mut options = Options::default();
    // The same on every machine, also on those that have no fonts.
    let fonts = options.fontdb_mut();
    fonts.load_font_data(epaint_default_fonts::UBUNTU_LIGHT.to_vec());
    fonts.set_sans_serif_family("Ubuntu");
    let tree = Tree::from_str(svg, &options).expect("our own drawings are well-formed");
    let size = tree.size();
    let (width, height) = (
        (size.width() * SCALE) as u32,
        (size.height() * SCALE) as u32,
    );
    let mut pixels = Pixmap::new(width, height).expect("our own drawings have a size");
    resvg::render(
        &tree,
        Transform::from_scale(SCALE, SCALE),
        &mut pixels.as_mut(),
    );
    pixels
        .encode_png()
        .expect("a picture in memory can be encoded")
}
