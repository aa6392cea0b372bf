"""A headless Chromium that looks at the Keract tab of a TensorBoard."""

from __future__ import annotations

import base64
import contextlib
import json
import shutil
import time
import urllib.parse
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np
from playwright.sync_api import (
    Browser,
    ConsoleMessage,
    FrameLocator,
    Locator,
    Page,
    Playwright,
)

COLORS = json.loads(
    (
        Path(__file__).parent.parent / "tensorboard_keract/drawing/colormaps.json"
    ).read_text()
)
COLORMAPS = COLORS["colormaps"]

NAMES = ("chromium", "chromium-browser", "google-chrome")


def launch(playwright: Playwright) -> Browser:
    """Chromium with software rendering, as on a machine without a screen."""
    executable = next(filter(None, map(shutil.which, NAMES)), None)
    if executable is None:
        raise FileNotFoundError(f"No browser found: none of {', '.join(NAMES)}.")
    return playwright.chromium.launch(
        executable_path=executable,
        args=[
            "--no-sandbox",
            "--use-angle=swiftshader",
            "--enable-unsafe-swiftshader",
            "--disable-background-networking",
        ],
    )


def keract_url(
    tensorboard_url: str, state: Mapping[str, object] | None = None, dark: bool = False
) -> str:
    """The address of the Keract tab in a state of the page, by the keys of its URL."""
    parts = [
        f"p.keract.{key}={urllib.parse.quote(str(value), safe='')}"
        for key, value in (state or {}).items()
    ]
    theme = "true" if dark else "false"
    return f"{tensorboard_url}?darkMode={theme}#{'&'.join(['keract', *parts])}"


# A line for each canvas in view: which it is, and what is on it.
CANVASES = """
root => [...root.querySelectorAll('canvas')].filter((canvas) => {
  const box = canvas.getBoundingClientRect();
  return canvas.checkVisibility() && box.bottom > 0 && box.top < innerHeight;
}).map((canvas) => {
  const {width, height, dataset} = canvas;
  const names = ['kind', 'path', 'step', 'sample', 'channel', 'filter', 'low', 'high'];
  const said = names.filter((name) => dataset[name]).map((name) => `${name}=${dataset[name]}`);
  const label = [dataset.testid ?? canvas.parentElement.className, ...said].join(' ');
  if (width * height === 0) return `${label}: nothing`;
  const {data} = canvas.getContext('2d').getImageData(0, 0, width, height);
  const chart = dataset.mode || canvas.closest('.uplot');
  return `${label}: ${width} x ${height}, ${chart ? coarse(data) : exact(data)}`;

  // FNV-1a, and the mean colour for the reader of a diff.
  function exact(bytes) {
    let hash = 0x811c9dc5;
    const sum = [0, 0, 0];
    for (let i = 0; i < bytes.length; i++) {
      hash = Math.imul(hash ^ bytes[i], 0x01000193) >>> 0;
      if (i % 4 < 3) sum[i % 4] += bytes[i];
    }
    const mean = sum.map((all) => Math.round(all / (bytes.length / 4)));
    return `rgb ${mean.join(' ')}, ${hash.toString(16).padStart(8, '0')}`;
  }

  // Colours in steps of 16, those of a twentieth and more of what is drawn.
  function coarse(bytes) {
    const counts = new Map();
    let drawn = 0;
    for (let i = 0; i < bytes.length; i += 4) {
      if (bytes[i + 3] === 0) continue;
      drawn++;
      const color = [0, 1, 2].map((c) => (bytes[i + c] >> 4).toString(16)).join('');
      counts.set(color, (counts.get(color) ?? 0) + 1);
    }
    const frequent = [...counts].filter(([, count]) => count > drawn / 20);
    frequent.sort(([, a], [, b]) => b - a);
    const share = Math.round((drawn / (bytes.length / 4)) * 10) * 10;
    return `about ${share} % drawn, ${frequent.slice(0, 2).map(([name]) => `#${name}`).join(' ')}`;
  }
})
"""

# What TensorBoard's own page is to the plugin: a frame below a bar, a theme, an address.
# It takes seconds to load, this one does not.
STAND_IN = """<!doctype html>
<link rel="icon" href="data:,">
<body style="margin: 64px 0 0; overflow: hidden">
<script>
  const dark = new URLSearchParams(location.search).get('darkMode') === 'true';
  document.body.classList.toggle('dark-mode', dark);
</script>
<iframe src="data/plugin_entry.html?name=keract"
  style="display: block; width: 100%; height: calc(100vh - 64px); border: 0"></iframe>
"""


@contextlib.contextmanager
def open_page(
    browser: Browser,
    url: str,
    size: tuple[int, int] = (1280, 800),
    in_tensorboard: bool = False,
    refused: str | None = None,
) -> Iterator[tuple[Page, FrameLocator]]:
    """The page and the plugin's frame in it; errors on the console fail at the end.

    Args:
      browser: to open it in.
      url: from `keract_url`.
      size: of the window.
      in_tensorboard: whether the frame is in TensorBoard's own page, and not in one that
        stands in for it. What it shows comes from TensorBoard either way.
      refused: part of the addresses that the test itself lets fail.
    """
    # One context for all pages: scripts are fetched and compiled once.
    context = browser.contexts[0] if browser.contexts else browser.new_context()
    page = context.new_page()
    page.set_viewport_size({"width": size[0], "height": size[1]})
    problems: list[str] = []
    page.on("pageerror", lambda error: problems.append(str(error)))

    def note(message: ConsoleMessage) -> None:
        # TensorBoard's own page warns of things of its own.
        address = message.location.get("url", "")
        if refused and refused in address:
            return
        ours = "plugin/keract" in address
        if message.type == "error" or (message.type == "warning" and ours):
            problems.append(f"{message.text} ({message.location})")

    page.on("console", note)
    if not in_tensorboard:
        # Once: a browser that is asked about each request caches none.
        page.route(
            lambda asked: urllib.parse.urlsplit(asked).path == "/",
            lambda route: route.fulfill(content_type="text/html", body=STAND_IN),
            times=1,
        )
    page.goto(url)
    try:
        yield page, page.frame_locator("iframe[src*='name=keract']")
    finally:
        page.close()
    assert not problems, problems


def hover(surface: Locator, across: float, down: float) -> None:
    """Moves the pointer to a place of it, in shares of its width and height.

    A page that still arranges itself would put another place below the pointer: then
    once more.
    """
    box = None
    while box is None or box != surface.bounding_box():
        box = surface.bounding_box()
        assert box
        place = {"x": across * box["width"], "y": down * box["height"]}
        surface.hover(position=place)


def until(holds: Callable[[], bool], timeout_s: float = 20) -> None:
    """Waits for what `expect` has no words for."""
    deadline = time.monotonic() + timeout_s
    while not holds():
        assert time.monotonic() < deadline, "It never came to hold."
        time.sleep(0.05)


def colors_of(name: str) -> np.ndarray[Any, np.dtype[np.uint8]]:
    table = bytes.fromhex(COLORMAPS[name]["colors"])
    return np.frombuffer(table, np.uint8).reshape(256, 3)


def canvas_pixels(canvas: Locator):
    """RGBA [height, width, 4] of a canvas."""
    found = canvas.evaluate(
        """canvas => {
          const {width, height} = canvas;
          const {data} = canvas.getContext('2d').getImageData(0, 0, width, height);
          // A list of numbers would take ten seconds for a large canvas.
          let bytes = '';
          for (let i = 0; i < data.length; i += 32768)
            bytes += String.fromCharCode(...data.subarray(i, i + 32768));
          return {width, height, data: btoa(bytes)};
        }"""
    )
    pixels = np.frombuffer(base64.b64decode(found["data"]), np.uint8)
    return pixels.reshape(found["height"], found["width"], 4)
