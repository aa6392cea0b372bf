"""Heatmaps in a real browser: over images, over steps, behind text; and feature maps.

What is expected is what `Explanation.overlay` makes of the values that were written.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest
from playwright.sync_api import Browser, FrameLocator, Locator, expect

from tensorboard_keract.core.attribution.explanation import Explanation
from tensorboard_keract.drawing.colormaps import Domain, colorize, load_colormap
from tensorboard_keract.drawing.overlay import as_rgb, heat_colors, overlaid
from tests.browser import canvas_pixels, hover, keract_url, open_page
from tests.fixture_run import softmax
from tests.heat_runs import (
    CLASSES,
    LABELS,
    SIZE,
    STEPS,
    TOKENS,
    logits_at,
    shape_heat,
    shapes,
    word_heat,
    write_heat_runs,
)
from tests.tensorboard_process import TensorBoard
from tests.test_routes import read_png

pytestmark = pytest.mark.browser

# A picture of 32 pixels is drawn four times as large.
TIMES = 4
# One level of rounding, one of the stored codes of the picture, and one of a heatmap.
LEVELS = 3
METHODS = ("grad_cam", "integrated_gradients")


@pytest.fixture(scope="module")
def tensorboard(tmp_path_factory: pytest.TempPathFactory) -> Iterator[TensorBoard]:
    logdir = tmp_path_factory.mktemp("heat")
    runs = write_heat_runs(logdir)
    with TensorBoard(logdir, tmp_path_factory.mktemp("output"), True) as process:
        process.await_runs(runs)
        yield process


def test_headers_say_what_heatmaps_explain(tensorboard: TensorBoard) -> None:
    """Others have an explanation without a method; the model has the tokens."""
    at = {"run": "shapes/keract", "step": 10}
    header = tensorboard.get("header", tag="heatmap/grad_cam", **at).json()
    explanation = header["explanation"]
    scores = explanation.pop("scores")
    assert explanation == {
        "method": "grad_cam",
        "site": "conv",
        "input_path": "picture",
        "signed": False,
        "score_source": "logits",
        "target_rule": "label",
        "targets": [0, 1, 2],
        "completeness_errors": [],
    }
    np.testing.assert_allclose(scores, [1.2, 1.4, 1])
    plain = tensorboard.get("header", tag="output/probs", **at).json()
    assert plain["explanation"]["method"] == ""
    model = tensorboard.get("model", run="words/keract").json()
    assert [one["tokens"] for one in model["probe"]["tokens"]] == [*map(list, TOKENS)]


def test_exported_pictures_have_zero_in_the_middle_where_signs_matter(
    tensorboard: TensorBoard,
) -> None:
    at = {"run": "shapes/keract", "step": 10, "index": 0}
    reply = tensorboard.get("export.png", tag="heatmap/integrated_gradients", **at)
    pixels = read_png(reply.body).astype(int)
    heat = shape_heat("integrated_gradients", 10).values[0]
    assert pixels.shape[:2] == heat.shape
    # Neither blue nor red.
    calm = pixels[np.unravel_index(np.abs(heat).argmin(), heat.shape)]
    assert np.ptp(calm[:3]) < 12


def heat_of(frame: FrameLocator, method: str, sample: int, step: int) -> Locator:
    """The canvas of a heatmap, once it is painted."""
    found = frame.locator(
        f".maps-room canvas[data-path={method}][data-sample='{sample}'][data-step='{step}']"
    )
    found.wait_for()
    return found


def enlarged(pictures: Any) -> Any:
    return pictures.repeat(TIMES, 1).repeat(TIMES, 2)


def explained(method: str, step: int) -> Explanation:
    heat, about = shape_heat(method, step)
    return Explanation(
        method=method,
        heatmap=heat,
        scores=np.asarray(about.scores),
        targets=np.asarray(about.targets),
        score_source=about.score_source,
        site=about.site,
        signed=about.signed,
        x=enlarged(shapes()),
    )


def assert_like(canvas: Locator, expected: Any) -> None:
    found = canvas_pixels(canvas)[..., :3].astype(int)
    assert found.shape == expected.shape
    assert np.abs(found - expected).max() <= LEVELS


def test_pixels_are_those_of_the_overlay_at_any_opacity(
    tensorboard: TensorBoard, browser: Browser
) -> None:
    state = {"view": "heatmaps", "run": "shapes/keract", "size": "m"}
    with open_page(browser, keract_url(tensorboard.url, state)) as (page, frame):
        for method in METHODS:
            for sample in range(len(LABELS)):
                canvas = heat_of(frame, method, sample, STEPS[-1])
                assert_like(canvas, explained(method, STEPS[-1]).overlay()[sample])
        canvas = heat_of(frame, "grad_cam", 1, STEPS[-1])
        slider = frame.get_by_test_id("opacity")
        hover(slider, 0.6, 0.5)
        page.mouse.down()
        hover(slider, 0.25, 0.5)
        page.mouse.up()
        opacity = float(slider.input_value())
        assert 0.1 < opacity < 0.4
        expect(canvas).to_have_attribute("data-opacity", re.compile(f"^{opacity:g}"))
        assert_like(canvas, explained("grad_cam", STEPS[-1]).overlay(opacity)[1])
        page.wait_for_function("location.hash.includes('p.keract.opacity=')")
        page.keyboard.press("o")
        expect(canvas).to_have_attribute("data-picture", "image")
        assert_like(canvas, as_rgb(enlarged(shapes())[1]))
        frame.get_by_test_id("picture-heatmap").click()
        frame.get_by_test_id("pixelated").click()
        expect(canvas).to_have_attribute("data-picture", "heatmap")
        native = shape_heat("grad_cam", STEPS[-1]).values[1]
        times = TIMES * SIZE // len(native)
        cells = native.repeat(times, 0).repeat(times, 1)
        assert_like(canvas, heat_colors(cells, False, None)[..., :3])
        hover(canvas, 18.5 / SIZE, 18.5 / SIZE)
        said = frame.get_by_test_id("hover-readout")
        expect(said).to_contain_text("x 18 · y 18")
        value = float(said.locator("b").inner_text().split(" ± ")[0])
        np.testing.assert_allclose(value, native[4, 4], rtol=0.01)
        expect(said).to_contain_text("input ")


def bars_of(frame: FrameLocator, sample: int, step: int) -> Locator:
    bars = frame.locator(
        f"[data-testid=class-bars][data-sample='{sample}'][data-step='{step}']"
    )
    bars.wait_for()
    return bars


def test_classes_move_with_the_scrubber_and_are_marked_by_words(
    tensorboard: TensorBoard, browser: Browser
) -> None:
    state = {"view": "heatmaps", "run": "shapes/keract", "size": "m"}
    with open_page(browser, keract_url(tensorboard.url, state)) as (page, frame):
        frame.locator("h1").click()
        for step, verdict in ((STEPS[-1], "right"), (STEPS[0], "wrong")):
            bars = bars_of(frame, 2, step)
            values = bars.locator("li").evaluate_all(
                "bars => bars.map(bar => Number(bar.dataset.value))"
            )
            np.testing.assert_allclose(values, softmax(logits_at(step))[2], atol=0.003)
            expect(bars).to_contain_text(f"{verdict}")
            marked = bars.locator("li").filter(has_text="label, target")
            expect(marked).to_have_attribute("data-class", str(LABELS[2]))
            expect(marked).to_contain_text(CLASSES[LABELS[2]])
            page.keyboard.press("Home")

        # A click enlarges, with what is known of it.
        heat_of(frame, "integrated_gradients", 1, STEPS[0]).click()
        details = frame.locator(".heat-details")
        expect(details.get_by_test_id("heat-large")).to_have_attribute(
            "data-sample", "1"
        )
        expect(details.get_by_test_id("completeness")).to_contain_text("0.02 less")
        expect(details).to_contain_text(CLASSES[1])
        history = details.get_by_test_id("heat-history")
        expect(history).to_contain_text("score over steps")
        hover(history.locator("svg"), 0.66, 0.5)
        page.mouse.down()
        page.mouse.up()
        heat_of(frame, "integrated_gradients", 1, STEPS[2])
        page.wait_for_function("location.hash.includes('p.keract.heat=integrated')")
        page.keyboard.press("Escape")
        expect(details).to_have_count(0)

        # The site leads to its feature maps.
        frame.locator(".method .link").first.click()
        frame.locator("[data-testid=tile][data-path=conv]").first.wait_for()


def test_methods_and_samples_over_steps_with_one_range(
    tensorboard: TensorBoard, browser: Browser
) -> None:
    state = {
        "view": "heatmaps",
        "run": "shapes/keract",
        "heatmaps": "samples",
        "size": "s",
    }
    with open_page(browser, keract_url(tensorboard.url, state)) as (page, frame):
        canvas = heat_of(frame, "grad_cam", 2, STEPS[0])
        assert frame.get_by_test_id("film-step").count() == len(STEPS)
        frame.get_by_test_id("range-steps").click()
        top = max(float(shape_heat("grad_cam", step).values.max()) for step in STEPS)
        expect(frame.get_by_test_id("heat-legend")).to_contain_text(f"{top:.2g}")
        assert float(canvas.get_attribute("data-high") or 0) == pytest.approx(top)
        frame.locator("[data-method=integrated_gradients]").click()
        heat_of(frame, "integrated_gradients", 2, STEPS[1])
        frame.get_by_test_id("heatmaps-methods").click()
        page.keyboard.press("]")
        for method in METHODS:
            heat_of(frame, method, 1, STEPS[1])
        frame.get_by_test_id("film-step").nth(1).click()
        expect(frame.get_by_test_id("film-step").nth(1)).to_have_attribute(
            "aria-current", "step"
        )
        frame.get_by_test_id("heatmaps-grid").click()
        frame.locator("[data-method=grad_cam]").click()
        frame.locator("[data-testid=row][data-sample='2']").click()
        heat_of(frame, "integrated_gradients", 2, STEPS[1])
        expect(frame.get_by_test_id("heat-tile")).to_have_count(1)
        frame.get_by_test_id("table-toggle").click()
        row = frame.get_by_test_id("heat-table").locator("tbody tr")
        expect(row).to_have_count(1)
        expect(row).to_contain_text("cross")


def luminance(color: str) -> float:
    levels = [int(level) / 255 for level in re.findall(r"\d+", color)[:3]]
    linear = [
        c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in levels
    ]
    return float(np.dot(linear, (0.2126, 0.7152, 0.0722)))


def test_tokens_lie_on_colours_that_leave_them_legible(
    tensorboard: TensorBoard, browser: Browser
) -> None:
    state = {"view": "heatmaps", "run": "words/keract", "table": 1}
    with open_page(browser, keract_url(tensorboard.url, state)) as (page, frame):
        texts = frame.get_by_test_id("heat-text")
        expect(texts).to_have_count(2)
        for theme in ("light", "dark"):
            expect(texts.first).to_have_attribute("data-theme", theme)
            for sample, tokens in enumerate(TOKENS):
                found = (
                    texts.nth(sample)
                    .locator("span")
                    .evaluate_all(
                        """spans => spans.map(span => {
                      const {backgroundColor, color} = getComputedStyle(span);
                      return [span.textContent, backgroundColor, color];
                    })"""
                    )
                )
                assert [word for word, _, _ in found] == [*filter(None, tokens)]
                for _, ground, ink in found:
                    high, low = sorted(map(luminance, (ground, ink)), reverse=True)
                    assert (high + 0.05) / (low + 0.05) >= 4.5
                # What counts nothing has one colour, what counts most another.
                heat = word_heat()[sample, : len(found)]
                grounds = [ground for _, ground, _ in found]
                assert (
                    len({g for g, h in zip(grounds, heat, strict=True) if h == 0}) == 1
                )
                assert grounds[int(np.abs(heat).argmax())] not in {
                    g for g, h in zip(grounds, heat, strict=True) if h == 0
                }
            page.evaluate("document.body.classList.add('dark-mode')")
        hover(texts.first.locator("span").nth(2), 0.5, 0.5)
        said = frame.get_by_test_id("hover-readout")
        expect(said).to_contain_text("token 2 “dull”")
        expect(frame.get_by_test_id("heat-table").first).to_contain_text("dull")
        frame.get_by_test_id("heatmaps-methods").click()
        expect(frame.get_by_test_id("film-step")).to_have_count(2)
        expect(texts).to_have_count(2)


def test_series_runs_without_a_model_and_runs_without_heatmaps(
    tensorboard: TensorBoard, browser: Browser
) -> None:
    state = {"view": "heatmaps", "run": "signal/keract"}
    with open_page(browser, keract_url(tensorboard.url, state)) as (page, frame):
        curve = frame.get_by_test_id("heat-curve").first
        expect(curve).to_have_attribute("data-path", "grad_cam")
        hover(curve, 0.5, 0.5)
        expect(frame.get_by_test_id("hover-readout")).to_contain_text("time 24")
        frame.get_by_role("button", name="alone", exact=True).click()
        canvas = frame.locator("canvas[data-path=mine][data-sample='0']")
        canvas.wait_for()
        heat = shape_heat("grad_cam", 30).values
        mine = explained("grad_cam", 30)
        assert_like(canvas, mine.overlay()[0])
        assert heat.shape == (3, 8, 8)
        frame.get_by_test_id("export").click()
        link = frame.get_by_test_id("export-heatmap")
        with page.expect_download() as download:
            link.click()
        with np.load(download.value.path()) as stored:
            found = stored["values"]
        np.testing.assert_allclose(found[:, 0], heat, atol=0.005)


def test_feature_maps_lie_on_the_image_by_one_click(
    tensorboard: TensorBoard, browser: Browser
) -> None:
    state = {"run": "shapes/keract", "layer": "conv", "normalisation": "map"}
    with open_page(browser, keract_url(tensorboard.url, state)) as (page, frame):
        tile = frame.locator("[data-testid=tile][data-channel='3']")
        tile.wait_for()
        assert canvas_pixels(tile).shape[:2] == (8, 8)
        frame.get_by_test_id("on-image").click()
        expect(tile).to_have_attribute("data-over", "image")
        values = explained("grad_cam", STEPS[-1]).resized()[0] * 4
        low, high = (
            float(tile.get_attribute(f"data-{end}") or 0) for end in ("low", "high")
        )
        colors = colorize(values, Domain(low, high), load_colormap("viridis"))
        colors[..., 3] = np.round(255 * np.clip(values / high, 0, 1))
        assert_like(tile, overlaid(as_rgb(enlarged(shapes())[0]), colors, 0.7))
        page.wait_for_function("location.hash.includes('p.keract.onImage=1')")
        frame.get_by_test_id("on-image").click()
        expect(tile).to_have_attribute("data-over", "")
        assert canvas_pixels(tile).shape[:2] == (8, 8)
