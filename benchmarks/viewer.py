"""How fast the page is: a real TensorBoard, a real Chromium, its own clock.

    python -m benchmarks.viewer [--rounds N] [--logdir DIR]

Runs of a made-up network are written to DIR, unless they are there: five runs of 50
layers and 100 steps, one of 200 layers and 1,000 steps without maps, and the same maps
and histograms as TensorBoard's own summaries. Medians; figures in bold are over the
budget. In software rendering, as on a machine without a GPU, ratios count.
"""

from __future__ import annotations

import argparse
import gzip
import re
import statistics
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from playwright.sync_api import Browser, FrameLocator, Page, Request, sync_playwright

from benchmarks import viewer_runs
from benchmarks.timing import Report, Row, describe_machine
from tests.browser import keract_url, launch, open_page
from tests.tensorboard_process import WITH_TENSORFLOW, TensorBoard

STATIC = Path(__file__).parents[1] / "tensorboard_keract" / "static"
SIZE = (1280, 800)
COLUMN = "median"

FIRST = "first picture, 5 runs × 50 layers × 100 steps"
SEEN = "a step already seen, 64 channels of 28 × 28"
NEW = "a new step, 64 channels of 28 × 28"
WINDOW = "another window, all tiles in view"
COLORMAP = "another colour map, all tiles in view"
SCROLL = "frames while 512 channels scroll: the slowest of 20"
SCROLL_MEDIAN = "… the median of these frames"
SCROLL_BARE = "… the slowest where a bare element scrolls as many canvases"
SCROLL_BARE_MEDIAN = "… the median there"
OVERVIEW = "overview of 200 layers × 1,000 steps, from the click"
STATISTIC = "… another statistic of it"
BUNDLE = "scripts and styles of the first picture, gzip"
CHUNKS = "… of all else: fetched while idle, or when it is shown"
WIRE = "bytes from opening the page to its first picture"
WIRE_STEP = "bytes of a new step"
IMAGES = "TensorBoard's Images tab: first picture"
IMAGES_STEP = "… one step moved, one of the 64 images"
IMAGES_WIRE = "… bytes to its first pictures"
IMAGES_WIRE_STEP = "… bytes of that step"
DISTRIBUTION = "the histogram of a layer over 100 steps, from the click"
HISTOGRAMS = "TensorBoard's Histograms tab: first charts of 50 layers"
HISTOGRAMS_WIRE = "… bytes"

ROWS = (
    Row(FIRST, 1000, says="1 s"),
    Row(WIRE),
    Row(SEEN, 16, says="16 ms"),
    Row(NEW, 100, says="100 ms"),
    Row(WIRE_STEP),
    Row(COLORMAP, 16, says="16 ms"),
    Row(WINDOW, 16, says="16 ms"),
    Row(SCROLL, 17, says="60 a second"),
    Row(SCROLL_MEDIAN),
    Row(SCROLL_BARE),
    Row(SCROLL_BARE_MEDIAN),
    Row(OVERVIEW, 300, says="300 ms"),
    Row(STATISTIC),
    Row(DISTRIBUTION),
    Row(BUNDLE, 100, says="100 KB"),
    Row(CHUNKS),
    Row(IMAGES),
    Row(IMAGES_WIRE),
    Row(IMAGES_STEP),
    Row(IMAGES_WIRE_STEP),
    Row(HISTOGRAMS),
    Row(HISTOGRAMS_WIRE),
)

# Resolves with milliseconds from `act` until `done` holds and a frame was drawn.
_UNTIL = """
async ([act, done]) => {
  const acts = new Function(act), isDone = new Function('return ' + done);
  const from = performance.now();
  acts();
  while (!isDone()) {
    if (performance.now() - from > 20000) throw new Error('never: ' + done);
    await new Promise((next) => setTimeout(next));
  }
  const painted = performance.now();
  await new Promise((next) => requestAnimationFrame(next));
  return painted - from;
}
"""

# The time of the first painted element, counted from the frame's own beginning.
_FIRST = """
selector => new Promise((found) => {
  const look = () => document.querySelector(selector)
    ? found(performance.now()) : requestAnimationFrame(look);
  look();
})
"""

# Frames while the maps scroll by two screens, from the top.
_SCROLL = """
async selector => {
  const room = document.querySelector(selector);
  room.scrollTop = 0;
  await new Promise((next) => setTimeout(next, 500));
  const times = [];
  let last = await new Promise((next) => requestAnimationFrame(next));
  for (let i = 0; i < 20; i++) {
    room.scrollTop += 60;
    const now = await new Promise((next) => requestAnimationFrame(next));
    times.push(now - last);
    last = now;
  }
  times.sort((a, b) => a - b);
  return [times.at(-1), times[10]];
}
"""

# As many canvases of the same size on the page, and nothing else, over the page.
_BARE = """
([count, side]) => {
  const room = document.body.appendChild(document.createElement('div'));
  room.id = 'bare';
  room.style.cssText =
    'position: fixed; inset: 0; z-index: 9; overflow: auto; background: white';
  for (let i = 0; i < count; i++) {
    const canvas = room.appendChild(document.createElement('canvas'));
    canvas.width = canvas.height = 28;
    canvas.style.cssText = `width: ${side}px; height: ${side}px; margin: 5px`;
    const context = canvas.getContext('2d');
    context.fillStyle = `hsl(${i}deg 50% 50%)`;
    context.fillRect(0, 0, 28, 28);
  }
}
"""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--rounds", type=int, default=9)
    parser.add_argument("--logdir", type=Path)
    arguments = parser.parse_args()
    report = Report(ROWS)
    try:
        with _logdirs(arguments.logdir) as logs, sync_playwright() as playwright:
            browser = launch(playwright)
            _measure_bundle(report)
            measure_maps(report, browser, logs / "runs", arguments.rounds)
            measure_overview(report, browser, logs / "long", arguments.rounds)
            measure_standard_tabs(report, browser, logs / "images", arguments.rounds)
            browser.close()
    finally:
        print(f"\n{describe_machine()}\n\n{report.table()}")


@contextmanager
def _logdirs(kept: Path | None) -> Iterator[Path]:
    """A directory with the runs, written where they are not there."""
    with tempfile.TemporaryDirectory() as temporary:
        logs = kept or Path(temporary)
        for name, write in {
            "runs": viewer_runs.write_runs,
            "long": viewer_runs.write_long_run,
            "images": viewer_runs.write_images,
        }.items():
            if not (logs / name).exists():
                write(logs / name)
        yield logs


def _measure_bundle(report: Report) -> None:
    sizes = {
        path.name: len(gzip.compress(path.read_bytes())) / 1024
        for path in STATIC.iterdir()
    }
    entry = (STATIC / "index.js").read_text()
    first = {"index.js", "index.css", *re.findall(r'"\./([^"]+\.js)"', entry)}
    own = sum(sizes[name] for name in first)
    report.add(COLUMN, "", BUNDLE, f"{own:.1f} KB", own)
    report.add(COLUMN, "", CHUNKS, f"{sum(sizes.values()) - own:.1f} KB")


def measure_maps(report: Report, browser: Browser, logdir: Path, rounds: int) -> None:
    with tempfile.TemporaryDirectory() as output, _tensorboard(logdir, output) as board:
        names = {f"run{i}/keract" for i in range(viewer_runs.RUNS)}
        board.await_runs(names)
        board.await_steps("run0/keract", viewer_runs.STEPS)
        firsts, bytes_first = [], []
        url = keract_url(board.url, {"view": "maps"})
        for _ in range(rounds):
            with open_page(browser, url, SIZE, in_tensorboard=True) as (page, frame):
                count = _count_bytes(page)
                firsts.append(_evaluate(frame, _FIRST, "[data-testid=tile][data-step]"))
                bytes_first.append(count())
        _add(report, FIRST, firsts)
        report.add(COLUMN, "", WIRE, _kilobytes(bytes_first))
        with open_page(browser, url, SIZE, in_tensorboard=True) as (page, frame):
            frame.locator("[data-testid=tile][data-step]").first.wait_for()
            page.wait_for_timeout(2000)
            _measure_steps(report, page, frame, rounds)
            _measure_repaints(report, frame, rounds)
            _measure_distribution(report, frame)
        url = keract_url(board.url, {"view": "maps", "layer": viewer_runs.LARGE})
        with open_page(browser, url, SIZE, in_tensorboard=True) as (page, frame):
            frame.locator("[data-testid=tile][data-step]").first.wait_for()
            page.wait_for_timeout(2000)
            _measure_scrolling(report, frame, rounds)


def _measure_scrolling(report: Report, frame: FrameLocator, rounds: int) -> None:
    """The maps of a large layer, and beside them what the browser itself needs."""
    root = frame.locator("html")
    side = root.evaluate(
        "() => document.querySelector('[data-testid=tile] canvas, canvas[data-testid=tile]')"
        ".getBoundingClientRect().width"
    )
    for room, slowest, median in (
        (".maps-room", SCROLL, SCROLL_MEDIAN),
        ("#bare", SCROLL_BARE, SCROLL_BARE_MEDIAN),
    ):
        if room == "#bare":
            root.evaluate(f"(_, asked) => ({_BARE})(asked)", [512, side])
        found = [
            root.evaluate(f"(_, room) => ({_SCROLL})(room)", room)
            for _ in range(rounds)
        ]
        _add(report, slowest, [most for most, _ in found])
        _add(report, median, [middle for _, middle in found])


def _measure_steps(
    report: Report, page: Page, frame: FrameLocator, rounds: int
) -> None:
    """The arrow key back and forth, then the slider to where nothing was fetched."""
    seen = [
        _until(frame, _key(key), _painted(viewer_runs.STEPS - 1 - by))
        for _ in range(rounds)
        for key, by in (("ArrowLeft", 1), ("ArrowRight", 0))
    ]
    _add(report, SEEN, seen)
    new = []
    count = _count_bytes(page)
    for i in range(rounds):
        # Neighbours of a step that was at rest are fetched ahead; these are far off.
        at = (i + 1) * 97 * 7 % 80 + 3
        new.append(_until(frame, _hash({"step": at}), _painted(at)))
        # Only the step itself, before its neighbours are fetched.
        if i == 0:
            report.add(COLUMN, "", WIRE_STEP, _kilobytes([count()]))
        page.wait_for_timeout(700)
    _add(report, NEW, new)


def _measure_repaints(report: Report, frame: FrameLocator, rounds: int) -> None:
    maps = ["magma", "viridis"] * rounds
    found = []
    for name in maps[:rounds]:
        act = (
            "const menu = document.querySelector('[data-testid=colormap-select]');"
            f"menu.value = '{name}';"
            "menu.dispatchEvent(new Event('change', {bubbles: true}));"
        )
        found.append(
            _until(frame, act, _all_tiles(f"tile.dataset.colormap === '{name}'"))
        )
    _add(report, COLORMAP, found)
    found = []
    for i in range(rounds):
        high = round(0.5 + i / 100, 2)
        box = "document.querySelector('[data-testid=window-high]')"
        frame.get_by_test_id("window-high").fill(str(high))
        act = f"{box}.dispatchEvent(new KeyboardEvent('keydown', {{key: 'Enter', bubbles: true}}))"
        found.append(_until(frame, act, _all_tiles(f"tile.dataset.high === '{high}'")))
    _add(report, WINDOW, found)


def _measure_distribution(report: Report, frame: FrameLocator) -> None:
    act = "document.querySelector('[data-testid=view-histograms]').click()"
    done = "document.querySelector('[data-testid=histogram-canvas]')?.width > 300"
    _add(report, DISTRIBUTION, [_until(frame, act, done)])


def measure_overview(
    report: Report, browser: Browser, logdir: Path, rounds: int
) -> None:
    with tempfile.TemporaryDirectory() as output, _tensorboard(logdir, output) as board:
        board.await_runs({"long/keract"})
        board.await_steps("long/keract", viewer_runs.LONG_STEPS)
        opened, changed = [], []
        done = "document.querySelector('[data-testid=matrix-canvas]')?.height === 200"
        for _ in range(rounds):
            url = keract_url(board.url, {"view": "histograms"})
            with open_page(browser, url, SIZE, in_tensorboard=True) as (page, frame):
                frame.get_by_test_id("layer-item").first.wait_for()
                page.wait_for_timeout(1500)
                act = "document.querySelector('[data-testid=view-overview]').click()"
                opened.append(_until(frame, act, done))
                act = (
                    "const menu = document.querySelector('[data-testid=statistic-select]');"
                    "menu.value = 'mean';"
                    "menu.dispatchEvent(new Event('change', {bubbles: true}));"
                )
                shown = (
                    "document.querySelector('[data-testid=overview-legend]')"
                    ".dataset.scale === 'signed'"
                )
                changed.append(_until(frame, act, shown))
        _add(report, OVERVIEW, opened)
        _add(report, STATISTIC, changed)


def measure_standard_tabs(
    report: Report, browser: Browser, logdir: Path, rounds: int
) -> None:
    """The same maps in the Images tab, the same histograms in the Histograms tab."""
    with tempfile.TemporaryDirectory() as output, _tensorboard(logdir, output) as board:
        times, sizes, step_times, step_sizes = [], [], [], []
        chart_times, chart_sizes = [], []
        for _ in range(min(3, rounds)):
            page = browser.new_page(viewport={"width": SIZE[0], "height": SIZE[1]})
            count = _count_bytes(page)
            started = time.perf_counter()
            page.goto(f"{board.url}#images")
            image = page.locator("tf-image-loader img").first
            image.wait_for(timeout=120_000)
            times.append((time.perf_counter() - started) * 1e3)
            sizes.append(count())
            slider = page.locator("tf-image-loader paper-slider").first
            slider.focus()
            before, count = image.get_attribute("src"), _count_bytes(page)
            started = time.perf_counter()
            page.keyboard.press("ArrowLeft")
            while image.get_attribute("src") == before:
                page.wait_for_timeout(1)
            page.wait_for_function(
                """() => {
                  const find = (root) => {
                    for (const one of root.querySelectorAll('*')) {
                      if (one.localName === 'img') return one;
                      const below = one.shadowRoot && find(one.shadowRoot);
                      if (below) return below;
                    }
                  };
                  return find(document)?.complete;
                }"""
            )
            step_times.append((time.perf_counter() - started) * 1e3)
            step_sizes.append(count())
            page.close()
            page = browser.new_page(viewport={"width": SIZE[0], "height": SIZE[1]})
            count = _count_bytes(page)
            started = time.perf_counter()
            page.goto(f"{board.url}#histograms")
            page.locator(
                "tf-histogram-loader vz-histogram-timeseries path"
            ).first.wait_for(state="attached", timeout=120_000)
            chart_times.append((time.perf_counter() - started) * 1e3)
            chart_sizes.append(count())
            page.close()
        for what, found in (
            (IMAGES, times),
            (IMAGES_STEP, step_times),
            (HISTOGRAMS, chart_times),
        ):
            _add(report, what, found)
        for what, bytes_found in (
            (IMAGES_WIRE, sizes),
            (IMAGES_WIRE_STEP, step_sizes),
            (HISTOGRAMS_WIRE, chart_sizes),
        ):
            report.add(COLUMN, "", what, _kilobytes(bytes_found))


def _tensorboard(logdir: Path, output: str) -> TensorBoard:
    arguments = [
        "--samples_per_plugin=images=100,histograms=100,keract=0,keract_statistics=0"
    ]
    return TensorBoard(
        logdir.resolve(), Path(output), True, WITH_TENSORFLOW, arguments=arguments
    )


def _count_bytes(page: Page) -> Callable[[], int]:
    """Counts the bytes of answers from now on."""
    total = [0]

    def finished(request: Request) -> None:
        total[0] += request.sizes()["responseBodySize"]

    page.on("requestfinished", finished)
    return lambda: total[0]


def _evaluate(frame: FrameLocator, script: str, argument: Any) -> float:
    root = frame.locator("html")
    wrapped = f"(_, argument) => ({script})(argument)"
    return float(root.evaluate(wrapped, argument))


def _until(frame: FrameLocator, act: str, done: str) -> float:
    return _evaluate(frame, _UNTIL, [act, done])


def _key(key: str) -> str:
    return f"document.body.dispatchEvent(new KeyboardEvent('keydown', {{key: '{key}', bubbles: true}}))"


def _hash(state: dict[str, object]) -> str:
    """Puts a state into the address, as a link does."""
    parts = "&".join(f"p.keract.{key}={value}" for key, value in state.items())
    return f"parent.location.hash = '#keract&p.keract.view=maps&{parts}'"


def _painted(step: int) -> str:
    return _all_tiles(f"tile.dataset.step === '{step}'")


def _all_tiles(holds: str) -> str:
    """Whether something holds for all tiles in view."""
    return (
        "(() => { const tiles = [...document.querySelectorAll("
        "'[data-testid=tile][data-step]')].slice(0, 20);"
        f" return tiles.length > 0 && tiles.every((tile) => {holds}); }})()"
    )


def _add(report: Report, what: str, found: list[float]) -> None:
    middle = statistics.median(found)
    details = f"(of {len(found)}, {min(found):.1f} – {max(found):.1f} ms)"
    report.add(COLUMN, "", what, f"{middle:.1f} ms", middle, details)


def _kilobytes(found: list[int]) -> str:
    return f"{statistics.median(found) / 1024:.0f} KB"


if __name__ == "__main__":
    main()
