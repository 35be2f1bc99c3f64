"""Recall for each kind, and false pairs, of a report of duplicates against truth.csv.

    python score.py TRUTH REPORT [REPORT …] [--half 1] [--missed]

A report is what `imgsearch dups --json` wrote, or a file of lines `NAME<tab>NAME`, each a pair that a tool
calls duplicates. A copy is found where it is in one group with its original, or makes a pair with it; a pair
of the kept one and another (a pair) is false where both are of different photographs.
"""

import argparse
import collections
import csv
import json
import pathlib


def read_truth(path, half):
    with open(path, newline="") as file:
        rows = [row for row in csv.DictReader(file) if half is None or row["half"] == str(half)]
    return {row["path"]: row for row in rows}


def pairs_of(report, truth):
    """Pairs of a kept picture and one of its group, as paths in the truth."""
    text = pathlib.Path(report).read_text()
    if text.startswith("{"):
        for group in json.loads(text)["groups"]:
            for duplicate in group["duplicates"]:
                yield short(group["keep"]["absolute"]), short(duplicate["absolute"]), duplicate["level"]
    else:
        for line in text.splitlines():
            a, b = line.split("\t")[:2]
            yield short(a), short(b), "pair"


def is_groups(report):
    with open(report) as file:
        return file.read(1) == "{"


def short(path):
    return path.rsplit("/photos/", 1)[-1]


def score(report, truth):
    originals = {row["photograph"]: path for path, row in truth.items() if row["kind"] == "original"}
    found, false = set(), []
    joined = collections.defaultdict(set)
    for a, b, level in pairs_of(report, truth):
        if a not in truth or b not in truth:
            continue
        if truth[a]["photograph"] == truth[b]["photograph"]:
            joined[a].add(b)
            joined[b].add(a)
        # Equal bytes are no false pair, whatever the truth calls them.
        elif level not in ("bytes", "pixels"):
            false.append((a, b))
    for original in originals.values():
        # In one group with it, whichever is kept; of pairs, those with it alone.
        found |= joined[original]
        if is_groups(report):
            found |= {other for kept in joined[original] for other in joined[kept]}
    kinds = collections.defaultdict(lambda: [0, 0])
    missed = []
    for path, row in truth.items():
        if row["photograph"] in originals and row["kind"] != "original":
            for kind in {row["kind"], f"{row['kind']} {row['strength']}"}:
                kinds[kind][0] += path in found
                kinds[kind][1] += 1
            if path not in found:
                missed.append(path)
    return kinds, false, missed


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("truth")
    parser.add_argument("reports", nargs="+")
    parser.add_argument("--half", type=int)
    parser.add_argument("--missed", action="store_true", help="name what was missed, and the false pairs")
    args = parser.parse_args()
    truth = read_truth(args.truth, args.half)
    scores = [score(report, truth) for report in args.reports]
    names = [pathlib.Path(report).stem for report in args.reports]
    print("| kind | " + " | ".join(names) + " |")
    print("|---|" + "---:|" * len(names))
    for kind in sorted(scores[0][0]):
        cells = [f"{found / all:.3f}" for found, all in (kinds[kind] for kinds, _, _ in scores)]
        print(f"| {kind} | " + " | ".join(cells) + " |")
    print("| false pairs | " + " | ".join(str(len(false)) for _, false, _ in scores) + " |")
    if args.missed:
        for name, (_, false, missed) in zip(names, scores):
            for path in missed:
                print(f"{name} missed {path}")
            for a, b in false:
                print(f"{name} false {a} {b}")


if __name__ == "__main__":
    main()
