"""What each part of the augmentation brings: accuracy without it, and decisions that changes turn.

Run `python -m benchmarks.ablation` after `benchmarks.seeds`, in the same clone, with the same `-S`
options of `dvc exp run`: each part is left out by an experiment for each of its seeds, which draw
the split too. Writes, after each of them, `benchmarks/ablation.csv`, which begins with what
`benchmarks.seeds` measured of the whole, and prints means and standard deviations.
"""

import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pandas as pd

from benchmarks import seeds
from facemask.store import tables

RESULT = Path(__file__).with_suffix(".csv")

COLOUR = ["hue=0", "saturation=0", "greyscale=0", "warmth=0"]
LIGHT = ["brightness=0", "contrast=0", "exposure.share=0", "side_light=0", "haze=0"]
LOWER_HALF = ["recolour=0", "swap=0", "cutout=0"]
QUALITY = ["resolution=1", "blur=0", "motion=0", "noise=0", "jpeg=100"]
FILL = ["fill=[nearest]"]
PARTS = {
    "colour and light": [*COLOUR, *LIGHT],
    "painted, swapped and covered parts": LOWER_HALF,
    "resolution, blur, noise and JPEG": QUALITY,
    "all of these, and borders but streaked ones": [*COLOUR, *LIGHT, *LOWER_HALF, *QUALITY, *FILL],
}
"""What is left out, and the parameters of `train.augmentation` that leave it out."""

FIGURES = r"^evaluate\.(validation|external)\.(accuracy|(recall_of_class|flip_rate)\..*)$"
"""Those of `benchmarks.seeds` that are compared."""


def experiment(arguments: Sequence[str], seed: int) -> dict[str, Any]:
    """Run one up to `evaluate`, restore the parameters, and return its `FIGURES`."""
    with seeds.parameters_kept():
        found = seeds.experiment([*arguments, "-S", f"seed={seed}", "evaluate"])
    return dict(pd.json_normalize([found]).filter(regex=FIGURES).loc[0])


def main(arguments: Sequence[str]) -> None:
    """Run the experiments one after the other, and compare."""
    whole = pd.read_csv(seeds.RESULT, index_col="figure").filter(regex=FIGURES, axis=0)
    chosen = seeds.seeds()
    runs = [{"without": "nothing", "seed": seed, **whole[f"seed_{seed}"]} for seed in chosen]
    for part, changes in PARTS.items():
        for seed in chosen:
            options = [f"--set-param=train.augmentation.{change}" for change in changes]
            found = experiment([*arguments, *options], seed)
            runs.append({"without": part, "seed": seed, **found})
            tables.write(pd.DataFrame(runs), RESULT)
    each = pd.DataFrame(runs).drop(columns="seed").groupby("without", sort=False)
    print(each.agg(["mean", "std"]).T.to_string(float_format="%.4f"))


if __name__ == "__main__":
    main(sys.argv[1:])
