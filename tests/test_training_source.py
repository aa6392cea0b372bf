"""The training step itself: what is captured is what it computes, and it stays the same."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator
from contextlib import nullcontext
from pathlib import Path
from typing import Any

import keras
import numpy as np
import pytest
import tensorflow as tf
from tensorflow.python.framework import config

import tensorboard_keract as tk
from tensorboard_keract import metadata
from tensorboard_keract.recording import wire_format
from tests import model_kinds, models
from tests.reading import Event, model_of, planes_of, read_records

layers = keras.layers


@pytest.fixture
def deterministic_ops() -> Iterator[None]:
    config.enable_op_determinism()
    yield
    config.disable_op_determinism()


def _column(record: Event, first: Event, kind: str, statistic: str) -> dict[str, float]:
    """A statistic of all rows of a kind, by path; `first` describes the model."""
    column = metadata.STATISTICS.index(statistic)
    rows = model_of(first).rows
    return {
        row.path: float(values[column])
        for row, values in zip(rows, record.values["statistics"], strict=True)
        if row.kind == kind
    }


def _value(record: Event, name: str) -> float:
    return float(record.values["record"][metadata.RECORD_VALUES.index(name)])


def _repeated(case: models.ModelCase, times: int) -> list[Any]:
    return [
        keras.tree.map_structure(lambda a: np.concatenate([a] * times), part)
        for part in case[1:]
    ]


def _linear(optimizer: Any) -> keras.Model:
    """y = 2 x0 + 3 x1, with mean squared error."""
    model = keras.Sequential(
        [layers.Input((2,), name="x"), layers.Dense(1, use_bias=False, name="dense")]
    )
    model.compile(optimizer, "mse")
    model.set_weights([np.array([[2.0], [3.0]])])
    return model


def test_a_step_is_recorded_as_one_computes_it_by_hand(tmp_path: Path) -> None:
    x = np.array([[1.0, 0.0], [0.0, 1.0]], np.float32)
    y = np.array([[1.0], [1.0]], np.float32)
    model = _linear(keras.optimizers.SGD(0.1))
    model.fit(
        x,
        y,
        batch_size=2,
        verbose=0,
        shuffle=False,
        callbacks=[tk.KeractCallback(tmp_path, source="training")],
    )
    # Predictions 2 and 3, errors 1 and 2: the loss is (1 + 4) / 2, its gradient with
    # respect to the predictions (1, 2), to the weights (1, 2): SGD goes to 1.9 and 2.8.
    (record,) = read_records(tmp_path)
    assert record.step == 0
    assert _value(record, "training_loss") == pytest.approx(2.5)
    np.testing.assert_allclose(
        planes_of(record, "activation/dense").ravel(), [2, 3], atol=0.01
    )
    np.testing.assert_allclose(
        planes_of(record, "activation_gradient/dense").ravel(), [1, 2], atol=0.01
    )
    np.testing.assert_allclose(
        planes_of(record, "weight/dense/kernel").ravel(), [2, 3], atol=0.01
    )
    np.testing.assert_allclose(
        planes_of(record, "weight_gradient/dense/kernel").ravel(), [1, 2], atol=0.01
    )
    np.testing.assert_array_equal(planes_of(record, "input/x").reshape(2, 2), x)
    np.testing.assert_array_equal(planes_of(record, "output/output").ravel(), [2, 3])
    ratio = _column(record, record, "weight", "update_ratio")["dense/kernel"]
    assert ratio == pytest.approx(np.hypot(0.1, 0.2) / np.hypot(2, 3), rel=1e-5)
    np.testing.assert_allclose(model.get_weights()[0].ravel(), [1.9, 2.8])
    assert model_of(record).tables_source == "training"
    assert model_of(record).maps_source == "training"


@pytest.mark.parametrize("make", models.ALL_CASES)
def test_recorded_weight_gradients_are_those_that_move_the_weights(
    make: Callable[[], models.ModelCase], tmp_path: Path
) -> None:
    """One step of SGD(1) moves each weight by its gradient."""
    case = make()
    compiled = case.model.get_compile_config()
    case.model.compile(
        keras.optimizers.SGD(1.0),
        loss=compiled["loss"],
        loss_weights=compiled["loss_weights"],
    )
    before = [np.array(weight) for weight in case.model.get_weights()]
    callback = tk.KeractCallback(tmp_path, source="training")
    case.model.fit(case.x, case.y, verbose=0, callbacks=[callback])
    moved = {
        weight.path: float(np.linalg.norm(after - old))
        for weight, old, after in zip(
            case.model.weights, before, case.model.get_weights(), strict=True
        )
        if weight.trainable
    }
    (record,) = read_records(tmp_path)
    recorded = _column(record, record, "weight_gradient", "l2_norm")
    np.testing.assert_allclose(
        sorted(recorded.values()), sorted(moved.values()), rtol=1e-4, atol=1e-6
    )
    assert not np.isnan(record.values["statistics"][:, 0]).any()


_ACCUMULATING = {"gradient_accumulation_steps": 3}
_OPTIMIZERS: dict[str, Callable[[], Any]] = {
    "adam": lambda: "adam",
    "clipnorm": lambda: keras.optimizers.Adam(clipnorm=0.1),
    "global_clipnorm": lambda: keras.optimizers.SGD(0.1, global_clipnorm=0.1),
    "clipvalue": lambda: keras.optimizers.SGD(0.1, clipvalue=0.01),
    "accumulation": lambda: keras.optimizers.Adam(**_ACCUMULATING),
    "ema": lambda: keras.optimizers.SGD(
        0.1, use_ema=True, ema_momentum=0.5, ema_overwrite_frequency=2
    ),
    "loss_scale_factor": lambda: keras.optimizers.Adam(loss_scale_factor=128.0),
    "dynamic_loss_scale": lambda: keras.optimizers.LossScaleOptimizer(
        keras.optimizers.Adam()
    ),
}


@pytest.mark.parametrize(
    ("optimizer", "compile_options", "callback_options"),
    [
        *((name, {}, {"source": "training"}) for name in _OPTIMIZERS),
        ("adam", {"jit_compile": True}, {"source": "training"}),
        pytest.param(
            "dynamic_loss_scale",
            {"jit_compile": True},
            {"source": "training"},
            marks=pytest.mark.long,
        ),
        ("adam", {"run_eagerly": True}, {"source": "training"}),
        ("adam", {"steps_per_execution": 3}, {"source": "training"}),
        pytest.param(
            "adam",
            {"steps_per_execution": 4, "jit_compile": True},
            {"source": "training"},
            marks=pytest.mark.long,
        ),
        ("adam", {}, {"source": "both", "maps_freq": 2, "gradients_freq": 3}),
        ("adam", {}, {"source": "both", "histograms_freq": 2, "schedule": "log"}),
        (
            "adam",
            {},
            {"source": "probe", "also_write": ("histograms", "scalars", "images")},
        ),
        ("adam", {}, {"source": "probe", "when_behind": "drop", "start": 3}),
        ("adam", {}, {"source": "training", "stop": 7, "max_records": 2}),
    ],
    ids=str,
)
def test_training_is_bit_equal_with_and_without(
    optimizer: str,
    compile_options: dict[str, Any],
    callback_options: dict[str, Any],
    tmp_path: Path,
    request: pytest.FixtureRequest,
) -> None:
    # Keras does not compile with XLA where ops are to be deterministic; XLA's are.
    if not compile_options.get("jit_compile"):
        request.getfixturevalue("deterministic_ops")
    trained = []
    for is_recorded in (False, True):
        keras.utils.set_random_seed(3)
        case = models.sequential()  # With batch normalisation and dropout.
        model = case.model
        model.compile(
            _OPTIMIZERS[optimizer](), "mse", metrics=["mae"], **compile_options
        )
        callback = tk.KeractCallback(
            tmp_path, case[1:], update_freq=2, **callback_options
        )
        history = model.fit(
            *_repeated(case, 10),
            batch_size=4,
            epochs=2,
            verbose=0,
            callbacks=[callback] * is_recorded,
        )
        variables = [*model.weights, *model.optimizer.variables]
        trained.append((history.history, [v.numpy() for v in variables]))
    (plain_history, plain), (recorded_history, recorded) = trained
    assert recorded_history == plain_history
    for a, b in zip(plain, recorded, strict=True):
        np.testing.assert_array_equal(a, b)
    assert len(read_records(tmp_path)) > 1


def _residual_block() -> keras.Model:
    """Of what graph optimisers rewrite: scaled, normalised, gated, added, dropped."""
    image = layers.Input((8, 8, 3))
    x = layers.Rescaling(1 / 128, offset=-1)(image)
    x = layers.Conv2D(4, 3, padding="same", use_bias=False)(x)
    x = layers.Activation("silu")(layers.BatchNormalization()(x))
    y = layers.Conv2D(4, 3, padding="same")(x)
    y = layers.BatchNormalization()(layers.Activation("tanh")(y))
    y = layers.Dropout(0.2, noise_shape=(None, 1, 1, 1))(y)
    x = layers.Add()([x, y])
    gate = layers.Dense(4)(layers.GlobalAveragePooling2D(keepdims=True)(x))
    x = layers.Multiply()([x, layers.Activation("sigmoid")(gate)])
    x = layers.Dense(4)(layers.ReLU()(layers.Dense(4)(x)))
    return keras.Model(image, layers.Dense(2)(layers.Flatten()(x)))


@pytest.mark.usefixtures("deterministic_ops")
def test_what_is_captured_is_optimised_as_ever(tmp_path: Path) -> None:
    x = np.random.default_rng(0).normal(size=(16, 8, 8, 3)).astype(np.float32)
    y = np.random.default_rng(1).normal(size=(16, 2)).astype(np.float32)
    trained = []
    for is_recorded in (False, True):
        keras.utils.set_random_seed(1)
        model = _residual_block()
        model.compile(keras.optimizers.SGD(0.01, momentum=0.9), "mse")
        callback = tk.KeractCallback(tmp_path, source="training", update_freq=1)
        callbacks = [callback] * is_recorded
        model.fit(x, y, batch_size=4, epochs=2, verbose=0, callbacks=callbacks)
        trained.append(model.get_weights())
    for a, b in zip(*trained, strict=True):
        np.testing.assert_array_equal(a, b)


@pytest.mark.long
@pytest.mark.usefixtures("deterministic_ops")
@pytest.mark.filterwarnings("ignore:Gradients do not exist")
@pytest.mark.parametrize("make", model_kinds.ALL_KINDS)
def test_each_kind_of_model_trains_the_same(
    make: Callable[[], model_kinds.Kind], tmp_path: Path
) -> None:
    if make is model_kinds.jit_compiled:
        # With it Keras does not hand a model to XLA, whose code is deterministic anyway.
        config.disable_op_determinism()
    trained = []
    for is_recorded in (False, True):
        keras.utils.set_random_seed(1)
        kind = make()
        callback = tk.KeractCallback(tmp_path, source="training", update_freq=2)
        callbacks = [callback] * is_recorded
        kind.model.fit(
            kind.x,
            kind.y,
            sample_weight=kind.sample_weight,
            batch_size=2,
            epochs=4,
            verbose=0,
            callbacks=callbacks,
        )
        variables = [*kind.model.weights, *kind.model.optimizer.variables]
        trained.append([variable.numpy() for variable in variables])
    for a, b in zip(*trained, strict=True):
        np.testing.assert_array_equal(a, b)
    records = read_records(tmp_path)
    assert [record.step for record in records] == [0, 2, 4, 6]
    assert not any(np.isnan(r.values["statistics"][:, 0]).any() for r in records)


_NETS: dict[str, Callable[..., keras.Model]] = {
    "mobilenet_v2": keras.applications.MobileNetV2,
    "resnet50": keras.applications.ResNet50,
    "resnet50_v2": keras.applications.ResNet50V2,
    "efficientnet_v2": keras.applications.EfficientNetV2B0,
    "convnext": keras.applications.ConvNeXtTiny,
    "vgg16": keras.applications.VGG16,
}


@pytest.mark.long
@pytest.mark.usefixtures("deterministic_ops")
@pytest.mark.parametrize("net", _NETS)
def test_well_known_nets_train_the_same(net: str, tmp_path: Path) -> None:
    x = np.random.default_rng(0).random((8, 32, 32, 3), np.float32)
    y = np.arange(8) % 5
    trained = []
    for is_recorded in (False, True):
        keras.utils.set_random_seed(1)
        model = _NETS[net](weights=None, input_shape=(32, 32, 3), classes=5)
        optimizer = keras.optimizers.SGD(0.01, momentum=0.9)
        model.compile(optimizer, "sparse_categorical_crossentropy")
        callback = tk.KeractCallback(tmp_path, source="training", update_freq=1)
        callbacks = [callback] * is_recorded
        model.fit(x, y, batch_size=4, epochs=2, verbose=0, callbacks=callbacks)
        trained.append(model.get_weights())
    for a, b in zip(*trained, strict=True):
        np.testing.assert_array_equal(a, b)
    assert [record.step for record in read_records(tmp_path)] == [0, 1, 2, 3]


def test_nothing_is_traced_per_record(tmp_path: Path) -> None:
    traces = []
    callback = tk.KeractCallback(tmp_path, source="training", update_freq=2)
    for callbacks in ([], [callback]):
        traced = []

        class Counting(keras.Sequential):
            def train_step(self, data: Any) -> Any:
                traced.append(1)  # noqa: B023
                return super().train_step(data)

        case = models.classifier()
        model = Counting(case.model.layers)
        model.compile("adam", "sparse_categorical_crossentropy")
        x, y = _repeated(case, 11)
        # The last batch is a short one.
        model.fit(
            x[:42], y[:42], batch_size=4, epochs=3, verbose=0, callbacks=callbacks
        )
        traces.append(len(traced))
    assert len(read_records(tmp_path)) == 17
    assert traces[1] == traces[0] + 1  # The twin.


def test_a_short_batch_has_fewer_samples(tmp_path: Path) -> None:
    case = models.classifier()
    x, y = _repeated(case, 2)
    callback = tk.KeractCallback(tmp_path, source="training", update_freq="batch")
    case.model.fit(
        x[:7], y[:7], batch_size=5, shuffle=False, verbose=0, callbacks=[callback]
    )
    first, second = read_records(tmp_path)
    assert planes_of(first, "activation/conv").shape[0] == 5
    assert planes_of(second, "activation/conv").shape[0] == 2
    np.testing.assert_array_equal(
        planes_of(second, "input/image")[:, 0], x[5:7, ..., 0]
    )
    counts = [_column(r, first, "activation", "count")["conv"] for r in (first, second)]
    assert counts == [5 * 6 * 6 * 4, 2 * 6 * 6 * 4]
    for record, count in zip((first, second), counts, strict=True):
        assert record.values["histograms"][0].sum() == count
    assert model_of(first).rows[0].histogram_stride == 0


def test_both_takes_tables_of_the_step_and_maps_of_the_probe(tmp_path: Path) -> None:
    case = models.classifier()
    x, y = _repeated(case, 4)
    callback = tk.KeractCallback(
        tmp_path, (case.x[:2], case.y[:2]), source="both", update_freq=2
    )
    case.model.fit(x, y, batch_size=4, verbose=0, shuffle=False, callbacks=[callback])
    records = read_records(tmp_path)
    assert [record.step for record in records] == [0, 2, 4]
    model = model_of(records[0])
    assert (model.tables_source, model.maps_source) == ("training", "probe")
    assert model.probe.samples == 2
    assert model.planned_records == 3
    for record in records[:-1]:
        assert planes_of(record, "activation/conv").shape[0] == 2
        assert _column(record, records[0], "activation", "count")["conv"] == 4 * 36 * 4
        assert not np.isnan(_value(record, "probe_loss"))
        assert not np.isnan(_value(record, "training_loss"))
    # The trained model has no step of its own: only the probe's maps.
    assert "statistics" not in records[-1].values
    assert "activation/conv" in records[-1].values


def test_the_gradients_of_a_scaled_loss_are_unscaled(tmp_path: Path) -> None:
    norms = []
    for scaled in (False, True):
        keras.utils.set_random_seed(0)
        case = models.classifier()
        optimizer: Any = keras.optimizers.SGD(0.1)
        if scaled:
            optimizer = keras.optimizers.LossScaleOptimizer(
                optimizer, initial_scale=1024.0
            )
        case.model.compile(optimizer, "sparse_categorical_crossentropy")
        log_dir = tmp_path / str(scaled)
        callback = tk.KeractCallback(log_dir, source="training")
        case.model.fit(case.x, case.y, verbose=0, callbacks=[callback])
        (record,) = read_records(log_dir)
        norms.append(record.values["statistics"])
        skipped = _value(record, "update_skipped")
        assert skipped == 0 if scaled else np.isnan(skipped)
    np.testing.assert_allclose(*norms, rtol=1e-5, atol=1e-7)


def test_an_update_that_the_loss_scale_skips_is_marked(tmp_path: Path) -> None:
    case = models.classifier()
    case.model.compile(
        keras.optimizers.LossScaleOptimizer(
            keras.optimizers.SGD(0.1), initial_scale=4.0
        ),
        "sparse_categorical_crossentropy",
    )
    x = np.concatenate([case.x, np.full_like(case.x, np.inf)])
    y = np.concatenate([case.y, case.y])
    callback = tk.KeractCallback(tmp_path, source="training", update_freq="batch")
    case.model.fit(x, y, batch_size=4, verbose=0, shuffle=False, callbacks=[callback])
    records = read_records(tmp_path)
    assert [_value(record, "update_skipped") for record in records] == [0, 1]
    nans = _column(records[1], records[0], "weight_gradient", "nan_count")
    assert nans["conv/kernel"] > 0
    ratios = _column(records[1], records[0], "weight", "update_ratio")
    assert ratios["conv/kernel"] == 0


def test_a_nan_loss_is_recorded(tmp_path: Path) -> None:
    case = models.classifier()
    case.model.layers[-1].bias.assign([np.nan] * 3)
    callback = tk.KeractCallback(tmp_path, source="training")
    case.model.fit(case.x, case.y, verbose=0, callbacks=[callback])
    (record,) = read_records(tmp_path)
    assert np.isnan(_value(record, "training_loss"))
    assert _column(record, record, "activation", "nan_count")["probs"] == 12


@pytest.mark.parametrize("source", ["training", "both"])
def test_an_exception_in_a_recorded_step_goes_through(
    source: str, tmp_path: Path
) -> None:
    case = models.classifier()
    case.model.run_eagerly = True

    class Trouble(Exception):
        pass

    def train_step(data: Any) -> Any:
        case.model(data[0])
        raise Trouble

    original, case.model.train_step = case.model.train_step, train_step
    callback = tk.KeractCallback(tmp_path, case[1:], source=source)
    with pytest.raises(Trouble):
        case.model.fit(case.x, case.y, verbose=0, callbacks=[callback])
    plain = case.model.train_function
    case.model.train_step = original
    case.model.make_train_function(force=True)
    assert case.model.train_function is not plain
    history = case.model.fit(case.x, case.y, verbose=0, callbacks=[callback])
    assert len(history.history["loss"]) == 1
    assert any("statistics" in r.values for r in read_records(tmp_path))


def test_after_training_the_train_function_is_the_plain_one(tmp_path: Path) -> None:
    case = models.classifier()
    case.model.make_train_function()
    plain = case.model.train_function
    callback = tk.KeractCallback(tmp_path, source="training", update_freq="batch")
    case.model.fit(*_repeated(case, 2), batch_size=4, verbose=0, callbacks=[callback])
    assert case.model.train_function is plain
    assert case.model.steps_per_execution == 1


class Evolving(keras.Sequential):
    """Trains without gradients."""

    def train_step(self, data: Any) -> Any:
        x, y = data
        loss = self.compute_loss(x, y, self(x, training=True))
        self._loss_tracker.update_state(loss)
        for weight in self.trainable_weights:
            weight.assign_add(tf.ones_like(weight) * 0.01)
        return self.get_metrics_result()


@pytest.mark.parametrize("has_probe", [True, False])
def test_a_step_without_gradients_is_recorded_by_the_probe(
    has_probe: bool, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    case = models.classifier()
    model = Evolving(case.model.layers)
    model.compile("adam", "sparse_categorical_crossentropy")
    callback = tk.KeractCallback(
        tmp_path, case[1:] if has_probe else None, source="training", update_freq=2
    )
    with caplog.at_level(logging.WARNING):
        model.fit(*_repeated(case, 4), batch_size=4, verbose=0, callbacks=[callback])
    (message,) = [m for m in caplog.messages if "can't see inside" in m]
    assert "tf.GradientTape.gradient" in message
    records = read_records(tmp_path)
    if has_probe:
        assert "records the probe instead" in message
        assert len(records) == 2
        assert model_of(records[0]).tables_source == "probe"
    else:
        assert "nothing is recorded" in message
        assert records == []


@pytest.mark.parametrize("is_conditional", [False, True])
def test_a_step_under_xla_that_counts_for_itself_is_not_computed_twice(
    is_conditional: bool, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    counter = tf.Variable(0, trainable=False)

    class Counting(keras.Sequential):
        def train_step(self, data: Any) -> Any:
            if is_conditional:
                tf.cond(counter >= 0, lambda: counter.assign_add(1), lambda: counter)
            else:
                counter.assign_add(1)
            return super().train_step(data)

    case = models.classifier()
    model = Counting(case.model.layers)
    model.compile("adam", "sparse_categorical_crossentropy", jit_compile=True)
    callback = tk.KeractCallback(tmp_path, case[1:], source="training", update_freq=2)
    model.fit(*_repeated(case, 4), batch_size=4, verbose=0, callbacks=[callback])
    assert int(counter) == 4
    (message,) = [m for m in caplog.messages if "can't see inside" in m]
    assert "Assign" in message
    assert model_of(read_records(tmp_path)[0]).tables_source == "probe"


def _loop(
    kind: str, log_dir: Path | None
) -> tuple[list[float], list[np.ndarray[Any, Any]]]:
    """A custom loop: its losses, and the trained weights."""
    keras.utils.set_random_seed(5)
    case = models.sequential()
    model, optimizer = case.model, keras.optimizers.Adam()
    loss_function = keras.losses.MeanSquaredError()

    def step(x: Any, y: Any) -> Any:
        with tf.GradientTape() as tape:
            loss = loss_function(y, model(x, training=True))
        gradients = tape.gradient(loss, model.trainable_variables)
        optimizer.apply(gradients, model.trainable_variables)
        return loss

    if kind != "eager":
        step = tf.function(step, jit_compile=kind == "jit")
    recorder = None
    if log_dir is not None:
        recorder = tk.Recorder(log_dir, model, source="training", optimizer=optimizer)
    losses = []
    for number in range(5):
        is_recorded = recorder is not None and number % 2 == 0
        with recorder.capture(number) if is_recorded else nullcontext():
            losses.append(float(step(case.x * (number + 1), case.y)))
    if recorder is not None:
        recorder.close()
    return losses, model.get_weights()


@pytest.mark.parametrize(
    "kind", ["eager", "function", pytest.param("jit", marks=pytest.mark.long)]
)
def test_a_custom_loop_is_captured_and_stays_the_same(
    kind: str, tmp_path: Path, request: pytest.FixtureRequest
) -> None:
    if kind != "jit":
        request.getfixturevalue("deterministic_ops")
    losses, plain = _loop(kind, None)
    recorded_losses, recorded = _loop(kind, tmp_path)
    assert recorded_losses == losses
    for a, b in zip(plain, recorded, strict=True):
        np.testing.assert_array_equal(a, b)
    records = read_records(tmp_path)
    assert [record.step for record in records] == [0, 2, 4]
    np.testing.assert_allclose(
        [_value(r, "training_loss") for r in records], losses[::2], rtol=1e-4
    )
    learning_rates = [_value(r, "learning_rate") for r in records]
    np.testing.assert_allclose(learning_rates, 0.001, rtol=1e-6)


def _gan(log_dir: Path | None) -> list[np.ndarray[Any, Any]]:
    keras.utils.set_random_seed(5)
    generator = keras.Sequential(
        [layers.Input((2,)), layers.Dense(3, name="make")], name="generator"
    )
    critic = keras.Sequential(
        [layers.Input((3,)), layers.Dense(1, name="judge")], name="critic"
    )
    of_generator, of_critic = keras.optimizers.SGD(0.1), keras.optimizers.SGD(0.1)
    real = np.ones((4, 3), np.float32)
    noise = np.arange(8, dtype=np.float32).reshape(4, 2) / 8

    @tf.function
    def step() -> None:
        with tf.GradientTape() as for_generator, tf.GradientTape() as for_critic:
            fake_score = critic(generator(noise))
            generator_loss = -tf.reduce_mean(fake_score)
            critic_loss = tf.reduce_mean(fake_score) - tf.reduce_mean(critic(real))
        of_generator.apply(
            for_generator.gradient(generator_loss, generator.trainable_variables),
            generator.trainable_variables,
        )
        of_critic.apply(
            for_critic.gradient(critic_loss, critic.trainable_variables),
            critic.trainable_variables,
        )

    if log_dir is None:
        step()
    else:
        with (
            tk.Recorder(
                log_dir / "g", generator, source="training", optimizer=of_generator
            ) as of_g,
            tk.Recorder(
                log_dir / "c", critic, source="training", optimizer=of_critic
            ) as of_c,
            of_g.capture(0),
            of_c.capture(0),
        ):
            step()
    return [*generator.get_weights(), *critic.get_weights()]


def test_a_gan_is_captured_by_two_recorders(tmp_path: Path) -> None:
    plain, recorded = _gan(None), _gan(tmp_path)
    for a, b in zip(plain, recorded, strict=True):
        np.testing.assert_array_equal(a, b)
    (of_generator,) = read_records(tmp_path / "g")
    (of_critic,) = read_records(tmp_path / "c")
    assert _value(of_generator, "training_loss") != _value(of_critic, "training_loss")
    # The critic judges four fakes and four real ones; its loss has the gradient 1/4 at
    # the score of each fake, and -1/4 at that of each real one.
    assert _column(of_critic, of_critic, "activation", "count") == {"judge": 8}
    gradients = planes_of(of_critic, "activation_gradient/judge").ravel()
    np.testing.assert_allclose(gradients, [0.25] * 4 + [-0.25] * 4, atol=0.002)
    # The bias' gradient is their sum.
    bias = _column(of_critic, of_critic, "weight_gradient", "max")["judge/bias"]
    assert bias == pytest.approx(0, abs=1e-6)
    header = _header(of_critic, "activation/judge")
    assert "several times" in header.note


def _header(record: Event, tag: str) -> Any:
    return wire_format.decode_header(record.values[tag][0])


def test_a_model_whose_train_step_calls_only_its_parts(tmp_path: Path) -> None:
    class Pair(keras.Model):
        def __init__(self) -> None:
            super().__init__()
            self.encoder = keras.Sequential(
                [layers.Input((4,)), layers.Dense(2, name="code")], name="encoder"
            )
            self.decoder = keras.Sequential(
                [layers.Input((2,)), layers.Dense(4, name="out")], name="decoder"
            )
            self.built = True

        def train_step(self, data: Any) -> Any:
            with tf.GradientTape() as tape:
                decoded = self.decoder(self.encoder(data))
                loss = tf.reduce_mean(tf.square(decoded - data))
            gradients = tape.gradient(loss, self.trainable_variables)
            self.optimizer.apply(gradients, self.trainable_variables)
            return {"loss": loss}

    model = Pair()
    model.compile("sgd")
    callback = tk.KeractCallback(tmp_path, source="training")
    model.fit(
        np.ones((8, 4), np.float32), batch_size=4, verbose=0, callbacks=[callback]
    )
    (record,) = read_records(tmp_path)
    rows = [(row.kind, row.path) for row in model_of(record).rows]
    assert rows == [
        (kind, path)
        for kind, paths in (
            ("activation", ("encoder/code", "decoder/out")),
            ("activation_gradient", ("encoder/code", "decoder/out")),
            *(
                (
                    kind,
                    (
                        "encoder/code/kernel",
                        "encoder/code/bias",
                        "decoder/out/kernel",
                        "decoder/out/bias",
                    ),
                )
                for kind in ("weight", "weight_gradient")
            ),
        )
        for path in paths
    ]


class Unread(keras.layers.Layer):
    """Its output is beyond any address space; where no one reads it, it is not made."""

    def call(self, x):
        rows = tf.cast(tf.reduce_sum(x) * 0, tf.int64) + 2**52
        return tf.ensure_shape(tf.fill(tf.stack([rows, 8]), 0.0), [None, 8])


class WithUnread(keras.Model):
    def __init__(self) -> None:
        super().__init__()
        self.unread, self.dense = Unread(), layers.Dense(1)

    def call(self, x):
        self.unread(x)
        return self.dense(x)


def test_without_memory_for_it_a_step_is_trained_as_ever(tmp_path, caplog) -> None:
    keras.utils.set_random_seed(0)
    model = WithUnread()
    model.compile("sgd", "mse")
    callback = tk.KeractCallback(tmp_path, source="training", update_freq="batch")
    x, y = np.ones((20, 3), np.float32), np.ones((20, 1), np.float32)
    # In `fit` a step takes its batch itself: that of the one that failed is gone, and
    # Keras misses it at the end of the epoch.
    with pytest.warns(UserWarning, match="ran out of data"):
        model.fit(x, y, batch_size=4, epochs=2, verbose=0, callbacks=[callback])
    assert int(model.optimizer.iterations) >= 4 + 5
    (message,) = (one for one in caplog.messages if "can't see inside" in one)
    assert "OOM when allocating" in message
    assert all(np.isfinite(weight).all() for weight in model.get_weights())


def test_a_capture_inside_a_function_is_refused(tmp_path: Path) -> None:
    case = models.classifier()
    with tk.Recorder(tmp_path, case.model, source="training") as recorder:

        @tf.function
        def step() -> None:
            with recorder.capture(0):
                case.model(case.x)

        with pytest.raises(RuntimeError, match="not the other way round"):
            step()


def test_a_recorder_of_steps_has_no_probe_to_record(tmp_path: Path) -> None:
    case = models.classifier()
    with (
        tk.Recorder(tmp_path, case.model, source="training") as recorder,
        pytest.raises(RuntimeError, match="capture"),
    ):
        recorder.record(0)


def test_with_the_source_probe_a_capture_records_the_probe(tmp_path: Path) -> None:
    case = models.classifier()
    with (
        tk.Recorder(tmp_path, case.model, case[1:]) as recorder,
        recorder.capture(3),
    ):
        case.model.train_on_batch(case.x, case.y)
    (record,) = read_records(tmp_path)
    assert record.step == 3
    assert model_of(record).tables_source == "probe"


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"source": "batch"}, "probe, training, both"),
        ({"maps_freq": -1}, "maps_freq is -1"),
        ({"max_records": 0}, "max_records is 0"),
        ({"when_behind": "skip"}, "wait"),
        ({"also_write": ("video",)}, "histograms, scalars, images"),
    ],
)
def test_options_that_will_not_do_are_refused(
    options: dict[str, Any], message: str, tmp_path: Path
) -> None:
    case = models.classifier()
    with pytest.raises(ValueError, match=message):
        tk.Recorder(tmp_path, case.model, case[1:], **options)
