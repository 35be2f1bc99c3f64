"""Makes jpeg/: one small file for each thing that a JPEG can be, or can have suffered, and what it shows.

Needs pillow 13.0.0, numpy 2.4.6, imagecodecs 2026.3.6 and Debian's libjpeg-turbo-progs 2.1.5 (`cjpeg`,
`djpeg`). Run it anywhere: python3 make_jpeg.py

References are what libjpeg-turbo shows, by `djpeg`, of the damaged ones as well; where it has no command
for a coding (lossless, 12 bits, inks) they are what imagecodecs or Pillow read.
"""

import io
import struct
import subprocess
import tempfile
from pathlib import Path

import imagecodecs
import numpy as np
from PIL import Image, ImageOps
from scene import Folder, scene

FOLDER = Folder("jpeg")
SCENE = scene(97, 65)
RGB = np.asarray(SCENE)
GREY = np.asarray(SCENE.convert("L"))
EXACT = 0.01
SCRIPTS = {"apart": "0;\n1;\n2;\n", "backwards": "2;\n0;\n1;\n", "partly": "0;\n1 2;\n", "others": "0 2;\n1;\n"}


def cjpeg(*options, quality=90, picture=SCENE, script=None):
    with tempfile.TemporaryDirectory() as folder:
        source, scans = Path(folder, "source.ppm"), Path(folder, "scans")
        picture.save(source)
        if script:
            scans.write_text(SCRIPTS[script])
            options += ("-scans", str(scans))
        command = ["cjpeg", "-quality", str(quality), *options, str(source)]
        return subprocess.run(command, check=True, capture_output=True).stdout


def shown(data):
    pixels = subprocess.run(["djpeg", "-ppm"], input=data, capture_output=True).stdout
    return Image.open(io.BytesIO(pixels))


def add(name, feature, data, reference=None, tolerance=EXACT):
    FOLDER.add(f"{name}.jpg", feature, shown(data) if reference is None else reference, tolerance, data=bytes(data))


def refuse(name, feature, data, words):
    FOLDER.add(f"{name}.jpg", feature, refused=words, data=bytes(data))


def segments(data):
    """Marker, beginning and end of each segment up to the first scan's header."""
    at, found = 2, []
    while not found or found[-1][0] != 0xDA:
        length = struct.unpack(">H", data[at + 2 : at + 4])[0]
        found.append((data[at + 1], at, at + 2 + length))
        at += 2 + length
    return found


def without(data, *markers):
    parts = segments(data)
    kept = b"".join(data[start:end] for marker, start, end in parts if marker not in markers)
    return data[:2] + kept + data[parts[-1][2] :]


def segment(marker, content):
    return bytes([0xFF, marker]) + struct.pack(">H", len(content) + 2) + content


def first(data, inserted):
    return data[:2] + inserted + data[2:]


def adobe(transform):
    return segment(0xEE, b"Adobe\0\x64" + bytes(4) + bytes([transform]))


def renamed(data, ids):
    data = bytearray(data)
    for marker, start, _ in segments(data):
        if marker in (0xC0, 0xDA):
            place, step = (start + 10, 3) if marker == 0xC0 else (start + 5, 2)
            for index, name in enumerate(ids):
                data[place + step * index] = name
    return bytes(data)


def restarts(data):
    start = segments(data)[-1][2]
    return [at for at in range(start, len(data) - 1) if data[at] == 0xFF and 0xD0 <= data[at + 1] <= 0xD7]


def samplings():
    for factors in [
        "1x1", "2x1", "1x2", "2x2", "4x1", "1x4", "4x2", "2x4", "3x1", "1x3", "3x2", "1x1,2x2,2x2", "1x1,1x2,1x1",
        "2x1,1x1,2x1", "2x2,2x1,1x2", "1x2,1x1,1x1", "1x1,4x1,1x1",
    ]:
        name = factors.replace(",", "_")
        try:
            add(f"sampling_{name}", f"samples {factors}", cjpeg("-sample", factors))
        except subprocess.CalledProcessError:
            # Too many blocks for one scan.
            add(f"sampling_{name}", f"samples {factors}", cjpeg("-sample", factors, script="apart"))
        if factors in ("2x2", "3x1", "1x1,2x2,2x2"):
            add(f"progressive_{name}", f"progressive, samples {factors}", cjpeg("-progressive", "-sample", factors))
    add("grey", "grey", cjpeg("-grayscale"))
    add("tiny", "3 x 2 pixels", cjpeg("-sample", "2x2", picture=scene(97, 65).resize((3, 2))))


def codings():
    add("arithmetic", "arithmetic coding", cjpeg("-arithmetic"))
    add("arithmetic_restart", "arithmetic coding with restarts", cjpeg("-arithmetic", "-restart", "1"))
    add("arithmetic_progressive", "progressive arithmetic coding", cjpeg("-arithmetic", "-progressive"))
    add("arithmetic_apart", "arithmetic coding, scans apart", cjpeg("-arithmetic", script="apart"))
    add("optimized", "its own codes", cjpeg("-optimize"))
    add("steps16", "quantization steps of 16 bits", cjpeg(quality=3))
    for script in SCRIPTS:
        for factors in ("2x2", "2x1"):
            add(f"scans_{script}_{factors}", f"scans {script}, {factors}", cjpeg("-sample", factors, script=script))
    add("scans_apart_restart", "scans apart with restarts", cjpeg("-restart", "1", script="apart"))
    data = cjpeg()
    add("no_codes", "without Huffman tables, as in MJPEG", without(data, 0xC4))
    height = segments(data)
    frame = next(start for marker, start, _ in height if marker == 0xC0)
    late = data[: frame + 5] + b"\0\0" + data[frame + 7 : -2] + segment(0xDC, data[frame + 5 : frame + 7]) + b"\xff\xd9"
    add("late_height", "height behind the scan (DNL)", late, shown(data))
    for number, what in (0xC5, "hierarchical"), (0xCB, "arithmetic"):
        other = bytearray(data)
        other[frame + 1] = number
        refuse(f"frame_{number:x}", f"{what} coding of frame {number:X}", other, "not supported")
    two = data[: frame + 2] + struct.pack(">H", 14) + data[frame + 4 : frame + 9] + b"\2" + data[frame + 10 : frame + 16]
    refuse("two_components", "two components", two + data[frame + 19 :], "not supported")


def lossless():
    for predictor in range(1, 8):
        data = imagecodecs.jpeg8_encode(RGB[:33, :49], lossless=True, predictor=predictor)
        add(f"lossless_{predictor}", f"lossless, predictor {predictor}", data, RGB[:33, :49])
    for bits in (2, 5, 12, 16):
        numbers = GREY[:33, :49].astype(np.uint16) * 257 >> (16 - bits)
        numbers = numbers.astype(np.uint8 if bits <= 8 else np.uint16)
        data = imagecodecs.jpeg8_encode(numbers, lossless=True, predictor=4, bitspersample=bits)
        add(f"lossless_grey_{bits}", f"lossless, {bits} bits", data, numbers * 255.0 / (2**bits - 1), 1)
    data = imagecodecs.jpeg8_encode(RGB.astype(np.uint16) * 16, 90, bitspersample=12)
    add("bits12", "12 bits a sample", data, imagecodecs.jpeg8_decode(data) / 16, 1)


def colours():
    data = cjpeg()
    bare = without(data, 0xE0)
    for transform in (0, 1, 2):
        add(f"jfif_adobe{transform}", f"JFIF and Adobe's transform {transform}", first(data, adobe(transform)))
        add(f"adobe{transform}", f"Adobe's transform {transform}", first(bare, adobe(transform)))
    for name, ids in dict(rgb=b"RGB", small_rgb=b"rgb", bgr=b"BGR", from_0=b"\0\1\2", equal=b"\1\1\1", two_equal=b"\1\2\2").items():
        add(f"ids_{name}", f"components {ids}", renamed(bare, ids))
        add(f"ids_{name}_jfif", f"components {ids} and JFIF", renamed(data, ids))
    add("rgb", "RGB as such", cjpeg("-rgb"))
    inks = np.dstack([255 - RGB, GREY // 4])
    for name, options in dict(
        cmyk=dict(outcolorspace="CMYK"), ycck=dict(outcolorspace="YCCK"), ycck_420=dict(outcolorspace="YCCK", subsampling="420")
    ).items():
        data = imagecodecs.jpeg8_encode(inks, 90, colorspace="CMYK", **options)
        add(name, f"four inks, {name}", data, inked(data), 1)
        add(f"{name}_bare", f"four inks, {name}, without Adobe's segment", without(data, 0xEE), inked(without(data, 0xEE)), 1)


def inked(data):
    """Four inks as they look: each takes its part of the light."""
    inks = 255 - np.asarray(Image.open(io.BytesIO(data))).astype(int)
    return (inks[..., :3] * inks[..., 3:] + 127) // 255


def orientations():
    data = cjpeg("-sample", "2x2")
    turned = ImageOps.exif_transpose
    for name, order, kind in ("short", "<", 3), ("long", "<", 4), ("short_mm", ">", 3), ("long_mm", ">", 4):
        value = struct.pack(order + ("HH" if kind == 3 else "I"), *((6, 0) if kind == 3 else (6,)))
        head = b"II*\0" if order == "<" else b"MM\0*"
        tiff = head + struct.pack(order + "IHHHI", 8, 1, 0x112, kind, 1) + value + bytes(4)
        upright = shown(data).transpose(Image.Transpose.ROTATE_270)
        add(f"orientation_{name}", f"orientation 6 as {name}", first(data, segment(0xE1, b"Exif\0\0" + tiff)), upright)
    packet = b'http://ns.adobe.com/xap/1.0/\0<rdf:Description tiff:Orientation="3"/>'
    add("orientation_xmp", "orientation 3 in XMP", first(data, segment(0xE1, packet)), shown(data).rotate(180))


def oddities():
    data = cjpeg()
    parts = segments(data)
    filled = data[:2] + b"".join(b"\xff\xff\xff" + data[start:end] for _, start, end in parts) + data[parts[-1][2] :]
    add("filling", "bytes of filling before markers", filled)
    add("garbage", "bytes between segments", data[:20] + b"\0abc\x12\xff\0" + data[20:])
    small = cjpeg("-sample", "2x2", picture=SCENE.resize((24, 16)).rotate(180))
    add("thumbnail", "another JPEG in a segment", first(data, segment(0xE1, b"Exif\0\0" + bytes(8) + small)))
    add("behind", "another JPEG behind it", data + small)


def damages():
    data = cjpeg("-sample", "2x2")
    end = len(data)
    start = segments(data)[-1][2]
    add("no_end", "without its end marker", data[:-2])
    add("trailer", "a trailer for the end marker", data[:-2] + b"maker's trailer" + bytes(40))
    add("cut_tenth", "a tenth is missing", data[: start + (end - start) * 9 // 10])
    refuse("cut_two_thirds", "two thirds are missing", data[: start + (end - start) // 3], "of the picture is there")
    refuse("cut_before", "cut off before the picture", data[: start - 30], "damaged")
    late = start + (end - start) * 4 // 5
    add("lost", "bytes are missing", data[:late] + data[late + 9 :])
    kept = cjpeg("-sample", "2x2", "-restart", "1B")
    found = restarts(kept)
    middle = (found[7] + found[8]) // 2
    for name, marker in ("9f", 0x9F), ("02", 0x02), ("d1", 0xD1), ("d6", 0xD6):
        stray = kept[:middle] + bytes([0xFF, marker]) + kept[middle + 2 :]
        add(f"stray_{name}", f"a stray marker {marker:X} among restarts", stray)
    add("no_restart", "a restart marker is missing", kept[: found[5]] + kept[found[5] + 2 :])
    for ahead in (1, 2, 4, 6, 7):
        number = 0xD0 + (5 + ahead) % 8
        wrong = kept[: found[5]] + bytes([0xFF, number]) + kept[found[5] + 2 :]
        add(f"restart_ahead_{ahead}", f"a restart marker {ahead} too high", wrong)
    for count in (1, 2, 3):
        add(f"intervals_{count}", f"{count} intervals are missing", kept[: found[4]] + kept[found[4 + count] :])
    add("intervals_twice", "an interval is there twice", kept[: found[6]] + kept[found[5] : found[6]] + kept[found[6] :])
    add("interval_noise", "noise for an interval", kept[: found[3] + 2] + bytes(range(1, 60)) + kept[found[4] :])
    for options in ["-arithmetic"], ["-progressive"]:
        other = cjpeg("-sample", "2x2", "-restart", "1", *options)
        found = restarts(other)
        name = options[0][1:]
        add(f"{name}_no_restart", f"{name}, a restart marker is missing", other[: found[2]] + other[found[2] + 2 :], tolerance=1)
    steps = cjpeg("-sample", "2x2", "-progressive")
    add("progressive_no_end", "progressive, without its end marker", steps[:-2])
    scans = [at for at in range(len(steps) - 1) if steps[at : at + 2] == b"\xff\xda"]
    add("progressive_cut_late", "progressive, cut in its last scan", steps[: scans[-1] + 30])
    refuse("progressive_cut_early", "progressive, cut in its first scan", steps[: scans[0] + 60], "of the picture is there")
    apart = cjpeg("-sample", "2x2", script="apart")
    scans = [at for at in range(len(apart) - 1) if apart[at : at + 2] == b"\xff\xda"]
    add("apart_cut", "scans apart, the last is missing", apart[: scans[2]])


for part in samplings, codings, lossless, colours, orientations, oddities, damages:
    part()
FOLDER.write_table()
