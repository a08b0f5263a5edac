"""Write TFLite metadata into a model file, for tools that read this standard.

The standard is the flatbuffer schema `metadata_schema.fbs` of TFLite Support. A table of this
schema is a dictionary here, from the slot of a field to its value. This module writes the tables
itself, because the maintained packages for it need a whole framework.
"""

from typing import Any

import flatbuffers
import numpy as np
from ai_edge_litert import schema_py_generated as schema

from facemask.inference.contract import CONTRACT, LABELS, Contract

Table = dict[int, Any]
"""A table of the schema: the values of its fields, by the number (slot) of the field."""

NAME = b"TFLITE_METADATA"
"""Name of the buffer that holds the metadata."""

RUNTIME = b"min_runtime_version"
"""Name of the buffer into which the converter writes the oldest runtime of a model."""

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

    The converter derives it from the versions of the operators, and writes it into the model.
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
    graph = {2: [_image(contract)], 3: [_probabilities(contract)]}
    description = {0: CONTRACT, 1: "the contract: all of this and more", 2: np.int8(DESCRIPTIONS)}
    metadata = {
        0: contract.name,
        1: f"Tells {' from '.join(contract.labels)} on a crop of one face.",
        2: contract.version,
        3: [graph],
        4: contract.author,
        6: [description],
        7: "1.0.0",
    }
    builder = flatbuffers.Builder()
    builder.Finish(_write(builder, metadata), b"M001")
    return bytes(builder.Output())


def _image(contract: Contract) -> Table:
    """Return the TensorMetadata of the input."""
    side = contract.input["side"]
    size = {0: np.uint32(side), 1: np.uint32(side)}
    image = {0: np.int8(RGB), 1: size}
    mean_and_deviation = {0: [0.0], 1: [1.0]}
    largest_and_smallest = {0: [255.0], 1: [0.0]}
    return {
        0: "image",
        1: f"A crop of one face, 8-bit RGB 0-255, stretched to {side} x {side} pixels with an "
        f"antialiased {contract.input['resize']['filter']} filter; scaling is inside.",
        3: {0: np.uint8(IMAGE_PROPERTIES), 1: image},
        4: [{0: np.uint8(NORMALIZATION_OPTIONS), 1: mean_and_deviation}],
        5: largest_and_smallest,
    }


def _probabilities(contract: Contract) -> Table:
    """Return the TensorMetadata of the output."""
    first, second = contract.labels
    labels = {0: LABELS, 1: "a label for each number", 2: np.int8(TENSOR_AXIS_LABELS)}
    largest_and_smallest = {0: [1.0], 1: [0.0]}
    return {
        0: "probabilities",
        1: f"Probabilities of {first} and {second}. {second} is predicted if its probability is at "
        f"least {contract.threshold}, else {first}.",
        5: largest_and_smallest,
        6: [labels],
    }


def _write(builder: flatbuffers.Builder, value: Any) -> int:
    """Write a text, a list of numbers or tables, or a table; return its offset."""
    match value:
        case str():
            return int(builder.CreateString(value))
        case [float(), *_]:
            return int(builder.CreateNumpyVector(np.array(value, np.float32)))
        case list():
            offsets = [_write(builder, table) for table in value]
            builder.StartVector(4, len(offsets), 4)
            for offset in reversed(offsets):
                builder.PrependUOffsetTRelative(offset)
            return int(builder.EndVector())
    return _write_table(builder, value)


def _write_table(builder: flatbuffers.Builder, table: Table) -> int:
    prepend = {
        np.int8: builder.PrependInt8Slot,
        np.uint8: builder.PrependUint8Slot,
        np.uint32: builder.PrependUint32Slot,
    }
    offsets = {
        slot: _write(builder, value)
        for slot, value in table.items()
        if not isinstance(value, np.generic)
    }
    builder.StartObject(max(table) + 1)
    for slot, value in table.items():
        if slot in offsets:
            builder.PrependUOffsetTRelativeSlot(slot, offsets[slot], 0)
        else:
            prepend[type(value)](slot, int(value), 0)
    return int(builder.EndObject())
