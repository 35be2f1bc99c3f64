"""Makes heic/ and avif/: what HEIF can be.

Needs pillow 13.0.0, numpy 2.4.6 and pillow_heif 1.8.1. Run it anywhere: python3 make_heif.py. References
are what pillow_heif (libheif) shows of HEIC and Pillow (libavif) of AVIF, laid over white; of what libavif
does not put together, the picture that was put in.
"""

import io

import numpy as np
import pillow_heif
from PIL import Image
from scene import Folder, over_white, ramp, scene

import heif
from heif import Item

WIDTH, HEIGHT = 96, 64
SCENE = scene(WIDTH, HEIGHT)
CLEAR = Image.fromarray(np.dstack([np.asarray(SCENE), ramp(WIDTH, HEIGHT)]))
DEEP = (np.asarray(SCENE).astype("uint16") * 257 & 0xFFC0).astype("uint16")
pillow_heif.register_heif_opener()


def hevc(picture, **options):
    file = io.BytesIO()
    pillow_heif.from_pillow(picture).save(file, **{"quality": 90, "enc_params": {"x265:pools": "none"}, **options})
    return file.getvalue()


def hevc_deep(bits, **options):
    pillow_heif.options.SAVE_HDR_TO_12_BIT = bits == 12
    file = io.BytesIO()
    pillow_heif.encode("RGB;16", (WIDTH, HEIGHT), DEEP.tobytes(), file, quality=90, **options)
    return file.getvalue()


def av1(picture, **options):
    file = io.BytesIO()
    picture.save(file, "AVIF", **{"quality": 90, "max_threads": 1, **options})
    return file.getvalue()


def shown(data):
    picture = Image.open(io.BytesIO(data))
    picture.load()
    picture = picture.convert("RGBA")
    return Image.alpha_composite(Image.new("RGBA", picture.size, (255,) * 4), picture).convert("RGB")


def tiles(encode, kind, width, height, **options):
    """The scene in tiles; those at the edges are filled up with their last column and row."""
    array = np.asarray(SCENE)
    columns, rows = -(-WIDTH // width), -(-HEIGHT // height)
    array = np.pad(array, ((0, rows * height - HEIGHT), (0, columns * width - WIDTH), (0, 0)), "edge")
    parts = [
        Image.fromarray(array[y : y + height, x : x + width])
        for y in range(0, rows * height, height)
        for x in range(0, columns * width, width)
    ]
    return columns, rows, [heif.coded(encode(part, **options), kind) for part in parts]


def in_tiles(encode, kind, brand, width, height, **options):
    columns, rows, parts = tiles(encode, kind, width, height)
    properties = [heif.size(WIDTH, HEIGHT), *options.get("more", [])]
    numbers = list(range(2, 2 + len(parts)))
    whole = Item(b"grid", heif.grid(columns, rows, WIDTH, HEIGHT), properties, [(b"dimg", numbers)], 1)
    return [whole, *parts]


def one(encode, kind, brand, more=(), picture=SCENE, **options):
    item = heif.coded(encode(picture, **options), kind)
    item.properties += more
    return heif.heif(brand, [item])


def with_opacity(encode, kind, brand, premultiplied):
    array = np.asarray(SCENE).astype(int)
    if premultiplied:
        array = array * ramp(WIDTH, HEIGHT)[..., None] // 255
    colours = heif.coded(encode(Image.fromarray(array.astype("uint8"))), kind)
    alpha = heif.coded(encode(Image.fromarray(ramp(WIDTH, HEIGHT))), kind)
    alpha.properties.append(heif.opacity())
    alpha.references = [(b"auxl", [1])]
    if premultiplied:
        colours.references = [(b"prem", [2])]
    return heif.heif(brand, [colours, alpha])


def folder(name, encode, kind, brand):
    made = Folder(name)
    add = lambda file, feature, data, reference=None, **more: made.add(
        f"{file}.{name}", feature, reference or shown(data), data=data, **more
    )
    add("plain", "8 bit, 4:2:0", encode(SCENE))
    add("alpha", "alpha", encode(CLEAR))
    add("grey", "grey", encode(SCENE.convert("L")))
    white = Image.fromarray(over_white(np.asarray(SCENE), ramp(WIDTH, HEIGHT)))
    add("straight", "alpha as an item", with_opacity(encode, kind, brand, False), white)
    add("premultiplied", "premultiplied alpha", with_opacity(encode, kind, brand, True), white, tolerance=4)
    for quarters in range(4):
        turned = SCENE.rotate(90 * quarters, expand=True)
        add(f"irot{quarters}", f"{quarters} quarter turns", one(encode, kind, brand, [heif.turned(quarters)]), turned)
    flips = (Image.Transpose.FLIP_TOP_BOTTOM, Image.Transpose.FLIP_LEFT_RIGHT)
    for axis, flip in enumerate(flips):
        add(f"imir{axis}", f"mirrored by axis {axis}", one(encode, kind, brand, [heif.mirrored(axis)]), SCENE.transpose(flip))
    both = [heif.turned(1), heif.mirrored(1)]
    add("irot_imir", "turned, then mirrored", one(encode, kind, brand, both), SCENE.rotate(90, expand=True).transpose(flips[1]))
    both.reverse()
    add("imir_irot", "mirrored, then turned", one(encode, kind, brand, both), SCENE.transpose(flips[1]).rotate(90, expand=True))
    part = [heif.cut(60, 40, (2, 1), (-4, 1)), heif.turned(3)]
    add("clap", "cut, then turned", one(encode, kind, brand, part), SCENE.crop((20, 8, 80, 48)).rotate(270, expand=True))
    # libheif fills smaller ones up to 64 × 64.
    for width, height in ((64, 64), (48, 32))[: 1 + (kind == b"av01")]:
        items = in_tiles(encode, kind, brand, width, height)
        add(f"grid_{width}x{height}", f"a grid of tiles of {width} × {height}", heif.heif(brand, items), SCENE)
    items = in_tiles(encode, kind, brand, 64, 64, more=[heif.turned(3)])
    add("grid_turned", "a grid that is turned", heif.heif(brand, items), SCENE.rotate(270, expand=True))
    items = in_tiles(encode, kind, brand, 64, 64)
    items[0].references[0][1].pop()
    made.add(f"grid_too_few.{name}", "a grid that lacks a tile", refused="damaged", data=heif.heif(brand, items))
    items = in_tiles(encode, kind, brand, 64, 64)
    items[0].references = [(b"dimg", [1, 1])]
    made.add(f"grid_of_itself.{name}", "a grid of itself", refused="damaged", data=heif.heif(brand, items))
    picture = heif.coded(encode(SCENE), kind)
    same = Item(b"iden", b"", [heif.size(WIDTH, HEIGHT), heif.turned(2)], [(b"dimg", [2])])
    add("iden", "a picture that is another, turned", heif.heif(brand, [same, picture]), SCENE.rotate(180))
    large = SCENE.resize((2 * WIDTH, 2 * HEIGHT), Image.Resampling.BICUBIC)
    small = heif.coded(encode(SCENE), kind)
    small.references = [(b"thmb", [1])]
    data = heif.heif(brand, [heif.coded(encode(large, quality=70), kind), small])
    add("thumbnail", "a thumbnail as an item", data, large)
    layers = [(0, 0), (-10, 20)]
    lay = heif.overlay((0xFFFF, 0, 0, 0xFFFF), WIDTH + 8, HEIGHT + 8, layers)
    expected = Image.new("RGB", (WIDTH + 8, HEIGHT + 8), (255, 0, 0))
    for place in layers:
        expected.paste(SCENE, place)
    over = Item(b"iovl", lay, [heif.size(WIDTH + 8, HEIGHT + 8)], [(b"dimg", [2, 2])], 1)
    add("overlay", "layers over a ground", heif.heif(brand, [over, picture]), expected)
    data = heif.heif(brand, [Item(b"j2k1", picture.data, [heif.size(WIDTH, HEIGHT)])])
    made.add(f"jpeg2000_item.{name}", "an item of another kind", refused="not supported", data=data)
    data = encode(SCENE)
    made.add(f"cut_off.{name}", "cut off", refused="damaged", data=data[: len(data) * 2 // 3])
    return made, add


heic, add = folder("heic", hevc, b"hvc1", b"heic")
for chroma in (422, 444):
    add(f"c{chroma}", f"4:{chroma % 100 // 10}:{chroma % 10}", hevc(SCENE, chroma=chroma))
add("lossless", "lossless", hevc(SCENE, quality=-1, chroma=444, matrix_coefficients=0))
for bits in (10, 12):
    add(f"bits{bits}", f"{bits} bit", hevc_deep(bits))
    add(f"bits{bits}_444", f"{bits} bit, 4:4:4", hevc_deep(bits, chroma=444))
heic.write_table()

avif, add = folder("avif", av1, b"av01", b"avif")
for chroma in ("4:2:2", "4:4:4", "4:0:0"):
    add("c" + chroma.replace(":", ""), chroma, av1(SCENE, subsampling=chroma))
add("lossless", "lossless", av1(SCENE, quality=100, subsampling="4:4:4"))
add("limited", "limited range", av1(SCENE, range="limited"))
mirrored = SCENE.transpose(Image.Transpose.FLIP_LEFT_RIGHT)
add("animated", "the first of an animation", av1(SCENE, save_all=True, append_images=[mirrored]), SCENE)
add("grain", "film grain", av1(SCENE, advanced={"film-grain-test": "1"}), tolerance=6)
# Small ones, of which a crop needs some; `pasp` has the place of an `imir`, which tests make of it.
parts = scene(128, 96)
corners = [(x, y) for y in range(0, 96, 16) for x in range(0, 128, 16)]
small = [heif.coded(av1(parts.crop((x, y, x + 16, y + 16)), quality=80), b"av01") for x, y in corners]
more = [heif.cut(128, 96), heif.turned(0), heif.box(b"pasp", b"\1")]
numbers = list(range(2, 2 + len(small)))
whole = Item(b"grid", heif.grid(8, 6, 128, 96), [heif.size(128, 96), *more], [(b"dimg", numbers)], 1)
add("grid_of_48", "a grid of 48 tiles", heif.heif(b"avif", [whole, *small]), parts)
avif.write_table()
