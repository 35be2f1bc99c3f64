//! AV1 pictures, by the crate `re_rav1d`: rav1d in Rust alone, without its assembler. Unlike its other
//! descendants it prints nothing of its own, and gives up on broken streams without a panic.

use re_rav1d::dav1d::{
    Decoder, Error, Picture, PixelLayout, PlanarImageComponent, Settings, pixel::YUVRange,
};

use super::fault::{Fault, damaged};
use super::planes::{Plane, Planes, Samples};
use super::properties::Nclx;

/// Bytes that decoding takes for a pixel, planes and all: an estimate that the fuzzer holds it to.
pub const BYTES_PER_PIXEL: u64 = 24;

/// The picture of an item, of at most `size`.
pub fn decode(stream: &[u8], size: (u32, u32), point: u8) -> Result<Planes, Fault> {
    let failed = |error: Error| damaged(format!("its AV1 stream: {error}"));
    if stream.is_empty() {
        return Err(damaged("its AV1 stream is empty"));
    }
    let mut settings = Settings::new();
    settings.set_n_threads(1);
    settings.set_max_frame_delay(1);
    settings.set_all_layers(false);
    settings.set_operating_point(u32::from(point.min(31)));
    settings.set_frame_size_limit(size.0.saturating_mul(size.1));
    let mut decoder = Decoder::with_settings(&settings).map_err(failed)?;
    match decoder.send_data(stream.to_vec(), None, None, None) {
        Ok(()) | Err(Error::Again) => {}
        Err(error) => return Err(failed(error)),
    }
    let picture = decoder.get_picture();
    planes(&picture.map_err(failed)?)
}

fn planes(picture: &Picture) -> Result<Planes, Fault> {
    let (width, height) = (picture.width(), picture.height());
    let depth = picture.bits_per_component();
    let depth = depth
        .ok_or_else(|| damaged("its AV1 stream has no depth"))?
        .0 as u8;
    let (narrow, low) = match picture.pixel_layout() {
        PixelLayout::I400 | PixelLayout::I444 => (0, 0),
        PixelLayout::I422 => (1, 0),
        PixelLayout::I420 => (1, 1),
    };
    let mut planes = vec![plane(
        picture,
        PlanarImageComponent::Y,
        (width, height),
        depth,
    )?];
    if !matches!(picture.pixel_layout(), PixelLayout::I400) {
        let of_chroma = ((width + narrow) >> narrow, (height + low) >> low);
        for component in [PlanarImageComponent::U, PlanarImageComponent::V] {
            planes.push(plane(picture, component, of_chroma, depth)?);
        }
    }
    Ok(Planes {
        size: (width, height),
        depth,
        channels: planes,
        meaning: Nclx {
            primaries: picture.color_primaries() as u8,
            transfer: picture.transfer_characteristic() as u8,
            matrix: picture.matrix_coefficients() as u8,
            full: picture.color_range() == YUVRange::Full,
        },
    })
}

/// A plane without what fills its rows up.
fn plane(
    picture: &Picture,
    component: PlanarImageComponent,
    (width, height): (u32, u32),
    depth: u8,
) -> Result<Plane, Fault> {
    let (width, height) = (width as usize, height as usize);
    let bytes = picture.plane(component);
    let rows = bytes
        .chunks(picture.stride(component) as usize)
        .take(height);
    let of_sample = if depth == 8 { 1 } else { 2 };
    let short = || damaged("a plane of it is too small");
    let rows: Option<Vec<&[u8]>> = rows.map(|row| row.get(..of_sample * width)).collect();
    let rows = rows.ok_or_else(short)?;
    let samples = if depth == 8 {
        Samples::Bytes(rows.concat())
    } else {
        let words = rows.iter().flat_map(|row| row.as_chunks::<2>().0);
        Samples::Words(words.map(|word| u16::from_ne_bytes(*word)).collect())
    };
    Ok(Plane {
        samples,
        width,
        height,
    })
}
