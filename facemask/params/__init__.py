"""`params.yaml` as typed, validated sections, one a stage."""

import re
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
        smallest = self.train.network.smallest_input()
        if self.resize.size < smallest:
            blocks = len(self.train.network.filters)
            raise PydanticCustomError(
                "too_small",
                "resize.size = {size}: should be at least {smallest} for the {blocks} blocks of "
                "train.network.filters",
                {"size": self.resize.size, "smallest": smallest, "blocks": blocks},
            )
        share = self.train.progressive_resizing
        if share and self.train.network.head == "flatten":
            raise PydanticCustomError(
                "unfit",
                "train.progressive_resizing = {share}: should be 0 for train.network.head = "
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
                "ingest.sha256: is for an https:// or s3:// address; "
                "ingest.source = {source} is not one",
                {"source": self.ingest.source},
            )
        if self.split.validation + self.split.test >= 1:
            raise PydanticCustomError(
                "unfit",
                "split.test = {test}: should leave a share for training beside split.validation = "
                "{validation}",
                {"test": self.split.test, "validation": self.split.validation},
            )
        if self.split.fold >= (self.split.folds or 1):
            raise PydanticCustomError(
                "unfit",
                "split.fold = {fold}: should be below split.folds = {folds}, or 0 where that is "
                "null",
                {"fold": self.split.fold, "folds": self.split.folds or "null"},
            )
        if self.split.folds and self.split.strategy == "predefined":
            raise PydanticCustomError(
                "unfit",
                "split.folds = {folds}: should be null for split.strategy = predefined",
                {"folds": self.split.folds},
            )
        return self


def load(path: Path) -> Params:
    """Read and validate a parameter file.

    Raises:
        UserError: the file is missing or not YAML, or a key or value is not allowed; names each
            such key, the value found and what is allowed.
    """
    try:
        values = YAML(typ="safe").load(path.read_text(encoding="utf-8"))  # as DVC writes it
        return Params.model_validate(values)
    except (OSError, UnicodeDecodeError, YAMLError) as error:
        raise UserError(f"{path}: {error}") from error
    except ValidationError as error:
        faults = "; ".join(_explain(fault) for fault in error.errors())
        raise UserError(f"{path}: {faults}") from error


TYPE = re.compile(r"bool$|list\[|literal\[|\[key\]$")
"""Parts of a location that pydantic adds for the types of a union, and for keys of a mapping."""


def _explain(fault: Any) -> str:
    key = ".".join(str(part) for part in fault["loc"] if not TYPE.match(str(part)))
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
