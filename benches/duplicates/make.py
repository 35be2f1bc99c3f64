"""Makes the ground truth of `dups` from a folder of photos: changed copies of some of them, 14 kinds in
steps of strength, and pictures that look alike and are others.

    python make.py PHOTOS OUT [--originals 160] [--distractors 20000] [--seed 1]

OUT/photos has the pictures, OUT/truth.csv a line for each: path, the photograph it is (all of one are
duplicates, all else is not), kind, strength, and the half (0 or 1) that it belongs to: thresholds are set
on one and reported on the other. Same photos and seed, same pictures.
"""

import argparse
import csv
import math
import multiprocessing
import pathlib
import random

from PIL import Image, ImageChops, ImageDraw, ImageEnhance, ImageFilter, ImageFont, ImageOps, ImageStat

WORDS = """photo light winter harbour window number invoice account garden letter market station total price
street morning report system update message folder camera battery language account search result table
kernel village bridge forest mountain paper office summer""".split()


def jpeg(picture, quality=90):
    return picture, ".jpg", {"quality": quality}


def crop(picture, share, rng):
    """So much of each side is cut off, all of it in random parts at both ends."""
    width, height = picture.size
    cut_x, cut_y = width * share, height * share
    left, top = rng.random() * cut_x, rng.random() * cut_y
    box = (left, top, left + width - cut_x, top + height - cut_y)
    return picture.crop(tuple(round(it) for it in box))


def border(picture, share, rng):
    size = max(1, round(min(picture.size) * share))
    return ImageOps.expand(picture, size, rng.choice(["white", "black", "#7a5c3a", "#20406a"]))


def text(rng, words):
    return " ".join(rng.choice(WORDS) for _ in range(words))


def caption(picture, where, rng):
    """A line of text on a strip below (above), or on a strip over the picture."""
    width, height = picture.size
    strip = max(14, round(height * (0.1 if "small" in where else 0.16)))
    words = text(rng, 5)
    font = ImageFont.load_default(size=max(9, strip * 0.55))
    dark = rng.random() < 0.5
    ground, ink = ("black", "white") if dark else ("white", "black")
    if where.startswith("over"):
        changed = picture.copy()
        top = height - strip
        if rng.random() < 0.5:
            ImageDraw.Draw(changed).rectangle((0, top, width, height), fill=ground)
        else:
            band = Image.new("RGB", (width, strip), ground)
            changed.paste(Image.blend(changed.crop((0, top, width, height)), band, 0.6), (0, top))
    else:
        changed = Image.new("RGB", (width, height + strip), ground)
        above = where.startswith("above")
        changed.paste(picture, (0, strip if above else 0))
        top = 0 if above else height
    ImageDraw.Draw(changed).text((width * 0.03, top + strip * 0.15), words, fill=ink, font=font)
    return changed


def noise(picture, deviation, rng):
    # Its grain is around 128: what it is above or below is added.
    grain = Image.merge("RGB", [Image.effect_noise(picture.size, deviation)] * 3)
    return ImageChops.add(picture, grain, 1, -128)


def variants(picture, rng):
    """Each kind and strength, with the picture, its ending and how it is saved."""
    width, height = picture.size
    for quality in (10, 30, 50, 70, 90):
        yield "re-encode", quality, jpeg(picture, quality)
    for share in (0.2, 0.35, 0.5, 0.75):
        size = (max(8, round(width * share)), max(8, round(height * share)))
        yield "resize", share, jpeg(picture.resize(size, Image.Resampling.LANCZOS))
    for share in (0.02, 0.05, 0.1, 0.15, 0.2, 0.3):
        yield "crop", share, jpeg(crop(picture, share, rng))
    for degrees in (1, 2, 3, 5):
        turned = picture.rotate(degrees * rng.choice((-1, 1)), Image.Resampling.BICUBIC)
        yield "turn", degrees, jpeg(turned)
    for quarters in (1, 2, 3):
        yield "quarter", quarters, jpeg(picture.rotate(90 * quarters, expand=True))
    yield "mirror", "left-right", jpeg(ImageOps.mirror(picture))
    yield "mirror", "up-down", jpeg(ImageOps.flip(picture))
    for factor in (0.6, 0.8, 1.25, 1.5):
        yield "brightness", factor, jpeg(ImageEnhance.Brightness(picture).enhance(factor))
    for factor in (0.6, 0.8, 1.3, 1.6):
        yield "contrast", factor, jpeg(ImageEnhance.Contrast(picture).enhance(factor))
    for factor in (0.3, 0.6, 1.5, 2.0):
        yield "saturation", factor, jpeg(ImageEnhance.Color(picture).enhance(factor))
    yield "grey", 1, jpeg(picture.convert("L"))
    for radius in (0.5, 1, 2):
        yield "blur", radius, jpeg(picture.filter(ImageFilter.GaussianBlur(radius)))
    for deviation in (5, 10, 20):
        yield "noise", deviation, jpeg(noise(picture, deviation, rng))
    for share in (0.03, 0.06, 0.1):
        yield "border", share, jpeg(border(picture, share, rng))
    for where in ("below", "below small", "above", "over", "over small"):
        yield "caption", where, jpeg(caption(picture, where, rng))
    for ending, options in ((".png", {}), (".webp", {"quality": 75}), (".bmp", {}), (".gif", {})):
        yield "format", ending[1:], (picture, ending, options)


def perspective(picture, share, rng):
    """As seen from a step aside."""
    width, height = picture.size

    def moved(x, y):
        return x + rng.uniform(-share, share) * width, y + rng.uniform(-share, share) * height

    inset = share
    corners = [(inset, inset), (inset, 1 - inset), (1 - inset, 1 - inset), (1 - inset, inset)]
    quad = [it for x, y in corners for it in moved(x * width, y * height)]
    return picture.transform((width, height), Image.Transform.QUAD, quad, Image.Resampling.BICUBIC)


def shifted_by_a_third(picture, rng):
    """Two views, three quarters of the picture each, the second a third of its width further."""
    width, height = picture.size
    if rng.random() < 0.5:
        boxes = [(0, 0, 0.75 * width, height), (0.25 * width, 0, width, height)]
    else:
        boxes = [(0, 0, width, 0.75 * height), (0, 0.25 * height, width, height)]
    return [picture.crop(tuple(round(it) for it in box)) for box in boxes]


def is_one_picture(a, b):
    """Whether both show the same, as two views of stripes do that are a whole period apart."""
    if a.size != b.size:
        return False
    apart = ImageChops.difference(a.convert("L"), b.convert("L"))
    return ImageStat.Stat(apart).mean[0] < 4


def screenshot(template, number):
    """A window with a table of numbers, of which one is another for each `number`."""
    rng = random.Random(f"screenshot {template}")
    width, height = rng.choice([(960, 540), (1280, 720), (720, 1280)])
    ground, ink = rng.choice([("white", "black"), ("#1e1e1e", "#d4d4d4"), ("#f3f6fa", "#233")])
    picture = Image.new("RGB", (width, height), ground)
    draw = ImageDraw.Draw(picture)
    draw.rectangle((0, 0, width, 36), fill=rng.choice(["#335", "#565", "#ddd"]))
    size = rng.choice([13, 15, 18, 22])
    font = ImageFont.load_default(size=size)
    draw.text((12, 8), text(rng, 3), fill="#aaa", font=font)
    rows = (height - 60) // (size * 2)
    changing = (rng.randrange(rows), rng.randrange(3))
    for row in range(rows):
        top = 50 + row * size * 2
        draw.text((20, top), text(rng, 2), fill=ink, font=font)
        for column in range(3):
            value = f"{rng.randrange(10000):5d}.{rng.randrange(100):02d}"
            if (row, column) == changing:
                value = f"{(rng.randrange(1000) * 10 + number) % 10000:5d}.{value[-2:]}"
            draw.text((width * (0.4 + 0.2 * column), top), value, fill=ink, font=font)
    return picture


def document(template, number):
    """A page of a form letter: one line of it is another for each `number`."""
    rng, own = random.Random(f"document {template}"), random.Random(f"own {template} {number}")
    picture = Image.new("RGB", (620, 877), rng.choice(["white", "#fbf9f2", "#f4f4f4"]))
    draw = ImageDraw.Draw(picture)
    size = rng.choice([12, 14, 16])
    font = ImageFont.load_default(size=size)
    lines = (877 - 160) // (size + 5)
    changing = rng.randrange(lines)
    for line in range(lines):
        words = text(rng, rng.choice([3, 7, 8, 8]))
        if line == changing:
            words = f"{text(own, 3)} {own.randrange(100000)}"
        draw.text((60, 80 + line * (size + 5)), words, fill="#222", font=font)
    return picture


def blank(number):
    """A page with nothing on it, as a scanner sees it, or a lens cap, or a wall."""
    rng = random.Random(f"blank {number}")
    size = rng.choice([(620, 877), (640, 480), (480, 640), (300, 300)])
    level = rng.choice([255, 250, 244, 12, 3, 128])
    colour = tuple(max(0, min(255, level + rng.randrange(-3, 4))) for _ in range(3))
    picture = Image.new("RGB", size, colour)
    how = rng.random()
    if how < 0.4:
        picture = noise(picture, rng.choice([1, 2, 4]), rng)
    elif how < 0.6:
        # Falling off towards the edges.
        fall = ImageOps.invert(Image.radial_gradient("L")).resize(size).point(lambda it: it // 16)
        picture = ImageOps.colorize(fall, tuple(max(0, it - 12) for it in colour), colour)
    return picture


def logo(number):
    rng = random.Random(f"logo {number}")
    picture = Image.new("RGB", (256, 256), rng.choice(["white", "#eee", "black", "#102a43"]))
    draw = ImageDraw.Draw(picture)
    colours = ["#d33", "#2a6", "#27c", "#fb0", "#808", "#0aa"]
    for _ in range(rng.randrange(1, 4)):
        x, y, r = rng.randrange(60, 196), rng.randrange(60, 196), rng.randrange(20, 70)
        box = (x - r, y - r, x + r, y + r)
        rng.choice([draw.ellipse, draw.rectangle])(box, fill=rng.choice(colours))
    letters = "".join(rng.choice("ABCDEFGHKLMNPRST") for _ in range(2))
    draw.text((70, 80), letters, fill=rng.choice(["white", "black"]), font=ImageFont.load_default(size=90))
    return picture


def drawing(number):
    """Lines on paper; four of a template differ in some of them."""
    rng, own = random.Random(f"drawing {number // 4}"), random.Random(f"own drawing {number}")
    picture = Image.new("RGB", (480, 360), "white")
    draw = ImageDraw.Draw(picture)
    for source, count in ((rng, 12), (own, 3)):
        for _ in range(count):
            points = [(source.randrange(480), source.randrange(360)) for _ in range(3)]
            draw.line(points, fill="black", width=source.choice([1, 2, 3]))
    return picture


def save(picture, path, options=None):
    path.parent.mkdir(parents=True, exist_ok=True)
    picture.save(path, **({"quality": 90} if options is None and path.suffix == ".jpg" else options or {}))


def of_original(job):
    number, path, out, seed = job
    rng = random.Random(f"{seed} original {number}")
    picture = Image.open(path).convert("RGB")
    folder = out / f"copies/{number:05}"
    name = f"p{number}"
    half = number % 2
    first = folder / f"original{path.suffix.lower()}"
    folder.mkdir(parents=True, exist_ok=True)
    first.write_bytes(path.read_bytes())
    rows = [(first, name, "original", "", half)]
    for kind, strength, (changed, ending, options) in variants(picture, rng):
        file = folder / f"{kind}_{str(strength).replace(' ', '-')}{ending}"
        save(changed, file, options)
        rows.append((file, name, kind, strength, half))
    return rows


def of_photo(job):
    number, path, out, seed = job
    rng = random.Random(f"{seed} photo {number}")
    picture = Image.open(path).convert("RGB")
    half = number % 2
    # The two views lie within the photo, which therefore is not there beside them.
    if number // 2 % 2:
        made = [("shifted", it) for it in shifted_by_a_third(picture, rng)]
        if is_one_picture(*(it for _, it in made)):
            made = [("other", picture)]
    else:
        made = [("other", picture)]
        made += [("perspective", perspective(picture, rng.uniform(0.06, 0.12), rng)) for _ in range(2)]
    rows = []
    for place, (kind, it) in enumerate(made):
        file = out / f"{kind}/{number:05}_{place}.jpg"
        save(it, file)
        rows.append((file, f"d{number}_{place}", kind, "", half))
    return rows


def of_synthetic(job):
    kind, number, out, _ = job
    makers = {
        "screenshot": lambda: screenshot(number // 10, number % 10),
        "document": lambda: document(number // 10, number % 10),
        "blank": lambda: blank(number),
        "logo": lambda: logo(number),
        "drawing": lambda: drawing(number),
    }
    file = out / f"{kind}/{number:05}{'.png' if number % 3 else '.jpg'}"
    save(makers[kind](), file)
    half = (number // 10) % 2
    return [(file, f"{kind}{number}", kind, "", half)]


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("photos", type=pathlib.Path)
    parser.add_argument("out", type=pathlib.Path)
    parser.add_argument("--originals", type=int, default=160)
    parser.add_argument("--distractors", type=int, default=20000)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--jobs", type=int, default=2)
    args = parser.parse_args()
    endings = {".jpg", ".jpeg", ".png", ".webp"}
    photos = sorted(it for it in args.photos.rglob("*") if it.suffix.lower() in endings)
    random.Random(args.seed).shuffle(photos)
    out = args.out / "photos"
    jobs = [(of_original, (n, it, out, args.seed)) for n, it in enumerate(photos[: args.originals])]
    others = photos[args.originals :]
    jobs += [(of_photo, (n, it, out, args.seed)) for n, it in enumerate(others)]
    kinds = ["screenshot", "document", "blank", "logo", "drawing"]
    each = math.ceil(max(0, args.distractors - 2.5 * len(others)) / len(kinds))
    jobs += [(of_synthetic, (kind, n, out, args.seed)) for kind in kinds for n in range(each)]
    args.out.mkdir(parents=True, exist_ok=True)
    with multiprocessing.Pool(args.jobs) as pool, open(args.out / "truth.csv", "w", newline="") as file:
        table = csv.writer(file)
        table.writerow(["path", "photograph", "kind", "strength", "half"])
        for rows in pool.imap(run, jobs, chunksize=16):
            for path, *rest in rows:
                table.writerow([path.relative_to(out), *rest])


def run(job):
    make, argument = job
    return make(argument)


if __name__ == "__main__":
    main()
