//! The items that say something of a picture.
//!
//! Reference: ISO/IEC 23008-12:2022, annex A (Exif and XMP).

use super::items::Items;
use crate::photo::said::Said;

/// What Exif and XMP say of the picture that is shown; in a file that does not say of what they speak,
/// what any of them says.
pub fn said(items: &Items) -> Said {
    /// A file has one of each; a hostile one says some bytes again and again.
    const MOST: usize = 8;
    let of_primary = items.referred_by(items.primary, *b"cdsc");
    let all = of_primary.chain(items.of_kind(*b"Exif")).take(MOST);
    let said = all.filter_map(|number| {
        // What is in pieces would have to be copied; no program writes it so.
        let bytes = items.is_in_one_piece(number).then(|| items.bytes(number))?;
        let bytes = bytes.ok()?;
        Some(match &items.kind(number).ok()? {
            b"Exif" => (false, Said::of_exif_item(&bytes)),
            b"mime" => (true, Said::of_xmp(&bytes)),
            _ => return None,
        })
    });
    let (xmp, exif): (Vec<_>, Vec<_>) = said.partition(|(is_xmp, _)| *is_xmp);
    let said = exif.into_iter().chain(xmp).map(|(_, said)| said);
    said.fold(Said::default(), Said::or)
}
