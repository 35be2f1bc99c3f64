//! A drawing as PNG.

use image::codecs::png::{CompressionType, FilterType, PngEncoder};
use image::{ExtendedColorType, ImageEncoder, Rgb, RgbImage};
use ttf_parser::{Face, OutlineBuilder};
use zeno::{Angle, Command, Fill, Join, Mask, PathBuilder, PathData, Stroke, Style, Transform};

use super::drawing::{Anchor, Colour, Drawing, Mark, WHITE, Words};

/// Pixels for each of the drawing's units: plots are looked at on dense screens.
const SCALE: f32 = 2.0;

/// The bytes of a PNG file.
pub fn png(drawing: &Drawing) -> Vec<u8> {
    let pixels = pixels(drawing);
    Canvas { pixels }.encode()
}

/// The drawing itself, two pixels for each of its units.
pub fn pixels(drawing: &Drawing) -> RgbImage {
    let side = |units: u32| (units as f32 * SCALE) as u32;
    let pixels = RgbImage::from_pixel(side(drawing.width), side(drawing.height), Rgb(WHITE));
    let mut canvas = Canvas { pixels };
    // The same on every machine, also on those that have no fonts.
    let font = Face::parse(epaint_default_fonts::UBUNTU_LIGHT, 0).expect("our font can be read");
    for mark in &drawing.marks {
        canvas.draw(mark, &font);
    }
    canvas.pixels
}

struct Canvas {
    pixels: RgbImage,
}

impl Canvas {
    fn draw(&mut self, mark: &Mark, font: &Face<'_>) {
        let scale = Transform::scale(SCALE, SCALE);
        match mark {
            Mark::Area {
                outline,
                colour,
                opacity,
            } => self.paint(outline.as_str(), Fill::NonZero, scale, *colour, *opacity),
            Mark::Line {
                path,
                colour,
                width,
                dashes,
            } => {
                let mut stroke = Stroke::new(*width);
                stroke.join(Join::Round);
                if let Some(dashes) = dashes {
                    stroke.dash(dashes, 0.0);
                }
                self.paint(path.as_str(), stroke, scale, *colour, 1.0);
            }
            Mark::Dot {
                centre,
                radius,
                colour,
            } => self.paint(
                &circle(*centre, *radius),
                Fill::NonZero,
                scale,
                *colour,
                1.0,
            ),
            Mark::Ring {
                centre,
                radius,
                colour,
                width,
            } => {
                let stroke = Stroke::new(*width);
                self.paint(&circle(*centre, *radius), stroke, scale, *colour, 1.0);
            }
            Mark::Words(words) => {
                let place = Transform::rotation(Angle::from_degrees(words.turn as f32))
                    .then_translate(words.at.0 as f32, words.at.1 as f32)
                    .then_scale(SCALE, SCALE);
                let outlines = Outlines::of(words, font).commands;
                self.paint(&outlines, Fill::NonZero, place, words.colour, 1.0);
            }
        }
    }

    /// Lays a colour over the pixels that a path covers, as far as it covers each of them.
    fn paint<'a>(
        &mut self,
        path: impl PathData,
        style: impl Into<Style<'a>>,
        transform: Transform,
        colour: Colour,
        opacity: f32,
    ) {
        let mut mask = Mask::new(path);
        let (coverage, place) = mask.style(style).transform(Some(transform)).render();
        let rows = coverage.chunks_exact(place.width.max(1) as usize);
        for (row, y) in rows.zip(place.top..) {
            for (covered, x) in row.iter().zip(place.left..) {
                let (Ok(x), Ok(y)) = (u32::try_from(x), u32::try_from(y)) else {
                    continue;
                };
                let Some(pixel) = self.pixels.get_pixel_mut_checked(x, y) else {
                    continue;
                };
                let share = f32::from(*covered) / 255.0 * opacity;
                for (value, over) in pixel.0.iter_mut().zip(colour) {
                    let (under, over) = (f32::from(*value), f32::from(over));
                    *value = (over - under).mul_add(share, under).round() as u8;
                }
            }
        }
    }

    fn encode(&self) -> Vec<u8> {
        let mut bytes = Vec::new();
        let (width, height) = self.pixels.dimensions();
        // Areas of one colour: neighbours are the same, and their differences are no shorter.
        PngEncoder::new_with_quality(&mut bytes, CompressionType::Best, FilterType::NoFilter)
            .write_image(&self.pixels, width, height, ExtendedColorType::Rgb8)
            .expect("a picture in memory can be encoded");
        bytes
    }
}

fn circle((x, y): (f64, f64), radius: f64) -> Vec<Command> {
    let mut commands = Vec::new();
    commands.add_circle([x as f32, y as f32], radius as f32);
    commands
}

/// The outlines of words, as if they stood at 0, 0.
struct Outlines {
    commands: Vec<Command>,
    /// Where the next letter begins.
    pen: f32,
    /// Units of the drawing for one of the font's.
    scale: f32,
}

impl Outlines {
    fn of(words: &Words, font: &Face<'_>) -> Self {
        let mut outlines = Self {
            commands: Vec::new(),
            pen: 0.0,
            scale: words.size as f32 / f32::from(font.units_per_em()),
        };
        let letters = words.text.chars();
        // Glyph 0 stands for all that the font does not have.
        let glyphs: Vec<_> = letters
            .map(|letter| font.glyph_index(letter).unwrap_or_default())
            .collect();
        let advances = glyphs.iter().map(|glyph| font.glyph_hor_advance(*glyph));
        let advances: Vec<f32> = advances
            .map(|advance| f32::from(advance.unwrap_or_default()) * outlines.scale)
            .collect();
        let length: f32 = advances.iter().sum();
        outlines.pen = match words.anchor {
            Anchor::Start => 0.0,
            Anchor::Middle => -length / 2.0,
            Anchor::End => -length,
        };
        for (glyph, advance) in glyphs.into_iter().zip(advances) {
            font.outline_glyph(glyph, &mut outlines);
            outlines.pen += advance;
        }
        outlines
    }

    /// A font's heights grow upwards, a drawing's downwards.
    fn place(&self, x: f32, y: f32) -> [f32; 2] {
        [x.mul_add(self.scale, self.pen), -y * self.scale]
    }
}

impl OutlineBuilder for Outlines {
    fn move_to(&mut self, x: f32, y: f32) {
        let to = self.place(x, y);
        self.commands.move_to(to);
    }

    fn line_to(&mut self, x: f32, y: f32) {
        let to = self.place(x, y);
        self.commands.line_to(to);
    }

    fn quad_to(&mut self, x1: f32, y1: f32, x: f32, y: f32) {
        let (by, to) = (self.place(x1, y1), self.place(x, y));
        self.commands.quad_to(by, to);
    }

    fn curve_to(&mut self, x1: f32, y1: f32, x2: f32, y2: f32, x: f32, y: f32) {
        let (from, by, to) = (self.place(x1, y1), self.place(x2, y2), self.place(x, y));
        self.commands.curve_to(from, by, to);
    }

    fn close(&mut self) {
        self.commands.close();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn drawn(mark: Mark) -> RgbImage {
        let drawing = Drawing {
            width: 40,
            height: 20,
            marks: vec![mark],
        };
        let png = png(&drawing);
        let picture = image::load_from_memory_with_format(&png, image::ImageFormat::Png);
        picture.unwrap().to_rgb8()
    }

    #[test]
    fn an_area_covers_its_pixels_and_lets_shine_through_what_it_shall() {
        let picture = drawn(Mark::Area {
            outline: "M5 5H10V10H5Z".into(),
            colour: [0, 100, 200],
            opacity: 0.5,
        });
        assert_eq!(picture.dimensions(), (80, 40));
        let covered = Rgb([128, 178, 228]);
        for (x, y, pixel) in picture.enumerate_pixels() {
            let is_inside = (10..20).contains(&x) && (10..20).contains(&y);
            assert_eq!(
                *pixel,
                if is_inside { covered } else { Rgb(WHITE) },
                "{x} {y}"
            );
        }
    }

    #[test]
    fn words_stand_where_their_anchor_says() {
        let extent = |anchor| {
            let mut words = Words::new("mm", (20.0, 15.0));
            words.anchor = anchor;
            let picture = drawn(Mark::Words(words));
            let dark = picture.enumerate_pixels().filter(|(.., p)| p.0[0] < 200);
            let columns: Vec<u32> = dark.map(|(x, ..)| x).collect();
            (
                columns.iter().min().copied().unwrap(),
                columns.iter().max().copied().unwrap(),
            )
        };
        let (left, right) = extent(Anchor::Start);
        assert!(left >= 40 && right < 80, "{left} {right}");
        let (left, right) = extent(Anchor::End);
        assert!(left < 20 && right < 40, "{left} {right}");
        let (left, right) = extent(Anchor::Middle);
        assert!(left < 40 && right >= 40, "{left} {right}");
    }
}
