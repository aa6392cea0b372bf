"""Run directories with heatmaps, as a recorder of attributions writes them.

`shapes/keract` explains pictures of three shapes by a Grad-CAM of the layer `conv` and by
signed integrated gradients, whose heatmaps grow from step to step; `words/keract` a text;
`signal/keract` a series; `alone` is a run of single summaries without a model.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any, Final, NamedTuple

import numpy as np
import numpy.typing as npt

from tensorboard_keract import metadata, plugin_data_pb2, summary
from tests.fixture_run import (
    IMAGE,
    PICTURE,
    SEQUENCE,
    START_WALL_TIME,
    STRIP,
    EventFile,
    FloatArray,
    Layout,
    Tensor,
    model_value,
    softmax,
    table_value,
    tensor_value,
)

STEPS: Final = (0, 10, 20, 30)
LABELS: Final = (0, 1, 2)
CLASSES: Final = ("disc", "bar", "cross")
TOKENS: Final = (
    ("not", "a", "dull", "moment", "in", "it", "", ""),
    ("a", "slow", "and", "weak", "story", "", "", ""),
)
SIZE: Final = 32
COARSE: Final = 8

_TIME: Final = Layout(("batch", "time"), (), "", "time")


class Heat(NamedTuple):
    """Heatmaps of a method at a step, and what they explain."""

    values: FloatArray
    explanation: plugin_data_pb2.Explanation


def shapes() -> FloatArray:
    """Colour pictures of a disc, a bar and a cross, [3, height, width, channel]."""
    y, x = np.mgrid[:SIZE, :SIZE] - (SIZE - 1) / 2
    masks = [
        np.hypot(x, y) < 10,
        np.abs(x) < 4,
        (np.abs(x) < 3) | (np.abs(y) < 3),
    ]
    ground = np.stack([x, y, -x], axis=-1) / SIZE * 0.3 + 0.35
    tints = ((0.9, 0.8, 0.2), (0.3, 0.9, 0.5), (0.4, 0.6, 1.0))
    pictures = [
        np.where(mask[..., None], tint, ground)
        for mask, tint in zip(masks, tints, strict=True)
    ]
    return np.stack(pictures).astype(np.float32)


def logits_at(step: int) -> FloatArray:
    """What the model says at a step: the last sample is first taken for a bar."""
    sure = np.eye(3, dtype=np.float32)[list(LABELS)] * np.float32(step / 10)
    doubt = np.asarray([[0.2, 0, 0], [0, 0.4, 0], [0, 1.5, 0]], np.float32)
    return sure + doubt


def shape_heat(method: str, step: int) -> Heat:
    """The heatmaps of `grad_cam`, 8 × 8, or of `integrated_gradients`, signed."""
    growth = np.float32(0.2 + step / 30)
    side = COARSE if method == "grad_cam" else SIZE
    y, x = (np.mgrid[:side, :side] + 0.5) / side - 0.5
    values = [np.exp(-12 * ((x - at) ** 2 + y**2)) for at in (-0.25, 0.0, 0.25)]
    if method != "grad_cam":
        values = [one - 0.6 * np.exp(-20 * (x**2 + (y - 0.3) ** 2)) for one in values]
    logits = logits_at(step)
    return Heat(
        (np.stack(values) * growth).astype(np.float32),
        plugin_data_pb2.Explanation(
            method=method,
            site="conv" if method == "grad_cam" else "picture",
            input_path="picture",
            signed=method != "grad_cam",
            score_source="logits",
            target_rule="label",
            targets=LABELS,
            scores=[float(logits[i, label]) for i, label in enumerate(LABELS)],
            completeness_errors=() if method == "grad_cam" else (0.01, -0.02, 0.0),
        ),
    )


def write_heat_runs(logdir: Path) -> set[str]:
    """Writes all of them; returns their names."""
    _write_shapes(logdir / "shapes" / "keract")
    _write_words(logdir / "words" / "keract")
    _write_signal(logdir / "signal" / "keract")
    with EventFile(logdir / "alone") as events:
        heat = shape_heat("grad_cam", 30).values
        written = summary.heatmap_pb("mine", heat, shapes())
        events.write(5, START_WALL_TIME, written.value)
    return {"shapes/keract", "words/keract", "signal/keract", "alone"}


def _write_shapes(directory: Path) -> None:
    with EventFile(directory) as events:
        events.restart(0)
        for record, step in enumerate(STEPS):
            wall_time = START_WALL_TIME + record
            tensors = [
                Tensor(metadata.OUTPUT, "probs", softmax(logits_at(step)), STRIP)
            ]
            values = [tensor_value(one, step, wall_time) for one in tensors]
            maps = shape_heat("grad_cam", step).values[..., None].repeat(4, axis=-1)
            maps *= np.arange(1, 5, dtype=np.float32)
            conv = Tensor(metadata.ACTIVATION, "conv", maps, IMAGE)
            values.append(tensor_value(conv, step, wall_time))
            if record == 0:
                picture = Tensor(metadata.INPUT, "picture", shapes(), IMAGE)
                values.append(tensor_value(picture, step, wall_time))
                values.append(model_value(_model("picture", LABELS, CLASSES)))
            for method in ("grad_cam", "integrated_gradients"):
                values.append(_heat(method, shape_heat(method, step), PICTURE, step))
            values.append(_record(record, 1.2 - record / 4))
            events.write(step, wall_time, values)


def _write_words(directory: Path) -> None:
    ids = np.arange(16, dtype=np.float32).reshape(2, 8)
    with EventFile(directory) as events:
        events.restart(0)
        for record, step in enumerate(STEPS[:2]):
            heat = Heat(
                word_heat() * np.float32(1 + record),
                plugin_data_pb2.Explanation(
                    method="gradient_x_input",
                    site="embedding",
                    input_path="picture",
                    signed=True,
                    score_source="output",
                    target_rule="predicted",
                    targets=(0, 0),
                    scores=(0.7, 0.9),
                ),
            )
            values = [
                _heat("gradient_x_input", heat, _TIME, step),
                _record(record, 0.5),
            ]
            if record == 0:
                tokens = Tensor(metadata.INPUT, "picture", ids, _TIME)
                model = _model("picture", (0, 1), ("good", "bad"))
                for sample in TOKENS:
                    model.probe.tokens.add(tokens=sample)
                values.append(tensor_value(tokens, step, START_WALL_TIME))
                values.append(model_value(model))
            events.write(step, START_WALL_TIME + record, values)


def word_heat() -> FloatArray:
    """[sample, time]: "not" and "dull" speak for, "weak" against."""
    heat = np.zeros((2, 8), np.float32)
    heat[0, 0], heat[0, 2], heat[1, 3], heat[1, 1] = 1, 0.5, -0.8, 0.1
    return heat


def _write_signal(directory: Path) -> None:
    time = np.linspace(0, 6, 48)
    x = np.stack([np.sin(time), np.cos(2 * time)])[..., None].astype(np.float32)
    heat = Heat(
        np.exp(-np.square(np.linspace(-3, 3, 12)))[None]
        .repeat(2, 0)
        .astype(np.float32),
        plugin_data_pb2.Explanation(
            method="grad_cam", site="conv", input_path="picture", score_source="output"
        ),
    )
    with EventFile(directory) as events:
        events.restart(0)
        signal = Tensor(metadata.INPUT, "picture", x, SEQUENCE)
        values = [
            tensor_value(signal, 0, START_WALL_TIME),
            _heat("grad_cam", heat, _TIME, 0),
            model_value(_model("picture", (), ())),
            _record(0, 0.5),
        ]
        events.write(0, START_WALL_TIME, values)


def _heat(method: str, heat: Heat, layout: Layout, step: int) -> Any:
    tensor = Tensor(metadata.HEATMAP, method, heat.values, layout)
    wall_time = START_WALL_TIME + step / 10
    return tensor_value(tensor, step, wall_time, explanation=heat.explanation)


def _record(record: int, loss: float) -> Any:
    numbers = [record, record, loss, loss, 1e-3, np.nan, 0, np.nan]
    table: npt.NDArray[Any] = np.asarray(numbers)
    tag = metadata.RECORD_TAG
    return table_value(tag, table, metadata.STATISTICS_PLUGIN_NAME, tag)


def _model(
    input_path: str, labels: Sequence[int], class_names: Sequence[str]
) -> plugin_data_pb2.ModelDescription:
    layers = [
        ("picture", "InputLayer", [], "", (SIZE, SIZE, 3)),
        ("conv", "Conv2D", ["picture"], "relu", (COARSE, COARSE, 4)),
        ("probs", "Dense", ["conv"], "softmax", (3,)),
    ]
    samples = len(labels) or 2
    return plugin_data_pb2.ModelDescription(
        format_version=metadata.FORMAT_VERSION,
        name="small",
        layers=[
            plugin_data_pb2.Layer(
                path=path,
                class_name=class_name,
                parents=parents,
                activation=activation,
                maps_recorded=path == "conv",
                outputs=[
                    plugin_data_pb2.OutputSpec(
                        shape=(samples, *shape), dtype="float32", path=path
                    )
                ],
            )
            for path, class_name, parents, activation, shape in layers
        ],
        statistics=metadata.STATISTICS,
        record_values=metadata.RECORD_VALUES,
        probe=plugin_data_pb2.Probe(
            samples=samples,
            samples_recorded=samples,
            labels=labels,
            class_names=class_names,
            input_paths=[input_path],
            output_paths=["probs"],
        ),
    )
