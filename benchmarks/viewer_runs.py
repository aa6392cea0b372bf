"""Runs for the benchmark of the page, written without a training; and the same as images."""

from __future__ import annotations

from pathlib import Path
from typing import Final

import numpy as np
import numpy.typing as npt
import tensorflow as tf

from tensorboard_keract import metadata, plugin_data_pb2
from tensorboard_keract.recording import wire_format
from tests.fixture_run import (
    IMAGE,
    START_WALL_TIME,
    EventFile,
    Tensor,
    model_value,
    statistics_row,
    table_values,
    tensor_value,
)

FloatArray = npt.NDArray[np.float32]

RUNS: Final = 5
LAYERS: Final = 50
STEPS: Final = 100
# The layers that are looked at; all others have small maps.
SCRUBBED: Final = "block0/conv0"
LARGE: Final = "block0/conv1"
SHAPES: Final = {SCRUBBED: (28, 28, 64), LARGE: (14, 14, 512)}
SMALL_SHAPE: Final = (14, 14, 16)
LONG_LAYERS: Final = 200
LONG_STEPS: Final = 1000


def layer_paths(count: int) -> list[str]:
    return [f"block{i // 10}/conv{i}" for i in range(count)]


def write_runs(logdir: Path) -> None:
    """`RUNS` runs of `LAYERS` layers and `STEPS` steps, all with maps and tables."""
    for run in range(RUNS):
        maps = _Maps(run)
        with EventFile(logdir / f"run{run}" / "keract") as file:
            for step in range(STEPS):
                tensors = maps.at(step)
                values = [tensor_value(tensor, step, _time(step)) for tensor in tensors]
                statistics = [statistics_row(tensor.values) for tensor in tensors]
                histograms = [
                    wire_format.histogram(tensor.values) for tensor in tensors
                ]
                values += table_values(_record(step), statistics, histograms)
                if step == 0:
                    shapes = {tensor.path: tensor.values.shape for tensor in tensors}
                    values.append(model_value(_description(shapes)))
                file.write(step, _time(step), values)


def write_long_run(logdir: Path) -> None:
    """A run of tables alone: `LONG_LAYERS` layers, `LONG_STEPS` steps."""
    rng = np.random.default_rng(0)
    rows = np.abs(rng.normal(size=(LONG_LAYERS, len(metadata.STATISTICS)))) + 0.1
    paths = layer_paths(LONG_LAYERS)
    with EventFile(logdir / "long" / "keract") as file:
        for step in range(LONG_STEPS):
            drift = np.exp(rng.normal(0, 0.3, rows.shape) - step / 500)
            values = table_values(_record(step), rows * drift, None)
            if step == 0:
                shapes = dict.fromkeys(paths, (1, *SMALL_SHAPE))
                values.append(model_value(_description(shapes)))
            file.write(step, _time(step), values)


def write_images(logdir: Path) -> None:
    """The maps of the scrubbed layer, and histograms of all, as TensorBoard's own."""
    maps = _Maps(0)
    with tf.summary.create_file_writer(str(logdir / "run0")).as_default():
        for step in range(STEPS):
            for tensor in maps.at(step):
                tf.summary.histogram(tensor.path, tensor.values, step)
                if tensor.path == SCRUBBED:
                    channels = np.moveaxis(tensor.values[0], -1, 0)[..., None]
                    channels = channels / channels.max()
                    tf.summary.image("maps", channels, step, max_outputs=64)


class _Maps:
    """Smooth made-up maps that change a little from step to step."""

    def __init__(self, seed: int) -> None:
        rng = np.random.default_rng(seed)
        self._ends: dict[str, tuple[FloatArray, FloatArray]] = {}
        for path in layer_paths(LAYERS):
            height, width, channels = SHAPES.get(path, SMALL_SHAPE)
            noise = rng.normal(size=(2, height, width, channels))
            for axis in (1, 2):
                noise = (
                    np.roll(noise, 1, axis) + 2 * noise + np.roll(noise, -1, axis)
                ) / 4
            first, last = noise.astype(np.float32)
            self._ends[path] = (first, last)

    def at(self, step: int) -> list[Tensor]:
        share = np.float32(step / (STEPS - 1))
        return [
            Tensor(
                metadata.ACTIVATION,
                path,
                np.maximum(first + share * (last - first), 0)[None],
                IMAGE,
            )
            for path, (first, last) in self._ends.items()
        ]


def _time(step: int) -> float:
    return START_WALL_TIME + step


def _record(step: int) -> list[float]:
    """The record values: number, epoch, losses, rate; the rest is not known."""
    known = [step, 0, np.exp(-step / STEPS), np.exp(-step / STEPS), 1e-3]
    return known + [np.nan] * (len(metadata.RECORD_VALUES) - len(known))


def _description(
    shapes: dict[str, tuple[int, ...]],
) -> plugin_data_pb2.ModelDescription:
    paths = list(shapes)
    layers = [
        plugin_data_pb2.Layer(
            path=path,
            class_name="Conv2D",
            parents=paths[i - 1 : i] if i else [],
            outputs=[
                plugin_data_pb2.OutputSpec(
                    shape=shapes[path], dtype="float32", path=path
                )
            ],
            parameter_count=1,
            trainable=True,
            activation="relu",
            weights=[f"{path}/kernel"],
            maps_recorded=True,
        )
        for i, path in enumerate(paths)
    ]
    return plugin_data_pb2.ModelDescription(
        format_version=metadata.FORMAT_VERSION,
        name="benchmark",
        class_name="Functional",
        layers=layers,
        rows=[
            plugin_data_pb2.TableRow(
                kind=metadata.ACTIVATION,
                path=path,
                layer_path=path,
                shape=shapes[path],
                dtype="float32",
                histogram_stride=1,
            )
            for path in paths
        ],
        statistics=metadata.STATISTICS,
        record_values=metadata.RECORD_VALUES,
        probe=plugin_data_pb2.Probe(samples=1, samples_recorded=1),
        epochs=1,
    )
