"""Group near-duplicates, and assign each group to training, validation or test.

An external image is excluded from its test set if it is a near-duplicate of an image in
`ingest.source`, or if the model in `train.start` was trained on it.
Run by `dvc repro split`; takes about a minute for ten thousand new images on two cores.
"""

from facemask import files, params, pictures, timing
from facemask.dedup import fingerprints, group_sheet, groups, known, partition
from facemask.store import shards, signature, tables
from stages import paths


def split(options: params.Split, start: str, seed: int) -> None:
    """Write the group and subset of each image, and list the external images that are excluded.

    Args:
        options: strategy and size of the subsets.
        start: `train.start`. If this model was trained on an image, the image and its group are
            assigned to training.
        seed: seeds the random choice of the subsets.
    """
    table = shards.read_table(paths.RAW)
    external = shards.read_table(paths.RAW_EXTERNAL)
    start_hashes = signature.read(start)

    # Find the near-duplicates, and the images that the model in `train.start` was trained on.
    with fingerprints.collected(
        keys=[*table["sha256"], *external["sha256"]],
        folders=[paths.RAW, paths.RAW_EXTERNAL],
        cache=paths.CACHE,
    ) as select:
        table["group"] = groups.group(
            table,
            select,
            pattern=options.group_pattern,
            cache=paths.CACHE,
        )
        related = groups.related(
            external,
            table,
            select,
            folder=paths.CACHE.parent,
        )
        in_start = known.in_signature(table, start_hashes, select)
        external_in_start = known.in_signature(external, start_hashes, select)

    # Assign each image to a subset.
    table["split"] = partition.draw(table, in_start, options, seed)
    tables.write(table, paths.SPLIT)

    # Exclude the near-duplicates of images in `ingest.source`, and the images that the model in
    # `train.start` was trained on.
    external["group"] = external["sha256"]
    external["reason"] = ""
    external.loc[external_in_start, "reason"] = partition.IN_START
    external.loc[related, "reason"] = partition.IN_COLLECTION
    is_excluded = external["reason"] != ""
    excluded = external.loc[is_excluded, ["split", "path", "reason"]]
    tables.write(excluded, paths.EXCLUDED)
    remaining = external[~is_excluded].drop(columns="reason")
    tables.write(remaining, paths.EXTERNAL)

    # Write a contact sheet of the largest groups.
    contents = shards.contents(paths.RAW)
    sheet = group_sheet.groups(table, contents)
    pictures.write(sheet, paths.PLOTS / "groups.png")

    # Count the groups and the images.
    sizes = groups.sizes(table)
    tables.write(sizes, paths.PLOTS / "group_size.csv")
    counts = {
        "strategy": options.strategy,
        **partition.summary(table),
        "in_train_start": int(in_start.sum()),
        "external": partition.external_summary(external),
    }
    files.write_json(counts, paths.DETAILS / "split.json")


if __name__ == "__main__":
    with timing.stage("split", paths.TIMING):
        values = params.load(paths.PARAMS)
        split(values.split, values.train.start, values.seed)
