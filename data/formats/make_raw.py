# Python 3, Pillow 12.0.0, numpy 2.3.4
"""Writes data/formats/raw: camera files, none of which came from a camera. Each container is made by the
public descriptions of its tags, with a JPEG made by Pillow as the developed photo, a smaller one as its
thumbnail, and noise where the sensor's numbers would be."""

import io
import struct

import numpy as np
from PIL import Image

from scene import Folder, scene

SHORT, LONG, UNDEFINED, ASCII = 3, 4, 7, 2
CFA = 32803
NOISE = np.random.RandomState(7).randint(0, 256, 600, "uint8").tobytes()


def jpeg(width, height, exif=None):
    file = io.BytesIO()
    options = {"exif": exif} if exif else {}
    scene().resize((width, height)).save(file, "JPEG", quality=90, **options)
    return file.getvalue()


LARGE, SMALL = jpeg(64, 48), jpeg(16, 12)
# Samples without loss, as CR2 and DNG have the sensor's: only the headers matter.
SENSOR = b"\xff\xd8\xff\xc3\0\x0e\x0e\x10\0\x10\0\x02\0\x11\0\x01\x11\0" + b"\xff\xd9" + NOISE


class Tiff:
    """A file of directories; what is pointed to is put behind them."""

    def __init__(self, order="<", magic=42, head=b""):
        self.order, self.magic, self.head = order, magic, head
        self.directories, self.blobs = [], []

    def blob(self, data):
        self.blobs.append(data)
        return ("blob", len(self.blobs) - 1)

    def directory(self, *tags):
        self.directories.append(sorted(tags, key=lambda tag: tag[0]))
        return ("directory", len(self.directories) - 1)

    def bytes(self, chain):
        """`chain` names the directories that follow each other; the others are pointed to."""
        start = 8 + len(self.head)
        places, at = {}, start
        for number, tags in enumerate(self.directories):
            places["directory", number] = at
            at += 2 + 12 * len(tags) + 4
        for number, data in enumerate(self.blobs):
            places["blob", number] = at
            at += len(data) + len(data) % 2
        pack = lambda form, *values: struct.pack(self.order + form, *values)
        out = (b"II" if self.order == "<" else b"MM") + pack("HI", self.magic, places[chain[0]]) + self.head
        follows = dict(zip(chain, chain[1:]))
        for number, tags in enumerate(self.directories):
            out += pack("H", len(tags))
            for tag, kind, value in tags:
                if isinstance(value, bytes):
                    count, field = len(value), value.ljust(4, b"\0")
                elif value in places and kind == UNDEFINED:
                    count, field = len(self.blobs[value[1]]), pack("I", places[value])
                else:
                    count = 1
                    value = places.get(value, value)
                    field = pack("HH", value, 0) if kind == SHORT else pack("I", value)
                out += pack("HHI", tag, kind, count) + field
            out += pack("I", places.get(follows.get(("directory", number)), 0))
        for data in self.blobs:
            out += data + bytes(len(data) % 2)
        return out

    def pointed(self, data):
        """The tags of a JPEG that is pointed to."""
        return [(259, SHORT, 6), (513, LONG, self.blob(data)), (514, LONG, len(data))]

    def strip(self, data, compression=6):
        return [(259, SHORT, compression), (273, LONG, self.blob(data)), (279, LONG, len(data))]

    def sensor(self, *tags):
        return self.directory((254, LONG, 0), (256, LONG, 20), (257, LONG, 15), (262, SHORT, CFA), *tags,
                              *self.strip(NOISE, 1))


def turned(picture, orientation):
    ways = {1: None, 3: Image.Transpose.ROTATE_180, 6: Image.Transpose.ROTATE_270, 8: Image.Transpose.ROTATE_90}
    return picture if ways[orientation] is None else picture.transpose(ways[orientation])


def shown(data=LARGE, orientation=1):
    return turned(Image.open(io.BytesIO(data)).convert("RGB"), orientation)


def cr2(orientation):
    file = Tiff(head=b"CR\x02\0\0\0\0\0")
    first = file.directory((274, SHORT, orientation), *file.strip(LARGE))
    second = file.directory(*file.pointed(SMALL))
    last = file.directory(*file.strip(SENSOR))
    return file.bytes([first, second, last])


def nef(orientation, order=">"):
    file = Tiff(order)
    below = file.directory(*file.pointed(LARGE))
    first = file.directory((254, LONG, 1), (262, SHORT, 2), (274, SHORT, orientation), (330, LONG, below),
                           *file.strip(SMALL, 1))
    return file.bytes([first, file.sensor()])


def arw(orientation):
    file = Tiff()
    sensor = file.sensor()
    first = file.directory((254, LONG, 1), (274, SHORT, orientation), (330, LONG, sensor), *file.pointed(LARGE))
    return file.bytes([first, file.directory(*file.pointed(SMALL))])


def dng(orientation, preview=True):
    file = Tiff()
    sensor = file.sensor()
    small = np.asarray(scene().resize((16, 12))).tobytes()
    tags = [(254, LONG, 1), (256, LONG, 16), (257, LONG, 12), (258, SHORT, 8), (262, SHORT, 2), (277, SHORT, 3),
            (274, SHORT, orientation), (330, LONG, sensor), (50706, 1, b"\x01\x04\0\0"), *file.strip(small, 1)]
    chain = [file.directory(*tags)]
    if preview:
        chain.append(file.directory((254, LONG, 1), (262, SHORT, 6), *file.strip(LARGE, 7)))
    return file.bytes(chain)


def plain_dng():
    file = Tiff()
    pixels = np.asarray(scene(64, 40)).tobytes()
    return file.bytes([file.directory(
        (254, LONG, 0), (256, LONG, 64), (257, LONG, 40), (258, SHORT, 8), (262, SHORT, 2), (277, SHORT, 3),
        (50706, 1, b"\x01\x04\0\0"), (278, LONG, 40), *file.strip(pixels, 1))])


def pef(orientation):
    file = Tiff(">")
    first = file.directory((262, SHORT, CFA), (274, SHORT, orientation), *file.strip(NOISE, 65535))
    return file.bytes([first, file.directory(*file.pointed(SMALL)), file.directory(*file.pointed(LARGE))])


def orf(orientation, system=False):
    head = b"OM SYSTEM\0\0\0II\x03\0" if system else b"OLYMPUS\0II\x03\0"
    settings = len(head) + 2 + 12 + 4
    preview = settings + 2 + 24 + 4
    entry = lambda tag, kind, value: struct.pack("<HHII", tag, kind, 1, value)
    note = head + struct.pack("<H", 1) + entry(0x2020, 13, settings) + bytes(4)
    note += struct.pack("<H", 2) + entry(0x101, LONG, preview) + entry(0x102, LONG, len(LARGE)) + bytes(4)
    # The block ends here; what it points to stands right behind it.
    file = Tiff(magic=0x4F52)
    together = file.blob(note + LARGE)
    exif = file.directory((37500, UNDEFINED, together))
    first = file.directory((262, SHORT, CFA), (274, SHORT, orientation), (34665, LONG, exif), *file.strip(NOISE, 1))
    made = file.bytes([first])
    # The maker's block alone, without the JPEG.
    count = struct.pack("<HHI", 37500, UNDEFINED, len(note) + len(LARGE))
    return made.replace(count, struct.pack("<HHI", 37500, UNDEFINED, len(note)))


def rw2(orientation):
    file = Tiff(magic=0x55)
    preview = jpeg(64, 48, exif_of(orientation))
    first = file.directory((0x2E, UNDEFINED, file.blob(preview)), (274, SHORT, orientation), *file.strip(NOISE, 1))
    return file.bytes([first])


def exif_of(orientation):
    exif = Image.Exif()
    exif[0x0112] = orientation
    return exif


def raf(orientation):
    preview = jpeg(64, 48, exif_of(orientation))
    head = b"FUJIFILMCCD-RAW 0201FF383501" + b"A camera that was never built".ljust(32, b"\0") + b"0100" + bytes(20)
    assert len(head) == 84
    return head + struct.pack(">II", 160, len(preview)) + bytes(160 - 92) + preview + NOISE


def box(name, content, kind=b""):
    return struct.pack(">I", 8 + len(kind) + len(content)) + name + kind + content


def cr3(orientation, whole=True):
    tiff = Tiff()
    directory = tiff.bytes([tiff.directory((274, SHORT, orientation))])
    own = bytes.fromhex("85c0b687820f11e08111f4ce462b6a48")
    view = bytes.fromhex("eaf42b5e1c984b88b9fbb7dc406e4d16")
    middle = jpeg(32, 24)
    ftyp = box(b"ftyp", b"crx \0\0\0\x01crx isom")
    preview = box(b"PRVW", struct.pack(">IHHHHI", 0, 1, 32, 24, 1, len(middle)) + middle)
    previews = box(b"uuid", bytes(8) + preview, view)

    def movie(place):
        sizes = box(b"stsz", struct.pack(">III", 0, len(LARGE) if whole else 4, 1))
        track = box(b"trak", box(b"mdia", box(b"minf", box(b"stbl", sizes + box(b"co64", struct.pack(">IIQ", 0, 1, place))))))
        return box(b"moov", box(b"uuid", box(b"CNCV", b"CanonCR3") + box(b"CMT1", directory), own) + track)

    place = len(ftyp) + len(movie(0)) + len(previews) + 8
    return ftyp + movie(place) + previews + box(b"mdat", LARGE + NOISE)


def main():
    folder = Folder("raw")
    for orientation in (1, 3, 6, 8):
        for name, make in (("cr2", cr2), ("nef", nef), ("arw", arw), ("dng", dng), ("pef", pef), ("orf", orf), ("cr3", cr3)):
            folder.add(f"turned_{orientation}.{name}", f"{name.upper()}, orientation {orientation}",
                       shown(orientation=orientation), data=make(orientation))
        for name, make in (("rw2", rw2), ("raf", raf)):
            folder.add(f"turned_{orientation}.{name}", f"{name.upper()}, the JPEG's own orientation {orientation}",
                       shown(jpeg(64, 48), orientation), data=make(orientation))
    folder.add("little.nef", "NEF, little-endian", shown(), data=nef(1, "<"))
    folder.add("system.orf", "ORF of OM System", shown(), data=orf(1, True))
    folder.add("middle.cr3", "CR3 without a JPEG of all pixels", shown(jpeg(32, 24)), data=cr3(1, False))
    folder.add("plain.dng", "a DNG that is a TIFF", scene(64, 40), data=plain_dng())
    folder.add("no_preview.dng", "a DNG without a preview", refused="not supported: camera RAW without", data=dng(1, False))
    folder.add("cut.cr2", "cut off within its preview", refused="damaged: it is cut off",
               data=cr2(1)[: len(cr2(1)) // 5])
    folder.write_table()


main()
