"""What others call duplicates, on the same files: a line for each pair.

    python peers.py OUT/photos phash > phash.tsv
    python peers.py OUT/photos cnn > cnn.tsv          (needs imagededup)
    python peers.py OUT/near.jsonl cosine > cosine.tsv

`phash` is imagededup's PHash at its default, at most 10 of 64 bits apart: through imagededup where it is
installed, else through `imagehash`, which computes the same. `cnn` is its CNN at its default, a cosine of
at least 0.9. `cosine` is that threshold on our own descriptors, of what `imgsearch query --each` printed.
"""

import json
import pathlib
import sys


def pairs_of_imagededup(folder, method):
    from imagededup.methods import CNN, PHash

    encoder = PHash(verbose=False) if method == "phash" else CNN(verbose=False)
    options = {"max_distance_threshold": 10} if method == "phash" else {"min_similarity_threshold": 0.9}
    # The library takes ImageNet weights from the network.
    found = encoder.find_duplicates(image_dir=folder, recursive=True, **options)
    for name, others in found.items():
        for other in others:
            if name < other:
                yield f"{folder}/{name}", f"{folder}/{other}"


def pairs_of_imagehash(folder):
    import imagehash
    import numpy
    from PIL import Image

    paths = sorted(it for it in pathlib.Path(folder).rglob("*") if it.is_file())
    bits = numpy.array([imagehash.phash(Image.open(path)).hash.ravel() for path in paths])
    words = numpy.packbits(bits, axis=1).view(numpy.uint64).ravel()
    for number, word in enumerate(words):
        apart = numpy.bitwise_count(words[number + 1 :] ^ word)
        for other in numpy.flatnonzero(apart <= 10):
            yield paths[number], paths[number + 1 + other]


def pairs_of_pictures(folder, method):
    try:
        import imagededup  # noqa: F401

        return pairs_of_imagededup(folder, method)
    except ImportError:
        if method != "phash":
            raise
        return pairs_of_imagehash(folder)


def pairs_of_queries(file):
    for line in open(file):
        answer = json.loads(line)
        own = answer["queries"][0]["absolute"]
        for match in answer["matches"]:
            # Each pair is found from both sides.
            if own < match["absolute"]:
                yield own, match["absolute"]


def main():
    folder, method = sys.argv[1:3]
    if method == "cosine":
        pairs = pairs_of_queries(folder)
    else:
        pairs = pairs_of_pictures(folder, method)
    for a, b in pairs:
        print(a, b, sep="\t")


if __name__ == "__main__":
    main()
