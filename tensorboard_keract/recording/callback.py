"""`KeractCallback`: a `Recorder` for `model.fit`."""

from __future__ import annotations

import contextlib
import inspect
import os
from collections.abc import Callable, Iterator, Mapping
from typing import Any

import keras
import tensorflow as tf

from tensorboard_keract.core.layer_selection import LayerSelectors
from tensorboard_keract.recording import event_file
from tensorboard_keract.recording.attributions import parse_attributions
from tensorboard_keract.recording.probe import parse_probe
from tensorboard_keract.recording.recorder import (
    PROBE,
    TRAINING,
    Recorder,
    check_source_of_attributions,
    run_directory,
)
from tensorboard_keract.recording.schedule import Schedule


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
    no optimizer that counts. The step of a record is the number of updates that the
    recorded model has had: that of a captured training step is that before its update.
    """

    def __init__(
        self,
        log_dir: str | os.PathLike[str],
        probe: Any = None,
        layers: LayerSelectors | None = None,
        update_freq: str | int = "epoch",
        *,
        source: str = PROBE,
        start: int = 0,
        stop: int | None = None,
        schedule: str = "even",
        **recorder_options: Any,
    ) -> None:
        """Checks what can be checked before there is a model.

        Args:
          log_dir: the run is its subdirectory `keract`, beside Keras's own `train`
            and `validation`.
          probe: a few samples, (x, y), that are passed through the model at each
            record. Forms and meaning as in `Recorder`. May be left out with the source
            "training".
          layers: which layers; None records all but those that only reshape, pad,
            crop, drop or normalise, "*" all. As in `Recorder`.
          update_freq: "epoch" records after each epoch, "batch" after each batch,
            an integer n after every n-th batch. The untrained model is recorded
            first, the trained one last.
          source: "probe"; "training" for the training step itself with its batch and
            its real gradients; "both" for tables of the training step and maps of the
            probe. As in `Recorder`. A training step is recorded where the probe would
            be recorded before it, so that nothing is recorded after the last one, but
            with "both" the maps of the trained model.
          start, stop: the first and the last step that are recorded; stop=None is
            none.
          schedule: "even", or "log" for records that are dense early and sparse late: of
            what `update_freq` counts 0, 1, 2 … 15, 16, 18 … 30, 32, 36 … are recorded.
          **recorder_options: `exclude_layers`, `kinds`, `attributions`, `targets`,
            `class_names`, `max_samples`, `max_channels`, `max_pixels`, `precision`,
            `maps_freq`, `gradients_freq`, `histograms_freq`, `attributions_freq`,
            `max_records`, `budget_bytes_per_record`, `budget_bytes_per_run`,
            `when_behind`, `also_write`, `optimizer` and `loss`, as in `Recorder`.

        Raises:
          ProbeError: if there is no probe, or its parts don't fit together. At the
            start of training, too, if the model or its loss refuses it.
          ValueError: if `update_freq` or another option is none of the above; for
            unknown attributions and targets that do not fit the probe. At the start of
            training for unknown layers, an uncompiled model and attributions that the
            model has not, as in `Recorder`.
          TypeError: for an unknown option, attributions or targets of another form.
          OSError: if `log_dir` can't be written.
        """
        super().__init__()
        _check_options(recorder_options)
        self._log_dir = log_dir
        self._probe = None
        if probe is not None or source != TRAINING:
            class_names = recorder_options.pop("class_names", None)
            self._probe = parse_probe(probe, class_names)
            self._probe.tensors()
        explained = parse_attributions(
            recorder_options.get("attributions", ()),
            recorder_options.get("targets"),
            self._probe,
        )
        check_source_of_attributions(source, explained)
        self._layers = layers
        self._source = source
        self._schedule = Schedule.of(update_freq, start, stop, schedule)
        self._options = recorder_options
        self._recorder: Recorder | None = None
        self._epoch = 0
        self._batches = 0
        self._batches_before_epoch = 0
        self._checked_until = -1
        self._is_epoch_due = False
        event_file.check_writable(run_directory(log_dir))

    def on_train_begin(self, logs: Mapping[str, Any] | None = None) -> None:
        """Opens the run."""
        if self._recorder is not None:  # Left open by an exception in an earlier fit.
            self._recorder.close()
        epochs = int(self.params.get("epochs") or 0)
        steps = (self.params.get("steps") or 0) * epochs
        planned = self._schedule.planned_records(
            steps, epochs, int(getattr(self.model, "steps_per_execution", 1))
        )
        self._recorder = Recorder(
            self._log_dir,
            self.model,
            self._probe,
            self._layers,
            source=self._source,
            epochs=epochs,
            # The trained model is one more.
            planned_records=planned and planned + (self._source != TRAINING),
            **self._options,
        )
        self._checked_until = -1

    def on_epoch_begin(self, epoch: int, logs: Mapping[str, Any] | None = None) -> None:
        """Notes how many epochs are completed; records the untrained model.

        Not before: other callbacks, such as those that restore a checkpoint, have done
        what they do at the beginning of training.
        """
        is_first = self._checked_until < 0
        self._epoch = epoch
        self._batches_before_epoch = self._batches
        self._is_epoch_due = is_first or self._schedule.is_epoch_due(epoch)
        if is_first and self._source == PROBE:
            self._record(logs)
            self._checked_until = self._step()

    def on_train_batch_begin(
        self, batch: int, logs: Mapping[str, Any] | None = None
    ) -> None:
        """Has the step captured, where that is due."""
        if self._source == PROBE:
            return
        step = self._step()
        is_due = self._is_due(step)
        self._checked_until = step
        if is_due and self._recorder is not None and self._schedule.allows(step):
            self.model.train_function = _captured(
                self.model, self._recorder, step, self._epoch
            )

    def on_train_batch_end(
        self, batch: int, logs: Mapping[str, Any] | None = None
    ) -> None:
        """Records, where it does so by batches."""
        self._batches = self._batches_before_epoch + batch + 1
        if self._source == PROBE and self._schedule.every is not None:
            step = self._step()
            if self._schedule.is_due(self._checked_until, step):
                self._record(logs)
            self._checked_until = step

    def on_epoch_end(self, epoch: int, logs: Mapping[str, Any] | None = None) -> None:
        """Records, where it does so by epochs."""
        self._epoch = epoch + 1
        if self._source == PROBE and self._schedule.is_epoch_due(self._epoch):
            self._record(logs)

    def on_train_end(self, logs: Mapping[str, Any] | None = None) -> None:
        """Records the trained model and closes the run."""
        if self._recorder is not None:
            if self._source != TRAINING:
                self._record(logs)
            self._recorder.close()
            self._recorder = None

    def _is_due(self, step: int) -> bool:
        if self._schedule.every is not None:
            return self._schedule.is_due(self._checked_until, step)
        is_due, self._is_epoch_due = self._is_epoch_due, False
        return is_due

    def _record(self, logs: Mapping[str, Any] | None) -> None:
        recorder, step = self._recorder, self._step()
        if (
            recorder is not None
            and recorder.last_step != step
            and self._schedule.allows(step)
        ):
            loss = (logs or {}).get("loss")
            recorder.record(step, epoch=self._epoch, training_loss=loss)

    def _step(self) -> int:
        optimizer = getattr(self.model, "optimizer", None)
        # Through a tensor: under a distribution strategy it is a mirrored variable.
        iterations = int(tf.convert_to_tensor(getattr(optimizer, "iterations", 0)))
        # A model with a train step of its own may leave its optimizer unused: count
        # batches then.
        return iterations or self._batches


def _captured(
    model: keras.Model, recorder: Recorder, step: int, epoch: int
) -> Callable[[Any], Any]:
    """`model.train_function` for one call, in which a step is captured.

    `fit` reads it anew at each step. It puts the plain one back before it does anything
    else, so that whatever happens in the step leaves the model as it was.
    """
    plain = model.train_function

    def train_function(iterator: Any) -> Any:
        model.train_function = plain
        steps = int(model.steps_per_execution)
        if steps == 1:
            with recorder.capture(step, epoch=epoch):
                return plain(iterator)
        # The first of several steps is captured, the others are as ever.
        with _steps_per_execution(model, 1) as one, recorder.capture(step, epoch=epoch):
            logs = one(iterator)
        with _steps_per_execution(model, steps - 1) as rest:
            try:
                return rest(iterator)
            except StopIteration:
                return logs

    return train_function


@contextlib.contextmanager
def _steps_per_execution(
    model: keras.Model, steps: int
) -> Iterator[Callable[[Any], Any]]:
    """A train function of so many steps, while the model has as many."""
    before, plain = model.steps_per_execution, model.train_function
    functions = plain.__dict__.setdefault("keract_functions", {})
    model.steps_per_execution = steps
    try:
        if steps not in functions:
            model.make_train_function(force=True)
            functions[steps] = model.train_function
            model.train_function = plain
        yield functions[steps]
    finally:
        model.steps_per_execution = before
        model.train_function = plain


def _check_options(options: Mapping[str, Any]) -> None:
    known = [
        parameter.name
        for parameter in inspect.signature(Recorder.__init__).parameters.values()
        if parameter.kind is parameter.KEYWORD_ONLY
        and parameter.name not in ("epochs", "planned_records", "source")
    ]
    unknown = sorted(set(options) - set(known))
    if unknown:
        raise TypeError(
            f"Unknown options: {', '.join(unknown)}. Those there are: {', '.join(known)}."
        )
