//! HEIC and AVIF, what telephones write: the picture that a HEIF file shows, put together from its
//! parts, by decoders in Rust alone.
//!
//! References: ISO/IEC 23008-12:2022 (HEIF), ISO/IEC 23000-22:2019 (MIAF), and the AV1 image file format
//! 1.1. Where they leave something open it is done as libheif 1.23 does it: `irot` and `imir` say which
//! side is up, and an Exif orientation counts for nothing.

use std::cell::Cell;

use image::metadata::Orientation;
use image::{DynamicImage, ImageBuffer, Rgb};

use self::compose::{Grid, Overlay};
use self::fault::{Fault, damaged, not_supported};
use self::items::{Items, letters};
use self::planes::Planes;
use self::properties::{Nclx, Property};
use crate::error::{PhotoError, Result};
use crate::photo::decoded::{Colour, Decoded, Stored};
use crate::photo::framing::{Framing, Part};
use crate::photo::said::Said;
use crate::photo::source::{MAX_PIXELS, Source};
use crate::photo::stop;

mod av1;
mod boxes;
mod compose;
mod fault;
mod hevc;
mod items;
mod metadata;
mod planes;
mod properties;
mod turns;

/// How deeply pictures may be made of pictures.
const DEPTH: u32 = 4;
/// Pixels that may be decoded for one picture: of its tiles, its layers and their opacity.
const WORK: u64 = 4 * MAX_PIXELS;
/// What even a small part costs, in pixels.
const OF_PART: u64 = 4096;
/// Where nothing is known.
const GREY: u8 = 128;

/// The picture that the file shows first, or a thumbnail that has enough pixels of it.
pub fn decode(source: &Source) -> Result<Decoded, PhotoError> {
    read(source).map_err(|fault| fault.of(source))
}

fn read(source: &Source) -> Result<Decoded, Fault> {
    let items = Items::of(source.bytes)?;
    let (shown, upright) = shown(source, &items)?;
    let properties = items.properties(shown)?;
    let said = colour_of(&items, shown)?;
    // Behind what is transparent lies what all of it together says.
    let is_framed = shown == items.primary && alpha_of(&items, shown).is_none();
    let reader = Reader {
        source,
        seen: source.seen.filter(|_| is_framed),
        needs_meaning: said.is_none(),
        items,
        deep: is_deep(&properties),
        work: Cell::new(0),
        missing: Cell::new(0),
        meaning: Cell::new(None),
    };
    let (width, height) = reader.size(shown)?;
    source.check_size(width, height)?;
    let pixels = u64::from(width) * u64::from(height);
    // As RGB and with opacity, before and after it is cut.
    let share = source.share(pixels * if reader.deep { 14 } else { 11 })?;
    let image = reader.picture(shown, None, 0)?;
    let (image, orientation) = turns::cut(image, &properties);
    let is_whole = shown == reader.items.primary;
    let size = if is_whole {
        (image.width(), image.height())
    } else {
        turns::turned_size(&properties, upright)
    };
    let missing = reader.missing.get() as f64 / pixels as f64;
    Ok(Decoded {
        size,
        colour: said.unwrap_or_else(|| reader.own_colour()),
        said: Said {
            orientation: Some(orientation),
            ..metadata::said(&reader.items)
        },
        present: 1.0 - missing as f32,
        ..Decoded::whole(Stored::Image(image), share)
    })
}

/// The smallest of the picture and its thumbnails that has enough pixels, and how large the whole
/// picture is upright.
fn shown(source: &Source, items: &Items) -> Result<(u32, (u32, u32)), Fault> {
    let upright = |number: u32| -> Result<Option<(u32, u32)>, Fault> {
        let properties = items.properties(number)?;
        let is_cut = properties.iter().any(|it| matches!(it, Property::Cut(_)));
        Ok(said_size(&properties)
            .filter(|_| !is_cut)
            .map(|size| turns::turned_size(&properties, size)))
    };
    let primary = items.primary;
    let whole = upright(primary)?;
    let (Some(wanted), Some((width, height))) = (source.wanted, whole) else {
        return Ok((primary, whole.unwrap_or_default()));
    };
    let has_colours_of = |number: u32| {
        let of = |number| colour_of(items, number);
        matches!((of(primary), of(number)), (Ok(whole), Ok(part)) if whole == part)
    };
    let mut best = (primary, (width, height));
    for thumbnail in items.referred_by(primary, *b"thmb") {
        let Ok(Some((columns, rows))) = upright(thumbnail) else {
            continue;
        };
        // Its height, were it as broad as it is high, within a pixel.
        let exact = f64::from(height) * f64::from(columns) / f64::from(width);
        if columns.min(rows) >= wanted
            && columns < best.1.0
            && (exact - f64::from(rows)).abs() <= 1.0
            && alpha_of(items, primary).is_none()
            && has_colours_of(thumbnail)
        {
            best = (thumbnail, (columns, rows));
        }
    }
    Ok((best.0, (width, height)))
}

/// Columns and rows as coded.
fn said_size(properties: &[Property]) -> Option<(u32, u32)> {
    properties.iter().find_map(|property| match property {
        Property::Size(width, height) => Some((*width, *height)),
        _ => None,
    })
}

fn said_nclx(properties: &[Property]) -> Option<Nclx> {
    properties.iter().find_map(|property| match property {
        Property::Nclx(nclx) => Some(*nclx),
        _ => None,
    })
}

/// What the properties say about colours; a profile says more than code points.
fn said_colour(properties: &[Property]) -> Option<Colour> {
    let profile = properties.iter().find_map(|property| match property {
        Property::Icc(profile) => Some(Colour::Icc(profile.to_vec())),
        _ => None,
    });
    profile.or_else(|| said_nclx(properties).map(code_points))
}

/// What an item's properties say about colours, or those of what it is made of.
fn colour_of(items: &Items, number: u32) -> Result<Option<Colour>, Fault> {
    if let Some(colour) = said_colour(&items.properties(number)?) {
        return Ok(Some(colour));
    }
    match items.refers_to(number, *b"dimg").first() {
        Some(part) => Ok(said_colour(&items.properties(*part)?)),
        None => Ok(None),
    }
}

const fn code_points(nclx: Nclx) -> Colour {
    Colour::Cicp {
        primaries: nclx.primaries,
        transfer: nclx.transfer,
    }
}

/// Whether 8 bits are too few: of light as HDR has it (PQ, HLG).
fn is_deep(properties: &[Property]) -> bool {
    let is_hdr = said_nclx(properties).is_some_and(|nclx| matches!(nclx.transfer, 16 | 18));
    is_hdr
        && properties
            .iter()
            .any(|it| matches!(it, Property::Depth(9..)))
}

/// The picture of an item's opacity.
fn alpha_of(items: &Items, number: u32) -> Option<u32> {
    items.referred_by(number, *b"auxl").find(|auxiliary| {
        let properties = items.properties(*auxiliary).unwrap_or_default();
        properties.iter().any(|property| {
            matches!(
                property,
                Property::Auxiliary(
                    b"urn:mpeg:mpegB:cicp:systems:auxiliary:alpha" | b"urn:mpeg:hevc:2015:auxid:1"
                )
            )
        })
    })
}

struct Reader<'a> {
    source: &'a Source<'a>,
    items: Items<'a>,
    /// What is looked at of the picture; none where all of it is.
    seen: Option<Framing>,
    /// Whether nothing but a stream says what its colours mean.
    needs_meaning: bool,
    /// Whether pictures have 16 bits.
    deep: bool,
    /// Pixels that were decoded so far.
    work: Cell<u64>,
    /// Pixels of tiles that could not be decoded.
    missing: Cell<u64>,
    /// What the first stream says about its colours.
    meaning: Cell<Option<Nclx>>,
}

impl Reader<'_> {
    /// Columns and rows of an item before it is turned and cut.
    fn size(&self, number: u32) -> Result<(u32, u32), Fault> {
        match &self.items.kind(number)? {
            b"grid" => Ok(Grid::of(&self.items.bytes(number)?)?.size),
            b"iovl" => Ok(Overlay::of(&self.items.bytes(number)?, 0)?.size),
            _ => {
                let size = said_size(&self.items.properties(number)?);
                size.ok_or_else(|| damaged("a picture of it has no size"))
            }
        }
    }

    /// What the first stream says, where no property says more.
    fn own_colour(&self) -> Colour {
        let own = self.meaning.get().filter(|own| own.primaries != 2);
        own.map_or(Colour::Unsaid, code_points)
    }

    /// An item with its opacity, before it is turned and cut. `outer` is what the item says about
    /// colours that this one is a part of.
    fn picture(&self, number: u32, outer: Option<Nclx>, depth: u32) -> Result<DynamicImage, Fault> {
        let image = self.opaque(number, outer, depth)?;
        let Some(alpha) = alpha_of(&self.items, number) else {
            return Ok(image);
        };
        let pixels = u64::from(image.width()) * u64::from(image.height());
        let _share = self.source.share(11 * pixels)?;
        let missing = self.missing.get();
        let opacity = self.opaque(alpha, self.opacity_range(alpha)?, depth + 1);
        self.missing.set(missing);
        let premultiplied = self.items.refers_to(number, *b"prem").contains(&alpha);
        Ok(compose::with_alpha(&image, &opacity?, premultiplied))
    }

    /// Opacity has no black of 16; as libheif and libavif do it, only a stream of AV1 may say so.
    fn opacity_range(&self, alpha: u32) -> Result<Option<Nclx>, Fault> {
        let parts = self.items.refers_to(alpha, *b"dimg");
        let kind = self.items.kind(*parts.first().unwrap_or(&alpha))?;
        Ok((kind != *b"av01").then_some(Nclx {
            primaries: 2,
            transfer: 2,
            matrix: 2,
            full: true,
        }))
    }

    fn opaque(&self, number: u32, outer: Option<Nclx>, depth: u32) -> Result<DynamicImage, Fault> {
        if stop::is_asked() {
            return Err(damaged("stopped"));
        }
        if depth > DEPTH {
            return Err(damaged("its pictures are made of each other"));
        }
        let (width, height) = self.size(number)?;
        self.source.check_size(width, height)?;
        let work = self.work.get() + u64::from(width) * u64::from(height) + OF_PART;
        self.work.set(work);
        if work > WORK {
            return Err(damaged("it has more parts than any picture needs"));
        }
        let properties = self.items.properties(number)?;
        let meaning = said_nclx(&properties).or(outer);
        match &self.items.kind(number)? {
            b"grid" => self.grid(number, meaning, depth),
            b"iovl" => self.overlay(number, meaning, depth),
            // A picture that is another one, and the base of one for brighter screens.
            b"iden" | b"tmap" => {
                let of = self.items.refers_to(number, *b"dimg").first();
                let of = of.ok_or_else(|| damaged("a picture is made of nothing"))?;
                self.upright(*of, meaning, depth + 1)
            }
            b"hvc1" | b"hev1" | b"av01" => self.coded(number, &properties, meaning),
            other => Err(not_supported(format!(
                "pictures of kind {}",
                letters(*other)
            ))),
        }
    }

    /// A part of a picture, turned and cut as it says itself.
    fn upright(&self, number: u32, outer: Option<Nclx>, depth: u32) -> Result<DynamicImage, Fault> {
        let image = self.picture(number, outer, depth)?;
        let (mut image, orientation) = turns::cut(image, &self.items.properties(number)?);
        if orientation != Orientation::NoTransforms {
            image.apply_orientation(orientation);
        }
        Ok(image)
    }

    fn grid(&self, number: u32, meaning: Option<Nclx>, depth: u32) -> Result<DynamicImage, Fault> {
        let grid = Grid::of(&self.items.bytes(number)?)?;
        let tiles = self.items.refers_to(number, *b"dimg");
        let first = tiles.first().ok_or_else(|| damaged("it has no tiles"))?;
        let size = self.size(*first)?;
        if tiles.len() as u64 != u64::from(grid.columns) * u64::from(grid.rows)
            || !grid.is_covered_by(size)
        {
            return Err(damaged("its tiles do not cover it"));
        }
        let (width, height) = grid.size;
        let mut canvas = if self.deep {
            let grey = Rgb([u16::from(GREY) * 257; 3]);
            DynamicImage::from(ImageBuffer::from_pixel(width, height, grey))
        } else {
            DynamicImage::from(ImageBuffer::from_pixel(width, height, Rgb([GREY; 3])))
        };
        let (mut any, mut fault) = (false, None);
        for (index, tile) in (0..).zip(tiles) {
            let place = (index % grid.columns * size.0, index / grid.columns * size.1);
            let is_of_size = self.size(*tile)? == size;
            if depth == 0 && is_of_size && self.is_unseen(number, *tile, place)? {
                continue;
            }
            let part = if is_of_size {
                self.upright(*tile, meaning, depth + 1)
            } else {
                Err(damaged("its tiles are not of one size"))
            };
            match part {
                Ok(part) => {
                    any = true;
                    compose::put(&mut canvas, &part, place);
                }
                Err(Fault::Damaged(why)) if !stop::is_asked() => {
                    fault = Some(Fault::Damaged(why));
                    let columns = size.0.min(width - place.0);
                    let rows = size.1.min(height - place.1);
                    let lost = u64::from(columns) * u64::from(rows);
                    self.missing.set(self.missing.get() + lost);
                }
                Err(other) => return Err(other),
            }
        }
        match fault {
            Some(fault) if !any => Err(fault),
            _ => Ok(canvas),
        }
    }

    /// Whether nothing is looked at of a tile of the whole picture, which then need not be decoded. One
    /// whose bytes are not there is missing all the same.
    fn is_unseen(&self, whole: u32, tile: u32, (left, top): (u32, u32)) -> Result<bool, Fault> {
        let Some(seen) = self.seen else {
            return Ok(false);
        };
        let (width, height) = self.size(tile)?;
        let place = Part {
            columns: (left, left.saturating_add(width)),
            rows: (top, top.saturating_add(height)),
        };
        let properties = self.items.properties(whole)?;
        let (size, place) = turns::landed(self.size(whole)?, place, &properties);
        let is_seen = seen
            .seen(size.0, size.1)
            .is_none_or(|seen| place.is_some_and(|place| seen.meets(place)));
        let is_asked = self.needs_meaning && self.meaning.get().is_none();
        Ok(!is_seen && !is_asked && self.stays_in_place(tile)?)
    }

    /// Whether a tile is there, and is no larger than it says.
    fn stays_in_place(&self, tile: u32) -> Result<bool, Fault> {
        let is_moved = |it: &Property| matches!(it, Property::Turned(_) | Property::Cut(_));
        let is_coded = matches!(&self.items.kind(tile)?, b"hvc1" | b"hev1" | b"av01");
        let is_there = self.items.bytes(tile).is_ok_and(|it| !it.is_empty());
        Ok(is_coded && is_there && !self.items.properties(tile)?.iter().any(is_moved))
    }

    fn overlay(&self, number: u32, outer: Option<Nclx>, depth: u32) -> Result<DynamicImage, Fault> {
        let layers = self.items.refers_to(number, *b"dimg");
        let overlay = Overlay::of(&self.items.bytes(number)?, layers.len())?;
        let pixels = u64::from(overlay.size.0) * u64::from(overlay.size.1);
        let _share = self.source.share(8 * pixels)?;
        let mut canvas = overlay.canvas();
        for (layer, place) in layers.iter().zip(&overlay.places) {
            let picture = self.upright(*layer, outer, depth + 1)?;
            image::imageops::overlay(&mut canvas, &picture.to_rgba8(), place.0, place.1);
        }
        let canvas = DynamicImage::from(canvas);
        // Opacity of one that has none would cost its readers.
        Ok(match overlay.ground[3] {
            u8::MAX => DynamicImage::from(canvas.into_rgb8()),
            _ => canvas,
        })
    }

    fn coded(
        &self,
        number: u32,
        properties: &[Property],
        meaning: Option<Nclx>,
    ) -> Result<DynamicImage, Fault> {
        let size = self.size(number)?;
        let stream = self.items.bytes(number)?;
        let pixels = u64::from(size.0) * u64::from(size.1);
        let _share = self.source.share(
            pixels * hevc::BYTES_PER_PIXEL.max(av1::BYTES_PER_PIXEL) + stream.len() as u64,
        )?;
        let mut planes = of_stream(&stream, properties, size)?;
        if self.meaning.get().is_none() {
            self.meaning.set(Some(planes.meaning));
        }
        // Some cameras do not say in the stream what its last blocks are filled up with.
        planes.size = (planes.size.0.min(size.0), planes.size.1.min(size.1));
        planes.rgb(meaning, self.deep)
    }
}

/// What an item's stream holds, by the coding that its properties say.
fn of_stream(stream: &[u8], properties: &[Property], size: (u32, u32)) -> Result<Planes, Fault> {
    let mut point = 0;
    for property in properties {
        if let Property::OperatingPoint(said) = property {
            point = *said;
        }
    }
    for property in properties {
        match property {
            Property::Hevc(configuration) => return hevc::decode(configuration, stream, size),
            Property::Av1(_) => return av1::decode(stream, size, point),
            _ => {}
        }
    }
    Err(damaged("a picture of it does not say how it is coded"))
}
