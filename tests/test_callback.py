"""The callback in a real `fit`: when it records, and that training is the same."""

from __future__ import annotations

import logging
import math
from collections.abc import Iterator
from pathlib import Path

import keras
import numpy as np
import pytest
import tensorflow as tf
from tensorflow.python.framework import config

import tensorboard_keract as tk
from tensorboard_keract import metadata
from tests import models
from tests.reading import model_of, read_events, read_records


@pytest.fixture
def deterministic_ops() -> Iterator[None]:
    config.enable_op_determinism()
    yield
    config.disable_op_determinism()


def _fit(case, callbacks, **options):
    repeated = [
        keras.tree.map_structure(lambda a: np.concatenate([a] * 10), part)
        for part in case[1:]
    ]
    return case.model.fit(
        *repeated, batch_size=4, verbose=0, callbacks=callbacks, **options
    )


def _steps(log_dir: Path) -> list[int]:
    return [record.step for record in read_records(log_dir)]


@pytest.mark.parametrize(
    ("options", "fit_options", "steps"),
    [
        ({}, {"epochs": 2}, [0, 10, 20]),
        ({"update_freq": "epoch"}, {"epochs": 1}, [0, 10]),
        ({"update_freq": "batch"}, {"epochs": 1}, list(range(11))),
        ({"update_freq": 4}, {"epochs": 2}, [0, 4, 8, 12, 16, 20]),
        ({"update_freq": 7}, {"epochs": 2}, [0, 7, 14, 20]),
        ({"update_freq": 1000}, {"epochs": 1}, [0, 10]),
    ],
)
def test_records_when_it_is_due(options, fit_options, steps, tmp_path: Path) -> None:
    case = models.classifier()
    callback = tk.KeractCallback(tmp_path, (case.x, case.y), **options)
    _fit(case, [callback], **fit_options)
    assert _steps(tmp_path) == steps


def test_several_steps_per_execution_count_as_they_come(tmp_path: Path) -> None:
    case = models.classifier()
    case.model.compile("adam", "sparse_categorical_crossentropy", steps_per_execution=5)
    callback = tk.KeractCallback(tmp_path, (case.x, case.y), update_freq=4)
    _fit(case, [callback], epochs=2)
    assert _steps(tmp_path) == [0, 5, 10, 15, 20]


def test_records_know_their_epoch_and_the_training_loss(tmp_path: Path) -> None:
    case = models.classifier()
    callback = tk.KeractCallback(tmp_path, (case.x, case.y))
    history = _fit(case, [callback], epochs=2)
    records = read_records(tmp_path)
    values = [
        dict(zip(metadata.RECORD_VALUES, r.values["record"], strict=True))
        for r in records
    ]
    assert [v["epoch"] for v in values] == [0, 1, 2]
    assert math.isnan(values[0]["training_loss"])
    np.testing.assert_allclose(
        [v["training_loss"] for v in values[1:]], history.history["loss"], rtol=1e-6
    )
    assert model_of(records[0]).epochs == 2


def test_a_second_fit_goes_on_in_the_same_run(tmp_path: Path) -> None:
    case = models.classifier()
    callback = tk.KeractCallback(tmp_path, (case.x, case.y))
    _fit(case, [callback], epochs=1)
    _fit(case, [callback], epochs=2, initial_epoch=1)
    assert _steps(tmp_path) == [0, 10, 10, 20]


@pytest.mark.parametrize("make", [models.sequential, models.subclassed])
@pytest.mark.parametrize(
    "compile_options",
    [{}, {"jit_compile": True}, {"run_eagerly": True}, {"steps_per_execution": 3}],
    ids=["plain", "jit", "eager", "executions"],
)
def test_weights_are_bit_equal_with_and_without(
    make, compile_options, tmp_path: Path, request: pytest.FixtureRequest
) -> None:
    # Keras does not compile with XLA where ops are to be deterministic; XLA's are.
    if not compile_options.get("jit_compile"):
        request.getfixturevalue("deterministic_ops")
    trained = []
    for with_callback in (False, True):
        keras.utils.set_random_seed(3)
        case = make()
        case.model.compile("adam", "mse", metrics=["mae"], **compile_options)
        callbacks = [
            tk.KeractCallback(tmp_path, (case.x, case.y), update_freq=2)
        ] * with_callback
        history = _fit(case, callbacks, epochs=2, shuffle=True)
        variables = [*case.model.weights, *case.model.optimizer.variables]
        trained.append((history.history, [v.numpy() for v in variables]))
    (plain_history, plain), (recorded_history, recorded) = trained
    assert recorded_history == plain_history
    for a, b in zip(plain, recorded, strict=True):
        np.testing.assert_array_equal(a, b)
    assert _steps(tmp_path)[-1] == 20


def test_training_goes_on_when_recording_fails(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    case = models.classifier()
    target = tmp_path / "logs"
    callback = tk.KeractCallback(target, (case.x, case.y), update_freq=2)

    class Saboteur(keras.callbacks.Callback):
        def on_epoch_begin(self, epoch, logs=None):
            callback._recorder.flush()
            for path in (target / "keract").iterdir():
                path.unlink()
            (target / "keract").rmdir()
            (target / "keract").write_text("in the way")
            callback._recorder._writer._close_file()

    with caplog.at_level(logging.WARNING):
        history = _fit(case, [callback, Saboteur()], epochs=1)
    assert len(history.history["loss"]) == 1
    assert len([m for m in caplog.messages if "could not record" in m]) == 1


def test_an_exception_in_fit_loses_no_record(tmp_path: Path) -> None:
    case = models.classifier()

    class Interrupt(keras.callbacks.Callback):
        def on_train_batch_end(self, batch, logs=None):
            if batch == 5:
                raise KeyboardInterrupt

    callback = tk.KeractCallback(tmp_path, (case.x, case.y), update_freq=2)
    with pytest.raises(KeyboardInterrupt):
        _fit(case, [callback, Interrupt()], epochs=1)
    callback._recorder.flush()
    assert _steps(tmp_path) == [0, 2, 4, 6]
    # The same callback in a next fit: it goes on where the optimizer stands.
    _fit(case, [callback], epochs=1)
    assert _steps(tmp_path)[-1] == 16


@pytest.mark.filterwarnings("ignore:__array__ implementation")  # Of saving.
def test_a_training_that_is_taken_up_again_goes_on_where_it_was(tmp_path: Path) -> None:
    """A checkpoint is restored when training begins, by a callback after this one."""

    class Interrupt(keras.callbacks.Callback):
        def on_epoch_begin(self, epoch, logs=None):
            if epoch == 2:
                raise KeyboardInterrupt

    def fit(*more: keras.callbacks.Callback) -> None:
        case = models.classifier()
        callbacks = [
            tk.KeractCallback(tmp_path / "logs", (case.x, case.y)),
            keras.callbacks.BackupAndRestore(tmp_path / "backup"),
            *more,
        ]
        _fit(case, callbacks, epochs=3)

    with pytest.raises(KeyboardInterrupt):
        fit(Interrupt())
    fit()
    starts = [e.step for e in read_events(tmp_path / "logs") if e.starts_session]
    assert starts == [0, 20]
    assert _steps(tmp_path / "logs") == [0, 10, 20, 20, 30]


@pytest.mark.parametrize("update_freq", [0, -1, 1.5, "steps", True])
def test_an_unknown_frequency_is_refused(update_freq, tmp_path: Path) -> None:
    case = models.classifier()
    with pytest.raises(ValueError, match="update_freq"):
        tk.KeractCallback(tmp_path, (case.x, case.y), update_freq=update_freq)


def test_an_unknown_option_lists_those_there_are(tmp_path: Path) -> None:
    case = models.classifier()
    with pytest.raises(TypeError, match=r"max_sample\b.*max_samples"):
        tk.KeractCallback(tmp_path, (case.x, case.y), max_sample=3)


@pytest.mark.parametrize(
    ("options", "error", "message"),
    [
        ({"layers": "cnov"}, tk.UnknownLayerError, "conv, flatten, probs"),
        ({"probe": np.zeros((2, 3, 3, 1))}, tk.ProbeError, "has no y"),
        (
            {"probe": (np.zeros((2, 3, 3, 1)), np.zeros(2, int))},
            tk.ProbeError,
            r"float32\[2, 3, 3, 1\]",
        ),
    ],
)
def test_what_the_model_refuses_stops_fit_at_its_start(
    options, error, message, tmp_path: Path
) -> None:
    case = models.classifier()
    callback = tk.KeractCallback(tmp_path, **({"probe": (case.x, case.y)} | options))
    before = case.model.get_weights()
    with pytest.raises(error, match=message):
        _fit(case, [callback], epochs=1)
    for weight, value in zip(case.model.get_weights(), before, strict=True):
        np.testing.assert_array_equal(weight, value)


def test_a_dataset_gives_its_first_batch_as_probe(tmp_path: Path) -> None:
    case = models.classifier()
    dataset = tf.data.Dataset.from_tensor_slices((case.x, case.y)).batch(3)
    callback = tk.KeractCallback(tmp_path, dataset)
    _fit(case, [callback], epochs=1)
    assert model_of(read_records(tmp_path)[0]).probe.samples == 3


def test_a_train_step_with_optimizers_of_its_own_is_counted_in_batches(
    tmp_path: Path,
) -> None:
    class Adversary(keras.Sequential):
        def train_step(self, data):
            x, y = data
            with tf.GradientTape() as tape:
                loss = self.compute_loss(x, y, self(x, training=True))
            own.apply_gradients(
                zip(
                    tape.gradient(loss, self.trainable_weights),
                    self.trainable_weights,
                    strict=True,
                )
            )
            return {"loss": loss}

    own = keras.optimizers.SGD(0.1)
    case = models.classifier()
    model = Adversary(case.model.layers)
    model.compile(loss="sparse_categorical_crossentropy")
    own.build(model.trainable_variables)
    for update_freq, steps in (("epoch", [0, 10, 20]), (6, [0, 6, 12, 18, 20])):
        log_dir = tmp_path / str(update_freq)
        callback = tk.KeractCallback(log_dir, (case.x, case.y), update_freq=update_freq)
        _fit(models.ModelCase(model, case.x, case.y), [callback], epochs=2)
        assert _steps(log_dir) == steps
