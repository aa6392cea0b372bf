"""Each view is the same with either of TensorBoard's loaders, in both themes."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, expect

from tests.browser import CANVASES, keract_url, open_page
from tests.conftest import SHOWN_STEPS
from tests.tensorboard_process import TensorBoard

pytestmark = pytest.mark.browser

RUN = {"run": "run1/keract", "step": 0}
STATES = {
    "overview": {"view": "overview"},
    "overview compared": {"view": "overview", "compare": 1},
    "maps": {"layer": "conv1", "tile": 3, "table": 1},
    "maps compared": {"layer": "conv1", "compare": 1},
    "histograms": {"view": "histograms", "layer": "conv1", "table": 1},
    "histograms compared": {"view": "histograms", "layer": "conv1", "compare": 1},
}


@pytest.fixture(scope="module")
def python_tensorboard(
    shown_logdir: Path, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[TensorBoard]:
    with TensorBoard(shown_logdir, tmp_path_factory.mktemp("output"), False) as process:
        for run in ("run1", "run2"):
            process.await_steps(f"{run}/keract", SHOWN_STEPS)
        yield process


def test_views_are_the_same_with_either_loader(
    shown_tensorboard: TensorBoard, python_tensorboard: TensorBoard, browser: Browser
) -> None:
    for dark in (False, True):
        theme = "dark" if dark else "light"
        seen = [
            look(process, browser, dark)
            for process in (shown_tensorboard, python_tensorboard)
        ]
        for name in STATES:
            assert seen[0][name] == seen[1][name], f"{name}, {theme}"


def is_drawn(seen: str, name: str) -> bool:
    """Whether all is there that is fetched and drawn after the page has come."""
    unpainted = "300 x 150, rgb 0 0 0"  # The size of a canvas that was given none.
    has_lines = "u-wrap" in seen or name != "overview"
    return (
        " x " in seen and "nothing" not in seen and unpainted not in seen and has_lines
    )


def look(process: TensorBoard, browser: Browser, dark: bool) -> dict[str, str]:
    """Text and pixels of each view."""
    found: dict[str, str] = {}
    with open_page(browser, keract_url(process.url, RUN, dark)) as (page, frame):
        expect(
            frame.locator(f"html[data-theme={'dark' if dark else 'light'}]")
        ).to_be_attached()
        for name, state in STATES.items():
            page.goto(keract_url(process.url, RUN | state, dark))
            main = frame.locator("main")
            last = ""
            # Until nothing changes any more.
            for _ in range(40):
                page.wait_for_timeout(300)
                now = "\n".join([main.aria_snapshot(), *main.evaluate(CANVASES)])
                if now == last and is_drawn(now, name):
                    break
                last = now
            found[name] = now
    return found
