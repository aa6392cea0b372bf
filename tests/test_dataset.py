"""Statistics over a whole dataset are those of all its values at once."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, NamedTuple

import keras
import numpy as np
import pytest
import tensorflow as tf

import tensorboard_keract as tk
from tensorboard_keract import metadata
from tensorboard_keract.recording import wire_format
from tensorboard_keract.recording.statistics import statistics
from tests import models
from tests.reading import model_of, read_records
from tests.strategy_programs import training
from tests.test_strategy import MOMENTS

layers = keras.layers
ALL_KINDS = training.STATISTICAL_KINDS


def integers(*shape: int, seed: int = 0) -> Any:
    return np.random.default_rng(seed).integers(-3, 4, shape).astype(np.float32)


def exact_model() -> keras.Model:
    """Whose activations have no rounding, so that any division into batches is equal."""
    image = layers.Input((6, 6, 1), name="image")
    hidden = layers.Conv2D(3, 3, activation="relu6", name="conv")(image)
    flat = layers.Flatten(name="flatten")(hidden)
    model = keras.Model(image, layers.Dense(2, name="dense")(flat))
    model.set_weights(
        [integers(*w.shape, seed=i) / 4 for i, w in enumerate(model.weights)]
    )
    # A channel that is dead: below zero everywhere.
    model.layers[1].bias.assign([0.0, 1.0, -1000.0])
    model.compile("sgd", "mse")
    return model


def batched(data: Any, size: int) -> tf.data.Dataset:
    return tf.data.Dataset.from_tensor_slices(data).batch(size)


def record(model: keras.Model, dataset: Any, **options: Any) -> tk.DatasetStatistics:
    """Of all layers, those included that are left out unless asked for."""
    return tk.record_dataset(
        model, dataset, progress=False, **{"layers": "*"} | options
    )


class Recorded(NamedTuple):
    model: keras.Model
    x: Any
    result: tk.DatasetStatistics


@pytest.fixture(scope="module")
def exact() -> Recorded:
    """11 samples in batches of 4."""
    model, x = exact_model(), integers(11, 6, 6, 1)
    return Recorded(model, x, record(model, batched(x, 4)))


def test_activations_are_those_of_all_batches_together(exact: Recorded) -> None:
    model, x, result = exact
    assert (result.samples, result.batches) == (11, 3)
    values = tk.get_activations(model, x)
    activations = [path for kind, path in result.rows if kind == "activation"]
    assert activations == ["conv", "flatten", "dense"]
    for path in activations:
        of_all = values[path]
        activation = "relu6" if path == "conv" else ""
        expected = statistics(of_all, of_all.ndim - 1, activation)
        found = np.array(list(result["activation", path].values()))
        np.testing.assert_allclose(found, expected, rtol=1e-6)
        np.testing.assert_array_equal(
            result.histogram("activation", path), wire_format.histogram(of_all)
        )
    assert result["activation", "conv"]["dead_fraction"] == pytest.approx(1 / 3)
    assert result["activation", "conv"]["saturated_fraction"] > 0
    assert math.isnan(result["activation", "dense"]["saturated_fraction"])


def test_weights_are_told_of_once(exact: Recorded) -> None:
    model, _, result = exact
    kernel = np.asarray(model.layers[1].kernel)
    found = np.array(list(result["weight", "conv/kernel"].values()))
    np.testing.assert_allclose(found, statistics(kernel, 3), rtol=1e-6)
    np.testing.assert_array_equal(
        result.histogram("weight", "conv/kernel"), wire_format.histogram(kernel)
    )


def test_shapes_and_types(exact: Recorded) -> None:
    result = exact.result
    rows, columns = len(result.rows), len(metadata.STATISTICS)
    assert result.statistics.shape == (rows, columns)
    assert result.statistics_per_replica.shape == (1, rows, columns)
    assert result.histograms.shape == (rows, wire_format.HISTOGRAM_BINS)
    assert result.histograms_per_replica.shape == (1, *result.histograms.shape)
    assert result.statistics.dtype == np.float64
    assert result.histograms.dtype == np.int64
    np.testing.assert_array_equal(result.statistics_per_replica[0], result.statistics)


def test_weight_gradients_are_those_of_the_mean_loss() -> None:
    model, x, y = exact_model(), integers(11, 6, 6, 1), integers(11, 2, seed=1)
    result = record(model, batched((x, y), 4), kinds=["weight_gradient"])
    variables = [variable.value for variable in model.trainable_variables]
    with tf.GradientTape() as tape:
        loss = tf.reduce_mean(tf.square(model(x) - y))
    gradients = tape.gradient(loss, variables)
    assert [path for _, path in result.rows] == [v.path for v in model.weights]
    for row, gradient in zip(result.statistics, gradients, strict=True):
        expected = statistics(gradient)
        np.testing.assert_allclose(row[MOMENTS], expected[MOMENTS], rtol=1e-4)


def test_activation_gradients_are_those_of_each_batch() -> None:
    model, x, y = exact_model(), integers(6, 6, 6, 1), integers(6, 2, seed=1)
    result = record(model, batched((x, y), 4), kinds="activation_gradient")
    of_batches = [
        # Of the mean of the squares.
        2 * (np.asarray(model(x[part])) - y[part]) / y[part].size
        for part in (slice(0, 4), slice(4, 6))
    ]
    expected = statistics(np.concatenate(of_batches))
    found = result.statistics[result.rows.index(("activation_gradient", "dense"))]
    np.testing.assert_allclose(found[MOMENTS], expected[MOMENTS], rtol=1e-5)


def test_a_loss_and_weighted_samples_do_for_a_model_that_is_not_compiled() -> None:
    model = keras.Sequential([layers.Input((2,)), layers.Dense(1, name="dense")])
    x, y = integers(5, 2), integers(5, 1, seed=1)

    def loss(y: Any, y_pred: Any) -> Any:
        return tf.reduce_mean(y_pred * y)

    kinds = ["weight_gradient"]
    result = record(model, batched((x, y, np.ones(5)), 2), kinds=kinds, loss=loss)
    # The bias has the mean of y for its gradient.
    bias = result["weight_gradient", "dense/bias"]["mean"]
    assert bias == pytest.approx(y.mean(), rel=1e-6)


@pytest.mark.parametrize(
    "parts",
    [
        lambda x, y: (x,),
        lambda x, y: (x, y, np.ones(len(x))),
    ],
)
def test_elements_are_as_for_fit(
    exact: Recorded, parts: Callable[[Any, Any], Any]
) -> None:
    model, x, expected = exact
    result = record(model, batched(parts(x, integers(11, 2)), 6))
    assert result.rows == expected.rows
    np.testing.assert_array_equal(result.histograms, expected.histograms)


@pytest.mark.parametrize(
    "case", [models.several_ends, models.recurrent, models.subclassed]
)
def test_models_of_several_kinds(case: Callable[[], models.ModelCase]) -> None:
    model, x, y = case()
    data = tuple(tuple(part) if isinstance(part, list) else part for part in (x, y))
    result = record(model, batched(data, 3), kinds=ALL_KINDS)
    assert result.samples == 4
    assert {kind for kind, _ in result.rows} == set(ALL_KINDS)
    assert (result.statistics[:, 0] > 0).all()
    np.testing.assert_array_equal(
        result.histograms.sum(axis=1), result.statistics[:, 0]
    )


def test_inputs_by_name_and_a_model_that_is_not_built() -> None:
    class Named(keras.Model):
        def __init__(self) -> None:
            super().__init__()
            self.dense = layers.Dense(2, name="dense")

        def call(self, x: Any) -> Any:
            return self.dense(x["a"] + x["b"])

    x = {"a": integers(5, 3), "b": integers(5, 3, seed=1)}
    result = record(Named(), batched(x, 2))
    assert result["activation", "dense"]["count"] == 10


def test_a_model_that_runs_eagerly(exact: Recorded) -> None:
    model = exact_model()
    model.run_eagerly = True
    result = record(model, batched(exact.x, 4))
    np.testing.assert_array_equal(result.histograms, exact.result.histograms)


def test_the_model_is_traced_once_for_batches_of_all_sizes() -> None:
    calls = []

    class Counting(layers.Layer):
        def call(self, x: Any) -> Any:
            calls.append(x.shape[0])
            return x + 1.0

    model = keras.Sequential([layers.Input((2,)), Counting(name="counting")])
    calls.clear()

    def parts() -> Iterator[Any]:
        for size in (3, 5, 1):
            yield np.ones((size, 2), np.float32)

    spec = tf.TensorSpec((None, 2), tf.float32)
    dataset = tf.data.Dataset.from_generator(parts, output_signature=spec)
    result = record(model, dataset)
    assert result["activation", "counting"]["count"] == 18
    assert calls == [None]


def test_the_model_stays_as_it_is() -> None:
    model, x, y = models.sequential()
    before = model.get_weights()
    record(model, batched((x, y), 3), kinds=ALL_KINDS, training=True)
    for expected, found in zip(before, model.get_weights(), strict=True):
        np.testing.assert_array_equal(found, expected)


def test_a_large_tensor_is_counted_at_a_stride_that_batches_agree_on(
    tmp_path: Path,
) -> None:
    size = 40_960
    model = keras.Sequential([layers.Input((size,)), layers.ReLU(name="relu")])
    x = np.ones((3, size), np.float32)
    # Two samples are counted at every seventh value, one at each.
    result = record(model, batched(x, 2), kinds="activation", log_dir=tmp_path)
    assert abs(result.histogram("activation", "relu").max() - 3 * size) < 7
    description = model_of(read_records(tmp_path, "keract_dataset")[0])
    assert [row.histogram_stride for row in description.rows] == [0]
    assert "every n-th value" in description.notes[0]


def test_a_record_is_written(tmp_path: Path) -> None:
    model, x, y = models.classifier()
    model.fit(x, y, batch_size=2, verbose=0)
    result = record(model, batched((x, y), 3), log_dir=tmp_path)
    record(model, batched((x, y), 3), log_dir=tmp_path, step=7)
    first, second = read_records(tmp_path, "keract_dataset")
    # Two updates are done.
    assert (first.step, second.step) == (2, 7)
    assert set(first.values) == {"model", "record", "statistics", "histograms"}
    np.testing.assert_array_equal(
        first.values["statistics"], result.statistics.astype(np.float32)
    )
    np.testing.assert_array_equal(first.values["histograms"], result.histograms)
    description = model_of(first)
    assert description.tables_source == metadata.DATASET_SOURCE
    assert [(row.kind, row.path) for row in description.rows] == list(result.rows)
    assert not any(layer.maps_recorded for layer in description.layers)
    assert description.probe.samples == 4
    assert not (tmp_path / "keract").exists()


def test_progress_is_shown(exact: Recorded, capsys: pytest.CaptureFixture[str]) -> None:
    tk.record_dataset(exact.model, batched(exact.x, 4), kinds="activation")
    assert "3/3" in capsys.readouterr().out
    record(exact.model, batched(exact.x, 4), kinds="activation")
    assert capsys.readouterr().out == ""


def test_an_unknown_row_lists_the_rows(exact: Recorded) -> None:
    with pytest.raises(KeyError, match=r"activation conv, .*weight conv/kernel"):
        exact.result["activation", "cnov"]


def endless() -> tf.data.Dataset:
    return batched(integers(4, 6, 6, 1), 2).repeat()


@pytest.mark.parametrize(
    ("dataset", "options", "error", "message"),
    [
        (lambda: integers(4, 6, 6, 1), {}, TypeError, "ndarray.*from_tensor_slices"),
        (endless, {}, ValueError, r"no end.*take\(100\)"),
        (lambda: endless().take(0), {}, ValueError, "holds no samples"),
        (
            lambda: endless().take(3).filter(lambda x: False),
            {},
            ValueError,
            "holds no samples",
        ),
        (
            lambda: tf.data.Dataset.range(3),
            {},
            ValueError,
            r"no batch. Call batch\(\)",
        ),
        (
            lambda: batched(integers(4, 5), 2),
            {},
            ValueError,
            r"refuses the dataset.*float32\[2, 5\].*\(None, 6, 6, 1\)",
        ),
        (
            lambda: endless().take(1),
            {"kinds": ["weight_gradient"]},
            ValueError,
            r"need targets.*\(x, y\)",
        ),
        (lambda: endless().take(1), {"kinds": []}, ValueError, "activation, "),
        (lambda: endless().take(1), {"kinds": "map"}, ValueError, "'map'"),
        (
            lambda: endless().take(1),
            {"layers": "cnov"},
            tk.UnknownLayerError,
            "cnov.*conv, flatten, dense",
        ),
        (
            lambda: endless().take(1),
            {"step": -1, "log_dir": "unused"},
            ValueError,
            "from 0; got -1",
        ),
    ],
)
def test_what_will_not_do_is_told(
    exact: Recorded,
    dataset: Callable[[], Any],
    options: dict[str, Any],
    error: type[Exception],
    message: str,
) -> None:
    with pytest.raises(error, match=message):
        record(exact.model, dataset(), **options)


def test_gradients_need_a_loss() -> None:
    model = keras.Sequential([layers.Input((2,)), layers.Dense(1)])
    data = batched((integers(4, 2), integers(4, 1)), 2)
    with pytest.raises(ValueError, match="not compiled"):
        record(model, data, kinds=ALL_KINDS)
