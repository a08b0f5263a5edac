"""Keep a share of each class for validation; copies of a file stay on one side.

Run by `dvc repro split`; a second.
"""

import pandas as pd

from facemask import params, report, tables
from facemask.errors import UserError, one_line_errors
from stages import paths


def split(options: params.Split, seed: int) -> None:
    """Write the rows of `data/raw.csv` with a column `split`."""
    table = tables.read(paths.RAW_TABLE)
    # Sorted by content, so that neither the order nor the names of the files matter.
    distinct = table.drop_duplicates("sha256").sort_values("sha256")
    kept = [_draw(rows, options.validation, seed) for _, rows in distinct.groupby("label")]
    in_validation = table["sha256"].isin(pd.concat(kept)["sha256"])
    table["split"] = in_validation.map({True: tables.VALIDATION, False: tables.TRAIN})

    tables.write(table, paths.SPLIT_TABLE)
    report.write_json(
        {
            str(side): {
                "images": len(rows),
                "images_of_class": rows["label"].value_counts().sort_index().to_dict(),
            }
            for side, rows in table.groupby("split")
        },
        paths.METRICS / "split.json",
    )


def _draw(rows: pd.DataFrame, share: float, seed: int) -> pd.DataFrame:
    if len(rows) < 2:
        raise UserError(
            f"class {rows['label'].iloc[0]} has one distinct image; 2 are the least, "
            "one to train on and one to validate"
        )
    count = min(max(round(share * len(rows)), 1), len(rows) - 1)
    return rows.sample(n=count, random_state=seed)


if __name__ == "__main__":
    with one_line_errors("split"):
        values = params.load(paths.PARAMS)
        split(values.split, values.seed)
