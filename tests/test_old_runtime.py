"""Every variant in the last `tflite-runtime` of PyPI, which guides for small computers install."""

import subprocess
import sys
import venv
from pathlib import Path
from typing import get_args

import numpy as np
import pandas as pd
import pytest

from facemask import params
from facemask.store.pixels import Pixels
from tests.helpers import environment

pytestmark = pytest.mark.skipif(
    sys.version_info[:2] > (3, 11), reason="tflite-runtime ends at Python 3.11"
)

ASK = """
import sys, numpy as np
from tflite_runtime.interpreter import Interpreter
images = np.load(sys.argv[1])
for file in sys.argv[2:]:
    interpreter = Interpreter(file)
    interpreter.allocate_tensors()
    [taken], [given] = interpreter.get_input_details(), interpreter.get_output_details()
    for image in images:
        interpreter.set_tensor(taken["index"], image[np.newaxis])
        interpreter.invoke()
        print(interpreter.get_tensor(given["index"])[0, 0])
"""

IMAGES = 100


@pytest.fixture(scope="module")
def old_python(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A Python that has tflite-runtime 2.14.0 and none of our packages."""
    folder = tmp_path_factory.mktemp("old")
    venv.create(folder, with_pip=True)
    python = folder / "bin/python"
    wanted = ["tflite-runtime==2.14.0", "numpy==1.26.4"]
    subprocess.run([python, "-m", "pip", "install", "--quiet", *wanted], check=True)
    return python


def test_every_variant_decides_there_as_here(demo: Path, old_python: Path, tmp_path: Path) -> None:
    rows = pd.read_csv(demo / "data/exported.csv")
    rows = rows[rows["split"] == "validation"].head(IMAGES)
    np.save(
        tmp_path / "images.npy", Pixels(demo / "data/resized/collection")[rows["row"].to_numpy()]
    )
    files = sorted((demo / "models/variants").glob("*.tflite"))
    assert [file.stem for file in files] == sorted(get_args(params.Variant))
    command = [str(part) for part in (old_python, "-c", ASK, tmp_path / "images.npy", *files)]
    done = subprocess.run(command, capture_output=True, text=True, env=environment())
    assert done.returncode == 0, done.stderr
    answers = np.array(done.stdout.split(), float).reshape(len(files), len(rows))
    for file, there in zip(files, answers, strict=True):
        here = rows[file.stem].to_numpy()
        steps = 4 if file.stem == "int8" else 1  # whose probabilities are multiples of 1/256
        np.testing.assert_allclose(there, here, atol=0.01 + 0.01 * steps)
        differs = (there >= 0.5) != (here >= 0.5)
        assert not differs[np.abs(here - 0.5) > 0.01 * steps].any()
