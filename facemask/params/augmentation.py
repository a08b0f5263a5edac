"""The section `train.augmentation`."""

from typing import Annotated, Literal

from pydantic import Field

from facemask.params.base import Section, UnitInterval

Strength = Annotated[float, Field(ge=0, le=2)]
"""0 disables a group of changes. 2 applies it to twice as many images as 1."""


class Augmentation(Section):
    """Random changes of the training images.

    Rotation, shift, zoom and shear are drawn uniformly from -value to +value. Each strength belongs
    to the module of `facemask.augmentation` with the same name.
    """

    rotation: Annotated[float, Field(ge=0, le=180)]
    shift: UnitInterval
    zoom: Annotated[float, Field(ge=0, lt=1)]
    shear: Annotated[float, Field(ge=0, lt=90)]
    horizontal_flip: bool
    fill: Annotated[list[Literal["nearest", "reflect", "constant"]], Field(min_length=1)]
    framing: Strength
    light: Strength
    colour: Strength
    content: Strength
    quality: Strength
