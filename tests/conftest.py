"""What many tests share: run directories, and TensorBoard processes that show them."""

from __future__ import annotations

import fcntl
import os
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, expect, sync_playwright

import tensorboard_keract as tk
from tests import models
from tests.browser import launch
from tests.examples import run_example
from tests.fixture_run import write_logdir
from tests.odd_runs import write_odd_runs
from tests.tensorboard_process import WITH_TENSORFLOW, TensorBoard

FIXTURE_STEPS = 6

# Three workers on two cores: a page may take longer than the five seconds by default.
expect.set_options(timeout=20_000)

# Files of a few tests that take long each. A worker takes whole files: these first, so
# that none is left to one worker at the end.
LONGEST_FILES = (
    "test_browser.py",
    "test_browser_maps.py",
    "test_browser_overview.py",
    "test_browser_histograms.py",
    "test_browser_compare.py",
    "test_browser_export.py",
    "test_browser_gallery.py",
    "test_browser_loaders.py",
    "test_browser_frame.py",
    "test_attribution.py",
    "test_browser_attention.py",
    "test_strategy.py",
    "test_examples.py",
    "test_faults.py",
    "test_training_source.py",
    "test_model_kinds.py",
    "test_round_trip.py",
    "test_routes.py",
    "test_packaging.py",
)


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption(
        "--update-snapshots",
        action="store_true",
        help="write the snapshots of the gallery anew",
    )


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    order = {name: place for place, name in enumerate(LONGEST_FILES)}
    items.sort(key=lambda item: order.get(item.path.name, len(order)))


# Of a module, not of the session: while it runs, so does an event loop.
@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with sync_playwright() as playwright:
        browser = launch(playwright)
        yield browser
        browser.close()


# Of the runs that several files of browser tests look at.
SHOWN_STEPS = 9


@pytest.fixture(scope="session")
def shown_logdir(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The runs `run1/keract`, `run2/keract` and `partial/keract`, to be looked at."""
    logdir = tmp_path_factory.mktemp("shown")
    write_logdir(logdir, runs=2, steps=SHOWN_STEPS)
    return logdir


@pytest.fixture(scope="session")
def shown_tensorboard(
    shown_logdir: Path, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[TensorBoard]:
    with TensorBoard(shown_logdir, tmp_path_factory.mktemp("output"), True) as process:
        for run in ("run1", "run2"):
            process.await_steps(f"{run}/keract", SHOWN_STEPS)
        yield process


@pytest.fixture(scope="session")
def fixture_logdir(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The runs `run1/keract` and `run2/keract`, of `FIXTURE_STEPS` records each."""
    logdir = tmp_path_factory.mktemp("fixture")
    write_logdir(logdir, runs=2, steps=FIXTURE_STEPS)
    return logdir


@pytest.fixture(scope="session", params=["true", "false"], ids=["rust", "python"])
def tensorboard(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[TensorBoard]:
    """TensorBoard with each of its loaders, on the fixture's runs and the odd ones."""
    logdir = tmp_path_factory.mktemp("served")
    write_logdir(logdir, runs=2, steps=FIXTURE_STEPS)
    runs = write_odd_runs(logdir) | {"run1/keract", "run2/keract"}
    with TensorBoard(
        logdir, tmp_path_factory.mktemp("output"), request.param == "true"
    ) as process:
        process.await_runs(runs)
        yield process


@pytest.fixture(scope="session")
def digits_logdir(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Runs recorded for real.

    `digits/keract` is of the example. `restarted/keract` was recorded at the steps 0,
    10, 20, 30, and by a second process that went on from 10 at 10 and 15.
    `recurrent/keract` is one record of a net with an LSTM that returns its states.
    """
    base = tmp_path_factory.getbasetemp()
    # Training takes long: one of the workers does it for all.
    shared = base.parent if "PYTEST_XDIST_WORKER" in os.environ else base
    logdir, written = shared / "digits", shared / "digits_written"
    with (shared / "digits_lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not written.exists():
            written.write_text(record_digits(logdir))
    return logdir


@pytest.fixture(scope="session")
def digits_printed(digits_logdir: Path) -> str:
    """What the example printed that recorded `digits/keract`."""
    return digits_logdir.with_name("digits_written").read_text()


def record_digits(logdir: Path) -> str:
    for steps in ((0, 10, 20, 30), (10, 15)):
        case = models.classifier()
        with tk.Recorder(
            logdir / "restarted",
            case.model,
            case[1:],
            attributions=["grad_cam", ("grad_cam", {"layer": "conv", "targets": 1})],
        ) as recorder:
            for step in steps:
                recorder.record(step)
    case = models.recurrent()
    with tk.Recorder(logdir / "recurrent", case.model, case[1:]) as recorder:
        recorder.record(0)
    return run_example(
        "digits.py", "--log-dir", str(logdir / "digits"), "--epochs", "2"
    )


@pytest.fixture(scope="session", params=["true", "false"], ids=["rust", "python"])
def digits_tensorboard(
    request: pytest.FixtureRequest,
    digits_logdir: Path,
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[TensorBoard]:
    """TensorBoard with each of its loaders, on the recorded run."""
    output = tmp_path_factory.mktemp("output")
    with TensorBoard(
        digits_logdir, output, request.param == "true", WITH_TENSORFLOW
    ) as process:
        process.await_runs({"digits/keract", "restarted/keract", "recurrent/keract"})
        yield process
