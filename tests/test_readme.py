"""The README's Python runs as it stands, and its links lead somewhere."""

from __future__ import annotations

import re
from pathlib import Path

import keras
import matplotlib
import numpy as np
import pytest
import tensorflow as tf

from tests import models
from tests.reading import model_of, read_records

ROOT = Path(__file__).resolve().parent.parent
README = (ROOT / "README.md").read_text("utf-8")


def _classifier() -> models.ModelCase:
    """With the names that the README uses."""
    layers = keras.layers
    block = keras.Sequential(
        [layers.Flatten(), layers.Dense(4, name="fc1")], name="block"
    )
    model = keras.Sequential(
        [
            layers.Input((8, 8, 1), name="image"),
            layers.Conv2D(4, 3, activation="relu", name="conv1"),
            block,
            layers.Dense(3, activation="softmax", name="probs"),
        ]
    )
    model.compile("adam", "sparse_categorical_crossentropy", metrics=["accuracy"])
    return models.ModelCase(model, *models.classifier()[1:])


# Of random weights, some filters are not excited by anything.
@pytest.mark.filterwarnings("ignore:Nothing was found:UserWarning")
def test_the_code_runs_in_order(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    matplotlib.use("template")  # Shows nothing.
    case = _classifier()
    repeated = [np.concatenate([part] * 4) for part in case[1:]]
    names = {
        "keras": keras,
        "model": case.model,
        "x": repeated[0],
        "y": repeated[1],
        "x_val": repeated[0],
        "y_val": repeated[1],
        "batches": [(case.x, case.y)] * 3,
        "train_step": case.model.train_on_batch,
        "optimizer": case.model.optimizer,
        "dataset": tf.data.Dataset.from_tensor_slices(case[1:]).batch(3),
        "loss": keras.losses.SparseCategoricalCrossentropy(),
        "activation": np.ones((2, 4, 4, 3), np.float32),
        "gradient": np.ones((3, 3, 1, 4), np.float32),
        "saliency": np.ones((2, 8, 8), np.float32),
        "image": np.ones((2, 8, 8, 1), np.float32),
        "kernel": np.ones((3, 3, 1, 4), np.float32),
    }
    blocks = re.findall(r"```python\n(.*?)```", README, re.S)
    assert len(blocks) == 10
    for block in blocks:
        exec(block, names)
    assert list(names["activations"]) == ["image", "conv1", "block", "probs"]
    assert list(np.load("activations.npz"))[1] == "conv1"
    assert len(read_records(tmp_path / "logs/run1")) == 6
    assert len(read_records(tmp_path / "logs/run2")) == 1
    for run in ("run4", "run5"):
        (record,) = read_records(tmp_path / "logs" / run)
        assert model_of(record).tables_source == "training"
    assert 0 <= names["result"]["activation", "conv1"]["dead_fraction"] <= 1
    explained = read_records(tmp_path / "logs/run6")[-1].values
    assert {"heatmap/grad_cam", "heatmap/integrated_gradients"} < set(explained)
    tags = {t for r in read_records(tmp_path / "logs", "run3") for t in r.values}
    assert {"activation/conv1", "weight_gradient/conv1/kernel"} < tags


def test_links_lead_to_files() -> None:
    targets = re.findall(r"\]\(([^)#]+)\)", README)
    assert len(targets) > 5
    missing = [
        target
        for target in targets
        if not target.startswith("http") and not (ROOT / target).exists()
    ]
    assert missing == []
