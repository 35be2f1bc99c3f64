"""Makes png/: every depth and kind of PNG, and what is wrong with some that people have.

Needs pillow 13.0.0 and numpy 2.4.6. Run it anywhere: python3 make_png.py
"""

import struct
import zlib

import numpy as np
from PIL import Image
from scene import HEIGHT, WIDTH, Folder, over_white, ramp, scene

FOLDER = Folder("png")
SCENE = scene()
RGB, GREY, ALPHA = np.asarray(SCENE), np.asarray(SCENE.convert("L")), ramp()
EXIF = b"II*\0" + struct.pack("<IHHHIIxxxx", 8, 1, 0x112, 3, 1, 6)
XMP = b'<x:xmpmeta xmlns:x="adobe:ns:meta/"><rdf:Description tiff:Orientation="6"/></x:xmpmeta>'
TURNED = SCENE.transpose(Image.Transpose.ROTATE_270)


def chunk(name, content, is_wrong=False):
    checksum = zlib.crc32(name + content) ^ (0xFFFF if is_wrong else 0)
    return struct.pack(">I", len(content)) + name + content + struct.pack(">I", checksum)


def rows(samples, bits):
    """Unfiltered rows."""
    flat = samples.reshape(len(samples), -1).astype("uint32")
    if bits == 16:
        packed = [row.astype(">u2").tobytes() for row in flat]
    else:
        packed = [np.packbits(((row[:, None] >> np.arange(bits - 1, -1, -1)) & 1).astype("u1").ravel()).tobytes() for row in flat]
    return b"".join(b"\0" + row for row in packed)


def passes(samples, bits):
    steps = ((0, 0, 8, 8), (4, 0, 8, 8), (0, 4, 4, 8), (2, 0, 4, 4), (0, 2, 2, 4), (1, 0, 2, 2), (0, 1, 1, 2))
    parts = [samples[y::down, x::across] for x, y, across, down in steps]
    return b"".join(rows(part, bits) for part in parts if part.size)


def png(bits, kind, data, *, palette=None, clear=None, interlaced=0, before=b"", behind=b"", wrong=(), level=9):
    file = b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", struct.pack(">IIBBBBB", WIDTH, HEIGHT, bits, kind, 0, 0, interlaced), "IHDR" in wrong)
    file += before
    if palette:
        file += chunk(b"PLTE", palette, "PLTE" in wrong)
    if clear:
        file += chunk(b"tRNS", clear, "tRNS" in wrong)
    packed = bytearray(zlib.compress(data, level))
    if "Adler" in wrong:
        packed[-1] ^= 0x55
    for at in range(0, len(packed), 1500):
        file += chunk(b"IDAT", bytes(packed[at : at + 1500]), "IDAT" in wrong)
    return file + behind + chunk(b"IEND", b"")


def both(name, bits, kind, samples, shown, **options):
    FOLDER.add(f"{name}.png", name.replace("_", " "), shown, data=png(bits, kind, rows(samples, bits), **options))
    data = png(bits, kind, passes(samples, bits), interlaced=1, **options)
    FOLDER.add(f"{name}_interlaced.png", f"{name.replace('_', ' ')}; interlaced", shown, data=data)


def kinds():
    grey = np.dstack([GREY] * 3)
    for bits in (1, 2, 4, 8, 16):
        most = 2**bits - 1
        stored = np.round(GREY / 255 * most).astype("u4")
        shown = np.dstack([stored / most * 255] * 3)
        both(f"grey_{bits}", bits, 0, stored, shown)
        clear = int(stored[5, 5])
        seen = np.where((stored == clear)[..., None], 255, shown)
        both(f"grey_{bits}_clear", bits, 0, stored, seen, clear=struct.pack(">H", clear))
        if bits <= 8:
            picture = SCENE.quantize(2**bits)
            palette, numbers = bytes((picture.getpalette() + [0] * 768)[: 3 * 2**bits]), np.asarray(picture)
            both(f"palette_{bits}", bits, 3, numbers, picture, palette=palette)
            seen = np.where((numbers == 0)[..., None], 255, np.asarray(picture.convert("RGB")))
            both(f"palette_{bits}_clear", bits, 3, numbers, seen, palette=palette, clear=b"\0")
    for bits, scale in ((8, 1), (16, 257)):
        both(f"rgb_{bits}", bits, 2, RGB.astype("u4") * scale, RGB)
        both(f"rgba_{bits}", bits, 6, np.dstack([RGB, ALPHA]).astype("u4") * scale, over_white(RGB, ALPHA))
        both(f"grey_alpha_{bits}", bits, 4, np.dstack([GREY, ALPHA]).astype("u4") * scale, over_white(grey, ALPHA))


def odd():
    data = rows(RGB, 8)
    for name in ("IHDR", "IDAT", "Adler"):
        FOLDER.add(f"wrong_{name.lower()}.png", f"wrong checksum of {name}", SCENE, data=png(8, 2, data, wrong=(name,)))
    picture = SCENE.quantize(256)
    indexed = png(8, 3, rows(np.asarray(picture), 8), palette=bytes(picture.getpalette()), clear=b"\xff", wrong=("PLTE", "tRNS"))
    FOLDER.add("wrong_plte.png", "wrong checksums of PLTE and tRNS", picture, data=indexed)
    whole = png(8, 2, data)
    FOLDER.add("no_end.png", "without IEND", SCENE, data=whole[:-12])
    FOLDER.add("no_last_bytes.png", "without IEND and the last checksums", SCENE, data=whole[:-20])
    flat = png(8, 2, data, level=0)
    there = 27
    shown = RGB.copy()
    shown[there:] = 0
    cut = flat[: len(flat) * there // HEIGHT + 60]
    FOLDER.add("cut_off.png", "the last eight rows are missing", shown, data=cut, tolerance=5)
    FOLDER.add("cut_off_early.png", "more than half is missing", data=flat[: len(flat) // 3], refused="of the picture")
    SCENE.save(FOLDER.file("animated.png"), save_all=True, append_images=[SCENE.transpose(Image.Transpose.FLIP_LEFT_RIGHT)])
    FOLDER.add("animated.png", "the first of an animation", SCENE)
    FOLDER.add("exif.png", "orientation in eXIf", TURNED, data=png(8, 2, data, before=chunk(b"eXIf", EXIF)))
    FOLDER.add("exif_behind.png", "eXIf with a prefix behind the picture", TURNED, data=png(8, 2, data, behind=chunk(b"eXIf", b"Exif\0\0" + EXIF)))
    FOLDER.add("xmp.png", "orientation in XMP", TURNED, data=png(8, 2, data, before=chunk(b"iTXt", b"XML:com.adobe.xmp\0\0\0\0\0" + XMP)))
    apples = whole[:8] + chunk(b"CgBI", bytes(4)) + whole[8:]
    FOLDER.add("cgbi.png", "Apple's own", data=apples, refused="not supported: PNG as iPhones")


kinds()
odd()
FOLDER.write_table()
