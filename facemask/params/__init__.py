"""params.yaml as typed and validated objects."""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Annotated, Any

from pydantic import Field, ValidationError, model_validator
from pydantic_core import PydanticCustomError
from ruamel.yaml import YAML
from ruamel.yaml.error import YAMLError

from facemask.errors import UserError
from facemask.params.augmentation import Augmentation
from facemask.params.base import Section
from facemask.params.sections import (
    IGNORE,
    SCRATCH,
    Crop,
    Evaluate,
    ExportTflite,
    Ingest,
    Network,
    Resize,
    Split,
    Train,
    Variant,
)

__all__ = [
    "IGNORE",
    "SCRATCH",
    "Augmentation",
    "Crop",
    "Evaluate",
    "ExportTflite",
    "Ingest",
    "Network",
    "Params",
    "Resize",
    "Split",
    "Train",
    "Variant",
    "load",
]


class Params(Section):
    """The whole of params.yaml."""

    seed: Annotated[int, Field(ge=0, lt=2**31)]
    crop: Crop
    ingest: Ingest
    resize: Resize
    split: Split
    train: Train
    evaluate: Evaluate
    export_tflite: ExportTflite

    @model_validator(mode="after")
    def _fit_together(self) -> "Params":
        misfits = "; ".join([*_misfits_of_network(self), *_misfits_of_data(self)])
        if misfits:
            raise PydanticCustomError("misfit", "{misfits}", {"misfits": misfits})
        return self


def _misfits_of_network(values: Params) -> Iterator[str]:
    """Yield a message for each contradiction between parameters of the model."""
    network = values.train.network
    size = values.resize.size
    smallest = network.smallest_input()
    if size < smallest:
        yield (
            f"resize.size = {size}: should be at least {smallest} for the {len(network.filters)} "
            "blocks of train.network.filters"
        )
    share = values.train.progressive_resizing
    if share and network.head == "flatten":
        yield (
            f"train.progressive_resizing = {share}: should be 0 for train.network.head = flatten, "
            "which fits one size"
        )
    ship = values.export_tflite.ship
    if ship not in ("smallest", *values.export_tflite.variants):
        yield (f"export_tflite.ship = {ship}: should be smallest or one of export_tflite.variants")


def _misfits_of_data(values: Params) -> Iterator[str]:
    """Yield a message for each contradiction between parameters of the data."""
    source = values.ingest.source
    split = values.split
    if values.ingest.sha256 and "://" not in source:
        yield (
            "ingest.sha256: is for an https:// or s3:// address; "
            f"ingest.source = {source} is not one"
        )
    if split.validation + split.test >= 1:
        yield (
            f"split.test = {split.test}: should leave a share for training beside "
            f"split.validation = {split.validation}"
        )
    if split.fold >= (split.folds or 1):
        folds = split.folds or "null"
        yield f"split.fold = {split.fold}: should be below split.folds = {folds}, or 0 for null"
    if split.folds and split.strategy == "predefined":
        yield f"split.folds = {split.folds}: should be null for split.strategy = predefined"


def load(path: Path) -> Params:
    """Read and validate a parameter file.

    Raises:
        UserError: the file is missing or not YAML, or has wrong values. The message names
            each wrong key, its value and what is allowed.
    """
    try:
        values = YAML(typ="safe").load(path.read_text(encoding="utf-8"))  # DVC uses ruamel, too
        return Params.model_validate(values)
    except (OSError, UnicodeDecodeError, YAMLError) as error:
        raise UserError(f"{path}: {error}") from error
    except ValidationError as error:
        faults = "; ".join(_explain(fault) for fault in error.errors())
        raise UserError(f"{path}: {faults}") from error


TYPE = re.compile(r"bool$|list\[|literal\[|\[key\]$")
"""Parts that pydantic adds to the location of an error, and that are no keys of params.yaml."""


def _explain(fault: Any) -> str:
    key = ".".join(str(part) for part in fault["loc"] if not TYPE.match(str(part)))
    match fault["type"]:
        case "misfit":
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
