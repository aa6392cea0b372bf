"""Each state of the gallery is as it was: its text, and the pixels of its maps.

A snapshot is a readable file in `tests/snapshots/`. After a change of the page that is
meant to be seen,

    python -m pytest tests/test_browser_gallery.py --update-snapshots

writes them anew, and the diff says what has changed. Maps are compared to the last pixel.
Charts are not, for browsers smooth lines differently: only their size, how much of them is
drawn on, and their most frequent colours.
"""

from __future__ import annotations

import difflib
import json
import re
import runpy
import subprocess
import time
import urllib.parse
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, ConsoleMessage, FrameLocator, Locator, Page

from tests.browser import CANVASES

pytestmark = pytest.mark.browser

FRONTEND = Path(__file__).parents[1] / "frontend"
SNAPSHOTS = Path(__file__).parent / "snapshots"
STATES: list[dict[str, Any]] = [
    state
    for group in json.loads((FRONTEND / "gallery/states.json").read_text())
    for state in group["states"]
]

# The list of states takes 208 of it.
SIZE = {"width": 1488, "height": 800}
PATIENCE_S = 15
# A page that has not changed for so long is complete.
REST_S = 1

COLORS = """
root => {
  const {backgroundColor, color} = getComputedStyle(root.ownerDocument.body);
  return `background ${backgroundColor}, ink ${color}`;
}
"""


@pytest.fixture(scope="module")
def gallery() -> Iterator[str]:
    """The address of a running gallery."""
    with subprocess.Popen(
        ["node", "scripts/dev.mjs", "--port", "0"],
        cwd=FRONTEND,
        stdout=subprocess.PIPE,
        text=True,
    ) as process:
        assert process.stdout
        try:
            yield process.stdout.readline().strip()
        finally:
            process.terminate()


@pytest.fixture(scope="module")
def page(browser: Browser) -> Iterator[Page]:
    """One page for all states, which share its scripts."""
    context = browser.new_context(
        viewport=SIZE, locale="en-US", timezone_id="UTC", reduced_motion="reduce"
    )
    page = context.new_page()
    errors: list[str] = []
    page.on("pageerror", lambda error: errors.append(str(error)))
    yield page
    context.close()
    assert not errors


def address(gallery: str, state: dict[str, Any], theme: str) -> str:
    parts = [
        "keract",
        f"p.gallery.state={state['name']}",
        f"p.gallery.theme={theme}",
        *(
            f"p.keract.{key}={urllib.parse.quote(str(value), safe='')}"
            for key, value in state["state"].items()
        ),
    ]
    return f"{gallery}#{'&'.join(parts)}"


def scopes(frame: FrameLocator, state: dict[str, Any]) -> list[Locator]:
    """What the snapshot is of."""
    if state.get("body"):
        return [frame.locator("#keract")]
    # The list of runs and layers, and the step axis, are in the states of the page.
    return frame.locator(".columns > :not(.side)").all()


def snapshot(page: Page, state: dict[str, Any]) -> str:
    """Text and canvases as they are now."""
    frame = page.frame_locator("#frame")
    text: list[str] = []
    for scope in scopes(frame, state):
        text += [scope.aria_snapshot(), *scope.evaluate(CANVASES), ""]
    return "\n".join(text)


def dark_snapshot(page: Page, state: dict[str, Any]) -> str:
    """What is other in the dark theme: colours."""
    frame = page.frame_locator("#frame")
    lines = ["dark:", frame.locator("#keract").evaluate(COLORS)]
    for scope in scopes(frame, state):
        lines += scope.evaluate(CANVASES)
    return "\n".join([*lines, ""])


CHART = re.compile(r"(.*): (\d+) x (\d+), about (\d+) % drawn, (.*)")


def is_alike(stored: str, now: str) -> bool:
    """Whether two lines are the same, or of charts that differ by fonts and rounding."""
    old, new = CHART.fullmatch(stored), CHART.fullmatch(now)
    if not (old and new):
        return stored == now
    return (
        old[1] == new[1]
        and all(abs(int(new[i]) / int(old[i]) - 1) < 0.1 for i in (2, 3))
        and abs(int(new[4]) - int(old[4])) <= 10
        and any(are_near(a, b) for a in old[5].split() for b in new[5].split())
    )


def are_near(color: str, other: str) -> bool:
    """Whether two colours, a digit a channel, are the same but for a step."""
    pairs = zip(color[1:], other[1:], strict=True)
    return all(abs(int(a, 16) - int(b, 16)) <= 1 for a, b in pairs)


def with_stored_rounding(taken: str, stored: str) -> str:
    """The snapshot with the lines of charts as they are stored, where they are alike."""
    lines, old = taken.split("\n"), stored.split("\n")
    if len(lines) != len(old):
        return taken
    return "\n".join(
        before if is_alike(before, line) else line
        for line, before in zip(lines, old, strict=True)
    )


def settled(page: Page, take: Callable[[], str], stored: str) -> str:
    """The snapshot as soon as it is as stored; else the page's at rest."""
    taken = with_stored_rounding(take(), stored)
    at_rest_since = began = time.monotonic()
    while taken != stored:
        page.wait_for_timeout(50)
        now, before = time.monotonic(), taken
        taken = with_stored_rounding(take(), stored)
        if taken != before:
            at_rest_since = now
        if now - at_rest_since > REST_S or now - began > PATIENCE_S:
            break
    return taken


@pytest.mark.parametrize("state", STATES, ids=lambda state: state["name"])
def test_state_is_as_it_was(
    state: dict[str, Any], page: Page, gallery: str, request: pytest.FixtureRequest
) -> None:
    path = SNAPSHOTS / f"{state['name']}.txt"
    stored = path.read_text() if path.exists() else ""
    light, _, dark = stored.partition("dark:")
    problems: list[str] = []

    def note(message: ConsoleMessage) -> None:
        # What a server refuses, the browser notes.
        if message.type == "error" and "Failed to load resource" not in message.text:
            problems.append(message.text)

    page.on("console", note)
    page.goto(address(gallery, state, "light"))
    page.locator(f"#frame[data-state='{state['name']}']").wait_for()
    frame = page.frame_locator("#frame")
    frame.locator("#keract header").wait_for()
    if until := state.get("until"):
        frame.get_by_text(until).wait_for()
    taken = settled(page, lambda: snapshot(page, state), light)
    if state.get("dark"):
        page.locator("#theme").click()
        taken += settled(page, lambda: dark_snapshot(page, state), f"dark:{dark}")
    page.remove_listener("console", note)
    assert not problems
    if request.config.getoption("--update-snapshots"):
        path.write_text(taken)
        return
    difference = difflib.unified_diff(
        stored.splitlines(), taken.splitlines(), "stored", "now", lineterm=""
    )
    assert taken == stored, "\n".join(["The page has changed:", *difference])


def test_there_is_no_snapshot_without_a_state() -> None:
    assert {path.stem for path in SNAPSHOTS.iterdir()} == {s["name"] for s in STATES}


def test_recorded_answers_are_made_of_what_the_server_answers() -> None:
    path = FRONTEND / "gallery" / "record.py"
    assert runpy.run_path(str(path))["stale"]() == []
