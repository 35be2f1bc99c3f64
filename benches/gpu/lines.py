"""Lines of JSON as the measurements write them: what each has to have, and what is refused."""

import json
import math


class WrongLine(ValueError):
    """A line that no measurement writes."""


TEXTS = "a list of texts"
TEXT, COUNT, NUMBER, FLAG = "a text", "a count", "a number above 0", "true or false"
NUMBER_OR_ZERO, NUMBER_OR_NONE, TEXT_OR_NONE = (
    "a number of at least 0",
    "a number or null",
    "a text or null",
)

_WHERE = {"device": TEXT, "network": TEXT, "precision": TEXT}
# What a line of each measurement has; with `error` it need not have more than where it failed.
FIELDS = {
    "versions": {
        "card": TEXT_OR_NONE,
        "driver": TEXT_OR_NONE,
        "toolkit": TEXT_OR_NONE,
        "cores": COUNT,
    },
    "part": {
        "part": TEXT,
        "code": NUMBER_OR_ZERO,
        "seconds": NUMBER_OR_ZERO,
        "limit": NUMBER,
        "said": TEXT_OR_NONE,
    },
    "layers": {
        **_WHERE,
        "batch": COUNT,
        "height": COUNT,
        "width": COUNT,
        "layers": COUNT,
        "layer": TEXT,
        "deviation": NUMBER_OR_NONE,
        "limit": NUMBER_OR_NONE,
        "ok": FLAG,
    },
    "descriptors": {
        **_WHERE,
        "layer": TEXT,
        "pictures": COUNT,
        "pooling": TEXT,
        "cosine": NUMBER_OR_NONE,
        "limit": NUMBER_OR_NONE,
        "ok": FLAG,
    },
    "throughput": {
        **_WHERE,
        "engine": TEXT,
        "batch": COUNT,
        "calls": COUNT,
        "images_per_second": NUMBER,
        "median_ms": NUMBER,
        "best_ms": NUMBER,
        "copy_ms": NUMBER_OR_ZERO,
        "forward_ms": NUMBER_OR_ZERO,
        "pooling_ms": NUMBER_OR_ZERO,
    },
    "photos": {
        "folder": TEXT,
        "photos": COUNT,
        "width": COUNT,
        "height": COUNT,
        "bytes_each": COUNT,
    },
    "decode": {"folder": TEXT, "photos": COUNT, "seconds": NUMBER, "photos_per_second": NUMBER},
    "index": {
        **_WHERE,
        "engine": TEXT,
        "folder": TEXT,
        "photos": COUNT,
        "seconds": NUMBER,
        "photos_per_second": NUMBER,
    },
}
# How a comparison begins: with what it will look at.
_BEGINNING = {"device": TEXT, "networks": COUNT, "precisions": TEXTS}
_ENGINES = ("imgsearch", "torch", "torch_compile")


def _is_number(value):
    return isinstance(value, (int, float)) and not isinstance(value, bool) and math.isfinite(value)


_HOLDS = {
    TEXT: lambda value: isinstance(value, str) and value,
    TEXTS: lambda value: isinstance(value, list) and all(isinstance(one, str) for one in value),
    TEXT_OR_NONE: lambda value: value is None or isinstance(value, str),
    COUNT: lambda value: _is_number(value) and value == int(value) and value > 0,
    NUMBER: lambda value: _is_number(value) and value > 0,
    NUMBER_OR_ZERO: lambda value: _is_number(value) and value >= 0,
    NUMBER_OR_NONE: lambda value: value is None or _is_number(value),
    FLAG: lambda value: isinstance(value, bool),
}


def is_beginning(line):
    return line["measure"] in ("layers", "descriptors") and "networks" in line


def _refuse_constant(name):
    raise WrongLine(f"{name} is no JSON")


def parse(text):
    """One line, checked."""
    try:
        line = json.loads(text, parse_constant=_refuse_constant)
    except json.JSONDecodeError as error:
        raise WrongLine(f"no JSON: {error}") from None
    if not isinstance(line, dict) or line.get("measure") not in FIELDS:
        raise WrongLine("no measurement that is known")
    if "error" in line:
        if not _HOLDS[TEXT](line["error"]):
            raise WrongLine("its error is no text")
        return line
    fields = _BEGINNING if is_beginning(line) else FIELDS[line["measure"]]
    for name, kind in fields.items():
        if not _HOLDS[kind](line.get(name)) or (name not in line):
            raise WrongLine(f"`{name}` of a line of `{line['measure']}` is not {kind}")
    _agree(line)
    return line


def _agree(line):
    """What is said twice has to agree."""
    measure = line["measure"]
    if line.get("engine", "imgsearch") not in _ENGINES:
        raise WrongLine(f"the engine `{line['engine']}` is not known")
    if measure == "throughput":
        expected = line["batch"] / line["median_ms"] * 1e3
        if abs(line["images_per_second"] / expected - 1) > 1e-3:
            raise WrongLine("`images_per_second` is not what `batch` and `median_ms` give")
    if measure in ("decode", "index"):
        if abs(line["photos_per_second"] * line["seconds"] / line["photos"] - 1) > 1e-3:
            raise WrongLine("`photos_per_second` is not what `photos` and `seconds` give")
    if measure in ("layers", "descriptors") and not is_beginning(line):
        if line["ok"] != is_within(line):
            raise WrongLine("`ok` is not what the limit gives")


def is_within(line):
    """Whether a comparison's worst value is within its limit; without one it has to be a number."""
    value = line["deviation"] if line["measure"] == "layers" else line["cosine"]
    if value is None or line["limit"] is None:
        return value is not None
    return value < line["limit"] if line["measure"] == "layers" else value >= line["limit"]


def read(texts):
    """The lines that hold, and why each of the others does not."""
    good, refused = [], []
    for number, text in enumerate(texts, 1):
        if not text.strip():
            continue
        try:
            good.append(parse(text))
        except WrongLine as wrong:
            refused.append(f"line {number}: {wrong}: {text.strip()[:120]}")
    return good, refused
