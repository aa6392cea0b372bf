"""Reading through a data provider that does what real ones do on odd input."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np
import pytest
from tensorboard import errors
from tensorboard.context import RequestContext
from tensorboard.data import provider

from tensorboard_keract import metadata, plugin_data_pb2
from tensorboard_keract.recording import wire_format
from tensorboard_keract.viewer.data_access import Experiment, Reader
from tests.fixture_run import tensor_blobs
from tests.odd_runs import model, strip

RUN = "run"


class Record(NamedTuple):
    """One step of a time series: blobs, or an array."""

    step: int
    wall_time: float
    payload: Any


class FakeProvider:
    """The part of a data provider that is used, over `{(plugin, run, tag): records}`.

    Attributes:
      calls: the names of the methods called.
    """

    def __init__(self, series: Mapping[tuple[str, str, str], list[Record]]) -> None:
        self.series = dict(series)
        self.calls: list[str] = []
        self.steps_asked_for: list[int] = []

    def list_runs(self, context: object, *, experiment_id: str) -> list[provider.Run]:
        self.calls.append("list_runs")
        names = dict.fromkeys(run for _, run, _ in self.series)
        return [provider.Run(name, name, 1.5) for name in names]

    def _found(
        self, plugin_name: str, chosen: provider.RunTagFilter
    ) -> dict[str, dict[str, list[Record]]]:
        found: dict[str, dict[str, list[Record]]] = {}
        for (plugin, run, tag), records in self.series.items():
            wanted = (chosen.runs is None or run in chosen.runs) and (
                chosen.tags is None or tag in chosen.tags
            )
            if plugin == plugin_name and wanted:
                found.setdefault(run, {})[tag] = records
        return found

    def _list(
        self,
        context: object,
        *,
        experiment_id: str,
        plugin_name: str,
        run_tag_filter: provider.RunTagFilter,
    ) -> dict[str, dict[str, Any]]:
        self.calls.append("list")
        content = metadata.create_summary_metadata(plugin_name, "activation")
        return {
            run: {
                tag: provider.TensorTimeSeries(
                    max_step=max(record.step for record in records),
                    max_wall_time=max(record.wall_time for record in records),
                    plugin_content=content.plugin_data.content,
                    description="",
                    display_name="",
                )
                for tag, records in tags.items()
            }
            for run, tags in self._found(plugin_name, run_tag_filter).items()
        }

    list_tensors = list_blob_sequences = _list

    def read_tensors(
        self,
        context: object,
        *,
        experiment_id: str,
        plugin_name: str,
        downsample: int,
        run_tag_filter: provider.RunTagFilter,
    ) -> dict[str, dict[str, Any]]:
        self.calls.append("read_tensors")
        self.steps_asked_for.append(downsample)
        return {
            run: {
                tag: [
                    provider.TensorDatum(step, wall_time, array)
                    for step, wall_time, array in records[-downsample:]
                ]
                for tag, records in tags.items()
            }
            for run, tags in self._found(plugin_name, run_tag_filter).items()
        }

    def read_blob_sequences(
        self,
        context: object,
        *,
        experiment_id: str,
        plugin_name: str,
        downsample: int,
        run_tag_filter: provider.RunTagFilter,
    ) -> dict[str, dict[str, Any]]:
        self.calls.append("read_blob_sequences")
        return {
            run: {
                tag: [
                    provider.BlobSequenceDatum(
                        step,
                        wall_time,
                        tuple(
                            provider.BlobReference(f"{run}|{tag}|{place}|{index}")
                            for index in range(len(blobs))
                        ),
                    )
                    for place, (step, wall_time, blobs) in enumerate(records)
                ]
                for tag, records in tags.items()
            }
            for run, tags in self._found(plugin_name, run_tag_filter).items()
        }

    def read_blob(self, context: object, *, blob_key: str) -> bytes:
        self.calls.append("read_blob")
        run, tag, place, index = blob_key.split("|")
        blob: bytes = self.series["keract", run, tag][int(place)].payload[int(index)]
        return blob


def read(series: Mapping[tuple[str, str, str], list[Record]]) -> Experiment:
    return Reader(FakeProvider(series)).experiment(RequestContext(), "")


def blobs(values: Sequence[Sequence[float]], step: int = 1) -> list[bytes]:
    return tensor_blobs(strip(values), step, 10.0)


def table(rows: int, value: float) -> np.ndarray:
    return np.full((rows, len(metadata.STATISTICS)), value, np.float32)


MODEL = Record(0, 1.0, [model(2).SerializeToString()])
DENSE = ("keract", RUN, "activation/dense")
STATISTICS = ("keract_statistics", RUN, "statistics")
RECORD = ("keract_statistics", RUN, "record")
HISTOGRAMS = ("keract_histograms", RUN, "histograms")


def test_steps_are_sorted_and_the_latest_wall_time_wins() -> None:
    experiment = read(
        {
            ("keract", RUN, "model"): [MODEL],
            STATISTICS: [
                Record(5, 50.0, table(2, 5)),
                Record(1, 10.0, table(2, 1)),
                Record(5, 60.0, table(2, 6)),
                Record(1, 9.0, table(2, 0)),
            ],
        }
    )
    found = experiment.statistics(RUN)
    assert found.steps == ((1, 5), (10.0, 60.0))
    assert found.values[:, 0, 0].tolist() == [1, 6]


def test_wall_time_that_is_nan_loses() -> None:
    for order in (1, -1):
        records = [Record(1, math.nan, blobs([[0]])), Record(1, 2.0, blobs([[7]]))]
        (tensor,) = read({DENSE: records[::order]}).tensors(RUN, DENSE[2], [1])
        assert (tensor.wall_time, list(tensor.header.high)) == (2.0, [7])


def test_last_model_wins() -> None:
    later = Record(9, 2.0, [model(3).SerializeToString()])
    models = [later, MODEL]
    assert len(read({("keract", RUN, "model"): models}).model(RUN).rows) == 3
    # Written after it, at an earlier step: the training was restarted.
    restarted = Record(4, 3.0, [model(1).SerializeToString()])
    models = [later, restarted, MODEL]
    assert len(read({("keract", RUN, "model"): models}).model(RUN).rows) == 1


def test_series_is_one_read_of_all_sequences() -> None:
    series = {
        ("keract", RUN, f"activation/layer{i}"): [
            Record(step, float(step), [b"", b""]) for step in range(100)
        ]
        for i in range(200)
    }
    fake = FakeProvider(series)
    index = Reader(fake).experiment(RequestContext(), "").series(RUN)
    assert fake.calls.count("read_blob_sequences") == 1
    assert "read_blob" not in fake.calls
    assert len(index.tags) == 200
    assert index.steps == [(tuple(range(100)), tuple(map(float, range(100))))]


def test_tables_are_read_again_only_when_they_grew() -> None:
    fake = FakeProvider(
        {("keract", RUN, "model"): [MODEL], STATISTICS: [Record(0, 1.0, table(2, 1))]}
    )
    reader = Reader(fake)

    def steps() -> tuple[int, ...]:
        experiment = reader.experiment(RequestContext(), "")
        return experiment.statistics(RUN).steps.steps

    assert steps() == (0,)
    reads = fake.calls.count("read_tensors")
    assert steps() == (0,)
    assert fake.calls.count("read_tensors") == reads
    fake.series[STATISTICS].append(Record(1, 2.0, table(2, 1)))
    assert steps() == (0, 1)


def test_large_tables_are_read_in_as_many_steps_as_a_reply_holds() -> None:
    rows = 100_000
    fake = FakeProvider(
        {
            ("keract", RUN, "model"): [Record(0, 1.0, [model(1).SerializeToString()])],
            HISTOGRAMS: [
                Record(0, 1.0, np.zeros((rows, wire_format.HISTOGRAM_BINS), np.float32))
            ],
        }
    )
    Reader(fake).experiment(RequestContext(), "").histograms(RUN, [0])
    # 67 MB a step: three of them fit in a reply of 256 MiB.
    assert fake.steps_asked_for == [1, 3]


def test_references_are_reused_for_a_known_wall_time() -> None:
    fake = FakeProvider({DENSE: [Record(1, 2.0, blobs([[1]]))]})
    reader = Reader(fake)
    for _ in range(3):
        experiment = reader.experiment(RequestContext(), "")
        experiment.tensors(RUN, DENSE[2], [1], [0], wall_time=2.0)
    assert fake.calls.count("read_blob_sequences") == 1
    # Written again: the old wall time is gone, and the new one is found.
    fake.series[DENSE] = [Record(1, 3.0, blobs([[5]]))]
    experiment = reader.experiment(RequestContext(), "")
    (tensor,) = experiment.tensors(RUN, DENSE[2], [1], [0], wall_time=3.0)
    assert list(tensor.header.high) == [5]
    with pytest.raises(errors.NotFoundError, match=r"wall time 3\.0, not 2\.0"):
        experiment.tensors(RUN, DENSE[2], [1], [0], wall_time=2.0)


def test_record_values_and_epochs_of_a_missing_record_are_unknown() -> None:
    record = np.asarray([4, 2, 0.5, 0.6, 0.001, np.nan, 0, np.nan], np.float32)
    experiment = read(
        {
            ("keract", RUN, "model"): [MODEL],
            STATISTICS: [Record(0, 1.0, table(2, 1)), Record(1, 2.0, table(2, 1))],
            RECORD: [Record(1, 2.0, record)],
        }
    )
    found = experiment.statistics(RUN)
    assert found.epochs == [-1, 2]
    assert np.isnan(found.record_values[0]).all()
    np.testing.assert_array_equal(found.record_values[1], record)
    assert experiment.series(RUN).records_written == 5


def test_tables_that_are_no_tables_are_nan() -> None:
    experiment = read(
        {
            ("keract", RUN, "model"): [MODEL],
            STATISTICS: [
                Record(0, 1.0, np.asarray(["text"], object)),
                Record(1, 2.0, np.zeros((), np.float32)),
                Record(2, 3.0, np.zeros((2, 0), np.float32)),
            ],
            RECORD: [Record(1, 2.0, np.zeros((), np.float32))],
        }
    )
    found = experiment.statistics(RUN)
    assert found.values.shape == (3, 2, len(metadata.STATISTICS))
    assert np.isnan(found.values).all()
    assert experiment.series(RUN).records_written is None


def test_single_summaries_beside_a_recorder_add_rows() -> None:
    experiment = read(
        {
            ("keract", RUN, "model"): [MODEL],
            STATISTICS: [Record(0, 1.0, table(2, 1))],
            ("keract_statistics", RUN, "statistics/weight/extra"): [
                Record(0, 1.0, table(1, 9))
            ],
        }
    )
    rows = experiment.model(RUN).rows
    assert [row.path for row in rows] == ["layer0", "layer1", "extra"]
    assert experiment.statistics(RUN).values[0, :, 0].tolist() == [1, 1, 9]


def test_record_that_went_after_it_was_listed_is_not_found() -> None:
    class Forgetful(FakeProvider):
        def read_blob(self, context: object, *, blob_key: str) -> bytes:
            raise KeyError(blob_key)

    fake = Forgetful({DENSE: [Record(1, 2.0, blobs([[1]]))]})
    experiment = Reader(fake).experiment(RequestContext(), "")
    with pytest.raises(errors.NotFoundError, match="gone"):
        experiment.tensors(RUN, DENSE[2], [1])


def test_series_that_cannot_be_listed_are_left_out() -> None:
    class Tripping(FakeProvider):
        """As TensorBoard's Python loader, on a tag without a tensor."""

        def _found(
            self, plugin_name: str, chosen: provider.RunTagFilter
        ) -> dict[str, dict[str, list[Record]]]:
            found = super()._found(plugin_name, chosen)
            for tags in found.values():
                for records in tags.values():
                    if not records:
                        raise KeyError("tensor")
            return found

    described = model(1)
    described.layers.append(plugin_data_pb2.Layer(path="dense"))
    fake = Tripping(
        {
            ("keract", RUN, "model"): [Record(0, 1.0, [described.SerializeToString()])],
            DENSE: [Record(1, 2.0, blobs([[1]]))],
            ("keract", RUN, "activation/layer0"): [],
        }
    )
    experiment = Reader(fake).experiment(RequestContext(), "")
    assert [info.run for info in experiment.runs()] == [RUN]
    assert list(experiment.series(RUN).tags) == ["activation/dense"]


def test_no_runs_at_all() -> None:
    experiment = read({})
    assert experiment.runs() == []
    with pytest.raises(errors.NotFoundError, match="Keract data are none"):
        experiment.series("x")
