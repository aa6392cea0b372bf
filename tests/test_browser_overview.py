"""The overview in a real browser: its pixels, alerts, lines and numbers, and their links."""

from __future__ import annotations

import re
import urllib.parse
from pathlib import Path

import numpy as np
import pytest
from playwright.sync_api import Browser, Download, FrameLocator, Locator, expect

from tensorboard_keract import metadata
from tests.browser import (
    COLORS,
    canvas_pixels,
    colors_of,
    hover,
    keract_url,
    open_page,
)
from tests.conftest import SHOWN_STEPS
from tests.reading import Event, model_of, read_records
from tests.tensorboard_process import TensorBoard

pytestmark = pytest.mark.browser


@pytest.fixture(scope="module")
def records(shown_logdir: Path) -> list[Event]:
    return read_records(shown_logdir / "run1")


def overview(shown_tensorboard: TensorBoard, **state: object) -> str:
    """The overview of the two whole runs; the partial one is left out."""
    chosen = {"view": "overview", "run": "run1/keract", "beside": "run2%2Fkeract"}
    return keract_url(shown_tensorboard.url, chosen | state)


def matrix(frame: FrameLocator, run: str) -> Locator:
    found = frame.locator(f"[data-testid=matrix][data-run='{run}/keract']")
    found.get_by_test_id("matrix-canvas").wait_for()
    return found


def statistics_of(
    records: list[Event], kind: str, name: str
) -> tuple[list[str], np.ndarray]:
    """Paths of the rows of a kind, and a statistic of them [row, step]."""
    rows = [
        (i, row.path)
        for i, row in enumerate(model_of(records[0]).rows)
        if row.kind == kind
    ]
    column = metadata.STATISTICS.index(name)
    values = np.array(
        [[event.values["statistics"][i, column] for event in records] for i, _ in rows]
    )
    return [path for _, path in rows], values


def test_a_matrix_shows_each_value_in_the_colour_of_the_legend(
    shown_tensorboard: TensorBoard, browser: Browser, records: list[Event]
) -> None:
    url = overview(shown_tensorboard, tensors="activation", statistic="l2_norm")
    with open_page(browser, url) as (_, frame):
        pixels = canvas_pixels(matrix(frame, "run1").get_by_test_id("matrix-canvas"))
        legend = frame.get_by_test_id("overview-legend")
        low, high = (
            float(legend.get_attribute(f"data-{end}") or 0) for end in ("low", "high")
        )
    paths, values = statistics_of(records, "activation", "l2_norm")
    assert pixels.shape[0] == len(paths)
    # Steps are even, so that each has an even part of the width: its middle.
    middles = ((np.arange(SHOWN_STEPS) + 0.5) * pixels.shape[1] / SHOWN_STEPS).astype(
        int
    )
    place = (np.log10(values) - low) / (high - low)
    expected = colors_of("viridis")[np.rint(np.clip(place, 0, 1) * 255).astype(int)]
    assert np.abs(pixels[:, middles, :3].astype(int) - expected).max() <= 4
    assert (pixels[..., 3] == 255).all()


def test_an_alert_names_where_and_when_and_leads_there_and_back(
    shown_tensorboard: TensorBoard, browser: Browser, records: list[Event]
) -> None:
    paths, counts = statistics_of(records, "activation_gradient", "nan_count")
    row = paths.index("block/conv2")
    first = records[int(np.flatnonzero(counts[row])[0])].step
    url = overview(shown_tensorboard)
    with open_page(browser, url, in_tensorboard=True) as (page, frame):
        alert = frame.locator("[data-testid=alert][data-rule=nonfinite]")
        expect(alert).to_have_attribute("data-run", "run1/keract")
        expect(alert).to_contain_text("block/conv2")
        expect(alert).to_contain_text(f"since step {first:,}")
        expect(
            frame.locator("[data-testid=alert-mark][data-rule=nonfinite]")
        ).to_have_count(1)
        # What is broken is no colour of the scale.
        pixels = canvas_pixels(matrix(frame, "run1").get_by_test_id("matrix-canvas"))
        special = bytes.fromhex(COLORS["special"]["nan"].removeprefix("#"))
        assert (pixels[row, -2, :3] == list(special)).all()
        alert.get_by_test_id("alert-layer").first.click()
        frame.locator(
            f"[data-testid=tile][data-path='block/conv2'][data-step='{first}']"
            "[data-kind=activation_gradient]"
        ).first.wait_for()
        page.wait_for_function("location.hash.includes('view=maps')")
        page.go_back()
        expect(frame.get_by_test_id("alerts")).to_be_visible()
        expect(frame.get_by_test_id("view-overview")).to_have_attribute(
            "aria-current", "page"
        )


def test_a_cell_says_its_value_and_opens_its_layer_at_its_step(
    shown_tensorboard: TensorBoard, browser: Browser, records: list[Event]
) -> None:
    paths, values = statistics_of(records, "activation", "mean")
    url = overview(shown_tensorboard, tensors="activation", statistic="mean")
    with open_page(browser, url) as (page, frame):
        canvas = matrix(frame, "run1").get_by_test_id("matrix-canvas")
        row, column = paths.index("conv1"), 2
        hover(canvas, (column + 0.5) / SHOWN_STEPS, (row + 0.5) / len(paths))
        said = frame.get_by_test_id("hover-readout")
        expect(said).to_contain_text("conv1")
        expect(said).to_contain_text(f"step {records[column].step}")
        number = re.search(r"Mean ([−\d.]+)", said.inner_text())
        assert number
        assert float(number[1].replace("−", "-")) == pytest.approx(
            values[row, column], rel=1e-3
        )
        page.mouse.down()
        page.mouse.up()
        frame.locator(
            f"[data-testid=tile][data-path=conv1][data-step='{records[column].step}']"
        ).first.wait_for()


def test_thresholds_are_the_readers_and_are_in_the_link(
    shown_tensorboard: TensorBoard, browser: Browser
) -> None:
    """Channel 3 of conv1 is dead in both runs: less than a quarter of its channels."""
    dead = "[data-testid=alert][data-rule=dead]"
    with open_page(browser, overview(shown_tensorboard)) as (page, frame):
        frame.get_by_test_id("alerts").wait_for()
        before = frame.locator(dead, has_text="conv1").count()
        assert before == 0
        frame.get_by_test_id("rules-button").click()
        threshold = frame.get_by_test_id("threshold-dead")
        expect(threshold).to_have_value("25")
        threshold.fill("nonsense")
        threshold.press("Enter")
        expect(threshold).to_have_value("25")
        threshold.fill("5")
        threshold.press("Enter")
        expect(frame.locator(dead)).to_have_count(2)
        expect(frame.locator(dead).first).to_contain_text("conv1")
        page.wait_for_function("location.hash.includes('dead=0.05')")
        link = page.url
    with open_page(browser, link) as (_, frame):
        expect(frame.locator(dead)).to_have_count(2)


def test_two_runs_are_taken_from_each_other(
    shown_tensorboard: TensorBoard,
    browser: Browser,
    shown_logdir: Path,
    records: list[Event],
) -> None:
    other = read_records(shown_logdir / "run2")
    paths, here = statistics_of(records, "activation", "l2_norm")
    _, there = statistics_of(other, "activation", "l2_norm")
    with open_page(browser, overview(shown_tensorboard, tensors="activation")) as (
        _,
        frame,
    ):
        expect(frame.get_by_test_id("matrix")).to_have_count(2)  # Both are loaded.
        frame.get_by_test_id("compare").click()
        expect(frame.get_by_test_id("matrix")).to_have_count(1)
        canvas = matrix(frame, "run1").get_by_test_id("matrix-canvas")
        hover(canvas, 3.5 / SHOWN_STEPS, 0.5 / len(paths))
        said = frame.get_by_test_id("hover-readout")
        expect(said).to_contain_text("A ÷ B")
        expect(said).to_contain_text(f"step {records[3].step}")
        number = re.search(r"A ÷ B = ([\d.]+)", said.inner_text())
        assert number
        assert float(number[1]) == pytest.approx(here[0, 3] / there[0, 3], rel=1e-2)
        pixels = canvas_pixels(canvas)
        high = float(
            frame.get_by_test_id("overview-legend").get_attribute("data-high") or 0
        )
        frame.get_by_test_id("compare").click()
        frame.get_by_test_id("matrix-layers").click()
        names = frame.get_by_test_id("matrix-name")
        expect(names).to_have_count(2 * len(paths))
    ratio = np.log10(here[0, 3] / there[0, 3])
    index = int(np.rint((ratio / high + 1) / 2 * 255))
    middle = int(3.5 * pixels.shape[1] / SHOWN_STEPS)
    expected = colors_of("blue_red")[index].astype(int)
    assert np.abs(pixels[0, middle, :3] - expected).max() <= 4


def test_lines_add_layers_zoom_and_move_the_step(
    shown_tensorboard: TensorBoard, browser: Browser, records: list[Event]
) -> None:
    url = overview(shown_tensorboard, tensors="activation", layer="conv1")
    with open_page(browser, url) as (page, frame):
        lines = frame.get_by_test_id("line")
        expect(lines).to_have_count(2)  # One a run.
        frame.get_by_test_id("add-line").select_option("block/conv2")
        expect(lines).to_have_count(4)
        frame.get_by_test_id("lines-chart").scroll_into_view_if_needed()
        plot = frame.locator("[data-lines='4'] .u-over")
        box = plot.bounding_box()
        assert box
        y = box["y"] + box["height"] / 2
        page.mouse.click(box["x"] + box["width"] * 0.5, y)
        middle = records[SHOWN_STEPS // 2].step
        expect(frame.get_by_test_id("step-slider")).to_have_attribute(
            "aria-valuenow", str(middle)
        )
        axis = frame.locator(".u-axis canvas, .uplot canvas").first
        before = canvas_pixels(axis)
        page.mouse.move(box["x"] + box["width"] * 0.2, y)
        page.mouse.down()
        page.mouse.move(box["x"] + box["width"] * 0.6, y, steps=5)
        page.mouse.up()
        page.wait_for_timeout(200)
        assert (canvas_pixels(axis) != before).any()
        # A drag is not a click.
        expect(frame.get_by_test_id("step-slider")).to_have_attribute(
            "aria-valuenow", str(middle)
        )


def test_the_numbers_are_a_table(
    shown_tensorboard: TensorBoard, browser: Browser, records: list[Event]
) -> None:
    paths, values = statistics_of(records, "activation", "mean")
    url = overview(
        shown_tensorboard,
        tensors="activation",
        statistic="mean",
        step=records[4].step,
        numbers=1,
    )
    with open_page(browser, url) as (_, frame):
        table = frame.get_by_test_id("numbers")
        rows = table.locator("tbody tr")
        expect(rows).to_have_count(len(paths))
        shown = [row.locator("td").first.inner_text() for row in rows.all()]
        names = [row.locator("th").inner_text() for row in rows.all()]
    assert names == paths
    numbers = [float(text.replace("−", "-")) for text in shown if "×" not in text]
    expected = [
        value
        for text, value in zip(shown, values[:, 4], strict=True)
        if "×" not in text
    ]
    np.testing.assert_allclose(numbers, expected, rtol=1e-3)


def test_runs_are_aligned_by_what_the_reader_chooses(
    shown_tensorboard: TensorBoard, browser: Browser
) -> None:
    with open_page(browser, overview(shown_tensorboard)) as (page, frame):
        ticks = frame.locator(".scrubber .tick")
        expect(ticks.last).to_have_text(re.compile(r"^\d+$"))
        for value, text in (
            ("epoch", "epoch"),
            ("progress", "%"),
            ("time", " (s|min|h)$"),
        ):
            frame.get_by_test_id("align-select").select_option(value)
            expect(ticks.last).to_have_text(re.compile(text))
        page.wait_for_function("location.hash.includes('align=time')")
        # The scrubber still stops at records alone.
        slider = frame.get_by_test_id("step-slider")
        slider.press("Home")
        expect(slider).to_have_attribute("aria-valuenow", "0")


def test_the_overview_is_walked_by_keyboard(
    shown_tensorboard: TensorBoard, browser: Browser
) -> None:
    url = keract_url(shown_tensorboard.url, {"run": "run1/keract"})
    with open_page(browser, url) as (page, frame):
        frame.get_by_test_id("tile").first.wait_for()
        frame.get_by_test_id("step-slider").focus()
        page.keyboard.press("1")
        name = frame.locator("[data-testid=matrix-name][title='block/conv2']").first
        name.focus()
        page.keyboard.press("Enter")
        expect(name).to_have_attribute("aria-pressed", "true")
        link = frame.get_by_test_id("alert-layer").first
        path = link.inner_text()
        link.focus()
        page.keyboard.press("Enter")
        expect(frame.locator("h1")).to_contain_text(path)
        page.wait_for_function(
            "path => location.hash.includes(path)",
            arg=urllib.parse.quote(f"layer={path}", safe="="),
        )


def test_tables_and_maps_are_exported_as_they_are_shown(
    shown_tensorboard: TensorBoard, browser: Browser, records: list[Event]
) -> None:
    url = overview(shown_tensorboard, tensors="activation")
    with open_page(browser, url) as (page, frame):

        def exported(name: str) -> Download:
            frame.get_by_test_id("export").click()
            with page.expect_download() as download:
                frame.get_by_role("link", name=name).click()
            return download.value

        table = exported("Statistics of run1 · CSV").path().read_text()
        paths, _ = statistics_of(records, "activation", "mean")
        assert len(table.splitlines()) == 1 + SHOWN_STEPS * len(paths)
        frame.get_by_test_id("view-maps").click()
        frame.locator("[data-testid=tile][data-step]").first.wait_for()
        values = exported("All samples as values · NPZ")
        assert values.suggested_filename.endswith(".npz")
        assert exported("Maps · PNG").path().read_bytes().startswith(b"\x89PNG")
