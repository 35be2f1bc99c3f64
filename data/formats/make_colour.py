# Python 3, Pillow 12.0.0, numpy 2.3.4
"""Writes data/formats/colour: one painted picture in many colour spaces, and beside each what it looks
like in sRGB, by LittleCMS (through Pillow). The profiles are made here, from the numbers that define the
spaces, as ICC.1:2001 (version 2) and ICC.1:2022 (version 4) lay them out."""

import csv
import io
import pathlib
import struct
import zlib

import numpy as np
from PIL import Image, ImageCms, ImageDraw

FOLDER = pathlib.Path(__file__).parent / "colour"
D50 = (0.9642, 1.0, 0.8249)
BRADFORD = np.array([[0.8951, 0.2664, -0.1614], [-0.7502, 1.7135, 0.0367], [0.0389, -0.0685, 1.0296]])
SRGB_CURVE = (2.4, 1 / 1.055, 0.055 / 1.055, 1 / 12.92, 0.04045)
SPACES = {
    # white, red, green, blue (x, y), and the curve: an exponent, or parameters of the fourth kind
    "srgb": ((0.3127, 0.329), (0.64, 0.33), (0.3, 0.6), (0.15, 0.06), SRGB_CURVE),
    "display_p3": ((0.3127, 0.329), (0.68, 0.32), (0.265, 0.69), (0.15, 0.06), SRGB_CURVE),
    "adobe_rgb": ((0.3127, 0.329), (0.64, 0.33), (0.21, 0.71), (0.15, 0.06), 563 / 256),
    "prophoto": ((0.3457, 0.3585), (0.734699, 0.265301), (0.159597, 0.840403), (0.036598, 0.000105), 1.8),
    "linear": ((0.3127, 0.329), (0.64, 0.33), (0.3, 0.6), (0.15, 0.06), 1.0),
    "rec2020": ((0.3127, 0.329), (0.708, 0.292), (0.17, 0.797), (0.131, 0.046), 2.4),
}


def xyz(x, y):
    return np.array([x / y, 1.0, (1 - x - y) / y])


def adaptation(white):
    """From this white to that of profiles."""
    cones = np.diag((BRADFORD @ D50) / (BRADFORD @ white))
    return np.linalg.inv(BRADFORD) @ cones @ BRADFORD


def to_xyz(name):
    """Columns: red, green and blue as XYZ under the white of profiles."""
    white, *primaries, _ = SPACES[name]
    columns = np.array([xyz(*primary) for primary in primaries]).T
    scaled = columns * np.linalg.solve(columns, xyz(*white))
    return adaptation(xyz(*white)) @ scaled


def curve_tag(curve, version):
    if isinstance(curve, tuple):
        if version == 4:
            return b"para" + bytes(4) + struct.pack(">HH", 3, 0) + b"".join(map(fixed, curve))
        gamma, a, b, c, d = curve
        at = np.linspace(0, 1, 1024)
        values = np.where(at >= d, (a * at + b) ** gamma, c * at)
        return b"curv" + bytes(4) + struct.pack(">I", 1024) + np.round(values * 65535).astype(">u2").tobytes()
    return b"curv" + bytes(4) + struct.pack(">IH", 1, round(curve * 256))


def fixed(value):
    return struct.pack(">i", round(value * 65536))


def text(words, version):
    if version == 4:
        encoded = words.encode("utf-16-be")
        return b"mluc" + bytes(4) + struct.pack(">II2s2sII", 1, 12, b"en", b"US", len(encoded), 28) + encoded
    encoded = words.encode() + b"\0"
    return b"desc" + bytes(4) + struct.pack(">I", len(encoded)) + encoded + bytes(78)


def profile(tags, space, version):
    """Header, table and tags, each at a multiple of four bytes."""
    at, table, data = 128 + 4 + 12 * len(tags), b"", b""
    for name, content in tags:
        table += struct.pack(">4sII", name, at + len(data), len(content))
        data += content + bytes(-len(content) % 4)
    header = struct.pack(">I4sI4s4s4s", at + len(data), bytes(4), version << 24, b"mntr", space, b"XYZ ")
    header += struct.pack(">6H", 2026, 1, 1, 0, 0, 0) + b"acsp" + bytes(28) + b"".join(map(fixed, D50))
    return header.ljust(128, b"\0") + struct.pack(">I", len(tags)) + table + data


def rgb_profile(name, version=2):
    curve = curve_tag(SPACES[name][4], version)
    tags = [(b"desc", text(name, version)), (b"cprt", text("made for tests", version)),
            (b"wtpt", b"XYZ " + bytes(4) + b"".join(map(fixed, D50)))]
    for letter, column in zip(b"rgb", to_xyz(name).T):
        letter = bytes([letter])
        tags.append((letter + b"XYZ", b"XYZ " + bytes(4) + b"".join(map(fixed, column))))
        tags.append((letter + b"TRC", curve))
    return profile(tags, b"RGB ", version)


def grey_profile(gamma):
    tags = [(b"desc", text("grey", 2)), (b"cprt", text("made for tests", 2)),
            (b"wtpt", b"XYZ " + bytes(4) + b"".join(map(fixed, D50))), (b"kTRC", curve_tag(gamma, 2))]
    return profile(tags, b"GRAY", 2)


def table_profile(space, inks):
    """A profile of tables (lut8) from numbers to Lab: for RGB swapped channels, so that it shows; for inks
    each taking its part of the light."""
    def lab(rgb):
        light = np.where(rgb <= 0.04045, rgb / 12.92, ((rgb + 0.055) / 1.055) ** 2.4)
        relative = (to_xyz("srgb") @ light) / D50
        f = np.where(relative > 216 / 24389, np.cbrt(relative), (24389 / 27 * relative + 16) / 116)
        values = [116 * f[1] - 16, 500 * (f[0] - f[1]), 200 * (f[1] - f[2])]
        return [values[0] * 2.55, values[1] + 128, values[2] + 128]

    steps, channels = 9, 4 if inks else 3
    grid = np.stack(np.meshgrid(*[np.linspace(0, 1, steps)] * channels, indexing="ij"), -1).reshape(-1, channels)
    rgb = (1 - grid[:, :3]) * (1 - grid[:, 3:]) if inks else grid[:, [1, 2, 0]]
    nodes = np.clip(np.round([lab(colour) for colour in rgb]), 0, 255).astype("uint8").tobytes()
    identity = bytes(range(256))
    lut = b"mft1" + bytes(4) + struct.pack(">BBBB", channels, 3, steps, 0)
    lut += b"".join(fixed(value) for value in np.eye(3).ravel()) + identity * channels + nodes + identity * 3
    tags = [(b"desc", text("table", 2)), (b"cprt", text("made for tests", 2)),
            (b"wtpt", b"XYZ " + bytes(4) + b"".join(map(fixed, D50))), (b"A2B0", lut)]
    made = profile(tags, space, 2)
    return made[:12] + (b"prtr" if inks else b"mntr") + made[16:20] + b"Lab " + made[24:]


def scene():
    y, x = np.mgrid[0:48, 0:64]
    pixels = np.dstack([40 + 3 * x, 60 + 3 * y, 200 - 2 * x]).clip(0, 255).astype("uint8")
    picture = Image.fromarray(pixels)
    draw = ImageDraw.Draw(picture)
    for box, colour in [((4, 4, 20, 20), (230, 30, 40)), ((24, 8, 44, 30), (30, 190, 70)),
                        ((40, 24, 60, 44), (30, 60, 220)), ((6, 26, 26, 44), (240, 220, 40))]:
        draw.ellipse(box, fill=colour)
    return picture


def numbers(picture, name):
    """The picture's colours as numbers of another space, 0 ... 1, in full precision."""
    value = np.asarray(picture) / 255
    light = np.where(value <= 0.04045, value / 12.92, ((value + 0.055) / 1.055) ** 2.4)
    light = (light @ (np.linalg.inv(to_xyz(name)) @ to_xyz("srgb")).T).clip(0, 1)
    curve = SPACES[name][4]
    if isinstance(curve, tuple):
        return np.where(light <= 0.0031308, 12.92 * light, 1.055 * light ** (1 / 2.4) - 0.055)
    return light ** (1 / curve)


def in_srgb(picture, icc, mode="RGB"):
    """As LittleCMS shows it."""
    source = ImageCms.ImageCmsProfile(io.BytesIO(icc))
    target = ImageCms.ImageCmsProfile(io.BytesIO(rgb_profile("srgb", 4)))
    return ImageCms.profileToProfile(picture, source, target, ImageCms.Intent.PERCEPTUAL, outputMode=mode)


def chunk(name, data):
    return struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data))


def png(pixels, bits, colour_type, *chunks):
    """A PNG with chunks of one's own before the pixels."""
    height, width = pixels.shape[:2]
    raw = pixels.astype(">u2" if bits == 16 else "u1").reshape(height, -1)
    rows = b"".join(b"\0" + row.tobytes() for row in raw)
    header = struct.pack(">IIBBBBB", width, height, bits, colour_type, 0, 0, 0)
    body = chunk(b"IHDR", header) + b"".join(chunks) + chunk(b"IDAT", zlib.compress(rows, 9)) + chunk(b"IEND", b"")
    return b"\x89PNG\r\n\x1a\n" + body


ROWS = []


def put(name, data, reference, feature, tolerance=""):
    (FOLDER / name).write_bytes(data)
    reference.convert("RGB").save(FOLDER / (name + ".ref.png"))
    ROWS.append((name, feature, tolerance, ""))


def put_saved(name, picture, icc, feature, tolerance=2, **options):
    """The reference is what this very file shows: lossy formats have lost something before."""
    file = io.BytesIO()
    ending = name.rsplit(".", 1)[1]
    picture.save(file, {"jpg": "JPEG", "tif": "TIFF"}.get(ending, ending), icc_profile=icc, **options)
    shown = Image.open(io.BytesIO(file.getvalue()))
    put(name, file.getvalue(), in_srgb(shown.convert(picture.mode), icc), feature, tolerance)


def main():
    FOLDER.mkdir(exist_ok=True)
    for old in FOLDER.iterdir():
        old.unlink()
    picture = scene()
    for name in SPACES:
        values = numbers(picture, name)
        eight = Image.fromarray((values * 255).round().astype("uint8"))
        for version in (2, 4):
            icc = rgb_profile(name, version)
            for ending, options in (("jpg", {"quality": 95, "subsampling": 0}), ("png", {}), ("webp", {"lossless": True}),
                                    ("tif", {"compression": "tiff_lzw"})):
                if version == 4 and ending in ("webp", "tif"):
                    continue
                put_saved(f"{name}_v{version}.{ending}", eight, icc, f"{name}, ICC version {version}", **options)
        compressed = chunk(b"iCCP", b"x\0\0" + zlib.compress(rgb_profile(name)))
        put(f"{name}_16.png", png(values * 65535 + 0.5, 16, 2, compressed), picture, f"{name}, 16 bits", 2)
    p3, linear = numbers(picture, "display_p3"), numbers(picture, "linear")
    wrong = chunk(b"iCCP", b"x\0\0" + zlib.compress(rgb_profile("prophoto")))
    put("cicp_p3.png", png(p3 * 255 + 0.5, 8, 2, chunk(b"cICP", bytes([12, 13, 0, 1]))), picture, "cICP", 2)
    put("cicp_first.png", png(p3 * 255 + 0.5, 8, 2, chunk(b"cICP", bytes([12, 13, 0, 1])), wrong), picture,
        "cICP goes before iCCP", 2)
    gamma, srgb = chunk(b"gAMA", struct.pack(">I", 100000)), chunk(b"sRGB", b"\0")
    put("gamma.png", png(linear * 65535 + 0.5, 16, 2, gamma), picture, "gAMA", 2)
    put("srgb_first.png", png(np.asarray(picture), 8, 2, srgb, gamma), picture, "sRGB goes before gAMA", 0.1)
    points = [v for point in SPACES["adobe_rgb"][:4] for v in point]
    chromaticities = chunk(b"cHRM", struct.pack(">8I", *[round(v * 100000) for v in points]))
    adobe = numbers(picture, "adobe_rgb")
    put("chromaticities.png", png(adobe * 255 + 0.5, 8, 2, chunk(b"gAMA", struct.pack(">I", 45470)), chromaticities),
        picture, "gAMA and cHRM", 3)
    grey = picture.convert("L")
    for gamma_of_grey in (1.0, 1.8):
        icc = grey_profile(gamma_of_grey)
        put_saved(f"grey_{gamma_of_grey}.png", grey, icc, f"grey, gamma {gamma_of_grey}")
        put_saved(f"grey_{gamma_of_grey}.jpg", grey, icc, f"grey, gamma {gamma_of_grey}", quality=95)
    icc = table_profile(b"RGB ", False)
    put_saved("table.png", picture, icc, "a profile of tables", 3)
    inks = Image.fromarray(np.dstack([255 - np.asarray(picture), np.full((48, 64), 30, "uint8")]), "CMYK")
    icc = table_profile(b"CMYK", True)
    put_saved("cmyk.tif", inks, icc, "inks with a profile", 4, compression="tiff_lzw")
    put_saved("cmyk.jpg", inks, icc, "inks with a profile", 4, quality=95, subsampling=0)
    file = io.BytesIO()
    picture.save(file, "PNG", icc_profile=rgb_profile("prophoto")[:200])
    put("broken_profile.png", file.getvalue(), picture, "a profile that is cut off counts for nothing", 0.1)
    with open(FOLDER / "table.csv", "w", newline="") as table:
        csv.writer(table, lineterminator="\n").writerows([("file", "feature", "tolerance", "refused"), *sorted(ROWS)])


main()
