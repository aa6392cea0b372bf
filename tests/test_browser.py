"""A real browser on a real TensorBoard on a real run: what is seen is what was recorded.

The pixels that are expected come from the event file, through the Python side of the
wire format and the colour maps' table alone.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from playwright.sync_api import (
    Browser,
    FrameLocator,
    Locator,
    Page,
    expect,
)

import tensorboard_keract as tk
from tensorboard_keract import metadata
from tensorboard_keract.recording import wire_format
from tests import models
from tests.browser import (
    COLORMAPS,
    COLORS,
    canvas_pixels,
    colors_of,
    hover,
    keract_url,
    open_page,
    until,
)
from tests.fixture_run import write_partial_run, write_run
from tests.reading import Event, model_of, planes_of, read_records
from tests.tensorboard_process import TensorBoard

pytestmark = pytest.mark.browser


@pytest.fixture(scope="module")
def records(digits_logdir: Path) -> list[Event]:
    return read_records(digits_logdir / "digits")


@pytest.fixture(scope="module")
def made_up_tensorboard(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The address of a TensorBoard on three runs.

    The records of `keract` hold different things, those of `run1` NaN and ±Inf, and those
    of `budget/keract` what a small budget left.
    """
    logdir = tmp_path_factory.mktemp("made_up")
    write_partial_run(logdir / "keract")
    write_run(logdir / "run1", steps=3)
    case = models.classifier()
    with tk.Recorder(
        logdir / "budget",
        case.model,
        case[1:],
        budget_bytes_per_record=600,
        budget_bytes_per_run=6000,
    ) as recorder:
        for step in range(4):
            recorder.record(step)
    with TensorBoard(logdir, tmp_path_factory.mktemp("output"), True) as process:
        process.await_runs({"keract", "run1", "budget/keract"})
        yield process.url


@pytest.fixture(scope="module")
def tensorboard(
    digits_logdir: Path, records: list[Event], tmp_path_factory: pytest.TempPathFactory
) -> Iterator[TensorBoard]:
    """One TensorBoard, for what does not depend on the loader."""
    with TensorBoard(digits_logdir, tmp_path_factory.mktemp("output"), True) as process:
        process.await_steps("digits/keract", len(records))
        process.await_steps("recurrent/keract", 1)
        yield process


def record_at(records: list[Event], step: int) -> Event:
    return next(record for record in records if record.step == step)


def expected_pixels(values, low: float, high: float, colormap: str):
    """RGB [height, width, 3] of finite values, by the definition of a colour map."""
    place = (values.astype(np.float64) - low) / (high - low)
    index = np.floor(np.clip(place, 0, 1) * 255 + 0.5).astype(int)
    return colors_of(colormap)[index]


def painted(frame: FrameLocator, path: str, step: int, kind: str) -> Locator:
    """The tiles of a tensor, once they are painted."""
    tiles = frame.locator(
        f"[data-testid=tile][data-path='{path}'][data-step='{step}'][data-kind={kind}]"
    )
    tiles.first.wait_for()
    return tiles


def assert_pixels(
    canvas: Locator, records: list[Event], domain: tuple[float, float] | None = None
) -> None:
    """A canvas shows what the event file, its own domain and colour map demand."""
    said = canvas.evaluate("canvas => ({...canvas.dataset})")
    step, sample, channel = (int(said[key]) for key in ("step", "sample", "channel"))
    values = planes_of(record_at(records, step), f"{said['kind']}/{said['path']}")
    low, high = float(said["low"]), float(said["high"])
    if domain is not None:
        np.testing.assert_allclose((low, high), domain, rtol=1e-6)
    pixels = canvas_pixels(canvas)
    expected = expected_pixels(values[sample, channel], low, high, said["colormap"])
    assert pixels.shape[:2] == expected.shape[:2]
    assert (pixels[..., 3] == 255).all()
    # Values halfway between two colours may go either way: float32 here, doubles there.
    wrong = (pixels[..., :3] != expected).any(axis=-1)
    for y, x in zip(*np.nonzero(wrong), strict=True):
        nearby = values[sample, channel, y, x] + np.array([-1e-5, 1e-5]) * (high - low)
        choices = expected_pixels(nearby, low, high, said["colormap"])
        assert pixels[y, x, :3].tolist() in choices.tolist()


def span(records: list[Event], tag: str, step: int) -> tuple[float, float]:
    header = wire_format.decode_header(record_at(records, step).values[tag][0])
    return min(header.low), max(header.high)


def scrub_to(page: Page, frame: FrameLocator, fraction: float) -> int:
    """Drags the scrubber from its place to a fraction of the axis; the step there."""
    slider = frame.get_by_test_id("step-slider")
    box = slider.bounding_box()
    assert box
    y = box["y"] + box["height"] / 2
    page.mouse.move(box["x"] + box["width"] - 24, y)
    page.mouse.down()
    page.mouse.move(box["x"] + box["width"] * 0.8, y, steps=4)
    page.mouse.move(box["x"] + 24 + (box["width"] - 48) * fraction, y, steps=8)
    page.mouse.up()
    return int(slider.get_attribute("aria-valuenow") or -1)


def test_what_is_seen_is_what_was_recorded(
    tensorboard: TensorBoard, browser: Browser, records: list[Event]
) -> None:
    check_what_is_seen(tensorboard, browser, records)


@pytest.mark.long
def test_what_is_seen_is_what_was_recorded_by_the_python_loader(
    digits_logdir: Path, browser: Browser, records: list[Event], tmp_path: Path
) -> None:
    with TensorBoard(digits_logdir, tmp_path, False) as tensorboard:
        tensorboard.await_steps("digits/keract", len(records))
        check_what_is_seen(tensorboard, browser, records)


def check_what_is_seen(
    tensorboard: TensorBoard, browser: Browser, records: list[Event]
) -> None:
    """Opens TensorBoard, picks a layer, drags the scrubber, reads every pixel."""
    steps = [record.step for record in records]
    url = keract_url(tensorboard.url)
    with open_page(browser, url, in_tensorboard=True) as (page, frame):
        frame.locator("[data-testid=layer-item][data-path=conv2] button").click()
        painted(frame, "conv2", steps[-1], "activation")

        step = scrub_to(page, frame, 0.5)
        assert step in steps[3:-3]
        assert frame.get_by_test_id("step").inner_text() == f"Step {step}"
        tiles = painted(frame, "conv2", step, "activation")
        assert tiles.count() == 32
        domain = span(records, "activation/conv2", step)
        for channel in range(32):
            assert_pixels(tiles.nth(channel), records, domain)

        # Another sample and kind: gradients are symmetric about zero.
        frame.locator("[data-testid=sample][data-sample='3']").click()
        frame.get_by_test_id("kind-activation_gradient").click()
        tiles = painted(frame, "conv2", step, "activation_gradient")
        low, high = span(records, "activation_gradient/conv2", step)
        largest = max(-low, high)
        for channel in range(0, 32, 5):
            tile = tiles.nth(channel)
            assert tile.get_attribute("data-sample") == "3"
            assert_pixels(tile, records, (-largest, largest))
            name = tile.get_attribute("data-colormap") or ""
            assert COLORMAPS[name]["kind"] == "diverging"


def test_normalisation_is_per_map_layer_or_all_steps(
    tensorboard: TensorBoard, browser: Browser, records: list[Event]
) -> None:
    step = records[4].step
    url = keract_url(tensorboard.url, {"layer": "conv1", "step": step})
    with open_page(browser, url) as (_, frame):
        tiles = painted(frame, "conv1", step, "activation")
        header = wire_format.decode_header(records[4].values["activation/conv1"][0])
        frame.get_by_test_id("normalisation-map").click()
        frame.locator(f"[data-testid=tile][data-high='{header.high[2]}']").wait_for()
        assert_pixels(tiles.nth(2), records, (header.low[2], header.high[2]))

        row = next(
            i
            for i, row in enumerate(model_of(records[0]).rows)
            if (row.kind, row.path) == ("activation", "conv1")
        )
        table = np.stack([record.values["statistics"][row] for record in records])
        lowest = table[:, metadata.STATISTICS.index("min")].min()
        highest = table[:, metadata.STATISTICS.index("max")].max()
        frame.get_by_test_id("normalisation-steps").click()
        frame.locator(f"[data-testid=tile][data-high='{highest}']").first.wait_for()
        assert_pixels(tiles.nth(2), records, (lowest, highest))
        assert_legend(frame, lowest, highest)


def assert_legend(frame: FrameLocator, low: float, high: float) -> None:
    ends = [frame.get_by_test_id(f"window-{end}") for end in ("low", "high")]
    numbers = [float(end.input_value().replace("−", "-")) for end in ends]
    np.testing.assert_allclose(numbers, (low, high), rtol=5e-3, atol=1e-6)


def test_the_colour_map_is_the_readers_choice(
    tensorboard: TensorBoard, browser: Browser, records: list[Event]
) -> None:
    url = keract_url(tensorboard.url, {"layer": "conv1"})
    with open_page(browser, url) as (page, frame):
        last = records[-1].step
        painted(frame, "conv1", last, "activation")
        for name in ("cividis", "gray"):
            frame.get_by_test_id("colormap-select").select_option(name)
            tile = frame.locator(f"[data-testid=tile][data-colormap={name}]").first
            assert_pixels(tile, records)
            # The URL follows within a moment.
            page.wait_for_function(f"location.hash.includes('{name}')")


def test_hover_reads_the_value_under_the_pointer(
    tensorboard: TensorBoard, browser: Browser, records: list[Event]
) -> None:
    step = records[-1].step
    url = keract_url(tensorboard.url, {"layer": "conv1"})
    with open_page(browser, url) as (_page, frame):
        tile = painted(frame, "conv1", step, "activation").nth(2)
        y, x = 9, 13
        hover(tile, (x + 0.5) / 24, (y + 0.5) / 24)
        text = frame.get_by_test_id("hover-readout").inner_text()
        value = planes_of(records[-1], "activation/conv1")[0, 2, y, x]
        header = wire_format.decode_header(records[-1].values["activation/conv1"][0])
        number, error = re.findall(
            r"-?\d+(?:\.\d+)?(?:e-?\d+)?", text.replace("−", "-")
        )[:2]
        assert "±" in text
        span_of_map = header.high[2] - header.low[2]
        assert float(error) == pytest.approx(span_of_map / 504, rel=0.3)
        assert float(number) == pytest.approx(value, abs=span_of_map / 504)
        assert f"y {y}" in text
        assert f"x {x}" in text
        assert "channel 2" in text


def test_keys_and_play_move_the_step(
    tensorboard: TensorBoard, browser: Browser, records: list[Event]
) -> None:
    steps = [record.step for record in records]
    url = keract_url(tensorboard.url, {"layer": "conv1"})
    with open_page(browser, url) as (page, frame):
        painted(frame, "conv1", steps[-1], "activation")
        slider = frame.get_by_test_id("step-slider")

        def at(step: int) -> None:
            frame.locator(
                f"[data-testid=step-slider][aria-valuenow='{step}']"
            ).wait_for()

        slider.focus()
        for key, step in (
            ("ArrowLeft", steps[-2]),
            ("Home", steps[0]),
            ("ArrowRight", steps[1]),
            ("PageUp", steps[-1]),
            ("PageDown", steps[0]),
            ("End", steps[-1]),
            ("Home", steps[0]),
        ):
            page.keyboard.press(key)
            at(step)
        frame.get_by_test_id("speed-select").select_option("2")
        page.keyboard.press("<")
        expect(frame.get_by_test_id("speed-select")).to_have_value("1")
        for _ in range(5):
            page.keyboard.press(">")
        expect(frame.get_by_test_id("speed-select")).to_have_value("20")
        frame.get_by_test_id("play").click()
        frame.locator(
            f"[data-testid=step-slider]:not([aria-valuenow='{steps[0]}'])"
        ).wait_for()
        frame.get_by_test_id("play").click()
        tile = frame.get_by_test_id("tile").first
        # A step that was on its way still comes; at the end it plays once more.
        until(
            lambda: (
                tile.get_attribute("data-step") == slider.get_attribute("aria-valuenow")
            )
        )


def test_numbers_stand_behind_the_maps(
    tensorboard: TensorBoard, browser: Browser, records: list[Event]
) -> None:
    step = records[-1].step
    planes = planes_of(records[-1], "activation/conv1")[0]
    with open_page(browser, keract_url(tensorboard.url, {"layer": "conv1"})) as (
        _page,
        frame,
    ):
        painted(frame, "conv1", step, "activation")
        frame.get_by_test_id("table-toggle").click()
        table = frame.get_by_test_id("map-table")
        expect(table.locator("caption")).to_have_text(f"Step {step:,}, sample 0")
        rows = table.locator("tbody tr")
        expect(rows).to_have_count(len(planes))
        name, mean, least, greatest, *_ = (
            rows.nth(2).locator("th, td").all_inner_texts()
        )
        assert name == "Channel 2"
        assert float(mean) == pytest.approx(float(planes[2].mean()), rel=0.05)
        assert float(least) == pytest.approx(float(planes[2].min()), abs=1e-3)
        assert float(greatest) == pytest.approx(float(planes[2].max()), rel=0.01)


def test_every_shape_of_tensor_is_drawn(
    tensorboard: TensorBoard, browser: Browser, records: list[Event]
) -> None:
    with open_page(browser, keract_url(tensorboard.url)) as (_page, frame):
        for layer in ("resize", "conv1", "pool1", "dense", "probs"):
            frame.locator(f"[data-testid=layer-item][data-path={layer}] button").click()
            buttons = frame.locator(".segments [data-testid^='kind-']")
            buttons.first.wait_for()
            for test_id in buttons.evaluate_all(
                "all => all.map(b => b.dataset.testid)"
            ):
                frame.get_by_test_id(test_id).click()
                kind = test_id.removeprefix("kind-")
                canvas = frame.locator(
                    f".maps-room canvas[data-kind={kind}][data-path^='{layer}']"
                ).first
                canvas.wait_for()
                assert len(np.unique(canvas_pixels(canvas).reshape(-1, 4), axis=0)) > 1


def test_a_dense_layer_is_a_grid_of_its_units(
    tensorboard: TensorBoard, browser: Browser, records: list[Event]
) -> None:
    with open_page(browser, keract_url(tensorboard.url, {"layer": "dense"})) as (
        _page,
        frame,
    ):
        canvas = frame.locator(".maps-room canvas[data-path=dense]").first
        canvas.wait_for()
        pixels = canvas_pixels(canvas)
        height, width = pixels.shape[:2]
        assert height * width >= 64
        assert math.isclose(height, width, rel_tol=1)
        values = planes_of(records[-1], "activation/dense")[0, 0, 0]
        low, high = span(records, "activation/dense", records[-1].step)
        expected = expected_pixels(values, low, high, "viridis")
        shown = pixels.reshape(-1, 4)[:64, :3]
        assert (shown == expected).mean() > 0.95


def test_a_recurrent_layer_is_units_by_time_for_each_output(
    tensorboard: TensorBoard, browser: Browser, digits_logdir: Path
) -> None:
    (record,) = read_records(digits_logdir / "recurrent")
    url = keract_url(tensorboard.url, {"run": "recurrent/keract", "layer": "lstm"})
    with open_page(browser, url) as (_, frame):
        canvas = frame.locator(".maps-room canvas[data-path='lstm:0']").first
        canvas.wait_for()
        assert canvas_pixels(canvas).shape == (5, 7, 4)
        assert_pixels(canvas, [record])
        frame.get_by_role("button", name="output 1").click()
        state = frame.locator(".maps-room canvas[data-path='lstm:1']").first
        state.wait_for()
        assert_pixels(state, [record])


def test_histograms_are_drawn_and_a_click_moves_the_step(
    tensorboard: TensorBoard, browser: Browser, records: list[Event]
) -> None:
    url = keract_url(tensorboard.url, {"view": "histograms", "layer": "conv2"})
    with open_page(browser, url) as (page, frame):
        canvas = frame.get_by_test_id("histogram-canvas")
        for mode in ("Heat map", "Ridges"):
            frame.get_by_role("button", name=mode).click()
            canvas.wait_for()
            page.wait_for_timeout(300)
            assert len(np.unique(canvas_pixels(canvas).reshape(-1, 4), axis=0)) > 10
        hover(canvas, 0.5, 0.55)
        page.mouse.down()
        page.mouse.up()
        frame.locator(
            f"[data-testid=step-slider]:not([aria-valuenow='{records[-1].step}'])"
        ).wait_for()
        hover(canvas, 0.6, 0.6)
        assert re.search(
            r"step", frame.get_by_test_id("hover-readout").inner_text(), re.I
        )


def test_a_link_restores_the_picture(
    tensorboard: TensorBoard, browser: Browser, records: list[Event]
) -> None:
    url = keract_url(tensorboard.url)
    with open_page(browser, url, in_tensorboard=True) as (page, frame):
        frame.locator("[data-testid=layer-item][data-path=conv2] button").click()
        frame.locator("[data-testid=sample][data-sample='4']").click()
        frame.get_by_test_id("kind-activation_gradient").click()
        step = scrub_to(page, frame, 0.3)
        tiles = painted(frame, "conv2", step, "activation_gradient")
        before = canvas_pixels(tiles.nth(5))
        page.wait_for_function(f"location.hash.includes('step={step}')")
        link = page.url
    with open_page(browser, link, in_tensorboard=True) as (page, frame):
        tiles = painted(frame, "conv2", step, "activation_gradient")
        np.testing.assert_array_equal(canvas_pixels(tiles.nth(5)), before)
        assert tiles.nth(5).get_attribute("data-sample") == "4"
        # A link that is followed at once after a choice wins, though the address is
        # written a little after each choice.
        frame.locator("[data-testid=layer-item][data-path=conv1] button").click()
        page.wait_for_function("!location.hash.includes('layer=conv2')")
        frame.locator("[data-testid=layer-item][data-path=dense] button").click()
        page.evaluate("link => { location.href = link; }", link)
        painted(frame, "conv2", step, "activation_gradient")


def test_the_theme_is_that_of_tensorboard(
    tensorboard: TensorBoard, browser: Browser
) -> None:
    url = keract_url(tensorboard.url, dark=True)
    with open_page(browser, url, in_tensorboard=True) as (page, frame):
        frame.get_by_test_id("step-slider").wait_for()
        assert brightness(frame) < 80
        page.evaluate("document.body.classList.remove('dark-mode')")
        frame.locator("html[data-theme=light]").wait_for()
        assert brightness(frame) > 200


def brightness(frame: FrameLocator) -> int:
    """The red of the background."""
    color = frame.locator("body").evaluate(
        "body => getComputedStyle(body).backgroundColor"
    )
    return int(re.findall(r"\d+", color)[0])


def test_nan_and_infinity_look_like_no_number(
    made_up_tensorboard: str, browser: Browser
) -> None:
    """The made-up gradients of block/conv2 hold NaN, +Inf and -Inf at its end."""
    special = COLORS["special"].values()
    wanted = {tuple(bytes.fromhex(color.lstrip("#"))) for color in special}
    assert len(wanted) == 3
    for entry in COLORMAPS.values():
        table = bytes.fromhex(entry["colors"])
        colors = {tuple(table[i : i + 3]) for i in range(0, len(table), 3)}
        assert not colors & wanted
    state = {"run": "run1", "layer": "block/conv2", "kind": "activation_gradient"}
    with open_page(browser, keract_url(made_up_tensorboard, state)) as (_, frame):
        found = set()
        for sample in range(3):
            frame.locator(f"[data-testid=sample][data-sample='{sample}']").click()
            tiles = frame.locator(f"[data-testid=tile][data-sample='{sample}']")
            tiles.first.wait_for()
            for tile in tiles.all():
                pixels = canvas_pixels(tile).reshape(-1, 4)
                found |= {tuple(pixel[:3]) for pixel in pixels.tolist()}
        assert wanted <= found
        assert "NaN" in frame.get_by_test_id("legend").inner_text()


def test_an_empty_log_directory_says_what_to_do(
    browser: Browser, tmp_path: Path
) -> None:
    logdir = tmp_path / "empty"
    logdir.mkdir()
    with (
        TensorBoard(logdir, tmp_path, True) as process,
        open_page(browser, keract_url(process.url), in_tensorboard=True) as (_, frame),
    ):
        text = frame.locator("body").filter(has_text="KeractCallback")
        text.wait_for()
        assert "model.fit" in text.inner_text()


def test_what_the_budget_left_out_is_said(
    made_up_tensorboard: str, browser: Browser
) -> None:
    url = keract_url(made_up_tensorboard, {"run": "budget/keract"})
    with open_page(browser, url) as (_, frame):
        notes = frame.get_by_test_id("run-notes")
        notes.wait_for()
        text = notes.inner_text()
        assert "the first 1 of 4 probe samples" in text
        assert "do not fit the budget of a record" in text
        assert "the run's budget of 6.0 kB is spent" in text


# The partial run, without others beside it.
PARTIAL: dict[str, object] = {"run": "keract", "beside": ","}

WATCH_PAINTED_STEPS = """body => {
  window.paintedSteps = [];
  new MutationObserver(() => {
    const tile = body.querySelector('[data-testid=tile][data-step]');
    const step = tile && Number(tile.dataset.step);
    if (tile && window.paintedSteps.at(-1) !== step) window.paintedSteps.push(step);
  }).observe(body, {subtree: true, childList: true, attributes: true});
}"""


def at_step(frame: FrameLocator, step: int) -> None:
    frame.locator(f"[data-testid=step-slider][aria-valuenow='{step}']").wait_for()


def test_steps_without_maps_say_so_and_lead_to_those_that_have(
    made_up_tensorboard: str, browser: Browser
) -> None:
    """Maps are at the steps 0, 60, 120, 180 of 0, 20 … 220."""
    url = keract_url(made_up_tensorboard, PARTIAL | {"layer": "conv1"})
    with open_page(browser, url) as (page, frame):
        # The page opens with the newest maps, though a newer record has none.
        painted(frame, "conv1", 180, "activation")
        tiles = frame.get_by_test_id("tile")
        absent = frame.get_by_test_id("absent")
        frame.get_by_test_id("step-slider").focus()
        page.keyboard.press("ArrowLeft")
        at_step(frame, 160)
        absent.wait_for()
        assert "No feature maps at step 160" in absent.inner_text()
        assert tiles.count() == 0
        frame.get_by_test_id("step-after").click()
        painted(frame, "conv1", 180, "activation")
        assert absent.count() == 0
        frame.get_by_test_id("step-slider").focus()
        for key, step in ((",", 120), (",", 60), (".", 120)):
            page.keyboard.press(key)
            painted(frame, "conv1", step, "activation")
        page.keyboard.press("End")
        at_step(frame, 220)
        absent.wait_for()
        assert frame.get_by_test_id("step-after").count() == 0
        # Playing goes from maps to maps, and ends with the last. Each is shown for too
        # short a time to be waited for from here.
        frame.locator("body").evaluate(WATCH_PAINTED_STEPS)
        page.keyboard.press(" ")
        painted(frame, "conv1", 180, "activation")
        frame.locator("[data-testid=play][aria-label=Play]").wait_for()
        seen = frame.locator("body").evaluate("() => window.paintedSteps")
        assert seen == [0, 60, 120, 180]


def test_samples_of_training_batches_are_those_of_each_step(
    made_up_tensorboard: str, browser: Browser
) -> None:
    """The batch at step 120 has three samples, others six; none has a label."""
    state = PARTIAL | {"layer": "conv1", "step": 60, "sample": 5, "tile": 2}
    with open_page(browser, keract_url(made_up_tensorboard, state)) as (page, frame):
        painted(frame, "conv1", 60, "activation")
        expect(frame.get_by_test_id("sample")).to_have_count(6)
        expect(frame.locator("h1")).to_contain_text("6 samples of the training batch")
        expect(frame.locator(".details")).to_contain_text("other samples")
        prediction = frame.locator(".prediction").inner_text()
        assert not re.search("right|wrong|label", prediction)

        frame.locator("h1").click()
        page.keyboard.press(".")
        at_step(frame, 120)
        fewer = frame.get_by_test_id("fewer-samples")
        fewer.wait_for()
        assert "Sample 5 is not stored at step 120" in fewer.inner_text()
        assert frame.get_by_test_id("tile").count() == 0
        fewer.get_by_role("button", name="Show sample 2").click()
        tiles = painted(frame, "conv1", 120, "activation")
        assert tiles.first.get_attribute("data-sample") == "2"
        # The three that there are have a picture.
        pictures = frame.locator("[data-testid=sample] canvas")
        pictures.nth(2).wait_for()
        assert pictures.count() == 3


def test_histograms_and_statistics_that_were_left_out_are_not_drawn(
    made_up_tensorboard: str, browser: Browser
) -> None:
    """Histograms are at every second record, those of gradients at 0, 80, 160."""
    state = PARTIAL | {"view": "histograms", "layer": "conv1", "step": 60}
    with open_page(browser, keract_url(made_up_tensorboard, state)) as (_, frame):
        canvas = frame.get_by_test_id("histogram-canvas")
        canvas.wait_for()
        assert canvas.get_attribute("aria-label") == "Histograms of 6 steps"
        absent = frame.get_by_test_id("absent")
        assert "No histogram of this tensor at step 60" in absent.inner_text()
        frame.get_by_test_id("tensor-activation_gradient").click()
        frame.locator("canvas[aria-label='Histograms of 3 steps']").wait_for()
        absent.get_by_test_id("step-after").click()
        at_step(frame, 80)
        absent.wait_for(state="detached")
        title = frame.locator("h1").inner_text()
        assert "9,408 of 18,816 values counted at this step (50 %)" in title
        assert "of the training batch" in title

        frame.get_by_test_id("tensor-activation").click()
        frame.locator("canvas[aria-label='Histograms of 6 steps']").wait_for()
        frame.get_by_test_id("step-slider").focus()
        frame.get_by_test_id("step-slider").press("ArrowRight")
        without = frame.get_by_test_id("no-statistics")
        without.wait_for()
        assert "No statistics at step 100" in without.inner_text()
        without.get_by_test_id("step-before").click()
        at_step(frame, 80)
        without.wait_for(state="detached")
        # A layer without rows.
        frame.locator("[data-testid=layer-item][data-path=rows] button").click()
        frame.get_by_text("No statistics or histograms are recorded").wait_for()


def test_what_happened_to_a_record_is_said_at_its_step(
    made_up_tensorboard: str, browser: Browser
) -> None:
    """Updates were skipped at the steps 40 and 140; 1 record was lost by 80, 3 by 160."""
    url = keract_url(made_up_tensorboard, PARTIAL | {"layer": "conv1", "step": 20})
    skipped = "update skipped: the loss scale backed off from NaN or ±Inf gradients"
    with open_page(browser, url) as (_, frame):
        notes = frame.get_by_test_id("run-notes")
        notes.wait_for()
        text = notes.inner_text()
        assert "lost" not in text
        assert "Maps are of the training batch, of other samples at each step." in text
        assert "of the whole tensors of the training batch" in text
        assert re.search(r"about [\d.]+ kB of maps a record \(budget 4\.2 MB\)", text)
        assert "15 records in all; budget of the run 268 MB" in text
        assert "the gradients are made up" in text
        marks = frame.get_by_test_id("skipped")
        assert [mark.get_attribute("data-step") for mark in marks.all()] == [
            "40",
            "140",
        ]
        assert skipped in (marks.first.locator("title").text_content() or "")
        note = frame.get_by_test_id("skipped-note")
        assert note.count() == 0
        slider = frame.get_by_test_id("step-slider")
        slider.press("ArrowRight")
        note.wait_for()
        assert skipped in note.inner_text()
        assert "update skipped" in (slider.get_attribute("aria-valuetext") or "")
        frame.get_by_test_id("view-histograms").click()
        note.wait_for()
        slider.press("ArrowRight")
        slider.press("ArrowRight")
        at_step(frame, 80)
        assert "1 record lost until here: writing was behind or failed" in (
            notes.inner_text()
        )
        slider.press("End")
        assert "3 records lost until here" in notes.inner_text()


def test_what_is_known_of_a_step_is_not_cut_on_a_narrow_page(
    made_up_tensorboard: str, browser: Browser
) -> None:
    state = PARTIAL | {"align": "progress", "tile": 2, "step": 180}
    url = keract_url(made_up_tensorboard, state)
    with open_page(browser, url, (1024, 768)) as (_, frame):
        frame.get_by_test_id("tile").first.wait_for()
        for view, words in (("maps", "with maps"), ("histograms", "with histograms")):
            frame.get_by_test_id(f"view-{view}").click()
            expect(frame.locator(".now .last .records")).to_contain_text(words)
            cut = frame.locator(".now").evaluate(
                """now => [now, ...now.querySelectorAll('*')].filter(
                  ({clientWidth, scrollWidth, clientHeight, scrollHeight, localName}) =>
                    localName === 'div' &&
                    (scrollWidth > clientWidth || scrollHeight > clientHeight)
                ).map((one) => one.textContent)"""
            )
            assert cut == []
