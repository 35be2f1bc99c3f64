//! iTerm2's way (<https://iterm2.com/documentation-images.html>): a file, here a PNG, in base64.

use std::io::{self, Cursor};

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use image::{ImageFormat, RgbImage};

/// Over so many columns and rows at most.
pub fn drawn(picture: &RgbImage, columns: u32, rows: u32) -> io::Result<String> {
    let mut png = Cursor::new(Vec::new());
    picture
        .write_to(&mut png, ImageFormat::Png)
        .map_err(io::Error::other)?;
    let png = png.into_inner();
    let (size, text) = (png.len(), STANDARD.encode(png));
    Ok(format!(
        "\x1b]1337;File=inline=1;preserveAspectRatio=1;size={size};width={columns};height={rows}:{text}\x07\n"
    ))
}
