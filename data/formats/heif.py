"""HEIF files put together from boxes, of pictures that an encoder made: what no encoder writes.

After ISO/IEC 14496-12 (boxes, items) and ISO/IEC 23008-12 (properties, grids, overlays).
"""

import struct


def box(kind, *content):
    content = b"".join(content)
    return struct.pack(">I", 8 + len(content)) + kind + content


def full(kind, version, flags, *content):
    return box(kind, struct.pack(">I", version << 24 | flags), *content)


def boxes(data):
    """The boxes of some bytes: kind, content."""
    at = 0
    while at + 8 <= len(data):
        length, kind = struct.unpack(">I4s", data[at : at + 8])
        yield kind, data[at + 8 : at + (length or len(data) - at)]
        at += length or len(data)


def size(width, height):
    return full(b"ispe", 0, 0, struct.pack(">II", width, height))


def turned(quarters):
    return box(b"irot", bytes([quarters]))


def mirrored(sideways):
    return box(b"imir", bytes([sideways]))


def cut(width, height, right=(0, 1), down=(0, 1)):
    return box(b"clap", struct.pack(">IIIIiIiI", width, 1, height, 1, *right, *down))


def code_points(primaries, transfer, matrix, is_full):
    return box(b"colr", b"nclx", struct.pack(">HHHB", primaries, transfer, matrix, is_full << 7))


def opacity():
    return full(b"auxC", 0, 0, b"urn:mpeg:mpegB:cicp:systems:auxiliary:alpha\0")


def grid(columns, rows, width, height):
    return struct.pack(">BBBBHH", 0, 0, rows - 1, columns - 1, width, height)


def overlay(ground, width, height, places):
    offsets = b"".join(struct.pack(">hh", *place) for place in places)
    return struct.pack(">BB4HHH", 0, 0, *ground, width, height) + offsets


class Item:
    """A picture: what it is, its bytes, its properties and what it refers to."""

    def __init__(self, kind, data, properties, references=(), within=0):
        self.kind, self.data, self.properties = kind, data, list(properties)
        self.references, self.within = list(references), within


def coded(file, kind):
    """The item of the one picture that an encoder made; without thumbnails."""
    meta = dict(boxes(file))[b"meta"][4:]
    parts = dict(boxes(meta))
    wanted = b"hvcC" if kind == b"hvc1" else b"av1C"
    properties = list(boxes(dict(boxes(parts[b"iprp"]))[b"ipco"]))
    keep = [box(name, content) for name, content in properties if name in (wanted, b"ispe", b"colr", b"pixi")]
    places = parts[b"iloc"]
    version, sizes = places[0], struct.unpack(">H", places[4:6])[0]
    of_offset, of_length, of_base = sizes >> 12, sizes >> 8 & 15, sizes >> 4 & 15
    at = 8 + 2 + (2 if version else 0) + 2
    number = lambda count, at: int.from_bytes(places[at : at + count], "big")
    base = number(of_base, at)
    at += of_base + 2
    start = base + number(of_offset, at)
    return Item(kind, file[start : start + number(of_length, at + of_offset)], keep)


def heif(brand, items, primary=1, more=b""):
    """A file of items, numbered from 1."""
    properties, has = [], []
    for item in items:
        indices = []
        for one in item.properties:
            if one not in properties:
                properties.append(one)
            must = 0x80 if one[4:8] in (b"irot", b"imir", b"clap", b"hvcC", b"av1C") else 0
            indices.append(properties.index(one) + 1 | must)
        has.append(bytes(indices))
    associations = [struct.pack(">HB", 1 + at, len(one)) + one for at, one in enumerate(has)]
    entries = [full(b"infe", 2, 0, struct.pack(">HH", 1 + at, 0), item.kind, b"\0") for at, item in enumerate(items)]
    references = [
        box(kind, struct.pack(">HH", 1 + at, len(to)), b"".join(struct.pack(">H", one) for one in to))
        for at, item in enumerate(items)
        for kind, to in item.references
    ]
    inner = b"".join(item.data for item in items if item.within == 1)

    def meta(start):
        outside, inside, places = start, 0, []
        for at, item in enumerate(items):
            place = inside if item.within else outside
            places.append(struct.pack(">HHHHII", 1 + at, item.within, 0, 1, place, len(item.data)))
            if item.within:
                inside += len(item.data)
            else:
                outside += len(item.data)
        return full(
            b"meta", 0, 0,
            full(b"hdlr", 0, 0, bytes(4), b"pict", bytes(13)),
            full(b"pitm", 0, 0, struct.pack(">H", primary)),
            full(b"iloc", 1, 0, b"\x44\x00", struct.pack(">H", len(items)), *places),
            full(b"iinf", 0, 0, struct.pack(">H", len(items)), *entries),
            full(b"iref", 0, 0, *references) if references else b"",
            box(b"iprp", box(b"ipco", *properties), full(b"ipma", 0, 0, struct.pack(">I", len(items)), *associations)),
            box(b"idat", inner) if inner else b"",
        )

    head = box(b"ftyp", brand, bytes(4), b"mif1miaf", brand) + more
    start = len(head) + len(meta(0)) + 8
    return head + meta(start) + box(b"mdat", *(item.data for item in items if not item.within))
