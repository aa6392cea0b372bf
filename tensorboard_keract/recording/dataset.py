"""`record_dataset`: statistics and histograms of a model over a whole dataset.

One pass over the data. Each batch is reduced in the compiled function that passes it
through the model, on all replicas of a distribution strategy; only its small tables come
to the host, where they are added up. So memory does not grow with the data.
"""

from __future__ import annotations

import logging
import os
import time
from collections.abc import Iterable
from typing import Any, Final

import keras
import numpy as np
import tensorflow as tf

from tensorboard_keract import metadata, plugin_data_pb2
from tensorboard_keract.core.capture import Loss, check_backend
from tensorboard_keract.core.layer_selection import LayerSelectors
from tensorboard_keract.recording import event_file
from tensorboard_keract.recording.budget import DEFAULT_BUDGET_BYTES_PER_RUN
from tensorboard_keract.recording.dataset_pass import EMPTY_DATASET, DatasetPass
from tensorboard_keract.recording.dataset_statistics import DatasetStatistics
from tensorboard_keract.recording.layout import Limits
from tensorboard_keract.recording.record import Record, Reduced
from tensorboard_keract.recording.record_writer import RecordWriter
from tensorboard_keract.recording.recorder import run_directory
from tensorboard_keract.recording.reduction import Choice
from tensorboard_keract.recording.refusal import check_loss
from tensorboard_keract.recording.rows import GRADIENT_KINDS, check_kinds

logger = logging.getLogger("tensorboard_keract")

RUN_SUFFIX: Final = "_dataset"


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
    kinds = check_kinds(kinds)
    strategy = strategy or getattr(model, "distribute_strategy", None)
    strategy = strategy or tf.distribute.get_strategy()
    distributed, batch_count = _distributed(dataset, strategy)
    if any(kind in GRADIENT_KINDS for kind in kinds):
        check_loss(model, loss)
    is_chief = bool(strategy.extended.should_save_summary)
    directory = ""
    if log_dir is not None:
        directory = run_directory(log_dir) + RUN_SUFFIX
        step = _checked_step(model, step)
        if is_chief:
            event_file.check_writable(directory)
    choice = Choice(kinds, layers, exclude_layers, Limits(1, 1, 1), "float32", 0)
    data_pass = DatasetPass(model, strategy, choice, loss, training)
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
        raise ValueError(EMPTY_DATASET)
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


def _checked_step(model: keras.Model, step: int | None) -> int:
    if step is None:
        optimizer = getattr(model, "optimizer", None)
        if optimizer is None:
            return 0
        return int(tf.convert_to_tensor(optimizer.iterations))
    if isinstance(step, bool) or int(step) != step or step < 0:
        raise ValueError(f"A step is an integer from 0; got {step!r}.")
    return int(step)


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
