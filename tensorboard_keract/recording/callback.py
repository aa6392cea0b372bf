"""`KeractCallback`: a `Recorder` for `model.fit`."""

from __future__ import annotations

import inspect
import os
from collections.abc import Mapping
from typing import Any

import keras
import tensorflow as tf

from tensorboard_keract.core.layer_selection import LayerSelectors
from tensorboard_keract.recording import event_file
from tensorboard_keract.recording.probe import parse_probe
from tensorboard_keract.recording.recorder import Recorder, run_directory


class KeractCallback(keras.callbacks.Callback):
    """Records what happens inside a model while `fit` trains it.

    Example:

    ```python
    model.fit(
        x, y, callbacks=[tk.KeractCallback("logs/run1", probe=(x_val[:8], y_val[:8]))]
    )
    ```

    Steps are those of the optimizer (`optimizer.iterations`), so that a training that
    goes on from a checkpoint goes on in the picture, too; batches where the model has
    no optimizer that counts.
    """

    def __init__(
        self,
        log_dir: str | os.PathLike[str],
        probe: Any,
        layers: LayerSelectors | None = None,
        update_freq: str | int = "epoch",
        **recorder_options: Any,
    ) -> None:
        """Checks what can be checked before there is a model.

        Args:
          log_dir: the run is its subdirectory `keract`, beside Keras's own `train`
            and `validation`.
          probe: a few samples, (x, y), that are passed through the model at each
            record. Forms and meaning as in `Recorder`.
          layers: which layers; None records all. As in `Recorder`.
          update_freq: "epoch" records after each epoch, "batch" after each batch,
            an integer n after every n-th batch. The untrained model is recorded
            first, the trained one last.
          **recorder_options: `exclude_layers`, `kinds`, `class_names`, `max_samples`, `max_channels`,
            `max_pixels`, `precision`, `budget_bytes_per_record`,
            `budget_bytes_per_run` and `loss`, as in `Recorder`.

        Raises:
          ProbeError: if there is no probe, or its parts don't fit together. At the
            start of training, too, if the model or its loss refuses it.
          ValueError: if `update_freq` is none of the above. At the start of training
            for unknown layers and an uncompiled model, as in `Recorder`.
          TypeError: for an unknown option.
          OSError: if `log_dir` can't be written.
        """
        super().__init__()
        _check_options(recorder_options)
        self._log_dir = log_dir
        self._probe = parse_probe(probe, recorder_options.pop("class_names", None))
        self._probe.tensors()
        self._layers = layers
        self._batches_per_record = _batches_per_record(update_freq)
        self._options = recorder_options
        self._recorder: Recorder | None = None
        self._epoch = 0
        self._batches = 0
        self._batches_before_epoch = 0
        event_file.check_writable(run_directory(log_dir))

    def on_train_begin(self, logs: Mapping[str, Any] | None = None) -> None:
        """Opens the run and records the model as it is before the first batch."""
        if self._recorder is not None:  # Left open by an exception in an earlier fit.
            self._recorder.close()
        self._recorder = Recorder(
            self._log_dir,
            self.model,
            self._probe,
            self._layers,
            epochs=int(self.params.get("epochs") or 0),
            **self._options,
        )
        self._record(logs)

    def on_epoch_begin(self, epoch: int, logs: Mapping[str, Any] | None = None) -> None:
        """Notes how many epochs and batches are completed."""
        self._epoch = epoch
        self._batches_before_epoch = self._batches

    def on_epoch_end(self, epoch: int, logs: Mapping[str, Any] | None = None) -> None:
        """Records, where it does so by epochs."""
        self._epoch = epoch + 1
        if self._batches_per_record is None:
            self._record(logs)

    def on_train_end(self, logs: Mapping[str, Any] | None = None) -> None:
        """Records the trained model and closes the run."""
        if self._recorder is not None:
            self._record(logs)
            self._recorder.close()
            self._recorder = None

    def on_train_batch_end(
        self, batch: int, logs: Mapping[str, Any] | None = None
    ) -> None:
        """Records, where it does so by batches."""
        self._batches = self._batches_before_epoch + batch + 1
        every, recorder = self._batches_per_record, self._recorder
        if every is None or recorder is None:
            return
        # Several batches may have passed: `steps_per_execution` is one call for all.
        last = recorder.last_step or 0
        if self._step() // every > last // every:
            self._record(logs)

    def _record(self, logs: Mapping[str, Any] | None) -> None:
        recorder, step = self._recorder, self._step()
        if recorder is not None and recorder.last_step != step:
            loss = (logs or {}).get("loss")
            recorder.record(step, epoch=self._epoch, training_loss=loss)

    def _step(self) -> int:
        optimizer = getattr(self.model, "optimizer", None)
        # Through a tensor: under a distribution strategy it is a mirrored variable.
        iterations = int(tf.convert_to_tensor(getattr(optimizer, "iterations", 0)))
        # A model with a train step of its own may leave its optimizer unused: count
        # batches then.
        return iterations or self._batches


def _check_options(options: Mapping[str, Any]) -> None:
    known = [
        parameter.name
        for parameter in inspect.signature(Recorder.__init__).parameters.values()
        if parameter.kind is parameter.KEYWORD_ONLY and parameter.name != "epochs"
    ]
    unknown = sorted(set(options) - set(known))
    if unknown:
        raise TypeError(
            f"Unknown options: {', '.join(unknown)}. Those there are: {', '.join(known)}."
        )


def _batches_per_record(update_freq: str | int) -> int | None:
    if update_freq == "epoch":
        return None
    if update_freq == "batch":
        return 1
    if isinstance(update_freq, int) and update_freq >= 1 and update_freq is not True:
        return update_freq
    raise ValueError(
        f'update_freq is {update_freq!r}; use "epoch", "batch" or a number of batches'
        " from 1."
    )
