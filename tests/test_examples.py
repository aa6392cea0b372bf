"""The examples run; those that need a network are built, and trained on noise."""

from __future__ import annotations

import importlib.util
import re
from pathlib import Path

import numpy as np
import pytest
from matplotlib import image as images

from tests.examples import EXAMPLES, run_example
from tests.reading import read_records


def test_digits_records_and_says_how_to_look(
    digits_logdir: Path, digits_printed: str
) -> None:
    log_dir = digits_logdir / "digits"
    assert f"tensorboard --logdir {log_dir}" in digits_printed
    assert "Keract records" in digits_printed
    steps = [record.step for record in read_records(log_dir)]
    assert steps == [*range(0, 94, 10), 94]


def test_the_mnist_model_trains_on_images_of_its_size() -> None:
    specification = importlib.util.spec_from_file_location(
        "mnist", EXAMPLES / "mnist.py"
    )
    assert specification and specification.loader
    mnist = importlib.util.module_from_spec(specification)
    specification.loader.exec_module(mnist)
    x = np.random.default_rng(0).random((8, 28, 28, 1), np.float32)
    history = mnist.build_model().fit(x, np.arange(8), verbose=0)
    assert np.isfinite(history.history["loss"]).all()


@pytest.mark.long
def test_multi_input_says_yes_to_the_right_number_only(tmp_path: Path) -> None:
    printed = _run("multi_input.py", tmp_path, "--epochs", "8")
    names = re.findall(r"^(\w+): \(10,", printed, re.MULTILINE)
    assert names[:3] == ["image", "number", "conv"]  # The inputs come first.
    assert names[-3:] == ["product", "sum", "answer"]
    answers = re.findall(r"is it a \d\? (.*); gradient for a yes: (.*)", printed)
    yes, pull = np.array(answers, float).T
    assert yes[4] > 0.8
    assert (np.delete(yes, 4) < 0.5).sum() >= 8
    assert pull[4] < np.delete(pull, 4).min()
    assert _pictures(tmp_path) == [
        "0_image.png",
        "1_conv.png",
        "2_question.png",
        "3_product.png",
        "4_gradient-of-evidence--absolute.png",
    ]


@pytest.mark.long
def test_recurrent_guesses_better_after_each_row(tmp_path: Path) -> None:
    printed = _run("recurrent.py", tmp_path, "--epochs", "3")
    assert "lstm, a list: (1, 8, 36), (1, 36), (1, 36)" in printed
    assert "its last state is the second of them: True" in printed
    right = re.findall(r"after row \d \|.{8}\| \d \(.*\), right on (\d+)%", printed)
    assert len(right) == 8
    assert int(right[-1]) > int(right[0]) + 20
    assert _pictures(tmp_path) == [
        "0_rows.png",
        "1_lstm-0.png",
        "2_lstm-1.png",
        "3_lstm-2.png",
        "4_guess.png",
    ]


@pytest.mark.long
def test_nested_model_shows_what_each_choice_of_layers_gives(tmp_path: Path) -> None:
    printed = _run("nested_model.py", tmp_path, "--epochs", "1")
    chosen = dict(re.findall(r"^(.*):\n    (.*)$", printed, re.MULTILINE))
    inside = {
        call: [f"encoder@{call}/{name}" for name in ("conv", "pool", "flatten", "code")]
        for call in (0, 1)
    }
    both, after = [*inside[0], *inside[1]], ["subtract", "absolute", "same"]
    expected = {
        "all": ["left", "right", "encoder@0", "encoder@1", *after],
        "nested=True": ["left", "right", *both, *after],
        "layer_names='encoder@1/conv'": ["encoder@1/conv"],
        "layer_names='encoder/conv'": ["encoder@0/conv", "encoder@1/conv"],
        "layer_names=['left', '*/pool']": ["left", "encoder@0/pool", "encoder@1/pool"],
        "layer_names=Conv2D, nested=True": ["encoder@0/conv", "encoder@1/conv"],
        "layer_names='encoder@1', nested=True": inside[1],
        "nested=True, exclude_layers=['pool', 'flatten']": [
            *("left", "right", "encoder@0/conv", "encoder@0/code"),
            *("encoder@1/conv", "encoder@1/code", *after),
        ],
    }
    assert chosen == {words: ", ".join(names) for words, names in expected.items()}
    assert _pictures(tmp_path) == [
        "0_left.png",
        "1_encoder@0-conv.png",
        "2_right.png",
        "3_encoder@1-conv.png",
        "4_codes.png",
    ]


@pytest.mark.long
def test_vgg16_first_conv_evaluates_one_layer_and_draws_its_64_maps(
    tmp_path: Path,
) -> None:
    printed = _run("vgg16_first_conv.py", tmp_path, "--weights", "none")
    assert "Of 19 layers: block1_conv1, (1, 224, 224, 64)" in printed
    assert len(re.findall(r"filter \d+ answers to \d+% of the pixels", printed)) == 2
    assert _pictures(tmp_path) == [
        "heatmaps/0_block1_conv1.png",
        "maps/0_block1_conv1.png",
    ]


@pytest.mark.long
def test_attention_learns_to_look_where_the_runner_stands(tmp_path: Path) -> None:
    printed = _run("attention.py", tmp_path)
    right = re.findall(r"head \d looks at the right key for (\d+) of 800", printed)
    assert max(map(int, right)) > 700
    looks = re.findall(r"query (\d) looks at key (\d) \(.*\): runner (\d)", printed)
    order = re.search(r"race 1: \[(.*)\]", printed)
    assert order and len(looks) == 8
    assert all(order[1].split()[int(key)] == runner for _, key, runner in looks)
    assert sum(query == runner for query, _, runner in looks) >= 7
    assert _pictures(tmp_path) == [
        "0_attention_scores-of-race-1--untrained.png",
        "1_attention_scores-of-race-1.png",
        "2_attention_scores-of-race-2.png",
    ]


def _run(name: str, output: Path, *arguments: str) -> str:
    printed = run_example(name, "--output", str(output), *arguments)
    assert all(str(output / picture) in printed for picture in _pictures(output))
    return printed


def _pictures(output: Path) -> list[str]:
    """Names of the pictures, each of which shows something in colour."""
    paths = sorted(output.rglob("*.png"))
    for path in paths:
        pixels = images.imread(path)[..., :3]
        in_color = pixels[np.ptp(pixels, axis=-1) > 0.05]
        assert len(in_color) > 0.2 * pixels[..., 0].size
        assert len(np.unique(in_color[:, 1])) > 8
    return [str(path.relative_to(output)) for path in paths]


@pytest.mark.long
def test_explain_finds_the_digit_that_the_net_learned_to_look_at(
    tmp_path: Path,
) -> None:
    logs = tmp_path / "logs"
    told = run_example("explain.py", "--output", str(tmp_path), "--log-dir", str(logs))
    assert len(read_records(logs)) == 9
    shares = re.findall(r"^(\w+) +(\d+)% untrained +(\d+)% trained", told, re.MULTILINE)
    assert len(shares) == 5
    for _, before, after in shares:
        assert int(after) > max(int(before), 30)
    assert len(list(tmp_path.glob("grad_cam_*.png"))) == 4


@pytest.mark.long
def test_class_images_are_read_as_their_classes(tmp_path: Path) -> None:
    told = run_example("class_images.py", "--output", str(tmp_path))
    read = re.findall(r"(\d) is read as (\d), (\d+)% sure", told)
    assert len(read) == 10
    assert all(digit == found and int(sure) > 70 for digit, found, sure in read)
    assert len(list(tmp_path.glob("classes*.png"))) == 10


@pytest.mark.long
def test_vgg16_filters_without_its_weights(tmp_path: Path) -> None:
    told = run_example(
        *("vgg16_filters.py", "--output", str(tmp_path), "--random"),
        *("--size", "48", "--layers", "block1_conv2", "block2_conv2"),
        *("--filters", "3", "--iterations", "20"),
    )
    rises = re.findall(r"activations rose by (.*);", told)
    assert len(rises) == 2
    assert all(float(rise) > 0 for rise in ", ".join(rises).split(", "))
    assert len(list(tmp_path.glob("*.png"))) == 2
