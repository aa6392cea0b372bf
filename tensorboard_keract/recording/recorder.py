"""`Recorder`: at a step, everything inside the model, to an event file.

The pass and its reduction are one compiled function, `RecordedPass`; encoding and
writing happen on a thread of their own. Whatever fails once recording has begun is
logged and never reaches the training loop.
"""

from __future__ import annotations

import logging
import os
import platform
import time
from collections.abc import Iterable, Sequence
from types import TracebackType
from typing import Any, Final

import keras
import numpy as np
import numpy.typing as npt
import tensorflow as tf

from tensorboard_keract import metadata, plugin_data_pb2
from tensorboard_keract._version import __version__
from tensorboard_keract.core.capture import Loss, check_backend
from tensorboard_keract.core.layer_selection import LayerSelectors
from tensorboard_keract.recording import event_file, wire_format
from tensorboard_keract.recording.budget import (
    DEFAULT_BUDGET_BYTES_PER_RECORD,
    DEFAULT_BUDGET_BYTES_PER_RUN,
    format_bytes,
)
from tensorboard_keract.recording.layout import Limits
from tensorboard_keract.recording.probe import parse_probe
from tensorboard_keract.recording.record import Record, Reduced
from tensorboard_keract.recording.record_writer import RecordWriter
from tensorboard_keract.recording.recorded_pass import RecordedPass

logger = logging.getLogger("tensorboard_keract")

RUN_NAME: Final = "keract"
KINDS: Final = (
    metadata.ACTIVATION,
    metadata.ACTIVATION_GRADIENT,
    metadata.WEIGHT,
    metadata.WEIGHT_GRADIENT,
)


class Recorder:
    """Records what happens inside a model to `<log_dir>/keract`.

    At each record a probe, a small fixed batch, is passed through the model. Written
    are statistics and histograms of all activations, their gradients, weights and
    their gradients; feature maps within a byte budget; the probe's inputs and the
    model's predictions on it.

    The model and the training are not changed: the weights after N steps are the
    same with a recorder as without.

    Example:

    ```python
    with tk.Recorder("logs/run1", model, probe=(x_val[:8], y_val[:8])) as recorder:
        for step, (x, y) in enumerate(batches):
            train_step(x, y)
            if step % 100 == 0:
                recorder.record(step)
    ```
    """

    def __init__(
        self,
        log_dir: str | os.PathLike[str],
        model: keras.Model,
        probe: Any,
        layers: LayerSelectors | None = None,
        *,
        exclude_layers: LayerSelectors | None = None,
        kinds: Iterable[str] | None = None,
        loss: Loss | None = None,
        class_names: Sequence[str] | None = None,
        max_samples: int = 8,
        max_channels: int = 64,
        max_pixels: int = 64,
        precision: str = "uint8",
        budget_bytes_per_record: int = DEFAULT_BUDGET_BYTES_PER_RECORD,
        budget_bytes_per_run: int = DEFAULT_BUDGET_BYTES_PER_RUN,
        epochs: int = 0,
    ) -> None:
        """Compiles the pass, plans what is stored and opens the run.

        Args:
          log_dir: the run is its subdirectory `keract`; any path that
            `tf.io.gfile` writes to.
          model: a Keras model. One that is not built yet is built on the probe.
          probe: (x, y), (x, y, sample_weight), a `Probe`, or a `tf.data.Dataset`
            whose first batch is taken. x alone does where no gradients are recorded.
          layers: which layers, by name, path, glob, compiled regular expression,
            class, index, layer or function of the layer; one or several. None
            records tables of all layers, and maps of all but those that only
            reshape, pad, crop, drop or normalise. A model inside the model stands for
            all layers in it.
          exclude_layers: which of those not, in the same words.
          kinds: which of "activation", "activation_gradient", "weight",
            "weight_gradient"; None for all four.
          loss: `loss(y, y_pred)`, for a model that is not compiled.
          class_names: of the class ids, to be shown beside the predictions.
          max_samples: probe samples that have maps; statistics are of all.
          max_channels: channels of a layer that have maps; the first ones.
          max_pixels: height and width of a map; larger ones are averaged over areas.
          precision: of the maps: "uint8" for 253 levels between a map's least and
            greatest value, or "float16", "float32".
          budget_bytes_per_record: before compression; where the limits above make
            more, they are lowered, the same for every step.
          budget_bytes_per_run: as written; once spent, maps stop and tables go on.
          epochs: how many are planned; shown on the page.

        Raises:
          ProbeError: if the model or its loss refuses the probe, or y is missing.
          UnknownLayerError: if a selector fits no layer; lists the layers.
          ValueError: for another argument that won't do, for an uncompiled model
            where gradients are asked.
          OSError: if `log_dir` can't be written.
          RuntimeError: if Keras runs on another backend than TensorFlow.
        """
        check_backend()
        kinds = _check_kinds(kinds)
        wire_format.check_precision(precision)
        for name, limit in (
            ("max_samples", max_samples),
            ("max_channels", max_channels),
            ("max_pixels", max_pixels),
        ):
            if limit < 1:
                raise ValueError(f"{name} is {limit}; it has to be at least 1.")
        self._model = model
        self._directory = run_directory(log_dir)
        self._probe = parse_probe(probe, class_names)
        event_file.check_writable(self._directory)
        self._pass = RecordedPass(
            model,
            self._probe,
            layers,
            exclude_layers,
            kinds=kinds,
            loss=loss,
            limits=Limits(max_samples, max_channels, max_pixels),
            precision=precision,
            budget_bytes=budget_bytes_per_record,
        )
        self._writer = RecordWriter(
            self._directory, budget_bytes_per_run, self._log_failure
        )
        self._epochs = epochs
        self._settings = {
            "kinds": ", ".join(kinds),
            "layers": "default" if layers is None else str(layers),
            "exclude_layers": "none" if exclude_layers is None else str(exclude_layers),
            "max_samples": max_samples,
            "max_channels": max_channels,
            "max_pixels": max_pixels,
            "precision": precision,
        }
        self._budget_bytes_per_record = budget_bytes_per_record
        self._budget_bytes_per_run = budget_bytes_per_run
        self._closed = False
        self._record_count = 0
        self._last_step: int | None = None
        self._failures: set[type[BaseException]] = set()
        logger.info("%s", self.plan_summary())

    def plan_summary(self) -> str:
        """What a record holds, in one line."""
        plan = self._pass.plan
        return (
            f"Keract records {len(self._pass.rows)} tensors of"
            f" {len(self._pass.layout.layers)} layers to {self._directory}:"
            f" maps of {len(plan.tensors)}, {plan.limits.samples} samples,"
            f" ≤ {plan.limits.channels} channels, ≤ {plan.limits.pixels} px,"
            f" at most {format_bytes(plan.byte_count)} a record before compression,"
            f" {format_bytes(self._budget_bytes_per_run)} a run."
        )

    def record(
        self,
        step: int,
        *,
        epoch: int | None = None,
        training_loss: float | None = None,
    ) -> bool:
        """Records the model as it is now. Returns once the pass has run.

        Args:
          step: of the training; from 0. A step that is not greater than the last
            one replaces what was recorded from it on, as after the restart from a
            checkpoint.
          epoch: epochs completed.
          training_loss: of the training batch, to be shown beside the probe's.

        Returns:
          Whether the pass ran. What goes wrong in it, or later in writing, is logged
          once with its cause; the next record is tried anew.

        Raises:
          ValueError: if `step` is negative or no integer.
          RuntimeError: if the recorder is closed.
        """
        if isinstance(step, bool) or int(step) != step or step < 0:
            raise ValueError(f"A step is an integer from 0; got {step!r}.")
        if self._closed:
            raise RuntimeError("This recorder is closed. Make a new one to go on.")
        step = int(step)
        if self._writer.closed:
            return False  # Another recorder took over the run, and said so.
        restarts = self._last_step is not None and step <= self._last_step
        try:
            since = 0 if self._last_step is None else max(step - self._last_step, 0)
            reduced = self._pass(since)
            self._writer.submit(
                Record(
                    step=step,
                    epoch=-1 if epoch is None else epoch,
                    wall_time_s=time.time(),
                    values=self._record_values(reduced, epoch, training_loss),
                    reduced=reduced,
                    restarts=restarts,
                    note=self._pass.note,
                    describe_model=self._describe_model,
                )
            )
        except Exception as error:  # Whatever it is, training must go on.
            self._log_failure(step, error)
            return False
        self._record_count += 1
        self._last_step = step
        return True

    @property
    def last_step(self) -> int | None:
        """The step of the last record; None before the first."""
        return self._last_step

    def flush(self) -> None:
        """Waits until everything recorded so far is on disk."""
        self._writer.flush()

    def close(self) -> None:
        """Writes what waits and closes the run. To be called once; again does nothing."""
        self._closed = True
        self._writer.close()

    def __enter__(self) -> Recorder:
        return self

    def __exit__(
        self,
        exception_type: type[BaseException] | None,
        exception: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.close()

    def _log_failure(self, step: int, error: BaseException) -> None:
        # One line for each kind of trouble, however often it comes.
        if type(error) in self._failures:
            return
        self._failures.add(type(error))
        logger.warning(
            "Keract could not record step %d to %s; training goes on and the next record"
            " is tried. The cause: %s: %s",
            step,
            self._directory,
            type(error).__name__,
            error,
        )

    def _record_values(
        self, reduced: Reduced, epoch: int | None, training_loss: float | None
    ) -> npt.NDArray[np.float32]:
        optimizer = getattr(self._model, "optimizer", None)
        learning_rate = getattr(optimizer, "learning_rate", None)
        loss_scale = None
        if isinstance(optimizer, keras.mixed_precision.LossScaleOptimizer):
            loss_scale = optimizer.scale_loss(1.0)
        values: dict[str, Any] = {
            "record": self._record_count,
            "epoch": epoch,
            "probe_loss": reduced.loss,
            "training_loss": training_loss,
            "learning_rate": learning_rate,
            "loss_scale": loss_scale,
            "lost_records": 0,
            "update_skipped": None,
        }
        return np.array(
            [
                # Through a tensor: under a distribution strategy a value may be a
                # mirrored variable, which is no number.
                np.nan
                if values[name] is None
                else float(tf.convert_to_tensor(values[name]))
                for name in metadata.RECORD_VALUES
            ],
            np.float32,
        )

    def _describe_model(self) -> plugin_data_pb2.ModelDescription:
        description = self._pass.describe_model()
        description.epochs = self._epochs
        description.budget_bytes_per_record = self._budget_bytes_per_record
        description.budget_bytes_per_run = self._budget_bytes_per_run
        for name, value in self._settings.items():
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


def run_directory(log_dir: str | os.PathLike[str]) -> str:
    """The directory of the run that a recorder with this `log_dir` writes."""
    path = os.fspath(log_dir).rstrip("/")
    if not path:
        raise ValueError(f"log_dir is {log_dir!r}; give a directory for the run.")
    if "://" not in path:
        path = os.path.abspath(path)
    return f"{path}/{RUN_NAME}"


def _check_kinds(kinds: Iterable[str] | None) -> tuple[str, ...]:
    given = (
        KINDS if kinds is None else (kinds,) if isinstance(kinds, str) else tuple(kinds)
    )
    unknown = [kind for kind in given if kind not in KINDS]
    if unknown or not given:
        raise ValueError(
            f"Unknown kinds {unknown}; use one or several of: {', '.join(KINDS)}."
            if unknown
            else f"No kinds to record; use one or several of: {', '.join(KINDS)}."
        )
    return tuple(kind for kind in KINDS if kind in given)
