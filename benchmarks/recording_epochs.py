"""Epochs of training that are recorded once each: ours, and beside those of others."""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from typing import Any

import keras
import tensorflow as tf

import tensorboard_keract as tk
from benchmarks.models import Case
from benchmarks.recording_setup import (
    NO_LIMIT_BYTES,
    PROBE_SAMPLES,
    STEPS_PER_EPOCH,
    Setup,
    log_directory,
    probe_of,
)
from benchmarks.timing import (
    EpochClock,
    Row,
    Worker,
    WorkerError,
    in_turns,
    medians,
    quartiles,
)

# `tf.summary.histogram` makes a float64 one-hot of 30 columns: 12 GB for so many values.
MOST_HISTOGRAM_VALUES = 50_000_000
HAND_MADE_CHANNELS = 16

EPOCH = f"epoch of {STEPS_PER_EPOCH} steps, nothing recorded"
EPOCH_DEFAULTS = "… callback at its defaults"
EPOCH_TRAINING = '… source="training", once per epoch'
EPOCH_OFTEN = "… update_freq=10"
PEERS_PLAIN = "beside others: plain epoch"
PEERS_OURS = "once per epoch: KeractCallback at its defaults"
PEERS_OURS_TRAINING = 'once per epoch: KeractCallback, source="training"'
PEERS_TENSORBOARD = "Keras' TensorBoard(histogram_freq=1), weights only"
PEERS_BY_HAND = "tf.summary.histogram and image by hand, activations and weights"
LEGACY_PLAIN = "legacy Keras: plain epoch"
LEGACY = {
    "tf-explain activations": "tf-explain: activations, one layer",
    "tf-explain Grad-CAM": "tf-explain: Grad-CAM, one layer",
    "keract activations": "keract: activations",
    "keract display": "keract: activations of one sample, drawn and saved",
}


EPOCH_ROWS = (
    Row(EPOCH),
    Row(EPOCH_DEFAULTS, 1.02),
    Row(EPOCH_TRAINING),
    Row(EPOCH_OFTEN),
)
PEER_ROWS = (
    Row(PEERS_PLAIN),
    Row(PEERS_OURS),
    Row(PEERS_OURS_TRAINING),
    Row(PEERS_TENSORBOARD),
    Row(PEERS_BY_HAND),
    Row(LEGACY_PLAIN),
    *map(Row, LEGACY.values()),
)


def measure_epochs(setup: Setup) -> None:
    """Epochs of `fit` with the callback, beside those without."""
    case = setup.case()
    with log_directory() as logs:
        found = epochs_in_turns(setup, case, ours(case, logs, often=True))
    middle = medians(found)
    for what, seconds in middle.items():
        spread = quartiles(found[what])
        if what == EPOCH:
            text = f"{seconds * STEPS_PER_EPOCH / setup.steps:.2f} s{setup.scaling}"
            setup.add(case, what, text, None, spread)
            continue
        ratio = seconds / middle[EPOCH]
        if what != EPOCH_OFTEN:  # Every tenth step is so, however long the epoch.
            ratio = setup.scaled(ratio)
        setup.add(case, what, f"{ratio:.3f}", ratio, spread)


def ours(
    case: Case, logs: Path, often: bool = False
) -> dict[str, keras.callbacks.Callback]:
    """The callbacks of this project, by row."""
    probe = probe_of(case)
    callbacks = {
        EPOCH_DEFAULTS: LastingCallback(logs / "defaults", probe),
        EPOCH_TRAINING: LastingCallback(logs / "training", source="training"),
    }
    if often:
        callbacks[EPOCH_OFTEN] = LastingCallback(logs / "often", probe, update_freq=10)
    return callbacks


class LastingCallback(tk.KeractCallback):
    """A `KeractCallback` whose recorder lasts from one `fit` to the next.

    So each of them may be an epoch that stands for one in the middle of a training:
    nothing is compiled in it, and the record before it is written while it runs.
    """

    def __init__(self, *arguments: Any, **options: Any) -> None:
        super().__init__(*arguments, budget_bytes_per_run=NO_LIMIT_BYTES, **options)

    def on_train_begin(self, logs: Any = None) -> None:
        if self._recorder is None:
            super().on_train_begin(logs)
        self._checked_until = -1  # The model is recorded as this `fit` finds it.

    def on_train_end(self, logs: Any = None) -> None:
        assert self._recorder is not None
        self._recorder.flush()

    def close(self) -> None:
        assert self._recorder is not None
        self._recorder.close()


def epochs_in_turns(
    setup: Setup, case: Case, callbacks: dict[str, keras.callbacks.Callback]
) -> dict[str, list[float]]:
    """Seconds of epochs without and with each of the callbacks."""
    data = tf.data.Dataset.from_tensors((case.x, case.y)).repeat().prefetch(2)
    epochs = itertools.count()

    def epoch(of_turn: Sequence[Any], steps: int) -> float:
        clock = EpochClock()
        number = next(epochs)
        case.model.fit(
            data,
            initial_epoch=number,
            epochs=number + 1,
            steps_per_epoch=steps,
            shuffle=False,
            verbose=0,
            callbacks=[*of_turn, clock],
        )
        return clock.seconds

    turns: dict[str, list[Any]] = {EPOCH: []}
    turns |= {what: [callback] for what, callback in callbacks.items()}
    for of_turn in turns.values():
        epoch(of_turn, 1)  # Compiles what there is to compile.
    found = in_turns(
        {what: partial(epoch, turn, setup.steps) for what, turn in turns.items()},
        setup.rounds,
    )
    for callback in callbacks.values():
        if isinstance(callback, LastingCallback):
            callback.close()
    return found


def measure_peers(setup: Setup) -> None:
    """What others record once per epoch, in percent of the plain epoch."""
    case = setup.case()
    with log_directory() as logs:
        callbacks = ours(case, logs) | others(case, logs)
        found = epochs_in_turns(setup, case, callbacks)
    names = {EPOCH_DEFAULTS: PEERS_OURS, EPOCH_TRAINING: PEERS_OURS_TRAINING}
    found = {names.get(what, what): seconds for what, seconds in found.items()}
    _add_percent(setup, case, PEERS_PLAIN, {PEERS_PLAIN: found.pop(EPOCH), **found})
    if PEERS_TENSORBOARD not in found:
        setup.add(case, PEERS_TENSORBOARD, "not run: needs 25 GB")
    if setup.peers is not None:
        measure_legacy_peers(setup, case, setup.peers)


def others(case: Case, logs: Path) -> dict[str, keras.callbacks.Callback]:
    """What people use on Keras 3, by row."""
    callbacks: dict[str, keras.callbacks.Callback] = {
        PEERS_BY_HAND: SummariesByHand(logs / "by_hand", probe_of(case)[0])
    }
    if not _too_large(case.model):
        callbacks[PEERS_TENSORBOARD] = keras.callbacks.TensorBoard(
            logs / "tensorboard", histogram_freq=1
        )
    return callbacks


def _too_large(model: keras.Model) -> list[str]:
    """The weights that `tf.summary.histogram` has no memory for."""
    return [
        weight.path
        for weight in model.weights
        if math.prod(weight.shape) > MOST_HISTOGRAM_VALUES
    ]


class SummariesByHand(keras.callbacks.Callback):
    """What one writes oneself to see inside of a model: standard summaries.

    After each epoch histograms of all activations and weights, and pictures of the
    first channels of the first sample. Weights that no histogram can be made of in 12
    GB are left out.
    """

    def __init__(self, log_dir: Path, x: Any) -> None:
        super().__init__()
        self._x = tf.constant(x)
        self._writer = tf.summary.create_file_writer(str(log_dir))
        self._activations: Any = None

    def on_train_begin(self, logs: Any = None) -> None:
        if self._activations is None:
            layers = self.model.layers
            outputs = {layer.name: layer.output for layer in layers}
            model = keras.Model(self.model.inputs, outputs)
            self._activations = tf.function(partial(model, training=False))
            self._left_out = _too_large(self.model)

    def on_epoch_end(self, epoch: int, logs: Any = None) -> None:
        with self._writer.as_default(step=epoch):
            for name, activation in self._activations(self._x).items():
                tf.summary.histogram(f"{name}/activation", activation)
                if activation.shape.rank == 4:
                    channels = activation[0, :, :, :HAND_MADE_CHANNELS]
                    self._write_images(f"{name}/maps", channels)
            for weight in self.model.weights:
                if weight.path not in self._left_out:
                    tf.summary.histogram(weight.path, weight.value)
        self._writer.flush()

    @staticmethod
    def _write_images(name: str, channels: tf.Tensor) -> None:
        low, high = tf.reduce_min(channels), tf.reduce_max(channels)
        images = tf.math.divide_no_nan(channels - low, high - low)
        images = tf.transpose(images, [2, 0, 1])[..., None]
        tf.summary.image(name, images, max_outputs=HAND_MADE_CHANNELS)


def measure_legacy_peers(setup: Setup, case: Case, python: str) -> None:
    """The same of those that run on legacy Keras, beside their own plain epoch."""
    script = Path(__file__).with_name("recording_peers.py")
    sizes = (len(case.x), setup.steps, PROBE_SAMPLES)
    worker = Worker([python, str(script), setup.name, *map(str, sizes)])
    runs: dict[str, Callable[[], float]] = {}
    for what, row in {"plain": LEGACY_PLAIN, **LEGACY}.items():
        reason = _why_not(setup.name, what)
        if not reason:
            try:
                worker.seconds(what)
            except WorkerError as error:
                reason = str(error)[:80]
        if reason:
            setup.add(case, row, reason)
        else:
            runs[row] = partial(worker.seconds, what)
    _add_percent(setup, case, LEGACY_PLAIN, in_turns(runs, setup.rounds))
    worker.stop()


def _why_not(name: str, what: str) -> str:
    """Why a peer is not run with a model; empty where it is."""
    if what == "keract display" and name in ("vgg16", "resnet50"):
        return "not run: thousands of plots"
    if what.startswith("tf-explain") and name == "lstm":
        return "not for this model"
    return ""


def _add_percent(
    setup: Setup, case: Case, plain: str, found: dict[str, list[float]]
) -> None:
    """Adds what each adds to the plain epoch, as percent of it."""
    middle = medians(found)
    for what, seconds in middle.items():
        spread = quartiles(found[what])
        if what == plain:
            whole = seconds * STEPS_PER_EPOCH / setup.steps
            setup.add(case, what, f"{whole:.2f} s{setup.scaling}", None, spread)
        else:
            percent = 100 * (setup.scaled(seconds / middle[plain]) - 1)
            left_out = what == PEERS_BY_HAND and _too_large(case.model)
            note = f", without {', '.join(left_out)}" if left_out else ""
            text = f"{percent:+.1f} %{note}"
            setup.add(case, what, text, None, spread)
