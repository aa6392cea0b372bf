"""Attention in a real browser: recorded from a trained layer, shown as heads.

What is expected is what the model computes.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import keras
import numpy as np
import pytest
from playwright.sync_api import Browser, expect

import tensorboard_keract as tk
from tests.browser import canvas_pixels, colors_of, hover, keract_url, open_page
from tests.tensorboard_process import TensorBoard

pytestmark = pytest.mark.browser

SCORES = "mha/attention_scores"
HEADS, POSITIONS, MEMORY = 3, 4, 6


class Recorded(NamedTuple):
    """A run of a net whose attention has four queries and six keys.

    Attributes:
      scores: of the last record, [sample, head, query, key].
    """

    logdir: Path
    scores: np.ndarray


@pytest.fixture(scope="module")
def recorded(tmp_path_factory: pytest.TempPathFactory) -> Recorded:
    layers = keras.layers
    keras.utils.set_random_seed(0)
    query = layers.Input((POSITIONS, 5), name="query")
    memory = layers.Input((MEMORY, 5), name="memory")
    found = layers.MultiHeadAttention(HEADS, 4, name="mha")(query, memory)
    model = keras.Model([query, memory], layers.Dense(1, name="out")(found))
    model.compile(keras.optimizers.Adam(0.1), "mse")
    random = np.random.default_rng(0)
    x = [
        random.normal(size=(8, length, 5)).astype("float32")
        for length in (POSITIONS, MEMORY)
    ]
    y = x[1][:, :POSITIONS, :1]
    logdir = tmp_path_factory.mktemp("attention")
    with tk.Recorder(logdir, model, ([each[:2] for each in x], y[:2])) as recorder:
        recorder.record(0)
        model.fit(x, y, epochs=20, batch_size=8, verbose=0)
        recorder.record(20)
    first = [each[:2] for each in x]
    scores = tk.get_activations(model, first, layer_names=SCORES)[SCORES]
    return Recorded(logdir, np.asarray(scores))


@pytest.fixture(scope="module")
def tensorboard(
    recorded: Recorded,
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[TensorBoard]:
    output = tmp_path_factory.mktemp("output")
    with TensorBoard(recorded.logdir, output, True) as process:
        process.await_steps("keract", 2)
        yield process


def test_heads_are_queries_by_keys_and_a_query_is_followed_through_all(
    tensorboard: TensorBoard, browser: Browser, recorded: Recorded
) -> None:
    url = keract_url(tensorboard.url, {"layer": SCORES})
    with open_page(browser, url) as (page, frame):
        tiles = frame.locator(".maps-room [data-testid=tile][data-step='20']")
        tiles.first.wait_for()
        assert tiles.count() == HEADS
        expect(frame.locator(".tile .caption").nth(1)).to_contain_text("head 1")
        expect(frame.locator("h1")).to_contain_text("3 of 3 heads")

        # Shares have a zero and, over all steps, a whole.
        assert float(tiles.first.get_attribute("data-low") or "nan") == 0
        frame.get_by_test_id("normalisation-steps").click()
        expect(tiles.first).to_have_attribute("data-high", "1")
        shown = canvas_pixels(tiles.nth(2))[..., :3]
        places = np.rint(recorded.scores[0, 2] * 255).astype(int)
        nearby = [
            colors_of("viridis")[np.clip(places + by, 0, 255)] for by in (-1, 0, 1)
        ]
        assert (shown == nearby).all(axis=-1).any(axis=0).all()

        hover(tiles.nth(2), 4.5 / MEMORY, 1.5 / POSITIONS)
        said = frame.get_by_test_id("hover-readout")
        expect(said).to_contain_text("head 2 · query 1 · key 4")
        (text,) = re.findall(r"^(\S+) ±", said.inner_text())
        assert float(text) == pytest.approx(recorded.scores[0, 2, 1, 4], abs=0.005)
        marks = frame.get_by_test_id("query-mark")
        assert (
            marks.evaluate_all("all => all.map(one => one.dataset.query)")
            == ["1"] * HEADS
        )

        # A click keeps the query, and shows what it gives to each key.
        page.mouse.down()
        page.mouse.up()
        details = frame.locator(".details")
        expect(details).to_contain_text("Head 2")
        expect(details).to_contain_text("Query 1")
        best = recorded.scores[0, 2, 1].argmax()
        expect(details).to_contain_text(f"most, to key {best}")
        page.wait_for_function("location.hash.includes('p.keract.query=1')")

        # Another query of that head leaves it open.
        hover(tiles.nth(2), 0.1, 3.5 / POSITIONS)
        page.mouse.down()
        page.mouse.up()
        expect(details).to_contain_text("Query 3")
        expect(details).to_contain_text("Head 2")

        # By keyboard, which is the slider's as long as it has the focus.
        frame.get_by_test_id("query-slider").focus()
        page.keyboard.press("ArrowLeft")
        expect(details).to_contain_text("Query 2")
        expect(marks.first).to_have_attribute("data-query", "2")
        best = recorded.scores[0, 2, 2].argmax()
        expect(details).to_contain_text(f"most, to key {best}")
        heights = frame.locator("[data-testid=key-bars] i").evaluate_all(
            "bars => bars.map(bar => bar.getBoundingClientRect().height)"
        )
        row = recorded.scores[0, 2, 2]
        np.testing.assert_allclose(
            np.array(heights) / max(heights), row / row.max(), atol=0.03
        )
