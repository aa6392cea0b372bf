"""What the page is told of a model: its layers, the rows of the tables, the plan."""

from __future__ import annotations

import platform
from collections.abc import Mapping
from typing import Any

import keras
import tensorflow as tf

from tensorboard_keract import metadata, plugin_data_pb2
from tensorboard_keract._version import __version__
from tensorboard_keract.core.model_layout import LayerInfo, LayerOutput
from tensorboard_keract.recording.probe import Probe
from tensorboard_keract.recording.reduction import Reduction


def describe_model(
    model: keras.Model, tables: Reduction, maps: Reduction
) -> plugin_data_pb2.ModelDescription:
    """Describes a model by what was found in it.

    Args:
      model: the model.
      tables: what the tables hold.
      maps: what the maps are of; mostly the same.
    """
    with_maps = {plan.path for plan in maps.plan.tensors}
    notes = []
    if maps.plan.left_out:
        notes.append(
            "Maps that do not fit the budget of a record are left out: "
            + ", ".join(maps.plan.left_out)
        )
    return plugin_data_pb2.ModelDescription(
        format_version=metadata.FORMAT_VERSION,
        name=str(model.name),
        class_name=type(model).__name__,
        layers=[
            *map(_input_message, tables.layout.inputs),
            *(_layer_message(layer, with_maps) for layer in tables.layout.layers),
        ],
        rows=[row.message() for row in tables.rows],
        statistics=metadata.STATISTICS,
        record_values=metadata.RECORD_VALUES,
        probe=plugin_data_pb2.Probe(
            input_paths=[end.path for end in maps.layout.inputs],
            output_paths=[end.path for end in maps.layout.outputs],
        ),
        parameter_count=int(model.count_params()),
        planned_bytes_per_record=maps.plan.byte_count,
        notes=notes,
    )


def describe_probe(
    description: plugin_data_pb2.ModelDescription,
    probe: Probe,
    samples: int,
    samples_recorded: int,
) -> None:
    """Adds to a description what is known of the probe."""
    description.probe.samples = samples
    description.probe.samples_recorded = samples_recorded
    description.probe.labels.extend(probe.sample_labels()[:samples_recorded])
    description.probe.class_names.extend(probe.class_names)
    for tokens in probe.sample_tokens()[:samples_recorded]:
        description.probe.tokens.add(tokens=tokens)


def add_settings(
    description: plugin_data_pb2.ModelDescription, settings: Mapping[str, Any]
) -> None:
    """Adds the recorder's arguments, and the versions of what is at work."""
    for name, value in settings.items():
        description.settings.add(name=name, value=str(value))
    versions = {
        "tensorboard-keract": __version__,
        "tensorflow": tf.__version__,
        "keras": keras.__version__,
        "python": platform.python_version(),
    }
    for name, value in versions.items():
        description.versions.add(name=name, value=value)


def _input_message(end: LayerOutput) -> plugin_data_pb2.Layer:
    return plugin_data_pb2.Layer(
        path=end.path,
        class_name="InputLayer",
        outputs=[_output_message(end)],
        maps_recorded=True,
    )


def _layer_message(layer: LayerInfo, with_maps: set[str]) -> plugin_data_pb2.Layer:
    recorded = (*layer.weight_paths, *(end.path for end in layer.outputs))
    return plugin_data_pb2.Layer(
        path=layer.path,
        class_name=layer.class_name,
        parents=layer.parents,
        outputs=[_output_message(end) for end in layer.outputs],
        parameter_count=layer.parameter_count,
        trainable=layer.trainable,
        activation=layer.activation,
        weights=layer.weight_paths,
        maps_recorded=any(path in with_maps for path in recorded),
        note=layer.note,
    )


def _output_message(end: LayerOutput) -> plugin_data_pb2.OutputSpec:
    shape = [-1 if size is None else size for size in end.shape]
    return plugin_data_pb2.OutputSpec(shape=shape, dtype=end.dtype, path=end.path)
