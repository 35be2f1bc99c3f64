"""Makes pnm/, qoi/, tga/, ico/, psd/ and jp2/.

Needs pillow 13.0.0, numpy 2.4.6 and imagecodecs 2026.3.6. Run it anywhere: python3 make_small.py
"""

import io
import struct

import imagecodecs
import numpy as np
from PIL import Image, ImageCms
from scene import HEIGHT, WIDTH, Folder, over_white, ramp, scene

SCENE = scene()
RGB, GREY, ALPHA = np.asarray(SCENE), np.asarray(SCENE.convert("L")), ramp()
RGBA, ONE = np.dstack([RGB, ALPHA]), np.asarray(SCENE.convert("1"))
SIZE = b"%d %d\n" % (WIDTH, HEIGHT)


def threefold(grey):
    return np.dstack([grey] * 3)


def pnm():
    folder = Folder("pnm")
    shown = threefold(ONE * 255.0)
    digits = [b"".join(b"0" if white else b"1" for white in row) for row in ONE]
    folder.add("p1.pbm", "PBM as text", shown, data=b"P1\n# a comment\n" + SIZE + b"\n".join(digits))
    folder.add("p4.pbm", "PBM", shown, data=b"P4\n" + SIZE + np.packbits(~ONE, axis=1).tobytes())
    for most in (1, 7, 100, 255, 1000, 65535):
        kind, head = "u1" if most < 256 else ">u2", SIZE + b"%d\n" % most
        grey, rgb = np.round(GREY / 255 * most).astype(int), np.round(RGB[::2] / 255 * most).astype(int)
        half = b"%d %d\n%d\n" % (WIDTH, len(rgb), most)
        text = b"P2\n%d %d\n%d\n" % (WIDTH, len(grey[::2]), most) + b" ".join(b"%d" % value for value in grey[::2].ravel())
        folder.add(f"p2_{most}.pgm", f"PGM as text up to {most}", threefold(grey[::2] / most * 255), data=text)
        folder.add(f"p5_{most}.pgm", f"PGM up to {most}", threefold(grey / most * 255), data=b"P5\n" + head + grey.astype(kind).tobytes())
        folder.add(f"p6_{most}.ppm", f"PPM up to {most}", rgb / most * 255, data=b"P6\n" + half + rgb.astype(kind).tobytes())
    folder.add("p3.ppm", "PPM as text", RGB[:12], data=b"P3\n%d 12\n255\n" % WIDTH + b"\n".join(b"%d" % value for value in RGB[:12].ravel()))
    pams = {
        "RGB": (RGB, 255, RGB), "RGB_ALPHA": (RGBA, 255, over_white(RGB, ALPHA)), "GRAYSCALE": (GREY[..., None], 255, threefold(GREY)),
        "BLACKANDWHITE": (ONE[..., None].astype("u1"), 1, shown), "GRAYSCALE_ALPHA": (np.dstack([GREY, ALPHA]), 255, over_white(threefold(GREY), ALPHA)),
    }
    for name, (samples, most, seen) in pams.items():
        head = b"P7\nWIDTH %d\nHEIGHT %d\nDEPTH %d\nMAXVAL %d\nTUPLTYPE %s\nENDHDR\n" % (WIDTH, HEIGHT, samples.shape[2], most, name.encode())
        folder.add(f"{name.lower()}.pam", f"PAM {name}", seen, data=head + samples.tobytes())
    for name, order, scale in (("little", "<f4", b"-1.0\n"), ("big", ">f4", b"1.0\n")):
        folder.add(f"{name}.pfm", f"PFM, {name}-endian", threefold(GREY), data=b"Pf\n" + SIZE + scale + (GREY[::-1] / 255).astype(order).tobytes())
    folder.add("rgb.pfm", "PFM of colours", RGB[:12], data=b"PF\n%d 12\n-1\n" % WIDTH + (RGB[11::-1] / 255).astype("<f4").tobytes())
    cut = RGB.copy()
    cut[27:] = 0
    folder.add("cut_off.ppm", "the last rows are missing", cut, data=b"P6\n" + SIZE + b"255\n" + RGB[:27].tobytes())
    folder.write_table()


def qoi_and_tga():
    folder = Folder("qoi")
    for name, picture, shown in (("rgb", SCENE, RGB), ("rgba", Image.fromarray(RGBA), over_white(RGB, ALPHA))):
        picture.save(folder.file(f"{name}.qoi"))
        folder.add(f"{name}.qoi", name, shown)
    folder.write_table()
    folder = Folder("tga")
    pictures = {"grey": SCENE.convert("L"), "palette": SCENE.quantize(256), "rgb": SCENE, "rgba": Image.fromarray(RGBA)}
    for name, picture in pictures.items():
        for runs in (False, True):
            for turned in (1, -1):
                file = f"{name}{'_runs' if runs else ''}{'_top_down' if turned < 0 else ''}.tga"
                picture.save(folder.file(file), compression="tga_rle" if runs else None, orientation=turned)
                shown = over_white(RGB, ALPHA) if name == "rgba" else picture
                folder.add(file, file.removesuffix(".tga").replace("_", " "), shown)
    red, green, blue = np.moveaxis(RGB.astype("<u2"), 2, 0)
    stored = (red >> 3) << 10 | (green >> 3) << 5 | blue >> 3
    head = struct.pack("<BBBHHBHHHHBB", 0, 0, 2, 0, 0, 0, 0, 0, WIDTH, HEIGHT, 16, 0x20)
    folder.add("rgb16.tga", "16 bits", (RGB >> 3) / 31 * 255, data=head + stored.tobytes())
    head = struct.pack("<BBBHHBHHHHBB", 0, 0, 3, 0, 0, 0, 0, 0, WIDTH, HEIGHT, 1, 0)
    folder.add("one_bit.tga", "one bit", threefold(ONE * 255.0), data=head + np.packbits(ONE[::-1], axis=1).tobytes())
    folder.write_table()


def icons():
    folder = Folder("ico")
    small = SCENE.resize((32, 32))
    for name, options in (("png", {}), ("bmp", {"bitmap_format": "bmp"})):
        small.convert("RGBA").save(folder.file(f"largest_{name}.ico"), sizes=[(16, 16), (32, 32), (24, 24)], **options)
        folder.add(f"largest_{name}.ico", f"the largest of three; {name}", small)
    for bits in (1, 4, 8, 24):
        for kind, ending in ((1, "ico"), (2, "cur")):
            data, shown = icon(small, bits, kind)
            folder.add(f"masked{bits}.{ending}", f"{ending} of {bits} bits with a mask", shown, data=data)
    for mode in ("RGB", "L", "P"):
        file = io.BytesIO()
        small.convert(mode).save(file, "PNG")
        head = struct.pack("<HHHBBBBHHII", 0, 1, 1, 32, 32, 0, 0, 1, 24, file.tell(), 22)
        shown = small.convert(mode).convert("RGB")
        folder.add(f"png_{mode.lower()}.ico", f"a PNG of kind {mode} in it", shown, data=head + file.getvalue())
    folder.write_table()


def icon(picture, bits, kind):
    mask = np.zeros((32, 32), "u1")
    mask[:, :8] = 1
    colours = b""
    if bits == 24:
        shown = np.asarray(picture)
        pixels = shown[::-1, :, ::-1].tobytes()
    else:
        picture = picture.quantize(2**bits)
        shown, numbers = np.asarray(picture.convert("RGB")), np.asarray(picture)[::-1]
        palette = np.array((picture.getpalette() + [0] * 768)[: 3 * 2**bits]).reshape(-1, 3)
        colours = b"".join(bytes(colour[::-1].tolist()) + b"\0" for colour in palette)
        digits = ((numbers[..., None] >> np.arange(bits - 1, -1, -1)) & 1).astype("u1").reshape(32, -1)
        pixels = np.packbits(digits, axis=1).tobytes()
    body = struct.pack("<IiiHHIIiiII", 40, 32, 64, 1, bits, 0, 0, 0, 0, 0, 0) + colours + pixels
    body += np.packbits(mask, axis=1).tobytes()
    head = struct.pack("<HHHBBBBHHII", 0, kind, 1, 32, 32, 0, 0, 1, bits, len(body), 22)
    return head + body, np.where(mask[..., None] == 1, 255, shown)


def psd():
    folder = Folder("psd")
    inks = 255 - np.asarray(SCENE.convert("CMYK"))
    negative = struct.pack(">IhH", 4, -1, 0)
    for name, coded in (("plain", False), ("runs", True)):
        for bits in (8, 16):
            pictures = {
                "grey": (1, GREY[..., None], b"", threefold(GREY)), "rgb": (3, RGB, b"", RGB), "cmyk": (4, inks, b"", RGB),
                "rgba": (3, RGBA, negative, over_white(RGB, ALPHA)), "selection": (3, RGBA, b"", RGB),
            }
            for kind, (mode, samples, layers, shown) in pictures.items():
                rows = 12 if bits == 16 else HEIGHT
                data = document(mode, bits, samples[:rows], coded, layers=layers)
                folder.add(f"{kind}{bits}_{name}.psd", f"{kind} of {bits} bits; {name}", shown[:rows], data=data)
    picture = SCENE.quantize(256)
    palette = np.array((picture.getpalette() + [0] * 768)[:768]).reshape(-1, 3).T.astype("u1").tobytes()
    folder.add("palette.psd", "a palette", picture, data=document(2, 8, np.asarray(picture)[..., None], True, palette=palette))
    for mode in (0, 7):
        data = document(mode, 8, np.dstack([GREY, 255 - GREY]), True)
        folder.add(f"mode{mode}.psd", f"mode {mode} of 8 bits", threefold(GREY), data=data)
    folder.add("bitmap.psd", "one bit", threefold(ONE * 255.0), data=document(0, 1, ~ONE[..., None], True))
    transform = ImageCms.buildTransform(ImageCms.createProfile("sRGB"), ImageCms.createProfile("LAB"), "RGB", "LAB")
    lab = np.frombuffer(ImageCms.applyTransform(SCENE, transform).tobytes(), "u1").reshape(HEIGHT, WIDTH, 3).copy()
    lab[..., 1:] ^= 0x80
    folder.add("lab.psd", "Lab", RGB, data=document(9, 8, lab, True))
    folder.add("large.psd", "a large document", RGB, data=document(3, 8, RGB, True, version=2))
    folder.add("float.psd", "32 bits", data=document(3, 32, RGB[:4], False), refused="not supported: PSD of mode 3 and 32 bits")
    folder.write_table()


def document(mode, bits, samples, coded, palette=b"", layers=b"", version=1):
    height, width, channels = samples.shape
    data = b"8BPS" + struct.pack(">H6xHIIHH", version, channels, height, width, bits, mode)
    data += struct.pack(">I", len(palette)) + palette + bytes(4)
    data += struct.pack(">Q" if version == 2 else ">I", len(layers)) + layers
    rows = []
    for channel in np.moveaxis(samples, 2, 0):
        for row in channel:
            wide = {1: np.packbits(row), 8: row, 16: row.astype(">u2") * 257, 32: row.astype(">f4")}[bits]
            rows.append(wide.astype(">u2").tobytes() if bits == 16 else wide.tobytes())
    if not coded:
        return data + b"\0\0" + b"".join(rows)
    runs = [imagecodecs.packbits_encode(row) for row in rows]
    lengths = b"".join(struct.pack(">I" if version == 2 else ">H", len(run)) for run in runs)
    return data + b"\0\1" + lengths + b"".join(runs)


def jpeg2000():
    folder = Folder("jp2")
    for name, samples, options in (
        ("rgb.jp2", RGB, {}), ("stream.j2k", RGB, {"codecformat": "j2k"}), ("grey.jp2", GREY, {}),
        ("grey16.jp2", GREY.astype("u2") * 257, {}), ("lossy.jp2", RGB, {"level": 40, "reversible": False}),
    ):
        data = imagecodecs.jpeg2k_encode(samples, **{"level": 0, "codecformat": "jp2", **options})
        folder.add(name, name, threefold(GREY) if samples.ndim == 2 else RGB, data=data)
    for name, picture, shown, options in (
        ("tiles.jp2", SCENE, RGB, {"tile_size": (16, 16)}), ("rgba.jp2", Image.fromarray(RGBA), over_white(RGB, ALPHA), {}),
        ("ycbcr.jp2", SCENE.convert("YCbCr"), RGB, {}),
    ):
        file = io.BytesIO()
        picture.save(file, "JPEG2000", **options)
        folder.add(name, name, shown, data=file.getvalue())
    folder.write_table()


pnm()
qoi_and_tga()
icons()
psd()
jpeg2000()
