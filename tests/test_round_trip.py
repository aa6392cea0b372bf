"""What `fit` recorded is what TensorBoard serves, byte for byte, with both loaders."""

from __future__ import annotations

import gzip
import zlib
from pathlib import Path

import numpy as np
import pytest

from tensorboard_keract import metadata
from tensorboard_keract.recording import wire_format
from tests.reading import Event, model_of, read_records
from tests.tensorboard_process import TensorBoard

RUN = "digits/keract"


@pytest.fixture(scope="module")
def records(digits_logdir: Path) -> list[Event]:
    return read_records(digits_logdir / "digits")


def _array(head, payload: bytes, name: str) -> np.ndarray:
    described = head[name]
    return np.frombuffer(
        payload, "<f4", np.prod(described["shape"], dtype=int), described["offset"]
    ).reshape(described["shape"])


def test_all_steps_of_all_tags_are_kept(
    digits_tensorboard: TensorBoard, records: list[Event]
) -> None:
    series = digits_tensorboard.get("series", run=RUN).json()
    steps = [record.step for record in records]
    assert len(steps) == 11
    assert series["records_written"] == len(steps)
    assert series["steps"][series["statistics"]]["steps"] == steps
    tags = {tag for record in records for tag in record.values}
    assert set(series["tags"]) == {
        tag for tag in tags if metadata.parse_tensor_tag(tag)
    }
    for tag, index in series["tags"].items():
        expected = steps[:1] if tag.startswith("input/") else steps
        assert series["steps"][index]["steps"] == expected, tag


def test_every_map_of_every_step_is_served_as_recorded(
    digits_tensorboard: TensorBoard, records: list[Event]
) -> None:
    for tag in ("activation/conv1", "activation_gradient/conv2", "weight/dense/kernel"):
        steps = [record.step for record in records]
        count = wire_format.decode_header(records[0].values[tag][0]).blobs
        reply = digits_tensorboard.get(
            "tensors", run=RUN, tag=tag, step=steps, index=list(range(count))
        )
        head, payload = reply.unpack()
        for record, tensor in zip(records, head["tensors"], strict=True):
            stored = record.values[tag]
            assert tensor["step"] == record.step
            assert len(tensor["blobs"]) == len(stored) - 1
            for blob, expected in zip(tensor["blobs"], stored[1:], strict=True):
                served = payload[blob["offset"] : blob["offset"] + blob["length"]]
                assert served == expected
                assert zlib.crc32(served) == tensor["header"]["crc32"][blob["index"]]
            header = wire_format.decode_header(stored[0])
            np.testing.assert_array_equal(
                np.float32(tensor["header"]["low"]), np.float32(header.low)
            )


def test_a_blob_passes_compressed_and_arrives_inflated(
    digits_tensorboard: TensorBoard, records: list[Event]
) -> None:
    reply = digits_tensorboard.get(
        "blob", run=RUN, tag="activation/conv1", step=records[-1].step, index=3
    )
    stored = records[-1].values["activation/conv1"][4]
    assert reply.body == gzip.decompress(stored)


def test_tables_are_served_as_recorded(
    digits_tensorboard: TensorBoard, records: list[Event]
) -> None:
    head, payload = digits_tensorboard.get("statistics", run=RUN).unpack()
    np.testing.assert_array_equal(
        _array(head, payload, "statistics"),
        np.stack([record.values["statistics"] for record in records]),
    )
    np.testing.assert_array_equal(
        _array(head, payload, "record_values"),
        np.stack([record.values["record"] for record in records]),
    )
    head, payload = digits_tensorboard.get("histograms", run=RUN, row=[3, 7]).unpack()
    np.testing.assert_array_equal(
        _array(head, payload, "histograms"),
        np.stack([record.values["histograms"][[3, 7]] for record in records]),
    )


def test_the_model_is_served_as_described(
    digits_tensorboard: TensorBoard, records: list[Event]
) -> None:
    served = digits_tensorboard.get("model", run=RUN).json()
    model = model_of(records[0])
    assert [layer["path"] for layer in served["layers"]] == [
        layer.path for layer in model.layers
    ]
    assert served["layers"][2]["class_name"] == "Conv2D"
    assert served["layers"][2]["parents"] == ["resize"]
    assert served["probe"]["labels"] == list(range(10))
    assert [row["path"] for row in served["rows"]] == [row.path for row in model.rows]
    np.testing.assert_array_equal(
        np.float32(served["histogram_edges"]), wire_format.histogram_edges()
    )


def test_the_net_learned_and_its_predictions_say_so(records: list[Event]) -> None:
    def right(record: Event) -> float:
        _, planes = wire_format.decode_tensor(list(record.values["output/output"]))
        predicted = wire_format.dequantize(planes)[:, 0, 0].argmax(axis=1)
        return float(np.mean(predicted == np.arange(10)))

    assert right(records[0]) <= 0.5
    assert right(records[-1]) >= 0.8


def test_heatmaps_are_served_with_what_they_explain(
    digits_logdir: Path, digits_tensorboard: TensorBoard
) -> None:
    tag = "heatmap/grad_cam@conv,targets=1"
    recorded = read_records(digits_logdir / "restarted")
    stored = next(record for record in recorded if record.step == 15).values[tag]
    reply = digits_tensorboard.get(
        "blob", run="restarted/keract", tag=tag, step=15, index=2
    )
    assert reply.body == gzip.decompress(stored[3])
    header = digits_tensorboard.get(
        "header", run="restarted/keract", tag=tag, step=15
    ).json()
    assert header["explanation"]["site"] == "conv"
    assert header["explanation"]["targets"] == [1] * 4


def test_a_restart_leaves_one_history(digits_tensorboard: TensorBoard) -> None:
    """The data server reads on where Python purges: the page sees the same."""
    run = "restarted/keract"
    series = digits_tensorboard.get("series", run=run).json()
    assert series["steps"][series["statistics"]]["steps"] == [0, 10, 15]
    assert series["steps"][series["tags"]["activation/conv"]]["steps"] == [0, 10, 15]
    head, _ = digits_tensorboard.get("statistics", run=run).unpack()
    assert head["wall_times"] == sorted(head["wall_times"])
