"""Group the images that descend from one picture, and keep each group in one subset.

External images that descend from a picture of the collection are excluded from their test set.
Run by `dvc repro split`; about a minute for ten thousand new images on two cores.
"""

from facemask import files, params, pictures, timing
from facemask.dedup import fingerprints, group_sheet, groups, known, partition
from facemask.store import shards, signature, tables
from stages import paths


def split(options: params.Split, start: str, seed: int) -> None:
    """Write the rows of `data/raw/` with their group and subset, and the excluded external rows."""
    table = shards.read_table(paths.RAW)
    external = shards.read_table(paths.RAW_EXTERNAL)
    hashes = signature.read(start)
    keys = [*table["sha256"], *external["sha256"]]
    with fingerprints.collected(keys, [paths.RAW, paths.RAW_EXTERNAL], paths.CACHE) as select:
        table["group"] = groups.group(table, select, options.group_pattern, paths.CACHE)
        related = groups.related(external, table, select, paths.CACHE.parent)
        in_start = known.in_signature(table, hashes, select)
        external_in_start = known.in_signature(external, hashes, select)

    table["split"] = partition.draw(table, in_start, options, seed)
    external["group"] = external["sha256"]
    reason = related.map({True: partition.IN_COLLECTION, False: ""})
    reason = reason.mask(external_in_start & ~related, partition.IN_START)
    excluded = external.assign(reason=reason)[reason != ""]
    tables.write(table, paths.SPLIT)
    tables.write(external[reason == ""], paths.EXTERNAL)
    tables.write(excluded[["split", "path", "reason"]], paths.EXCLUDED)

    sheet = group_sheet.groups(table, shards.contents(paths.RAW))
    pictures.write(sheet, paths.PLOTS / "groups.png")
    tables.write(groups.sizes(table), paths.PLOTS / "group_size.csv")
    counts = {
        "strategy": options.strategy,
        **partition.summary(table),
        "in_train_start": int(in_start.sum()),
        "external": partition.external_summary(external, reason),
    }
    files.write_json(counts, paths.DETAILS / "split.json")


if __name__ == "__main__":
    with timing.stage("split", paths.TIMING):
        values = params.load(paths.PARAMS)
        split(values.split, values.train.start, values.seed)
