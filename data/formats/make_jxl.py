"""Makes jxl/: what JPEG XL can be.

Needs pillow 13.0.0, numpy 2.4.6, pillow-jxl-plugin 1.3.8 and imagecodecs 2026.3.6. Run it anywhere:
python3 make_jxl.py. References are what imagecodecs (libjxl) shows, laid over white.
"""

import io
import struct

import imagecodecs
import numpy as np
import pillow_jxl
from PIL import Image, ImageOps
from scene import Folder, over_white, ramp, scene

FOLDER = Folder("jxl")
SCENE = scene()
ARRAY = np.asarray(SCENE)
CLEAR = np.dstack([ARRAY, ramp()])


def jxl(array, **options):
    return imagecodecs.jpegxl_encode(np.ascontiguousarray(array), **options)


def shown(data):
    array = imagecodecs.jpegxl_decode(data)
    if array.dtype == np.uint16:
        array = (array.astype(int) + 128) // 257
    array = array.astype("uint8")
    if array.ndim == 2 or array.shape[2] == 1:
        array = np.dstack([array.reshape(array.shape[:2])] * 3)
    if array.shape[2] == 2:
        array = np.dstack([array[..., :1]] * 3 + [array[..., 1]])
    if array.shape[2] == 4:
        array = over_white(array[..., :3], array[..., 3])
    return Image.fromarray(array)


def add(name, feature, data, reference=None, **more):
    FOLDER.add(name, feature, reference or shown(data), data=data, **more)


def in_a_box(data):
    """The same in the boxes of a file, in two parts, with another box before."""
    box = lambda kind, content: struct.pack(">I", 8 + len(content)) + kind + content
    half = len(data) // 2
    head = box(b"JXL ", b"\r\n\x87\n") + box(b"ftyp", b"jxl \0\0\0\0jxl ") + box(b"jxll", b"\x0a")
    parts = [b"\0\0\0\0" + data[:half], b"\x80\0\0\x01" + data[half:]]
    return head + box(b"free", b"x" * 9) + b"".join(box(b"jxlp", part) for part in parts)


LOSSY = jxl(ARRAY, distance=1.0)
add("lossy.jxl", "lossy", LOSSY)
add("lossless.jxl", "lossless", jxl(ARRAY, lossless=True))
add("boxes.jxl", "a file of boxes, in two parts", in_a_box(LOSSY), shown(LOSSY))
add("grey.jxl", "grey", jxl(np.asarray(SCENE.convert("L")), lossless=True))
add("grey_alpha.jxl", "grey with alpha", jxl(np.dstack([np.asarray(SCENE.convert("L")), ramp()]), lossless=True))
add("lossy_alpha.jxl", "lossy with alpha", jxl(CLEAR, distance=1.0))
add("lossless_alpha.jxl", "lossless with alpha", jxl(CLEAR, lossless=True))
add("bits16.jxl", "16 bit", jxl(ARRAY.astype("uint16") * 257, lossless=True))
add("bits16_lossy.jxl", "16 bit, lossy", jxl(ARRAY.astype("uint16") * 257, distance=1.0))
add("float.jxl", "floats", jxl(ARRAY.astype("float32") / 255, lossless=True), SCENE)
mirrored = ARRAY[:, ::-1]
add("animated.jxl", "the first of an animation", jxl(np.stack([ARRAY, mirrored]), lossless=True), SCENE)
photo = io.BytesIO()
SCENE.save(photo, "JPEG", quality=90)
data = imagecodecs.jpegxl_encode_jpeg(photo.getvalue())
add("jpeg.jxl", "a JPEG in other words", data, Image.open(photo))
for effort in (1, 9):
    add(f"effort{effort}.jxl", f"lossy, effort {effort}", jxl(ARRAY, distance=2.0, effort=effort))
for number in range(1, 9):
    exif = Image.Exif()
    exif[0x112] = number
    file = io.BytesIO()
    SCENE.save(file, "JXL", lossless=True, exif=exif.tobytes())
    # As libjxl has it: the orientation of its own header counts, and not that of Exif.
    add(f"exif{number}.jxl", f"orientation {number} in Exif", file.getvalue())
FOLDER.add("cut_off.jxl", "cut off", refused="damaged", data=LOSSY[: len(LOSSY) // 2])
FOLDER.write_table()
