"""Takes the pictures of the documentation, in a real TensorBoard.

    python docs/screenshots.py [--log-dir DIR] [--output docs/images] [--all]

Without `--log-dir` the digits example is run twice first. `--all` takes every view in both themes
and both sizes, to be looked at; else only the pictures that the README shows.
"""

from __future__ import annotations

import argparse
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import NamedTuple

from playwright.sync_api import Browser, sync_playwright

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

from tests.browser import keract_url, launch, open_page  # noqa: E402
from tests.tensorboard_process import TensorBoard  # noqa: E402


class Picture(NamedTuple):
    """A state of the page: the name of the picture, and the page's URL parameters."""

    name: str
    state: dict[str, str]


PICTURES = [
    Picture("overview", {"view": "overview", "layer": "dense", "step": "150"}),
    Picture(
        "overview-compared",
        {
            "view": "overview",
            "compare": "1",
            "tensors": "activation",
            "layers": "graph",
        },
    ),
    Picture("heatmaps", {"view": "heatmaps", "step": "60"}),
    Picture("heatmaps-over-steps", {"view": "heatmaps", "heatmaps": "methods"}),
    Picture("on-image", {"layer": "conv2", "onImage": "1", "sample": "3"}),
    Picture("compare", {"layer": "conv1", "compare": "1", "sample": "3"}),
    Picture("swipe", {"layer": "conv2", "compare": "1", "comparison": "swipe"}),
    Picture("filmstrip", {"layer": "conv2", "arrangement": "filmstrip", "sample": "3"}),
    Picture("samples", {"layer": "conv1", "samples": "0,3,8"}),
    Picture(
        "feature-maps", {"layer": "conv1", "step": "150", "sample": "3", "tile": "8"}
    ),
    Picture(
        "gradients",
        {"layer": "conv2", "kind": "activation_gradient", "step": "20", "sample": "8"},
    ),
    Picture("histograms", {"view": "histograms", "layer": "conv2", "step": "100"}),
    Picture("kernels", {"layer": "conv1", "kind": "weight"}),
    Picture("kernels-in-out", {"layer": "conv2", "kind": "weight"}),
    Picture("dense", {"layer": "dense"}),
    Picture("dense-weight", {"layer": "dense", "kind": "weight"}),
    Picture("probabilities", {"layer": "probs", "step": "30"}),
    Picture(
        "histogram-overlay",
        {"view": "histograms", "layer": "dense", "mode": "overlay"},
    ),
    Picture(
        "histogram-percentiles",
        {"view": "histograms", "layer": "conv2", "mode": "percentiles"},
    ),
    Picture(
        "histogram-all",
        {"view": "histograms", "scope": "all", "mode": "offset"},
    ),
    Picture(
        "histogram-heatmap",
        {"view": "histograms", "layer": "dense", "mode": "heatmap"},
    ),
]
IN_README = [
    ("feature-maps", True),
    ("overview", False),
    ("compare", False),
    ("heatmaps", True),
    ("histograms", True),
]
DRAWN = (
    "[data-testid=tile], [data-testid=histogram-canvas], [data-testid=matrix-canvas],"
    " [data-testid=plane-a], [data-testid=heat]"
)
SIZES = [(1280, 800), (1920, 1080)]


def take(
    browser: Browser,
    url: str,
    picture: Picture,
    dark: bool,
    size: tuple[int, int],
    path: Path,
) -> None:
    """Opens the page in a state and saves what it shows."""
    address = keract_url(url, picture.state, dark)
    with open_page(browser, address, size, in_tensorboard=True) as (page, frame):
        frame.locator(DRAWN).first.wait_for()
        page.wait_for_timeout(2000)  # Until all tiles are painted and settled.
        page.screenshot(path=path)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--log-dir", type=Path)
    parser.add_argument("--output", type=Path, default=ROOT / "docs" / "images")
    parser.add_argument("--all", action="store_true")
    arguments = parser.parse_args()
    arguments.output.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory() as directory:
        log_dir = arguments.log_dir
        if log_dir is None:
            log_dir = Path(directory) / "logs"
            example = ROOT / "examples" / "digits.py"
            for seed in ("0", "3"):
                directory_of_run = log_dir / f"seed {seed}"
                options = ["--log-dir", directory_of_run, "--seed", seed]
                subprocess.run([sys.executable, example, *options], check=True)
        with (
            TensorBoard(log_dir.resolve(), Path(directory)) as tensorboard,
            sync_playwright() as playwright,
        ):
            browser = launch(playwright)
            for picture in PICTURES:
                for dark in (False, True):
                    for size in SIZES if arguments.all else SIZES[:1]:
                        if not arguments.all and (picture.name, dark) not in IN_README:
                            continue
                        theme = "dark" if dark else "light"
                        name = f"{picture.name}-{theme}"
                        if arguments.all:
                            name += f"-{size[0]}x{size[1]}"
                        path = arguments.output / f"{name}.png"
                        take(browser, tensorboard.url, picture, dark, size, path)
                        print(path)
            browser.close()


if __name__ == "__main__":
    main()
