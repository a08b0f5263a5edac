"""Bring every distinct image of `data/raw/` to the network's input size, as PNG.

Run by `dvc repro resize`; all cores, about half a minute for ten thousand images.
"""

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from tqdm import tqdm

from facemask import images, params
from facemask.errors import one_line_errors
from facemask.files import replacing
from stages import paths


def resize(options: params.Resize) -> None:
    """Write `data/resized/SHA256.png`, `options.size` pixels square, for each raw file."""
    with replacing(paths.RESIZED) as folder, ThreadPoolExecutor() as pool:
        folder.mkdir()
        files = sorted(paths.RAW.iterdir())
        done = pool.map(lambda file: _resize_one(file, folder, options.size), files)
        list(tqdm(done, total=len(files), desc="resize", unit="image", disable=None))


def _resize_one(file: Path, folder: Path, size: int) -> None:
    images.resize(images.open_rgb(file), size).save(folder / f"{file.name}.png")


if __name__ == "__main__":
    with one_line_errors("resize"):
        resize(params.load(paths.PARAMS).resize)
