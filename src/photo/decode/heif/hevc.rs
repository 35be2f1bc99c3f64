//! HEVC pictures, by the crate `heifer-hevc-dec`.
//!
//! References: ISO/IEC 14496-15:2022, section 8.3.3 (`hvcC`, and lengths before the units of a stream),
//! and ITU-T H.265, annex B (start codes before them, which the crate wants).

use heifer_hevc_dec::Error;
use heifer_hevc_dec::decoder::{DecodeOptions, decode_picture};
use heifer_hevc_dec::nal::{NalUnit, split_annex_b};
use heifer_hevc_dec::params::ParameterSets;

use super::boxes::Fields;
use super::fault::{Fault, damaged, not_supported};
use super::planes::{Plane, Planes, Samples};
use super::properties::Nclx;

/// Bytes that decoding takes for a pixel, planes and all: an estimate that the fuzzer holds it to.
pub const BYTES_PER_PIXEL: u64 = 24;

const START: [u8; 4] = [0, 0, 0, 1];
/// The largest block by which a coded picture is larger than what is shown of it.
const BLOCK: u64 = 64;

/// The picture of an item, of at most `size`.
pub fn decode(configuration: &[u8], stream: &[u8], size: (u32, u32)) -> Result<Planes, Fault> {
    let failed = |error: Error| match error {
        Error::Unimplemented(what) => not_supported(format!("HEVC: {what}")),
        error => damaged(format!("its HEVC stream: {error}")),
    };
    let stream = annex_b(configuration, stream)?;
    let blocks = |side: u32| u64::from(side).next_multiple_of(BLOCK);
    let options = DecodeOptions {
        max_pixels: blocks(size.0) * blocks(size.1),
        ..DecodeOptions::default()
    };
    let sets = checked(&stream).map_err(failed)?;
    let said = sets.sps.iter().flatten().find_map(|set| set.vui.as_ref());
    let (primaries, transfer) = said.map_or((2, 2), |vui| {
        (vui.colour_primaries, vui.transfer_characteristics)
    });
    let frame = decode_picture(&stream, options).map_err(failed)?;
    let [luma, chroma] = frame.bit_depth;
    if !(8..=16).contains(&luma) || (frame.chroma_format != 0 && luma != chroma) {
        return Err(not_supported(format!("HEVC of {luma} and {chroma} bits")));
    }
    let (widths, heights) = (frame.widths, frame.heights);
    let planes = frame.planes.into_iter().enumerate();
    let planes = planes.take(if frame.chroma_format == 0 { 1 } else { 3 });
    let planes = planes.map(|(index, samples)| Plane {
        samples: Samples::Words(samples),
        width: widths[index] as usize,
        height: heights[index] as usize,
    });
    Ok(Planes {
        size: (widths[0], heights[0]),
        depth: luma,
        channels: planes.collect(),
        meaning: Nclx {
            primaries,
            transfer,
            matrix: frame.matrix_coeffs,
            full: frame.full_range,
        },
    })
}

/// The parameter sets of a stream. The crate takes it that a picture is larger than what is cut off
/// from it.
fn checked(stream: &[u8]) -> Result<ParameterSets, Error> {
    let mut sets = ParameterSets::default();
    for unit in split_annex_b(stream) {
        if !sets.add(&NalUnit::parse(unit)?)? {
            continue;
        }
        for set in sets.sps.iter().flatten() {
            let [left, right, top, bottom] = set.conf_win_offsets.map(u64::from);
            let (across, down) = set.chroma_subsampling();
            let width = (left + right) * u64::from(across);
            let height = (top + bottom) * u64::from(down);
            if width >= u64::from(set.pic_width_in_luma_samples)
                || height >= u64::from(set.pic_height_in_luma_samples)
            {
                return Err(Error::Invalid("nothing of the picture is shown"));
            }
        }
    }
    Ok(sets)
}

/// Parameter sets and stream, with start codes instead of lengths.
fn annex_b(configuration: &[u8], stream: &[u8]) -> Result<Vec<u8>, Fault> {
    let mut fields = Fields(configuration);
    fields.take(21)?;
    let of_length = (fields.short(1)? & 3) as usize + 1;
    let mut joined = Vec::with_capacity(configuration.len() + stream.len() + 64);
    for _ in 0..fields.short(1)? {
        fields.take(1)?;
        for _ in 0..fields.short(2)? {
            let length = fields.short(2)? as usize;
            push_unit(&mut joined, fields.take(length)?);
        }
    }
    let mut fields = Fields(stream);
    while !fields.0.is_empty() {
        let length = fields.number(of_length)? as usize;
        push_unit(&mut joined, fields.take(length)?);
    }
    Ok(joined)
}

fn push_unit(joined: &mut Vec<u8>, unit: &[u8]) {
    joined.extend(START);
    joined.extend(unit);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lengths_become_start_codes() {
        let configuration = [&[0; 21][..], &[0xfd, 1, 0x20, 0, 1, 0, 2, 0x40, 1]].concat();
        let joined = annex_b(&configuration, &[0, 3, 7, 8, 9, 0, 1, 6]).unwrap();
        assert_eq!(
            joined,
            [0, 0, 0, 1, 0x40, 1, 0, 0, 0, 1, 7, 8, 9, 0, 0, 0, 1, 6]
        );
        assert!(annex_b(&configuration, &[0, 9, 7]).is_err());
        assert!(annex_b(&configuration[..20], &[]).is_err());
    }
}
