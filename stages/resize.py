"""Bring every distinct image of `data/raw/` to the network's input size, as PNG.

Run by `dvc repro resize`; all cores, about half a minute for ten thousand new images.
"""

from facemask import params
from facemask.errors import one_line_errors
from facemask.files import replacing
from facemask.resizing import resize_all
from stages import paths


def resize(options: params.Resize) -> None:
    """Write `data/resized/SHA256.png`, `options.size` pixels square, for each raw file."""
    with replacing(paths.RESIZED) as folder:
        folder.mkdir()
        files = sorted(paths.RAW.iterdir())
        resize_all(files, folder, options.size, before=paths.RESIZED, memo=paths.MEMO)


if __name__ == "__main__":
    with one_line_errors("resize"):
        resize(params.load(paths.PARAMS).resize)
