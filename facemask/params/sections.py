"""The sections of params.yaml, one a stage."""

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
"""`train.start` for drawn weights; a file of this name is there for DVC."""


IGNORE = "ignore"
"""The key of `ingest.classes` under which names are left out."""


def _as_mapping(classes: Any) -> Any:
    """Return two class names as a mapping in which each class has its own name alone."""
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
        raise PydanticCustomError("classes", "should have the name '{name}' once", why)
    return classes


Classes = Annotated[
    dict[ClassName, list[ClassName]], BeforeValidator(_as_mapping), AfterValidator(_of_two_classes)
]
"""Other names of each class in the sources."""


class Ingest(Section):
    """Where the labelled images come from, and which of them are fit to learn from.

    Attributes:
        classes: for each class the names that sources give it besides its own; under `IGNORE` the
            names that are left out.
        crop_faces: whether photos are cropped to their face, or the names of such sources.
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
        """The class of each name in the sources, empty where it is left out; null as `classes`."""
        if self.classes is None:
            return None
        names: dict[str, str] = {}
        for label, others in self.classes.items():
            meaning = "" if label == IGNORE else label
            names |= dict.fromkeys([label, *others], meaning)
        return names

    def crops(self, source: str) -> bool:
        """Return whether photos of the source of this name are cropped to their face."""
        if isinstance(self.crop_faces, bool):
            return self.crop_faces
        return source in self.crop_faces


class Resize(Section):
    """The network's input: `size` x `size` pixels."""

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
    """How much of each class is kept for validation and test, and what must stay together."""

    strategy: Literal["grouped", "random", "predefined"]
    validation: Share
    test: Annotated[float, Field(ge=0, lt=1)]
    folds: Annotated[int, Field(ge=2)] | None
    fold: Annotated[int, Field(ge=0)]
    group_pattern: Annotated[str, AfterValidator(_with_one_capture)] | None


class Network(Section):
    """The layers: filters of each convolution block, and what comes behind them."""

    standardize: bool
    filters: Annotated[list[Positive], Field(min_length=1)]
    batch_norm: bool
    dropout: Annotated[float, Field(ge=0, lt=1)]
    head: Literal["flatten", "average"]
    dense: Positive
    initializer: Literal["glorot_uniform", "he_normal"]

    def smallest_input(self) -> int:
        """Side in pixels that leaves one value a channel after the last block.

        A block is a 3x3 valid convolution (2 pixels less) and a 2x2 max-pooling (half, rounded
        down).
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
    """How the model is measured."""

    threshold: Share
    recall: Annotated[float, Field(gt=0, le=1)] | None


def _distinct(names: list[str]) -> list[str]:
    if len(set(names)) < len(names):
        raise PydanticCustomError("twice", "should name each variant once")
    return names


class Crop(Section):
    """The square that is cut out around a face.

    Attributes:
        scale: side of the square / side of the face's box.
        up: how far the square's centre lies above the box's, as a share of the square's side.
    """

    scale: Annotated[float, Field(gt=0, le=4)]
    up: Annotated[float, Field(ge=-1, le=1)]


class ExportTflite(Section):
    """Which TFLite files are made, which one ships, and how far it may be from the Keras model."""

    variants: Annotated[list[Variant], Field(min_length=1), AfterValidator(_distinct)]
    ship: Literal["smallest"] | Variant
    max_accuracy_loss: UnitInterval
    max_changed_decisions: UnitInterval
    author: str
