"""What must not change a decision, and where the network looks."""

from pathlib import Path

import keras
import numpy as np
import pandas as pd
import pytest
from PIL import Image

from facemask import attention, galleries, invariances, network, params
from tests.test_network import NETWORK

SIDE = 40
PIXELS = np.random.default_rng(0).integers(0, 256, (SIDE, SIDE, 3), dtype=np.uint8)
PICTURE = Image.fromarray(PIXELS).resize((8, 8)).resize((SIDE, SIDE), Image.Resampling.BICUBIC)


@pytest.mark.parametrize("name", invariances.CHANGES)
def test_every_change_gives_another_picture_of_the_same_size(name: str) -> None:
    changed = invariances.CHANGES[name](PICTURE)
    assert (changed.size, changed.mode) == (PICTURE.size, "RGB")
    assert np.abs(np.asarray(changed, float) - np.asarray(PICTURE, float)).mean() > 0.1


def test_changes_do_what_they_are_called() -> None:
    change = {name: np.asarray(made(PICTURE)) for name, made in invariances.CHANGES.items()}
    before = np.asarray(PICTURE)
    np.testing.assert_array_equal(change["mirror image"], before[:, ::-1])
    assert np.ptp(change["greyscale"], axis=2).max() == 0
    assert change["30 % darker"].mean() == pytest.approx(0.7 * before.mean(), rel=0.02)
    assert change["30 % brighter"].mean() > 1.15 * before.mean()
    red = Image.new("RGB", (4, 4), (200, 0, 0))
    turned = [
        np.asarray(invariances.CHANGES[f"hue turned by {degrees} degrees"](red))[0, 0]
        for degrees in (60, 120, 180)
    ]
    np.testing.assert_allclose(turned, [(200, 200, 0), (0, 200, 0), (0, 200, 200)], atol=8)
    assert change["10 % looser crop"][0, 0].tolist() == before[0, 0].tolist()
    inner = np.asarray(PICTURE.crop((2, 2, SIDE - 2, SIDE - 2)).resize((SIDE, SIDE)), np.float32)
    assert np.abs(change["10 % tighter crop"] - inner).mean() < 3


def test_the_share_of_changed_decisions_is_counted(tmp_path: Path) -> None:
    files = [tmp_path / f"{number}.png" for number in range(4)]
    for number, file in enumerate(files):  # one is bright on the left, one on the right
        pixels = np.full((SIDE, SIDE, 3), 40 + number, np.uint8)
        if number < 2:
            pixels[:, :20] += np.uint8(100 * (number == 0))
            pixels[:, 20:] += np.uint8(100 * (number == 1))
        Image.fromarray(pixels).save(file)

    def bright_on_the_left(images: np.ndarray) -> np.ndarray:
        brightness = images[:, :, :10].astype(float).mean(axis=(1, 2, 3))
        return np.where(brightness > 80, 1.0, 0.0)

    found = invariances.changed_decisions(bright_on_the_left, files, np.arange(4) == 0, 0.5)
    assert found["mirror image"] == 0.5
    assert found["JPEG of quality 30"] == 0


@pytest.mark.parametrize("head", ["flatten", "average", "max"])
def test_attention_is_where_the_evidence_is(tmp_path: Path, head: str) -> None:
    options = NETWORK | {"filters": [4, 4], "head": head, "batch_norm": False}
    keras.utils.set_random_seed(1)
    model = network.build(params.Network.model_validate(options), 40)
    for layer in model.layers:  # brightness is the only evidence
        layer.set_weights([np.abs(weights) + 0.01 for weights in layer.get_weights()])
    files = []
    for name, rows in (("upper", slice(0, 16)), ("lower", slice(24, 40))):
        pixels = np.zeros((40, 40, 3), np.uint8)
        pixels[rows] = 255
        files.append(tmp_path / f"{name}.png")
        Image.fromarray(pixels).save(files[-1])
    maps = attention.maps(model, files)
    np.testing.assert_allclose(maps.sum(axis=(1, 2)), 1, rtol=1e-5)
    upper, lower = (attention.lower_half(maps[number : number + 1]) for number in range(2))
    assert upper < 0.4
    assert lower > 0.6


def test_the_middle_row_counts_half() -> None:
    assert attention.lower_half(np.full((2, 5, 5), 0.04, np.float32)) == pytest.approx(0.5)
    assert attention.lower_half(np.zeros((2, 5, 5), np.float32)) == 0.0
    assert attention.lower_half(np.zeros((0, 5, 5), np.float32)) == 0.0


def test_a_picture_of_attention_is_dark_where_there_is_none(tmp_path: Path) -> None:
    file = tmp_path / "grey.png"
    Image.new("RGB", (SIDE, SIDE), (120, 120, 120)).save(file)
    row = {"path": "grey", "label": "bare", "predicted": "bare", "probability": 0.9}
    heat = np.zeros((1, 4, 4), np.float32)
    heat[0, 3] = 0.25
    sheet = np.asarray(galleries.attention("test", pd.DataFrame([row]), [file], heat).convert("L"))
    lit, dark = (np.abs(sheet.astype(int) - level) < 4 for level in (120, 24))
    assert min(lit.sum(), dark.sum()) > 1000
    assert np.nonzero(lit)[0].mean() > np.nonzero(dark)[0].mean()
