//! Kitty's way (<https://sw.kovidgoyal.net/kitty/graphics-protocol/>): the pixels themselves in base64,
//! in pieces that every terminal takes.

use std::fmt::Write as _;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use image::RgbImage;

/// Letters of a piece, by the protocol.
const PIECE: usize = 4096;

/// Shown at once (`a=T`), RGB (`f=24`), over so many columns and rows, without an answer (`q=2`).
pub fn drawn(picture: &RgbImage, columns: u32, rows: u32) -> String {
    let (width, height) = picture.dimensions();
    let pixels = STANDARD.encode(picture.as_raw());
    let pieces: Vec<&[u8]> = pixels.as_bytes().chunks(PIECE).collect();
    let mut text = String::new();
    for (place, piece) in pieces.iter().enumerate() {
        let more = u8::from(place + 1 < pieces.len());
        // Writing to a string cannot fail.
        let _ = match place {
            0 => write!(
                text,
                "\x1b_Ga=T,f=24,q=2,s={width},v={height},c={columns},r={rows},m={more};"
            ),
            _ => write!(text, "\x1b_Gm={more};"),
        };
        // Base64 is letters alone.
        text.extend(piece.iter().copied().map(char::from));
        text.push_str("\x1b\\");
    }
    text.push('\n');
    text
}
