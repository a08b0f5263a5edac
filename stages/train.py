"""Train the network on the training rows and keep its best epoch, `models/model.keras`.

Run by `dvc repro train`; about four minutes an epoch for ten thousand images on two cores.
"""

from facemask import dataset, network, params, report, splitting, tables
from facemask.errors import one_line_errors
from facemask.files import replacing
from stages import paths


def train(options: params.Train, size: int, seed: int) -> None:
    """Train with `options` on images of `size` pixels; all chance follows from `seed`."""
    network.reproducible(seed)
    table = tables.read(paths.SPLIT_TABLE)
    positive = tables.classes(table)[1]
    rows = tables.side(table, tables.TRAIN)
    rows["weight"] = splitting.weights(rows, options.weight_by_group)
    kept = tables.side(table, tables.VALIDATION)
    model = network.build(options.network, size)
    with replacing(paths.KERAS_MODEL) as best:
        history = network.fit(
            model,
            dataset.training_batches(
                rows,
                positive,
                paths.RESIZED,
                batch_size=options.batch_size,
                seed=seed,
                augment=network.augmenter(options.augmentation),
            ),
            dataset.inference_batches(kept, positive, paths.RESIZED),
            options,
            best=best,
            history=paths.PLOTS / "history.csv",
        )
    [chosen] = history.nsmallest(1, "val_loss").to_dict("records")
    report.write_json(
        {
            "parameters": model.count_params(),
            "images": {tables.TRAIN: len(rows), tables.VALIDATION: len(kept)},
            "epochs": len(history),
            "best_epoch": chosen["epoch"],
            **{name: chosen[name] for name in ("loss", "accuracy", "val_loss", "val_accuracy")},
            "seconds": history["seconds"].sum(),
        },
        paths.METRICS / "train.json",
    )


if __name__ == "__main__":
    with one_line_errors("train"):
        values = params.load(paths.PARAMS)
        train(values.train, values.resize.size, values.seed)
