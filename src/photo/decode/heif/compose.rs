//! What puts pictures together: tiles of a grid, layers of an overlay, and their descriptions.
//!
//! References: ISO/IEC 23008-12:2022, sections 6.6.2.3 (grid) and 6.6.2.2 (overlay).

use image::{DynamicImage, EncodableLayout, ImageBuffer, Pixel, Rgba, RgbaImage};

use super::boxes::Fields;
use super::fault::{Fault, damaged};

/// Equal tiles, row by row.
#[derive(Debug, PartialEq, Eq)]
pub struct Grid {
    /// Tiles from left to right.
    pub columns: u32,
    /// Tiles from top to bottom.
    pub rows: u32,
    /// Columns and rows of the whole.
    pub size: (u32, u32),
}

impl Grid {
    /// The grid that an item's bytes describe.
    pub fn of(bytes: &[u8]) -> Result<Self, Fault> {
        let mut fields = Fields(bytes);
        let of_side = side_bytes(&mut fields)?;
        Ok(Self {
            rows: fields.short(1)? + 1,
            columns: fields.short(1)? + 1,
            size: (fields.short(of_side)?, fields.short(of_side)?),
        })
    }

    /// Whether tiles of this size cover it, and none lies outside.
    pub fn is_covered_by(&self, (width, height): (u32, u32)) -> bool {
        let covers = |whole: u32, side: u32, count: u32| {
            let (whole, side, count) = (u64::from(whole), u64::from(side), u64::from(count));
            side * count >= whole && side * (count - 1) < whole
        };
        covers(self.size.0, width, self.columns) && covers(self.size.1, height, self.rows)
    }
}

/// Pictures over each other on a ground.
#[derive(Debug, PartialEq, Eq)]
pub struct Overlay {
    /// The ground, with its opacity.
    pub ground: [u8; 4],
    /// Columns and rows of the whole.
    pub size: (u32, u32),
    /// Where each lies, from the top left.
    pub places: Vec<(i64, i64)>,
}

impl Overlay {
    /// The overlay of so many pictures that an item's bytes describe.
    pub fn of(bytes: &[u8], pictures: usize) -> Result<Self, Fault> {
        let mut fields = Fields(bytes);
        let of_side = side_bytes(&mut fields)?;
        let mut ground = [0; 4];
        for channel in &mut ground {
            *channel = (fields.short(2)? >> 8) as u8;
        }
        let size = (fields.short(of_side)?, fields.short(of_side)?);
        let mut place = || match of_side {
            2 => Ok(i64::from(fields.short(2)? as i16)),
            _ => fields.signed(),
        };
        let places = (0..pictures).map(|_| Ok((place()?, place()?)));
        Ok(Self {
            ground,
            size,
            places: places.collect::<Result<_, Fault>>()?,
        })
    }

    /// What is there before the first picture.
    pub fn canvas(&self) -> RgbaImage {
        RgbaImage::from_pixel(self.size.0, self.size.1, Rgba(self.ground))
    }
}

/// Sides have 2 bytes, or 4.
fn side_bytes(fields: &mut Fields) -> Result<usize, Fault> {
    if fields.short(1)? != 0 {
        return Err(damaged("its pictures are put together in an unknown way"));
    }
    Ok(if fields.short(1)? & 1 == 0 { 2 } else { 4 })
}

/// Puts a tile at its place; what lies outside of the canvas is left out.
pub fn put(canvas: &mut DynamicImage, tile: &DynamicImage, place: (u32, u32)) {
    match canvas {
        DynamicImage::ImageRgb16(canvas) => put_rows(canvas, &tile.to_rgb16(), place),
        DynamicImage::ImageRgb8(canvas) => match tile.as_rgb8() {
            Some(tile) => put_rows(canvas, tile, place),
            None => put_rows(canvas, &tile.to_rgb8(), place),
        },
        _ => {}
    }
}

fn put_rows<P: Pixel>(
    canvas: &mut ImageBuffer<P, Vec<P::Subpixel>>,
    tile: &ImageBuffer<P, Vec<P::Subpixel>>,
    (left, top): (u32, u32),
) where
    [P::Subpixel]: EncodableLayout,
{
    if left >= canvas.width() || top >= canvas.height() {
        return;
    }
    let of_pixel = usize::from(P::CHANNEL_COUNT);
    let width = tile.width().min(canvas.width() - left) as usize * of_pixel;
    let height = tile.height().min(canvas.height() - top) as usize;
    let of_row = canvas.width() as usize * of_pixel;
    let first = top as usize * of_row + left as usize * of_pixel;
    let of_tile = tile.width() as usize * of_pixel;
    let rows = tile.as_raw().chunks_exact(of_tile).take(height).enumerate();
    let canvas: &mut [P::Subpixel] = canvas;
    for (index, row) in rows {
        let start = first + index * of_row;
        canvas[start..start + width].copy_from_slice(&row[..width]);
    }
}

/// The same picture with opacity, which is a picture of its own. Premultiplied colours are divided.
pub fn with_alpha(image: &DynamicImage, alpha: &DynamicImage, premultiplied: bool) -> DynamicImage {
    let (width, height) = (image.width(), image.height());
    let alpha = alpha.to_rgb8();
    let mut rgba = image.to_rgba8();
    let along =
        |at: u32, whole: u32, of: u32| (u64::from(at) * u64::from(of) / u64::from(whole)) as u32;
    for (x, y, pixel) in rgba.enumerate_pixels_mut() {
        let (x, y) = (
            along(x, width, alpha.width()),
            along(y, height, alpha.height()),
        );
        let opacity = alpha.get_pixel(x, y).0[0];
        pixel.0[3] = opacity;
        if premultiplied && opacity > 0 {
            let opacity = u32::from(opacity);
            for channel in &mut pixel.0[..3] {
                let straight = (u32::from(*channel) * 255 + opacity / 2) / opacity;
                *channel = straight.min(255) as u8;
            }
        }
    }
    DynamicImage::from(rgba)
}

#[cfg(test)]
mod tests {
    use super::*;
    use image::RgbImage;

    #[test]
    fn grids_and_overlays_are_read_with_short_and_long_sides() {
        let grid = Grid::of(&[0, 0, 1, 2, 0, 100, 0, 50]).unwrap();
        assert_eq!((grid.columns, grid.rows, grid.size), (3, 2, (100, 50)));
        assert_eq!(
            Grid::of(&[0, 1, 1, 2, 0, 0, 0, 100, 0, 0, 0, 50]).unwrap(),
            grid
        );
        assert!(Grid::of(&[1, 0, 1, 2, 0, 100, 0, 50]).is_err());
        assert!(grid.is_covered_by((40, 25)) && grid.is_covered_by((34, 49)));
        assert!(!grid.is_covered_by((33, 25)) && !grid.is_covered_by((50, 25)));
        let bytes = [0, 0, 255, 0, 0, 0, 0, 0, 128, 0, 0, 9, 0, 8, 255, 255, 0, 2];
        let overlay = Overlay::of(&bytes, 1).unwrap();
        assert_eq!(overlay.ground, [255, 0, 0, 128]);
        assert_eq!(
            (overlay.size, &overlay.places[..]),
            ((9, 8), &[(-1, 2)][..])
        );
        assert!(Overlay::of(&bytes, 2).is_err());
    }

    #[test]
    fn a_tile_lies_at_its_place_and_is_cut_off_at_the_edges() {
        let mut canvas = DynamicImage::from(RgbImage::new(3, 2));
        let tile = DynamicImage::from(RgbImage::from_pixel(2, 2, image::Rgb([7; 3])));
        put(&mut canvas, &tile, (2, 1));
        put(&mut canvas, &tile, (5, 0));
        let expected = [[0; 15].as_slice(), &[7; 3]].concat();
        assert_eq!(canvas.into_rgb8().into_raw(), expected);
    }

    #[test]
    fn opacity_is_stretched_and_premultiplied_colours_become_straight() {
        let image = DynamicImage::from(RgbImage::from_pixel(2, 1, image::Rgb([50, 100, 0])));
        let alpha = DynamicImage::from(RgbImage::from_pixel(1, 1, image::Rgb([100; 3])));
        let straight = with_alpha(&image, &alpha, true).into_rgba8().into_raw();
        assert_eq!(straight, [128, 255, 0, 100, 128, 255, 0, 100]);
        let as_is = with_alpha(&image, &alpha, false).into_rgba8().into_raw();
        assert_eq!(as_is[..4], [50, 100, 0, 100]);
    }
}
