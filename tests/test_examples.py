"""The examples run; those that need a network are built, and trained on noise."""

from __future__ import annotations

import importlib.util
from pathlib import Path

import numpy as np

from tests.examples import EXAMPLES, run_example
from tests.reading import read_records


def test_digits_records_and_says_how_to_look(tmp_path: Path) -> None:
    printed = run_example("digits.py", "--log-dir", str(tmp_path), "--epochs", "1")
    assert f"tensorboard --logdir {tmp_path}" in printed
    assert "Keract records" in printed
    assert [record.step for record in read_records(tmp_path)] == [0, 10, 20, 30, 40, 47]


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
