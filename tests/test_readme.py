"""The README's Python runs as it stands, and its links lead somewhere."""

from __future__ import annotations

import re
from pathlib import Path

import keras
import numpy as np
import pytest

from tests import models
from tests.reading import read_records

ROOT = Path(__file__).resolve().parent.parent
README = (ROOT / "README.md").read_text("utf-8")


def test_the_code_runs_in_order(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    case = models.classifier()
    repeated = [np.concatenate([part] * 4) for part in case[1:]]
    names = {
        "model": case.model,
        "x": repeated[0],
        "y": repeated[1],
        "x_val": repeated[0],
        "y_val": repeated[1],
        "batches": [(case.x, case.y)] * 3,
        "train_step": case.model.train_on_batch,
        "loss": keras.losses.SparseCategoricalCrossentropy(),
        "activation": np.ones((2, 4, 4, 3), np.float32),
        "gradient": np.ones((3, 3, 1, 4), np.float32),
        "saliency": np.ones((2, 8, 8), np.float32),
        "image": np.ones((2, 8, 8, 1), np.float32),
        "kernel": np.ones((3, 3, 1, 4), np.float32),
    }
    blocks = re.findall(r"```python\n(.*?)```", README, re.S)
    assert len(blocks) == 3
    for block in blocks:
        exec(block, names)
    assert len(read_records(tmp_path / "logs/run1")) == 6
    assert len(read_records(tmp_path / "logs/run2")) == 1
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
