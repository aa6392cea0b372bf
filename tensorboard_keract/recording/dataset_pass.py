"""The compiled pass of a model over the batches of a dataset, on all replicas."""

from __future__ import annotations

import contextlib
import dataclasses
import functools
from collections.abc import Iterator, Mapping
from typing import Any, Final

import keras
import numpy as np
import numpy.typing as npt
import tensorflow as tf

from tensorboard_keract import metadata, plugin_data_pb2
from tensorboard_keract.core.capture import Captured, CompiledPass, Loss, as_tensors
from tensorboard_keract.core.layer_selection import UnknownLayerError
from tensorboard_keract.core.model_layout import ModelLayout
from tensorboard_keract.core.model_state import (
    build,
    built_loss,
    compile_loss_replaced,
)
from tensorboard_keract.recording import replicas, wire_format
from tensorboard_keract.recording.budget import DEFAULT_BUDGET_BYTES_PER_RUN, RecordPlan
from tensorboard_keract.recording.dataset_statistics import DatasetStatistics, Totals
from tensorboard_keract.recording.model_description import add_settings, describe_model
from tensorboard_keract.recording.reduction import Choice, Parts, Reduction
from tensorboard_keract.recording.refusal import (
    SelectionRefusedError,
    explaining_refusal,
)
from tensorboard_keract.recording.rows import GRADIENT_KINDS, WEIGHT_KINDS

_COUNT: Final = metadata.STATISTICS.index("count")
# Of no values the statistics are NaN, apart from the counts.
_HAS_NAN_IF_EMPTY: Final = np.array(
    [not name.endswith("count") for name in metadata.STATISTICS]
)
EMPTY_DATASET: Final = (
    "The dataset holds no samples. Give one with at least a batch, such as"
    " tf.data.Dataset.from_tensor_slices((x, y)).batch(32)."
)


class DatasetPass:
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
        totals: Totals | None = None
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
                seen = Totals(self._tables(result), channel_counts)
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
            raise ValueError(EMPTY_DATASET)
        if bar is not None:
            bar.update(batches, finalize=True)
        totals, gradients = self._of_all_workers(totals, gradients, channel_counts)
        samples = int(totals.samples.sum())
        if not samples:
            raise ValueError(EMPTY_DATASET)
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
                f" {wire_format.HISTOGRAM_WHOLE_CAP:,} of them."
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
        add_settings(description, settings)
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
            raise SelectionRefusedError(error) from error
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
        shapes = [self._reduction.rows[i].shape for i in np.flatnonzero(is_of_batch)]
        strides = np.array(
            [list(map(wire_format.histogram_stride, row, shapes)) for row in counts]
        )
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
        totals: Totals,
        gradients: dict[str, tf.Tensor],
        channel_counts: list[int],
    ) -> tuple[Totals, dict[str, tf.Tensor]]:
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
        return Totals(tables, channel_counts), sums

    def _result(
        self,
        totals: Totals,
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


def _explaining_refusal(
    model: keras.Model, batch: Any
) -> contextlib.AbstractContextManager[None]:
    def what() -> str:
        described = tf.nest.map_structure(_described, batch)
        return f"the dataset, whose first batch is {described}"

    advice = "Give the dataset that you give to `fit`."
    return explaining_refusal(model, what, advice, ValueError)


def _described(value: Any) -> str:
    if isinstance(value, tf.Tensor):
        return f"{value.dtype.name}{value.shape.as_list()}"
    return type(value).__name__
