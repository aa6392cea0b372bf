"""The feature maps in a real browser: window, order, samples, filmstrip, RGB kernels.

What is expected is worked out from the values that were written.
"""

from __future__ import annotations

import re
import time
from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest
from playwright.sync_api import (
    Browser,
    FrameLocator,
    Locator,
    Route,
    expect,
)

from tensorboard_keract import metadata
from tests.browser import canvas_pixels, hover, keract_url, open_page
from tests.fixture_run import (
    CONV_KERNEL,
    IMAGE,
    START_WALL_TIME,
    EventFile,
    Tensor,
    smooth_noise,
    tensor_value,
    write_run,
)
from tests.tensorboard_process import TensorBoard

pytestmark = pytest.mark.browser

RECORDS = 3
LAST_STEP = (RECORDS - 1) * 20
FILM_RECORDS = 61


def wide_maps(step: int) -> np.ndarray[Any, np.dtype[np.float32]]:
    """64 channels of 64 × 64 of one sample; channel 5 is dead, 9 is constant.

    From step 0 to 10 channel 20 changes most, from 10 to 20 channel 30 does.
    """
    rng = np.random.default_rng(0)
    maps = np.abs(smooth_noise((1, 64, 64, 64), rng))
    maps[..., 20] += 3 * (step >= 10)
    maps[..., 30] += 2 * (step >= 20)
    maps[..., 5] = 0
    maps[..., 9] = 0.25
    return maps.astype(np.float32)


RGB_KERNEL = np.random.default_rng(1).normal(size=(3, 3, 3, 4)).astype(np.float32)


@pytest.fixture(scope="module")
def tensorboard(tmp_path_factory: pytest.TempPathFactory) -> Iterator[TensorBoard]:
    """A TensorBoard on two digits runs, wide maps, and a kernel over many steps."""
    logdir = tmp_path_factory.mktemp("maps")
    write_run(logdir / "run1" / "keract", 0, RECORDS, broken=False)
    write_run(logdir / "run2" / "keract", 1, RECORDS, broken=False)
    with EventFile(logdir / "wide") as events:
        for record, step in enumerate((0, 10, 20)):
            wall_time = START_WALL_TIME + record
            tensor = Tensor(metadata.ACTIVATION, "wide", wide_maps(step), IMAGE)
            events.write(step, wall_time, [tensor_value(tensor, step, wall_time)])
    with EventFile(logdir / "kernels") as events:
        for step in range(FILM_RECORDS):
            values = RGB_KERNEL * np.float32(1 + step / 10)
            tensor = Tensor(metadata.WEIGHT, "first/kernel", values, CONV_KERNEL)
            wall_time = START_WALL_TIME + step
            events.write(step, wall_time, [tensor_value(tensor, step, wall_time)])
    output = tmp_path_factory.mktemp("output")
    with TensorBoard(logdir, output, True) as process:
        process.await_runs({"run1/keract", "run2/keract", "wide", "kernels"})
        yield process


def tiles_of(frame: FrameLocator, step: int) -> Locator:
    """The tiles of a step, once they are painted."""
    tiles = frame.locator(f".maps-room [data-testid=tile][data-step='{step}']")
    tiles.first.wait_for()
    return tiles


def channels_of(tiles: Locator) -> list[int]:
    """The channels of tiles in the order of the page, those out of view among them."""
    return [
        int(channel)
        for channel in tiles.page.frame_locator("iframe[src*='name=keract']")
        .locator(".maps-room [data-testid=tile]")
        .evaluate_all("tiles => tiles.map(tile => tile.dataset.channel)")
    ]


def domain_of(tile: Locator) -> tuple[float, float]:
    """The values that a tile's colours span."""
    return (
        float(tile.get_attribute("data-low") or "nan"),
        float(tile.get_attribute("data-high") or "nan"),
    )


def pixel(canvas: Locator, x: int, y: int) -> list[int]:
    """RGBA of one value."""
    found: list[int] = canvas.evaluate(
        "(canvas, [x, y]) =>"
        " Array.from(canvas.getContext('2d').getImageData(x, y, 1, 1).data)",
        [x, y],
    )
    return found


def until_domain(frame: FrameLocator, low: float, high: float) -> None:
    # As JavaScript writes numbers: whole ones without a point.
    ends = [str(int(end) if end == int(end) else end) for end in (low, high)]
    legend = frame.get_by_test_id("legend")
    expect(legend).to_have_attribute("data-low", ends[0])
    expect(legend).to_have_attribute("data-high", ends[1])


def test_a_window_is_typed_dragged_and_reset(
    tensorboard: TensorBoard, browser: Browser
) -> None:
    state = {"run": "run1/keract", "layer": "conv1"}
    with open_page(browser, keract_url(tensorboard.url, state)) as (page, frame):
        tile = tiles_of(frame, LAST_STEP).first
        whole = domain_of(tile)
        low, high = (frame.get_by_test_id(f"window-{end}") for end in ("low", "high"))
        legend = frame.get_by_test_id("legend")
        assert "clipped" not in legend.inner_text()
        low.fill("0.25")
        low.press("Enter")
        high.fill("0.5")
        high.press("Enter")
        until_domain(frame, 0.25, 0.5)
        expect(tile).to_have_attribute("data-high", "0.5")
        assert domain_of(tile) == (0.25, 0.5)
        assert re.search(r"[\d,]+ clipped", legend.inner_text())
        page.wait_for_function("location.hash.includes('p.keract.high=0.5')")
        assert "p.keract.low=0.25" in page.url

        # What is no number, or above the other end, is refused.
        for text in ("much", "0.7"):
            low.fill(text)
            expect(low).to_have_attribute("aria-invalid", "true")
            low.press("Enter")
            expect(low).to_have_value("0.25")

        # Between the handles, both move.
        bar = frame.get_by_test_id("window-bar").bounding_box()
        assert bar
        y = bar["y"] + bar["height"] / 2
        width = bar["width"] / (whole[1] - whole[0])
        x = bar["x"] + (0.375 - whole[0]) * width
        page.mouse.move(x, y)
        page.mouse.down()
        page.mouse.move(x + 0.5 * width, y, steps=5)
        page.mouse.up()
        expect(tile).not_to_have_attribute("data-low", "0.25")
        moved = domain_of(tile)
        assert moved[1] - moved[0] == pytest.approx(0.25, abs=0.01)
        assert moved[0] == pytest.approx(0.75, abs=0.05)
        # A handle moves alone.
        x = bar["x"] + (moved[1] - whole[0]) * width
        page.mouse.move(x, y)
        page.mouse.down()
        page.mouse.move(bar["x"] + bar["width"] + 30, y, steps=5)
        page.mouse.up()
        expect(tile).to_have_attribute("data-low", str(moved[0]))
        assert domain_of(tile)[1] == pytest.approx(whole[1], rel=0.01)
        frame.get_by_test_id("window-reset").click()
        until_domain(frame, *whole)
        page.wait_for_function("!location.hash.includes('p.keract.low')")

        # Weights stay symmetric about zero, unless both ends are typed.
        frame.get_by_test_id("kind-weight").click()
        frame.locator("[data-testid=tile][data-kind=weight]").first.wait_for()
        high.fill("0.3")
        high.press("Enter")
        until_domain(frame, -0.3, 0.3)
        frame.get_by_test_id("window-grip-low").press("ArrowRight")
        expect(legend).not_to_have_attribute("data-low", "-0.3")
        least, greatest = domain_of(legend)
        assert 0 > least == -greatest > -0.3
        low.fill("-0.1")
        low.press("Enter")
        until_domain(frame, -0.1, greatest)
        # Another tensor has a range of its own.
        frame.get_by_test_id("kind-activation").click()
        until_domain(frame, *whole)


def test_a_window_repaints_all_tiles_with_their_true_pixels(
    tensorboard: TensorBoard, browser: Browser
) -> None:
    state = {"run": "wide", "layer": "wide", "size": "one"}
    url = keract_url(tensorboard.url, state)
    with open_page(browser, url, (1280, 1300)) as (_, frame):
        tiles = tiles_of(frame, 20)
        expect(tiles).to_have_count(64)
        box = tiles.first.bounding_box()
        assert box
        assert (box["width"], box["height"]) == (64, 64)
        high = frame.get_by_test_id("window-high")
        high.fill("0.75")
        high.press("Enter")
        expect(frame.locator(".maps-room [data-high='0.75']")).to_have_count(64)


def test_tiles_are_sorted_and_filtered_and_keep_their_channel(
    tensorboard: TensorBoard, browser: Browser
) -> None:
    state = {"run": "wide", "layer": "wide", "size": "s", "tile": 30}
    with open_page(browser, keract_url(tensorboard.url, state)) as (page, frame):
        tiles = tiles_of(frame, 20)
        expect(tiles).to_have_count(64)
        assert channels_of(tiles) == list(range(64))
        values = wide_maps(20)[0].astype(np.float64)
        select = frame.get_by_test_id("order-select")
        note = frame.get_by_test_id("order-note")
        select.select_option("mean")
        expect(tiles.first).to_have_attribute("data-channel", "20")
        order = channels_of(tiles)
        means = values.mean(axis=(0, 1))[order]
        assert (np.diff(means) < 2e-3).all()
        assert sorted(order) == list(range(64))
        select.select_option("zeros")
        expect(tiles.first).to_have_attribute("data-channel", "5")

        frame.get_by_test_id("filter-alive").click()
        expect(tiles).to_have_count(62)
        expect(note).to_contain_text("2 of 64 maps hidden")
        assert not {5, 9} & set(channels_of(tiles))

        # The change since the step before, and since a pinned one.
        select.select_option("change")
        expect(tiles.first).to_have_attribute("data-channel", "30")
        expect(note).to_contain_text("Δ since step 10")
        slider = frame.get_by_test_id("step-slider")
        slider.press("Home")
        tiles_of(frame, 0)
        expect(note).to_contain_text("no maps before this step")
        frame.get_by_test_id("pin").click()
        expect(note).to_contain_text("this is the pinned step")
        slider.press("End")
        tiles_of(frame, 20)
        expect(tiles_of(frame, 20).first).to_have_attribute("data-channel", "20")
        expect(note).to_contain_text("Δ since step 0")
        assert channels_of(tiles)[1] == 30
        page.wait_for_function("location.hash.includes('p.keract.pin=0')")

        # A click shows the tile that was hit, wherever it stands.
        tiles.first.click()
        expect(frame.locator(".details h2").first).to_contain_text(
            re.compile("channel 20", re.I)
        )
        frame.get_by_test_id("pin").click()
        expect(select).to_have_value("index")


# The order of the tiles at each change of the page, with the step that they show.
WATCH_ORDERS = """body => {
  window.orders = [];
  const look = () => {
    const tiles = [...body.querySelectorAll('.maps-room [data-testid=tile]')];
    if (!tiles.length || !tiles[0].dataset.step) return;
    const now = `${tiles[0].dataset.step}:${tiles[0].dataset.channel}`;
    if (window.orders.at(-1) !== now) window.orders.push(now);
  };
  new MutationObserver(look).observe(body, {
    subtree: true, childList: true, attributeFilter: ['data-step', 'data-channel'],
  });
}"""


def slowly(route: Route) -> None:
    time.sleep(0.3)
    route.continue_()


def test_the_order_does_not_flicker_while_maps_load(
    tensorboard: TensorBoard, browser: Browser
) -> None:
    """By change, channel 30 is first at step 20 and channel 20 at step 10."""
    state = {"run": "wide", "layer": "wide", "order": "change", "size": "s"}
    with open_page(browser, keract_url(tensorboard.url, state)) as (page, frame):
        # Neighbours are not there yet when the step is left.
        page.route("**/tensors?*", lambda route: route.continue_())
        tiles_of(frame, 20)
        frame.locator("body").evaluate(WATCH_ORDERS)
        frame.get_by_test_id("step-slider").press("ArrowLeft")
        expect(tiles_of(frame, 10).first).to_have_attribute("data-channel", "20")
        seen = frame.locator("body").evaluate("() => window.orders")
        assert seen[-1] == "10:20"
        assert set(seen) <= {"20:30", "10:20"}


def test_all_runs_share_one_range(tensorboard: TensorBoard, browser: Browser) -> None:
    state = {"run": "run1/keract", "layer": "conv1"}
    with open_page(browser, keract_url(tensorboard.url, state)) as (_, frame):
        tiles_of(frame, LAST_STEP)
        legend = frame.get_by_test_id("legend")

        def span(normalisation: str) -> tuple[float, float]:
            button = frame.get_by_test_id(f"normalisation-{normalisation}")
            button.click()
            expect(button).to_have_attribute("aria-pressed", "true")
            return domain_of(legend)

        alone = [span("steps")]
        both = span("runs")
        hint = frame.get_by_test_id("normalisation-runs").get_attribute("title")
        assert "2 checked runs with this tensor" in (hint or "")
        frame.locator("[data-testid=run-item][data-run='run2/keract'] .name").click()
        expect(frame.locator(".row.run.on")).to_have_attribute(
            "data-run", "run2/keract"
        )
        tiles_of(frame, LAST_STEP)
        assert span("runs") == both
        alone.append(span("steps"))
        assert alone[0] != alone[1]
        assert both == (min(a[0] for a in alone), max(a[1] for a in alone))


def test_samples_stand_side_by_side(tensorboard: TensorBoard, browser: Browser) -> None:
    state = {"run": "run1/keract", "layer": "block/conv2", "kind": "activation"}
    with open_page(browser, keract_url(tensorboard.url, state)) as (page, frame):
        tiles_of(frame, LAST_STEP)

        def sample(index: int) -> Locator:
            return frame.locator(f"[data-testid=sample][data-sample='{index}']")

        heads = frame.get_by_test_id("sample-head")
        sample(2).click(modifiers=["Shift"])
        sample(5).click(modifiers=["Control"])
        heads.nth(2).wait_for()
        page.wait_for_function("location.hash.includes('p.keract.samples=0%2C2%2C5')")
        # A row has one channel, of each sample in order.
        block = frame.locator(".sample-tiles .block:has([data-testid=tile])").nth(1)
        said = block.locator("[data-testid=tile][data-sample]")
        expect(said).to_have_count(3)
        assert said.evaluate_all(
            "tiles => tiles.map(tile => [tile.dataset.channel, tile.dataset.sample])"
        ) == [["1", "0"], ["1", "2"], ["1", "5"]]
        # The details show the one that is clicked.
        said.nth(2).click()
        large = frame.get_by_test_id("tile-large")
        expect(large).to_have_attribute("data-sample", "5")
        expect(large).to_have_attribute("data-channel", "1")
        expect(heads.nth(2)).to_be_visible()
        # By keyboard, one goes; the button takes all, and one again.
        sample(2).focus()
        page.keyboard.press("Control+Enter")
        expect(sample(2)).to_have_attribute("aria-pressed", "false")
        frame.get_by_test_id("sample-all").click()
        expect(frame.locator("[data-testid=sample][aria-pressed=true]")).to_have_count(
            8
        )
        frame.get_by_test_id("sample-all").click()
        expect(frame.locator("[data-testid=sample][aria-pressed=true]")).to_have_count(
            1
        )
        assert tiles_of(frame, LAST_STEP).first.get_attribute("data-sample") == "5"


def test_the_filmstrip_shows_channels_over_steps(
    tensorboard: TensorBoard, browser: Browser
) -> None:
    state = {"run": "kernels", "layer": "first", "kind": "weight", "step": 31}
    with open_page(browser, keract_url(tensorboard.url, state)) as (page, frame):
        frame.locator(".maps-room [data-testid=tile]").first.wait_for()
        asked: list[str] = []
        page.on("request", lambda request: asked.append(request.url))
        frame.get_by_test_id("arrangement-filmstrip").click()
        film = frame.get_by_test_id("filmstrip")
        film.wait_for()
        # One for its steps; neighbours of the step before may still be asked for.
        assert 1 <= len([url for url in asked if "/tensors?" in url]) <= 2
        heads = frame.get_by_test_id("film-step")
        steps = [int(text) for text in heads.all_inner_texts()]
        assert (steps[0], steps[-1]) == (0, FILM_RECORDS - 1)
        assert 31 in steps
        expect(film).to_contain_text(f"{len(steps)} of {FILM_RECORDS} steps")
        current = film.locator("[aria-current=step]")
        expect(current).to_have_text("31")

        # Every row has the same columns; a click goes to the step and opens the map.
        row = film.locator(".line:has([data-testid=tile])").nth(2)
        cells = row.locator("[data-testid=tile][data-step]")
        expect(cells).to_have_count(len(steps))
        frame.get_by_test_id("normalisation-steps").click()
        cells.nth(1).click()
        expect(current).to_have_text(str(steps[1]))
        large = frame.get_by_test_id("tile-large")
        expect(large).to_have_attribute("data-step", str(steps[1]))
        expect(large).to_have_attribute("data-channel", "2")
        expect(frame.locator(".details .film button")).to_have_count(8)
        heads.last.click()
        expect(current).to_have_text("60")
        # Sorted by maximum, rows stand in the order of the kernels' maxima.
        frame.get_by_test_id("order-select").select_option("max")
        greatest = int(np.argmax(RGB_KERNEL.max(axis=(0, 1)).reshape(-1)))
        first = film.locator(".line:has([data-testid=tile])").first
        expect(first.locator("[data-testid=tile]").first).to_have_attribute(
            "data-channel", str(greatest)
        )


def test_kernels_of_three_inputs_are_colour_pictures(
    tensorboard: TensorBoard, browser: Browser
) -> None:
    state = {"run": "kernels", "layer": "first", "kind": "weight", "step": 0}
    with open_page(browser, keract_url(tensorboard.url, state)) as (page, frame):
        frame.get_by_test_id("kernels-rgb").click()
        pictures = frame.locator(".maps-room [data-testid=rgb-tile]")
        expect(pictures).to_have_count(4)
        frame.locator(
            ".maps-room [data-testid=rgb-tile][data-step='0']"
        ).first.wait_for()
        expect(frame.locator(".maps-room")).to_contain_text("0 is grey")
        kernel = RGB_KERNEL[..., 2]
        reach = np.abs(kernel).max()
        expected = np.round(255 * (0.5 + kernel / reach / 2))
        for y in range(3):
            for x in range(3):
                shown = pixel(pictures.nth(2), x, y)
                # Codes are exact to a 504th of a plane's range.
                np.testing.assert_allclose(shown[:3], expected[y, x], atol=1)
                assert shown[3] == 255
        # The values are read out and shown large, an input at a time.
        pictures.nth(2).hover()
        readout = frame.get_by_test_id("hover-readout")
        expect(readout).to_contain_text("in 2:")
        expect(readout).to_contain_text("out 2")
        pictures.nth(2).click()
        details = frame.locator(".details")
        details.get_by_role("button", name="in 1").click()
        expect(details.locator("h2").first).to_contain_text(
            re.compile("in 1 · out 2", re.I)
        )
        page.wait_for_function("location.hash.includes('p.keract.kernels=rgb')")


def test_rows_of_kernels_are_sorted_by_what_their_kernels_are_together(
    tensorboard: TensorBoard, browser: Browser
) -> None:
    state = {"run": "kernels", "layer": "first", "kind": "weight", "order": "max"}
    with open_page(browser, keract_url(tensorboard.url, state)) as (_page, frame):
        labels = frame.locator(".kernel-row .label")
        labels.first.wait_for()
        # This run's rows are of inputs.
        greatest = RGB_KERNEL.max(axis=(0, 1, 3))
        expected = np.argsort(-greatest)
        assert [text.partition(" ≤")[0] for text in labels.all_inner_texts()] == [
            f"in {one}" for one in expected
        ]
        at_last = greatest[expected[0]] * (1 + (FILM_RECORDS - 1) / 10)
        expect(labels.first).to_contain_text(f"≤ {at_last:.3g}")
        first = frame.locator(".kernel-row").first.locator("[data-testid=tile]")
        expect(first.first).to_have_attribute("data-channel", str(4 * expected[0]))


def test_a_vector_over_steps_is_one_picture_of_units_by_steps(
    tensorboard: TensorBoard, browser: Browser
) -> None:
    state = {
        "run": "run1/keract",
        "layer": "dense",
        "arrangement": "filmstrip",
        "normalisation": "steps",
    }
    with open_page(browser, keract_url(tensorboard.url, state)) as (page, frame):
        picture = frame.locator("[data-testid=unit-steps] canvas[data-columns='3']")
        picture.wait_for()
        pixels = canvas_pixels(picture)
        assert pixels.shape == (64, RECORDS, 4)

        # By key from cell to cell, beginning at the scrubber's step.
        said = frame.get_by_test_id("hover-readout")
        picture.focus()
        expect(said).to_contain_text("step 40 · unit 0")
        for key in ("ArrowLeft", "ArrowDown", "PageDown", "ArrowUp"):
            page.keyboard.press(key)
        expect(said).to_contain_text("step 20 · unit 10")
        assert said.bounding_box()
        page.keyboard.press("Home")
        page.keyboard.press("Enter")
        expect(frame.get_by_test_id("step-slider")).to_have_attribute(
            "aria-valuenow", "0"
        )
        page.keyboard.press("Tab")
        expect(said).to_be_hidden()

        # The column of a step is the strip of units that the step shows alone.
        hover(picture, 1.5 / RECORDS, 5.5 / 64)
        expect(said).to_contain_text("step 20 · unit 5")
        page.mouse.down()
        page.mouse.up()
        frame.get_by_test_id("arrangement-maps").click()
        strip = tiles_of(frame, 20).first
        np.testing.assert_array_equal(canvas_pixels(strip)[0], pixels[:, 1])
