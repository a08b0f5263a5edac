"""What each part of the augmentation brings: accuracy on validation and external faces without it.

Run `python -m benchmarks.ablation` with the `-S` options of `dvc exp run`, in a clone: each part is
left out by an experiment for each of the seeds of `benchmarks.seeds`, which draw the split too.
What DVC has run before, by that script too, comes from its cache. Writes, after each experiment,
`benchmarks/ablation.csv`, and prints means and standard deviations.
"""

import json
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

import pandas as pd

from benchmarks.seeds import seeds
from facemask import tables
from stages import paths

RESULT = Path(__file__).with_suffix(".csv")

COLOUR = ["hue=0", "saturation=0", "greyscale=0", "brightness=0", "contrast=0", "warmth=0"]
LOWER_HALF = ["recolour=0", "swap=0", "cutout=0"]
QUALITY = ["resolution=1", "blur=0", "noise=0", "jpeg=100"]
FILL = ["fill=[nearest]"]
PARTS = {
    "nothing": [],
    "colour and light": COLOUR,
    "painted, swapped and covered parts": LOWER_HALF,
    "resolution, blur, noise and JPEG": QUALITY,
    "all of these, and borders but streaked ones": [*COLOUR, *LOWER_HALF, *QUALITY, *FILL],
}
"""What is left out, and the parameters of `train.augmentation` that leave it out."""


def measured() -> dict[str, float]:
    """Read what the run in the workspace reached."""
    found = json.loads((paths.METRICS / "evaluate.json").read_text())
    figures = {f"{part}_accuracy": found[part]["accuracy"] for part in ("validation", "external")}
    recalls = found["external"]["recall_of_class"]
    return figures | {f"external_recall_{label}": share for label, share in recalls.items()}


def run(options: Sequence[str]) -> None:
    """Run one experiment until `evaluate`, and give the workspace its parameters back."""
    values = paths.PARAMS.read_bytes()
    try:
        subprocess.run(["dvc", "exp", "run", *options, "evaluate"], check=True)
    finally:
        paths.PARAMS.write_bytes(values)


def main(arguments: Sequence[str]) -> None:
    """Run the experiments one after the other, and compare."""
    runs = []
    for part, changes in PARTS.items():
        for seed in seeds():
            options = [f"seed={seed}", *(f"train.augmentation.{change}" for change in changes)]
            run([*arguments, *(word for option in options for word in ("-S", option))])
            runs.append({"without": part, "seed": seed} | measured())
            tables.write(pd.DataFrame(runs), RESULT)
    each = pd.DataFrame(runs).drop(columns="seed").groupby("without", sort=False)
    print(each.agg(["mean", "std"]).T.to_string(float_format="%.4f"))


if __name__ == "__main__":
    main(sys.argv[1:])
