"""The Histograms view in a real browser, on runs whose histograms are known.

`run1/keract` and `run2/keract` are the fixture's; `short/keract` lacks a layer of theirs
and ends earlier. What is expected comes from the event files.
"""

from __future__ import annotations

import csv
import io
import itertools
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from playwright.sync_api import (
    Browser,
    FrameLocator,
    Locator,
    expect,
)

from tensorboard_keract import metadata
from tensorboard_keract.recording import wire_format
from tests.browser import canvas_pixels, hover, keract_url, open_page, until
from tests.fixture_run import (
    STEPS_PER_EPOCH,
    DigitsRun,
    EventFile,
    describe_model,
    model_value,
    statistics_of,
    table_values,
    write_run,
)
from tests.reading import Event, model_of, read_records
from tests.tensorboard_process import TensorBoard

pytestmark = pytest.mark.browser

STEPS = 6
LAST = (STEPS - 1) * STEPS_PER_EPOCH
SHORT_LAST = 2 * STEPS_PER_EPOCH
MODES = ("offset", "overlay", "percentiles", "heatmap")


def write_short_run(directory: Path) -> None:
    """Three records of tables alone, without any row of `block/conv2`."""
    run = DigitsRun(5, 3, broken=False)
    with EventFile(directory) as events:
        events.restart(0)
        for record in range(3):
            step = record * STEPS_PER_EPOCH
            tensors = [
                tensor
                for tensor in run.tensors(step)
                if tensor.kind != metadata.HEATMAP
                and not tensor.path.startswith("block/conv2")
            ]
            values = table_values(
                [record, record, 1, 1, 1e-3, np.nan, 0, np.nan],
                [statistics_of(run, tensor, step) for tensor in tensors],
                [wire_format.histogram(tensor.values) for tensor in tensors],
            )
            if record == 0:
                values.append(model_value(describe_model(run, tensors, 3)))
            events.write(step, 1_700_000_000.0 + record, values)


@pytest.fixture(scope="module")
def logdir(tmp_path_factory: pytest.TempPathFactory) -> Path:
    logdir = tmp_path_factory.mktemp("histograms")
    write_run(logdir / "run1" / "keract", 0, STEPS, broken=True)
    write_run(logdir / "run2" / "keract", 1, STEPS, broken=False)
    write_short_run(logdir / "short" / "keract")
    return logdir


@pytest.fixture(scope="module")
def url(logdir: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    with TensorBoard(logdir, tmp_path_factory.mktemp("output"), True) as process:
        process.await_runs({"run1/keract", "run2/keract", "short/keract"})
        yield process.url


@pytest.fixture(scope="module")
def records(logdir: Path) -> dict[str, list[Event]]:
    return {run: read_records(logdir / run) for run in ("run1", "run2", "short")}


def row_of(records: list[Event], kind: str, path: str) -> int:
    rows = [(row.kind, row.path) for row in model_of(records[0]).rows]
    return rows.index((kind, path))


def bins_of(records: list[Event], step: int, kind: str, path: str):
    """Counts of the bins at a step, [bin]."""
    (record,) = (record for record in records if record.step == step)
    return record.values["histograms"][row_of(records, kind, path)]


def number(text: str) -> float:
    """A number as the page writes it: 1,234, −0.5, 1.2×10⁻³."""
    plain = text.translate(str.maketrans("−⁻⁰¹²³⁴⁵⁶⁷⁸⁹", "--0123456789", ","))
    return float(plain.replace("×10", "e"))


def count_between(bins, low: float, high: float) -> float:
    """What the bins between the edges nearest to two values count."""
    edges = wire_format.histogram_edges()
    first, last = (np.argmin(np.abs(edges - end)) for end in (low, high))
    if low == high == 0:
        return float(bins[wire_format.BIN_ZERO])
    # Two edges are 0; those of a range begin after, or end before, the bin of zeros.
    if low == 0:
        first = int(np.flatnonzero(edges == 0)[-1])
    if high == 0:
        last = int(np.flatnonzero(edges == 0)[0])
    return float(bins[first + 1 : last + 1].sum())


def canvas_colors(canvas: Locator):
    """The opaque colours of a canvas, uint8 [color, RGB]; blended ones among them."""
    pixels = canvas_pixels(canvas).reshape(-1, 4)
    return np.unique(pixels[pixels[:, 3] == 255, :3], axis=0)


def assert_has_color(canvas: Locator, frame: FrameLocator, token: str) -> None:
    """A canvas shows a colour of the style sheet, or nearly: edges are blended."""
    wanted = frame.locator("body").evaluate(
        "(body, token) => getComputedStyle(body).getPropertyValue(token)", token
    )
    rgb = np.array(list(bytes.fromhex(wanted.strip().lstrip("#"))), int)

    def is_shown() -> bool:
        away = np.abs(canvas_colors(canvas).astype(int) - rgb).max(axis=1)
        return bool((away < 12).any())

    until(is_shown)  # Of a page that still arranges itself a chart may be a pixel high.


def chart_of(frame: FrameLocator, mode: str, axis: str = "symlog") -> Locator:
    """The chart of the run that is shown, once it is drawn so."""
    canvas = frame.locator(
        f"[data-testid=histogram-canvas][data-mode={mode}][data-axis={axis}]"
    )
    canvas.wait_for()
    return canvas


def distance_of(a, b) -> float:
    """The Jensen–Shannon distance of two histograms, in bits."""
    p, q = a / a.sum(), b / b.sum()
    mean = (p + q) / 2

    def divergence(shares) -> float:
        some = shares > 0
        return float((shares[some] * np.log2(shares[some] / mean[some])).sum())

    return np.sqrt(max(0.0, (divergence(p) + divergence(q)) / 2))


def read_outs(canvas: Locator, frame: FrameLocator) -> Iterator[str]:
    """What is said under the pointer at some places of a chart."""
    for x, y in ((0.35, 0.45), (0.55, 0.62)):
        hover(canvas, x, y)
        yield frame.get_by_test_id("hover-readout").inner_text()


def test_every_mode_is_drawn_and_reads_exact_counts(
    url: str, browser: Browser, records: dict[str, list[Event]]
) -> None:
    state = {
        "view": "histograms",
        "layer": "block/conv2",
        "tensor": "weight/kernel",
        "beside": ",",
    }
    with open_page(browser, keract_url(url, state)) as (_, frame):
        for mode, axis in itertools.product(MODES, ("symlog", "linear")):
            frame.get_by_test_id(f"mode-{mode}").click()
            frame.get_by_test_id(f"axis-{axis}").click()
            canvas = chart_of(frame, mode, axis)
            assert len(canvas_colors(canvas)) > 10
            if axis == "linear" and mode != "percentiles":
                expect(frame.locator(".explanation")).to_contain_text("per unit")
            counted = []
            for said in read_outs(canvas, frame):
                first, between, at = said.splitlines()[:3]
                ends = [
                    0 if part == "exactly 0" else number(part)
                    for part in between.split(" … ")
                ]
                step = int(at.removeprefix("step "))
                bins = bins_of(records["run1"], step, "weight", "block/conv2/kernel")
                count = count_between(bins, ends[0], ends[-1])
                assert number(first.split(" value")[0]) == count
                counted.append(count)
            assert max(counted) > 0


def test_percentiles_are_those_of_the_bins_and_leave_nan_out(
    url: str, browser: Browser, records: dict[str, list[Event]]
) -> None:
    """Compared with the inverse of the cumulative counts, by NumPy."""
    kind, path = "activation_gradient", "block/conv2"
    state = {
        "view": "histograms",
        "layer": path,
        "tensor": kind,
        "mode": "percentiles",
        "axis": "linear",
        "beside": ",",
    }
    with open_page(browser, keract_url(url, state)) as (_, frame):
        canvas = chart_of(frame, "percentiles", "linear")
        box = canvas.bounding_box()
        assert box
        # The last step is at the right, beside the names of the levels.
        canvas.hover(position={"x": box["width"] - 60, "y": box["height"] / 2})
        said = frame.get_by_test_id("hover-readout")
        text = said.inner_text()
        assert f"step {LAST}" in text
        expect(frame.locator(".explanation")).to_contain_text(
            "NaN and ±Inf are left out"
        )
        bins = bins_of(records["run1"], LAST, kind, path)
        finite = bins[1 : wire_format.BIN_POSITIVE_INF]
        assert f"without {bins.sum() - finite.sum():.0f} NaN or ±Inf" in text
        edges = wire_format.histogram_edges()
        full = np.flatnonzero(finite)
        record = records["run1"][-1]
        row = record.values["statistics"][row_of(records["run1"], kind, path)]
        low, high = (row[metadata.STATISTICS.index(name)] for name in ("min", "max"))
        places, values = [], []
        below = 0.0
        for bin_index in full:
            places += [below, below + finite[bin_index]]
            values += [edges[bin_index], edges[bin_index + 1]]
            below += finite[bin_index]
        for name, level in (("7 %", 0.07), ("31 %", 0.31), ("84 %", 0.84)):
            expected = np.interp(level * below, places, np.clip(values, low, high))
            shown = said.locator("div").filter(has_text=name).locator("dd").inner_text()
            assert number(shown) == pytest.approx(expected, rel=0.01)
        for name, extreme in (("min", low), ("max", high)):
            shown = said.locator("div").filter(has_text=name).locator("dd").inner_text()
            assert number(shown) == pytest.approx(extreme, rel=0.01)


def test_the_step_of_the_scrubber_lies_on_top_in_the_accent_colour(
    url: str, browser: Browser
) -> None:
    state = {
        "view": "histograms",
        "layer": "conv1",
        "mode": "overlay",
        "beside": ",",
    }
    with open_page(browser, keract_url(url, state)) as (_, frame):
        canvas = chart_of(frame, "overlay")
        assert_has_color(canvas, frame, "--accent")
        frame.get_by_test_id("step-slider").press("ArrowLeft")
        earlier = (
            f"[data-testid=histogram-canvas][data-step='{LAST - STEPS_PER_EPOCH}']"
        )
        frame.locator(earlier).wait_for()
        assert_has_color(canvas, frame, "--accent")


def test_runs_are_drawn_together_or_beside_each_other(
    url: str, browser: Browser
) -> None:
    """`short` ends at step 40, and has no tensor of block/conv2."""
    state = {"view": "histograms", "layer": "conv1", "mode": "overlay"}
    with open_page(browser, keract_url(url, state)) as (_, frame):
        keys = frame.get_by_test_id("run-keys")
        keys.wait_for()
        expect(keys.get_by_role("listitem")).to_have_text(
            [
                "run1",
                "run2",
                f"short at step {SHORT_LAST}",
            ]
        )
        canvas = chart_of(frame, "overlay")
        for run in range(3):
            assert_has_color(canvas, frame, f"--run-{run}")

        for mode in ("offset", "heatmap"):
            frame.get_by_test_id(f"mode-{mode}").click()
            frame.locator(f"figure:nth-child(3) canvas[data-mode={mode}]").wait_for()
            steps = [
                figure.locator("canvas").get_attribute("data-step")
                for figure in frame.locator("figure").all()
            ]
            assert steps == [str(LAST), str(LAST), str(SHORT_LAST)]
        # Half of the way through the run that is shown, and through the short one.
        frame.get_by_test_id("align-select").select_option("progress")
        frame.get_by_test_id("step-slider").press("ArrowLeft")
        frame.get_by_test_id("step-slider").press("ArrowLeft")
        expect(frame.locator("figure:nth-child(3) figcaption")).to_have_text(
            f"short at step {SHORT_LAST // 2}"
        )
        frame.locator("[data-testid=run-item][data-run='run2/keract'] input").click()
        expect(frame.locator("figure")).to_have_count(2)

        frame.locator(
            "[data-testid=layer-item][data-path='block/conv2'] button"
        ).click()
        expect(frame.get_by_test_id("absentees")).to_have_text(
            "short has no activation of block/conv2."
        )
        chart_of(frame, "heatmap")
        expect(frame.locator("figure")).to_have_count(0)


def test_the_table_and_the_csv_hold_the_numbers_behind_the_picture(
    url: str, browser: Browser, records: dict[str, list[Event]]
) -> None:
    state: dict[str, Any] = {
        "view": "histograms",
        "layer": "block/conv2",
        "tensor": "activation_gradient",
        "step": LAST,
        "beside": ",",
    }
    with open_page(browser, keract_url(url, state)) as (page, frame):
        toggle = frame.get_by_test_id("table-toggle")
        toggle.click()
        assert toggle.get_attribute("aria-pressed") == "true"
        table = frame.get_by_test_id("histogram-table")
        bins = bins_of(records["run1"], LAST, "activation_gradient", "block/conv2")
        rows = [row.inner_text().split("\t") for row in table.locator("tbody tr").all()]
        assert [number(row[-2]) for row in rows] == bins[bins > 0].tolist()
        assert [rows[0][0], rows[-2][0], rows[-1][0]] == ["−Inf", "+Inf", "NaN"]
        first = np.flatnonzero(bins > 0)[1]
        edges = wire_format.histogram_edges()
        shown = [number(cell) for cell in rows[1][:2]]
        np.testing.assert_allclose(shown, edges[first - 1 : first + 1], rtol=1e-3)
        page.wait_for_function("location.hash.includes('table=1')")

        frame.get_by_test_id("export").click()
        link = frame.get_by_test_id("export-csv").evaluate("link => link.href")
        lines = list(csv.DictReader(io.StringIO(page.request.get(link).text())))
        counts = [float(line["count"]) for line in lines if line["step"] == str(LAST)]
        assert counts == bins[bins > 0].tolist()


def test_all_layers_are_small_charts_and_a_click_opens_one(
    url: str, browser: Browser, records: dict[str, list[Event]]
) -> None:
    state = {"view": "histograms", "mode": "percentiles", "beside": ","}
    with open_page(browser, keract_url(url, state)) as (page, frame):
        chart_of(frame, "percentiles")
        asked: list[str] = []
        page.on(
            "request",
            lambda request: (
                asked.append(request.url) if "/histograms?" in request.url else None
            ),
        )
        frame.get_by_test_id("scope-all").click()
        frame.get_by_test_id("tensor-activation_gradient").click()
        cards = frame.get_by_test_id("histogram-card")
        rows = model_of(records["run1"][0]).rows
        wanted = [row.path for row in rows if row.kind == "activation_gradient"]
        expect(cards).to_have_count(len(wanted))
        assert {card.get_attribute("data-path") for card in cards.all()} == set(wanted)
        small = frame.get_by_test_id("small-histogram")
        expect(small).to_have_count(len(wanted))
        assert len(asked) <= 4
        assert len(canvas_colors(small.first)) > 10

        frame.get_by_label("Search layers").fill("conv")
        expect(cards).to_have_count(2)
        cards.last.click()
        chart_of(frame, "percentiles")
        expect(frame.locator("h1")).to_contain_text("block/conv2")
        expect(frame.locator("h1")).to_contain_text("activation gradient")
        frame.get_by_test_id("scope-all").click()
        page.wait_for_function("location.hash.includes('scope=all')")


def test_small_charts_show_all_chosen_runs_where_they_are_lines(
    url: str, browser: Browser
) -> None:
    state = {"view": "histograms", "scope": "all", "mode": "overlay"}
    with open_page(browser, keract_url(url, state)) as (_, frame):
        keys = frame.get_by_test_id("run-keys").get_by_role("listitem")
        expect(keys).to_have_text(["run1", "run2", "short"])
        conv1 = frame.locator("[data-path=conv1] [data-testid=small-histogram]")
        expect(conv1).to_have_attribute("data-runs", "3")
        for run in range(3):
            assert_has_color(conv1, frame, f"--run-{run}")
        # `short` has none of its tensors.
        other = frame.locator("[data-path='block/conv2'] canvas")
        expect(other).to_have_attribute("data-runs", "2")

        frame.get_by_test_id("mode-offset").click()
        expect(conv1).to_have_attribute("data-runs", "1")
        expect(frame.locator("h1")).to_contain_text("of run1 alone")


def test_a_and_b_are_compared_bin_by_bin_and_layers_ranked_by_their_distance(
    url: str, browser: Browser, records: dict[str, list[Event]]
) -> None:
    state = {
        "view": "histograms",
        "layer": "conv1",
        "tensor": "weight/kernel",
        "step": LAST,
        "compare": 1,
        "versus": "run2/keract",
    }
    kernels = [
        row.path
        for row in model_of(records["run1"][0]).rows
        if row.kind == "weight" and row.path.endswith("kernel")
    ]
    bins = {
        path: [
            bins_of(records[run], LAST, "weight", path).astype(float)
            for run in ("run1", "run2")
        ]
        for path in kernels
    }
    distances = {path: distance_of(a, b) for path, (a, b) in bins.items()}
    with open_page(browser, keract_url(url, state)) as (page, frame):
        canvas = frame.get_by_test_id("compared-histogram")
        expect(canvas).to_have_attribute("data-comparison", "overlay")
        for run in range(2):
            assert_has_color(canvas, frame, f"--run-{run}")
        shown = frame.get_by_test_id("pair-distance").get_attribute("data-distance")
        assert float(shown or "") == pytest.approx(distances["conv1/kernel"], abs=1e-6)
        entries = frame.get_by_test_id("ranking").get_by_role("button").all()
        ranked = {
            entry.get_attribute("data-path"): float(
                entry.get_attribute("data-distance") or ""
            )
            for entry in entries
        }
        assert list(ranked.values()) == sorted(ranked.values(), reverse=True)
        for path in kernels:
            assert ranked[path] == pytest.approx(distances[path], abs=1e-6)

        said = next(read_outs(canvas, frame)).splitlines()
        ends = [
            0 if end == "exactly 0" else number(end) for end in said[0].split(" … ")
        ]
        counts = [
            count_between(side, ends[0], ends[-1]) for side in bins["conv1/kernel"]
        ]
        assert [number(said[i].split(" value")[0]) for i in (2, 4)] == counts
        a, b = (
            count / side.sum()
            for count, side in zip(counts, bins["conv1/kernel"], strict=True)
        )
        assert number(said[6].removesuffix(" pp").replace("+", "")) == pytest.approx(
            100 * (a - b), rel=0.06
        )

        frame.get_by_test_id("table-toggle").click()
        table = frame.get_by_test_id("histogram-table").locator("tbody tr")
        expect(table).to_have_count(int((sum(bins["conv1/kernel"]) > 0).sum()))

        frame.get_by_test_id("compare-swipe").click()
        expect(canvas).to_have_attribute("data-comparison", "swipe")
        box = canvas.bounding_box()
        assert box
        canvas.hover(position={"x": box["width"] - 30, "y": 60})
        expect(canvas).to_have_attribute("data-swipe", re.compile(r"0\.9\d"))
        frame.get_by_test_id("swipe-slider").fill("0.25")
        expect(canvas).to_have_attribute("data-swipe", "0.25")
        frame.get_by_test_id("compare-flicker").click()
        frame.get_by_test_id("turn").click()  # By hand, independent of time.
        before = canvas.get_attribute("data-turn")
        page.keyboard.press("x")
        expect(canvas).not_to_have_attribute("data-turn", before or "")
        page.wait_for_function("location.hash.includes('histogramComparison=flicker')")

        last = frame.get_by_test_id("ranking").get_by_role("button").last
        path = last.get_attribute("data-path") or ""
        last.click()
        expect(frame.locator("h1")).to_contain_text(path.rpartition("/")[0])


def test_compared_layers_are_sorted_and_those_without_partner_named(
    url: str, browser: Browser
) -> None:
    """`short` has no tensor of block/conv2, and its last step is not A's."""
    state = {
        "view": "histograms",
        "layer": "block/conv2",
        "compare": 1,
        "versus": "short/keract",
    }
    with open_page(browser, keract_url(url, state)) as (page, frame):
        expect(frame.get_by_test_id("no-partner")).to_have_text(
            "short has no histogram of the activation of block/conv2"
            f" at step {SHORT_LAST}."
        )
        expect(frame.get_by_test_id("unmatched")).to_contain_text(
            "Only A has block/conv2"
        )
        frame.get_by_test_id("scope-all").click()
        cards = frame.get_by_test_id("histogram-card")
        cards.first.wait_for()
        distances = [
            float(card.locator(".caption span").inner_text()) for card in cards.all()
        ]
        assert distances == sorted(distances, reverse=True)
        frame.get_by_test_id("pair-order-model").click()
        page.wait_for_function("location.hash.includes('pairOrder=model')")
        listed = frame.locator("[data-testid=layer-item]").all()
        model = [item.get_attribute("data-path") for item in listed]
        paths = [card.get_attribute("data-path") for card in cards.all()]
        assert paths == [path for path in model if path in paths]
        assert len(paths) == len(distances)

        frame.get_by_test_id("versus-select").select_option("run1/keract")
        expect(frame.get_by_test_id("pair-keys").get_by_role("listitem")).to_have_text(
            [f"A: run1 step {LAST}", "B: run1 step 0"]
        )
        frame.locator("[data-testid=small-pair]").first.wait_for()
