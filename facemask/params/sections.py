"""The sections of params.yaml."""

import re
import unicodedata
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, BeforeValidator, Field
from pydantic_core import PydanticCustomError

from facemask.params.augmentation import Augmentation
from facemask.params.base import Positive, Section, Share, UnitInterval

ClassName = Annotated[
    str, Field(pattern=r"^\w"), AfterValidator(lambda name: unicodedata.normalize("NFC", name))
]
Variant = Literal["float32", "float16", "dynamic_range", "int8"]

SCRATCH = "scratch"
"""Value of `train.start` for random weights.

`train.start` is a dependency in dvc.yaml. So DVC needs a file of this name.
"""

IGNORE = "ignore"
"""Key of `ingest.classes` for the classes whose images are not used."""


def _as_mapping(classes: Any) -> Any:
    """Turn a list of class names into a mapping like `Classes`."""
    if not isinstance(classes, list):
        return classes
    return {name: [] for name in classes if isinstance(name, str)}


def _of_two_classes(classes: dict[str, list[str]]) -> dict[str, list[str]]:
    if len(classes.keys() - {IGNORE}) != 2:
        raise PydanticCustomError("classes", "should name exactly two different classes")
    names = [*classes, *(name for names in classes.values() for name in names)]
    repeated = sorted({name for name in names if names.count(name) > 1})
    if repeated:
        why = {"name": repeated[0]}
        message = "should contain the name '{name}' once, not several times"
        raise PydanticCustomError("classes", message, why)
    return classes


Classes = Annotated[
    dict[ClassName, list[ClassName]], BeforeValidator(_as_mapping), AfterValidator(_of_two_classes)
]
"""Maps each class to the other names that sources use for it."""


class Ingest(Section):
    """The sources of the images, how they are read, and which images are refused.

    Attributes:
        classes: maps each class to the other names that sources use for it. The key `IGNORE` lists
            the names whose images are not used.
        crop_faces: whether the photos of all sources are cropped to their main face. If this is a
            list, only the photos of the sources in the list are cropped.
    """

    source: Annotated[str, Field(min_length=1)]
    external: Annotated[str, Field(min_length=1)] | None
    photos: Annotated[str, Field(min_length=1)] | None
    sha256: Annotated[str, Field(pattern="^[0-9a-f]{64}$")] | None
    classes: Classes | None
    min_side: Positive
    max_quarantined_share: UnitInterval
    crop_faces: bool | list[str]

    @property
    def names(self) -> dict[str, str] | None:
        """Maps each name in the sources to its class, or to "" if it is ignored."""
        if self.classes is None:
            return None
        names: dict[str, str] = {}
        for label, others in self.classes.items():
            meaning = "" if label == IGNORE else label
            names |= dict.fromkeys([label, *others], meaning)
        return names

    def crops(self, source: str) -> bool:
        """Return whether the photos of a source are cropped to their main face."""
        if isinstance(self.crop_faces, bool):
            return self.crop_faces
        return source in self.crop_faces


class Resize(Section):
    """The size of the network's input."""

    size: Annotated[int, Field(ge=1, le=1024)]


def _with_one_capture(pattern: str) -> str:
    try:
        captures = re.compile(pattern).groups
    except (re.error, OverflowError, RecursionError) as error:
        why = {"why": str(error)}
        raise PydanticCustomError("pattern", "not a regular expression: {why}", why) from None
    if captures != 1:
        raise PydanticCustomError("pattern", "should be a regular expression with one capture")
    return pattern


class Split(Section):
    """How the images are divided into training, validation and test."""

    strategy: Literal["grouped", "random", "predefined"]
    validation: Share
    test: Annotated[float, Field(ge=0, lt=1)]
    folds: Annotated[int, Field(ge=2)] | None
    fold: Annotated[int, Field(ge=0)]
    group_pattern: Annotated[str, AfterValidator(_with_one_capture)] | None


class Network(Section):
    """The layers of the network."""

    standardize: bool
    filters: Annotated[list[Positive], Field(min_length=1)]
    batch_norm: bool
    dropout: Annotated[float, Field(ge=0, lt=1)]
    head: Literal["flatten", "average"]
    dense: Positive
    initializer: Literal["glorot_uniform", "he_normal"]

    def smallest_input(self) -> int:
        """Return the smallest side of the input in pixels.

        With this side, the output of the last block has 1 x 1 pixel. In each block, a 3x3 valid
        convolution removes 2 pixels from the side, and a 2x2 max-pooling halves the rest.
        """
        side = 1
        for _ in self.filters:
            side = 2 * side + 2
        return side


class Train(Section):
    """The network, its augmentation and how it is trained."""

    start: Annotated[str, Field(pattern=r"^scratch$|\.keras$")]
    epochs: Positive
    fine_tuning_epochs: Annotated[int, Field(ge=0)]
    progressive_resizing: Annotated[float, Field(ge=0, lt=1)]
    min_steps: Annotated[int, Field(ge=0)]
    batch_size: Positive
    balance: UnitInterval
    precision: Literal["auto", "mixed_float16", "mixed_bfloat16", "float32"]
    optimizer: Literal["adamw", "adam"]
    learning_rate: Annotated[float, Field(gt=0)]
    calibrate: bool
    network: Network
    augmentation: Augmentation


class Evaluate(Section):
    """How the threshold is chosen."""

    threshold: Share
    recall: Annotated[float, Field(gt=0, le=1)] | None


def _distinct(names: list[str]) -> list[str]:
    if len(set(names)) < len(names):
        raise PydanticCustomError("twice", "should name each variant once")
    return names


class Crop(Section):
    """The square that is cut out around a face.

    Attributes:
        scale: side of the square, divided by the mean of the width and height of the face's box.
        up: height of the square's centre above the box's centre, divided by the square's side.
    """

    scale: Annotated[float, Field(gt=0, le=4)]
    up: Annotated[float, Field(ge=-1, le=1)]


class ExportTflite(Section):
    """The TFLite variants, and the limits on their difference from the Keras model."""

    variants: Annotated[list[Variant], Field(min_length=1), AfterValidator(_distinct)]
    ship: Literal["smallest"] | Variant
    max_accuracy_loss: UnitInterval
    max_changed_decisions: UnitInterval
    author: str
