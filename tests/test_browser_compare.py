"""Two runs, or two steps of one, compared in a real browser: pixels, ranking, links."""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np
import pytest
from playwright.sync_api import Browser, FrameLocator, Page, expect

from tests.browser import canvas_pixels, colors_of, keract_url, open_page
from tests.reading import Event, planes_of, read_records
from tests.tensorboard_process import TensorBoard

pytestmark = pytest.mark.browser

SAMPLE = 2


@pytest.fixture(scope="module")
def records(shown_logdir: Path) -> dict[str, list[Event]]:
    return {run: read_records(shown_logdir / run) for run in ("run1", "run2")}


def compared(shown_tensorboard: TensorBoard, **state: object) -> str:
    chosen = {
        "run": "run1/keract",
        "beside": "run2%2Fkeract",
        "compare": 1,
        "layer": "conv1",
        "sample": SAMPLE,
        "step": 60,
    }
    return keract_url(shown_tensorboard.url, chosen | state)


def values_of(records: list[Event], step: int, tag: str) -> np.ndarray:
    record = next(record for record in records if record.step == step)
    return planes_of(record, tag)[SAMPLE]


def await_groups(page: Page, frame: FrameLocator) -> None:
    frame.locator("[data-testid=plane-a][data-step]").first.wait_for()


def test_channels_stand_by_their_change_with_their_difference(
    shown_tensorboard: TensorBoard, browser: Browser, records: dict[str, list[Event]]
) -> None:
    a = values_of(records["run1"], 60, "activation/conv1")
    b = values_of(records["run2"], 60, "activation/conv1")
    with open_page(browser, compared(shown_tensorboard)) as (page, frame):
        await_groups(page, frame)
        groups = frame.get_by_test_id("group")
        order = [
            int(group.get_attribute("data-channel") or -1) for group in groups.all()
        ]
        first = groups.first.get_by_test_id("plane-difference")
        expect(first).to_have_attribute("data-step", "60")
        pixels = canvas_pixels(first)
        high = float(first.get_attribute("data-high") or 0)
        domains = [
            groups.first.get_by_test_id(f"plane-{side}").get_attribute("data-high")
            for side in "ab"
        ]
    change = np.abs(a - b).mean(axis=(1, 2))
    # Codes leave the order of what is nearly equal open.
    assert (np.diff(change[order]) <= 1e-4).all()
    difference = (a - b)[order[0]]
    assert high == pytest.approx(np.abs(a - b).max(), rel=1e-5)
    index = np.rint((difference / high + 1) / 2 * 255).astype(int)
    expected = colors_of("blue_red")[index]
    assert np.abs(pixels[..., :3].astype(int) - expected).max() <= 4
    # A and B share their colours.
    assert domains[0] == domains[1]


def test_a_step_is_compared_with_the_first_of_its_own_run(
    shown_tensorboard: TensorBoard, browser: Browser, records: dict[str, list[Event]]
) -> None:
    first, now = (
        values_of(records["run1"], step, "activation/conv1") for step in (0, 60)
    )
    url = compared(shown_tensorboard, versus="run1/keract")
    with open_page(browser, url) as (page, frame):
        await_groups(page, frame)
        expect(frame.get_by_test_id("versus-step")).to_contain_text("its first (0)")
        plane = frame.get_by_test_id("group").first.get_by_test_id("plane-difference")
        expect(plane).to_have_attribute("data-step", "60")
        high = float(plane.get_attribute("data-high") or 0)
        assert high == pytest.approx(np.abs(now - first).max(), rel=1e-5)
        frame.get_by_test_id("versus-step").select_option("60")
        expect(frame.get_by_test_id("changes")).to_contain_text("Most changed: none")
        page.wait_for_function("location.hash.includes('versusStep=60')")


def test_swipe_follows_the_pointer_and_flicker_takes_turns(
    shown_tensorboard: TensorBoard, browser: Browser
) -> None:
    with open_page(browser, compared(shown_tensorboard)) as (page, frame):
        await_groups(page, frame)
        frame.get_by_test_id("compare-swipe").click()
        top = frame.get_by_test_id("plane-a").first
        box = top.bounding_box()
        assert box
        clips = []
        for share in (0.25, 0.75):
            page.mouse.move(
                box["x"] + share * box["width"], box["y"] + box["height"] / 2
            )
            page.wait_for_timeout(100)
            clip = top.evaluate("canvas => getComputedStyle(canvas).clipPath")
            shares = re.findall(r"([\d.]+)%", clip)
            clips.append(float(shares[-1]))
        assert clips == pytest.approx([75, 25], abs=3)
        frame.get_by_test_id("compare-flicker").click()
        frame.get_by_test_id(
            "turn"
        ).click()  # By hand, so that nothing depends on time.
        shown = frame.get_by_test_id("group").first.locator("canvas")
        before = shown.get_attribute("data-testid")
        page.keyboard.press("x")
        expect(shown).not_to_have_attribute("data-testid", before or "")


def test_a_layer_without_partner_says_so(
    shown_tensorboard: TensorBoard, browser: Browser, shown_logdir: Path
) -> None:
    """The partial run has no maps of the last layer's weight gradients at all."""
    url = compared(
        shown_tensorboard, beside="partial%2Fkeract", layer="lstm", kind="weight"
    )
    with open_page(browser, url) as (_, frame):
        frame.get_by_test_id("compare-bar").wait_for()
        found = frame.locator("[data-testid=no-partner], [data-testid=compared]")
        expect(found.first).to_be_visible()


def test_the_comparison_is_switched_by_button_and_key_in_each_view(
    shown_tensorboard: TensorBoard, browser: Browser
) -> None:
    url = compared(shown_tensorboard, compare=0)
    with open_page(browser, url) as (page, frame):
        frame.get_by_test_id("tile").first.wait_for()
        frame.get_by_test_id("compare").click()
        await_groups(page, frame)
        expect(frame.get_by_test_id("compare")).to_have_attribute(
            "aria-pressed", "true"
        )
        frame.get_by_test_id("view-overview").click()
        expect(frame.get_by_test_id("matrix")).to_have_count(1)
        frame.get_by_test_id("step-slider").focus()
        page.keyboard.press("c")
        expect(frame.get_by_test_id("matrix")).to_have_count(2)
