"""Makes gif/: GIFs as they are, and with what is missing or unknown in some that people have.

Needs pillow 13.0.0 and numpy 2.4.6. Run it anywhere: python3 make_gif.py. References are what Pillow
shows, laid over white.
"""

import io
import struct

from PIL import Image
from scene import HEIGHT, WIDTH, Folder, scene

FOLDER = Folder("gif")
PICTURE = scene().quantize(64)


def gif(**options):
    file = io.BytesIO()
    PICTURE.save(file, "GIF", **options)
    return file.getvalue()


def add(name, feature, data, **options):
    if "refused" in options:
        FOLDER.add(name, feature, data=data, **options)
        return
    picture = Image.open(io.BytesIO(data)).convert("RGBA")
    ground = Image.new("RGBA", picture.size, (255,) * 4)
    FOLDER.add(name, feature, Image.alpha_composite(ground, picture), data=data)


PLAIN, CLEAR = gif(interlace=0), gif(interlace=0, transparency=5)
BEHIND = 13 + 3 * 2 ** ((PLAIN[10] & 7) + 1)
LARGE = struct.pack("<HH", WIDTH + 20, HEIGHT + 30)
PLACE = PLAIN.index(b",", BEHIND)

add("plain.gif", "plain", PLAIN)
add("interlaced.gif", "interlaced", gif(interlace=1))
add("clear.gif", "a transparent colour", CLEAR)
add("animated.gif", "the first of an animation", gif(save_all=True, append_images=[PICTURE.transpose(0)]))
add("unknown_block.gif", "an unknown extension", PLAIN[:BEHIND] + b"!\x33\x04abcd\x03xyz\0" + PLAIN[BEHIND:])
add("comment.gif", "a comment", PLAIN[:BEHIND] + b"!\xfe\x04abcd\0" + PLAIN[BEHIND:])
add("no_palette.gif", "without a palette", PLAIN[:10] + bytes([PLAIN[10] & 0x7F]) + PLAIN[11:13] + PLAIN[BEHIND:])
add("no_trailer.gif", "without its end", PLAIN[:-1])
add("small_screen.gif", "larger than its screen", PLAIN[:6] + struct.pack("<HH", 20, 10) + PLAIN[10:])
add("large_screen.gif", "smaller than its screen", PLAIN[:6] + LARGE + PLAIN[10:])
add("large_screen_clear.gif", "the same with a transparent colour", CLEAR[:6] + LARGE + CLEAR[10:])
add("placed.gif", "away from the corner", PLAIN[:6] + LARGE + PLAIN[10 : PLACE + 1] + struct.pack("<HH", 10, 20) + PLAIN[PLACE + 5 :])
add("no_screen.gif", "a screen without columns", PLAIN[:6] + struct.pack("<HH", 0, 10) + PLAIN[10:], refused="damaged: it has 0×10 pixels")
add("cut_off.gif", "more than half is missing", PLAIN[: BEHIND + 60], refused="of the picture")
FOLDER.write_table()
