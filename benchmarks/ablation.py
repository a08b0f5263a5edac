"""Measure the model without each part of the augmentation: accuracy and flip rates.

Run `python -m benchmarks.ablation` after `benchmarks.seeds`, in the same clone, with the same `-S`
options of `dvc exp run`. For each part and each seed of `benchmarks.seeds`, an experiment trains
without the part. The table `benchmarks/ablation.csv` is written after each experiment. Its first
rows are the figures of `benchmarks.seeds`, where no part is left out. At the end, means and
standard deviations are printed.
"""

import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pandas as pd

from benchmarks import seeds
from facemask.store import tables

RESULT = Path(__file__).with_suffix(".csv")

PARTS = {
    "colour and light": ["colour=0", "light=0"],
    "painted, swapped and covered parts": ["content=0"],
    "resolution, blur, noise and JPEG": ["quality=0"],
    "all of these, and borders but streaked ones": [
        "colour=0",
        "light=0",
        "content=0",
        "quality=0",
        "fill=[nearest]",
    ],
}
"""The parameters of `train.augmentation` that leave a part out, by name of the part.

With `fill=[nearest]`, all borders are streaks: the outermost pixels are repeated.
"""

FIGURES = r"^evaluate\.(validation|external)\.(accuracy|(recall_of_class|flip_rate)\..*)$"
"""Names of the figures of `benchmarks.seeds` that are compared."""


def experiment(arguments: Sequence[str], seed: int) -> dict[str, Any]:
    """Run an experiment up to `evaluate`, restore the parameters, and return the `FIGURES`."""
    with seeds.parameters_kept():
        details = seeds.experiment([*arguments, "-S", f"seed={seed}", "evaluate"])
    return dict(pd.json_normalize([details]).filter(regex=FIGURES).loc[0])


def main(arguments: Sequence[str]) -> None:
    """Run the experiments one after the other, and compare."""
    whole = pd.read_csv(seeds.RESULT, index_col="figure").filter(regex=FIGURES, axis=0)
    chosen = seeds.seeds()
    runs = [{"without": "nothing", "seed": seed, **whole[f"seed_{seed}"]} for seed in chosen]
    for part, changes in PARTS.items():
        for seed in chosen:
            options = [f"--set-param=train.augmentation.{change}" for change in changes]
            figures = experiment([*arguments, *options], seed)
            runs.append({"without": part, "seed": seed, **figures})
            tables.write(pd.DataFrame(runs), RESULT)
    each = pd.DataFrame(runs).drop(columns="seed").groupby("without", sort=False)
    print(each.agg(["mean", "std"]).T.to_string(float_format="%.4f"))


if __name__ == "__main__":
    main(sys.argv[1:])
