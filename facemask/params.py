"""`params.yaml` as typed, validated sections, one a stage."""

import re
from pathlib import Path
from typing import Annotated, Any, Literal

import yaml
from pydantic import AfterValidator, BaseModel, ConfigDict, Field, ValidationError, model_validator
from pydantic_core import PydanticCustomError

from facemask.errors import UserError

Share = Annotated[float, Field(gt=0, lt=1)]
UnitInterval = Annotated[float, Field(ge=0, le=1)]
ClassName = Annotated[str, Field(pattern=r"^\w")]
Positive = Annotated[int, Field(ge=1)]
Variant = Literal["float32", "float16", "dynamic_range", "int8"]

NO_EXTERNAL = "data/none"
"""`ingest.external` when there is no external test set: DVC wants a path that is there."""


class Section(BaseModel):
    """A part of params.yaml: no unknown key, no silent conversion, no change after loading."""

    model_config = ConfigDict(extra="forbid", strict=True, frozen=True)


class Ingest(Section):
    """Where the labelled images come from, and which of them are fit to learn from."""

    source: Annotated[str, Field(min_length=1)]
    external: Annotated[str, Field(min_length=1)]
    sha256: Annotated[str, Field(pattern="^[0-9a-f]{64}$")] | None
    classes: Annotated[list[ClassName], Field(min_length=2, max_length=2)] | None
    min_side: Positive
    max_aspect_ratio: Annotated[float, Field(ge=1)]
    min_contrast: Annotated[float, Field(ge=0, le=127.5)]
    max_quarantined_share: UnitInterval


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
    group_pattern: Annotated[str, AfterValidator(_with_one_capture)] | None


class Network(Section):
    """The layers: filters of each convolution block, and what comes behind them."""

    filters: Annotated[list[Positive], Field(min_length=1)]
    batch_norm: bool
    dropout: Annotated[float, Field(ge=0, lt=1)]
    head: Literal["flatten", "average", "max"]
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


class Augmentation(Section):
    """How a training image is changed at random, each time that it is seen.

    Strengths are the largest change, drawn evenly from -value to +value; shares say how many of the
    images a change befalls.
    """

    rotation: Annotated[float, Field(ge=0, le=180)]
    shift: UnitInterval
    zoom: Annotated[float, Field(ge=0, lt=1)]
    shear: Annotated[float, Field(ge=0, lt=90)]
    horizontal_flip: bool
    fill: Annotated[list[Literal["nearest", "reflect", "constant"]], Field(min_length=1)]
    swap: UnitInterval
    recolour: UnitInterval
    hue: Annotated[float, Field(ge=0, le=180)]
    saturation: UnitInterval
    greyscale: UnitInterval
    brightness: Annotated[float, Field(ge=0, lt=1)]
    contrast: Annotated[float, Field(ge=0, lt=1)]
    warmth: Annotated[float, Field(ge=0, lt=1)]
    cutout: UnitInterval
    resolution: Annotated[float, Field(gt=0, le=1)]
    blur: Annotated[float, Field(ge=0, le=16)]
    noise: Annotated[float, Field(ge=0, le=128)]
    jpeg: Annotated[int, Field(ge=1, le=100)]


class ProgressiveResizing(Section):
    """Smaller images in the first epochs."""

    scale: Annotated[float, Field(gt=0, le=1)]
    share: Annotated[float, Field(ge=0, lt=1)]


class Train(Section):
    """The network, its augmentation and how it is trained."""

    epochs: Positive
    progressive_resizing: ProgressiveResizing
    batch_size: Positive
    precision: Literal["auto", "mixed_bfloat16", "float32"]
    learning_rate: Annotated[float, Field(gt=0)]
    schedule: Literal["constant", "one_cycle"]
    weight_decay: UnitInterval
    ema_momentum: Annotated[float, Field(ge=0, lt=1)]
    keep: Literal["best", "last"]
    stop_at_accuracy: UnitInterval | None
    calibrate: bool
    weight_by_group: bool
    network: Network
    augmentation: Augmentation


class Evaluate(Section):
    """How the model is measured."""

    threshold: Share
    recall: Annotated[float, Field(gt=0, le=1)] | None
    worst_mistakes: Annotated[int, Field(ge=1, le=200)]


def _distinct(names: list[str]) -> list[str]:
    if len(set(names)) < len(names):
        raise PydanticCustomError("twice", "should name each variant once")
    return names


class Crop(Section):
    """The square around a found face that the model is shown, as its training images are cropped.

    Attributes:
        scale: its side, in sides of the face's box.
        up: how far its centre lies above the box's, in its own sides.
    """

    scale: Annotated[float, Field(gt=0, le=4)]
    up: Annotated[float, Field(ge=-1, le=1)]


class ExportTflite(Section):
    """Which TFLite files are made, which one ships, and how far it may be from the Keras model."""

    variants: Annotated[list[Variant], Field(min_length=1), AfterValidator(_distinct)]
    ship: Literal["smallest"] | Variant
    calibration_images: Positive
    max_accuracy_loss: UnitInterval
    max_changed_decisions: UnitInterval
    max_probability_difference: UnitInterval
    latency_runs: Positive
    crop: Crop
    author: str


class Params(Section):
    """The whole of params.yaml."""

    seed: Annotated[int, Field(ge=0, lt=2**31)]
    ingest: Ingest
    resize: Resize
    split: Split
    train: Train
    evaluate: Evaluate
    export_tflite: ExportTflite

    @model_validator(mode="after")
    def _fit_together(self) -> "Params":
        if self.ingest.classes and len(set(self.ingest.classes)) < 2:
            raise PydanticCustomError(
                "unfit",
                "ingest.classes = {classes}: should name two different classes",
                {"classes": self.ingest.classes},
            )
        smallest = self.train.network.smallest_input()
        if self.resize.size < smallest:
            blocks = len(self.train.network.filters)
            raise PydanticCustomError(
                "too_small",
                "resize.size = {size}: should be at least {smallest} for the {blocks} blocks of "
                "train.network.filters",
                {"size": self.resize.size, "smallest": smallest, "blocks": blocks},
            )
        share = self.train.progressive_resizing.share
        if share and self.train.network.head == "flatten":
            raise PydanticCustomError(
                "unfit",
                "train.progressive_resizing.share = {share}: should be 0 for train.network.head = "
                "flatten, which fits one size",
                {"share": share},
            )
        if self.export_tflite.ship not in ("smallest", *self.export_tflite.variants):
            raise PydanticCustomError(
                "unfit",
                "export_tflite.ship = {ship}: should be smallest or one of export_tflite.variants",
                {"ship": self.export_tflite.ship},
            )
        if self.ingest.sha256 and "://" not in self.ingest.source:
            raise PydanticCustomError(
                "unfit",
                "ingest.sha256: is for an https:// address; ingest.source = {source} is not one",
                {"source": self.ingest.source},
            )
        if self.split.validation + self.split.test >= 1:
            raise PydanticCustomError(
                "unfit",
                "split.test = {test}: should leave a share for training beside split.validation = "
                "{validation}",
                {"test": self.split.test, "validation": self.split.validation},
            )
        return self


def load(path: Path) -> Params:
    """Read and validate a parameter file.

    Raises:
        UserError: the file is missing or not YAML, or a key or value is not allowed; names each
            such key, the value found and what is allowed.
    """
    try:
        return Params.model_validate(yaml.safe_load(path.read_text(encoding="utf-8")))
    except (OSError, UnicodeDecodeError, yaml.YAMLError) as error:
        raise UserError(f"{path}: {error}") from error
    except ValidationError as error:
        faults = "; ".join(_explain(fault) for fault in error.errors())
        raise UserError(f"{path}: {faults}") from error


def _explain(fault: Any) -> str:
    key = ".".join(str(part) for part in fault["loc"])
    match fault["type"]:
        case "too_small" | "unfit":
            return str(fault["msg"])
        case "extra_forbidden":
            return f"{key} = {fault['input']!r}: unknown key, allowed are {_siblings(fault['loc'])}"
        case "missing":
            return f"{key}: missing"
    return f"{key} = {fault['input']!r}: {fault['msg'].lower()}"


def _siblings(location: tuple[str | int, ...]) -> str:
    section: Any = Params
    for part in location[:-1]:
        section = section.model_fields[part].annotation
    return ", ".join(section.model_fields)
