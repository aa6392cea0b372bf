"""What the page exports, downloaded in a real browser and opened by other programs."""

from __future__ import annotations

import csv
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from PIL import Image, ImageSequence
from playwright.sync_api import Browser, FrameLocator, Page, expect

from tensorboard_keract.recording import wire_format
from tests.browser import canvas_pixels, keract_url, open_page
from tests.fixture_run import STEPS_PER_EPOCH
from tests.reading import model_of, read_records
from tests.tensorboard_process import TensorBoard

pytestmark = pytest.mark.browser

LAST = 8 * STEPS_PER_EPOCH


def export(page: Page, frame: FrameLocator, item: str, directory: Path) -> Path:
    """Chooses an item of the menu, and returns the file under its name."""
    frame.get_by_test_id("export").click()
    return downloaded(page, frame.get_by_test_id(item).click, directory)


def downloaded(page: Page, act: Callable[[], None], directory: Path) -> Path:
    with page.expect_download() as found:
        act()
    path = directory / found.value.suggested_filename
    found.value.save_as(path)
    return path


def pixels_of(path: Path):
    """RGB [height, width, 3]."""
    with Image.open(path) as image:
        return np.asarray(image.convert("RGB")).astype(int)


@pytest.mark.parametrize("dark", [False, True], ids=["light", "dark"])
def test_a_view_is_exported_as_it_is_seen(
    shown_tensorboard: TensorBoard, browser: Browser, tmp_path: Path, dark: bool
) -> None:
    """Compared with a screenshot; one of them may smooth an edge in another way."""
    state = {
        "view": "histograms",
        "layer": "conv1",
        "run": "run1/keract",
        "compare": 1,
        "versus": "run2/keract",
        "table": 1,
    }
    url = keract_url(shown_tensorboard.url, state, dark)
    with open_page(browser, url) as (page, frame):
        frame.locator("[data-testid=compared-histogram][data-steps]").wait_for()
        # Scrolled, so that the copy must be, too.
        frame.locator(".table-room").evaluate("room => room.scrollTo(0, 60)")
        path = export(page, frame, "export-view", tmp_path)
        page.mouse.move(0, 0)
        (tmp_path / "seen.png").write_bytes(frame.locator("main").screenshot())
    assert path.name == f"histograms_run1_conv1_step_{LAST}.png"
    seen, saved = (pixels_of(one) for one in (tmp_path / "seen.png", path))
    height, width = (min(seen.shape[axis], saved.shape[axis]) for axis in (0, 1))
    assert np.abs(np.subtract(seen.shape, saved.shape)).max() <= 1
    differences = np.abs(seen[:height, :width] - saved[:height, :width]).max(axis=-1)
    assert (differences > 24).mean() < 0.02


def test_maps_over_steps_are_exported_as_an_animated_gif(
    shown_tensorboard: TensorBoard, browser: Browser, tmp_path: Path
) -> None:
    state = {"view": "maps", "layer": "conv1", "run": "run1/keract", "sample": 2}
    with open_page(browser, keract_url(shown_tensorboard.url, state)) as (page, frame):
        plane = frame.locator("[data-testid=tile][data-step] canvas, canvas[data-step]")
        plane.first.wait_for()
        shown = canvas_pixels(plane.first)
        frame.get_by_test_id("export").click()
        frame.get_by_test_id("export-film").click()
        frame.get_by_test_id("film-first").select_option(str(STEPS_PER_EPOCH))
        expect(frame.get_by_test_id("film-size")).to_contain_text("8 frames")
        path = downloaded(page, frame.get_by_test_id("film-make").click, tmp_path)
        expect(frame.get_by_role("dialog")).to_have_count(0)
    assert path.name == "run1_conv1_activation.gif"
    with Image.open(path) as film:
        assert (film.info["duration"], film.info["loop"]) == (200, 0)
        frames = [
            np.asarray(frame.convert("RGB")).astype(int)
            for frame in ImageSequence.Iterator(film)
        ]
    assert len(frames) == 8
    height, width = shown.shape[:2]
    # The first map lies below the caption; all are as large as eight in a row may be.
    background = frames[-1][-1, -1]
    rows = np.flatnonzero((frames[-1][44:, 8] != background).any(axis=-1))
    scale = (np.argmax(np.diff(rows, append=10**6) > 1) + 1) // height
    last = frames[-1][44:, 8:][: scale * height, : scale * width]
    values = last[::scale, ::scale]
    assert np.abs(values - shown[..., :3]).max() <= 4
    assert (last == np.kron(values, np.ones((scale, scale, 1), int))).all()
    assert (frames[0] != frames[-1]).any()


def test_making_a_film_can_be_cancelled(
    shown_tensorboard: TensorBoard, browser: Browser
) -> None:
    state = {"view": "maps", "layer": "conv1", "run": "run1/keract", "sample": 1}
    with open_page(browser, keract_url(shown_tensorboard.url, state)) as (page, frame):
        # Maps of several steps are never answered, so that it is still being made.
        page.route(
            lambda url: "/tensors?" in url and url.count("step=") > 1,
            lambda route: None,
        )
        frame.locator("canvas[data-step]").first.wait_for()
        frame.get_by_test_id("export").focus()
        page.keyboard.press("Enter")
        frame.get_by_test_id("export-film").focus()
        page.keyboard.press("Enter")
        frame.get_by_test_id("film-first").select_option("0")
        frame.get_by_test_id("film-make").click()
        expect(frame.locator("progress")).to_be_visible()
        frame.get_by_test_id("film-cancel").click()
        expect(frame.get_by_role("dialog")).to_have_count(0)
        page.unroute_all(behavior="ignoreErrors")


def test_compared_histograms_are_exported_as_numbers(
    shown_tensorboard: TensorBoard,
    shown_logdir: Path,
    browser: Browser,
    tmp_path: Path,
) -> None:
    state = {
        "view": "histograms",
        "layer": "conv1",
        "run": "run1/keract",
        "compare": 1,
        "versus": "run2/keract",
    }
    with open_page(browser, keract_url(shown_tensorboard.url, state)) as (page, frame):
        frame.locator("[data-testid=compared-histogram][data-steps]").wait_for()
        differences = export(page, frame, "export-differences", tmp_path)
        distances = export(page, frame, "export-distances", tmp_path)
        entries = frame.get_by_test_id("ranking").get_by_role("button").all()
        ranked = [entry.get_attribute("data-path") for entry in entries]
    sides = []
    for run in ("run1", "run2"):
        records = read_records(shown_logdir / run)
        (record,) = (record for record in records if record.step == LAST)
        rows = [(row.kind, row.path) for row in model_of(records[0]).rows]
        sides.append(record.values["histograms"][rows.index(("activation", "conv1"))])
    with differences.open() as file:
        lines = list(csv.DictReader(file))
    filled = np.flatnonzero(sides[0] + sides[1])
    assert [int(line["bin"]) for line in lines] == filled.tolist()
    for side, name in zip(sides, ("a", "b"), strict=True):
        counts = [float(line[f"count_{name}"]) for line in lines]
        assert counts == side[filled].tolist()
    shares = sides[0] / sides[0].sum() - sides[1] / sides[1].sum()
    found = [float(line["share_a_minus_b"]) for line in lines]
    np.testing.assert_allclose(found, shares[filled], atol=1e-7)
    zeros = next(line for line in lines if line["bin"] == str(wire_format.BIN_ZERO))
    assert (zeros["low"], zeros["high"]) == ("0", "0")
    with distances.open() as file:
        assert [line["path"] for line in csv.DictReader(file)] == ranked


def test_a_comparison_is_exported_as_values_and_as_a_film(
    shown_tensorboard: TensorBoard, browser: Browser, tmp_path: Path
) -> None:
    """A film of A, B and A − B: B follows A, and each frame is as the page is there."""
    state = {
        "view": "maps",
        "layer": "conv1",
        "run": "run1/keract",
        "compare": 1,
        "versus": "run2/keract",
        "sample": 2,
    }
    with open_page(browser, keract_url(shown_tensorboard.url, state)) as (page, frame):
        group = frame.get_by_test_id("group").first
        group.locator("[data-testid=plane-difference][data-step]").wait_for()
        shown = [
            canvas_pixels(group.get_by_test_id(f"plane-{side}"))[..., :3].astype(int)
            for side in ("a", "b", "difference")
        ]
        channel = group.get_attribute("data-channel")
        group.get_by_role("button").click()
        values = np.load(export(page, frame, "export-differences", tmp_path))
        frame.get_by_test_id("export").click()
        frame.get_by_test_id("export-film").click()
        frame.get_by_test_id("film-first").select_option(str(LAST - STEPS_PER_EPOCH))
        expect(frame.get_by_test_id("film-size")).to_contain_text("A, B and A − B")
        path = downloaded(page, frame.get_by_test_id("film-make").click, tmp_path)
    assert (values["a_run"], values["b_run"]) == ("run1/keract", "run2/keract")
    assert values["a_step"] == values["b_step"] == LAST
    np.testing.assert_array_equal(values["a_minus_b"], values["a"] - values["b"])
    assert path.name == f"run1_conv1_activation_channel_{channel}_a_b.gif"
    with Image.open(path) as film:
        frames = [
            np.asarray(one.convert("RGB")).astype(int)
            for one in ImageSequence.Iterator(film)
        ]
    assert len(frames) == 2
    height, width = shown[0].shape[:2]
    scale = (frames[1].shape[1] - 2 * 8 - 2) // (3 * width)
    for place, plane in enumerate(shown):
        left = (frames[1].shape[1] - 3 * scale * width - 2) // 2
        left += place * (scale * width + 1)
        drawn = frames[1][44:, left:][: scale * height, : scale * width]
        # Two maps have more colours than a palette: the rarest become like others.
        assert np.abs(drawn[::scale, ::scale] - plane).mean() < 2
