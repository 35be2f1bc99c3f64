"""Makes tiff/: one small file for each thing that a TIFF can be, and beside it what it shows.

Needs pillow 13.0.0, numpy 2.4.6, tifffile 2026.3.3 with imagecodecs 2026.3.6, and Debian's libtiff-tools
4.5.0 (`tiffcp`). Run it anywhere: python3 make_tiff.py

References are the pictures that the files were made of, not what a library reads in them: libraries
differ in what they make of 12 bits or of floating numbers.
"""

import io
import struct
import subprocess
import tempfile
from pathlib import Path

import numpy as np
import tifffile
from PIL import Image, ImageCms
from scene import HEIGHT, WIDTH, Folder, over_white, ramp, scene

FOLDER = Folder("tiff")
SCENE = scene()
RGB = np.asarray(SCENE)
GREY = np.asarray(SCENE.convert("L"))
ALPHA = ramp()
KINDS = {1: "B", 2: "c", 3: "H", 4: "I", 5: "II", 11: "f"}


def by_hand(name, feature, tags, strips, reference, order="<", rows=HEIGHT, without=()):
    """Writes a file tag by tag: {number: (type, values)}."""
    tags = {256: (4, [WIDTH]), 257: (4, [HEIGHT]), 259: (3, [1]), 277: (3, [1]), 278: (4, [rows]), **tags}
    data, offsets = b"", []
    for strip in strips:
        offsets.append(8 + len(data))
        data += strip + bytes(len(strip) & 1)
    tags.setdefault(273, (4, offsets))
    tags.setdefault(279, (4, [len(strip) for strip in strips]))
    tags = {tag: value for tag, value in sorted(tags.items()) if tag not in without}
    place, entries, far = 8 + len(data), b"", b""
    behind = place + 6 + 12 * len(tags)
    for tag, (kind, values) in tags.items():
        stored = b"".join(
            struct.pack(order + KINDS[kind], *(value if isinstance(value, tuple) else (value,))) for value in values
        )
        entries += struct.pack(order + "HHI", tag, kind, len(values))
        if len(stored) <= 4:
            entries += stored.ljust(4, b"\0")
        else:
            entries += struct.pack(order + "I", behind + len(far))
            far += stored + bytes(len(stored) & 1)
    head = (b"II*\0" if order == "<" else b"MM\0*") + struct.pack(order + "I", place)
    data = head + data + struct.pack(order + "H", len(tags)) + entries + bytes(4) + far
    FOLDER.add(name, feature, reference, data=data)


def by_tifffile(name, feature, samples, reference, **options):
    tifffile.imwrite(FOLDER.file(name), samples, software=False, metadata=None, **options)
    FOLDER.add(name, feature, reference)


def by_tiffcp(name, feature, picture, *options):
    with tempfile.TemporaryDirectory() as folder:
        source = Path(folder) / "source.tif"
        picture.save(source)
        subprocess.run(["tiffcp", *options, source, FOLDER.file(name)], check=True)
    FOLDER.add(name, feature, picture)


def packed(samples, bits):
    """Rows of numbers of so many bits, each row filled up to a byte."""
    rows = samples.reshape(len(samples), -1).astype("uint64")
    digits = (rows[..., None] >> np.arange(bits - 1, -1, -1).astype("uint64")) & 1
    return np.packbits(digits.astype("uint8").reshape(len(samples), -1), axis=1).tobytes()


def depths():
    for bits in range(1, 17):
        most = 2**bits - 1
        stored = np.round(GREY / 255 * most).astype("uint64")
        data = stored.astype(">u2").tobytes() if bits == 16 else packed(stored, bits)
        tags = {258: (3, [bits]), 262: (3, [1])}
        by_hand(f"bits{bits}.tif", f"grey of {bits} bits", tags, [data], stored / most * 255, ">")
    for bits in (2, 4, 5, 10):
        most = 2**bits - 1
        stored = np.round(RGB / 255 * most).astype("uint64")
        tags = {258: (3, [bits] * 3), 262: (3, [2]), 277: (3, [3])}
        by_hand(f"rgb{bits}.tif", f"RGB of {bits} bits", tags, [packed(stored, bits)], stored / most * 255)
    numbers = {
        "float16": (GREY / 255).astype("f2"),
        "float32": (GREY / 255).astype("f4"),
        "float32_of_255": GREY.astype("f4"),
        "float64": GREY / 255,
        "int8": (GREY.astype("i2") - 128).astype("i1"),
        "int16": (GREY.astype("i4") * 257 - 32768).astype("i2"),
        "int16_not_negative": GREY.astype("i2") * 128,
        "uint32": GREY.astype("u4") * 0x01010101,
        "int32": GREY.astype("i4") * 0x808080,
    }
    for name, stored in numbers.items():
        for order in "<>":
            by_tifffile(
                f"{name}_{'little' if order == '<' else 'big'}.tif", name.replace("_", " "), stored,
                np.dstack([GREY] * 3), byteorder=order, compression="zlib", photometric="minisblack",
            )


def compressions():
    for name in ("lzw", "zlib", "adobe_deflate", "packbits", "zstd", "lzma"):
        by_tifffile(f"{name}.tif", f"compression {name}", RGB, RGB, photometric="rgb", compression=name, rowsperstrip=8)
    for name in ("lzw", "zlib", "zstd", "lzma"):
        rgba = np.dstack([RGB, ALPHA])
        by_tifffile(
            f"{name}_predictor_alpha.tif", f"predictor with an extra sample; {name}", rgba, over_white(RGB, ALPHA),
            photometric="rgb", extrasamples=["unassalpha"], compression=name, predictor=2,
        )
    by_tifffile(
        "predictor_16_bits.tif", "predictor of 16 bits with an extra sample; tiles",
        np.dstack([GREY, ALPHA]).astype("u2") * 257, over_white(np.dstack([GREY] * 3), ALPHA), byteorder=">",
        photometric="minisblack", extrasamples=["unassalpha"], compression="zlib", predictor=2, tile=(16, 16),
    )
    by_tifffile(
        "predictor_float.tif", "floating predictor with an extra sample",
        (np.dstack([GREY, ALPHA]) / 255).astype("f4"), over_white(np.dstack([GREY] * 3), ALPHA),
        photometric="minisblack", extrasamples=["unassalpha"], compression="zstd", predictor=3,
    )
    by_hand(
        "lzw_old.tif", "LZW with the lowest bit first", {258: (3, [8]), 262: (3, [1]), 259: (3, [5])},
        [old_lzw(GREY.tobytes())], np.dstack([GREY] * 3),
    )
    by_tiffcp("lzw_reversed.tif", "LZW, FillOrder 2, big-endian", SCENE, "-c", "lzw:2", "-f", "lsb2msb", "-B")
    by_tifffile("webp.tif", "WebP inside", RGB, RGB, photometric="rgb", compression="webp", compressionargs={"lossless": True})


def old_lzw(data):
    """As programs before TIFF 5.0 wrote it: the lowest bit first, and codes that grow one later."""
    bits, count, width = 256, 9, 9
    table, current = {bytes([value]): value for value in range(256)}, b""
    free = 258
    for byte in data:
        longer = current + bytes([byte])
        if longer in table:
            current = longer
            continue
        bits |= table[current] << count
        count += width
        table[longer] = free
        free += 1
        width = max(width, (free - 1).bit_length())
        current = bytes([byte])
    assert free < 4094, "it would have to begin anew"
    bits |= (table[current] | 257 << width) << count
    return bits.to_bytes((count + 2 * width + 7) // 8, "little")


def faxes():
    one = SCENE.convert("1")
    ways = {
        "g3_1d": ["g3:1d"], "g3_2d": ["g3:2d"], "g3_aligned": ["g3:2d:fill"], "g4": ["g4"],
        "g3_strips": ["g3:1d", "-r", "5"], "g4_tiles": ["g4", "-t", "-w", "16", "-l", "16"],
        "g4_reversed": ["g4", "-f", "lsb2msb", "-B"],
    }
    for name, options in ways.items():
        by_tiffcp(f"fax_{name}.tif", f"fax {name}", one, "-c", *options)
    for name in ("tiff_ccitt", "tiff_raw_16"):
        one.save(FOLDER.file(f"fax_{name}.tif"), compression=name)
        FOLDER.add(f"fax_{name}.tif", f"fax {name}", one)
    reversed_bits = bytes(int(f"{byte:08b}"[::-1], 2) for byte in np.packbits(np.asarray(one), axis=1).tobytes())
    by_hand("fill_order_2.tif", "FillOrder 2", {258: (3, [1]), 262: (3, [1]), 266: (3, [2])}, [reversed_bits], one)


def colours():
    for bits in (1, 2, 4, 8):
        picture = SCENE.quantize(2**bits)
        palette = np.array((picture.getpalette() + [0] * 768)[: 3 * 2**bits]).reshape(-1, 3)
        for name, scale in (("", 257), ("_of_8_bits", 1)):
            tags = {258: (3, [bits]), 262: (3, [3]), 320: (3, [int(value) * scale for value in palette.T.ravel()])}
            by_hand(f"palette{bits}{name}.tif", f"palette of {2**bits}", tags, [packed(np.asarray(picture), bits)], picture)
    for bits in (1, 4, 8, 16):
        most = 2**bits - 1
        stored = most - np.round(GREY / 255 * most).astype("uint64")
        data = stored.astype("<u2").tobytes() if bits == 16 else packed(stored, bits)
        tags = {258: (3, [bits]), 262: (3, [0])}
        by_hand(f"white_is_zero{bits}.tif", f"white is zero; {bits} bits", tags, [data], 255 - stored / most * 255)
    inks = np.asarray(SCENE.convert("CMYK"))
    by_tifffile("cmyk.tif", "CMYK", inks, RGB, photometric="separated", compression="lzw")
    by_tifffile("cmyk16_planar.tif", "CMYK of 16 bits in planes", np.moveaxis(inks.astype("u2") * 257, 2, 0).copy(),
                RGB, photometric="separated", planarconfig="separate", compression="zlib")
    ycbcr()
    lab()


def ycbcr():
    samples = np.asarray(SCENE.convert("YCbCr")).astype(int)
    for across in (1, 2, 4):
        for down in (1, 2, 4):
            data, shown = units(samples, across, down)
            tags = {258: (3, [8] * 3), 262: (3, [6]), 277: (3, [3]), 530: (3, [across, down])}
            by_hand(f"ycbcr{across}{down}.tif", f"YCbCr {across}x{down}", tags, [data], shown)
    studio = np.dstack([samples[..., 0] * 219 / 255 + 16, (samples[..., 1:] - 128) * 224 / 254 + 128])
    data, _ = units(studio.round().clip(0, 255).astype(int), 1, 1)
    tags = {258: (3, [8] * 3), 262: (3, [6]), 277: (3, [3]), 530: (3, [1, 1]),
            532: (5, [(16, 1), (235, 1), (128, 1), (240, 1), (128, 1), (240, 1)])}
    by_hand("ycbcr_black_white.tif", "ReferenceBlackWhite", tags, [data], RGB)
    red, green, blue = np.moveaxis(RGB.astype(float), 2, 0)
    bright = 0.2126 * red + 0.7152 * green + 0.0722 * blue
    other = np.dstack([bright, (blue - bright) / 1.8556 + 128, (red - bright) / 1.5748 + 128])
    data, _ = units(other.round().clip(0, 255).astype(int), 1, 1)
    tags = {258: (3, [8] * 3), 262: (3, [6]), 277: (3, [3]), 530: (3, [1, 1]),
            529: (5, [(2126, 10000), (7152, 10000), (722, 10000)])}
    by_hand("ycbcr_coefficients.tif", "YCbCrCoefficients", tags, [data], RGB)


def units(samples, across, down):
    """Brightnesses that share a pair of differences, and the picture that comes of it."""
    wide, high = -(-WIDTH // across) * across, -(-HEIGHT // down) * down
    filled = np.pad(samples, ((0, high - HEIGHT), (0, wide - WIDTH), (0, 0)), "edge")
    data, shown = b"", filled.copy()
    for y in range(0, high, down):
        for x in range(0, wide, across):
            unit = filled[y : y + down, x : x + across]
            pair = [int(unit[..., part].mean() + 0.5) for part in (1, 2)]
            shown[y : y + down, x : x + across, 1:] = pair
            data += bytes(int(value) for value in unit[..., 0].ravel()) + bytes(pair)
    shown = shown[:HEIGHT, :WIDTH].astype("uint8")
    return data, Image.fromarray(shown, "YCbCr")


def lab():
    transform = ImageCms.buildTransform(ImageCms.createProfile("sRGB"), ImageCms.createProfile("LAB"), "RGB", "LAB")
    stored = np.frombuffer(ImageCms.applyTransform(SCENE, transform).tobytes(), "u1").reshape(HEIGHT, WIDTH, 3)
    tags = {258: (3, [8] * 3), 262: (3, [8]), 277: (3, [3])}
    by_hand("cielab.tif", "CIELab", tags, [stored.tobytes()], RGB)
    shifted = stored.copy()
    shifted[..., 1:] ^= 0x80
    by_hand("icclab.tif", "ICCLab", {**tags, 262: (3, [9])}, [shifted.tobytes()], RGB)


def extra_samples():
    grey = np.dstack([GREY] * 3)
    by_tifffile("grey_alpha.tif", "grey with alpha", np.dstack([GREY, ALPHA]), over_white(grey, ALPHA),
                photometric="minisblack", extrasamples=["unassalpha"])
    multiplied = (RGB * (ALPHA[..., None] / 255)).round().astype("u1")
    by_tifffile("premultiplied.tif", "premultiplied alpha", np.dstack([multiplied, ALPHA]), over_white(RGB, ALPHA),
                photometric="rgb", extrasamples=["assocalpha"])
    by_tifffile("unspecified.tif", "an extra sample that is no alpha", np.dstack([RGB, ALPHA]), RGB,
                photometric="rgb", extrasamples=["unspecified"])
    by_tifffile("second_is_alpha.tif", "the second extra sample is alpha", np.dstack([RGB, 255 - ALPHA, ALPHA]),
                over_white(RGB, ALPHA), photometric="rgb", extrasamples=["unspecified", "unassalpha"], compression="lzw")
    tags = {258: (3, [8] * 4), 262: (3, [2]), 277: (3, [4])}
    by_hand("unsaid.tif", "a fourth sample without a word", tags, [np.dstack([RGB, ALPHA]).tobytes()], over_white(RGB, ALPHA))
    by_hand("unsaid_empty.tif", "the same; 0 everywhere", tags, [np.dstack([RGB, ALPHA * 0]).tobytes()], RGB)


def places():
    for name, options in {
        "tiles": ["-t", "-w", "16", "-l", "32"], "planes": ["-p", "separate"], "big_tiff": ["-8", "-r", "6"],
        "tiles_in_planes": ["-t", "-w", "32", "-l", "16", "-p", "separate"], "strips_of_3": ["-r", "3"],
    }.items():
        by_tiffcp(f"{name}.tif", name.replace("_", " "), SCENE, "-c", "lzw:2", *options)
    stored = {258: (3, [8] * 3), 262: (3, [2]), 277: (3, [3])}
    strips = [RGB[row : row + 10].tobytes() for row in range(0, HEIGHT, 10)]
    by_hand("no_lengths.tif", "StripByteCounts missing", stored, strips, RGB, rows=10, without=(279,))
    by_hand("lengths_of_0.tif", "StripByteCounts 0", {**stored, 279: (4, [0] * 4)}, strips, RGB, rows=10)
    by_hand("length_too_small.tif", "StripByteCounts too small", {**stored, 279: (4, [9])}, [RGB.tobytes()], RGB)
    by_hand("no_rows.tif", "RowsPerStrip missing", stored, [RGB.tobytes()], RGB, without=(278,))
    by_hand("rows_of_0.tif", "RowsPerStrip 0", {**stored, 278: (4, [0])}, [RGB.tobytes()], RGB)
    shown = RGB.copy()
    shown[30:] = 0
    by_hand("last_strip_missing.tif", "the last strip missing", {**stored, 273: (4, [8, 1478, 2948, 0])}, strips[:3], shown, rows=10)
    turns = [None, "FLIP_LEFT_RIGHT", "ROTATE_180", "FLIP_TOP_BOTTOM", "TRANSPOSE", "ROTATE_90", "TRANSVERSE", "ROTATE_270"]
    for number, turn in enumerate(turns, 1):
        turned = SCENE if turn is None else SCENE.transpose(getattr(Image.Transpose, turn))
        by_tifffile(f"orientation{number}.tif", f"orientation {number}", np.asarray(turned), RGB, photometric="rgb",
                    compression="lzw", extratags=[(274, 3, 1, number, True)])
    tifffile.imwrite(FOLDER.file("pages.tif"), np.stack([RGB, RGB[::-1]]), photometric="rgb", compression="zlib",
                     software=False, metadata=None)
    FOLDER.add("pages.tif", "the first of two pages", RGB)


def jpegs():
    """Of JPEG the references are what libjpeg makes of it, through Pillow."""
    for name, options in {
        "rgb_tiles": {"photometric": "rgb", "tile": (16, 32)}, "ycbcr": {"photometric": "ycbcr"},
        "rgb_strips": {"photometric": "rgb", "rowsperstrip": 16},
    }.items():
        by_tifffile(f"jpeg_{name}.tif", f"JPEG {name}", RGB, None, compression="jpeg", **options)
        Image.open(FOLDER.file(f"jpeg_{name}.tif")).convert("RGB").save(FOLDER.file(f"jpeg_{name}.tif.ref.png"))
    for mode in ("L", "RGB", "YCbCr", "CMYK"):
        name = f"jpeg_pillow_{mode.lower()}.tif"
        SCENE.convert(mode).save(FOLDER.file(name), compression="jpeg")
        FOLDER.add(name, f"JPEG {mode}", Image.open(FOLDER.file(name)))
    old_jpegs()


def old_jpegs():
    file = io.BytesIO()
    SCENE.save(file, "JPEG", quality=90, subsampling=1)
    stream, shown = file.getvalue(), Image.open(file).convert("RGB")
    place, quantization, codes = 2, {}, {}
    while stream[place + 1] != 0xDA:
        length = int.from_bytes(stream[place + 2 : place + 4])
        part = stream[place + 4 : place + 2 + length]
        if stream[place + 1] == 0xDB:
            for at in range(0, len(part), 65):
                quantization[part[at]] = part[at + 1 : at + 65]
        if stream[place + 1] == 0xC4:
            while part:
                length_of_one = 17 + sum(part[1:17])
                codes[part[0]] = part[1:length_of_one]
                part = part[length_of_one:]
        place += 2 + length
    data = stream[place + 2 + int.from_bytes(stream[place + 2 : place + 4]) : -2]
    tags = {258: (3, [8] * 3), 259: (3, [6]), 262: (3, [6]), 277: (3, [3]), 530: (3, [2, 1])}
    by_hand("old_jpeg_whole.tif", "old JPEG; one stream", {**tags, 513: (4, [8]), 514: (4, [len(stream)])}, [stream], shown)
    by_hand("old_jpeg_head.tif", "old JPEG; the head elsewhere", {**tags, 513: (4, [8]), 514: (4, [place]), 273: (4, [8 + place]),
            279: (4, [len(data)])}, [stream[:place] + data], shown)
    parts, offsets = b"", []
    for part in (quantization[0], quantization[1], codes[0], codes[1], codes[0x10], codes[0x11]):
        offsets.append(8 + len(parts))
        parts += part
    places = {519 + kind: (4, [offsets[2 * kind], offsets[2 * kind + 1], offsets[2 * kind + 1]]) for kind in range(3)}
    by_hand("old_jpeg_tables.tif", "old JPEG; tables alone", {**tags, **places, 273: (4, [8 + len(parts)]), 279: (4, [len(data)])},
            [parts + data], shown)


def refused():
    data = RGB[:4].tobytes()
    for name, feature, tags, said in (
        ("lerc.tif", "LERC", {259: (3, [34887]), 262: (3, [2])}, "LERC"),
        ("sensor.tif", "what a sensor saw", {262: (3, [32803])}, "a camera's sensor"),
        ("mixed_depths.tif", "different depths", {258: (3, [5, 6, 5]), 262: (3, [2])}, "different bits"),
        ("complex.tif", "complex numbers", {262: (3, [1]), 339: (3, [6] * 3)}, "complex numbers"),
    ):
        tags = {258: (3, [8] * 3), 277: (3, [3]), **tags}
        by_hand(name, feature, tags, [data], None)
        what = "camera RAW" if name == "sensor.tif" else "TIFF" if said[0].islower() else said
        FOLDER.rows[-1] = (*FOLDER.rows[-1][:3], f"not supported: {what}")


depths()
compressions()
faxes()
colours()
extra_samples()
places()
jpegs()
refused()
FOLDER.write_table()
