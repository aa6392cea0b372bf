"""A recorder: what it writes, what it refuses, and that it harms nothing."""

from __future__ import annotations

import logging
import os
import shutil
from pathlib import Path

import keras
import numpy as np
import pytest
import tensorflow as tf

import tensorboard_keract as tk
from tensorboard_keract import metadata
from tensorboard_keract.core.capture import CompiledPass
from tensorboard_keract.recording import wire_format
from tensorboard_keract.recording.statistics import statistics
from tests import models
from tests.reading import model_of, planes_of, read_events, read_records


@pytest.fixture(autouse=True)
def _seed() -> None:
    keras.utils.set_random_seed(0)


def _capture(case: models.ModelCase):
    run = CompiledPass(case.model)
    return run(*(keras.tree.map_structure(tf.convert_to_tensor, p) for p in case[1:]))


@pytest.mark.parametrize("make", models.ALL_CASES)
def test_a_record_holds_what_the_model_computes(make, tmp_path: Path) -> None:
    case = make()
    with tk.Recorder(tmp_path, case.model, (case.x, case.y), layers="*") as recorder:
        assert recorder.record(7)
    (record,) = read_records(tmp_path)
    assert record.step == 7
    captured = _capture(case)
    kinds = {
        "activation": captured["activations"],
        "activation_gradient": captured["activation_gradients"],
        "weight": captured["weights"],
        "weight_gradient": captured["weight_gradients"],
    }
    model = model_of(record)
    rows = [(row.kind, row.path) for row in model.rows]
    assert rows == [(kind, path) for kind in kinds for path in kinds[kind]]
    for index, (kind, path) in enumerate(rows):
        values = kinds[kind][path].numpy()
        np.testing.assert_array_equal(
            record.values["histograms"][index].sum(), values.size
        )
        expected = statistics(values)
        for name in ("count", "mean", "std", "min", "max", "l2_norm", "zero_fraction"):
            column = metadata.STATISTICS.index(name)
            np.testing.assert_allclose(
                record.values["statistics"][index][column],
                expected[column],
                rtol=1e-4,
                atol=1e-7,
                err_msg=f"{name} of {path}",
            )
        tag = f"{kind}/{path}"
        if tag in record.values:
            planes = planes_of(record, tag)
            span = planes.max() - planes.min() if planes.size else 0
            assert planes.size == values.size
            np.testing.assert_allclose(
                np.sort(planes.ravel()),
                np.sort(values.astype(np.float32).ravel()),
                atol=span / 504 + 1e-7,
            )


def test_layers_that_only_move_values_are_left_out(tmp_path: Path) -> None:
    case = models.sequential()
    with tk.Recorder(tmp_path, case.model, (case.x, case.y)) as recorder:
        recorder.record(0)
    (record,) = read_records(tmp_path)
    maps = [tag for tag in record.values if tag.startswith("activation/")]
    assert maps == ["activation/conv", "activation/dense"]
    rows = model_of(record).rows
    assert [row.path for row in rows if row.kind == "activation"] == ["conv", "dense"]
    assert [row.path for row in rows if row.kind == "weight"][2:4] == [
        "norm/gamma",
        "norm/beta",
    ]
    recorded = {layer.path: layer.maps_recorded for layer in model_of(record).layers}
    assert recorded == {
        "image": True,
        "conv": True,
        "norm": True,  # its weights
        "dropout": False,
        "flatten": False,
        "dense": True,
    }


def test_layers_that_are_asked_for_are_recorded_whatever_they_do(
    tmp_path: Path,
) -> None:
    case = models.sequential()
    with tk.Recorder(
        tmp_path, case.model, (case.x, case.y), layers=["flatten", "conv"]
    ) as recorder:
        recorder.record(0)
    (record,) = read_records(tmp_path)
    assert {tag for tag in record.values if tag.startswith("activation/")} == {
        "activation/conv",
        "activation/flatten",
    }
    assert {row.layer_path for row in model_of(record).rows} == {"conv", "flatten"}


def test_the_model_is_described_once_per_opening(tmp_path: Path) -> None:
    case = models.classifier()
    probe = tk.Probe(case.x, case.y, class_names=("a", "b", "c"))
    for steps in ((0, 1), (2,)):
        with tk.Recorder(tmp_path, case.model, probe) as recorder:
            for step in steps:
                recorder.record(step)
    records = read_records(tmp_path)
    assert ["model" in record.values for record in records] == [True, False, True]
    assert [tag.startswith("input/") for r in records for tag in r.values].count(
        True
    ) == 2
    model = model_of(records[0])
    assert list(model.probe.labels) == [0, 1, 2, 1]
    assert list(model.probe.class_names) == ["a", "b", "c"]
    assert model.probe.samples == model.probe.samples_recorded == 4
    assert [layer.class_name for layer in model.layers] == [
        "InputLayer",
        "Conv2D",
        "Flatten",
        "Dense",
    ]
    assert list(model.layers[2].parents) == ["conv"]
    assert model.layers[3].activation == "softmax"
    assert model.parameter_count == case.model.count_params()


def test_predictions_and_inputs_are_exact(tmp_path: Path) -> None:
    case = models.classifier()
    with tk.Recorder(tmp_path, case.model, (case.x, case.y)) as recorder:
        recorder.record(0)
    (record,) = read_records(tmp_path)
    np.testing.assert_array_equal(
        planes_of(record, "input/image")[:, 0], case.x[..., 0]
    )
    np.testing.assert_array_equal(
        planes_of(record, "output/output")[:, 0, 0],
        _capture(case)["outputs"]["output"].numpy(),
    )


def test_the_values_of_a_record(tmp_path: Path) -> None:
    case = models.classifier()
    case.model.optimizer.learning_rate = 0.25
    with tk.Recorder(tmp_path, case.model, (case.x, case.y)) as recorder:
        recorder.record(0)
        recorder.record(5, epoch=2, training_loss=1.5)
    first, second = (
        dict(zip(metadata.RECORD_VALUES, r.values["record"], strict=True))
        for r in read_records(tmp_path)
    )
    assert (first["record"], second["record"]) == (0, 1)
    assert np.isnan(first["epoch"])
    assert (second["epoch"], second["training_loss"]) == (2, 1.5)
    assert second["learning_rate"] == 0.25
    np.testing.assert_allclose(first["probe_loss"], _capture(case)["loss"], rtol=1e-6)
    assert np.isnan(first["loss_scale"])


def test_update_ratio_is_per_step_since_the_last_record(tmp_path: Path) -> None:
    case = models.classifier()
    with tk.Recorder(tmp_path, case.model, (case.x, case.y)) as recorder:
        recorder.record(10)
        kernel = case.model.get_layer("probs").kernel
        kernel.assign(kernel * 1.5)
        recorder.record(12)
    first, second = read_records(tmp_path)
    rows = [(row.kind, row.path) for row in model_of(first).rows]
    column = metadata.STATISTICS.index("update_ratio")
    ratios = dict(zip(rows, second.values["statistics"][:, column], strict=True))
    np.testing.assert_allclose(ratios["weight", "probs/kernel"], 0.25, rtol=1e-5)
    assert ratios["weight", "conv/kernel"] == 0
    assert np.isnan(first.values["statistics"][:, column]).all()


@pytest.mark.parametrize("precision", wire_format.PRECISIONS)
def test_precision_is_that_of_the_maps(precision: str, tmp_path: Path) -> None:
    case = models.classifier()
    with tk.Recorder(
        tmp_path, case.model, (case.x, case.y), precision=precision
    ) as recorder:
        recorder.record(0)
    (record,) = read_records(tmp_path)
    header = wire_format.decode_header(record.values["activation/conv"][0])
    assert header.precision == precision
    assert header.kind == "activation"
    assert (header.step, header.epoch, header.wall_time) == (0, -1, record.wall_time)


def test_a_single_kind_needs_no_targets_and_no_loss(tmp_path: Path) -> None:
    case = models.classifier()
    model = type(case.model).from_config(case.model.get_config())
    with tk.Recorder(tmp_path, model, case.x, kinds=["activation"]) as recorder:
        assert recorder.record(0)
    (record,) = read_records(tmp_path)
    assert {row.kind for row in model_of(record).rows} == {"activation"}
    assert np.isnan(record.values["record"][metadata.RECORD_VALUES.index("probe_loss")])


def test_a_model_that_is_not_built_is_built_on_the_probe(tmp_path: Path) -> None:
    model = models.Subclassed()
    model.compile("adam", "mse")
    case = models.subclassed()
    with tk.Recorder(tmp_path, model, (case.x, case.y)) as recorder:
        assert recorder.record(0)
    assert model.built


def test_a_custom_loop_gives_its_own_loss(tmp_path: Path) -> None:
    case = models.subclassed()
    model = models.Subclassed()
    loss = keras.losses.MeanSquaredError()
    optimizer = keras.optimizers.SGD(0.01)
    with tk.Recorder(tmp_path, model, (case.x, case.y), loss=loss) as recorder:
        for step in range(3):
            with tf.GradientTape() as tape:
                value = loss(case.y, model(case.x, training=True))
            gradients = tape.gradient(value, model.trainable_weights)
            optimizer.apply_gradients(
                zip(gradients, model.trainable_weights, strict=True)
            )
            recorder.record(step)
    losses = [r.values["record"][2] for r in read_records(tmp_path)]
    assert losses[0] > losses[1] > losses[2]


def test_records_are_whole_events_that_start_a_session(tmp_path: Path) -> None:
    case = models.classifier()
    with tk.Recorder(tmp_path, case.model, (case.x, case.y)) as recorder:
        recorder.record(3)
        recorder.flush()
        before_close = read_events(tmp_path)
        recorder.record(4)
    events = read_events(tmp_path)
    assert len(before_close) == 3
    assert [event.starts_session for event in events] == [False, True, False, False]
    assert [event.step for event in events] == [0, 3, 3, 4]


def test_a_step_again_replaces_what_came_after_it(tmp_path: Path) -> None:
    case = models.classifier()
    with tk.Recorder(tmp_path, case.model, (case.x, case.y)) as recorder:
        for step in (0, 10, 20, 10):
            recorder.record(step)
    assert len(list((tmp_path / "keract").iterdir())) == 2
    events = read_events(tmp_path)
    assert [e.step for e in events if e.starts_session] == [0, 10]
    assert [e.step for e in read_records(tmp_path)] == [0, 10, 20, 10]


def test_maps_stop_where_the_budget_of_the_run_is_spent(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    case = models.classifier()
    with tk.Recorder(
        tmp_path, case.model, (case.x, case.y), budget_bytes_per_run=5000
    ) as recorder:
        for step in range(6):
            recorder.record(step)
    records = read_records(tmp_path)
    with_maps = ["activation/conv" in record.values for record in records]
    assert with_maps == sorted(with_maps, reverse=True)
    assert with_maps[0] and not with_maps[-1]
    assert all("statistics" in record.values for record in records)
    last_with_maps = with_maps.count(True) - 1
    assert "budget of 5.0 kB is spent" in model_of(records[last_with_maps]).notes[-1]
    assert sum("the budget of the run" in line for line in caplog.messages) == 1


def test_the_budget_of_a_record_is_kept(tmp_path: Path) -> None:
    case = models.classifier()
    with tk.Recorder(
        tmp_path, case.model, (case.x, case.y), budget_bytes_per_record=600
    ) as recorder:
        recorder.record(0)
    (record,) = read_records(tmp_path)
    model = model_of(record)
    assert model.planned_bytes_per_record <= model.budget_bytes_per_record == 600
    codes = sum(
        planes_of(record, tag).size
        for tag in record.values
        if tag.startswith(("activation", "weight"))
    )
    assert 0 < codes <= 600
    assert np.array_equal(
        record.values["statistics"][0, 0], case.x.shape[0] * 6 * 6 * 4
    )


REFUSALS = [
    ({"probe": None}, tk.ProbeError, "needs a probe"),
    ({"probe": lambda c: (c.x, None)}, tk.ProbeError, "has no y"),
    ({"probe": lambda c: (c.x[:0], c.y[:0])}, tk.ProbeError, "no samples"),
    ({"probe": lambda c: (c.x[:2], c.y[:3])}, tk.ProbeError, "x has 2, y has 3"),
    ({"probe": lambda c: (c.x, c.y, None, 1)}, tk.ProbeError, "tuple of 4"),
    (
        {"probe": lambda c: (c.x[:, :5], c.y)},
        tk.ProbeError,
        r"float32\[4, 5, 8, 1\].*\(None, 8, 8, 1\)",
    ),
    (
        {"probe": lambda c: (c.x, np.zeros((4, 7), np.float32))},
        tk.ProbeError,
        r"y is float32\[4, 7\]",
    ),
    ({"layers": "cnov"}, tk.UnknownLayerError, "cnov.*conv, flatten, probs"),
    ({"layers": [1.5]}, TypeError, r"can't be selected by 1\.5"),
    (
        {"layers": "flatten", "kinds": ["weight"]},
        ValueError,
        r"Nothing to record: the layers \['flatten'\]",
    ),
    ({"kinds": ["activations"]}, ValueError, "activations.*activation_gradient"),
    ({"kinds": []}, ValueError, "No kinds"),
    ({"precision": "int4"}, ValueError, "int4.*uint8"),
    ({"max_samples": 0}, ValueError, "max_samples is 0"),
    ({"log_dir": ""}, ValueError, "log_dir"),
]


@pytest.mark.parametrize(("options", "error", "message"), REFUSALS)
def test_bad_arguments_are_refused_at_once(
    options, error, message, tmp_path: Path
) -> None:
    case = models.classifier()
    probe = options.get("probe", lambda c: (c.x, c.y))
    arguments = {
        "log_dir": tmp_path,
        "model": case.model,
        **options,
        "probe": probe(case) if callable(probe) else probe,
    }
    with pytest.raises(error, match=message):
        tk.Recorder(**arguments)


def test_an_uncompiled_model_is_refused_where_gradients_are_asked(
    tmp_path: Path,
) -> None:
    case = models.classifier()
    model = type(case.model).from_config(case.model.get_config())
    with pytest.raises(ValueError, match="not compiled"):
        tk.Recorder(tmp_path, model, (case.x, case.y))


def test_a_log_directory_that_is_a_file_is_refused_at_once(tmp_path: Path) -> None:
    case = models.classifier()
    (tmp_path / "file").write_text("")
    with pytest.raises(OSError, match="can't be written"):
        tk.Recorder(tmp_path / "file", case.model, (case.x, case.y))
    with pytest.raises(OSError, match="can't be written"):
        tk.KeractCallback(tmp_path / "file", probe=(case.x, case.y))


def test_a_second_recorder_takes_over_the_run(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """As after an interrupted training in a notebook."""
    case = models.classifier()
    with tk.Recorder(tmp_path, case.model, (case.x, case.y)) as first:
        assert first.record(0)
        with tk.Recorder(tmp_path, case.model, (case.x, case.y)) as second:
            assert not first.record(1)
            assert second.record(1)
    assert [record.step for record in read_records(tmp_path)] == [0, 1]
    assert ["takes over" in message for message in caplog.messages] == [True]


@pytest.mark.parametrize("step", [-1, 1.5, True])
def test_a_step_is_an_integer_from_0(step, tmp_path: Path) -> None:
    case = models.classifier()
    recorder = tk.Recorder(tmp_path, case.model, (case.x, case.y))
    with recorder, pytest.raises(ValueError, match="integer from 0"):
        recorder.record(step)


def test_a_closed_recorder_says_so(tmp_path: Path) -> None:
    case = models.classifier()
    recorder = tk.Recorder(tmp_path, case.model, (case.x, case.y))
    recorder.close()
    recorder.close()
    with pytest.raises(RuntimeError, match="closed"):
        recorder.record(0)


def test_a_failing_pass_is_logged_once_and_recording_resumes(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """The failure is real: an assertion op in the model's graph."""
    switch = tf.Variable(False, trainable=False)

    class Fragile(keras.layers.Layer):
        def call(self, x):
            with tf.control_dependencies([tf.debugging.assert_equal(switch, False)]):
                return tf.identity(x)

    model = keras.Sequential(
        [keras.layers.Input((3,)), Fragile(), keras.layers.Dense(2)]
    )
    model.compile("sgd", "mse")
    probe = (np.zeros((2, 3), np.float32), np.zeros((2, 2), np.float32))
    with caplog.at_level(logging.WARNING), tk.Recorder(tmp_path, model, probe) as r:
        assert r.record(0)
        switch.assign(True)
        assert not r.record(1)
        assert not r.record(2)
        switch.assign(False)
        assert r.record(3)
    assert [record.step for record in read_records(tmp_path)] == [0, 3]
    (message,) = [m for m in caplog.messages if "could not record" in m]
    assert "step 1" in message
    assert "InvalidArgumentError" in message


def test_a_directory_that_vanishes_is_logged_and_made_again(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    case = models.classifier()
    target = tmp_path / "logs"
    with tk.Recorder(target, case.model, (case.x, case.y)) as recorder:
        shutil.rmtree(target)
        target.write_text("in the way")
        recorder.record(0)
        recorder.record(1)
        recorder.flush()
        target.unlink()
        recorder.record(2)
    assert [record.step for record in read_records(target)] == [2]
    assert "model" in read_records(target)[0].values
    messages = [m for m in caplog.messages if "could not record" in m]
    assert len(messages) == 1
    assert os.fspath(target) in messages[0]
