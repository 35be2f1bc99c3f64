"""Holds reading and tables to account: on what a rehearsal wrote, and on lines that are wrong."""

import json

import lines as reading
import table


def refused_examples(good):
    """Lines that no measurement writes, each made of one that holds, and why it has to be refused."""
    first = {}
    for line in good:
        if "error" not in line and "networks" not in line:
            first.setdefault(line["measure"], line)

    def without(measure, name):
        return {key: value for key, value in first[measure].items() if key != name}

    def having(measure, **changed):
        return first[measure] | changed

    yield "cut off in its middle", json.dumps(first["layers"])[:40]
    yield "a text alone", '"layers"'
    yield "of no measurement", json.dumps({"measure": "weather", "device": "cpu"})
    yield "infinite", json.dumps(having("layers", deviation=float("inf")))
    text = json.dumps(having("layers", deviation=0.125))
    yield "larger than all numbers", text.replace("0.125", "1e999")
    yield "not a number", json.dumps(having("descriptors", cosine=float("nan")))
    yield "with an error that is none", json.dumps(having("layers", error=""))
    yield "no number, but fine", json.dumps(having("layers", deviation=None, ok=True))
    yield "beyond the limit, but fine", json.dumps(having("layers", deviation=0.5, ok=True))
    yield "of another picture, but fine", json.dumps(having("descriptors", cosine=0.5, ok=True))
    yield (
        "a rate that the time does not give",
        json.dumps(having("throughput", images_per_second=1e9)),
    )
    yield "of an unknown engine", json.dumps(having("throughput", engine="abacus"))
    begun = {"measure": "layers", "device": "cpu", "networks": 1, "precisions": "f32"}
    yield "of a beginning with a precision that is no list", json.dumps(begun)
    yield "no pictures at all", json.dumps(having("throughput", batch=0))
    yield "faster than time", json.dumps(having("index", seconds=-1.0))
    yield "a count that is true", json.dumps(having("index", photos=True))
    for measure, fields in reading.FIELDS.items():
        for name in fields:
            yield f"`{measure}` without `{name}`", json.dumps(without(measure, name))


def wrong(path):
    """What does not hold, in words."""
    texts = path.read_text().splitlines()
    good, refused = reading.read(texts)
    yield from (f"{path.name}, {reason}" for reason in refused)
    missing = set(reading.FIELDS) - {line["measure"] for line in good}
    yield from (f"{path.name} has no line of `{measure}`" for measure in sorted(missing))
    if missing:
        return
    for what, text in refused_examples(good):
        if not reading.read([text])[1]:
            yield f"a line that is {what} is taken: {text}"
    yield from wrong_tables(good)


def wrong_tables(good):
    """A table has a row for every case, with ratios that its own numbers give."""
    compared = reading_of_pairs()
    plain = table.plain(compared)
    for needed in (
        "2.00×",
        "0.50×",
        "4.00×",
        "2 of 3",
        "vgg16",
        "at its deadline",
        "out of memory",
        "a last word",
    ):
        if needed not in plain:
            yield f"`{needed}` stands in no table of made-up lines:\n{plain}"
    plain, markdown = table.plain(good), table.markdown(good)
    for line in good:
        if "error" in line or line["measure"] not in ("throughput", "index"):
            continue
        rate = line.get("images_per_second", line.get("photos_per_second"))
        for text, kind in ((plain, "plain"), (markdown, "Markdown")):
            if table.short(rate) not in text or line["network"] not in text:
                yield f"{line} stands in no {kind} table"
    ends = {
        row.find(cell) + len(cell)
        for row in table.throughput(compared).plain().splitlines()
        for cell in ("of torch", "2.00×")
        if cell in row
    }
    if len(ends) != 1:
        yield "a number does not end where its column's name does"
    columns = {row.count("|") for row in table.markdown(compared).split("\n\n")[1].splitlines()}
    if len(columns) != 1:
        yield "rows of one Markdown table have different numbers of cells"
    if table.plain([], ["line 1: it is none"]).count("it is none") != 1:
        yield "a refused line is not told"


def reading_of_pairs():
    """Made-up lines whose ratios are known."""

    def rate(engine, milliseconds):
        return {
            "measure": "throughput",
            "engine": engine,
            "device": "cuda",
            "network": "resnet50",
            "precision": "f16",
            "batch": 128,
            "calls": 9,
            "images_per_second": 128e3 / milliseconds,
            "median_ms": milliseconds,
            "best_ms": milliseconds,
            "copy_ms": 1.0,
            "forward_ms": 2.0,
            "pooling_ms": 0.0,
        }

    def layer(network, deviation):
        return {
            "measure": "layers",
            "device": "cuda",
            "network": network,
            "precision": "f16",
            "batch": 32,
            "height": 96,
            "width": 96,
            "layers": 9,
            "layer": "last",
            "deviation": deviation,
            "limit": 1e-2,
            "ok": deviation is not None and deviation < 1e-2,
        }

    def index(engine, seconds):
        return {
            "measure": "index",
            "engine": engine,
            "device": "cuda",
            "network": "resnet50",
            "precision": "f16",
            "folder": "large",
            "photos": 100,
            "seconds": seconds,
            "photos_per_second": 100 / seconds,
        }

    made = [
        rate("imgsearch", 20.0),
        rate("torch", 40.0),
        rate("torch_compile", 10.0),
        {"measure": "layers", "device": "cuda", "networks": 3, "precisions": ["f16"]},
        layer("resnet50", 1e-3),
        layer("vgg16", None),
        layer("vgg11", 2e-3),
        index("imgsearch", 1.0),
        index("torch", 4.0),
        {
            "measure": "part",
            "part": "layers",
            "code": 124,
            "seconds": 9,
            "limit": 9,
            "said": "a last word",
        },
        {
            "measure": "throughput",
            "engine": "imgsearch",
            "network": "vgg16",
            "error": "out of memory",
        },
    ]
    return [reading.parse(json.dumps(line)) for line in made]


def run(path):
    """Prints what does not hold; the exit status."""
    found = list(wrong(path))
    for sentence in found:
        print(sentence)
    if not found:
        print(f"{path}: all of it is read, all that is wrong is refused")
    return 1 if found else 0
