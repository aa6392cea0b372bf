"""What memory the page takes while it plays for minutes: it must be bounded.

    python -m benchmarks.viewer_memory [--minutes 10] [--logdir DIR]

Plays run after run of the benchmark of the page (`benchmarks.viewer`, which keeps them in
`DIR/runs`), two large layers of each, and prints a line each minute, after a collection of
garbage: the JavaScript heap, the buffers outside it, which hold the maps, elements in the
document, and what the process has in memory. Maps are kept up to 256 MB; those that are
played take about 75, so that after the first round, of about four minutes, nothing grows.
"""

from __future__ import annotations

import argparse
import itertools
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

from playwright.sync_api import Browser, FrameLocator, Page, sync_playwright

from benchmarks import viewer_runs
from tests.browser import keract_url, launch, open_page
from tests.tensorboard_process import TensorBoard

_MB = 2**20


class Memory(NamedTuple):
    """Megabytes, and the count of elements."""

    heap: float
    buffers: float
    process: float
    elements: int

    def __str__(self) -> str:
        return (
            f"heap {self.heap:.1f} MB, buffers {self.buffers:.1f} MB,"
            f" process {self.process:.0f} MB, {self.elements:,} elements"
        )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--minutes", type=int, default=10)
    parser.add_argument("--logdir", type=Path)
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as temporary, sync_playwright() as playwright:
        logdir = (arguments.logdir or Path(temporary)) / "runs"
        if not logdir.exists():
            viewer_runs.write_runs(logdir)
        with TensorBoard(logdir.resolve(), Path(temporary), True) as board:
            names = [f"run{i}/keract" for i in range(viewer_runs.RUNS)]
            for name in names:
                board.await_steps(name, viewer_runs.STEPS)
            browser = launch(playwright)
            url = keract_url(board.url, {"view": "maps"})
            with open_page(browser, url) as (page, frame):
                frame.locator("[data-testid=tile][data-step]").first.wait_for()
                shown = itertools.cycle(
                    itertools.product(names, (viewer_runs.SCRUBBED, viewer_runs.LARGE))
                )
                play(browser, page, frame, shown, arguments.minutes)


def play(
    browser: Browser,
    page: Page,
    frame: FrameLocator,
    shown: Iterator[tuple[str, str]],
    minutes: int,
) -> None:
    """Plays layer after layer, and says each minute what memory the page takes."""
    steps_played, last = 0, ""
    began = time.monotonic()
    print(f"minute 0: {measure(browser, page)}", flush=True)
    for minute in range(1, minutes + 1):
        while time.monotonic() - began < 60 * minute:
            step = frame.get_by_test_id("step").inner_text()
            steps_played += step != last
            last = step
            if frame.get_by_label("Pause").count() == 0:
                play_from_the_start(page, frame, *next(shown))
            page.wait_for_timeout(100)
        print(
            f"minute {minute}: {measure(browser, page)}, {steps_played} steps played",
            flush=True,
        )


def play_from_the_start(page: Page, frame: FrameLocator, run: str, layer: str) -> None:
    # The page writes the address a moment after the last step.
    page.wait_for_timeout(500)
    page.evaluate(
        "state => { location.hash = `#keract&p.keract.view=maps&${state}`; }",
        f"p.keract.run={run}&p.keract.layer={layer}&p.keract.step=0",
    )
    frame.locator(
        f"[data-testid=tile][data-path='{layer}'][data-step='0']"
    ).first.wait_for()
    frame.get_by_test_id("play").click()


def measure(browser: Browser, page: Page) -> Memory:
    """After a collection of garbage."""
    session = page.context.new_cdp_session(page)
    session.send("HeapProfiler.collectGarbage")
    usage = session.send("Runtime.getHeapUsage")
    counters = session.send("Memory.getDOMCounters")
    session.detach()
    system = browser.new_browser_cdp_session()
    processes = system.send("SystemInfo.getProcessInfo")["processInfo"]
    system.detach()
    renderers = [one["id"] for one in processes if one["type"] == "renderer"]
    return Memory(
        heap=usage["usedSize"] / _MB,
        buffers=usage["backingStorageSize"] / _MB,
        process=max(map(resident_bytes, renderers)) / _MB,
        elements=counters["nodes"],
    )


def resident_bytes(process_id: int) -> int:
    for line in Path(f"/proc/{process_id}/status").read_text().splitlines():
        if line.startswith("VmRSS:"):
            return int(line.split()[1]) * 1024
    return 0


if __name__ == "__main__":
    main()
