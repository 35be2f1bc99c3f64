"""From lines of JSON to the table, as plain text and as Markdown.

python3 table.py LINES [--markdown FILE]    prints the table
python3 table.py --check LINES              for .ci/run: holds this to account on known lines
"""

import argparse
import sys
from pathlib import Path

import lines as reading


class Table:
    """Rows under a heading; the first columns are text, the others numbers."""

    def __init__(self, title, columns, texts):
        self.title, self.columns, self.texts, self.rows = title, columns, texts, []

    def add(self, *cells):
        assert len(cells) == len(self.columns)
        self.rows.append([str(cell) for cell in cells])

    def plain(self):
        widths = [max(map(len, column)) for column in zip(self.columns, *self.rows)]
        out = [self.title]
        for row in [self.columns, *self.rows]:
            cells = [
                cell.ljust(width) if place < self.texts else cell.rjust(width)
                for place, (cell, width) in enumerate(zip(row, widths))
            ]
            out.append("  " + "  ".join(cells).rstrip())
        return "\n".join(out)

    def markdown(self):
        rule = ["---" if place < self.texts else "--:" for place in range(len(self.columns))]
        rows = [self.columns, rule, *self.rows]
        return f"### {self.title}\n\n" + "\n".join(f"| {' | '.join(row)} |" for row in rows)


def of(lines, measure):
    return [line for line in lines if line["measure"] == measure and "error" not in line]


def short(number):
    if number is None:
        return "–"
    return f"{number:.0f}" if number >= 100 else f"{number:.3g}"


def ratio(a, b):
    return f"{a / b:.2f}×" if a and b else "–"


def machine(lines):
    table = Table("Machine", ["what", "which"], 2)
    for line in of(lines, "versions"):
        for name, value in line.items():
            if name != "measure" and value is not None:
                table.add(name, "found" if value is True else value)
    return table


def compared(lines, measure, title, value, worst):
    """A row for each precision: how many networks agree, and where it is worst."""
    columns = ["device", "precision", "networks", "limit", "worst", "where", "beyond the limit"]
    table = Table(title, columns, 2)
    begun, rows = {}, {}
    for line in of(lines, measure):
        if reading.is_beginning(line):
            begun |= {(line["device"], name): line["networks"] for name in line["precisions"]}
        else:
            rows.setdefault((line["device"], line["precision"]), []).append(line)
    # No number at all is the worst of all.
    nothing = worst(1e9, -1e9)
    for (device, precision), own in rows.items():
        at = worst(own, key=lambda line: nothing if line[value] is None else line[value])
        bad = sorted({line["network"] for line in own if not line["ok"]})
        agree = {line["network"] for line in own} - set(bad)
        limit = "told only" if at["limit"] is None else f"{at['limit']:g}"
        where = f"{at['network']}:{at['layer']} " + (
            f"batch {at['batch']}" if "batch" in at else at["pooling"]
        )
        count = f"{len(agree)} of {begun.get((device, precision), len(agree) + len(bad))}"
        table.add(
            device, precision, count, limit, close(at[value]), where, ", ".join(bad) or "none"
        )
    return table


def close(number):
    """A deviation in powers of ten, a cosine by its digits."""
    if number is None:
        return "none"
    return f"{number:.6f}" if number > 0.5 else f"{number:.1e}"


def rates(lines):
    """`{(network, precision, batch): {engine: line}}`."""
    cases = {}
    for line in of(lines, "throughput"):
        case = (line["network"], line["precision"], line["batch"])
        cases.setdefault(case, {})[line["engine"]] = line
    return cases


def throughput(lines):
    columns = [
        "network",
        "precision",
        "batch",
        "imgsearch",
        "torch",
        "of torch",
        "compiled",
        "of compiled",
    ]
    table = Table(
        "Images per second, from bytes on the host to descriptors on the host", columns, 2
    )
    for case, engines in rates(lines).items():
        speed = {name: line["images_per_second"] for name, line in engines.items()}
        own, torch, compiled = (speed.get(name) for name in ("imgsearch", "torch", "torch_compile"))
        table.add(
            *case,
            short(own),
            short(torch),
            ratio(own, torch),
            short(compiled),
            ratio(own, compiled),
        )
    return table


def parts(lines):
    columns = ["network", "precision", "batch", "engine", "copy", "forward", "pooling", "whole"]
    table = Table("Where the time goes: milliseconds of a batch, waited for after each", columns, 2)
    for case, engines in rates(lines).items():
        for engine, line in engines.items():
            values = [line[name] for name in ("copy_ms", "forward_ms", "pooling_ms", "median_ms")]
            table.add(*case, engine, *map(short, values))
    return table


def indexing(lines):
    columns = ["folder", "network", "precision", "photos", "imgsearch index", "torch DataLoader"]
    columns += ["ratio", "decode alone"]
    table = Table("Photos per second, from files to descriptors", columns, 3)
    speed = {}
    for line in of(lines, "index"):
        case = (line["folder"], line["network"], line["precision"])
        speed.setdefault(case, {})[line["engine"]] = line
    decoding = {line["folder"]: line["photos_per_second"] for line in of(lines, "decode")}
    for case, engines in speed.items():
        own, torch = (
            engines.get(name, {}).get("photos_per_second") for name in ("imgsearch", "torch")
        )
        photos = max(line["photos"] for line in engines.values())
        decode = short(decoding.get(case[0]))
        table.add(*case, photos, short(own), short(torch), ratio(own, torch), decode)
    return table


def run(lines):
    table = Table("Parts", ["part", "ended", "seconds", "limit"], 2)
    ends = {0: "done", 124: "at its deadline", 137: "at its deadline"}
    for line in of(lines, "part"):
        ended = ends.get(line["code"], f"with {line['code']:.0f}")
        table.add(line["part"], ended, f"{line['seconds']:.0f}", f"{line['limit']:.0f}")
    return table


def errors(lines, refused):
    table = Table("What failed", ["what", "why"], 2)
    for line in lines:
        if "error" in line:
            names = ("measure", "engine", "network", "precision", "batch", "folder")
            what = " ".join(str(line[name]) for name in names if name in line)
            table.add(what, " ".join(line["error"].split())[:200])
        elif line["measure"] == "part" and line["code"] and line["said"]:
            table.add(f"part {line['part']}", line["said"])
    for reason in refused:
        table.add("a line that is none", reason)
    return table


def tables(lines, refused):
    largest, smallest = max, min
    all_of_them = [
        machine(lines),
        compared(
            lines, "layers", "Every layer beside the CPU's: largest deviation", "deviation", largest
        ),
        compared(
            lines,
            "descriptors",
            "Descriptors beside the CPU's: smallest cosine",
            "cosine",
            smallest,
        ),
        throughput(lines),
        parts(lines),
        indexing(lines),
        run(lines),
        errors(lines, refused),
    ]
    return [table for table in all_of_them if table.rows]


def plain(lines, refused=()):
    return "\n\n".join(table.plain() for table in tables(lines, refused))


def markdown(lines, refused=()):
    return "\n\n".join(table.markdown() for table in tables(lines, refused)) + "\n"


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("lines", type=Path)
    parser.add_argument("--markdown", type=Path)
    parser.add_argument("--check", action="store_true")
    given = parser.parse_args()
    if given.check:
        import checks

        sys.exit(checks.run(given.lines))
    lines, refused = reading.read(given.lines.read_text(errors="replace").splitlines())
    print(plain(lines, refused))
    if given.markdown:
        given.markdown.write_text(markdown(lines, refused))


if __name__ == "__main__":
    main()
