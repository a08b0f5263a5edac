"""Measure how long a run takes after 100 images have been added.

Run `python -m benchmarks.incremental data/face-mask-12k.zip` with `.venv/bin` of this clone on the
PATH. It times `dvc repro resize split` in a new clone, first without 100 of the images and then
with all. It prints the ratio of the two times. It also runs on all images in another new clone, and
prints whether the outputs are the same.
"""

import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from ruamel.yaml import YAML

from facemask.sources.source import Source

NEW = 100
REPOSITORY = Path(__file__).parents[1]


def clone(folder: Path, source: Path) -> Path:
    """Clone this repository, and set its source to a folder."""
    subprocess.run(["git", "clone", "--quiet", REPOSITORY, folder], check=True)
    file = folder / "params.yaml"
    values = YAML().load(file)
    values["ingest"]["source"] = str(source)
    YAML().dump(values, file)
    return folder


def run(project: Path) -> float:
    """Run the first three stages; return their duration in seconds."""
    start = time.perf_counter()
    subprocess.run(["dvc", "repro", "--quiet", "resize", "split"], cwd=project, check=True)
    return time.perf_counter() - start


def outputs(project: Path) -> dict[str, str]:
    """Return the hash of every output of the three stages, from DVC."""
    stages = YAML().load(project / "dvc.lock")["stages"]
    return {
        out["path"]: out["md5"]
        for name in ("ingest", "resize", "split")
        for out in stages[name]["outs"]
    }


def main(archive: str) -> None:
    """Time the three runs and print the durations."""
    with tempfile.TemporaryDirectory() as folder:
        source = Path(folder) / "source"
        entries = list(Source(Path(archive)))
        for entry in entries:
            (source / entry.path).parent.mkdir(parents=True, exist_ok=True)
            (source / entry.path).write_bytes(entry.content)
        held_back = Path(folder) / "later"
        every = len(entries) // NEW
        for entry in entries[::every][:NEW]:
            (held_back / entry.path).parent.mkdir(parents=True, exist_ok=True)
            (source / entry.path).rename(held_back / entry.path)
        project = clone(Path(folder) / "project", source)
        first = run(project)
        shutil.copytree(held_back, source, dirs_exist_ok=True)
        update = run(project)
        nothing = clone(Path(folder) / "nothing", source)
        whole = run(nothing)
        print(f"first run, {len(entries) - NEW} images: {first:.1f} s")
        print(f"again with {NEW} more: {update:.1f} s, {update / first:.3f} of the first")
        same = outputs(project) == outputs(nothing)
        verdict = "the same" if same else "NOT the same"
        print(f"all in a new clone: {whole:.1f} s; the outputs are {verdict}")


if __name__ == "__main__":
    main(*sys.argv[1:])
