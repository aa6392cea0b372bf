"""One vocabulary for naming layers."""

from __future__ import annotations

import re

import keras
import pytest

from tensorboard_keract.core.layer_selection import UnknownLayerError, select_layers

CONV = keras.layers.Conv2D(2, 3, name="conv")
DENSE = keras.layers.Dense(2, name="fc")
LAYERS = [
    ("encoder/conv", CONV),
    ("decoder/conv", keras.layers.Conv2D(4, 3, name="conv")),
    ("shared@0", DENSE),
    ("shared@1", DENSE),
    ("probs", keras.layers.Dense(3, activation="softmax", name="probs")),
]
ALL = [path for path, _ in LAYERS]


@pytest.mark.parametrize(
    ("selectors", "paths"),
    [
        (None, ALL),
        ("probs", ["probs"]),
        ("encoder/conv", ["encoder/conv"]),
        ("conv", ["encoder/conv", "decoder/conv"]),
        ("*/conv", ["encoder/conv", "decoder/conv"]),
        ("shared", ["shared@0", "shared@1"]),
        ("shared@1", ["shared@1"]),
        (re.compile("^(enc|dec)"), ["encoder/conv", "decoder/conv"]),
        (keras.layers.Dense, ["shared@0", "shared@1", "probs"]),
        (DENSE, ["shared@0", "shared@1"]),
        (-1, ["probs"]),
        (0, ["encoder/conv"]),
        (lambda layer: getattr(layer, "units", 0) == 3, ["probs"]),
        (["probs", "encoder/*"], ["encoder/conv", "probs"]),
        (["probs", "probs"], ["probs"]),
    ],
)
def test_selects_in_the_order_of_the_model(selectors, paths) -> None:
    assert select_layers(LAYERS, selectors) == paths


@pytest.mark.parametrize("selector", ["cnov", 5, -6, "x/*", keras.layers.LSTM])
def test_an_unknown_layer_lists_those_there_are(selector) -> None:
    with pytest.raises(UnknownLayerError, match="No layer fits") as error:
        select_layers(LAYERS, ["probs", selector])
    for path in ALL:
        assert path in str(error.value)


def test_what_is_no_selector_is_named() -> None:
    with pytest.raises(TypeError, match=r"can't be selected by 1\.5"):
        select_layers(LAYERS, [1.5])
