"""TFLite metadata inside a model file, for the tools that read the standard.

The tables are those of `metadata_schema.fbs` of TFLite Support, written by the slots of their
fields, since no maintained package without a framework of its own has code for them.
"""

from collections.abc import Mapping, Sequence

import flatbuffers
import numpy as np
from ai_edge_litert import schema_py_generated as schema

from facemask.inference.contract import CONTRACT, LABELS, Contract

NAME = b"TFLITE_METADATA"
"""Of the buffer that holds it."""

RUNTIME = b"min_runtime_version"
"""Of the buffer in which the converter tells what runtime a model needs."""

DESCRIPTIONS, TENSOR_VALUE_LABELS = 1, 3
"""AssociatedFileType."""

IMAGE_PROPERTIES, NORMALIZATION_OPTIONS, RGB = 2, 1, 1
"""Members of the unions ContentProperties and ProcessUnitOptions; ColorSpaceType."""


def minimum_runtime(model: bytes) -> str:
    """Return the oldest version of the TFLite runtime that has a model's operators, such as 2.4.0.

    The converter writes it, from the versions of the operators that it made.
    """
    content = schema.ModelT.InitFromObj(schema.Model.GetRootAs(model))
    buffers = {entry.name: content.buffers[entry.buffer].data for entry in content.metadata}
    return bytes(buffers[RUNTIME]).rstrip(b"\0").decode()


def embed(model: bytes, contract: Contract) -> bytes:
    """Write metadata into a TFLite model that has none yet."""
    content = schema.ModelT.InitFromObj(schema.Model.GetRootAs(model))
    buffer = schema.BufferT()
    buffer.data = np.frombuffer(_describe(contract), np.uint8)
    entry = schema.MetadataT()
    entry.name, entry.buffer = NAME, len(content.buffers)
    content.buffers.append(buffer)
    content.metadata = [*(content.metadata or []), entry]
    builder = flatbuffers.Builder(len(model))
    builder.Finish(content.Pack(builder), b"TFL3")
    return bytes(builder.Output())


def _describe(contract: Contract) -> bytes:
    """Return the flatbuffer ModelMetadata."""
    builder = _Builder()
    side = contract.input["side"]
    size = builder.table({0: np.uint32(side), 1: np.uint32(side)})
    image = builder.table({0: np.int8(RGB), 1: size})
    properties = builder.table({0: np.uint8(IMAGE_PROPERTIES), 1: image})
    as_it_is = builder.table({0: builder.floats([0.0]), 1: builder.floats([1.0])})  # mean, std
    normalization = builder.table({0: np.uint8(NORMALIZATION_OPTIONS), 1: as_it_is})
    image_input = builder.table(
        {
            0: builder.text("image"),
            1: builder.text(
                f"A crop of one face, 8-bit RGB 0-255, stretched to {side} x {side} pixels with an "
                f"antialiased {contract.input['resize']['filter']} filter; scaling is inside."
            ),
            3: properties,
            4: builder.list([normalization]),
            5: builder.table({0: builder.floats([255.0]), 1: builder.floats([0.0])}),
        }
    )
    labels = builder.file(LABELS, "names of the values 0 and 1", TENSOR_VALUE_LABELS)
    probability = builder.table(
        {
            0: builder.text("probability"),
            1: builder.text(
                f"Probability of {contract.labels[1]}, which is predicted from "
                f"{contract.threshold} on; else it is {contract.labels[0]}."
            ),
            5: builder.table({0: builder.floats([1.0]), 1: builder.floats([0.0])}),
            6: builder.list([labels]),
        }
    )
    graph = builder.table({2: builder.list([image_input]), 3: builder.list([probability])})
    description = builder.file(CONTRACT, "what this says and more, as JSON", DESCRIPTIONS)
    fields = {
        0: builder.text(contract.name),
        1: builder.text(f"Tells {' from '.join(contract.labels)} on a crop of one face."),
        2: builder.text(contract.version),
        3: builder.list([graph]),
        4: builder.text(contract.author),
        6: builder.list([description]),
        7: builder.text("1.0.0"),
    }
    builder.flat.Finish(builder.table(fields), b"M001")
    return bytes(builder.flat.Output())


class _Offset(int):
    """Where a table, text or list begins."""


class _Builder:
    """Builds flatbuffers from the leaves up."""

    def __init__(self) -> None:
        self.flat = flatbuffers.Builder()

    def table(self, fields: Mapping[int, _Offset | np.generic]) -> _Offset:
        """Write a table: its slots with the offsets and numbers in them."""
        self.flat.StartObject(max(fields) + 1)
        for slot, value in fields.items():
            if isinstance(value, _Offset):
                self.flat.PrependUOffsetTRelativeSlot(slot, value, 0)
            else:
                prepend = {1: "Int8", 4: "Uint32"}[value.itemsize]
                getattr(self.flat, f"Prepend{prepend}Slot")(slot, int(value), 0)
        return _Offset(self.flat.EndObject())

    def file(self, name: str, description: str, kind: int) -> _Offset:
        """Write an AssociatedFile."""
        return self.table({0: self.text(name), 1: self.text(description), 2: np.int8(kind)})

    def text(self, text: str) -> _Offset:
        return _Offset(self.flat.CreateString(text))

    def floats(self, values: Sequence[float]) -> _Offset:
        return _Offset(self.flat.CreateNumpyVector(np.array(values, np.float32)))

    def list(self, offsets: Sequence[_Offset]) -> _Offset:
        self.flat.StartVector(4, len(offsets), 4)
        for offset in reversed(offsets):
            self.flat.PrependUOffsetTRelative(offset)
        return _Offset(self.flat.EndVector())
