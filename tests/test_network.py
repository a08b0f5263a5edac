from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import tensorflow as tf
import yaml
from PIL import Image

from facemask import dataset, network, params
from tests.conftest import REPOSITORY

STILL = {"rotation": 0.0, "shift": 0.0, "zoom": 0.0, "shear": 0.0, "horizontal_flip": False}
NOISE = tf.constant(
    np.random.default_rng(1).integers(0, 256, (16, 20, 20, 3)).astype(np.float32), tf.float32
)


def augmented(**strengths: object) -> np.ndarray:
    augment = network.augmenter(params.Augmentation.model_validate(STILL | strengths))
    return np.asarray(augment(NOISE, tf.constant([3, 4], tf.int64)))


def test_the_default_network_is_the_notebooks() -> None:
    defaults = params.load(REPOSITORY / "params.yaml")
    model = network.build(defaults.train.network, defaults.resize.size)
    assert model.count_params() == 3_043_137
    kinds = [type(layer).__name__ for layer in model.layers]
    assert kinds == [
        "Rescaling",
        *("Conv2D", "MaxPooling2D"),
        *("Conv2D", "MaxPooling2D", "Dropout") * 3,
        *("Flatten", "Dense", "Dense"),
    ]


def test_the_default_augmentation_is_the_notebooks() -> None:
    values = yaml.safe_load((REPOSITORY / "params.yaml").read_text())["train"]["augmentation"]
    assert values == {
        "rotation": 30,
        "shift": 0.2,
        "zoom": 0.4,
        "shear": 0.2,
        "horizontal_flip": True,
    }


def test_the_smallest_input_is_the_smallest_that_can_be_built() -> None:
    options = params.Network(filters=[2, 2, 2], dropout=0.0, dense=2)
    smallest = options.smallest_input()
    assert network.build(options, smallest).output_shape == (None, 1)
    with pytest.raises(ValueError, match="[Nn]egative|[Cc]omputed output size"):
        network.build(options, smallest - 1)


def test_scaling_is_inside_the_model() -> None:
    model = network.build(params.Network(filters=[2], dropout=0.0, dense=2), 8)
    rescaled = model.layers[0](np.full((1, 8, 8, 3), 255, np.float32))
    np.testing.assert_allclose(rescaled, 1.0)


def test_no_strength_means_no_change() -> None:
    np.testing.assert_allclose(augmented(), NOISE, atol=1e-3)


def test_a_flip_is_a_mirror_image_of_about_half_the_images() -> None:
    flipped = augmented(horizontal_flip=True)
    mirrored = [np.allclose(a, b[:, ::-1], atol=1e-2) for a, b in zip(flipped, NOISE, strict=True)]
    same = [np.allclose(a, b, atol=1e-2) for a, b in zip(flipped, NOISE, strict=True)]
    assert np.all(np.logical_xor(mirrored, same))
    assert 4 <= sum(mirrored) <= 12


def test_a_shift_moves_at_most_its_share_and_repeats_the_border() -> None:
    column = np.zeros((16, 20, 20, 3), np.float32)
    column[:, :, :10] = 200.0
    augment = network.augmenter(params.Augmentation.model_validate(STILL | {"shift": 0.2}))
    edges = np.asarray(augment(tf.constant(column), tf.constant([1, 2], tf.int64)))[:, 10, :, 0]
    np.testing.assert_allclose(edges[:, 0], 200.0, atol=1e-3)
    np.testing.assert_allclose(edges[:, -1], 0.0, atol=1e-3)
    moved = edges.sum(axis=1) / 200.0 - 10
    assert np.abs(moved).max() <= 4.01
    assert moved.min() < -1 < 1 < moved.max()


def test_a_rotation_keeps_the_centre_and_turns_at_most_its_angle() -> None:
    wedge = np.zeros((16, 41, 41, 3), np.float32)
    wedge[:, 20, 21:] = 255.0  # a ray from the centre to the right
    augment = network.augmenter(params.Augmentation.model_validate(STILL | {"rotation": 30.0}))
    turned = np.asarray(augment(tf.constant(wedge), tf.constant([5, 6], tf.int64)))[..., 0]
    rows, columns = np.mgrid[-20:21, -20:21]
    weight = turned.sum(axis=(1, 2))
    angles = np.degrees(
        np.arctan2(
            (turned * rows).sum(axis=(1, 2)) / weight, (turned * columns).sum((1, 2)) / weight
        )
    )
    assert np.abs(angles).max() < 31
    assert angles.min() < -8 < 8 < angles.max()


def test_a_seed_repeats_the_augmentation_and_every_image_has_its_own() -> None:
    first, second = augmented(rotation=30.0), augmented(rotation=30.0)
    np.testing.assert_array_equal(first, second)
    ramp = tf.constant(np.tile(np.arange(20, dtype=np.float32)[:, None, None], (4, 1, 20, 3)))
    augment = network.augmenter(params.Augmentation.model_validate(STILL | {"shift": 0.2}))
    images = np.asarray(augment(ramp, tf.constant([3, 4], tf.int64)))
    assert not np.allclose(images[0], images[1])


@pytest.fixture
def rows(tmp_path: Path) -> pd.DataFrame:
    for number in range(10):
        Image.new("RGB", (8, 8), (number, 0, 0)).save(tmp_path / f"{number}.png")
    names = [str(number) for number in range(10)]
    return pd.DataFrame({"sha256": names, "label": ["bare", "mask"] * 5, "weight": range(10)})


def test_training_sees_every_row_once_an_epoch_in_an_order_that_follows_the_seed(
    rows: pd.DataFrame, tmp_path: Path
) -> None:
    def epochs(seed: int) -> list[list[tuple[int, int, int]]]:
        batches = dataset.training_batches(
            rows, "mask", tmp_path, batch_size=4, seed=seed, augment=lambda images, _: images
        )
        return [
            [
                (int(image[0, 0, 0]), int(target[0]), int(weight))
                for images, targets, weights in batches
                for image, target, weight in zip(images, targets, weights, strict=True)
            ]
            for _ in range(2)
        ]

    first, second = epochs(1)
    assert sorted(first) == sorted(second) == [(number, number % 2, number) for number in range(10)]
    assert first != second
    assert epochs(1) == [first, second]
    assert epochs(2) != [first, second]


def test_the_augmentation_changes_from_batch_to_batch_and_epoch_to_epoch(
    rows: pd.DataFrame, tmp_path: Path
) -> None:
    batches = dataset.training_batches(
        rows,
        "mask",
        tmp_path,
        batch_size=5,
        seed=1,
        augment=lambda images, seed: images * 0 + tf.cast(seed[0], tf.float32),
    )
    seeds = [float(images[0, 0, 0, 0]) for _ in range(2) for images, *_ in batches]
    assert len(set(seeds)) == 4


def test_validation_is_not_changed(rows: pd.DataFrame, tmp_path: Path) -> None:
    [(images, targets)] = dataset.inference_batches(rows, "mask", tmp_path)
    assert [int(image[0, 0, 0]) for image in images] == list(range(10))
    assert images.dtype == tf.float32
    assert np.asarray(targets)[:, 0].tolist() == [0, 1] * 5
