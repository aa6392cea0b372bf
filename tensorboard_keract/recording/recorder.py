"""`Recorder`: at a step, everything inside the model, to an event file.

The probe's pass, or the training step itself, is reduced in the compiled function that
computes it; encoding and writing happen on a thread of their own. Whatever fails once
recording has begun is logged and never reaches the training loop.
"""

from __future__ import annotations

import contextlib
import functools
import logging
import os
import time
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from types import TracebackType
from typing import Any, Final

import keras
import numpy as np
import numpy.typing as npt
import tensorflow as tf

from tensorboard_keract import metadata, plugin_data_pb2
from tensorboard_keract.core.capture import Loss, check_backend
from tensorboard_keract.core.layer_selection import LayerSelectors
from tensorboard_keract.core.training_step import capturing
from tensorboard_keract.recording import event_file, wire_format
from tensorboard_keract.recording.attributions import (
    Attribution,
    Attributions,
    Explainer,
    parse_attributions,
)
from tensorboard_keract.recording.budget import (
    DEFAULT_BUDGET_BYTES_PER_RECORD,
    DEFAULT_BUDGET_BYTES_PER_RUN,
    format_bytes,
)
from tensorboard_keract.recording.heatmaps import StoredHeatmap
from tensorboard_keract.recording.layout import Limits
from tensorboard_keract.recording.model_description import (
    add_settings,
    describe_model,
    describe_probe,
)
from tensorboard_keract.recording.probe import Probe, parse_probe
from tensorboard_keract.recording.record import Record, Reduced
from tensorboard_keract.recording.record_writer import RecordWriter, check_policy
from tensorboard_keract.recording.recorded_pass import RecordedPass
from tensorboard_keract.recording.recorded_step import RecordedStep
from tensorboard_keract.recording.reduction import Choice, Parts, Reduction
from tensorboard_keract.recording.rows import check_kinds
from tensorboard_keract.recording.standard_summaries import (
    StandardSummaries,
    check_also_write,
)

logger = logging.getLogger("tensorboard_keract")

RUN_NAME: Final = "keract"
PROBE: Final = "probe"
TRAINING: Final = "training"
BOTH: Final = "both"
SOURCES: Final = (PROBE, TRAINING, BOTH)


class Recorder:
    """Records what happens inside a model to `<log_dir>/keract`.

    At each record a probe, a small fixed batch, is passed through the model; or the
    training step itself is captured, with the real gradients of its batch; or both.
    Written are statistics and histograms of all activations, their gradients, weights
    and their gradients; feature maps within a byte budget; inputs and predictions.

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

    and of the training step itself, whether it is a `tf.function` or not:

    ```python
    with tk.Recorder("logs/run1", model, source="training") as recorder:
        for step, (x, y) in enumerate(batches):
            with recorder.capture(step) if step % 100 == 0 else nullcontext():
                train_step(x, y)
    ```

    Under a `tf.distribute` strategy only the chief writes. Statistics and histograms
    of a captured step are those of the batch of all replicas together; maps are of the
    first replica's part.
    """

    def __init__(
        self,
        log_dir: str | os.PathLike[str],
        model: keras.Model,
        probe: Any = None,
        layers: LayerSelectors | None = None,
        *,
        source: str = PROBE,
        exclude_layers: LayerSelectors | None = None,
        kinds: Iterable[str] | None = None,
        attributions: Attributions = (),
        targets: Any = None,
        loss: Loss | None = None,
        optimizer: Any = None,
        class_names: Sequence[str] | None = None,
        max_samples: int = 8,
        max_channels: int = 64,
        max_pixels: int = 64,
        precision: str = "uint8",
        maps_freq: int = 1,
        gradients_freq: int = 1,
        histograms_freq: int = 1,
        attributions_freq: int = 1,
        max_records: int | None = None,
        budget_bytes_per_record: int = DEFAULT_BUDGET_BYTES_PER_RECORD,
        budget_bytes_per_run: int = DEFAULT_BUDGET_BYTES_PER_RUN,
        when_behind: str = "wait",
        also_write: Iterable[str] = (),
        epochs: int = 0,
        planned_records: int = 0,
    ) -> None:
        """Compiles the pass, plans what is stored and opens the run.

        Args:
          log_dir: the run is its subdirectory `keract`; any path that
            `tf.io.gfile` writes to.
          model: a Keras model. One that is not built yet is built on the probe.
          probe: (x, y), (x, y, sample_weight), a `Probe`, or a `tf.data.Dataset`
            whose first batch is taken. x alone does where no gradients are recorded.
            With the source "training" it may be left out.
          layers: which layers, by name, path, glob, compiled regular expression,
            class, index, layer or function of the layer; one or several. None
            records all, but leaves out activations of those that only reshape, pad,
            crop, drop or normalise, and their gradients; "*" records these, too. A
            model inside the model stands for all layers in it.
          source: "probe" passes the probe through the model, in inference, by
            `record`. "training" captures the training step and its batch, by
            `capture`. "both" takes tables from the training step and maps from the
            probe, by `capture`.
          exclude_layers: which of those not, in the same words.
          kinds: which of "activation", "activation_gradient", "weight",
            "weight_gradient"; None for all four.
          attributions: methods that explain the probe's samples at each record, by
            heatmaps over an input: of "grad_cam", "grad_cam_plus_plus", "hires_cam",
            "layer_cam", "score_cam", "activation_heatmap", "saliency",
            "gradient_x_input", "smooth_grad", "integrated_gradients",
            "guided_backprop", "deconvnet", "occlusion". With options as a pair,
            ("grad_cam", {"layer": "conv4"}), ("integrated_gradients", {"steps": 20});
            a method may come several times. They are the functions of these names,
            whose defaults hold; of several inputs the first is explained, or the
            option `input`.
          targets: what they explain: "label" for the class of each sample, "predicted"
            for its top prediction at that record, class ids, one or one for each
            sample, or a function of the model's outputs that gives a score [batch].
            None is "label" where the probe has labels, else "predicted". An entry may
            have its own in its options.
          loss: `loss(y, y_pred)` of the probe, for a model that is not compiled.
          optimizer: of the training step, where it is not the model's own: its loss
            scale and learning rate are recorded.
          class_names: of the class ids, to be shown beside the predictions.
          max_samples: samples that have maps; statistics are of all.
          max_channels: channels of a layer that have maps; the first ones.
          max_pixels: height and width of a map; larger ones are averaged over areas.
          precision: of the maps: "uint8" for 253 levels between a map's least and
            greatest value, or "float16", "float32".
          maps_freq, gradients_freq, histograms_freq, attributions_freq: every how many
            records hold maps, gradients (of both kinds), histograms, heatmaps of
            attributions; 0 is never.
          max_records: after so many nothing is recorded; None for no limit.
          budget_bytes_per_record: before compression; where the limits above make
            more, they are lowered, the same for every step.
          budget_bytes_per_run: of all event files of the run, those of earlier
            processes included; once spent, maps stop and tables go on.
          when_behind: what becomes of a record while three others wait for the disk:
            "wait" until one is written, or "drop" it, which is counted and shown.
          also_write: standard TensorBoard summaries to be written beside: some of
            "histograms", "scalars", "images".
          epochs: how many are planned; shown on the page.
          planned_records: how many are planned; shown on the page.

        Raises:
          ProbeError: if the model or its loss refuses the probe, or y is missing.
          UnknownLayerError: if a selector fits no layer; lists the layers.
          ValueError: for another argument that won't do, for an uncompiled model
            where gradients are asked of a probe, for attributions that this model has
            not.
          TypeError: for attributions and targets of another form.
          OSError: if `log_dir` can't be written.
          RuntimeError: if Keras runs on another backend than TensorFlow.
        """
        check_backend()
        kinds = check_kinds(kinds)
        wire_format.check_precision(precision)
        check_policy(when_behind)
        mirrored = check_also_write(also_write)
        if source not in SOURCES:
            raise ValueError(f"source is {source!r}; use one of: {', '.join(SOURCES)}.")
        frequencies = {
            "maps_freq": maps_freq,
            "gradients_freq": gradients_freq,
            "histograms_freq": histograms_freq,
            "attributions_freq": attributions_freq,
        }
        _check_at_least(0, **frequencies)
        _check_at_least(
            1,
            max_samples=max_samples,
            max_channels=max_channels,
            max_pixels=max_pixels,
            max_records=1 if max_records is None else max_records,
        )
        self._model = model
        self._source = source
        self._optimizer = optimizer
        self._loss = loss
        self._frequencies = frequencies
        self._max_records = max_records
        self._directory = run_directory(log_dir)
        strategy = _strategy_of(model)
        self._is_chief = bool(strategy.extended.should_save_summary)
        replicas = strategy.num_replicas_in_sync
        self._is_multi_worker = replicas > 1 and (
            len(strategy.extended.worker_devices) < replicas
        )
        self._choice = Choice(
            kinds,
            layers,
            exclude_layers,
            Limits(max_samples, max_channels, max_pixels),
            precision,
            budget_bytes_per_record,
        )
        self._probe: Probe | None = None
        if probe is not None or source != TRAINING:
            self._probe = parse_probe(probe, class_names)
        explained = parse_attributions(attributions, targets, self._probe)
        check_source_of_attributions(source, explained)
        self._explainer: Explainer | None = None
        self._pass: RecordedPass | None = None
        self._step: RecordedStep | None = None
        if source != TRAINING:
            assert self._probe is not None
            self._explainer, refused = _explainer(model, self._probe, explained)
            # Where the model refuses the probe, this says more of it.
            self._pass = self._make_pass(self._probe)
            if refused is not None:
                raise refused
        if source != PROBE:
            self._step = RecordedStep(model, self._choice, optimizer)
        self._mirror = StandardSummaries(mirrored) if mirrored else None
        self._epochs = epochs
        self._planned_records = planned_records
        self._settings = {
            "source": source,
            "kinds": ", ".join(kinds),
            "attributions": ", ".join(e.description for e in explained) or "none",
            "targets": ", ".join(sorted({e.rule for e in explained} - {""})) or "none",
            "layers": "default" if layers is None else str(layers),
            "exclude_layers": "none" if exclude_layers is None else str(exclude_layers),
            "max_samples": max_samples,
            "max_channels": max_channels,
            "max_pixels": max_pixels,
            "precision": precision,
            **frequencies,
            "max_records": "none" if max_records is None else max_records,
            "when_behind": when_behind,
            "also_write": ", ".join(mirrored) or "none",
        }
        self._budget_bytes_per_record = budget_bytes_per_record
        self._budget_bytes_per_run = budget_bytes_per_run
        self._closed = False
        self._has_given_up = False
        self._record_count = 0
        self._last_step: int | None = None
        self._failures: set[type[BaseException]] = set()
        self._unexplained: set[tuple[str, type[BaseException]]] = set()
        self._writer: RecordWriter | None = None
        if self._is_chief:
            event_file.check_writable(self._directory)
            self._writer = RecordWriter(
                self._directory,
                budget_bytes_per_run,
                self._log_failure,
                when_behind=when_behind,
                mirror=None if self._mirror is None else self._mirror_values,
            )
        if self._pass is not None and self._is_chief:
            logger.info("%s", self.plan_summary())

    def plan_summary(self) -> str:
        """What a record holds, in one line: known once a step was captured or passed."""
        tables, maps = self._tables, self._maps
        if tables is None or maps is None:
            return f"Keract records training steps to {self._directory}."
        plan = maps.plan
        line = (
            f"Keract records {len(tables.rows)} tensors of"
            f" {len(tables.layout.layers)} layers to {self._directory}: maps of"
            f" {len(plan.tensors)}, {plan.limits.samples} samples,"
            f" ≤ {plan.limits.channels} channels, ≤ {plan.limits.pixels} px,"
        )
        if maps.heatmaps:
            line += f" heatmaps of {', '.join(plan.path for plan in maps.heatmaps)},"
        line += f" at most {format_bytes(plan.byte_count)} a record before compression"
        records = self._planned_records
        if self._max_records is not None:
            records = min(records or self._max_records, self._max_records)
        if records:
            line += f", {format_bytes(plan.byte_count * records)} for {records} records"
        return (
            f"{line}; the run's budget is {format_bytes(self._budget_bytes_per_run)}."
        )

    def record(
        self,
        step: int,
        *,
        epoch: int | None = None,
        training_loss: float | None = None,
    ) -> bool:
        """Records the model as it is now, by the probe. Returns once the pass has run.

        With the source "both" this is a record of the probe's maps, without tables.

        Args:
          step: of the training; from 0. A step that is not greater than the last
            one replaces what was recorded from it on, as after the restart from a
            checkpoint.
          epoch: epochs completed.
          training_loss: of the training batch, to be shown beside the probe's.

        Returns:
          Whether a record was made. What goes wrong, in the pass or later in writing,
          is logged once with its cause; the next record is tried anew.

        Raises:
          ValueError: if `step` is negative or no integer.
          RuntimeError: if the recorder is closed, or has no probe to record.
        """
        step = self._checked(step)
        if self._pass is None:
            raise RuntimeError(
                'This recorder has the source "training": it records steps that run'
                " inside `with recorder.capture(step):`. For records of a probe use"
                ' source="probe" or "both".'
            )
        if not self._goes_on():
            return False
        parts = replace(self._parts(), tables=self._source != BOTH)
        if not (parts.tables or parts.maps or parts.ends):
            return False
        heatmaps = self._heatmaps(step)
        try:
            reduced = self._pass(self._steps_since_last(step), parts)
        except Exception as error:  # Whatever it is, training must go on.
            self._log_failure(step, error)
            return False
        reduced = replace(reduced, heatmaps=heatmaps)
        return self._submit(
            step, reduced, epoch, training_loss=training_loss, probe_loss=reduced.loss
        )

    @contextlib.contextmanager
    def capture(self, step: int, *, epoch: int | None = None) -> Iterator[None]:
        """Records the training step that runs inside of the context.

        To be put around one training step in eager code: a call of the `tf.function`
        that is the step, or the step's own lines. A compiled step runs in a second
        compiled form that gives the same update; it is compiled at its first use. For a
        GAN nest the contexts of two recorders, one for each model.

        What is recorded is the model as the step found it, and what the step computed:
        activations of its batch, the gradients as the tape gave them (unscaled; before
        clipping and accumulation), how far the update moved the weights.

        A step that can't be captured, because it takes no gradient by
        `tf.GradientTape.gradient` or runs in a loop inside of a `tf.function`, is named
        once in the log; from there on the probe is recorded instead, if there is one.

        With the source "probe" the probe is recorded before the step.

        Args:
          step: of the training, from 0: how many updates are done. As in `record`.
          epoch: epochs completed.

        Raises:
          ValueError: if `step` is negative or no integer.
          RuntimeError: if the recorder is closed, or this is inside a `tf.function`.
            What the step itself raises goes through.
        """
        step = self._checked(step)
        if self._step is None:
            self.record(step, epoch=epoch)
            yield
            return
        # Each worker captures the same steps: what they gather they gather together.
        # A captured step has operations that all workers take part in.
        if not (self._is_wanted() if self._is_multi_worker else self._goes_on()):
            yield
            return
        parts, of_probe = self._parts(), None
        if self._source == BOTH:
            if (parts.maps or parts.ends) and self._is_chief:
                of_probe = self._probe_maps(step, parts)
            parts = replace(parts, maps=False, ends=False)
        tap = self._step.tap(parts)
        with capturing(tap):
            yield
        try:
            collected = self._step.collect()
            if collected is None:
                self._use_probe(step, epoch, tap.error)
                return
            is_first = self._record_count == 0 and self._source == TRAINING
            reduced, skipped = collected
            if of_probe is not None:
                reduced = replace(
                    reduced,
                    maps=of_probe.maps,
                    inputs=of_probe.inputs,
                    heatmaps=of_probe.heatmaps,
                )
            self._submit(
                step,
                reduced,
                epoch,
                training_loss=reduced.loss,
                probe_loss=None if of_probe is None else of_probe.loss,
                update_skipped=skipped,
            )
            if is_first and self._is_chief:
                logger.info("%s", self.plan_summary())
        except Exception as error:  # Whatever it is, training must go on.
            self._log_failure(step, error)

    @property
    def last_step(self) -> int | None:
        """The step of the last record; None before the first."""
        return self._last_step

    @property
    def record_count(self) -> int:
        """Records so far, those included that were lost."""
        return self._record_count

    @property
    def lost_records(self) -> int:
        """Records so far that were dropped or could not be written."""
        return 0 if self._writer is None else self._writer.lost_count

    def flush(self) -> None:
        """Waits until everything recorded so far is on disk."""
        if self._writer is not None:
            self._writer.flush()

    def close(self) -> None:
        """Writes what waits and closes the run. To be called once; again does nothing."""
        self._closed = True
        if self._writer is not None:
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

    @property
    def _tables(self) -> Reduction | None:
        """What the tables hold; None as long as that is not known."""
        of_step = None if self._step is None else self._step.reduction
        if of_step is not None and of_step.is_planned:
            return of_step
        return None if self._pass is None else self._pass.reduction

    @property
    def _maps(self) -> Reduction | None:
        return self._tables if self._pass is None else self._pass.reduction

    def _checked(self, step: int) -> int:
        if isinstance(step, bool) or int(step) != step or step < 0:
            raise ValueError(f"A step is an integer from 0; got {step!r}.")
        if self._closed:
            raise RuntimeError("This recorder is closed. Make a new one to go on.")
        return int(step)

    def _goes_on(self) -> bool:
        """Whether this process writes, has its run still, and is not done."""
        return (
            self._writer is not None
            # Else another recorder took over the run, and said so.
            and not self._writer.closed
            and self._is_wanted()
        )

    def _is_wanted(self) -> bool:
        """Whether records are to come; the same on each worker."""
        return not self._has_given_up and (
            self._max_records is None or self._record_count < self._max_records
        )

    def _parts(self) -> Parts:
        """What the next record holds."""
        due = {
            name: every > 0 and self._record_count % every == 0
            for name, every in self._frequencies.items()
        }
        return Parts(
            histograms=due["histograms_freq"],
            maps=due["maps_freq"],
            # Heatmaps lie on the inputs.
            ends=not due["maps_freq"] and self._explains(),
            gradients=due["gradients_freq"],
        )

    def _make_pass(self, probe: Probe) -> RecordedPass:
        parts = Parts(tables=self._source != BOTH)
        planners = []
        if self._explainer is not None:
            planners = self._explainer.planners(self._choice.precision)
        return RecordedPass(
            self._model,
            probe,
            self._choice,
            loss=self._loss,
            parts=parts,
            heatmaps=planners,
        )

    def _explains(self) -> bool:
        """Whether the next record holds heatmaps."""
        every = self._frequencies["attributions_freq"]
        return (
            self._explainer is not None
            and every > 0
            and self._record_count % every == 0
        )

    def _heatmaps(self, step: int) -> tuple[StoredHeatmap, ...]:
        """Those that are due; none once the run's budget is spent."""
        if self._writer is None or not self._writer.writes_maps or not self._explains():
            return ()
        assert self._explainer is not None
        assert self._pass is not None
        return self._explainer(
            self._pass.reduction.heatmaps,
            functools.partial(self._log_unexplained, step),
        )

    def _steps_since_last(self, step: int) -> int:
        return 0 if self._last_step is None else max(step - self._last_step, 0)

    def _probe_maps(self, step: int, parts: Parts) -> Reduced | None:
        assert self._pass is not None
        try:
            reduced = self._pass(0, replace(parts, tables=False))
            return replace(reduced, heatmaps=self._heatmaps(step))
        except Exception as error:  # Whatever it is, training must go on.
            self._log_failure(step, error)
            return None

    def _use_probe(
        self, step: int, epoch: int | None, error: BaseException | None
    ) -> None:
        """From here on records the probe: the step can't be captured."""
        cause = str(error) if error else "The step did not call the model."
        if self._probe is None:
            logger.warning(
                "Keract can't see inside this training step and has no probe to record"
                " instead; nothing is recorded. Give a probe, such as"
                " probe=(x_val[:8], y_val[:8]). The cause: %s",
                cause,
            )
            self._has_given_up = True
            return
        logger.warning(
            "Keract can't see inside this training step; it records the probe instead."
            " The cause: %s",
            cause,
        )
        self._source = PROBE
        self._step = None
        try:
            self._pass = self._make_pass(self._probe)
        except ValueError as refused:
            self._log_failure(step, refused)
            self._has_given_up = True
            return
        self.record(step, epoch=epoch)

    def _submit(
        self,
        step: int,
        reduced: Reduced,
        epoch: int | None,
        *,
        training_loss: Any = None,
        probe_loss: Any = None,
        update_skipped: Any = None,
    ) -> bool:
        count, last_step = self._record_count, self._last_step
        # Of what can't be written, too: all workers count alike.
        self._record_count, self._last_step = count + 1, step
        if self._writer is None or self._writer.closed:
            return False
        optimizer = self._optimizer or getattr(self._model, "optimizer", None)
        loss_scale = None
        if isinstance(optimizer, keras.mixed_precision.LossScaleOptimizer):
            loss_scale = optimizer.scale_loss(1.0)
        try:
            record = Record(
                step=step,
                epoch=-1 if epoch is None else epoch,
                wall_time_s=time.time(),
                values=_record_values(
                    record=count,
                    epoch=epoch,
                    probe_loss=probe_loss,
                    training_loss=training_loss,
                    learning_rate=getattr(optimizer, "learning_rate", None),
                    loss_scale=loss_scale,
                    lost_records=0,
                    update_skipped=update_skipped,
                ),
                reduced=reduced,
                restarts=last_step is not None and step <= last_step,
                note=self._note,
                describe_model=self._describe_model,
                inputs_change=self._source == TRAINING,
            )
            return self._writer.submit(record)
        except Exception as error:  # Whatever it is, training must go on.
            self._log_failure(step, error)
            return False

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

    def _log_unexplained(self, step: int, path: str, error: BaseException) -> None:
        if (path, type(error)) in self._unexplained:
            return
        self._unexplained.add((path, type(error)))
        logger.warning(
            "Keract has no heatmap of %s at step %d; the rest is recorded, training goes"
            " on, and it is tried again with the next record. The cause: %s: %s",
            path,
            step,
            type(error).__name__,
            error,
        )

    def _note(self, kind: str, path: str) -> str:
        if self._pass is not None:
            return self._pass.note(kind, path)  # Maps are the probe's.
        return "" if self._step is None else self._step.note(kind, path)

    def _mirror_values(self, record: Record) -> Any:
        assert self._mirror is not None
        return self._mirror(record, self._describe_model())

    def _describe_model(self) -> plugin_data_pb2.ModelDescription:
        tables, maps = self._tables, self._maps
        assert tables is not None
        assert maps is not None
        description = describe_model(self._model, tables, maps)
        if self._pass is not None:
            samples = min(self._pass.samples, maps.plan.limits.samples)
            describe_probe(description, self._pass.probe, self._pass.samples, samples)
        of_step = self._step is not None and tables is self._step.reduction
        description.tables_source = TRAINING if of_step else PROBE
        description.maps_source = TRAINING if self._source == TRAINING else PROBE
        description.epochs = self._epochs
        description.planned_records = self._planned_records
        description.budget_bytes_per_record = self._budget_bytes_per_record
        description.budget_bytes_per_run = self._budget_bytes_per_run
        add_settings(description, self._settings)
        return description


def check_source_of_attributions(source: str, explained: Sequence[Any]) -> None:
    """Raises ValueError for attributions of what is no probe."""
    if explained and source == TRAINING:
        raise ValueError(
            'Attributions explain the samples of a probe; the source "training" records'
            ' the batches that train. Use source="both" or "probe" with a probe.'
        )


def _explainer(
    model: keras.Model, probe: Probe, explained: Sequence[Attribution]
) -> tuple[Explainer | None, Exception | None]:
    """What explains, if anything is to be, or why it can't."""
    if not explained:
        return None, None
    try:
        return Explainer(model, probe, explained), None
    except Exception as error:  # Layers are users' code: it can be anything.
        return None, error


def _record_values(**values: Any) -> npt.NDArray[np.float32]:
    return np.array(
        [
            # Through a tensor: under a distribution strategy a value may be a mirrored
            # variable, which is no number.
            np.nan
            if values[name] is None
            else float(tf.cast(tf.convert_to_tensor(values[name]), tf.float32))
            for name in metadata.RECORD_VALUES
        ],
        np.float32,
    )


def _strategy_of(model: keras.Model) -> tf.distribute.Strategy:
    own = getattr(model, "distribute_strategy", None)
    return own or tf.distribute.get_strategy()


def run_directory(log_dir: str | os.PathLike[str]) -> str:
    """The directory of the run that a recorder with this `log_dir` writes."""
    path = os.fspath(log_dir).rstrip("/")
    if not path:
        raise ValueError(f"log_dir is {log_dir!r}; give a directory for the run.")
    if "://" not in path:
        path = os.path.abspath(path)
    return f"{path}/{RUN_NAME}"


def _check_at_least(least: int, **values: Any) -> None:
    for name, value in values.items():
        if isinstance(value, bool) or not isinstance(value, int) or value < least:
            raise ValueError(f"{name} is {value!r}; it has to be at least {least}.")
