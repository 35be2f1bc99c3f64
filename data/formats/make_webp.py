"""Makes webp/: what WebP can be.

Needs pillow 13.0.0 and numpy 2.4.6. Run it anywhere: python3 make_webp.py. References are what Pillow
shows, laid over white.
"""

import io
import struct

import numpy as np
from PIL import Image, ImageOps
from scene import Folder, ramp, scene

FOLDER = Folder("webp")
SCENE = scene()
CLEAR = Image.fromarray(np.dstack([np.asarray(SCENE), ramp()]))
XMP = b'<x:xmpmeta xmlns:x="adobe:ns:meta/"><rdf:Description tiff:Orientation="6"/></x:xmpmeta>'


def webp(picture, **options):
    file = io.BytesIO()
    picture.save(file, "WEBP", **options)
    return file.getvalue()


def shown(data):
    picture = ImageOps.exif_transpose(Image.open(io.BytesIO(data))).convert("RGBA")
    return Image.alpha_composite(Image.new("RGBA", picture.size, (255,) * 4), picture)


def add(name, feature, data, reference=None):
    FOLDER.add(name, feature, reference or shown(data), data=data)


def turned(number):
    exif = Image.Exif()
    exif[0x112] = number
    return webp(SCENE, lossless=True, exif=exif)


def with_prefix(data):
    """The same with the six bytes before its Exif that JPEG has there."""
    at = data.find(b"EXIF")
    content = b"Exif\0\0" + data[at + 8 : at + 8 + struct.unpack("<I", data[at + 4 : at + 8])[0]]
    data = data[:at] + b"EXIF" + struct.pack("<I", len(content)) + content + bytes(len(content) & 1)
    return data[:4] + struct.pack("<I", len(data) - 8) + data[8:]


add("lossy.webp", "lossy", webp(SCENE, quality=90))
add("lossless.webp", "lossless", webp(SCENE, lossless=True))
add("lossy_alpha.webp", "lossy with alpha", webp(CLEAR, quality=90))
add("lossless_alpha.webp", "lossless with alpha", webp(CLEAR, lossless=True))
mirrored = SCENE.transpose(Image.Transpose.FLIP_LEFT_RIGHT)
add("animated.webp", "the first of an animation", webp(SCENE, lossless=True, save_all=True, append_images=[mirrored]))
add("animated_alpha.webp", "the same with alpha", webp(CLEAR, quality=90, save_all=True, append_images=[mirrored]))
for number in range(1, 9):
    add(f"orientation{number}.webp", f"orientation {number}", turned(number))
    add(f"orientation{number}_prefix.webp", f"orientation {number} behind Exif", with_prefix(turned(number)), shown(turned(number)))
add("xmp.webp", "orientation in XMP", webp(SCENE, lossless=True, xmp=XMP), SCENE.transpose(Image.Transpose.ROTATE_270))
add("more_behind.webp", "bytes behind its end", webp(SCENE, quality=90) + b"behind" * 3, shown(webp(SCENE, quality=90)))
lossy = webp(SCENE, quality=90)
# What libwebp shows of the whole; the last rows are missing.
cut_off = lossy[: len(lossy) * 97 // 100]
FOLDER.add("cut_off.webp", "the end is missing", shown(lossy), data=cut_off, tolerance=12)
FOLDER.add("cut_off_early.webp", "half is missing", data=lossy[: len(lossy) // 2], refused="of the picture is there")
lossless = webp(SCENE, lossless=True)
FOLDER.add("cut_off_lossless.webp", "lossless, the end is missing", shown(lossless), data=lossless[: len(lossless) * 97 // 100], tolerance=12)
FOLDER.add("cut_off_lossless_early.webp", "lossless, most is missing", data=lossless[: len(lossless) * 4 // 10], refused="of the picture is there")
FOLDER.write_table()
