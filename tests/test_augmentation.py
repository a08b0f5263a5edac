"""What the network sees in training: each change does what it says, and no more."""

from typing import Any

import numpy as np
import pytest
import tensorflow as tf

from facemask import params
from facemask.augmentation import augmenter as augmentation
from facemask.augmentation import colour, content, framing, light, quality
from facemask.augmentation.draws import Change, Draws
from tests.helpers import REPOSITORY

STILL: dict[str, Any] = {
    "rotation": 0.0,
    "shift": 0.0,
    "zoom": 0.0,
    "shear": 0.0,
    "horizontal_flip": False,
    "fill": ["nearest"],
    "framing": 0.0,
    "light": 0.0,
    "colour": 0.0,
    "content": 0.0,
    "quality": 0.0,
}
SEED = tf.constant([3, 4], tf.int64)
SOFT = tf.image.resize(
    np.random.default_rng(2).integers(60, 190, (32, 4, 4, 3)).astype(np.float32), (32, 32)
)
NOISE = tf.constant(
    np.random.default_rng(1).integers(0, 256, (16, 20, 20, 3)).astype(np.float32), tf.float32
)


def augmented(**strengths: object) -> np.ndarray:
    augment = augmentation.augmenter(params.Augmentation.model_validate(STILL | strengths))
    return np.asarray(augment(NOISE, tf.constant([3, 4], tf.int64)))


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
    augment = augmentation.augmenter(params.Augmentation.model_validate(STILL | {"shift": 0.2}))
    edges = np.asarray(augment(tf.constant(column), tf.constant([1, 2], tf.int64)))[:, 10, :, 0]
    np.testing.assert_allclose(edges[:, 0], 200.0, atol=1e-3)
    np.testing.assert_allclose(edges[:, -1], 0.0, atol=1e-3)
    moved = edges.sum(axis=1) / 200.0 - 10
    assert np.abs(moved).max() <= 4.01
    assert moved.min() < -1 < 1 < moved.max()


def test_a_rotation_keeps_the_centre_and_turns_at_most_its_angle() -> None:
    wedge = np.zeros((16, 41, 41, 3), np.float32)
    wedge[:, 20, 21:] = 255.0  # a ray from the centre to the right
    augment = augmentation.augmenter(params.Augmentation.model_validate(STILL | {"rotation": 30.0}))
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
    augment = augmentation.augmenter(params.Augmentation.model_validate(STILL | {"shift": 0.2}))
    images = np.asarray(augment(ramp, tf.constant([3, 4], tf.int64)))
    assert not np.allclose(images[0], images[1])


def changed(images: tf.Tensor, change: Change, strength: float) -> np.ndarray:
    """Return images, (n, side, side, 3), after one change alone."""
    draws = Draws(images, SEED)
    return np.asarray(change(tf.convert_to_tensor(images), draws, strength))


def luma(images: np.ndarray) -> np.ndarray:
    return np.tensordot(images, [0.299, 0.587, 0.114], 1)


@pytest.mark.parametrize("group", ["framing", "light", "colour", "content", "quality"])
def test_every_strength_follows_the_seed_and_keeps_the_range(group: str) -> None:
    first = augmented(**{group: 2.0})
    np.testing.assert_array_equal(first, augmented(**{group: 2.0}))
    assert np.abs(first - NOISE).max() > 1
    assert first.shape == NOISE.shape
    assert np.all((first >= 0) & (first <= 255))


@pytest.mark.parametrize(("_", "change"), augmentation.CHANGES)
def test_a_larger_strength_changes_more(_: str, change: Change) -> None:
    images = tf.concat([NOISE] * 8, axis=0)
    totals = []
    for strength in (0.0, 0.5, 2.0):
        difference = np.abs(np.clip(changed(images, change, strength), 0, 255) - images)
        totals.append((difference > 1).mean())
    assert totals[0] == 0
    assert totals[0] <= totals[1] < totals[2]


def test_hue_turns_all_the_way_round_and_leaves_the_brightness() -> None:
    red = tf.constant(np.tile(np.array([150, 100, 100], np.float32), (200, 4, 4, 1)))
    turned = changed(red, colour.hue, 1 / colour.TURNED)
    np.testing.assert_allclose(luma(turned), luma(np.asarray(red)), atol=0.1)
    strongest = turned[:, 0, 0].argmax(axis=1)
    assert set(strongest) == {0, 1, 2}


def test_a_share_of_the_images_becomes_grey() -> None:
    images = changed(SOFT, colour.hue, 0.5 / colour.GREY)
    is_grey = np.isclose(np.ptp(images, axis=3).max(axis=(1, 2)), 0, atol=0.1)
    assert 8 <= is_grey.sum() <= 24
    np.testing.assert_allclose(luma(images), luma(np.asarray(SOFT)), atol=0.1)


def test_brightness_contrast_and_warmth_stay_within_their_bounds() -> None:
    flat = tf.fill((64, 4, 4, 3), 100.0)
    levels = changed(flat, colour.brightness, 1.0)[:, 0, 0]
    assert 100 * 0.7 * 0.85 <= levels.min() < 75
    assert 125 < levels.max() <= 100 * 1.3 * 1.15
    assert 5 < np.ptp(levels, axis=1).max() < 40
    plain = tf.repeat(SOFT[..., :1], 3, axis=3)
    images = changed(plain, colour.brightness, 1.0)[..., 0]
    before = np.asarray(plain)[..., 0]
    contrast = images.std((1, 2)) / images.mean((1, 2)) / (before.std((1, 2)) / before.mean((1, 2)))
    assert 0.7 <= contrast.min() < 0.8
    assert 1.2 < contrast.max() <= 1.301


def test_a_swap_keeps_the_lower_part_and_takes_the_upper_from_the_next_image() -> None:
    grey = np.linspace(0, 240, 32, dtype=np.float32)
    plain = np.tile(grey[:, None, None, None], (1, 32, 32, 3))
    images = changed(plain, content.swap, 0.5 / content.SWAPPED)
    np.testing.assert_allclose(images[:, -1, :, 0], np.tile(grey[:, None], (1, 32)), atol=1)
    swapped = np.abs(images[:, 0, 16, 0] - grey) > 1
    assert 8 <= swapped.sum() <= 24
    np.testing.assert_allclose(images[swapped, 0, 16, 0], np.roll(grey, 1)[swapped], atol=1)


def test_recolouring_paints_the_lower_part_alone_and_keeps_its_structure() -> None:
    images = np.clip(changed(SOFT, content.recolour, 0.5 / content.PAINTED), 0, 255)
    before = np.asarray(SOFT)
    np.testing.assert_allclose(images[:, :3], before[:, :3], atol=2)
    painted = np.abs(images - before)[:, -6:].max(axis=(1, 2, 3)) > 2
    assert 8 <= painted.sum() <= 24
    below = luma(images)[painted][:, -6:].reshape(painted.sum(), -1)
    was = luma(before)[painted][:, -6:].reshape(painted.sum(), -1)
    correlations = [np.corrcoef(a, b)[0, 1] for a, b in zip(below, was, strict=True)]
    assert np.median(correlations) > 0.95


def test_a_cutout_covers_one_rectangle_with_one_colour() -> None:
    images = changed(NOISE, content.cutout, 1 / content.COVERED)
    for image, before in zip(images, np.asarray(NOISE), strict=True):
        rows, columns = np.nonzero(np.abs(image - before).max(axis=2) > 1e-3)
        inside = image[rows.min() : rows.max() + 1, columns.min() : columns.max() + 1]
        assert np.ptp(inside, axis=(0, 1)).max() < 1e-3
        assert max(np.ptp(rows), np.ptp(columns)) <= 0.4 * 20


@pytest.mark.parametrize("change", [quality.resolution, quality.blur])
def test_coarse_and_blurred_images_have_less_detail_but_the_same_mean(
    change: Change,
) -> None:
    noise = tf.constant(np.random.default_rng(3).uniform(0, 255, (64, 20, 20, 3)), tf.float32)
    before = np.asarray(noise)
    images = changed(noise, change, 1.0)
    touched = np.abs(images - before).max(axis=(1, 2, 3)) > 1
    assert 16 <= touched.sum() <= 48
    detail = [np.abs(np.diff(array, axis=1)).mean() for array in (images[touched], before[touched])]
    assert detail[0] < 0.9 * detail[1]
    assert images[touched].mean() == pytest.approx(before[touched].mean(), abs=8)


def test_noise_is_within_its_strength() -> None:
    flat = tf.fill((64, 16, 16, 3), 128.0)
    grain = (changed(flat, quality.noise, 1.0) - 128).std(axis=(1, 2, 3))
    assert grain.min() < 2
    assert 6 < grain.max() < 1.15 * quality.NOISE
    assert 16 <= (grain == 0).sum() <= 48


def test_a_batch_of_one_image_is_changed_too() -> None:
    options = params.load(REPOSITORY / "params.yaml").train.augmentation
    [image] = np.asarray(augmentation.augmenter(options)(NOISE[:1], SEED))
    assert image.shape == NOISE.shape[1:]


def test_jpeg_changes_half_of_the_images_and_little_of_a_flat_one() -> None:
    images = changed(SOFT, quality.jpeg, 1.0)
    touched = np.abs(images - SOFT).max(axis=(1, 2, 3)) > 1
    assert touched.sum() == len(SOFT) / 2
    flat = tf.fill((64, 16, 16, 3), 128.0)
    np.testing.assert_allclose(changed(flat, quality.jpeg, 2.0), 128, atol=2)


@pytest.mark.parametrize(("fill", "edge"), [("nearest", 200), ("reflect", 200), ("constant", 0)])
def test_what_comes_from_outside_is_as_fill_says(fill: str, edge: float) -> None:
    flat = tf.fill((16, 20, 20, 3), 200.0)
    still = params.Augmentation.model_validate(STILL | {"shift": 0.3, "fill": [fill]})
    moved = np.asarray(augmentation.augmenter(still)(flat, SEED))
    assert moved.min() == pytest.approx(edge, abs=1)
    mixed = [
        np.asarray(
            augmentation.augmenter(
                params.Augmentation.model_validate(
                    STILL | {"shift": 0.3, "fill": ["nearest", "constant"]}
                )
            )(flat, tf.constant([3, number], tf.int64))
        ).min()
        for number in range(12)
    ]
    assert len({round(float(least)) for least in mixed}) == 2


GREY = tf.fill((64, 24, 24, 3), 100.0)


def test_a_wider_frame_shows_the_whole_image_smaller_and_a_tighter_one_a_part_of_it(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    stripes = np.zeros((64, 24, 24, 3), np.float32)
    stripes[:, :, :, 0] = np.linspace(100, 200, 24)[None, None, :]  # red: how far to the right
    monkeypatch.setattr(framing, "WIDER", 1.0)
    monkeypatch.setattr(framing, "TIGHTER", 0.0)
    wide = changed(stripes, framing.framing, 1.0)
    of_image = (wide[..., 0] >= 16) & (wide[..., 0] <= 201) & (wide[..., 1:].max(-1) < 1)
    shares = of_image.mean(axis=(1, 2))
    assert 0.02 < shares.min() < 0.45  # an oval, with soft edges, of half the side
    assert shares.max() > 0.8
    monkeypatch.setattr(framing, "WIDER", 0.0)
    monkeypatch.setattr(framing, "TIGHTER", 1.0)
    tight = changed(stripes, framing.framing, 1.0)[:, 12, :, 0]
    assert tight.min() >= 99
    assert tight.max() <= 201
    kept = (tight[:, -1] - tight[:, 0]) / 100
    assert 0.3 <= kept.min() < 0.8
    assert kept.max() > 0.99


def test_a_transplant_lies_as_an_oval_in_the_middle_of_the_next_image() -> None:
    levels = 4 * np.arange(64, dtype=np.float32)
    plain = np.tile(levels[:, None, None, None], (1, 24, 24, 3))
    images = changed(plain, framing.transplant, 1 / framing.TRANSPLANTED)[..., 0]
    others = np.roll(plain[..., 0], 1, axis=0)
    np.testing.assert_allclose(images[:, [0, 0, -1, -1], [0, -1, 0, -1]], others[:, 0, :4], atol=1)
    np.testing.assert_allclose(images[1:, 12, 12], plain[1:, 12, 12, 0], atol=1)
    assert 0.1 < (np.abs(images - plain[..., 0]) < 1).mean() < 0.6


def test_exposure_reaches_from_dark_to_clipped() -> None:
    exposed = changed(GREY, light.exposure, 1 / light.EXPOSED)
    assert 6 <= exposed.min() < 20
    assert exposed.max() > 255
    assert np.ptp(exposed, axis=(1, 2, 3)).max() == 0


def test_haze_brightens_and_side_light_shades_one_side() -> None:
    assert (changed(GREY, light.haze, 1 / light.HAZY) >= 100).all()
    lit = changed(GREY, light.side_light, 1 / light.SHADED)
    assert np.ptp(lit, axis=(1, 2, 3)).max() > 100
    middle = lit[:, 11:13, 11:13].mean(axis=(1, 2, 3))
    np.testing.assert_allclose(middle, 100, atol=1)


def test_motion_blurs_along_a_line_and_keeps_the_brightness() -> None:
    dots = np.zeros((64, 96, 96, 3), np.float32)
    dots[:, 48, 48] = 250.0
    moved = changed(dots, light.motion, 1.0)[..., 0]
    blurred = moved[moved.max(axis=(1, 2)) < 249]
    assert 4 <= len(blurred) <= 24
    np.testing.assert_allclose(blurred.sum(axis=(1, 2)), 250, rtol=1e-3)
    rows, columns = np.nonzero(blurred[0] > 1)
    assert 1 < np.hypot(np.ptp(rows), np.ptp(columns)) <= light.MOTION + 4
