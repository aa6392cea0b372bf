"""The frame of the page in a real browser: the step axis and its marks."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from playwright.sync_api import Browser, FrameLocator, Locator, Page, expect

from tensorboard_keract import metadata, plugin_data_pb2
from tests.browser import keract_url, open_page
from tests.fixture_run import (
    START_WALL_TIME,
    STRIP,
    EventFile,
    FloatArray,
    Tensor,
    model_value,
    tensor_value,
)
from tests.tensorboard_process import TensorBoard

pytestmark = pytest.mark.browser

RECORDS = 300
NAMES = ("cat", "dog", "owl")
OUTPUTS = ("probs", "other")


def write_flipping_run(directory: Path) -> None:
    """Probabilities of two samples at the steps 0, 10, … 2990.

    The first sample goes from cat to dog at step 1000, and is NaN at 2000, where it
    becomes an owl. The second one changes between cat and dog at 2500, 2510 and 2520.
    By another output, of which neither names nor labels are known, both samples go from
    class 0 to 1 at step 1500.
    """
    classes = np.zeros((RECORDS, 2), int)
    classes[100:, 0] = 1
    classes[200:, 0] = 2
    classes[[250, 252], 1] = 1
    classes[253:, 1] = 1
    model = plugin_data_pb2.ModelDescription(
        format_version=metadata.FORMAT_VERSION,
        layers=[
            plugin_data_pb2.Layer(
                path=path,
                class_name="Dense",
                outputs=[
                    plugin_data_pb2.OutputSpec(shape=(2, 3), dtype="float32", path=path)
                ],
                activation="softmax",
                maps_recorded=True,
            )
            for path in OUTPUTS
        ],
        probe=plugin_data_pb2.Probe(
            samples=2,
            samples_recorded=2,
            labels=[1, 0],
            class_names=NAMES,
            output_paths=OUTPUTS,
        ),
    )
    with EventFile(directory) as events:
        for record in range(RECORDS):
            step, wall_time = 10 * record, START_WALL_TIME + record
            values: FloatArray = np.eye(3, dtype=np.float32)[classes[record]]
            values = values * np.float32(0.8) + np.float32(0.05)
            if record == 200:
                values[0] = np.nan
            other: FloatArray = np.eye(3, dtype=np.float32)[[int(record >= 150)] * 2]
            tensors = [
                Tensor(metadata.ACTIVATION, "probs", values, STRIP),
                Tensor(metadata.OUTPUT, "probs", values, STRIP),
                Tensor(metadata.OUTPUT, "other", other, STRIP),
            ]
            summary = [tensor_value(tensor, step, wall_time) for tensor in tensors]
            if record == 0:
                summary.append(model_value(model))
            events.write(step, wall_time, summary)


@pytest.fixture(scope="module")
def flipping(tmp_path_factory: pytest.TempPathFactory) -> Iterator[TensorBoard]:
    logdir = tmp_path_factory.mktemp("flipping")
    write_flipping_run(logdir / "run")
    with TensorBoard(logdir, tmp_path_factory.mktemp("output"), True) as process:
        process.await_steps("run", RECORDS)
        yield process


def test_changes_of_a_prediction_are_marked_named_and_reached_by_key(
    flipping: TensorBoard, browser: Browser
) -> None:
    url = keract_url(flipping.url, {"sample": 0, "step": 0})
    with open_page(browser, url) as (page, frame):
        marks = frame.get_by_test_id("flip-mark")
        # The three of the second sample are one mark; NaN is no class to change from.
        expect(marks).to_have_count(2)
        expect(marks.first).to_have_class("flip-mark own")
        expect(marks.last).to_have_class("flip-mark ")
        assert [
            (mark.get_attribute("data-step"), mark.get_attribute("data-flips"))
            for mark in marks.all()
        ] == [("1000", "1"), ("2500", "3")]

        marks.last.hover()
        read_out = frame.get_by_test_id("hover-readout")
        expect(read_out).to_contain_text("3 predictions changed")
        expect(read_out).to_contain_text("Sample 1: cat → dog (label cat), step 2,500")
        marks.first.hover()
        expect(read_out).to_contain_text("at step 1,000, after step 990")

        marks.first.click()
        expect(frame.get_by_test_id("step")).to_have_text("Step 1,000")
        here = "Sample 0: cat → dog (label dog)"
        expect(frame.get_by_test_id("flips-here")).to_have_text(here)
        expect(frame.get_by_test_id("flipped")).to_have_text("⧗ was cat at step 990")
        slider = frame.get_by_test_id("step-slider")
        assert here in (slider.get_attribute("aria-valuetext") or "")

        for key, step in (("n", 2500), ("n", 2510), ("n", 2520), ("p", 2510)):
            page.keyboard.press(key)
            expect(frame.get_by_test_id("step")).to_have_text(f"Step {step:,}")
        page.keyboard.press("ArrowLeft")
        page.keyboard.press("ArrowLeft")
        expect(frame.get_by_test_id("flips-here")).to_have_count(0)

        # Those of another output; it has neither names nor labels.
        expect(frame.get_by_label("Prediction").locator("h2 span")).to_have_text(
            "wrong"  # An owl since step 2,000.
        )
        frame.get_by_test_id("output-select").select_option("other")
        expect(marks).to_have_count(1)
        expect(marks).to_have_attribute("data-step", "1500")
        expect(frame.get_by_label("Prediction").locator("h2 span")).to_have_count(0)
        page.keyboard.press("Tab")
        page.keyboard.press("p")
        expect(frame.get_by_test_id("flips-here")).to_have_text(
            "Sample 0: 0 → 1, 1 more"
        )


def test_about_a_tensor_says_where_it_is_from_and_what_was_left_out(
    shown_tensorboard: TensorBoard, browser: Browser
) -> None:
    url = keract_url(shown_tensorboard.url, {"run": "run1/keract", "layer": "conv1"})
    with open_page(browser, url) as (page, frame):
        frame.get_by_test_id("tile").first.wait_for()
        toggle, about = frame.get_by_test_id("about-toggle"), frame.locator("#about")
        expect(toggle).to_have_attribute("aria-expanded", "false")
        expect(about).to_be_hidden()
        toggle.click()
        expect(toggle).to_have_attribute("aria-expanded", "true")
        for text in (
            "160, trainable",
            "block/conv2",
            "batch 8 × height 14 × width 14 × channel 16",
            "all 8, of the probe; sample 0 here",
            "3.1 kB before compression",
            "run run1/keract, tag activation/conv1",
            "precision uint8",
        ):
            expect(about).to_contain_text(text)
        # It stays open in the other view, and in a link.
        page.keyboard.press("4")
        expect(about).to_contain_text("tag histograms, row 1")
        page.wait_for_function("location.hash.includes('p.keract.about=1')")
        page.keyboard.press("i")
        expect(about).to_be_hidden()


def width_of(locator: Locator) -> int:
    box = locator.bounding_box()
    assert box
    return round(box["width"])


def test_panels_are_sized_by_pointer_and_key_and_leave_the_view_its_room(
    shown_tensorboard: TensorBoard, browser: Browser
) -> None:
    url = keract_url(shown_tensorboard.url, {"run": "run1/keract", "detailsWidth": 260})
    with open_page(browser, url, (1024, 700)) as (page, frame):
        frame.get_by_test_id("tile").first.wait_for()
        side, details, centre = map(frame.locator, (".side", ".details", "main"))
        divider = frame.get_by_test_id("divider-side")
        assert (width_of(side), width_of(details)) == (212, 260)

        box = divider.bounding_box()
        assert box
        x, y = box["x"] + box["width"] / 2, box["y"] + 300
        divider.hover(position={"x": box["width"] / 2, "y": 300})
        page.mouse.down()
        page.mouse.move(x + 30, y)
        expect(divider).to_have_attribute("aria-valuenow", "242")
        assert width_of(side) == 242
        assert width_of(frame.locator(".now")) == 242
        page.mouse.move(x + 600, y)
        page.mouse.up()
        expect(divider).to_have_attribute("aria-valuenow", "284")
        assert width_of(centre) == 480
        page.wait_for_function("location.hash.includes('p.keract.sideWidth=284')")

        divider.dblclick(position={"x": box["width"] / 2, "y": 300})
        expect(divider).to_have_attribute("aria-valuenow", "212")
        page.wait_for_function("!location.hash.includes('sideWidth')")

        divider.focus()
        for key, value in (("ArrowRight", 228), ("Home", 180), ("End", 284)):
            page.keyboard.press(key)
            expect(divider).to_have_attribute("aria-valuenow", str(value))
        other = frame.get_by_test_id("divider-details")
        other.focus()
        page.keyboard.press("ArrowRight")
        assert width_of(details) == 244
        # Keys that size a panel do not move the step.
        expect(frame.get_by_test_id("step")).to_have_text("Step 160")

        runs = frame.get_by_test_id("divider-runs")
        runs.focus()
        page.keyboard.press("End")
        expect(runs).to_have_attribute(
            "aria-valuenow", runs.get_attribute("aria-valuemax") or ""
        )
        page.keyboard.press("Home")
        expect(runs).to_have_attribute("aria-valuenow", "72")


# What the sheet calls them, and what Playwright does.
KEY_NAMES = {
    "←": "ArrowLeft",
    "→": "ArrowRight",
    "Page Up": "PageUp",
    "Page Down": "PageDown",
    "Space": " ",
    "Esc": "Escape",
}
# Of what has the focus, with tests of their own.
FOCUSED_KEYS = {"Ctrl + Enter", "Arrows"}


def test_each_key_of_the_sheet_is_handled(
    shown_tensorboard: TensorBoard, browser: Browser
) -> None:
    url = keract_url(shown_tensorboard.url, {"run": "run1/keract"})
    with open_page(browser, url) as (page, frame):
        frame.get_by_test_id("tile").first.wait_for()
        frame.get_by_role("button", name="Keyboard").click()
        sheet = frame.get_by_role("dialog", name="Keyboard")
        expect(sheet).to_contain_text("prediction changed, of the sample shown")
        keys = sheet.locator("kbd").all_inner_texts()
        page.keyboard.press("Escape")
        expect(sheet).to_be_hidden()
        frame.locator("html").evaluate(
            """root => {
              window.handled = [];
              window.addEventListener('keydown', (event) =>
                window.handled.push([event.key, event.defaultPrevented]));
              document.activeElement.blur();
            }"""
        )
        for key in keys:
            if key not in FOCUSED_KEYS:
                name = key.lower() if len(key) == 1 else key
                page.keyboard.press(KEY_NAMES.get(key, name))
        handled = frame.locator("html").evaluate("() => window.handled")
        assert len(handled) == len(keys) - len(FOCUSED_KEYS)
        assert [key for key, was in handled if not was] == []


def test_nothing_moves_by_itself_where_motion_is_reduced(
    shown_tensorboard: TensorBoard, browser: Browser
) -> None:
    state = {"run": "run1/keract", "compare": 1, "comparison": "flicker", "step": 0}
    with open_page(browser, keract_url(shown_tensorboard.url)) as (page, frame):
        frame.get_by_test_id("tile").first.wait_for()
        page.emulate_media(reduced_motion="reduce")
        page.goto(keract_url(shown_tensorboard.url, state))
        page.reload()
        turn = frame.get_by_role("checkbox", name="in turn")
        expect(turn).not_to_be_checked()
        # By hand both go on.
        before = frame.get_by_test_id("turn").inner_text()
        page.keyboard.press("Tab")
        frame.get_by_test_id("turn").click()
        expect(frame.get_by_test_id("turn")).not_to_have_text(before)
        frame.get_by_test_id("play").click()
        expect(frame.get_by_test_id("step")).to_have_text("Step 160")
        durations = frame.locator("main *").evaluate_all(
            "all => all.map((one) => getComputedStyle(one).transitionDuration)"
        )
        assert set(durations) == {"0s"}


class Walk:
    """Goes through the page by Tab, and sees that what has the focus shows it."""

    def __init__(self, page: Page, frame: FrameLocator) -> None:
        self._page = page
        self._frame = frame

    def to(self, target: Locator, key: str = "Tab") -> None:
        for _ in range(200):
            if self._has_focus(target):
                return
            self._page.keyboard.press(key)
        raise AssertionError(f"{key} does not lead to {target}.")

    def _has_focus(self, target: Locator) -> bool:
        focused = self._frame.locator(":focus")
        if focused.count() == 0:
            return False
        seen = focused.evaluate(
            """one => {
              const style = getComputedStyle(one);
              const line = getComputedStyle(one, '::after').backgroundColor;
              return one.matches(':focus-visible') && (style.outlineStyle !== 'none'
                || (one.matches('.divider') && line !== 'rgba(0, 0, 0, 0)'));
            }"""
        )
        assert seen, focused.evaluate("one => one.outerHTML")
        handle = target.element_handle()
        return bool(handle.evaluate("one => one === document.activeElement"))


def test_the_main_path_is_walked_by_key_alone(
    shown_tensorboard: TensorBoard, browser: Browser
) -> None:
    url = keract_url(shown_tensorboard.url, {"run": "run1/keract"})
    with open_page(browser, url) as (page, frame):
        frame.get_by_test_id("tile").first.wait_for()
        walk = Walk(page, frame)

        run = frame.locator("[data-run='run2/keract'] button")
        walk.to(run)
        page.keyboard.press("Enter")
        expect(run).to_have_attribute("aria-pressed", "true")

        layer = frame.locator("[data-testid=layer-item][data-path='block/conv2']")
        walk.to(layer.locator("button"))
        page.keyboard.press("Enter")
        expect(frame.locator("h1")).to_contain_text("block/conv2")

        walk.to(frame.get_by_test_id("kind-weight"))
        page.keyboard.press("Enter")
        expect(frame.get_by_test_id("kind-weight")).to_have_attribute(
            "aria-pressed", "true"
        )
        page.keyboard.press("ArrowLeft")
        expect(frame.get_by_test_id("step")).to_have_text("Step 140")

        frame.locator("[data-testid=tile][data-kind=weight]").first.wait_for()
        walk.to(frame.locator("button.tile").first)
        page.keyboard.press("Enter")
        expect(frame.get_by_test_id("tile-large")).to_be_visible()

        overview = frame.get_by_test_id("view-overview")
        walk.to(overview, "Shift+Tab")
        page.keyboard.press("Enter")
        alert = frame.get_by_test_id("alert").first.locator("button").first
        walk.to(alert)
        page.keyboard.press("Enter")
        # The alert has gone with its view; the way on begins where its maps are.
        expect(frame.locator("main")).to_be_focused()
        expect(frame.get_by_test_id("tile").first).to_be_visible()

        walk.to(overview, "Shift+Tab")
        page.keyboard.press("Enter")
        expect(alert).to_be_visible()


def test_part_that_could_not_be_fetched_says_so_and_comes_when_asked_again(
    browser: Browser, shown_tensorboard: TensorBoard
):
    url = keract_url(shown_tensorboard.url, {"view": "maps"})
    with open_page(browser, url, refused="Histograms-") as (page, frame):
        parts = re.compile("Histograms-.*js$")
        page.route(parts, lambda route: route.abort())
        frame.get_by_test_id("tile").first.wait_for()
        frame.get_by_test_id("view-histograms").click()
        failure = frame.get_by_role("alert")
        expect(failure).to_contain_text("This part of the page could not be fetched")
        page.unroute(parts)
        failure.get_by_role("button").click()
        expect(frame.get_by_test_id("scope-layer")).to_be_visible()
        expect(failure).to_be_hidden()


def test_parts_are_at_hand_before_they_are_asked_for(
    browser: Browser, shown_tensorboard: TensorBoard
):
    with open_page(browser, keract_url(shown_tensorboard.url)) as (page, frame):
        with page.expect_response(re.compile("StatisticChart-.*js$")):
            frame.get_by_test_id("tile").first.wait_for()
        frame.get_by_test_id("view-overview").click()
        expect(frame.get_by_test_id("lines-chart").locator("canvas")).to_be_visible()


def test_run_that_is_shown_is_in_view_among_many(
    browser: Browser, shown_tensorboard: TensorBoard
):
    # Room for one of the runs.
    state = {"run": "run2/keract", "runsHeight": 110}
    url = keract_url(shown_tensorboard.url, state)
    with open_page(browser, url) as (_, frame):
        frame.get_by_test_id("tile").first.wait_for()
        shown = frame.locator("[data-testid=run-item][data-run='run2/keract']")
        expect(shown).to_be_in_viewport(ratio=0.9)
