"""Runs as they should not be, and as they are sometimes found."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from tensorboard.compat.proto import summary_pb2

from tensorboard_keract import metadata, plugin_data_pb2
from tensorboard_keract.recording import wire_format
from tensorboard_keract.recording.event_file import blob_sequence_value
from tests.fixture_run import (
    STRIP,
    EventFile,
    Tensor,
    model_value,
    statistics_row,
    table_value,
    table_values,
    tensor_blobs,
    tensor_value,
    write_partial_run,
)

# Slashes, spaces, other scripts and what HTML and URLs give a meaning to.
ODD_NAME = "späce & <b>/..%2f+日本/a?b=c#d"


def strip(values: object, path: str = "dense", kind: str = "activation") -> Tensor:
    """A tensor [batch, unit]."""
    return Tensor(kind, path, np.asarray(values, np.float32), STRIP)


def model(rows: int) -> plugin_data_pb2.ModelDescription:
    """A description with some rows, `activation/layer0` and so on."""
    return plugin_data_pb2.ModelDescription(
        format_version=metadata.FORMAT_VERSION,
        rows=[
            plugin_data_pb2.TableRow(kind="activation", path=f"layer{row}")
            for row in range(rows)
        ],
        statistics=metadata.STATISTICS,
        record_values=metadata.RECORD_VALUES,
    )


def statistics_value(rows: int, value: float) -> summary_pb2.Summary.Value:
    table = np.full((rows, len(metadata.STATISTICS)), value)
    return table_value("statistics", table, "keract_statistics", "statistics")


def write_odd_name(logdir: Path) -> None:
    with EventFile(logdir / ODD_NAME) as events:
        events.write(1, 10.0, [tensor_value(strip([[1, 2]]), 1, 10.0)])


def write_single_summaries(logdir: Path) -> None:
    """Only what `tensorboard_keract.summary` writes; a table row lacks step 2."""
    values = np.asarray([[0, 1, -1]], np.float32)
    kernel = Tensor("weight", "net/dense/kernel", values, STRIP)
    with EventFile(logdir / "single") as events:
        for step in (1, 2):
            rows = [
                tensor_value(strip(values * step, "net/dense"), step, float(step)),
                tensor_value(kernel, step, float(step)),
            ]
            for path in ("net/dense", "net/other")[: 3 - step]:
                rows += [
                    table_value(
                        f"statistics/activation/{path}",
                        [statistics_row(values * step)],
                        "keract_statistics",
                        "activation",
                        path,
                    ),
                    table_value(
                        f"histograms/activation/{path}",
                        [wire_format.histogram(values * step)],
                        "keract_histograms",
                        "activation",
                        path,
                    ),
                ]
            events.write(step, float(step), rows)


def write_changed_model(logdir: Path) -> None:
    """The model grows from two rows to three, and training starts again at step 2."""
    with EventFile(logdir / "changed", ".1") as events:
        events.write(0, 10.0, [model_value(model(2)), statistics_value(2, 1.0)])
        for step in (1, 2, 3):
            events.write(step, 10.0 + step, [statistics_value(2, 1.0)])
    with EventFile(logdir / "changed", ".2") as events:
        events.write(2, 20.0, [model_value(model(3)), statistics_value(3, 2.0)])
        events.write(4, 21.0, [statistics_value(3, 2.0)])


def write_newer_format(logdir: Path) -> None:
    tensor = strip([[1, 2]])
    header, *blobs = tensor_blobs(tensor, 1, 10.0)
    newer_header = plugin_data_pb2.TensorHeader.FromString(header)
    newer_header.format_version = metadata.FORMAT_VERSION + 1
    newer_metadata = metadata.create_summary_metadata(
        "keract", tensor.kind, tensor.path
    )
    newer_metadata.plugin_data.content = plugin_data_pb2.PluginData(
        format_version=metadata.FORMAT_VERSION + 1, kind=tensor.kind, path=tensor.path
    ).SerializeToString()
    with EventFile(logdir / "newer") as events:
        stored = [newer_header.SerializeToString(), *blobs]
        events.write(1, 10.0, [blob_sequence_value(tensor.tag, stored, newer_metadata)])


def write_damaged(logdir: Path) -> None:
    """Step 1: a flipped bit in blob 0. Step 2: no header. Step 3: nothing at all."""
    tensor = strip([[1, 2], [3, 4]])
    header, first, second = tensor_blobs(tensor, 1, 10.0)
    flipped = first[:-1] + bytes([first[-1] ^ 1])
    about = metadata.create_summary_metadata("keract", tensor.kind, tensor.path)
    bad_model = metadata.create_summary_metadata("keract", "model")
    with EventFile(logdir / "damaged") as events:
        for step, blobs in enumerate(
            [[header, flipped, second], [b"\xff\xff", first, second], []], 1
        ):
            events.write(
                step, 10.0 + step, [blob_sequence_value(tensor.tag, blobs, about)]
            )
        events.write(
            4, 14.0, [blob_sequence_value("model", [b"\xff\xff\n<b>"], bad_model)]
        )


def write_without_tensor(logdir: Path) -> None:
    """One tag has metadata, but no tensor."""
    about = metadata.create_summary_metadata("keract", "activation", "bare")
    table = metadata.create_summary_metadata("keract_statistics", "activation", "bare")
    described = model(1)
    described.layers.append(plugin_data_pb2.Layer(path="dense"))
    with EventFile(logdir / "without_tensor") as events:
        events.write(
            1,
            10.0,
            [
                model_value(described),
                tensor_value(strip([[1, 2]]), 1, 10.0),
                summary_pb2.Summary.Value(tag="activation/bare", metadata=about),
                statistics_value(1, 3.0),
                summary_pb2.Summary.Value(
                    tag="statistics/activation/bare", metadata=table
                ),
            ],
        )


def write_partial_restart(logdir: Path) -> None:
    """Histograms at every second step; training starts again at one without them."""

    def record(step: int, number: int) -> list[summary_pb2.Summary.Value]:
        statistics = np.full((2, len(metadata.STATISTICS)), float(number))
        bins = np.full((2, wire_format.HISTOGRAM_BINS), float(number))
        # As an older recorder wrote them, which did not know the last two.
        values = [number, 0, 0.5, 0.5, 0.1, 1, 0, 0][: 6 if number < 5 else None]
        return table_values(values, statistics, bins if step % 2 == 0 else None)

    with EventFile(logdir / "restarted", ".1") as events:
        for step in range(5):
            described = [model_value(model(2))] if step == 0 else []
            maps = [tensor_value(strip([[step]]), step, 10.0 + step)]
            values = [*described, *maps, *record(step, step)]
            events.write(step, 10.0 + step, values)
    with EventFile(logdir / "restarted", ".2") as events:
        events.write(1, 20.0, [model_value(model(2)), *record(1, 5)])
        events.write(3, 21.0, record(3, 6))


def write_odd_runs(logdir: Path) -> set[str]:
    """Writes all of them; returns the names of the runs."""
    write_odd_name(logdir)
    write_single_summaries(logdir)
    write_changed_model(logdir)
    write_newer_format(logdir)
    write_damaged(logdir)
    write_without_tensor(logdir)
    write_partial_restart(logdir)
    write_partial_run(logdir / "partial" / "keract")
    names = {"single", "changed", "newer", "damaged", "without_tensor"}
    return {ODD_NAME, *names, "restarted", "partial/keract"}
