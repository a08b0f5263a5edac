"""Faces from elsewhere that a finished model is measured on, and never trained on."""

from collections.abc import Sequence
from pathlib import Path

import pandas as pd

from facemask import params
from facemask.collection import Collection, collect, remove_unused
from facemask.dedup import groups
from facemask.files import replacing
from facemask.resizing import resize_all
from facemask.source import Source

IN_COLLECTION = "related to the collection"
"""Reason to leave an image out: it descends from a picture that the model may have seen."""


def stored(folder: Path) -> groups.Contents:
    """Return what yields the wanted files of a folder, which are named by their SHA-256."""
    return lambda wanted: ((key, (folder / key).read_bytes()) for key in wanted)


def prepare(
    source: Source,
    options: params.Params,
    classes: Sequence[str],
    folder: Path,
    *,
    seen: tuple[pd.DataFrame, Path],
    memo: Path,
) -> Collection:
    """Judge a source as `collect` does, leave out what the model may have seen, resize the rest.

    Args:
        source: a source in the layout of `ingest.source`.
        options: the limits of `ingest`, and `resize.size`.
        classes: the model's two classes, which are folders of the source too.
        folder: gets `raw/SHA256` and `resized/SHA256.png`.
        seen: the rows of the collection, and the folder of their files.
        memo: file of what earlier runs found out.

    Raises:
        UserError: as `collect`.
    """
    limits = options.ingest.model_copy(update={"classes": list(classes)})
    with replacing(folder) as temporary:
        raw, resized = temporary / "raw", temporary / "resized"
        raw.mkdir(parents=True)
        resized.mkdir()
        found = collect(source, limits, raw, before=folder / "raw", memo=memo)
        known = groups.related(found.good, stored(raw), seen[0], stored(seen[1]), memo)
        left_out = found.good[known].assign(reason=IN_COLLECTION, detail="a relative is in it")
        good = found.good[~known]
        files = [raw / sha256 for sha256 in sorted(set(good["sha256"]))]
        before = folder / "resized"
        resize_all(files, resized, options.resize.size, before=before, memo=memo)
        bad = pd.concat([found.bad, left_out[found.bad.columns]]).sort_values("path")
        remove_unused(raw, good)
    return Collection(good, bad, found.classes)
