"""The section `train.augmentation`."""

from typing import Annotated, Any, Literal

from pydantic import Field

from facemask.params.base import Section, UnitInterval


class Framing(Section):
    """How closely a face is framed; shares of the images, and shares of a side."""

    wider: UnitInterval
    least_face: Annotated[float, Field(gt=0, le=1)]
    tighter: UnitInterval
    most_cut: Annotated[float, Field(ge=0, lt=0.5)]
    transplant: UnitInterval


class Exposure(Section):
    """How much light falls in: for a share of the images, a factor, and a gamma."""

    share: UnitInterval
    least: Annotated[float, Field(gt=0, le=1)]
    most: Annotated[float, Field(ge=1, le=16)]
    gamma: UnitInterval


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
    framing: Framing
    exposure: Exposure
    side_light: UnitInterval
    haze: UnitInterval
    motion: Annotated[float, Field(ge=0, le=32)]
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

    def mild(self) -> "Augmentation":
        """Return the same without what changes an image most, and with half of the rotation."""
        off: dict[str, Any] = {"side_light": 0, "haze": 0, "motion": 0}
        off["rotation"] = self.rotation / 2
        off["framing"] = self.framing.model_copy(update={"wider": 0, "tighter": 0, "transplant": 0})
        off["exposure"] = self.exposure.model_copy(update={"share": 0})
        return self.model_copy(update=off)
