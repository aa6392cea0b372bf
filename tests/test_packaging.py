"""What a wheel and a source distribution hold, and that the wheel works alone."""

from __future__ import annotations

import shutil
import subprocess
import sys
import tarfile
import venv
import zipfile
from pathlib import Path

import pytest

from tests.tensorboard_process import TensorBoard

ROOT = Path(__file__).resolve().parent.parent

IN_BOTH = {
    "tensorboard_keract/py.typed",
    "tensorboard_keract/plugin_data.proto",
    "tensorboard_keract/plugin_data_pb2.pyi",
    "tensorboard_keract/static/index.css",
    "tensorboard_keract/static/index.js",
    "tensorboard_keract/drawing/colormaps.json",
    "tensorboard_keract/viewer/http_api.md",
    "tensorboard_keract/viewer/loader.py",
}


@pytest.fixture(scope="module")
def sdist(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A source distribution, built from a copy of the checkout."""
    directory = tmp_path_factory.mktemp("sdist")
    source = directory / "source"
    # Not in place: a build leaves files behind that other builds pick up.
    ignored = shutil.ignore_patterns(
        *(".venv", ".git", ".cache", ".*_cache", "build", "dist", "*.egg-info"),
        *("node_modules", "logs", "__pycache__"),
    )
    shutil.copytree(ROOT, source, ignore=ignored)
    # Should the page be out of date, its build finds what it needs.
    installed = ROOT / "frontend" / "node_modules"
    if installed.exists():
        (source / "frontend" / "node_modules").symlink_to(installed)
    subprocess.run(
        [sys.executable, "setup.py", "--quiet", "sdist", "--dist-dir", directory],
        cwd=source,
        check=True,
        capture_output=True,
    )
    (archive,) = directory.glob("*.tar.gz")
    return archive


@pytest.fixture(scope="module")
def wheel(sdist: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A wheel, built from the source distribution, which needs no Node for it."""
    directory = tmp_path_factory.mktemp("wheel")
    subprocess.run(
        [
            *(sys.executable, "-m", "pip", "wheel", "--quiet", "--no-deps"),
            *("--no-build-isolation", "--wheel-dir", str(directory), str(sdist)),
        ],
        check=True,
        env={"PATH": "/nowhere"},
    )
    (archive,) = directory.glob("*.whl")
    return archive


def test_sdist_holds_the_built_page_and_its_sources(sdist: Path) -> None:
    with tarfile.open(sdist) as archive:
        names = {name.partition("/")[2] for name in archive.getnames()}
    assert names >= IN_BOTH
    assert {"frontend/package-lock.json", "LICENSE", "setup.py"} <= names
    assert not {name for name in names if "node_modules" in name}


def test_wheel_holds_the_package_alone(wheel: Path) -> None:
    names = set(zipfile.ZipFile(wheel).namelist())
    assert names >= IN_BOTH
    top = {name.partition("/")[0] for name in names}
    assert {name for name in top if not name.endswith(".dist-info")} == {
        "tensorboard_keract"
    }


@pytest.mark.slow
def test_wheel_serves_runs_without_tensorflow(
    wheel: Path, fixture_logdir: Path, tmp_path: Path
) -> None:
    environment = tmp_path / "environment"
    venv.create(environment, with_pip=True)
    python = environment / "bin" / "python"
    subprocess.run(
        [python, "-m", "pip", "install", "--quiet", str(wheel)],
        check=True,
        cwd=tmp_path,
    )
    command = [str(python), "-m", "tensorboard.main"]
    with TensorBoard(fixture_logdir, tmp_path, command=command) as tensorboard:
        tensorboard.await_runs({"run1/keract"})
        page = tensorboard.request("data/plugin/keract/index.js")
        assert page.status == 200
        blob = tensorboard.get(
            "blob", run="run1/keract", tag="activation/conv1", step=0, index=0
        )
        assert len(blob.body) == 16 * 14 * 14
    installed = {path.name for path in environment.glob("lib/*/site-packages/*")}
    assert "tensorboard_keract" in installed
    assert not installed & {"tensorflow", "keras"}
