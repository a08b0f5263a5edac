import shutil
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import tensorflow as tf

from facemask import params
from facemask.errors import UserError
from facemask.model import calibration, dataset, network
from facemask.store.pixels import Pixels
from tests.helpers import NETWORK, NOTEBOOK, REPOSITORY, pixels_of, set_params


def test_one_command_makes_the_notebooks_network(project: Path) -> None:
    shutil.copy(REPOSITORY / "params.yaml", project)
    set_params(project, NOTEBOOK)
    options = params.load(project / "params.yaml")
    model = network.build(options.train.network, options.resize.size)
    assert model.count_params() == 3_043_137
    kinds = [type(layer).__name__ for layer in model.layers]
    assert kinds == [
        "Rescaling",
        *("Conv2D", "MaxPooling2D", "ReLU"),
        *("Conv2D", "MaxPooling2D", "ReLU", "Dropout") * 3,
        *("Flatten", "Dense", "Dense"),
    ]
    augmentation = options.train.augmentation.model_dump()
    plain = {"rotation": 30, "shift": 0.2, "zoom": 0.4, "shear": 0.2, "horizontal_flip": True}
    assert plain.items() <= augmentation.items()
    assert augmentation["fill"] == ["nearest"]
    strengths = ("framing", "light", "colour", "content", "quality")
    assert [augmentation[name] for name in strengths] == [0] * 5


@pytest.mark.parametrize("head", ["flatten", "average"])
@pytest.mark.parametrize("batch_norm", [True, False])
def test_the_smallest_input_is_the_smallest_that_can_be_built(head: str, batch_norm: bool) -> None:
    changes = {"head": head, "batch_norm": batch_norm}
    options = params.Network.model_validate(NETWORK | changes)
    smallest = options.smallest_input()
    assert network.build(options, smallest).output_shape == (None, 1)
    with pytest.raises(ValueError, match="[Nn]egative|[Cc]omputed output size"):
        network.build(options, smallest - 1)


def test_scaling_is_inside_the_model() -> None:
    options = params.Network.model_validate(NETWORK | {"standardize": False})
    model = network.build(options, 22)
    rescaled = model.layers[0](np.full((1, 22, 22, 3), 255, np.float32))
    np.testing.assert_allclose(rescaled, 1.0)


def test_exposure_and_haze_change_nothing_of_a_standardized_image() -> None:
    model = network.build(params.Network.model_validate(NETWORK), 22)
    image = np.random.default_rng(0).uniform(0, 255, (1, 22, 22, 3)).astype(np.float32)
    as_it_is = model.layers[0](image)
    np.testing.assert_allclose([np.mean(as_it_is), np.std(as_it_is)], [0, 1], atol=1e-3)
    for changed in (image * 0.2, 128 + image / 2):
        np.testing.assert_allclose(model.layers[0](changed), as_it_is, atol=0.01)


def test_calibration_changes_the_logit_alone() -> None:
    options = NETWORK | {"standardize": False}  # so that no logit is too large for float32
    model = network.build(params.Network.model_validate(options), 22)
    images = np.random.default_rng(0).uniform(0, 255, (4, 22, 22, 3)).astype(np.float32)
    before = model.predict_on_batch(images)
    calibration.apply(model, 0.5, 0.1)
    after = model.predict_on_batch(images)
    logits = np.log(before / (1 - before)), np.log(after / (1 - after))
    np.testing.assert_allclose(logits[1], logits[0] / 2 + 0.1, atol=1e-5)


def unchanged(images: tf.Tensor, seed: tf.Tensor) -> tf.Tensor:
    """Augment nothing."""
    return images


@pytest.fixture
def rows() -> pd.DataFrame:
    return pd.DataFrame(
        {
            "path": [f"{number}.jpg" for number in range(10)],
            "row": range(10),
            "label": ["bare", "mask"] * 5,
            "weight": range(10),
        }
    )


@pytest.fixture
def pixels(tmp_path: Path) -> Pixels:
    """Ten images, each of the colour of its number."""
    shown = np.zeros((10, 8, 8, 3), np.uint8)
    shown[..., 0] = np.arange(10)[:, None, None]
    return pixels_of(tmp_path, shown)


def test_training_sees_every_row_once_an_epoch_in_an_order_that_follows_the_seed(
    rows: pd.DataFrame, pixels: Pixels
) -> None:
    def epochs(seed: int, numbers: range) -> list[list[tuple[int, int, int]]]:
        data = dataset.TrainingData(rows, "mask", pixels, 4, seed)
        assert len(data) == 3
        batches = [
            [
                (int(image[0, 0, 0]), int(target[0]), int(weight))
                for image, target, weight in zip(images, targets, weights, strict=True)
            ]
            for images, targets, weights in data.batches(numbers, 8, unchanged)
        ]
        return [sum(batches[start : start + 3], []) for start in range(0, len(batches), 3)]

    first, second = epochs(1, range(2))
    assert sorted(first) == sorted(second) == [(number, number % 2, number) for number in range(10)]
    assert first != second
    assert epochs(1, range(1, 2)) == [second]
    assert epochs(2, range(2)) != [first, second]


def test_a_small_collection_is_passed_over_until_an_epoch_has_its_steps(
    rows: pd.DataFrame, pixels: Pixels
) -> None:
    data = dataset.TrainingData(rows, "mask", pixels, 4, 1, min_steps=7)
    assert (len(data), data.passes, data.images) == (8, 3, 30)
    shown = [
        int(image[0, 0, 0])
        for images, *_ in data.batches(range(1), 8, unchanged)
        for image in images
    ]
    passes = [shown[start : start + 10] for start in (0, 10, 20)]
    assert all(sorted(one) == list(range(10)) for one in passes)
    assert passes[0] != passes[1] != passes[2]
    names = [name for batch in range(8) for name in data.paths(0, batch)]
    assert names == [f"{number}.jpg" for number in shown]


@pytest.mark.parametrize(
    ("balance", "sums"),
    [(0, [8, 2, 2]), (0.5, [6, 3, 3]), (1, [4, 4, 4])],
)
def test_a_large_source_does_not_drown_a_small_one(balance: float, sums: list[float]) -> None:
    sources = ["large"] * 8 + ["small"] * 4
    labels = ["mask"] * 10 + ["bare"] * 2
    rows = pd.DataFrame({"source": sources, "label": labels})
    weighted = dataset.with_weights(rows, balance)
    parts = weighted.groupby(["source", "label"], sort=False)["weight"].sum()
    np.testing.assert_allclose(parts, sums)


def test_the_augmentation_changes_from_batch_to_batch_and_epoch_to_epoch(
    rows: pd.DataFrame, pixels: Pixels
) -> None:
    def seed_of(images: tf.Tensor, seed: tf.Tensor) -> tf.Tensor:
        return images * 0 + tf.cast(seed[1], tf.float32)

    data = dataset.TrainingData(rows, "mask", pixels, 5, 1)
    seeds = [float(images[0, 0, 0, 0]) for images, *_ in data.batches(range(2), 8, seed_of)]
    assert len(set(seeds)) == 4


def test_a_batch_can_be_named(rows: pd.DataFrame, pixels: Pixels) -> None:
    data = dataset.TrainingData(rows, "mask", pixels, 4, 1)
    seen = [
        [f"{int(image[0, 0, 0])}.jpg" for image in images]
        for images, *_ in data.batches(range(1, 2), 8, unchanged)
    ]
    assert [data.paths(1, batch) for batch in range(3)] == seen


def test_images_may_be_made_smaller(rows: pd.DataFrame, pixels: Pixels) -> None:
    data = dataset.TrainingData(rows, "mask", pixels, 10, 1)
    kept = dataset.inference_batches(rows, "mask", pixels, 6)
    for batches in (data.batches(range(1), 6, unchanged), kept):
        [(images, *_)] = batches
        assert images.shape == (10, 6, 6, 3)
        np.testing.assert_allclose(sorted(images[:, 3, 3, 0].numpy()), range(10), atol=1e-4)


def test_validation_is_not_changed(rows: pd.DataFrame, pixels: Pixels) -> None:
    [(images, targets)] = dataset.inference_batches(rows, "mask", pixels)
    assert [int(image[0, 0, 0]) for image in images] == list(range(10))
    assert images.dtype == tf.float32
    assert np.asarray(targets)[:, 0].tolist() == [0, 1] * 5


@pytest.mark.parametrize(
    ("instructions", "chosen"),
    [
        ("fpu avx512_bf16 avx512_vnni", "mixed_bfloat16"),
        ("fpu amx_bf16", "mixed_bfloat16"),
        ("fpu avx2 bf16", "float32"),
        (None, "float32"),
    ],
)
def test_the_processor_decides_the_precision(
    tmp_path: Path, instructions: str | None, chosen: str
) -> None:
    processor = tmp_path / "cpuinfo"
    if instructions is not None:
        processor.write_text(f"processor\t: 0\nflags\t\t: {instructions}\nbugs\t\t: none\n")
    assert network.precision("auto", processor) == chosen
    assert network.precision("float32", processor) == "float32"
    if chosen == "mixed_bfloat16":
        assert network.precision("mixed_bfloat16", processor) == "mixed_bfloat16"
    else:
        with pytest.raises(UserError, match="train.precision = mixed_bfloat16: .* auto, float32"):
            network.precision("mixed_bfloat16", processor)
    assert network.precision("auto", processor, gpus=1) == "mixed_float16"
    with pytest.raises(UserError, match="train.precision = mixed_float16: .* auto, float32"):
        network.precision("mixed_float16", processor)


def test_precision_changes_how_it_is_computed_not_the_weights() -> None:
    tf.random.set_seed(0)
    whole = network.build(params.Network.model_validate(NETWORK), 22)
    mixed = network.in_precision(whole, "mixed_bfloat16")
    assert mixed.layers[1].compute_dtype == "bfloat16"
    assert mixed.dtype == mixed.layers[-1].compute_dtype == "float32"
    back = network.in_precision(mixed, "float32")
    for one, other, third in zip(whole.weights, mixed.weights, back.weights, strict=True):
        np.testing.assert_array_equal(one, other)
        np.testing.assert_array_equal(one, third)
    pixels = np.random.default_rng(0).uniform(0, 255, (4, 22, 22, 3)).astype(np.float32)
    np.testing.assert_array_equal(back(pixels), whole(pixels))
