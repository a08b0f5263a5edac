"""TFLite metadata inside a model file, for tools that read the standard.

Here the tables of `metadata_schema.fbs` (TFLite Support) are written by the slots of their fields.
No maintained package has code for them without a framework of its own.
"""

from collections.abc import Mapping, Sequence

import flatbuffers
import numpy as np
from ai_edge_litert import schema_py_generated as schema

from facemask.inference.contract import CONTRACT, LABELS, Contract

NAME = b"TFLITE_METADATA"
"""Name of the buffer that holds the metadata."""

RUNTIME = b"min_runtime_version"
"""Name of the buffer in which the converter writes the runtime that a model needs."""

DESCRIPTIONS = 1
TENSOR_AXIS_LABELS = 2
"""Members of AssociatedFileType."""

IMAGE_PROPERTIES = 2
"""Member of the union ContentProperties."""

NORMALIZATION_OPTIONS = 1
"""Member of the union ProcessUnitOptions."""

RGB = 1
"""Member of ColorSpaceType."""


def minimum_runtime(model: bytes) -> str:
    """Return the oldest TFLite runtime that has a model's operators, such as 2.4.0.

    The converter writes it, from the versions of the operators that it used.
    """
    content = schema.ModelT.InitFromObj(schema.Model.GetRootAs(model))
    buffers = {entry.name: content.buffers[entry.buffer].data for entry in content.metadata}
    return bytes(buffers[RUNTIME]).rstrip(b"\0").decode()


def embed(model: bytes, contract: Contract) -> bytes:
    """Write metadata into a TFLite model that has none yet."""
    content = schema.ModelT.InitFromObj(schema.Model.GetRootAs(model))
    entry = schema.MetadataT()
    entry.name = NAME
    entry.buffer = len(content.buffers)
    buffer = schema.BufferT()
    buffer.data = np.frombuffer(_model(contract), np.uint8)
    content.buffers.append(buffer)
    content.metadata = [*(content.metadata or []), entry]
    builder = flatbuffers.Builder(len(model))
    builder.Finish(content.Pack(builder), b"TFL3")
    return bytes(builder.Output())


def _model(contract: Contract) -> bytes:
    """Return the flatbuffer ModelMetadata."""
    builder = _Builder()
    image = _image(builder, contract)
    probabilities = _probabilities(builder, contract)
    graph = builder.table({2: builder.list([image]), 3: builder.list([probabilities])})
    description = builder.file(CONTRACT, "the contract: all of this and more", DESCRIPTIONS)
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


def _image(builder: "_Builder", contract: Contract) -> "_Offset":
    """Write the TensorMetadata of the input."""
    side = contract.input["side"]
    size = builder.table({0: np.uint32(side), 1: np.uint32(side)})
    image = builder.table({0: np.int8(RGB), 1: size})
    properties = builder.table({0: np.uint8(IMAGE_PROPERTIES), 1: image})
    mean_and_deviation = {0: builder.floats([0.0]), 1: builder.floats([1.0])}
    options = builder.table(mean_and_deviation)
    normalization = builder.table({0: np.uint8(NORMALIZATION_OPTIONS), 1: options})
    description = (
        f"A crop of one face, 8-bit RGB 0-255, stretched to {side} x {side} pixels with an "
        f"antialiased {contract.input['resize']['filter']} filter; scaling is inside."
    )
    fields = {
        0: builder.text("image"),
        1: builder.text(description),
        3: properties,
        4: builder.list([normalization]),
        5: builder.range(0.0, 255.0),
    }
    return builder.table(fields)


def _probabilities(builder: "_Builder", contract: Contract) -> "_Offset":
    """Write the TensorMetadata of the output."""
    labels = builder.file(LABELS, "a label for each number", TENSOR_AXIS_LABELS)
    description = (
        f"Probabilities of {' and '.join(contract.labels)}. {contract.labels[1]} is predicted if "
        f"its probability is at least {contract.threshold}, else {contract.labels[0]}."
    )
    fields = {
        0: builder.text("probabilities"),
        1: builder.text(description),
        5: builder.range(0.0, 1.0),
        6: builder.list([labels]),
    }
    return builder.table(fields)


class _Offset(int):
    """The position of a table, text or list."""


class _Builder:
    """Builds a flatbuffer; a table is written after what it refers to."""

    def __init__(self) -> None:
        self.flat = flatbuffers.Builder()

    def table(self, fields: Mapping[int, _Offset | np.generic]) -> _Offset:
        """Write a table from the offset or the number in each slot."""
        self.flat.StartObject(max(fields) + 1)
        for slot, value in fields.items():
            if isinstance(value, _Offset):
                self.flat.PrependUOffsetTRelativeSlot(slot, value, 0)
            else:
                prepend = {1: "Int8", 4: "Uint32"}[value.itemsize]
                getattr(self.flat, f"Prepend{prepend}Slot")(slot, int(value), 0)
        return _Offset(self.flat.EndObject())

    def range(self, smallest: float, largest: float) -> _Offset:
        """Write Stats, the smallest and the largest number of a tensor."""
        return self.table({0: self.floats([largest]), 1: self.floats([smallest])})

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
