"""Resize the images of the collection and of the external test sets to the network's input size.

Run by `dvc repro resize`; takes about ten seconds for ten thousand images.
"""

from facemask import params, timing
from facemask.store.resize import resize_all
from stages import paths


def resize(options: params.Resize) -> None:
    """Write an array of the resized images for each shard. Whole photos are not resized."""
    resize_all(paths.RAW, paths.RESIZED, options.size)
    resize_all(paths.RAW_EXTERNAL, paths.RESIZED_EXTERNAL, options.size)


if __name__ == "__main__":
    with timing.stage("resize", paths.TIMING):
        values = params.load(paths.PARAMS)
        resize(values.resize)
