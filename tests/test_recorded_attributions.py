"""Attributions in training: heatmaps of the probe's samples, record by record."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

import keras
import numpy as np
import pytest
import tensorflow as tf
from tensorflow.python.framework import config

import tensorboard_keract as tk
from tensorboard_keract.core.attribution import score_pass
from tensorboard_keract.recording import wire_format
from tests import models
from tests.reading import Event, model_of, planes_of, read_records

layers = keras.layers

METHODS: dict[str, dict[str, Any]] = {
    "grad_cam": {},
    "score_cam": {},
    "saliency": {},
    "integrated_gradients": {"steps": 5},
    "smooth_grad": {"copies": 3},
    "guided_backprop": {},
    "occlusion": {"patch": 4},
    "activation_heatmap": {"channel": 1},
}


class Run(NamedTuple):
    records: list[Event]
    found: list[dict[str, tk.Explanation]]
    trace_counts: list[int]


class _Asking(keras.callbacks.Callback):
    """Explains by the functions themselves when the callback before it has recorded."""

    def __init__(self, case: models.ModelCase) -> None:
        super().__init__()
        self.case = case
        self.found: list[dict[str, tk.Explanation]] = []
        self.trace_counts: list[int] = []

    def on_epoch_end(self, epoch: int, logs: Any = None) -> None:
        passes = score_pass._passes[self.model].values()
        self.trace_counts = [one.trace_count for one in passes]
        self.found.append({})
        for name, options in METHODS.items():
            targets = {} if name == "activation_heatmap" else {"targets": self.case.y}
            method = getattr(tk, name)
            found = method(self.model, self.case.x, **targets, **options)
            self.found[-1][name] = found


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Run:
    """A fit whose records hold heatmaps by every kind of method."""
    keras.utils.set_random_seed(0)
    directory = tmp_path_factory.mktemp("run")
    case = models.classifier()
    asking = _Asking(case)
    callback = tk.KeractCallback(
        directory, (case.x, case.y), kinds=["activation"], attributions=METHODS
    )
    case.model.fit(case.x, case.y, epochs=2, verbose=0, callbacks=[callback, asking])
    return Run(read_records(directory), asking.found, asking.trace_counts)


def _explanation(record: Event, tag: str) -> Any:
    return wire_format.decode_header(record.values[tag][0]).explanation


def _record(directory: Path, case: models.ModelCase, **options: Any) -> Event:
    """One record of a model, without gradients of the loss."""
    probe = options.pop("probe", (case.x, case.y))
    options = {"kinds": ["activation"], **options}
    with tk.Recorder(directory, case.model, probe, **options) as recorder:
        assert recorder.record(0)
    (record,) = read_records(directory)
    return record


def _heatmap_tags(record: Event) -> list[str]:
    return [tag for tag in record.values if tag.startswith("heatmap/")]


def test_each_record_holds_the_heatmaps_of_its_step(run: Run) -> None:
    assert [record.step for record in run.records] == [0, 1, 2]
    for record in run.records:
        assert _heatmap_tags(record) == [f"heatmap/{name}" for name in METHODS]
    for record, found in zip(run.records[1:], run.found, strict=True):
        for name, expected in found.items():
            planes = planes_of(record, f"heatmap/{name}")[:, 0]
            span = np.ptp(expected.heatmap, axis=(1, 2)).max()
            np.testing.assert_allclose(
                planes, expected.heatmap, atol=span / 504 + 1e-6, err_msg=name
            )
    first, second = (found["saliency"].heatmap for found in run.found)
    assert not np.allclose(first, second)


def test_the_header_says_what_is_explained(run: Run) -> None:
    record, found = run.records[2], run.found[1]
    for name, expected in found.items():
        explanation = _explanation(record, f"heatmap/{name}")
        assert explanation.method == name
        assert explanation.site == expected.site
        assert explanation.input_path == "image"
        assert explanation.signed == expected.signed
        if name == "activation_heatmap":
            assert explanation.target_rule == explanation.score_source == ""
            assert not explanation.scores
            continue
        assert explanation.target_rule == "label"
        assert explanation.score_source == "logits"
        assert list(explanation.targets) == [0, 1, 2, 1]
        np.testing.assert_allclose(explanation.scores, expected.scores, rtol=1e-4)
    errors = _explanation(record, "heatmap/integrated_gradients").completeness_errors
    np.testing.assert_allclose(
        errors, found["integrated_gradients"].completeness_error, atol=1e-5
    )
    assert not _explanation(record, "heatmap/saliency").completeness_errors


def test_inputs_and_class_probabilities_lie_beside(run: Run) -> None:
    assert "input/image" in run.records[0].values
    for record in run.records:
        assert planes_of(record, "output/output").shape == (4, 1, 1, 3)


def test_nothing_is_compiled_again(run: Run) -> None:
    assert run.trace_counts
    assert set(run.trace_counts) == {1}


def test_settings_name_methods_and_targets(run: Run) -> None:
    settings = {s.name: s.value for s in model_of(run.records[0]).settings}
    assert settings["attributions"].startswith(
        "grad_cam, score_cam, saliency, integrated_gradients (steps=5)"
    )
    assert settings["targets"] == "label"
    assert settings["attributions_freq"] == "1"


@pytest.mark.parametrize(
    ("attributions", "tags"),
    [
        ("saliency", ["saliency"]),
        (("grad_cam", {"layer": "conv"}), ["grad_cam"]),
        (["grad_cam", ("grad_cam", {"layer": "conv"})], ["grad_cam", "grad_cam@conv"]),
        (
            [
                ("saliency", {"targets": "predicted", "use_logits": False}),
                ("saliency", {"targets": "label"}),
            ],
            ["saliency@targets=predicted,use_logits=False", "saliency@targets=label"],
        ),
    ],
)
def test_a_method_that_comes_twice_is_told_apart(
    attributions: Any, tags: list[str], tmp_path: Path
) -> None:
    record = _record(tmp_path, models.classifier(), attributions=attributions)
    assert _heatmap_tags(record) == [f"heatmap/{tag}" for tag in tags]


@pytest.mark.parametrize(
    ("targets", "rule", "ids"),
    [
        (None, "label", [0, 1, 2, 1]),
        ("label", "label", [0, 1, 2, 1]),
        ("predicted", "predicted", None),
        (2, "ids", [2, 2, 2, 2]),
        ([2, 1, 0, 0], "ids", [2, 1, 0, 0]),
        (lambda y: y[:, 1] - y[:, 0], "function", []),
    ],
)
def test_targets_are_chosen_by_a_rule(
    targets: Any, rule: str, ids: list[int] | None, tmp_path: Path
) -> None:
    case = models.classifier()
    record = _record(tmp_path, case, attributions="saliency", targets=targets)
    explanation = _explanation(record, "heatmap/saliency")
    assert explanation.target_rule == rule
    if ids is None:
        ids = case.model.predict(case.x, verbose=0).argmax(axis=1).tolist()
    assert list(explanation.targets) == ids
    expected = tk.saliency(
        case.model, case.x, targets=targets if callable(targets) else ids
    )
    np.testing.assert_allclose(explanation.scores, expected.scores, rtol=1e-5)


def test_without_labels_the_top_prediction_is_explained(tmp_path: Path) -> None:
    case = models.classifier()
    record = _record(tmp_path, case, probe=case.x, attributions="grad_cam")
    assert _explanation(record, "heatmap/grad_cam").target_rule == "predicted"


@pytest.mark.parametrize(
    ("options", "error", "message"),
    [
        ({"attributions": ["gradcam"]}, ValueError, "Those there are: grad_cam, "),
        ({"attributions": [3]}, TypeError, "names of methods"),
        ({"attributions": 3}, TypeError, "names of methods"),
        ({"attributions": [("grad_cam", 3)]}, TypeError, "names of methods"),
        (
            {"attributions": [("saliency", {"layer": "conv"})]},
            TypeError,
            "no option layer",
        ),
        ({"targets": "labels"}, ValueError, '"predicted"'),
        ({"targets": [0, 1]}, ValueError, "2 targets for 4 samples"),
        ({"targets": 1.5}, TypeError, "targets are 1.5"),
        ({"targets": "label", "probe": np.zeros((2, 8, 8, 1))}, ValueError, "labels="),
        ({"source": "training"}, ValueError, 'source="both"'),
    ],
)
def test_wrong_attributions_are_refused_before_there_is_a_model(
    options: dict[str, Any], error: type[Exception], message: str, tmp_path: Path
) -> None:
    case = models.classifier()
    arguments = {"attributions": "saliency", "probe": (case.x, case.y), **options}
    with pytest.raises(error, match=message):
        tk.KeractCallback(tmp_path, **arguments)
    with pytest.raises(error, match=message):
        tk.Recorder(tmp_path, case.model, **arguments)


@pytest.mark.parametrize(
    ("make", "options", "error", "message"),
    [
        (
            models.classifier,
            {"attributions": ("grad_cam", {"layer": "cnov"})},
            tk.UnknownLayerError,
            "conv, flatten, probs",
        ),
        (models.classifier, {"targets": 3}, ValueError, "0 to 2"),
        (
            models.classifier,
            {"probe": tk.Probe(models.classifier().x, labels=[0, 9, 1, 1])},
            ValueError,
            '9 is beyond .* targets="predicted"',
        ),
        (models.shared, {"attributions": "grad_cam"}, ValueError, "saliency"),
        (models.classifier, {"attributions": ["saliency"] * 2}, ValueError, "twice"),
        (
            models.several_ends,
            {"attributions": ("saliency", {"input": "c"})},
            ValueError,
            "it has: a, b",
        ),
        (
            models.classifier,
            {"probe": (np.zeros((2, 3, 3, 1)), np.zeros(2, int))},
            tk.ProbeError,
            r"float32\[2, 3, 3, 1\]",
        ),
    ],
)
def test_what_the_model_has_not_is_told_at_construction(
    make: Any,
    options: dict[str, Any],
    error: type[Exception],
    message: str,
    tmp_path: Path,
) -> None:
    case = make()
    arguments = {"attributions": "saliency", "probe": (case.x, case.y), **options}
    with pytest.raises(error, match=message):
        tk.Recorder(tmp_path, case.model, kinds=["activation"], **arguments)


def test_of_several_inputs_each_is_named(tmp_path: Path) -> None:
    case = models.several_ends()
    attributions = [
        "saliency",
        ("saliency", {"input": "b", "output": "two"}),
        ("gradient_x_input", {"input": "b"}),
    ]
    record = _record(tmp_path, case, attributions=attributions)
    tags = ["saliency/a", "saliency@output=two/b", "gradient_x_input/b"]
    assert _heatmap_tags(record) == [f"heatmap/{tag}" for tag in tags]
    paths = [_explanation(record, tag).input_path for tag in _heatmap_tags(record)]
    assert paths == ["a", "b", "b"]
    assert {"input/a", "input/b"} <= set(record.values)
    expected = tk.saliency(case.model, case.x, input="b", output="two").heatmap
    found = planes_of(record, "heatmap/saliency@output=two/b")
    np.testing.assert_allclose(found[:, 0, 0], expected, atol=0.01)
    header = wire_format.decode_header(record.values["heatmap/saliency/a"][0])
    assert [axis.name for axis in header.axes] == ["batch", "unit"]


def test_text_is_explained_token_by_token(tmp_path: Path) -> None:
    case = models.recurrent()
    words = [f"word{i}" for i in range(20)]
    probe = tk.Probe(case.x, vocabulary=words)
    record = _record(
        tmp_path,
        case,
        probe=probe,
        attributions=["integrated_gradients", "grad_cam"],
        max_samples=3,
    )
    header = wire_format.decode_header(record.values["heatmap/integrated_gradients"][0])
    assert [axis.name for axis in header.axes] == ["batch", "time"]
    assert header.explanation.site == "embedding"
    assert header.explanation.input_path == "tokens"
    expected = tk.integrated_gradients(case.model, case.x).heatmap[:3]
    found = planes_of(record, "heatmap/integrated_gradients")[:, 0, 0]
    np.testing.assert_allclose(found, expected, atol=np.ptp(expected) / 504 + 1e-6)
    assert planes_of(record, "heatmap/grad_cam").shape == (3, 1, 1, 7)
    tokens = model_of(record).probe.tokens
    assert [list(t.tokens) for t in tokens] == [
        [words[i] for i in row] for row in case.x[:3]
    ]


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"tokens": [["a"] * 7] * 3}, "tokens of 3 samples, and 4"),
        ({"tokens": [["a"] * 6] * 4}, "Sample 0 .* has 6 tokens; its input has 7"),
        ({"tokens": ["a film"] * 4}, "lists of strings"),
        ({"vocabulary": {"the": 1}}, "ids by token"),
        ({"vocabulary": ["a"], "x": np.zeros((4, 7, 2))}, "none"),
    ],
)
def test_wrong_tokens_are_refused(options: dict[str, Any], message: str) -> None:
    arguments = {"x": np.zeros((4, 7), int), **options}
    with pytest.raises(tk.ProbeError, match=message):
        tk.KeractCallback("unused", tk.Probe(**arguments))


def test_an_id_beyond_the_vocabulary_is_shown_as_such() -> None:
    ids = np.array([[0, 2, 9]])
    assert tk.Probe(ids, vocabulary={0: "", 2: "film"}).sample_tokens() == [
        ["", "film", "#9"]
    ]
    given = tk.Probe(np.zeros((1, 3, 4)), tokens=[["a", "good", "film"]])
    assert given.sample_tokens() == [["a", "good", "film"]]


def _volumes() -> models.ModelCase:
    model = keras.Sequential(
        [
            layers.Input((4, 5, 6, 1)),
            layers.Conv3D(2, 3, name="conv"),
            layers.GlobalMaxPooling3D(),
            layers.Dense(2),
        ]
    )
    x = np.random.default_rng(0).normal(size=(2, 4, 5, 6, 1)).astype(np.float32)
    return models.ModelCase(model, x, None)


def _series() -> models.ModelCase:
    model = keras.Sequential(
        [
            layers.Input((700, 2)),
            layers.Conv1D(2, 3, strides=7, name="conv"),
            layers.GlobalMaxPooling1D(),
            layers.Dense(2),
        ]
    )
    x = np.random.default_rng(0).normal(size=(2, 700, 2)).astype(np.float32)
    return models.ModelCase(model, x, None)


@pytest.mark.parametrize(
    ("make", "axes", "of_layer", "of_input"),
    [
        (_volumes, ["batch", "depth", "height", "width"], (2, 2, 3, 4), (2, 4, 5, 6)),
        (_series, ["batch", "time"], (2, 1, 1, 100), (2, 1, 1, 700)),
    ],
)
def test_series_and_volumes_keep_their_axes(
    make: Any,
    axes: list[str],
    of_layer: tuple[int, ...],
    of_input: tuple[int, ...],
    tmp_path: Path,
) -> None:
    record = _record(tmp_path, make(), attributions=["grad_cam", "saliency"])
    for tag, shape in (("grad_cam", of_layer), ("saliency", of_input)):
        header = wire_format.decode_header(record.values[f"heatmap/{tag}"][0])
        assert [axis.name for axis in header.axes] == axes
        assert planes_of(record, f"heatmap/{tag}").shape == shape


def test_a_method_that_fails_later_leaves_the_rest(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    case = models.classifier()
    case.model.compile("adam", "sparse_categorical_crossentropy", run_eagerly=True)
    fails = False

    def score(y: tf.Tensor) -> tf.Tensor:
        if fails:
            raise RuntimeError("no score today")
        return y[:, 0]

    with (
        caplog.at_level(logging.WARNING),
        tk.Recorder(
            tmp_path,
            case.model,
            (case.x, case.y),
            attributions=[("saliency", {"targets": score}), "gradient_x_input"],
        ) as recorder,
    ):
        recorder.record(0)
        fails = True
        recorder.record(1)
        recorder.record(2)
        fails = False
        recorder.record(3)
    records = read_records(tmp_path)
    assert [len(_heatmap_tags(record)) for record in records] == [2, 1, 1, 2]
    assert all("statistics" in record.values for record in records)
    (line,) = caplog.messages
    assert "no heatmap of saliency at step 1" in line
    assert "no score today" in line


@pytest.fixture
def deterministic_ops() -> Iterator[None]:
    config.enable_op_determinism()
    yield
    config.disable_op_determinism()


def test_training_is_the_same(deterministic_ops: None, tmp_path: Path) -> None:
    trained = []
    for attributions in ((), ("grad_cam", "smooth_grad", "score_cam")):
        keras.utils.set_random_seed(3)
        case = models.sequential()  # With dropout and batch normalisation.
        options = {"attributions": attributions} if attributions else {}
        callback = tk.KeractCallback(
            tmp_path, (case.x, case.y), update_freq=1, targets="predicted", **options
        )
        history = case.model.fit(
            case.x, case.y, batch_size=2, epochs=2, verbose=0, callbacks=[callback]
        )
        variables = [*case.model.weights, *case.model.optimizer.variables]
        random = (np.random.random(), float(tf.random.uniform([])))
        weights = [v.numpy() for v in variables]
        trained.append((history.history, random, weights))
    (plain_history, plain_random, plain), (history, random, recorded) = trained
    assert history == plain_history
    assert random == plain_random
    for a, b in zip(plain, recorded, strict=True):
        np.testing.assert_array_equal(a, b)
    assert len(_heatmap_tags(read_records(tmp_path)[-1])) == 3


def test_how_often_is_a_choice_and_inputs_are_there_without_maps(
    tmp_path: Path,
) -> None:
    case = models.classifier()
    with tk.Recorder(
        tmp_path,
        case.model,
        (case.x, case.y),
        attributions="saliency",
        attributions_freq=2,
        maps_freq=0,
    ) as recorder:
        for step in range(3):
            recorder.record(step)
    first, second, third = (set(r.values) for r in read_records(tmp_path))
    assert {"heatmap/saliency", "input/image", "output/output"} <= first
    assert not any(tag.startswith(("heatmap/", "activation/")) for tag in second)
    assert "heatmap/saliency" in third
    assert not any(tag.startswith("activation/") for tag in first)


def test_with_the_training_step_the_probe_is_explained(tmp_path: Path) -> None:
    case = models.classifier()
    callback = tk.KeractCallback(
        tmp_path,
        (case.x, case.y),
        source="both",
        update_freq=1,
        attributions="grad_cam",
    )
    case.model.fit(case.x, case.y, epochs=2, verbose=0, callbacks=[callback])
    records = read_records(tmp_path)
    assert [record.step for record in records] == [0, 1, 2]
    for record in records:
        assert _heatmap_tags(record) == ["heatmap/grad_cam"]


def test_heatmaps_share_the_bytes_of_a_record(tmp_path: Path) -> None:
    case = models.classifier()
    saliency = 4 * (8 * 8 + 8)
    options: dict[str, Any] = {"layers": "conv", "kinds": ["activation"]}
    recorders = {}
    for name, attributions in (("without", ()), ("with", "saliency")):
        recorders[name] = tk.Recorder(
            tmp_path / name,
            case.model,
            (case.x, case.y),
            attributions=attributions,
            **options,
        )
    bytes_of = {
        name: recorder._describe_model().planned_bytes_per_record
        for name, recorder in recorders.items()
    }
    assert bytes_of["with"] == bytes_of["without"] + saliency
    assert "heatmaps of saliency, at most" in recorders["with"].plan_summary()
    for recorder in recorders.values():
        recorder.close()
    halved = _record(
        tmp_path / "halved",
        case,
        attributions="saliency",
        layers="conv",
        budget_bytes_per_record=bytes_of["with"] // 2,
    )
    assert planes_of(halved, "heatmap/saliency").shape[0] < 4
    explained = _explanation(halved, "heatmap/saliency")
    assert len(explained.targets) == planes_of(halved, "heatmap/saliency").shape[0]


def test_heatmaps_end_with_the_maps_when_the_run_is_full(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    case = models.classifier()
    with tk.Recorder(
        tmp_path,
        case.model,
        (case.x, case.y),
        attributions="saliency",
        budget_bytes_per_run=1000,
    ) as recorder:
        for step in range(3):
            recorder.record(step)
            recorder.flush()
    held = [_heatmap_tags(record) for record in read_records(tmp_path)]
    assert held == [["heatmap/saliency"], [], []]


@pytest.mark.filterwarnings("ignore:You are saving")
def test_a_model_made_for_one_batch_size_is_explained_whole(tmp_path: Path) -> None:
    inputs = layers.Input((6, 6, 1), batch_size=4, name="image")
    flat = layers.Flatten()(layers.Conv2D(2, 3, name="conv")(inputs))
    model = keras.Model(inputs, layers.Dense(3)(flat))
    x = np.random.default_rng(0).normal(size=(4, 6, 6, 1)).astype(np.float32)
    record = _record(
        tmp_path,
        models.ModelCase(model, x, None),
        probe=x,
        attributions="grad_cam",
        max_samples=2,
    )
    expected = tk.grad_cam(model, x).heatmap[:2]
    found = planes_of(record, "heatmap/grad_cam")[:, 0]
    np.testing.assert_allclose(found, expected, atol=np.ptp(expected) / 504 + 1e-6)
