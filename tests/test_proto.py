"""The generated code of the messages is that of `plugin_data.proto`."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent

# Of the generators, the one whose code every protobuf from 3.20 on runs.
GENERATOR = "grpcio-tools==1.62.3"


@pytest.fixture(scope="module")
def generator() -> Path:
    """A directory with the generator, which `make proto` uses, too."""
    directory = ROOT / ".cache" / "protoc"
    if not (directory / "grpc_tools").exists():
        install = [sys.executable, "-m", "pip", "install", "--quiet", "--no-deps"]
        options = ["--only-binary", ":all:", "--target", str(directory), GENERATOR]
        result = subprocess.run([*install, *options], capture_output=True, text=True)
        if result.returncode:
            pytest.skip(f"{GENERATOR} can't be installed: {result.stderr.strip()}")
    return directory


def test_generated_code_is_up_to_date(generator: Path, tmp_path: Path) -> None:
    subprocess.run(
        [
            *(sys.executable, "-m", "grpc_tools.protoc", f"-I{ROOT}"),
            *(f"--python_out={tmp_path}", f"--pyi_out={tmp_path}"),
            "tensorboard_keract/plugin_data.proto",
        ],
        cwd=ROOT,
        env={**os.environ, "PYTHONPATH": str(generator)},
        check=True,
    )
    for name in ("plugin_data_pb2.py", "plugin_data_pb2.pyi"):
        generated = (tmp_path / "tensorboard_keract" / name).read_text("utf-8")
        committed = (ROOT / "tensorboard_keract" / name).read_text("utf-8")
        assert generated == committed, "Run `make proto`."
