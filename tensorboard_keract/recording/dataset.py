"""`record_dataset`: statistics and histograms of a model over a whole dataset.

One pass over the data. Each batch is reduced in the compiled function that passes it
through the model, on all replicas of a distribution strategy; only its small tables come
to the host, where they are added up. So memory does not grow with the data.
"""

from __future__ import annotations

import contextlib
import dataclasses
import functools
import logging
import os
import platform
import time
from collections.abc import Iterable, Iterator, Mapping
from typing import Any, Final

import keras
import numpy as np
import numpy.typing as npt
import tensorflow as tf

from tensorboard_keract import metadata, plugin_data_pb2
from tensorboard_keract._version import __version__
from tensorboard_keract.core.capture import (
    Captured,
    CompiledPass,
    Loss,
    as_tensors,
    check_backend,
)
from tensorboard_keract.core.layer_selection import LayerSelectors, UnknownLayerError
from tensorboard_keract.core.model_layout import ModelLayout
from tensorboard_keract.core.model_state import (
    build,
    built_loss,
    compile_loss_replaced,
)
from tensorboard_keract.recording import event_file, replicas, wire_format
from tensorboard_keract.recording.budget import DEFAULT_BUDGET_BYTES_PER_RUN, RecordPlan
from tensorboard_keract.recording.layout import Limits
from tensorboard_keract.recording.model_description import describe_model
from tensorboard_keract.recording.record import Record, Reduced
from tensorboard_keract.recording.record_writer import RecordWriter
from tensorboard_keract.recording.recorder import run_directory
from tensorboard_keract.recording.reduction import Choice, Parts, Reduction
from tensorboard_keract.recording.rows import GRADIENT_KINDS, KINDS, WEIGHT_KINDS
from tensorboard_keract.recording.statistics import accumulate_statistics

logger = logging.getLogger("tensorboard_keract")

RUN_SUFFIX: Final = "_dataset"

_COUNT: Final = metadata.STATISTICS.index("count")
# Of no values the statistics are NaN, apart from the counts.
_HAS_NAN_IF_EMPTY: Final = np.array(
    [not name.endswith("count") for name in metadata.STATISTICS]
)


@dataclasses.dataclass(frozen=True, eq=False)
class DatasetStatistics:
    """Statistics and histograms of a model's tensors over a whole dataset.

    Example:

    ```python
    result = tk.record_dataset(model, validation_data)
    print(result["activation", "conv1"]["std"])
    print(result.histogram("activation", "conv1").sum())
    ```

    Under a distribution strategy these are of the replicas of all workers together,
    the same on each worker.

    Attributes:
      rows: kind and path of each row; kind is "activation", "activation_gradient",
        "weight" or "weight_gradient".
      statistics: float64 [row, statistic], in the order of `metadata.STATISTICS`. NaN
        where there is nothing to say: moments of a tensor without a finite value, the
        dead channels of one without channels, the saturation of an activation
        function without bounds. The update ratio is always NaN.
      histograms: int64 [row, bin], in the bins of `wire_format.histogram`. Of a batch's
        tensor of more than 65,536 values every n-th is counted, as n; of such a
        weight or its gradient every n-th is counted once.
      statistics_per_replica: float64 [replica, row, statistic], of the part of the data
        that each replica saw. One that saw no sample has counts of 0, and NaN. Rows of
        weights and their gradients are those of the whole on each replica.
      histograms_per_replica: int64 [replica, row, bin], likewise.
      samples: how many the dataset holds.
      batches: how many it came in.
    """

    rows: tuple[tuple[str, str], ...]
    statistics: npt.NDArray[np.float64]
    histograms: npt.NDArray[np.int64]
    statistics_per_replica: npt.NDArray[np.float64]
    histograms_per_replica: npt.NDArray[np.int64]
    samples: int
    batches: int

    def __getitem__(self, kind_and_path: tuple[str, str]) -> dict[str, float]:
        """The statistics of one tensor by name: "count", "mean", "std", "min" …

        Args:
          kind_and_path: such as `"activation", "conv1"`.

        Raises:
          KeyError: if there is no such row; lists the rows.
        """
        row = self.statistics[self._index(kind_and_path)]
        return dict(zip(metadata.STATISTICS, row.tolist(), strict=True))

    def histogram(self, kind: str, path: str) -> npt.NDArray[np.int64]:
        """Counts of the values of one tensor, int64 [bin].

        Raises:
          KeyError: if there is no such row; lists the rows.
        """
        counts: npt.NDArray[np.int64] = self.histograms[self._index((kind, path))]
        return counts

    def _index(self, kind_and_path: tuple[str, str]) -> int:
        try:
            return self.rows.index(kind_and_path)
        except ValueError:
            known = ", ".join(f"{kind} {path}" for kind, path in self.rows)
            raise KeyError(
                f"No row {kind_and_path!r}. Ask for kind and path, as in"
                f' result["activation", "conv1"]; there are: {known}.'
            ) from None


def record_dataset(
    model: keras.Model,
    dataset: Any,
    strategy: tf.distribute.Strategy | None = None,
    *,
    log_dir: str | os.PathLike[str] | None = None,
    step: int | None = None,
    layers: LayerSelectors | None = None,
    exclude_layers: LayerSelectors | None = None,
    kinds: Iterable[str] = (metadata.ACTIVATION, metadata.WEIGHT),
    loss: Loss | None = None,
    training: bool = False,
    progress: bool = True,
) -> DatasetStatistics:
    """Statistics and histograms of everything inside a model, over a whole dataset.

    The model is passed each batch once and stays as it is. What is told of a tensor is
    told of the values that all batches together give it: count, moments and histogram
    of the union. Weights are told of once.

    Gradients are those of the loss of a batch, as a training step on it would have
    them: the activation gradients of all batches are put together, as activations are.
    Weight gradients are averaged first, each sample with the same weight; with a loss
    that is a mean over the batch that is the gradient of the mean loss over the
    dataset, and its statistics are those of a full-batch training step. They take the
    memory of the weights twice more, as float64.

    Example:

    ```python
    result = tk.record_dataset(model, validation_data, log_dir="logs/run1")
    ```

    Args:
      model: a Keras model. One that is not built yet is built on the first batch.
      dataset: a finite, batched `tf.data.Dataset` of x, (x,), (x, y) or (x, y,
        sample_weight), as for `fit`; the last batch may be shorter. Or what
        `strategy.experimental_distribute_dataset` made of one.
      strategy: whose replicas share each batch; by default the model's own. With
        several workers each calls this function with the whole dataset, of which it
        reads its share, and each gets the same result.
      log_dir: where to write a record for the page, as the run
        `<log_dir>/keract_dataset`; only the chief of several workers writes. None for
        no record. What goes wrong in writing is logged.
      step: of the record; by default the updates that the model's optimizer has done,
        0 without one.
      layers, exclude_layers: which layers, as for `Recorder`.
      kinds: some of "activation", "activation_gradient", "weight", "weight_gradient".
        Gradients need y.
      loss: `loss(y, y_pred)`, for gradients of a model that is not compiled.
      training: the `training` argument of the model's call. Dropout then draws the
        same mask for each batch, for its seed stays as it is.
      progress: whether to show a progress bar.

    Raises:
      TypeError: if the dataset is none.
      ValueError: if it is empty or endless, its elements are no batches that the model
        takes, y is missing for gradients; for another argument that won't do.
      UnknownLayerError: if a selector fits no layer; lists the layers.
      OSError: if `log_dir` can't be written.
      RuntimeError: if Keras runs on another backend than TensorFlow.
    """
    check_backend()
    kinds = _checked_kinds(kinds)
    strategy = strategy or getattr(model, "distribute_strategy", None)
    strategy = strategy or tf.distribute.get_strategy()
    distributed, batch_count = _distributed(dataset, strategy)
    if any(kind in GRADIENT_KINDS for kind in kinds):
        _check_loss(model, loss)
    is_chief = bool(strategy.extended.should_save_summary)
    directory = ""
    if log_dir is not None:
        directory = run_directory(log_dir) + RUN_SUFFIX
        step = _checked_step(model, step)
        if is_chief:
            event_file.check_writable(directory)
    choice = Choice(kinds, layers, exclude_layers, Limits(1, 1, 1), "float32", 0)
    data_pass = _DatasetPass(model, strategy, choice, loss, training)
    bar = (
        keras.utils.Progbar(batch_count, unit_name="batch")
        if progress and is_chief
        else None
    )
    result = data_pass.over(distributed, bar)
    if directory and is_chief:
        assert step is not None
        settings = {
            "source": metadata.DATASET_SOURCE,
            "kinds": ", ".join(kinds),
            "layers": "default" if layers is None else str(layers),
            "exclude_layers": "none" if exclude_layers is None else str(exclude_layers),
            "training": training,
            "replicas": strategy.num_replicas_in_sync,
        }
        _write(directory, step, result, data_pass.description(result, settings))
    return result


class _Totals:
    """Tables of the batches so far, added up on the host; a few numbers for each row.

    Attributes:
      statistics: float64 [replica, row, statistic].
      dead: float64 [replica, channel], 1.0 for a channel that is zero everywhere.
      histograms: int64 [replica, row, bin].
      samples: int64 [replica].
    """

    def __init__(
        self, tables: Mapping[str, npt.NDArray[Any]], channel_counts: list[int]
    ) -> None:
        """Starts with the tables of one batch, or of several replicas."""
        self._channel_counts = channel_counts
        self.statistics = np.asarray(tables["statistics"], np.float64)
        self.dead = np.asarray(tables["dead"], np.float64)
        self.histograms = np.asarray(tables["histograms"], np.int64)
        self.samples = np.asarray(tables["samples"], np.int64)

    def add(self, other: _Totals) -> None:
        """Adds what each replica has seen since."""
        replica_count = len(self.samples)
        # To the formulas a row of another replica is another row.
        statistics, dead = accumulate_statistics(
            [_rows_joined(t.statistics) for t in (self, other)],
            [t.dead.ravel() for t in (self, other)],
            self._channel_counts * replica_count,
        )
        self.statistics = statistics.reshape(self.statistics.shape)
        self.dead = dead.reshape(self.dead.shape)
        self.histograms = self.histograms + other.histograms
        self.samples = self.samples + other.samples

    def merged(self) -> npt.NDArray[np.float64]:
        """The statistics of what all replicas have seen, [row, statistic]."""
        statistics, _ = accumulate_statistics(
            self.statistics, self.dead, self._channel_counts
        )
        return statistics


def _rows_joined(tables: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    return tables.reshape(-1, tables.shape[-1])


class _DatasetPass:
    """A model's compiled pass over the batches of a dataset."""

    def __init__(
        self,
        model: keras.Model,
        strategy: tf.distribute.Strategy,
        choice: Choice,
        loss: Loss | None,
        training: bool,
    ) -> None:
        self._model = model
        self._strategy = strategy
        self._training = training
        self._loss = loss
        self._kinds = choice.kinds
        self._wants_gradients = any(k in GRADIENT_KINDS for k in choice.kinds)
        self._reduction = Reduction(choice)
        self._compiled = CompiledPass(
            model,
            gradients=self._wants_gradients,
            training=training,
            loss=loss,
            reduce=self._reduce,
        )
        self._is_strided = False

    def over(self, dataset: Any, bar: Any) -> DatasetStatistics:
        """Passes the model all batches of a distributed dataset.

        Args:
          dataset: whose elements `strategy.run` takes.
          bar: a progress bar; None for none.
        """
        totals: _Totals | None = None
        gradients: dict[str, tf.Tensor] = {}
        batches = 0
        run: Any = self._run
        if not getattr(self._model, "run_eagerly", False):
            # One signature: a shorter batch is not traced anew.
            run = tf.function(
                functools.partial(run),
                input_signature=(dataset.element_spec,),
                autograph=False,
            )
        with contextlib.ExitStack() as stack:
            for batch in dataset:
                if totals is None:
                    stack.enter_context(self._prepared(batch))
                    with _explaining_refusal(self._model, batch):
                        result = run(batch)
                    channel_counts = [
                        row.channels
                        for row, of_batch in zip(
                            self._reduction.rows, self._is_of_batch(), strict=True
                        )
                        if of_batch
                    ]
                else:
                    result = run(batch)
                seen = _Totals(self._tables(result), channel_counts)
                if totals is None:
                    totals = seen
                    gradients = result["weight_gradients"]
                else:
                    totals.add(seen)
                    for path, gradient in result["weight_gradients"].items():
                        gradients[path] += gradient
                batches += 1
                if bar is not None:
                    bar.update(batches)
        if totals is None:
            raise ValueError(_EMPTY)
        if bar is not None:
            bar.update(batches, finalize=True)
        totals, gradients = self._of_all_workers(totals, gradients, channel_counts)
        samples = int(totals.samples.sum())
        if not samples:
            raise ValueError(_EMPTY)
        return self._result(totals, gradients, samples, batches)

    def description(
        self, result: DatasetStatistics, settings: Mapping[str, Any]
    ) -> plugin_data_pb2.ModelDescription:
        """What the page is told of the model and of what was recorded."""
        reduction = self._reduction
        reduction.plan = RecordPlan((), (), reduction.plan.limits, 0)
        description = describe_model(self._model, reduction, reduction)
        for layer in description.layers:
            layer.maps_recorded = False
        for row in description.rows:
            if row.kind not in WEIGHT_KINDS:
                # Where a value was counted for several, how many differs.
                row.histogram_stride = 0 if self._is_strided else 1
        if self._is_strided:
            description.notes.append(
                "Histograms of activations count every n-th value of a batch, as n,"
                " where a batch has more than"
                f" {wire_format.HISTOGRAM_SAMPLE_CAP:,} of them."
            )
        description.probe.samples = result.samples
        description.tables_source = metadata.DATASET_SOURCE
        description.maps_source = metadata.DATASET_SOURCE
        description.budget_bytes_per_run = DEFAULT_BUDGET_BYTES_PER_RUN
        settings = {
            **settings,
            "samples": result.samples,
            "batches": result.batches,
        }
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
        return description

    @contextlib.contextmanager
    def _prepared(self, batch: Any) -> Iterator[None]:
        """Model and loss built, by a first batch; in eager code, as variables are."""
        local = tf.nest.map_structure(
            lambda value: self._strategy.experimental_local_results(value)[0], batch
        )
        x, y, _ = _parts_of(local)
        if self._wants_gradients and y is None:
            raise ValueError(
                "Gradients need targets, and the elements of the dataset are x alone."
                " Give a dataset of (x, y), or record without gradients:"
                ' kinds=("activation", "weight").'
            )
        loss = None
        with _explaining_refusal(self._model, batch):
            with self._strategy.scope():
                build(self._model, x, self._training)
            if self._wants_gradients and self._loss is None:
                loss = built_loss(self._model, x, y)
        with compile_loss_replaced(self._model, loss):
            yield

    def _run(self, batch: Any) -> dict[str, Any]:
        """Tables of a batch by replica of this worker, gradients summed over them."""
        strategy = self._strategy
        whole: Any = None
        if metadata.ACTIVATION_GRADIENT in self._kinds:
            whole = replicas.summed(strategy, strategy.run(_sample_count, (batch,)))
        result = strategy.run(self._run_on_replica, (batch, whole))
        gradients = {
            path: tf.add_n(strategy.experimental_local_results(gradient))
            for path, gradient in result.pop("weight_gradients").items()
        }
        tables = {
            name: tf.concat(strategy.experimental_local_results(table), axis=0)
            for name, table in result.items()
        }
        return tables | {"weight_gradients": gradients}

    def _run_on_replica(self, batch: Any, whole: Any) -> dict[str, Any]:
        x, y, sample_weight = _parts_of(batch)
        samples = _sample_count(batch)
        extra = samples, samples if whole is None else whole
        if not self._wants_gradients:
            y = sample_weight = None
        nothing: dict[str, Any] = {}

        def of_samples() -> dict[str, Any]:
            result: dict[str, Any] = self._compiled(x, y, sample_weight, extra)
            nothing.update(_of_no_samples(result))
            return result

        if tf.executing_eagerly():
            return of_samples()
        # Not every layer takes an empty batch: with TensorFlow 2.21 on a CPU, an
        # optimized convolution gives one of the wrong shape.
        result: dict[str, Any] = tf.cond(samples > 0, of_samples, lambda: nothing)
        return result

    def _reduce(
        self, captured: Captured, layout: ModelLayout, extra: tuple[tf.Tensor, ...]
    ) -> dict[str, Any]:
        """What is kept of a replica's part of a batch, while the pass is traced."""
        try:
            self._reduction.plan_for(captured, layout)
        except (UnknownLayerError, TypeError, ValueError) as error:
            raise _SelectionRefusedError(error) from error
        samples, whole = extra
        # Keras divides the mean loss of a replica by the number of replicas, as if all
        # had parts of the same size. By their true share in the batch, the gradients are
        # those of the mean over the whole batch, however it is divided.
        scale = 1 if self._loss is not None else self._strategy.num_replicas_in_sync
        share = tf.cast(scale * samples, tf.float32) / tf.cast(whole, tf.float32)
        activation_gradients = {}
        if metadata.ACTIVATION_GRADIENT in self._kinds:
            activation_gradients = {
                path: tf.cast(gradient, tf.float32) * share
                for path, gradient in captured.activation_gradients.items()
            }
        weight_gradients = {}
        if metadata.WEIGHT_GRADIENT in self._kinds:
            weight = tf.cast(scale * samples, tf.float64)
            recorded = {
                row.path
                for row in self._reduction.rows
                if row.kind == metadata.WEIGHT_GRADIENT
            }
            weight_gradients = {
                path: tf.ensure_shape(
                    tf.cast(gradient, tf.float64) * weight,
                    captured.weights[path].shape,
                )
                for path, gradient in captured.weight_gradients.items()
                if path in recorded
            }
        of_batch = dataclasses.replace(
            captured,
            activation_gradients=activation_gradients,
            weights={},
            weight_gradients={},
        )
        result: dict[str, Any] = {}
        if any(self._is_of_batch()):
            tables = self._reduction(of_batch, layout, Parts(maps=False), {})
            rows = self._reduction.rows
            shapes = {
                "statistics": [1, len(rows), len(metadata.STATISTICS)],
                "dead": [1, sum(row.channels for row in rows)],
                "histograms": [1, len(rows), wire_format.HISTOGRAM_BINS],
            }
            result = {
                n: tf.ensure_shape(tables[n], shape) for n, shape in shapes.items()
            }
        return result | {
            "samples": samples[None],
            "weight_gradients": weight_gradients,
        }

    def _is_of_batch(self) -> npt.NDArray[np.bool_]:
        """[row], whether the row tells of the batches, and not of the weights."""
        return np.array([row.kind not in WEIGHT_KINDS for row in self._reduction.rows])

    def _tables(self, result: Mapping[str, Any]) -> dict[str, npt.NDArray[Any]]:
        """A batch's tables of the rows that tell of it, on the host.

        Histograms count a value as many times as it stands for.
        """
        samples = result["samples"].numpy()
        is_of_batch = self._is_of_batch()
        if not is_of_batch.any():
            none = np.zeros((len(samples), 0))
            return {
                "statistics": np.zeros((len(samples), 0, len(metadata.STATISTICS))),
                "dead": none,
                "histograms": np.zeros((len(samples), 0, wire_format.HISTOGRAM_BINS)),
                "samples": samples,
            }
        channel_counts = [row.channels for row in self._reduction.rows]
        statistics = result["statistics"].numpy()[:, is_of_batch]
        counts = statistics[..., _COUNT].astype(np.int64)
        strides = np.vectorize(wire_format.histogram_stride, otypes=[np.int64])(counts)
        self._is_strided |= bool((strides > 1).any())
        histograms = result["histograms"].numpy()[:, is_of_batch]
        return {
            "statistics": statistics,
            "dead": result["dead"].numpy()[:, np.repeat(is_of_batch, channel_counts)],
            "histograms": histograms.astype(np.int64) * strides[..., None],
            "samples": samples,
        }

    def _of_all_workers(
        self,
        totals: _Totals,
        gradients: dict[str, tf.Tensor],
        channel_counts: list[int],
    ) -> tuple[_Totals, dict[str, tf.Tensor]]:
        """The tables of the replicas of all workers, and the sums of the gradients."""
        strategy = self._strategy
        if len(totals.samples) == strategy.num_replicas_in_sync:
            return totals, gradients

        def gathered(table: npt.NDArray[Any]) -> npt.NDArray[Any]:
            parts = iter(np.split(table, len(table)))
            values = strategy.experimental_distribute_values_from_function(
                lambda _: tf.constant(next(parts))
            )
            found: npt.NDArray[Any] = replicas.stacked(strategy, values).numpy()
            return found

        def summed(gradient: tf.Tensor) -> tf.Tensor:
            # The sum of this worker's replicas, as that of its first.
            parts = iter([gradient])
            values = strategy.experimental_distribute_values_from_function(
                lambda _: next(parts, tf.zeros_like(gradient))
            )
            return replicas.summed(strategy, values)

        tables = {
            name: gathered(getattr(totals, name))
            for name in ("statistics", "dead", "histograms", "samples")
        }
        # In the same order on each worker.
        sums = {path: summed(gradients[path]) for path in sorted(gradients)}
        return _Totals(tables, channel_counts), sums

    def _result(
        self,
        totals: _Totals,
        gradients: Mapping[str, tf.Tensor],
        samples: int,
        batches: int,
    ) -> DatasetStatistics:
        is_of_batch = self._is_of_batch()
        weights, weight_histograms = self._of_weights(gradients, samples)
        statistics, histograms = weights.copy(), weight_histograms.copy()
        statistics[is_of_batch] = totals.merged()
        histograms[is_of_batch] = totals.histograms.sum(axis=0)
        per_replica = np.repeat(weights[None], len(totals.samples), axis=0)
        per_replica[:, is_of_batch] = totals.statistics
        of_replicas = np.repeat(weight_histograms[None], len(totals.samples), axis=0)
        of_replicas[:, is_of_batch] = totals.histograms
        return DatasetStatistics(
            rows=tuple((row.kind, row.path) for row in self._reduction.rows),
            statistics=statistics,
            histograms=histograms,
            statistics_per_replica=per_replica,
            histograms_per_replica=of_replicas,
            samples=samples,
            batches=batches,
        )

    def _of_weights(
        self, gradients: Mapping[str, tf.Tensor], samples: int
    ) -> tuple[npt.NDArray[np.float64], npt.NDArray[np.int64]]:
        """Tables of all rows, with those of weights and their gradients filled in."""
        row_count = len(self._reduction.rows)
        if self._is_of_batch().all():
            return (
                np.full((row_count, len(metadata.STATISTICS)), np.nan),
                np.zeros((row_count, wire_format.HISTOGRAM_BINS), np.int64),
            )

        @functools.partial(tf.function, autograph=False)
        def tables() -> tuple[tf.Tensor, tf.Tensor]:
            none: dict[str, tf.Tensor] = {}
            alone = Captured(
                none,
                none,
                none,
                weights={
                    info.path: tf.convert_to_tensor(
                        self._model.weights[info.index].value
                    )
                    for info in self._reduction.layout.weights
                },
                weight_gradients={
                    path: tf.cast(total / samples, tf.float32)
                    for path, total in gradients.items()
                },
            )
            layout, parts = self._reduction.layout, Parts(maps=False)
            result = self._reduction(alone, layout, parts, {})
            return result["statistics"][0], result["histograms"][0]

        statistics, histograms = (table.numpy() for table in tables())
        # Rows that are not of weights are NaN, and filled in later.
        counts = np.where(np.isnan(histograms), 0, histograms).astype(np.int64)
        return statistics.astype(np.float64), counts


_EMPTY: Final = (
    "The dataset holds no samples. Give one with at least a batch, such as"
    " tf.data.Dataset.from_tensor_slices((x, y)).batch(32)."
)


def _parts_of(batch: Any) -> tuple[Any, Any, Any]:
    """x, y and sample weight of an element; None for what it does not hold."""
    x, y, sample_weight = keras.utils.unpack_x_y_sample_weight(batch)
    return as_tensors(x), as_tensors(y), as_tensors(sample_weight)


def _sample_count(batch: Any) -> tf.Tensor:
    """int64 scalar, the size of a batch."""
    x, _, _ = keras.utils.unpack_x_y_sample_weight(batch)
    first = next(part for part in keras.tree.flatten(x) if part is not None)
    return tf.shape(first, tf.int64)[0]


def _of_no_samples(result: Mapping[str, Any]) -> dict[str, Any]:
    """Tables and gradients as of an empty batch, in the shapes of those of another."""

    def filled(table: tf.Tensor) -> npt.NDArray[Any]:
        return np.zeros(table.shape, table.dtype.as_numpy_dtype)

    nothing: dict[str, Any] = tf.nest.map_structure(filled, dict(result))
    if "statistics" in nothing:
        nothing["statistics"][..., _HAS_NAN_IF_EMPTY] = np.nan
        nothing["dead"][:] = 1
    return nothing


def _distributed(
    dataset: Any, strategy: tf.distribute.Strategy
) -> tuple[Any, int | None]:
    """A dataset as the replicas take it, and how many batches it has, where known."""
    if isinstance(dataset, tf.distribute.DistributedDataset):
        return dataset, None
    if not isinstance(dataset, tf.data.Dataset):
        raise TypeError(
            f"The dataset is a {type(dataset).__name__}. Give a batched"
            " tf.data.Dataset, such as"
            " tf.data.Dataset.from_tensor_slices((x, y)).batch(32)."
        )
    cardinality = int(dataset.cardinality())
    if cardinality == tf.data.INFINITE_CARDINALITY:
        raise ValueError(
            "The dataset has no end. Leave out repeat(), or take a part of it:"
            " dataset.take(100)."
        )
    if cardinality == 0:
        raise ValueError(_EMPTY)
    for spec in tf.nest.flatten(dataset.element_spec):
        shape = getattr(spec, "shape", None)
        if shape is not None and (shape.rank is None or shape.rank == 0):
            raise ValueError(
                f"An element of the dataset is {dataset.element_spec}, which is no"
                " batch. Call batch(), and where it comes from a generator give"
                " output_signature, with the rank of each tensor and None for axes of"
                " any size."
            )
    known = None if cardinality < 0 else cardinality
    return strategy.experimental_distribute_dataset(dataset), known


def _checked_kinds(kinds: Iterable[str]) -> tuple[str, ...]:
    given = (kinds,) if isinstance(kinds, str) else tuple(kinds)
    unknown = [kind for kind in given if kind not in KINDS]
    if unknown or not given:
        raise ValueError(
            f"kinds is {given!r}; give one or several of: {', '.join(KINDS)}."
        )
    return tuple(kind for kind in KINDS if kind in given)


def _checked_step(model: keras.Model, step: int | None) -> int:
    if step is None:
        optimizer = getattr(model, "optimizer", None)
        if optimizer is None:
            return 0
        return int(tf.convert_to_tensor(optimizer.iterations))
    if isinstance(step, bool) or int(step) != step or step < 0:
        raise ValueError(f"A step is an integer from 0; got {step!r}.")
    return int(step)


def _check_loss(model: keras.Model, loss: Loss | None) -> None:
    if loss is None and not getattr(model, "compiled", False):
        raise ValueError(
            "Gradients need a loss, and this model is not compiled. Call"
            " model.compile(optimizer, loss), or pass loss=function(y, y_pred), or"
            ' record without gradients: kinds=("activation", "weight").'
        )


class _SelectionRefusedError(Exception):
    """Carries what is wrong with the selected layers past `_explaining_refusal`."""

    def __init__(self, cause: Exception) -> None:
        super().__init__(str(cause))
        self.cause = cause


@contextlib.contextmanager
def _explaining_refusal(model: keras.Model, batch: Any) -> Iterator[None]:
    """Says what the batches are where the model or its loss does not take them."""
    try:
        yield
    except _SelectionRefusedError as refused:
        raise refused.cause from None
    except Exception as error:  # Layers and losses are users' code: it can be anything.
        expected = getattr(model, "input_shape", None)
        wanted = f" It takes inputs of shape {expected}." if expected else ""
        raise ValueError(
            "The model or its loss refuses the dataset, whose first batch is"
            f" {tf.nest.map_structure(_described, batch)}.{wanted} Give the dataset"
            f" that you give to `fit`. The cause: {error}"
        ) from error


def _described(value: Any) -> str:
    if isinstance(value, tf.Tensor):
        return f"{value.dtype.name}{value.shape.as_list()}"
    return type(value).__name__


def _write(
    directory: str,
    step: int,
    result: DatasetStatistics,
    description: plugin_data_pb2.ModelDescription,
) -> None:
    """Writes the record of a dataset to its run."""

    def on_failure(step: int, error: BaseException) -> None:
        logger.warning(
            "Keract could not write the record of the dataset at step %d to %s. The"
            " cause: %s: %s",
            step,
            directory,
            type(error).__name__,
            error,
        )

    values = np.full(len(metadata.RECORD_VALUES), np.nan, np.float32)
    values[metadata.RECORD_VALUES.index("record")] = 0
    values[metadata.RECORD_VALUES.index("lost_records")] = 0
    with np.errstate(over="ignore"):  # The norm of huge values is infinite in float32.
        reduced = Reduced(
            statistics=tf.constant(result.statistics.astype(np.float32)),
            histograms=tf.constant(result.histograms.astype(np.float32)),
        )
    record = Record(
        step=step,
        epoch=-1,
        wall_time_s=time.time(),
        values=values,
        reduced=reduced,
        restarts=False,
        note=lambda kind, path: "",
        describe_model=lambda: description,
    )
    writer = RecordWriter(directory, DEFAULT_BUDGET_BYTES_PER_RUN, on_failure)
    try:
        writer.submit(record)
    finally:
        writer.close()
