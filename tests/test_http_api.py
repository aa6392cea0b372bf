"""The document of the HTTP API and the route table, held against each other."""

from __future__ import annotations

import re
from pathlib import Path

import tensorboard_keract
from tensorboard_keract.recording import wire_format
from tensorboard_keract.viewer import routes

DOCUMENT = (
    Path(tensorboard_keract.__file__).parent / "viewer" / "http_api.md"
).read_text("utf-8")


def test_every_route_has_a_section() -> None:
    assert re.findall(r"^## `(.+)`$", DOCUMENT, re.M) == list(routes.ROUTES)


def test_every_route_has_a_request_line() -> None:
    lines = re.findall(r"^    GET ([\w.]+)", DOCUMENT, re.M)
    assert set(lines) == set(routes.ROUTES)


def test_limits_are_those_of_the_code() -> None:
    text = " ".join(DOCUMENT.split())
    assert f"At most {routes.MAX_BLOBS} blobs and {routes.MAX_STEPS:,} steps" in text
    assert (
        f"Bin {wire_format.BIN_NEGATIVE_INF} counts −Inf, bin"
        f" {wire_format.BIN_POSITIVE_INF} +Inf, bin {wire_format.BIN_NAN} NaN, bin"
        f" {wire_format.BIN_ZERO} zeros" in text
    )
