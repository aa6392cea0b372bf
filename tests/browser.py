"""A headless Chromium that looks at the Keract tab of a TensorBoard."""

from __future__ import annotations

import base64
import contextlib
import json
import shutil
import urllib.parse
from collections.abc import Iterator, Mapping
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


@contextlib.contextmanager
def open_page(
    browser: Browser, url: str, size: tuple[int, int] = (1280, 800)
) -> Iterator[tuple[Page, FrameLocator]]:
    """The page and the plugin's frame in it; errors on the console fail at the end."""
    # One context for all pages: TensorBoard's own scripts are fetched and compiled once.
    context = browser.contexts[0] if browser.contexts else browser.new_context()
    page = context.new_page()
    page.set_viewport_size({"width": size[0], "height": size[1]})
    problems: list[str] = []
    page.on("pageerror", lambda error: problems.append(str(error)))

    def note(message: ConsoleMessage) -> None:
        # TensorBoard's own page warns of things of its own.
        ours = "plugin/keract" in message.location.get("url", "")
        if message.type == "error" or (message.type == "warning" and ours):
            problems.append(f"{message.text} ({message.location})")

    page.on("console", note)
    page.goto(url)
    try:
        yield page, page.frame_locator("iframe[src*='name=keract']")
    finally:
        page.close()
    assert not problems, problems


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
