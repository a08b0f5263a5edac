"""The section `train.augmentation`."""

from typing import Annotated, Literal

from pydantic import Field

from facemask.params.base import Section, UnitInterval

Strength = Annotated[float, Field(ge=0, le=2)]
"""0 disables a group of changes; 2 changes twice as many images as 1."""


class Augmentation(Section):
    """How a training image is changed at random, each time that it is shown.

    The geometric changes are drawn evenly from -value to +value. The strengths at the end belong to
    the modules of `facemask.augmentation`, which say what each of them changes.
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
