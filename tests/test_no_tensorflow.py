"""The viewer works where neither TensorFlow nor Keras is installed."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from tests.tensorboard_process import TensorBoard

# Makes every import of these fail, as if they were not installed.
BLOCK = """
import sys

class Blocker:
    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] in ("tensorflow", "keras"):
            raise ModuleNotFoundError(f"{name} is blocked", name=name)

sys.meta_path.insert(0, Blocker())
"""

RUN_TENSORBOARD = f"{BLOCK}\nfrom tensorboard.main import run_main\nrun_main()"


def run(program: str, directory: Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-c", BLOCK + program],
        cwd=directory,
        capture_output=True,
        text=True,
    )


@pytest.mark.parametrize("module", ["tensorflow", "keras", "keras.layers"])
def test_the_block_holds(module: str, tmp_path: Path) -> None:
    result = run(f"import {module}", tmp_path)
    assert result.returncode == 1
    assert "is blocked" in result.stderr


@pytest.mark.parametrize(
    "module",
    [
        "tensorboard_keract",
        "tensorboard_keract.metadata",
        "tensorboard_keract.recording.wire_format",
        "tensorboard_keract.viewer.loader",
        "tensorboard_keract.viewer.plugin",
    ],
)
def test_module_is_imported(module: str, tmp_path: Path) -> None:
    result = run(f"import {module}", tmp_path)
    assert result.returncode == 0, result.stderr


def test_loader_imports_no_other_module_of_the_viewer(tmp_path: Path) -> None:
    program = (
        "import tensorboard_keract.viewer.loader\n"
        "print(*sorted(n for n in sys.modules if n.startswith('tensorboard_keract.viewer')))"
    )
    assert run(program, tmp_path).stdout.split() == [
        "tensorboard_keract.viewer",
        "tensorboard_keract.viewer.loader",
    ]


@pytest.mark.parametrize("load_fast", [True, False], ids=["rust", "python"])
def test_runs_are_served(fixture_logdir: Path, tmp_path: Path, load_fast: bool) -> None:
    command = [sys.executable, "-c", RUN_TENSORBOARD]
    with TensorBoard(fixture_logdir, tmp_path, load_fast, command) as tensorboard:
        tensorboard.await_runs({"run1/keract", "run2/keract"})
        header = tensorboard.get(
            "header", run="run1/keract", tag="activation/conv1", step=0
        )
        assert header.json()["path"] == "conv1"
        assert "Traceback" not in tensorboard.log()


def test_summaries_are_made_without_tensorflow(tmp_path: Path) -> None:
    program = (
        "import numpy as np, tensorboard_keract as tk\n"
        "s = tk.summary.activation_pb('conv', np.ones((1, 4, 4, 2)))\n"
        "s.MergeFrom(tk.summary.histogram_pb('conv', np.ones(3)))\n"
        "print([value.tag for value in s.value])"
    )
    result = run(program, tmp_path)
    assert "activation/conv" in result.stdout, result.stderr


def test_activations_are_read_and_drawn_without_tensorflow(tmp_path: Path) -> None:
    program = (
        "import numpy as np, tensorboard_keract as tk\n"
        "tk.save_npz({'conv': np.ones((1, 4, 4, 2))}, 'a.npz')\n"
        "print(tk.display_activations(tk.load_npz('a.npz'), save=True))"
    )
    result = run(program, tmp_path)
    assert "0_conv.png" in result.stdout, result.stderr
    assert (tmp_path / "0_conv.png").stat().st_size > 1000


def test_recording_without_tensorflow_says_what_to_install(tmp_path: Path) -> None:
    result = run("import tensorboard_keract as tk; tk.KeractCallback", tmp_path)
    assert "pip install 'tensorboard-keract[tensorflow]'" in result.stderr
