"""What the loader makes of TensorBoard's flags."""

from __future__ import annotations

import argparse

import pytest

from tensorboard_keract import metadata
from tensorboard_keract.viewer.loader import SAMPLES_PER_PLUGIN, KeractLoader


@pytest.mark.parametrize("given", [None, {}])
def test_recorded_steps_are_kept_by_default(given: dict[str, int] | None) -> None:
    flags = argparse.Namespace(samples_per_plugin=given)
    KeractLoader().fix_flags(flags)
    assert flags.samples_per_plugin == {
        "keract": 0,
        "keract_statistics": 5000,
        "keract_histograms": 1000,
    }


def test_what_the_user_gave_stays() -> None:
    given = {"keract": 7, "images": 3}
    flags = argparse.Namespace(samples_per_plugin=given)
    KeractLoader().fix_flags(flags)
    assert flags.samples_per_plugin["keract"] == 7
    assert flags.samples_per_plugin["images"] == 3
    assert flags.samples_per_plugin["keract_statistics"] == 5000
    # TensorBoard's own value is not written to.
    assert given == {"keract": 7, "images": 3}


def test_names_are_those_of_the_format() -> None:
    # The loader does not import them: see its docstring.
    assert set(SAMPLES_PER_PLUGIN) == {
        metadata.PLUGIN_NAME,
        metadata.STATISTICS_PLUGIN_NAME,
        metadata.HISTOGRAMS_PLUGIN_NAME,
    }
