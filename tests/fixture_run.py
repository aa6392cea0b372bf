"""Realistic run directories, written with NumPy and TensorBoard alone.

    python tests/fixture_run.py LOGDIR [--runs 2] [--steps 12]

`run1/keract` and so on hold everything in each record, and `partial/keract` is a run
of training batches, whose records hold some of it.

A small classifier of drawn digits: an image goes through two convolutions and,
row by row, through a recurrent layer; both meet in a dense layer and the logits.
The forward pass is computed, the weights drift from noise to structure, and the
gradients are made up. Odd values are put in on purpose: channel 3 of `conv1` is
dead, its channel 7 constant, and in the last third of the first run's records
NaN, +Inf and -Inf appear in the gradients of `block/conv2`.

Without TensorFlow the checksums of an event file take about 0.1 s a megabyte, so
the runs are small: 100 KB a step.
"""

from __future__ import annotations

import argparse
import itertools
import os
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from types import TracebackType
from typing import Final, NamedTuple

import numpy as np
import numpy.typing as npt
from tensorboard.compat.proto import (
    event_pb2,
    summary_pb2,
)
from tensorboard.summary.writer.record_writer import RecordWriter

from tensorboard_keract import metadata, plugin_data_pb2
from tensorboard_keract.recording import event_file, wire_format

FloatArray = npt.NDArray[np.float32]

START_WALL_TIME: Final = 1_700_000_000.0
SAMPLES: Final = 8
CLASSES: Final = 10
STEPS_PER_EPOCH: Final = 20
IMAGE_SIZE: Final = 28
LSTM_UNITS: Final = 24

# Of `write_partial_run`: what its records hold, by their place.
TRAINING_BATCH: Final = 6
SMALL_BATCH: Final = 3
SMALL_BATCH_RECORDS: Final = (6,)
MAPS_EVERY: Final = 3
HISTOGRAMS_EVERY: Final = 2
GRADIENTS_EVERY: Final = 4
# One has neither table nor maps, one maps alone.
RECORDS_WITHOUT_TABLES: Final = (5, 9)
SKIPPED_UPDATES: Final = (2, 7)
LOST_RECORDS: Final = (0, 0, 0, 0, 1, 1, 1, 1, 3)


class EventFile:
    """An event file of a run directory, open for writing.

    Each `write` is one event, whole on disk when it returns.
    """

    def __init__(self, directory: Path, suffix: str = "") -> None:
        directory.mkdir(parents=True, exist_ok=True)
        name = f"events.out.tfevents.{int(START_WALL_TIME)}.fixture{suffix}"
        self.path = directory / name
        self._file = self.path.open("wb")
        self._records = RecordWriter(self._file)
        self._event(
            event_pb2.Event(wall_time=START_WALL_TIME, file_version="brain.Event:2")
        )

    def write(
        self, step: int, wall_time: float, values: Iterable[summary_pb2.Summary.Value]
    ) -> None:
        """One event with the given values."""
        summary = summary_pb2.Summary(value=values)
        self._event(event_pb2.Event(step=step, wall_time=wall_time, summary=summary))

    def restart(self, step: int) -> None:
        """The mark by which a writer says that it begins again at `step`."""
        session_log = event_pb2.SessionLog(status=event_pb2.SessionLog.START)
        self._event(
            event_pb2.Event(
                step=step, wall_time=START_WALL_TIME, session_log=session_log
            )
        )

    def _event(self, event: event_pb2.Event) -> None:
        self._records.write(event.SerializeToString())
        self._records.flush()

    def close(self) -> None:
        self._records.close()

    def __enter__(self) -> EventFile:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.close()


def table_value(
    tag: str, table: npt.ArrayLike, plugin_name: str, kind: str, path: str = ""
) -> summary_pb2.Summary.Value:
    """A summary value of a float32 table."""
    summary_metadata = metadata.create_summary_metadata(plugin_name, kind, path)
    return event_file.table_value(tag, np.asarray(table, np.float32), summary_metadata)


def model_value(
    description: plugin_data_pb2.ModelDescription,
) -> summary_pb2.Summary.Value:
    """The summary value of a model description."""
    return event_file.blob_sequence_value(
        metadata.MODEL_TAG,
        [description.SerializeToString()],
        metadata.create_summary_metadata(metadata.PLUGIN_NAME, "model"),
    )


class Layout(NamedTuple):
    """Which axes of a tensor are the planes' channels, rows and columns.

    Attributes:
      axes: names of the tensor's axes, in order.
      channel: names of the channel axes, outermost first.
      height: name of the axis of rows, or "".
      width: name of the axis of columns, or "".
    """

    axes: tuple[str, ...]
    channel: tuple[str, ...] = ()
    height: str = ""
    width: str = ""


IMAGE: Final = Layout(
    ("batch", "height", "width", "channel"), ("channel",), "height", "width"
)
STRIP: Final = Layout(("batch", "unit"), (), "", "unit")
SEQUENCE: Final = Layout(("batch", "time", "unit"), (), "unit", "time")
CONV_KERNEL: Final = Layout(
    ("height", "width", "in", "out"), ("in", "out"), "height", "width"
)
DENSE_KERNEL: Final = Layout(("in", "out"), (), "in", "out")
BIAS: Final = Layout(("unit",), (), "", "unit")
PICTURE: Final = Layout(("batch", "height", "width"), (), "height", "width")


class Tensor(NamedTuple):
    """A tensor to record."""

    kind: str
    path: str
    values: FloatArray
    layout: Layout

    @property
    def tag(self) -> str:
        return metadata.tensor_tag(self.kind, self.path)


def tensor_planes(tensor: Tensor) -> FloatArray:
    """The tensor as planes, [blob, channel, height, width]."""
    axes = list(tensor.layout.axes)
    values = tensor.values
    groups = (
        tuple(name for name in axes if name == "batch"),
        tensor.layout.channel,
        tuple(filter(None, [tensor.layout.height])),
        tuple(filter(None, [tensor.layout.width])),
    )
    order = [axes.index(name) for group in groups for name in group]
    sizes = [
        int(np.prod([values.shape[axes.index(name)] for name in group]))
        for group in groups
    ]
    return values.transpose(order).reshape(sizes)


def tensor_blobs(
    tensor: Tensor,
    step: int,
    wall_time: float,
    precision: str = "uint8",
    explanation: plugin_data_pb2.Explanation | None = None,
) -> list[bytes]:
    """What the summary of a tensor holds: header, then one blob a sample."""
    header = plugin_data_pb2.TensorHeader(
        kind=tensor.kind,
        path=tensor.path,
        dtype="float32",
        axes=[
            plugin_data_pb2.Axis(name=name, size=size, stored=size, pooling=1)
            for name, size in zip(tensor.layout.axes, tensor.values.shape, strict=True)
        ],
        channel_axes=tensor.layout.channel,
        height_axis=tensor.layout.height,
        width_axis=tensor.layout.width,
        wall_time=wall_time,
        step=step,
        epoch=step // STEPS_PER_EPOCH,
        pooling_method="area_mean",
        explanation=explanation,
    )
    planes = wire_format.quantize(tensor_planes(tensor), precision)
    return wire_format.encode_tensor(planes, header)


def tensor_value(
    tensor: Tensor,
    step: int,
    wall_time: float,
    precision: str = "uint8",
    explanation: plugin_data_pb2.Explanation | None = None,
) -> summary_pb2.Summary.Value:
    """The summary value of a tensor's maps."""
    return event_file.blob_sequence_value(
        tensor.tag,
        tensor_blobs(tensor, step, wall_time, precision, explanation),
        metadata.create_summary_metadata(
            metadata.PLUGIN_NAME, tensor.kind, tensor.path
        ),
    )


def statistics_row(values: FloatArray, update_ratio: float = np.nan) -> FloatArray:
    """The statistics of a tensor, in the order of `metadata.STATISTICS`."""
    finite = values[np.isfinite(values)].astype(np.float64)
    channels = values.reshape(-1, values.shape[-1])
    return np.asarray(
        [
            values.size,
            finite.mean(),
            finite.std(),
            finite.min(),
            finite.max(),
            np.sqrt(np.square(finite).sum()),
            np.mean(values == 0),
            np.mean(np.all(channels == 0, axis=0)),
            np.nan,
            np.isnan(values).sum(),
            np.isposinf(values).sum(),
            np.isneginf(values).sum(),
            update_ratio,
        ],
        np.float32,
    )


# Digits as strokes between points of a 3 x 5 grid, (column, row).
_STROKES: Final[Mapping[int, Sequence[tuple[int, int]]]] = {
    0: [(0, 0), (2, 0), (2, 4), (0, 4), (0, 0)],
    1: [(0, 1), (1, 0), (1, 4)],
    2: [(0, 0), (2, 0), (2, 2), (0, 4), (2, 4)],
    3: [(0, 0), (2, 0), (1, 2), (2, 3), (2, 4), (0, 4)],
    4: [(1, 0), (0, 3), (2, 3), (2, 1), (2, 4)],
    5: [(2, 0), (0, 0), (0, 2), (2, 2), (2, 4), (0, 4)],
    6: [(2, 0), (0, 2), (0, 4), (2, 4), (2, 2), (0, 2)],
    7: [(0, 0), (2, 0), (1, 4)],
    8: [(0, 0), (2, 0), (2, 4), (0, 4), (0, 0), (0, 2), (2, 2)],
    9: [(2, 2), (0, 2), (0, 0), (2, 0), (2, 4), (0, 4)],
}


def draw_digits(labels: Sequence[int], rng: np.random.Generator) -> FloatArray:
    """Grey digits, [sample, height, width, 1] in 0 ... 1."""
    rows, columns = np.mgrid[:IMAGE_SIZE, :IMAGE_SIZE]
    images = []
    for label in labels:
        points = np.asarray(_STROKES[label], float) * (5.5, 4.6) + (8.5, 5.0)
        points += rng.normal(0, 0.7, points.shape)
        distance = np.full((IMAGE_SIZE, IMAGE_SIZE), np.inf)
        for (x0, y0), (x1, y1) in itertools.pairwise(points):
            length = (x1 - x0) ** 2 + (y1 - y0) ** 2
            along = ((columns - x0) * (x1 - x0) + (rows - y0) * (y1 - y0)) / length
            along = np.clip(along, 0, 1)
            x, y = x0 + along * (x1 - x0), y0 + along * (y1 - y0)
            distance = np.minimum(distance, np.hypot(columns - x, rows - y))
        images.append(np.clip(2.2 - distance, 0, 1))
    return np.stack(images)[..., None].astype(np.float32)


def convolve(x: FloatArray, kernel: FloatArray) -> FloatArray:
    """A 3 x 3 convolution with "same" padding."""
    padded = np.pad(x, ((0, 0), (1, 1), (1, 1), (0, 0)))
    windows = np.lib.stride_tricks.sliding_window_view(padded, (3, 3), axis=(1, 2))
    return np.einsum("bhwijk,jkio->bhwo", windows, kernel, optimize=True).astype(
        np.float32
    )


def pool(x: FloatArray) -> FloatArray:
    """The greatest of every 2 x 2."""
    batch, height, width, channel = x.shape
    return x.reshape(batch, height // 2, 2, width // 2, 2, channel).max(axis=(2, 4))


def softmax(logits: FloatArray) -> FloatArray:
    odds = np.exp(logits - logits.max(axis=-1, keepdims=True))
    return odds / odds.sum(axis=-1, keepdims=True)


def smooth_noise(shape: Sequence[int], rng: np.random.Generator) -> FloatArray:
    """Noise [batch, height, width, channel] whose neighbours resemble each other."""
    x = rng.normal(size=shape).astype(np.float32)
    for axis in (1, 2):
        for _ in range(2):
            x = (np.roll(x, 1, axis) + 2 * x + np.roll(x, -1, axis)) / 3
    return x


class DigitsRun:
    """The made-up training: `tensors(step)` is what a recorder would see."""

    def __init__(
        self, seed: int, steps: int, broken: bool, samples: int = SAMPLES
    ) -> None:
        self._rng = np.random.default_rng(seed)
        self._last_step = (steps - 1) * STEPS_PER_EPOCH
        self._broken_from = 2 * self._last_step / 3 if broken else np.inf
        self.labels = [3, 7, 0, 8, 1, 5, 9, 2][:samples]
        self._images = draw_digits(self.labels, np.random.default_rng(0))
        self._speed = 2 + self._rng.random() * 3
        normal = self._rng.normal
        self._starts: dict[str, FloatArray] = {}
        self._targets: dict[str, FloatArray] = {}
        angles = np.linspace(0, np.pi, 16, endpoint=False)
        y, x = np.mgrid[-1:2, -1:2]
        edges = x[..., None] * np.cos(angles) + y[..., None] * np.sin(angles)
        targets = {
            "conv1/kernel": edges[:, :, None, :] * 0.5,
            "block/conv2/kernel": normal(0, 0.12, (3, 3, 16, 32)),
            "lstm/kernel": normal(0, 0.35, (IMAGE_SIZE, LSTM_UNITS)),
            "dense/kernel": normal(0, 0.25, (32 + LSTM_UNITS, 64)),
            "logits/kernel": normal(0, 0.2, (64, CLASSES)),
        }
        for path, target in targets.items():
            self._targets[path] = target.astype(np.float32)
            noise = normal(0, target.std(), target.shape)
            self._starts[path] = noise.astype(np.float32)
            bias = path.replace("/kernel", "/bias")
            self._starts[bias] = np.zeros(target.shape[-1], np.float32)
            self._targets[bias] = normal(0, 0.05, target.shape[-1]).astype(np.float32)

    def progress(self, step: float) -> float:
        """How far the training is, from 0 towards 1."""
        return float(1 - np.exp(-self._speed * step / max(1, self._last_step)))

    def batch(self, step: int) -> tuple[FloatArray, list[int]]:
        """The images of a step, and their labels: the same at each."""
        return self._images, self.labels

    def loss(self, step: int) -> float:
        return 2.3 * (1 - self.progress(step)) + 0.05 + 0.02 * float(np.sin(step))

    def weights(self, step: float) -> dict[str, FloatArray]:
        progress = np.float32(self.progress(step))
        weights = {
            path: start + progress * (self._targets[path] - start)
            for path, start in self._starts.items()
        }
        # A dead channel and a constant one.
        weights["conv1/kernel"][..., 3] = 0
        weights["conv1/kernel"][..., 7] = 0
        weights["conv1/bias"][3] = -0.4
        weights["conv1/bias"][7] = 0.5
        return weights

    def update_ratio(self, path: str, step: int) -> float:
        now, before = self.weights(step)[path], self.weights(step - 1)[path]
        norm = float(np.linalg.norm(now))
        return float(np.linalg.norm(now - before)) / norm if norm else np.nan

    def tensors(self, step: int) -> list[Tensor]:
        w, rng = self.weights(step), self._rng
        images, labels = self.batch(step)
        conv1 = pool(convolve(images, w["conv1/kernel"]) + w["conv1/bias"])
        conv1 = np.maximum(conv1, 0)
        conv2 = pool(convolve(conv1, w["block/conv2/kernel"]) + w["block/conv2/bias"])
        conv2 = np.maximum(conv2, 0)
        state = np.zeros((len(images), LSTM_UNITS), np.float32)
        states = []
        for row in range(IMAGE_SIZE):
            drive = images[:, row, :, 0] @ w["lstm/kernel"] + w["lstm/bias"]
            state = np.tanh(0.8 * state + 0.5 * drive).astype(np.float32)
            states.append(state)
        lstm = np.stack(states, axis=1)
        features = np.concatenate([conv2.mean(axis=(1, 2)), lstm[:, -1]], axis=-1)
        dense = np.maximum(features @ w["dense/kernel"] + w["dense/bias"], 0)
        sure = np.eye(CLASSES, dtype=np.float32)[labels] * 5
        logits = (dense @ w["logits/kernel"] + w["logits/bias"]) * 1.5
        logits = (logits + sure * self.progress(step)).astype(np.float32)

        scale = np.float32(0.05 * (1 - self.progress(step)) + 0.002)
        conv2_gradient = smooth_noise(conv2.shape, rng) * (conv2 > 0) * scale
        if step >= self._broken_from:
            conv2_gradient[0, 2, 2:5, 1] = np.nan
            conv2_gradient[0, 3, 2, 2] = np.inf
            conv2_gradient[1, 3, 3, 2] = -np.inf
            conv2_gradient[2:3, :, :, 4] = np.nan
        grad_cam = np.maximum(conv2 @ (conv2.mean(axis=(0, 1, 2)) - 0.1), 0)
        grad_cam = grad_cam.repeat(4, axis=1).repeat(4, axis=2)

        tensors = [
            Tensor(metadata.INPUT, "image", images, IMAGE),
            Tensor(metadata.ACTIVATION, "conv1", conv1, IMAGE),
            Tensor(metadata.ACTIVATION, "block/conv2", conv2, IMAGE),
            Tensor(metadata.ACTIVATION, "lstm", lstm, SEQUENCE),
            Tensor(metadata.ACTIVATION, "dense", dense, STRIP),
            Tensor(metadata.ACTIVATION, "logits", logits, STRIP),
            Tensor(metadata.OUTPUT, "probabilities", softmax(logits), STRIP),
            Tensor(
                metadata.ACTIVATION_GRADIENT,
                "conv1",
                smooth_noise(conv1.shape, rng) * (conv1 > 0) * scale,
                IMAGE,
            ),
            Tensor(metadata.ACTIVATION_GRADIENT, "block/conv2", conv2_gradient, IMAGE),
            Tensor(
                metadata.ACTIVATION_GRADIENT,
                "lstm",
                (smooth_noise((*lstm.shape, 1), rng)[..., 0] * scale).astype(
                    np.float32
                ),
                SEQUENCE,
            ),
            Tensor(
                metadata.ACTIVATION_GRADIENT,
                "dense",
                (rng.normal(size=dense.shape) * (dense > 0) * scale).astype(np.float32),
                STRIP,
            ),
            Tensor(
                metadata.ACTIVATION_GRADIENT,
                "logits",
                ((softmax(logits) - sure / 5) / len(images)).astype(np.float32),
                STRIP,
            ),
            Tensor(metadata.HEATMAP, "grad_cam", grad_cam, PICTURE),
        ]
        for path, values in w.items():
            layout = BIAS
            if values.ndim > 1:
                layout = CONV_KERNEL if values.ndim == 4 else DENSE_KERNEL
            gradient = (
                self._targets[path] - values + rng.normal(0, 0.02, values.shape)
            ) * -scale
            tensors.append(Tensor(metadata.WEIGHT, path, values, layout))
            tensors.append(
                Tensor(
                    metadata.WEIGHT_GRADIENT, path, gradient.astype(np.float32), layout
                )
            )
        return tensors


class TrainingBatchesRun(DigitsRun):
    """The same training, seen on another batch at each step; some are smaller."""

    def batch(self, step: int) -> tuple[FloatArray, list[int]]:
        rng = np.random.default_rng(step)
        record = step // STEPS_PER_EPOCH
        samples = SMALL_BATCH if record in SMALL_BATCH_RECORDS else TRAINING_BATCH
        labels = rng.integers(0, CLASSES, samples).tolist()
        return draw_digits(labels, rng), labels


# path, class, parents, output shape without the batch, activation, maps recorded
_LAYERS: Final = (
    ("image", "InputLayer", [], (28, 28, 1), "", True),
    ("conv1", "Conv2D", ["image"], (14, 14, 16), "relu", True),
    ("block/conv2", "Conv2D", ["conv1"], (7, 7, 32), "relu", True),
    ("block/average", "GlobalAveragePooling2D", ["block/conv2"], (32,), "", False),
    ("rows", "Reshape", ["image"], (28, 28), "", False),
    ("lstm", "LSTM", ["rows"], (28, LSTM_UNITS), "tanh", True),
    ("concatenate", "Concatenate", ["block/average", "lstm"], (56,), "", False),
    ("dense", "Dense", ["concatenate"], (64,), "relu", True),
    ("logits", "Dense", ["dense"], (CLASSES,), "linear", True),
    ("probabilities", "Softmax", ["logits"], (CLASSES,), "softmax", True),
)


def layer_of(tensor: Tensor) -> str:
    """The path of the layer that a tensor belongs to."""
    if tensor.kind in (metadata.WEIGHT, metadata.WEIGHT_GRADIENT):
        return tensor.path.rpartition("/")[0]
    return "" if tensor.kind == metadata.HEATMAP else tensor.path


def describe_model(
    run: DigitsRun, tensors: Sequence[Tensor], epochs: int
) -> plugin_data_pb2.ModelDescription:
    """The model description that belongs to the fixture's tables."""
    weights = run.weights(0)
    layers = []
    for path, class_name, parents, shape, activation, maps_recorded in _LAYERS:
        own = [name for name in weights if name.rpartition("/")[0] == path]
        layers.append(
            plugin_data_pb2.Layer(
                path=path,
                class_name=class_name,
                parents=parents,
                outputs=[
                    plugin_data_pb2.OutputSpec(
                        shape=(len(run.labels), *shape), dtype="float32", path=path
                    )
                ],
                parameter_count=sum(weights[name].size for name in own),
                trainable=bool(own),
                activation=activation,
                weights=own,
                maps_recorded=maps_recorded,
                note="" if maps_recorded else "Not chosen for feature maps.",
            )
        )
    return plugin_data_pb2.ModelDescription(
        format_version=metadata.FORMAT_VERSION,
        name="digits",
        class_name="Functional",
        layers=layers,
        rows=[
            plugin_data_pb2.TableRow(
                kind=tensor.kind,
                path=tensor.path,
                layer_path=layer_of(tensor),
                shape=tensor.values.shape,
                dtype="float32",
                histogram_stride=wire_format.histogram_stride(tensor.values.size, ()),
            )
            for tensor in tensors
        ],
        statistics=metadata.STATISTICS,
        record_values=metadata.RECORD_VALUES,
        probe=plugin_data_pb2.Probe(
            samples=len(run.labels),
            samples_recorded=len(run.labels),
            labels=run.labels,
            class_names=[str(digit) for digit in range(CLASSES)],
            input_paths=["image"],
            output_paths=["probabilities"],
        ),
        parameter_count=sum(values.size for values in weights.values()),
        epochs=epochs,
        planned_bytes_per_record=sum(t.values.size for t in tensors),
        budget_bytes_per_record=4 << 20,
        budget_bytes_per_run=256 << 20,
        settings=[plugin_data_pb2.Setting(name="precision", value="uint8")],
        versions=[plugin_data_pb2.Setting(name="numpy", value=np.__version__)],
        notes=["Written by tests/fixture_run.py: the gradients are made up."],
    )


def statistics_of(run: DigitsRun, tensor: Tensor, step: int) -> FloatArray:
    """The row of a tensor in the statistics table."""
    if tensor.kind != metadata.WEIGHT:
        return statistics_row(tensor.values)
    return statistics_row(tensor.values, run.update_ratio(tensor.path, step))


def table_values(
    record_values: npt.ArrayLike,
    statistics: npt.ArrayLike | None,
    histograms: npt.ArrayLike | None,
) -> list[summary_pb2.Summary.Value]:
    """The tables of a record, those that it has."""
    tables = (
        (metadata.STATISTICS_PLUGIN_NAME, metadata.RECORD_TAG, record_values),
        (metadata.STATISTICS_PLUGIN_NAME, metadata.STATISTICS_TAG, statistics),
        (metadata.HISTOGRAMS_PLUGIN_NAME, metadata.HISTOGRAMS_TAG, histograms),
    )
    return [
        table_value(tag, table, plugin_name, tag)
        for plugin_name, tag, table in tables
        if table is not None
    ]


def write_run(
    directory: Path,
    seed: int = 0,
    steps: int = 12,
    broken: bool = True,
    samples: int = SAMPLES,
    has_maps: Callable[[Tensor], bool] = lambda tensor: True,
) -> None:
    """Writes one run: `steps` records, one an epoch, and a feature visualisation."""
    run = DigitsRun(seed, steps, broken, samples)
    with EventFile(directory) as events:
        events.restart(0)
        for record in range(steps):
            step = record * STEPS_PER_EPOCH
            wall_time = START_WALL_TIME + 4.5 * record + seed
            tensors = run.tensors(step)
            table = [t for t in tensors if t.kind != metadata.HEATMAP]
            values = [tensor_value(t, step, wall_time) for t in tensors if has_maps(t)]
            if record == 0:
                values.append(model_value(describe_model(run, table, steps)))
            statistics = [statistics_of(run, tensor, step) for tensor in table]
            histograms = [wire_format.histogram(tensor.values) for tensor in table]
            loss = run.loss(step)
            record_values = [
                record,
                record,
                loss,
                loss * 0.93,
                1e-3 * 0.9**record,
                np.nan,
                0,
                np.nan,
            ]
            values += table_values(record_values, statistics, histograms)
            if record == steps - 1:
                rng = np.random.default_rng(seed)
                pattern = smooth_noise((4, IMAGE_SIZE, IMAGE_SIZE, 3), rng)
                visualization = Tensor(
                    metadata.FEATURE_VISUALIZATION, "block/conv2", pattern, IMAGE
                )
                values.append(tensor_value(visualization, step, wall_time))
            events.write(step, wall_time, values)


def write_partial_run(
    directory: Path,
    steps: int = 12,
    has_maps: Callable[[Tensor], bool] = lambda tensor: True,
) -> None:
    """Writes a run of training batches whose records hold different things.

    Each has record values. Most have statistics, those of gradients more rarely, some
    have histograms and some maps; updates are skipped, and records are lost.
    """
    run = TrainingBatchesRun(3, steps, broken=False)
    with EventFile(directory) as events:
        events.restart(0)
        for record in range(steps):
            step = record * STEPS_PER_EPOCH
            wall_time = START_WALL_TIME + 4.5 * record
            tensors = [t for t in run.tensors(step) if t.kind != metadata.HEATMAP]
            values = []
            if record == 0:
                values.append(model_value(describe_partial_run(run, tensors, steps)))
            left_out = [
                record % GRADIENTS_EVERY != 0 and tensor.kind.endswith("_gradient")
                for tensor in tensors
            ]
            statistics = histograms = None
            if record not in RECORDS_WITHOUT_TABLES:
                statistics = np.stack([statistics_of(run, t, step) for t in tensors])
                statistics[left_out] = np.nan
            if record % HISTOGRAMS_EVERY == 0:
                histograms = np.stack(
                    [every_other(tensor.values) for tensor in tensors]
                )
                histograms[left_out] = np.nan
            if record % MAPS_EVERY == 0:
                values += [
                    tensor_value(t, step, wall_time) for t in tensors if has_maps(t)
                ]
            lost = LOST_RECORDS[min(record, len(LOST_RECORDS) - 1)]
            skips = sum(at <= record for at in SKIPPED_UPDATES)
            record_values = [
                record + lost,
                record,
                np.nan,
                run.loss(step),
                1e-3,
                2.0 ** (15 - skips),
                lost,
                np.nan if record == 0 else record in SKIPPED_UPDATES,
            ]
            values += table_values(record_values, statistics, histograms)
            events.write(step, wall_time, values)


def every_other(values: FloatArray) -> FloatArray:
    """The histogram of every second value, or of all of a small tensor."""
    flat = values.ravel()
    counts = wire_format.histogram(flat[:: 2 if flat.size > 1000 else 1])
    return counts.astype(np.float32)


def describe_partial_run(
    run: DigitsRun, tensors: Sequence[Tensor], steps: int
) -> plugin_data_pb2.ModelDescription:
    """The model description of `write_partial_run`."""
    description = describe_model(run, tensors, steps)
    for row in description.rows:
        row.histogram_stride = 0
    # How large a batch is, its headers say.
    for field in ("samples", "samples_recorded", "labels"):
        description.probe.ClearField(field)
    description.tables_source = metadata.TRAINING_SOURCE
    description.maps_source = metadata.TRAINING_SOURCE
    description.planned_records = steps + LOST_RECORDS[-1]
    return description


def write_logdir(directory: Path, runs: int = 2, steps: int = 12) -> None:
    """Writes `runs` runs, `run1/keract` and so on; the first has NaN and ±Inf."""
    for index in range(runs):
        write_run(directory / f"run{index + 1}" / "keract", index, steps, index == 0)


def main() -> None:
    parser = argparse.ArgumentParser(description="Write runs to try the plugin on.")
    parser.add_argument("logdir", type=Path)
    parser.add_argument("--runs", type=int, default=2)
    parser.add_argument("--steps", type=int, default=12)
    arguments = parser.parse_args()
    begin = time.perf_counter()
    write_logdir(arguments.logdir, arguments.runs, arguments.steps)
    write_partial_run(arguments.logdir / "partial" / "keract", arguments.steps)
    size = sum(path.stat().st_size for path in arguments.logdir.rglob("*tfevents*"))
    print(
        f"{arguments.runs + 1} runs of {arguments.steps} steps, {size / 1e6:.1f} MB, in"
        f" {os.fspath(arguments.logdir)} ({time.perf_counter() - begin:.1f} s)"
    )


if __name__ == "__main__":
    main()
