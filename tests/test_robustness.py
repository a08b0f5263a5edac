"""What must not change a decision, and where the network looks."""

from pathlib import Path

import keras
import numpy as np
import pandas as pd
import pytest
from PIL import Image

from facemask import params
from facemask.evaluation import grad_cam, mistake_sheets, robustness
from facemask.model import network
from tests.helpers import NETWORK, pixels_of

SIDE = 40
PIXELS = np.random.default_rng(0).integers(0, 256, (SIDE, SIDE, 3), dtype=np.uint8)
PICTURE = Image.fromarray(PIXELS).resize((8, 8)).resize((SIDE, SIDE), Image.Resampling.BICUBIC)


@pytest.mark.parametrize("name", robustness.CHANGES)
def test_every_change_gives_another_picture_of_the_same_size(name: str) -> None:
    changed = robustness.CHANGES[name](PICTURE)
    assert (changed.size, changed.mode) == (PICTURE.size, "RGB")
    assert np.abs(np.asarray(changed, float) - np.asarray(PICTURE, float)).mean() > 0.1


def test_changes_do_what_they_are_called() -> None:
    change = {name: np.asarray(made(PICTURE)) for name, made in robustness.CHANGES.items()}
    before = np.asarray(PICTURE)
    np.testing.assert_array_equal(change["mirror image"], before[:, ::-1])
    assert np.ptp(change["greyscale"], axis=2).max() == 0
    assert change["30 % darker"].mean() == pytest.approx(0.7 * before.mean(), rel=0.02)
    assert change["30 % brighter"].mean() > 1.15 * before.mean()
    red = Image.new("RGB", (4, 4), (200, 0, 0))
    turned = [
        np.asarray(robustness.CHANGES[f"hue turned by {degrees} degrees"](red))[0, 0]
        for degrees in (60, 120, 180)
    ]
    np.testing.assert_allclose(turned, [(200, 200, 0), (0, 200, 0), (0, 200, 200)], atol=8)
    assert change["10 % looser crop"][0, 0].tolist() == before[0, 0].tolist()
    inner = np.asarray(PICTURE.crop((2, 2, SIDE - 2, SIDE - 2)).resize((SIDE, SIDE)), np.float32)
    assert np.abs(change["10 % tighter crop"] - inner).mean() < 3


def test_the_share_of_flipped_decisions_is_counted(tmp_path: Path) -> None:
    shown = np.full((4, SIDE, SIDE, 3), 40, np.uint8)
    shown[0, :, :20] += 100  # bright on the left
    shown[1, :, 20:] += 100
    pixels = pixels_of(tmp_path, shown)

    def bright_on_the_left(images: np.ndarray) -> np.ndarray:
        brightness = images[:, :, :10].astype(float).mean(axis=(1, 2, 3))
        return np.where(brightness > 80, 1.0, 0.0)

    found = robustness.flip_rates(
        bright_on_the_left, np.arange(4), pixels, is_positive=np.arange(4) == 0, threshold=0.5
    )
    assert found["mirror image"] == 0.5
    assert found["JPEG of quality 30"] == 0


@pytest.mark.parametrize("head", ["flatten", "average"])
def test_attention_is_where_the_evidence_is(tmp_path: Path, head: str) -> None:
    options = NETWORK | {"filters": [4, 4], "head": head, "batch_norm": False}
    keras.utils.set_random_seed(1)
    model = network.build(params.Network.model_validate(options), 40)
    for layer in model.layers:  # brightness is the only evidence
        layer.set_weights([np.abs(weights) + 0.01 for weights in layer.get_weights()])
    shown = np.zeros((2, 40, 40, 3), np.uint8)
    shown[0, :16] = 255
    shown[1, 24:] = 255
    maps = grad_cam.maps(model, np.arange(2), pixels_of(tmp_path, shown))
    np.testing.assert_allclose(maps.sum(axis=(1, 2)), 1, rtol=1e-5)
    upper, lower = (grad_cam.lower_half(maps[number : number + 1]) for number in range(2))
    assert upper < 0.4
    assert lower > 0.6


def test_the_middle_row_counts_half() -> None:
    assert grad_cam.lower_half(np.full((2, 5, 5), 0.04, np.float32)) == pytest.approx(0.5)
    assert grad_cam.lower_half(np.zeros((2, 5, 5), np.float32)) == 0.0
    assert grad_cam.lower_half(np.zeros((0, 5, 5), np.float32)) == 0.0


def test_a_picture_of_attention_is_dark_where_there_is_none(tmp_path: Path) -> None:
    pixels = pixels_of(tmp_path, np.full((1, SIDE, SIDE, 3), 120, np.uint8))
    row = {"path": "grey", "label": "bare", "predicted": "bare", "confidence": 0.9, "row": 0}
    heat = np.zeros((1, 4, 4), np.float32)
    heat[0, 3] = 0.25
    drawn = mistake_sheets.attention("test", pd.DataFrame([row]), pixels, heat)
    sheet = np.asarray(drawn.convert("L"))
    lit, dark = (np.abs(sheet.astype(int) - level) < 4 for level in (120, 24))
    assert min(lit.sum(), dark.sum()) > 1000
    assert np.nonzero(lit)[0].mean() > np.nonzero(dark)[0].mean()
