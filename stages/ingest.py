"""Look at every file of the source once: good images go to `data/raw/`, the rest is quarantined.

Run by `dvc repro ingest`; about half a minute for ten thousand images.
"""

import hashlib
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from itertools import islice
from pathlib import Path

import pandas as pd
from tqdm import tqdm

from facemask import images, params, report, tables
from facemask.errors import UserError, one_line_errors
from facemask.files import replacing
from facemask.source import Entry, Source, class_of, find_classes
from stages import paths

FILES_AT_ONCE = 256  # bounds the memory that undecoded files take


def ingest(options: params.Ingest) -> None:
    """Verify, fingerprint and label the images of `options.source`."""
    source = Source(Path(options.source))
    with replacing(paths.RAW) as folder:
        folder.mkdir()
        rows = pd.DataFrame(_look_at_all(source, folder, options.classes))
        good, bad = rows[rows["reason"] == ""], rows[rows["reason"] != ""]
        if good.empty:
            raise UserError(
                f"{source.path}: none of {len(bad)} files is an image to learn from; "
                f"{bad['path'].iloc[0]}: {bad['reason'].iloc[0]}"
            )
        classes = options.classes or find_classes(list(good["path"]))
        table = good.assign(label=[class_of(path, classes) for path in good["path"]])
        counts = table["label"].value_counts().reindex(classes, fill_value=0)
        if counts.min() == 0:
            raise UserError(f"{source.path}: no image in a folder named {counts.idxmin()}")

    columns = ["path", "label", "sha256", "width", "height"]
    tables.write(table[columns].sort_values("path"), paths.RAW_TABLE)
    tables.write(bad[["path", "reason"]].sort_values("path"), paths.QUARANTINE)
    report.write_json(
        {
            "source": options.source,
            "description": source.description,
            "images": len(table),
            "distinct_images": table["sha256"].nunique(),
            "images_of_class": counts.sort_index().to_dict(),
            "quarantined": len(bad),
        },
        paths.METRICS / "ingest.json",
    )


def _look_at_all(
    source: Source, folder: Path, classes: list[str] | None
) -> Iterator[dict[str, object]]:
    entries = iter(tqdm(source, desc="ingest", unit="file", disable=None))
    with ThreadPoolExecutor() as pool:
        while batch := list(islice(entries, FILES_AT_ONCE)):
            yield from pool.map(lambda entry: _look_at(entry, folder, classes), batch)


def _look_at(entry: Entry, folder: Path, classes: list[str] | None) -> dict[str, object]:
    row: dict[str, object] = {"path": entry.path, "reason": entry.fault}
    try:
        if entry.fault:
            return row
        if classes and not class_of(entry.path, classes):
            return row | {"reason": f"in no folder named {' or '.join(classes)}"}
        width, height = images.open_rgb(entry.content).size
    except images.BadImageError as error:
        return row | {"reason": str(error)}
    sha256 = hashlib.sha256(entry.content).hexdigest()
    (folder / sha256).write_bytes(entry.content)
    return row | {"sha256": sha256, "width": width, "height": height}


if __name__ == "__main__":
    with one_line_errors("ingest"):
        ingest(params.load(paths.PARAMS).ingest)
