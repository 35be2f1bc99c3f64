"""Makes bmp/: every header, depth and coding of bitmaps.

Needs pillow 13.0.0 and numpy 2.4.6. Run it anywhere: python3 make_bmp.py
"""

import struct

import numpy as np
from scene import HEIGHT, WIDTH, Folder, over_white, ramp, scene

FOLDER = Folder("bmp")
SCENE = scene()
RGB, ALPHA = np.asarray(SCENE), ramp()
BGR = np.ascontiguousarray(RGB[..., ::-1])
BGRA = np.dstack([BGR, ALPHA])
MASKS = struct.pack("<IIII", 0xFF0000, 0xFF00, 0xFF, 0xFF000000)


def rows(samples, bits, top_down=False):
    stride = (WIDTH * bits + 31) // 32 * 4
    if bits < 8:
        digits = ((samples[..., None] >> np.arange(bits - 1, -1, -1)) & 1).astype("u1").reshape(HEIGHT, -1)
        samples = np.packbits(digits, axis=1)
    packed = [row.tobytes().ljust(stride, b"\0") for row in samples]
    return b"".join(packed if top_down else packed[::-1])


def header(size, bits, coding=0, colours=0, height=HEIGHT, rest=b""):
    whole = struct.pack("<IiiHHIIiiII", size, WIDTH, height, 1, bits, coding, 0, 2835, 2835, colours, 0)
    return whole[:size] + rest.ljust(max(0, size - 40), b"\0")


def add(name, feature, head, pixels, shown, between=b"", **options):
    place = 14 + len(head) + len(between)
    data = b"BM" + struct.pack("<IHHI", place + len(pixels), 0, 0, place) + head + between + pixels
    FOLDER.add(f"{name}.bmp", feature, shown, data=data, **options)


def palettes():
    for bits in (1, 2, 4, 8):
        picture = SCENE.quantize(2**bits)
        numbers = np.asarray(picture)
        colours = np.array((picture.getpalette() + [0] * 768)[: 3 * 2**bits]).reshape(-1, 3)[:, ::-1].astype("u1")
        four = np.dstack([colours[None], np.zeros((1, len(colours), 1), "u1")]).tobytes()
        pixels = rows(numbers, bits)
        add(f"palette{bits}", f"{bits} bits", header(40, bits), pixels, picture, four)
        add(f"palette{bits}_top_down", f"{bits} bits; top down", header(40, bits, height=-HEIGHT), rows(numbers, bits, True), picture, four)
        add(f"palette{bits}_os2_1", f"{bits} bits; OS/2 1", struct.pack("<IHHHH", 12, WIDTH, HEIGHT, 1, bits), pixels, picture, colours.tobytes())
        add(f"palette{bits}_os2_2", f"{bits} bits; OS/2 2", header(64, bits), pixels, picture, four)
        add(f"palette{bits}_os2_short", f"{bits} bits; OS/2 2 of 16 bytes", struct.pack("<IIIHH", 16, WIDTH, HEIGHT, 1, bits), pixels, picture, four)
        add(f"palette{bits}_many", f"{bits} bits; more colours than numbers", header(40, bits, colours=2**bits + 7), pixels, picture, four + bytes(28))
        add(f"palette{bits}_too_many", f"{bits} bits; colours that are not there", header(40, bits, colours=100_000), pixels, picture, four)


def colours():
    add("rgb24", "24 bits", header(40, 24), rows(BGR, 24), SCENE)
    add("rgb24_os2_1", "24 bits; OS/2 1", struct.pack("<IHHHH", 12, WIDTH, HEIGHT, 1, 24), rows(BGR, 24), SCENE)
    add("rgb24_version5", "24 bits; 124 bytes", header(124, 24), rows(BGR, 24), SCENE)
    add("rgb32", "32 bits", header(40, 32), rows(BGRA, 32), SCENE)
    add("rgb32_masks", "32 bits; masks", header(40, 32, 3), rows(BGRA, 32), SCENE, MASKS[:12])
    for size in (56, 108, 124):
        add(f"rgba_{size}", f"alpha; {size} bytes", header(size, 32, 3, rest=MASKS), rows(BGRA, 32), over_white(RGB, ALPHA))
    add("rgba_40", "alpha behind 40 bytes", header(40, 32, 6), rows(BGRA, 32), over_white(RGB, ALPHA), MASKS)
    add("rgba_empty", "an alpha of 0 everywhere", header(108, 32, 3, rest=MASKS), rows(np.dstack([BGR, ALPHA * 0]), 32), SCENE)
    red, green, blue = np.moveaxis(RGB.astype("<u2"), 2, 0)
    add("rgb555", "16 bits", header(40, 16), rows((red >> 3) << 10 | (green >> 3) << 5 | blue >> 3, 16), SCENE, tolerance=5)
    masks = struct.pack("<III", 0xF800, 0x7E0, 0x1F)
    add("rgb565", "16 bits; masks", header(40, 16, 3), rows((red >> 3) << 11 | (green >> 2) << 5 | blue >> 3, 16), SCENE, masks, tolerance=5)
    whole = rows(BGR, 24)
    stride = len(whole) // HEIGHT
    shown = RGB.copy()
    shown[:8] = 0
    add("cut_off", "the upper rows are missing", header(40, 24), whole[: (HEIGHT - 8) * stride], shown)
    add("cut_off_early", "more than half is missing", header(40, 24), whole[: 9 * stride], None, refused="of the picture")


def runs():
    for bits, coding in ((8, 1), (4, 2)):
        picture = SCENE.quantize(2**bits)
        numbers = np.asarray(picture)
        colours = np.array((picture.getpalette() + [0] * 768)[: 3 * 2**bits]).reshape(-1, 3)
        four = np.dstack([colours[None, :, ::-1], np.zeros((1, len(colours), 1))]).astype("u1").tobytes()
        data = b""
        for row in numbers[::-1]:
            data += run_lengths(row.tolist(), bits) + b"\0\0"
        add(f"runs{bits}", f"run lengths of {bits} bits", header(40, bits, coding), data + b"\0\1", picture, four)
        # A row, then ten to the right and three up, twenty pixels, and the end.
        first, second = (0x77, 0x99) if bits == 4 else (7, 9)
        data = bytes([WIDTH, first, 0, 0, 0, 2, 10, 3, 20, second, 0, 1])
        shown = np.zeros((HEIGHT, WIDTH), "u1")
        shown[HEIGHT - 1], shown[HEIGHT - 5, 10:30] = 7, 9
        add(f"steps{bits}", f"steps over pixels; {bits} bits", header(40, bits, coding), data, colours[shown], four)


def run_lengths(row, bits):
    """Runs of one number, and in between numbers as they are."""
    data, at = b"", 0
    while at < len(row):
        count = 1
        while at + count < len(row) and row[at + count] == row[at]:
            count += 1
        if count > 2 or at + 6 > len(row):
            data += bytes([count, row[at] * (17 if bits == 4 else 1)])
        else:
            count = 5
            part = row[at : at + 5] + [0]
            stored = bytes(part) if bits == 8 else bytes(a << 4 | b for a, b in zip(part[::2], part[1::2]))
            data += bytes([0, 5]) + stored[:6] + bytes(len(stored) % 2)
        at += count
    return data


palettes()
colours()
runs()
FOLDER.write_table()
