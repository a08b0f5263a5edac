"""Draw pairs of near-duplicates, the two images side by side, for a check by eye.

Run `python -m benchmarks.near_duplicate_pairs [NUMBER [SEED]]` after `dvc repro split`. It draws
random pairs, 100 by default, into `plots/near_duplicate_pairs.png`. Do not commit this file if the
faces are not yours. Below each pair is its score, which is at least
`groups.NEAR_DUPLICATE_SCORE`.
"""

import sys

import numpy as np
from PIL import Image

from facemask import pictures
from facemask.dedup import fingerprints, groups
from facemask.store import images, shards, tables
from stages import paths


def side_by_side(first: bytes, second: bytes, score: float) -> Image.Image:
    """Put the images of two files beside each other."""
    pair = [pictures.thumbnail(images.open_rgb(content), 96) for content in (first, second)]
    both = Image.new("RGB", (192, 96))
    for column, image in enumerate(pair):
        both.paste(image, (96 * column, 0))
    return pictures.captioned(both, [f"{score:.3f}"], least_width=192)


def main(count: int = 100, seed: int = 0) -> None:
    """Draw a random sample of the pairs of similar images."""
    keys = sorted(set(tables.read(paths.SPLIT)["sha256"]))
    with fingerprints.collected(keys, [paths.RAW], paths.CACHE) as select:
        pairs, scores = groups.scored_pairs(keys, select, paths.CACHE)
    same = np.flatnonzero(scores >= groups.NEAR_DUPLICATE_SCORE)
    drawn = np.random.default_rng(seed).choice(same, min(count, len(same)), replace=False)
    ends = np.array(keys)[pairs[drawn]]
    contents = dict(shards.contents(paths.RAW)(set(ends.ravel().tolist())))
    tiles = [
        side_by_side(contents[first], contents[second], score)
        for (first, second), score in zip(ends.tolist(), scores[drawn], strict=True)
    ]
    title = f"{len(drawn)} of {len(same)} pairs"
    pictures.write(
        pictures.sheet(title, tiles, columns=8), paths.PLOTS / "near_duplicate_pairs.png"
    )


if __name__ == "__main__":
    main(*map(int, sys.argv[1:]))
