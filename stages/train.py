"""Train the network on the training rows and keep one epoch, `models/model.keras`.

Run by `dvc repro train`; about a minute an epoch for ten thousand images on two cores. When it was
interrupted, it goes on from the last finished epoch.
"""

from facemask import params, report
from facemask.data import tables
from facemask.data.pixels import Pixels
from facemask.errors import one_line_errors
from facemask.files import remove, replacing
from facemask.model import augmentation, dataset, network, schedule, training
from stages import paths


def train(options: params.Train, size: int, seed: int) -> None:
    """Train with `options` on images of `size` pixels; all chance follows from `seed`."""
    network.reproducible(seed)
    table, pixels = tables.read(paths.SPLIT), Pixels(paths.RESIZED)
    rows = tables.subset(table, tables.TRAIN)
    rows["weight"] = dataset.weights(rows, options.weight_by_group)
    validation = tables.subset(table, tables.VALIDATION)
    augment, small = augmentation.augmenters(options)
    batch = options.batch_size, seed, augment, options.min_steps, small
    data = dataset.TrainingData(rows, tables.classes(table)[1], pixels, *batch)
    with replacing(paths.PLOTS / "augmented.png") as picture:
        augmentation.picture(data.batches(range(1), size)).save(picture, "PNG")
    trained = training.train(
        options,
        size,
        data,
        validation,
        history=paths.PLOTS / "history.csv",
        backup=paths.BACKUP,
    )
    with replacing(paths.KERAS_MODEL) as model:
        network.save(trained.model, model, trained.signature)
    remove(paths.BACKUP)
    [kept] = schedule.kept_epoch(trained.history, options).to_dict("records")
    report.write_json(
        {
            "parameters": trained.model.count_params(),
            "precision": trained.precision,
            "images": {tables.TRAIN: len(rows), tables.VALIDATION: len(validation)},
            "epochs": len(trained.history),
            "kept_epoch": kept["epoch"],
            **{name: kept[name] for name in ("loss", "accuracy", "val_loss", "val_accuracy")},
            "calibration": dict(zip(("slope", "shift"), trained.calibration, strict=True)),
            "seconds": trained.history["seconds"].sum(),
        },
        paths.METRICS / "train.json",
    )


if __name__ == "__main__":
    with one_line_errors("train"):
        values = params.load(paths.PARAMS)
        train(values.train, values.resize.size, values.seed)
