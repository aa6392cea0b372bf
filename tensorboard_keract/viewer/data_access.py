"""What a run holds, read through TensorBoard's data provider.

Works with both of TensorBoard's loaders, whose readings of odd event files differ:
steps may come unsorted or twice (the record with the latest wall time wins),
tensors may be missing, and tables may change their shape when a model does. A run
may hold what a recorder wrote, single summaries, or both. A record may have maps but
no tables, tables but no maps, or rows of a table and not others.

The table of single summaries has a tag for each of its rows, `statistics/<kind>/
<path>` and `histograms/<kind>/<path>`. They extend the rows that the recorder's
model description names, so that every reader sees one table.
"""

from __future__ import annotations

import math
import zlib
from collections.abc import Callable, Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any, Final, NamedTuple, TypeVar

import numpy as np
from tensorboard import errors
from tensorboard.context import RequestContext
from tensorboard.data import provider

from tensorboard_keract import metadata, plugin_data_pb2
from tensorboard_keract.recording import wire_format
from tensorboard_keract.viewer.history import (
    FloatArray,
    Steps,
    Table,
    latest,
    record_block,
    records_written,
    steps_of,
    union_steps,
    up_to_date,
)
from tensorboard_keract.viewer.lru_cache import LruCache

# The provider asks for a number of steps; this one means all.
_ALL_STEPS: Final = 1 << 30

# A reply of TensorBoard's data server may have 256 MiB; the rest is for its framing.
_REPLY_LIMIT_BYTES: Final = 240 << 20

# The data server takes some 42 ms for a blob, nearly all of it waiting.
_READER_THREADS: Final = 16

_TABLE_CACHE_BYTES: Final = 256 << 20
_CACHE_ENTRIES: Final = 256

_TABLE_PLUGIN_NAMES: Final = (
    metadata.STATISTICS_PLUGIN_NAME,
    metadata.HISTOGRAMS_PLUGIN_NAME,
)
_WEIGHT_KINDS: Final = (metadata.WEIGHT, metadata.WEIGHT_GRADIENT)

# Of a run's series under a plugin name: tag, greatest step, latest wall time.
_Signature = tuple[tuple[str, int, float], ...]

_Value = TypeVar("_Value")


class RunInfo(NamedTuple):
    """A run with Keract data.

    Attributes:
      run: its name.
      start_time: seconds since the epoch, None where unknown.
      format_error: why it can't be read, in a sentence; empty if it can.
    """

    run: str
    start_time: float | None
    format_error: str


class SeriesIndex(NamedTuple):
    """The steps at which a run has records.

    Attributes:
      steps: the different lists of steps that occur.
      tags: for each tag of a tensor's maps, an index into `steps`.
      statistics: index into `steps` of the statistics and record values, None
        without any.
      histograms: index into `steps` of where there may be histograms, None without
        any.
      records_written: by the run's recorder; None where unknown.
    """

    steps: list[Steps]
    tags: dict[str, int]
    statistics: int | None
    histograms: int | None
    records_written: int | None


class StatisticsTable(NamedTuple):
    """Statistics of all tensors of a run.

    Attributes:
      steps: when.
      epochs: epochs completed at each step, -1 where unknown.
      values: [step, row, statistic]; NaN where a step has none, or not this row.
      record_values: [step, value]; NaN where a step has none.
    """

    steps: Steps
    epochs: list[int]
    values: FloatArray
    record_values: FloatArray


class HistogramsTable(NamedTuple):
    """Histograms of some tensors of a run: `values` [step, row, bin], NaN if none."""

    steps: Steps
    values: FloatArray


class StoredTensor(NamedTuple):
    """A tensor at a step: its header and, by index, the blobs asked for."""

    step: int
    wall_time: float
    header: plugin_data_pb2.TensorHeader
    blobs: dict[int, bytes]


class _Model(NamedTuple):
    """A model description, of whose rows the first `recorded_rows` are a recorder's."""

    description: plugin_data_pb2.ModelDescription
    recorded_rows: int

    def rows(self) -> list[metadata.TagParts]:
        return [metadata.TagParts(row.kind, row.path) for row in self.description.rows]


class _Sequence(NamedTuple):
    """A tag's blob sequence at one step, as references."""

    wall_time: float
    references: tuple[provider.BlobReference, ...]


class _Tables(NamedTuple):
    """All tensors of a run under one plugin name, and what tells them from newer."""

    signature: _Signature
    by_tag: dict[str, Table]

    def cost(self) -> int:
        """Bytes of memory, about."""
        return sum(
            array.nbytes
            for table in self.by_tag.values()
            for array in table.values.values()
        )


class Reader:
    """Reads runs through a data provider; one for the life of the plugin.

    Attributes:
      provider: TensorBoard's data provider.
      pool: threads that wait for it. What runs there must not wait for the pool.
      tables: a run's tables, by experiment, plugin name and run.
      sequences: a tag's references, by experiment, run and tag.
      map_steps: the steps of a run's maps by tag, by experiment and run, and what
        tells them from newer.
      models: a model's blob, by experiment, run, step and wall time.
    """

    def __init__(self, data_provider: provider.DataProvider) -> None:
        self.provider = data_provider
        self.pool = ThreadPoolExecutor(_READER_THREADS, "keract-reader")
        self.tables: LruCache[tuple[str, str, str], _Tables] = LruCache(
            _TABLE_CACHE_BYTES, _Tables.cost
        )
        self.sequences: LruCache[tuple[str, str, str], dict[int, _Sequence]] = LruCache(
            _CACHE_ENTRIES, lambda _: 1
        )
        self.map_steps: LruCache[
            tuple[str, str], tuple[_Signature, dict[str, Steps]]
        ] = LruCache(_CACHE_ENTRIES, lambda _: 1)
        self.models: LruCache[tuple[str, str, int, float], bytes] = LruCache(
            _CACHE_ENTRIES, lambda _: 1
        )

    def experiment(self, context: RequestContext, experiment_id: str) -> Experiment:
        """What the runs of one experiment hold, for the length of a request."""
        return Experiment(self, context, experiment_id)


class Experiment:
    """The runs of an experiment. Made by `Reader.experiment`.

    All methods raise `NotFoundError` for a run, tag, step or index that is not
    there, and for stored data that is damaged or of a newer format; its text says
    which, in one line.
    """

    def __init__(
        self, reader: Reader, context: RequestContext, experiment_id: str
    ) -> None:
        self._reader = reader
        self._provider = reader.provider
        self._context = context
        self._id = experiment_id

    def runs(self) -> list[RunInfo]:
        """The runs with Keract data, in TensorBoard's order."""
        known = self._provider.list_runs(self._context, experiment_id=self._id)
        names = [run.run_name for run in known]
        contents = self._plugin_contents(names)
        return [
            RunInfo(run.run_name, run.start_time, _format_error(contents[run.run_name]))
            for run in known
            if run.run_name in contents
        ]

    def model(self, run: str) -> plugin_data_pb2.ModelDescription:
        """The description of a run's model, completed with single summaries' rows."""
        return self._model(run).description

    def _model(self, run: str) -> _Model:
        description = self._recorded_model(run)
        recorded_rows = len(description.rows) if description else 0
        tags = [
            tag
            for plugin_name in _TABLE_PLUGIN_NAMES
            for tag in self._listed(plugin_name, run)
        ]
        if description is None:
            sequences = self._run_sequences(run)
            if not (sequences or tags):
                raise self._no_run(run)
            description = self._synthesized_model(run, sequences)
        known = {(row.kind, row.path) for row in description.rows}
        for parts in sorted({parts for tag in tags if (parts := _single_row(tag))}):
            if parts not in known:
                description.rows.append(_table_row(parts))
        return _Model(description, recorded_rows)

    def series(self, run: str) -> SeriesIndex:
        """The steps at which a run has records."""
        map_steps = self._map_steps(run)
        tables = self._run_tables(metadata.STATISTICS_PLUGIN_NAME, run)
        histogram_tags = self._signature(metadata.HISTOGRAMS_PLUGIN_NAME, run)
        if map_steps is None and not (tables or histogram_tags):
            raise self._no_run(run)

        lists: dict[Steps, int] = {}

        def index_of(steps: Steps) -> int:
            return lists.setdefault(steps, len(lists))

        tags = {tag: index_of(steps) for tag, steps in (map_steps or {}).items()}
        statistics_steps = union_steps(tables.values())
        statistics = index_of(statistics_steps) if tables else None
        histograms = None
        if histogram_tags:
            # Every record has record values; to see which of them have histograms
            # would be to read all of those.
            last = max(step for _, step, _ in histogram_tags)
            recorded = (
                metadata.RECORD_TAG in tables or metadata.STATISTICS_TAG in tables
            )
            steps = (
                statistics_steps.until(last)
                if recorded
                else union_steps(
                    self._run_tables(metadata.HISTOGRAMS_PLUGIN_NAME, run).values()
                )
            )
            histograms = index_of(steps)
        return SeriesIndex(
            list(lists), tags, statistics, histograms, records_written(tables)
        )

    def statistics(self, run: str) -> StatisticsTable:
        """The statistics of all rows of `model(run)`, at every kept step."""
        model = self._model(run)
        tables = self._run_tables(metadata.STATISTICS_PLUGIN_NAME, run)
        steps = union_steps(tables.values())
        values = _assemble(
            tables,
            metadata.STATISTICS_TAG,
            steps.steps,
            model,
            range(len(model.description.rows)),
            len(model.description.statistics),
        )
        names = list(model.description.record_values)
        record_values = record_block(
            tables.get(metadata.RECORD_TAG, Table({}, {})), steps.steps, len(names)
        )
        epochs = [-1] * len(steps.steps)
        if "epoch" in names:
            column = record_values[:, names.index("epoch")]
            epochs = [int(e) if math.isfinite(e) else -1 for e in column]
        return StatisticsTable(steps, epochs, values, record_values)

    def histograms(
        self, run: str, rows: Sequence[int], at: Sequence[int] = ()
    ) -> HistogramsTable:
        """The histograms of the given rows of `model(run)`.

        At every kept step, or where `at` names some, at those of them that are kept.
        """
        model = self._model(run)
        check_rows(model.description, run, rows)
        tables = self._run_tables(metadata.HISTOGRAMS_PLUGIN_NAME, run)
        steps = union_steps(tables.values())
        if at:
            steps = steps.among(at)
        values = _assemble(
            tables,
            metadata.HISTOGRAMS_TAG,
            steps.steps,
            model,
            rows,
            wire_format.HISTOGRAM_BINS,
        )
        return HistogramsTable(steps, values)

    def tensors(
        self,
        run: str,
        tag: str,
        steps: Sequence[int],
        indices: Sequence[int] | None = (),
        wall_time: float | None = None,
        *,
        skip_missing: bool = False,
    ) -> list[StoredTensor]:
        """Headers and blobs of a tensor at some steps.

        Args:
          run: the run.
          tag: `<kind>/<path>`.
          steps: at which steps.
          indices: which blobs, from 0; None for all.
          wall_time: if given, the record must be the one of that time.
          skip_missing: leaves out the blobs that a step has not, as of a batch that is
            smaller than others; else they are not found.
        """
        at = self._tag_sequences(run, tag, steps, wall_time)
        jobs: list[tuple[int, int]] = []
        for step in steps:
            count = len(at[step].references) - 1
            if count < 0:
                raise errors.NotFoundError(f"{tag!r} at step {step} holds no data")
            wanted = range(count) if indices is None else indices
            there = [index for index in wanted if 0 <= index < count]
            missing = [index for index in wanted if index not in there]
            if missing and not skip_missing:
                raise errors.NotFoundError(
                    f"index {missing[0]}: {tag!r} at step {step} has {count} blobs"
                )
            jobs += [(step, place) for place in (0, *(1 + index for index in there))]
        references = [at[step].references[place] for step, place in jobs]
        read = dict(zip(jobs, self._read_blobs(references), strict=True))

        tensors = []
        for step in steps:
            header = _readable(
                wire_format.decode_header, read[step, 0], f"{tag!r} at step {step}"
            )
            # Who writes a single summary does not always know the step.
            header.step = step
            blobs = {p - 1: read[s, p] for s, p in jobs if s == step and p}
            for index, blob in blobs.items():
                if index >= header.blobs or zlib.crc32(blob) != header.crc32[index]:
                    raise errors.NotFoundError(
                        f"blob {index} of {tag!r} at step {step} is damaged: its"
                        " checksum is not the recorded one"
                    )
            tensors.append(StoredTensor(step, at[step].wall_time, header, blobs))
        return tensors

    def _map_steps(self, run: str) -> dict[str, Steps] | None:
        """The steps of each tag of maps; None for a run without blob sequences.

        To read 200 tags at 100 steps takes TensorBoard 0.1 to 0.3 s; to list them, a
        fraction of it.
        """
        signature = self._signature(metadata.PLUGIN_NAME, run)
        if not signature:
            return None
        cached = self._reader.map_steps.get((self._id, run))
        if cached is not None and cached[0] == signature:
            map_steps = cached[1]
        else:
            map_steps = {
                tag: steps_of({step: d.wall_time for step, d in latest(data).items()})
                for tag, data in sorted(self._sequence_data(run).items())
                if metadata.parse_tensor_tag(tag)
            }
            self._reader.map_steps.put((self._id, run), (signature, map_steps))
        records = self._record_steps(run)
        # Hundreds of tags share a few lists of steps.
        known = {steps: up_to_date(steps, records) for steps in map_steps.values()}
        return {tag: known[s] for tag, s in map_steps.items() if known[s].steps}

    def _tag_sequences(
        self, run: str, tag: str, steps: Sequence[int], wall_time: float | None
    ) -> dict[int, _Sequence]:
        """The sequences of a tag, which has all of `steps`.

        With a wall time, references read earlier will do: they name the same bytes
        as long as the wall time is the same.
        """
        key = (self._id, run, tag)
        at = None if wall_time is None else self._reader.sequences.get(key)
        if at is None or any(
            s not in at or at[s].wall_time != wall_time for s in steps
        ):
            found = self._run_sequences(run, [tag]).get(tag, {})
            history = steps_of({step: one.wall_time for step, one in found.items()})
            current = up_to_date(history, self._record_steps(run))
            at = {step: found[step] for step in current.steps}
            if not at:
                raise self._no_tag(run, tag)
            self._reader.sequences.put(key, at)
        for step in steps:
            if step not in at:
                raise errors.NotFoundError(
                    f"step {step}: {tag!r} of run {run!r} has {_some_steps(at)}"
                )
            if wall_time is not None and at[step].wall_time != wall_time:
                raise errors.NotFoundError(
                    f"{tag!r} at step {step} has wall time {at[step].wall_time!r},"
                    f" not {wall_time!r}"
                )
        return at

    def _recorded_model(self, run: str) -> plugin_data_pb2.ModelDescription | None:
        at = self._run_sequences(run, [metadata.MODEL_TAG]).get(metadata.MODEL_TAG)
        if not at:
            return None
        step = max(at)
        key = (self._id, run, step, at[step].wall_time)
        blob = self._reader.models.get(key)
        if blob is None:
            (blob,) = self._read_blobs(at[step].references[:1])
            self._reader.models.put(key, blob)
        return _readable(_parse_model, blob, f"the model of run {run!r}")

    def _synthesized_model(
        self, run: str, sequences: Mapping[str, Mapping[int, _Sequence]]
    ) -> plugin_data_pb2.ModelDescription:
        """A description of what single summaries there are, without table rows."""
        tags = {
            tag: parts
            for tag in sorted(sequences)
            if (parts := metadata.parse_tensor_tag(tag))
        }
        last = [sequences[tag][max(sequences[tag])].references[0] for tag in tags]
        model = plugin_data_pb2.ModelDescription(
            format_version=metadata.FORMAT_VERSION, statistics=metadata.STATISTICS
        )
        layers: dict[str, plugin_data_pb2.Layer] = {}
        for parts, blob in zip(tags.values(), self._read_blobs(last), strict=True):
            row = _table_row(parts)
            header = _readable(wire_format.decode_header, blob, f"{parts.path!r}")
            row.shape[:] = [axis.size for axis in header.axes]
            row.dtype = header.dtype
            model.rows.append(row)
            layer = layers.setdefault(
                row.layer_path, plugin_data_pb2.Layer(path=row.layer_path)
            )
            layer.maps_recorded = True
            if parts.kind == metadata.WEIGHT:
                layer.weights.append(parts.path)
            if parts.kind not in _WEIGHT_KINDS:
                model.probe.samples_recorded = max(
                    model.probe.samples_recorded, header.blobs
                )
        model.layers.extend(layers.values())
        return model

    def _read_blobs(self, references: Iterable[provider.BlobReference]) -> list[bytes]:
        def read(reference: provider.BlobReference) -> bytes:
            key = reference.blob_key
            try:
                return bytes(self._provider.read_blob(self._context, blob_key=key))
            except (KeyError, IndexError, ValueError) as error:
                # So the Python loader says that the blob went since it was listed.
                raise errors.NotFoundError("The record is gone: reload.") from error

        return list(self._reader.pool.map(read, references))

    def _run_sequences(
        self, run: str, tags: Sequence[str] | None = None
    ) -> dict[str, dict[int, _Sequence]]:
        """The blob sequences of a run, by tag and step, where there are any blobs."""
        return {
            tag: {
                step: _Sequence(datum.wall_time, tuple(datum.values))
                for step, datum in latest(data).items()
            }
            for tag, data in self._sequence_data(run, tags).items()
        }

    def _sequence_data(
        self, run: str, tags: Sequence[str] | None = None
    ) -> dict[str, list[Any]]:
        """A provider's `BlobSequenceDatum`s of a run, by tag; those without blobs not.

        Of 200 tags at 100 steps there are 20,000, so this is kept lean: they are
        neither copied nor sorted.
        """

        def read(some: Sequence[str] | None) -> Mapping[str, Sequence[Any]]:
            answer = self._provider.read_blob_sequences(
                self._context,
                experiment_id=self._id,
                plugin_name=metadata.PLUGIN_NAME,
                downsample=_ALL_STEPS,
                run_tag_filter=provider.RunTagFilter([run], some),
            )
            found: Mapping[str, Sequence[Any]] = answer.get(run, {})
            return found

        return {
            tag: filled
            for tag, data in self._tolerant(read, run, tags).items()
            if (filled := [datum for datum in data if datum.values])
        }

    def _tolerant(
        self,
        read: Callable[[Sequence[str] | None], Mapping[str, _Value]],
        run: str,
        tags: Sequence[str] | None,
    ) -> dict[str, _Value]:
        """`read(tags)`, without the tags that TensorBoard's Python loader trips over.

        That loader raises KeyError for a whole listing if one of its tags has
        metadata but never had a tensor. Which tag, it does not say.
        """
        try:
            return dict(read(tags))
        except KeyError:
            pass
        found: dict[str, _Value] = {}
        for tag in self._candidate_tags(run) if tags is None else tags:
            try:
                found.update(read([tag]))
            except KeyError:
                continue
        return found

    def _candidate_tags(self, run: str) -> list[str]:
        """Tags that a run may have, where TensorBoard can't list them."""
        tags = [
            metadata.STATISTICS_TAG,
            metadata.RECORD_TAG,
            metadata.HISTOGRAMS_TAG,
            metadata.MODEL_TAG,
        ]
        model = self._recorded_model(run)
        if model is not None:
            paths = {layer.path for layer in model.layers}
            paths |= {row.path for row in model.rows}
            tags += [
                metadata.tensor_tag(kind, path)
                for kind in metadata.TENSOR_KINDS
                for path in sorted(paths)
            ]
        return tags

    def _list_time_series(
        self, plugin_name: str, runs: Sequence[str], tags: Sequence[str] | None
    ) -> dict[str, dict[str, Any]]:
        """A provider's `{run: {tag: time series}}` of one plugin name."""
        list_series = (
            self._provider.list_blob_sequences
            if plugin_name == metadata.PLUGIN_NAME
            else self._provider.list_tensors
        )
        answer: dict[str, dict[str, Any]] = list_series(
            self._context,
            experiment_id=self._id,
            plugin_name=plugin_name,
            run_tag_filter=provider.RunTagFilter(runs, tags),
        )
        return answer

    def _plugin_contents(self, runs: Sequence[str]) -> dict[str, set[bytes]]:
        """The plugin data found in each run that has any."""
        plugin_names = (metadata.PLUGIN_NAME, *_TABLE_PLUGIN_NAMES)
        listings = [
            self._reader.pool.submit(self._list_time_series, plugin_name, runs, None)
            for plugin_name in plugin_names
        ]
        contents: dict[str, set[bytes]] = {}
        for plugin_name, listing in zip(plugin_names, listings, strict=True):
            try:
                listed = listing.result()
            except KeyError:
                # See `_tolerant`: a single run spoils the listing of all.
                listed = {run: self._listed(plugin_name, run) for run in runs}
            for run, series in listed.items():
                if series:
                    found = contents.setdefault(run, set())
                    found.update(s.plugin_content for s in series.values())
        return contents

    def _listed(self, plugin_name: str, run: str) -> dict[str, Any]:
        """The time series of a run, by tag."""
        return self._tolerant(
            lambda tags: self._list_time_series(plugin_name, [run], tags).get(run, {}),
            run,
            None,
        )

    def _signature(self, plugin_name: str, run: str) -> _Signature:
        """What changes when a run's series do; empty where it has none."""
        return tuple(
            (tag, series.max_step, series.max_wall_time)
            for tag, series in sorted(self._listed(plugin_name, run).items())
        )

    def _record_steps(self, run: str) -> Steps:
        """When the run's recorder wrote its records; nothing of a run without one."""
        tables = self._read_tables(metadata.STATISTICS_PLUGIN_NAME, run)
        return union_steps(
            table for tag, table in tables.items() if tag == metadata.RECORD_TAG
        )

    def _run_tables(self, plugin_name: str, run: str) -> dict[str, Table]:
        """All tensors of a run under a plugin name, by tag."""
        records = self._record_steps(run)
        tables = {
            tag: table.at(up_to_date(steps_of(table.wall_times), records))
            for tag, table in self._read_tables(plugin_name, run).items()
        }
        return {tag: table for tag, table in tables.items() if table.wall_times}

    def _read_tables(self, plugin_name: str, run: str) -> dict[str, Table]:
        """The history of each tag of a run under a plugin name, for itself."""
        signature = self._signature(plugin_name, run)
        if not signature:
            return {}
        key = (self._id, plugin_name, run)
        cached = self._reader.tables.get(key)
        if cached is not None and cached.signature == signature:
            return cached.by_tag

        def read(tags: Sequence[str] | None, steps: int) -> Mapping[str, Sequence[Any]]:
            answer = self._provider.read_tensors(
                self._context,
                experiment_id=self._id,
                plugin_name=plugin_name,
                downsample=steps,
                run_tag_filter=provider.RunTagFilter([run], tags),
            )
            found: Mapping[str, Sequence[Any]] = answer.get(run, {})
            return found

        last = self._tolerant(lambda tags: read(tags, 1), run, None)
        step_bytes = sum(d.numpy.nbytes for data in last.values() for d in data)
        # All steps, as far as they fit in a reply. The rest is left out evenly.
        steps = min(_ALL_STEPS, _REPLY_LIMIT_BYTES // max(1, step_bytes))
        data = self._tolerant(lambda tags: read(tags, max(1, steps)), run, None)
        tables = {}
        for tag, series in data.items():
            history = latest(series)
            tables[tag] = Table(
                {step: datum.wall_time for step, datum in history.items()},
                {
                    step: datum.numpy
                    for step, datum in history.items()
                    if datum.numpy.dtype.kind == "f"
                },
            )
        self._reader.tables.put(key, _Tables(signature, tables))
        return tables

    def _no_run(self, run: str) -> errors.NotFoundError:
        names = [info.run for info in self.runs()]
        return errors.NotFoundError(
            f"run {run!r}: the runs with Keract data are {_some(names)}"
        )

    def _no_tag(self, run: str, tag: str) -> errors.NotFoundError:
        tags = sorted(filter(metadata.parse_tensor_tag, self._sequence_data(run)))
        if not tags:
            return self._no_run(run)
        return errors.NotFoundError(f"tag {tag!r}: run {run!r} has {_some(tags)}")


def check_rows(
    model: plugin_data_pb2.ModelDescription, run: str, rows: Iterable[int]
) -> None:
    """Raises `NotFoundError` if a row is not one of the model's."""
    count = len(model.rows)
    for row in rows:
        if not 0 <= row < count:
            has = f"rows 0 to {count - 1}" if count else "no rows"
            raise errors.NotFoundError(f"row {row}: run {run!r} has {has}")


def _format_error(contents: Iterable[bytes]) -> str:
    for content in sorted(contents):
        try:
            metadata.parse_plugin_metadata(content)
        except ValueError as error:
            return _one_line(str(error))
    return ""


def _readable(parse: Callable[[bytes], _Value], stored: bytes, what: str) -> _Value:
    """`parse(stored)`; NotFoundError, which names what it was, where that fails."""
    try:
        return parse(stored)
    except ValueError as error:
        raise errors.NotFoundError(f"{what}: {_one_line(str(error))}") from error


def _parse_model(blob: bytes) -> plugin_data_pb2.ModelDescription:
    return metadata.parse_message(
        plugin_data_pb2.ModelDescription, blob, "model description"
    )


def _assemble(
    tables: Mapping[str, Table],
    table_tag: str,
    steps: Sequence[int],
    model: _Model,
    wanted: Iterable[int],
    columns: int,
) -> FloatArray:
    """Rows of the recorder's table and of single summaries, [step, row, column]."""
    missing = Table({}, {})
    whole = tables.get(table_tag, missing).block(steps, model.recorded_rows, columns)
    rows = model.rows()
    blocks = [np.zeros((len(steps), 0, columns), np.float32)]
    for row in wanted:
        if row < model.recorded_rows:
            blocks.append(whole[:, row : row + 1])
        else:
            single = f"{table_tag}/{rows[row].kind}/{rows[row].path}"
            blocks.append(tables.get(single, missing).block(steps, 1, columns))
    return np.concatenate(blocks, axis=1)


def _single_row(tag: str) -> metadata.TagParts | None:
    """The row that a tag `statistics/<kind>/<path>` or `histograms/…` holds."""
    table, slash, tensor_tag = tag.partition("/")
    if slash and table in (metadata.STATISTICS_TAG, metadata.HISTOGRAMS_TAG):
        return metadata.parse_tensor_tag(tensor_tag)
    return None


def _table_row(parts: metadata.TagParts) -> plugin_data_pb2.TableRow:
    """The row of a single summary. A weight belongs to the layer its path names."""
    parent = parts.path.rpartition("/")[0] if parts.kind in _WEIGHT_KINDS else ""
    return plugin_data_pb2.TableRow(
        kind=parts.kind,
        path=parts.path,
        layer_path=parent or parts.path,
        histogram_stride=1,
    )


def _some(names: Sequence[str]) -> str:
    """Names for an error's text, the first few of many."""
    shown = ", ".join(repr(name) for name in names[:8])
    more = len(names) - 8
    return (shown or "none") + (f" and {more} more" if more > 0 else "")


def _some_steps(at: Mapping[int, object]) -> str:
    steps = sorted(at)
    if len(steps) <= 8:
        return f"steps {', '.join(map(str, steps))}"
    return f"{len(steps)} steps from {steps[0]} to {steps[-1]}"


def _one_line(text: str) -> str:
    return " ".join(text.split())
