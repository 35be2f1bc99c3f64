"""Makes ../tests/fuzz/corpus/: small inputs for the fuzz targets that the tests cannot write themselves.

Needs pillow 13.0.0. Run it in this folder: python3 make_fuzz_corpus.py

The pictures are of 19×13 pixels. What fuzzing once found is kept there too, and is not made here.
"""

import struct
from pathlib import Path

from PIL import Image

CORPUS = Path("../tests/fuzz/corpus")


def picture(shift=0):
    made = Image.new("RGBA", (19, 13))
    for x in range(19):
        for y in range(13):
            made.putpixel((x, y), (x * 13 % 256, (y * 17 + shift) % 256, x * y % 256, 100 + x * 8))
    return made


def save(target, name, picture, **how):
    folder = CORPUS / target
    folder.mkdir(parents=True, exist_ok=True)
    picture.save(folder / name, **how)


def write(target, name, content):
    folder = CORPUS / target
    folder.mkdir(parents=True, exist_ok=True)
    (folder / name).write_bytes(content)


def pictures():
    clear, plain = picture(), picture().convert("RGB")
    more = [picture(shift) for shift in (40, 80)]
    save("webp", "lossy.webp", plain, quality=60)
    save("webp", "lossy_alpha.webp", clear, quality=60)
    save("webp", "animated.webp", clear, save_all=True, append_images=more, duration=40)
    palettes = [frame.convert("RGB").quantize(17) for frame in [clear, *more]]
    save("gif", "animated.gif", palettes[0], save_all=True, append_images=palettes[1:], interlace=True,
         transparency=3, disposal=2)
    for compression in ["tiff_lzw", "packbits", "tiff_adobe_deflate", "jpeg"]:
        save("tiff", f"{compression}.tif", plain, compression=compression)
    save("tiff", "group4.tif", plain.convert("1"), compression="group4")
    save("tiff", "palette.tif", palettes[0])
    save("tiff", "cmyk.tif", plain.convert("CMYK"))
    save("png", "bit.png", plain.convert("1"))
    save("bmp", "bit.bmp", plain.convert("1"))
    save("bmp", "palette.bmp", palettes[0])
    turned = Image.Exif()
    turned[0x0112] = 6
    save("jpeg", "turned.jpg", plain, exif=turned)


def run_lengths():
    """A BMP of 8 × 4 pixels in runs, with a step to the side and one row not written to its end."""
    runs = bytes([8, 1, 0, 0, 3, 2, 0, 2, 1, 0, 4, 3, 0, 0, 0, 4, 1, 2, 3, 0, 0, 0, 5, 1, 0, 1])
    colours = b"".join(bytes([shade, 255 - shade, 90, 0]) for shade in (0, 80, 160, 240))
    head = struct.pack("<IiiHHIIiiII", 40, 8, 4, 1, 8, 1, len(runs), 2835, 2835, 4, 0)
    start = 14 + len(head) + len(colours)
    file = b"BM" + struct.pack("<IHHI", start + len(runs), 0, 0, start)
    write("bmp", "runs.bmp", file + head + colours + runs)


pictures()
run_lengths()
