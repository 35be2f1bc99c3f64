"""Small galleries as the commits wrote them that introduced or last wrote each format.

    cargo test --test integration old_galleries
    python data/make_galleries.py target/tmp/efficientnet_lite0.safetensors [NAME…]

The first command writes the seeded weights. What is there already is kept unless it is named: a
gallery is of use only as the old commit wrote it. Needs git, cargo and the right to make the folder
`/photos`: galleries hold absolute paths, and these are to name no one's machine.
"""

import json
import os
import shutil
import subprocess
import sys
import tempfile
import zipfile
from pathlib import Path

here = Path(__file__).resolve().parent
photos = Path("/photos")
target = Path(tempfile.gettempdir()) / "imgsearch-old-galleries"

OTHER = ["--preprocess", "resize=200,crop=192"]
GRAPH = ["--spec", "efficientnet_lite0:blocks.0/gem*0.5+stem/max", *OTHER]
RICH = [
    *["--arch", "efficientnet_lite0", "--spec", "blocks.0/gem1.5*0.5+stem/rmac*0.7"],
    *["--preprocess", "resize=200,crop=192,order=bgr,scale=2,decode=full"],
]
# Name, commit, what descriptors are made of, and what else is done.
GALLERIES = [
    ("format-1-plain", "dfcde3e", ["--spec", "efficientnet_lite0:blocks.0"], []),
    ("format-1-graph", "dfcde3e", GRAPH, ["graph"]),
    ("format-2-plain", "54e6f56", ["--spec", "efficientnet_lite0:blocks.0"], []),
    ("format-2-graph", "54e6f56", GRAPH, ["graph"]),
    ("format-3-plain", "64d062c", ["--spec", "efficientnet_lite0:blocks.0"], []),
    ("format-3-graph", "64d062c", GRAPH, ["graph"]),
    ("format-3-whitened", "64d062c", GRAPH, ["whiten", "augment"]),
    ("format-3-augmented-graph", "64d062c", GRAPH, ["whiten", "augment", "graph"]),
    # The last commit that wrote a descriptor's origin as four strings: all that a spec can say.
    ("format-3-own-network", "ba67050", RICH, []),
]

# A gallery gets a graph from 20,000 photos on; only the library can say otherwise. Taking out a
# photo makes it publish.
GRAPH_FROM_20 = """
use std::ops::ControlFlow;
use imgsearch::gallery::{Gallery, IndexPolicy};

fn main() {
    let arguments: Vec<String> = std::env::args().collect();
    let gallery = Gallery::open(arguments[1].as_ref()).unwrap();
    let mut gallery = gallery.with_policy(IndexPolicy { graph_from: 20, worn_share: 0.2 });
    gallery.write(&[], &[arguments[2].clone().into()]).unwrap();
    let published = gallery.publish(&mut |_, _| ControlFlow::Continue(())).unwrap();
    assert!(published.built_graph);
}
"""


def run(*command, **options):
    print("+", *command, flush=True)
    return subprocess.run([str(part) for part in command], check=True, **options)


def build(commit):
    """The command as it was at `commit`, and beside it what makes a graph."""
    programs = target / commit
    if not programs.exists():
        tree = target / "tree"
        run("git", "-C", here, "worktree", "add", "--detach", tree, commit)
        try:
            (tree / "src" / "bin").mkdir()
            (tree / "src" / "bin" / "graph.rs").write_text(GRAPH_FROM_20)
            folder = os.environ.get("CARGO_TARGET_DIR", target / "target")
            environment = {**os.environ, "CARGO_TARGET_DIR": str(folder)}
            run("cargo", "build", "--bins", cwd=tree, env=environment)
            programs.mkdir()
            for name in ["imgsearch", "graph"]:
                shutil.copy(Path(folder) / "debug" / name, programs)
        finally:
            run("git", "-C", here, "worktree", "remove", "--force", tree)
    return programs / "imgsearch", programs / "graph"


def add(name, called=None):
    """A painted picture among the photos, always of the same age."""
    path = photos / (called or name)
    shutil.copyfile(here / "painted" / name, path)
    os.utime(path, (1_700_000_000, 1_700_000_000))
    return path


def answer(imgsearch, gallery, weights, picture):
    query = [imgsearch, "query", picture, "--json", "--gallery", gallery, "--weights", weights]
    found = json.loads(run(*query, stdout=subprocess.PIPE).stdout)
    similarities = [match["similarity"] for match in found["matches"]]
    steps = [a - b for a, b in zip(similarities, similarities[1:])]
    # Else another decoder's rounding could change the order.
    assert all(step == 0 or step > 2e-5 for step in steps), similarities
    return found


def make(name, commit, spec, others, weights, work):
    imgsearch, graph = build(commit)
    gallery = work / "gallery"
    kinds = sorted({path.stem[:-2] for path in (here / "painted").glob("*.jpg")})
    views = 3 if "graph" in others else 1
    for kind in kinds:
        for view in range(views):
            add(f"{kind}_{view}.jpg")
    add("boats_0.jpg", "boats_again.jpg")
    options = ["--gallery", gallery, "--weights", weights]
    index = [imgsearch, "index", photos, *options, *spec]
    if "whiten" in others:
        whitening = work / "whitening.safetensors"
        fit = ["whiten", photos, "--dim", 8, "--shrinkage", 0.1, "--out", whitening]
        run(imgsearch, *fit, "--weights", weights, *spec)
        index += ["--whitening", whitening]
    if "augment" in others:
        index += ["--augment", 3]
    run(*index)
    if "graph" in others:
        gone = photos / "planets_1.jpg"
        gone.unlink()
        run(graph, gallery, gone)
        for kind in ["beach", "boats", "forest"]:
            add(f"{kind}_3.jpg")
        run(imgsearch, "index", photos, *options)
        # Its vector stays in the graph and is no photo's.
        gone = photos / "city_1.jpg"
        gone.unlink()
        run(imgsearch, "remove", gone, "--gallery", gallery)
    header = (gallery / (gallery / "current").read_text()).read_bytes()[:4096]
    assert b'"version":%s,' % name.split("-")[1].encode() in header, name
    info = [imgsearch, "info", "--json", "--gallery", gallery]
    info = json.loads(run(*info, stdout=subprocess.PIPE).stdout)
    pictures = [photos / "boats_0.jpg", photos / "dunes_0.jpg", here / "painted" / "forest_2.jpg"]
    answers = [answer(imgsearch, gallery, weights, picture) for picture in pictures]
    for found in answers:
        found["query"] = [Path(picture).name for picture in found["query"]]
    told = {
        "commit": commit,
        "photos": info["photos"],
        "vectors": info["vectors"],
        "graph_points": info["graph_points"],
        "provenance": info["provenance"],
        "augmentation": info.get("augmentation"),
        "answers": answers,
    }
    return gallery, told


def pack(gallery, archive):
    """sled's file is half a megabyte, nearly all of it zeros."""
    with zipfile.ZipFile(archive, "w", zipfile.ZIP_DEFLATED, compresslevel=9) as packed:
        for path in sorted(gallery.rglob("*")):
            name = path.relative_to(gallery).as_posix() + "/" * path.is_dir()
            entry = zipfile.ZipInfo(name)
            entry.compress_type = zipfile.ZIP_DEFLATED
            packed.writestr(entry, b"" if path.is_dir() else path.read_bytes())


def main():
    weights, wanted = Path(sys.argv[1]).resolve(), sys.argv[2:]
    for name, commit, spec, others in GALLERIES:
        folder = here / "galleries" / name
        if folder.exists() and name not in wanted:
            continue
        photos.mkdir()
        try:
            with tempfile.TemporaryDirectory() as work:
                gallery, told = make(name, commit, spec, others, weights, Path(work))
                folder.mkdir(parents=True, exist_ok=True)
                pack(gallery, folder / "gallery.zip")
                written = json.dumps(told, indent=1, ensure_ascii=False)
                (folder / "told.json").write_text(written + "\n")
        finally:
            shutil.rmtree(photos)


if __name__ == "__main__":
    target.mkdir(exist_ok=True)
    main()
