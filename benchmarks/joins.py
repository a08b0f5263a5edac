"""Show joins that near-duplicate grouping made, two images side by side, to judge by eye.

Run `python -m benchmarks.joins` after `dvc repro split`: a hundred joins drawn at random (another
number and seed may be given) go to `plots/joins.png`, which is not for committing when the faces
are not yours. Each tile carries its score, of which `groups.SAME_PICTURE` is the least.
"""

import sys

import numpy as np
from PIL import Image

from facemask import pictures
from facemask.data import images, shards, tables
from facemask.dedup import groups
from stages import paths


def side_by_side(first: bytes, second: bytes, score: float) -> Image.Image:
    """Put the images of two files beside each other."""
    pair = [pictures.thumbnail(images.open_rgb(content), 96) for content in (first, second)]
    both = Image.new("RGB", (192, 96))
    for place, image in enumerate(pair):
        both.paste(image, (96 * place, 0))
    return pictures.captioned(both, [f"{score:.3f}"], least_width=192)


def main(count: int = 100, seed: int = 0) -> None:
    """Draw joins evenly from all that pixels alone made."""
    keys = sorted(set(tables.read(paths.SPLIT)["sha256"]))
    pairs, scores = groups.compared(keys, shards.contents(paths.RAW), paths.CACHE)
    joined = np.flatnonzero(scores >= groups.SAME_PICTURE)
    drawn = np.random.default_rng(seed).choice(joined, min(count, len(joined)), replace=False)
    wanted = {keys[end] for end in pairs[drawn].ravel()}
    found = dict(shards.contents(paths.RAW)(wanted))
    tiles = [
        side_by_side(found[keys[pairs[number, 0]]], found[keys[pairs[number, 1]]], scores[number])
        for number in drawn
    ]
    title = f"{len(drawn)} of {len(joined)} joins"
    pictures.write(pictures.sheet(title, tiles, columns=8), paths.PLOTS / "joins.png")


if __name__ == "__main__":
    main(*map(int, sys.argv[1:]))
