"""What axe-core finds wrong with the page: nothing, in each view and either theme."""

from __future__ import annotations

from pathlib import Path

import pytest
from playwright.sync_api import Browser, expect

from tests.browser import keract_url, open_page
from tests.tensorboard_process import TensorBoard

pytestmark = pytest.mark.browser

AXE = (
    Path(__file__).parents[1] / "frontend" / "node_modules" / "axe-core" / "axe.min.js"
)

# Of each view the states that add something to look at.
STATES = {
    "overview": {"view": "overview", "numbers": 1},
    "graph": {"view": "overview", "layers": "graph", "compare": 1},
    "maps": {"view": "maps", "tile": 3},
    "filmstrip": {"view": "maps", "arrangement": "filmstrip"},
    "samples": {"view": "maps", "samples": "1,2"},
    "compare": {"view": "maps", "compare": 1},
    "on-image": {"view": "maps", "onImage": 1},
    "heatmaps": {"view": "heatmaps", "heat": "grad_cam", "table": 1},
    "histograms": {"view": "histograms"},
    "compared-histograms": {"view": "histograms", "compare": 1, "table": 1},
}
SHOWN = (
    "[data-testid=matrix-canvas], [data-testid=tile][data-step],"
    " [data-testid=plane-a][data-step], [data-testid=histogram-canvas],"
    " [data-testid=compared-histogram][data-steps], [data-testid=heat-large][data-step]"
)


@pytest.mark.parametrize("name", STATES)
def test_axe_finds_nothing_wrong(
    name: str, shown_tensorboard: TensorBoard, browser: Browser
) -> None:
    url = keract_url(shown_tensorboard.url, {"run": "run1/keract", **STATES[name]})
    with open_page(browser, url) as (page, frame):
        frame.locator(SHOWN).first.wait_for()
        root = frame.locator("html")
        root.evaluate("(_, code) => { (0, eval)(code); }", AXE.read_text())
        for theme in ("light", "dark"):
            expect(root).to_have_attribute("data-theme", theme)
            found = root.evaluate(
                """async () => (await axe.run()).violations.map(
                  ({id, impact, nodes}) => [impact, id, nodes.map((one) => one.html)])"""
            )
            assert found == [], theme
            page.evaluate("document.body.classList.add('dark-mode')")
