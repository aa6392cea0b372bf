"""Statistics of parts, merged, are those of the whole."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
import pytest

from tensorboard_keract import metadata
from tensorboard_keract.recording.statistics import (
    accumulate_statistics,
    merge_statistics,
    statistics,
)

Part = npt.NDArray[np.float32]


def _dead(part: Part, channel_axis: int | None) -> npt.NDArray[np.float32]:
    if channel_axis is None:
        return np.zeros(0, np.float32)
    others = tuple(i for i in range(part.ndim) if i != channel_axis)
    return (part == 0).all(axis=others).astype(np.float32)


def _merged(
    parts: Sequence[Part], channel_axis: int | None = None, activation: str = ""
) -> dict[str, float]:
    """The merged statistics of one row, by name."""
    channels = 0 if channel_axis is None else parts[0].shape[channel_axis]
    table, _ = merge_statistics(
        [statistics(part, channel_axis, activation)[None] for part in parts],
        [_dead(part, channel_axis) for part in parts],
        [channels],
    )
    assert table.dtype == np.float32
    return dict(zip(metadata.STATISTICS, table[0], strict=True))


def _part(*values: float) -> Part:
    return np.array(values, np.float32)


def test_two_parts_by_hand() -> None:
    found = _merged([_part(1, 1, 0), _part(4)])
    assert found["count"] == 4
    assert found["mean"] == 1.5
    np.testing.assert_allclose(found["std"], np.std([1, 1, 0, 4]), rtol=1e-6)
    assert (found["min"], found["max"]) == (0, 4)
    np.testing.assert_allclose(found["l2_norm"], np.sqrt(18), rtol=1e-6)
    assert found["zero_fraction"] == 0.25
    assert np.isnan(found["dead_fraction"])
    assert np.isnan(found["saturated_fraction"])


def test_a_part_without_finite_values_changes_counts_alone() -> None:
    found = _merged([_part(np.nan, np.inf), _part(3, 5), _part(-np.inf)])
    assert found["count"] == 5
    assert (found["mean"], found["std"]) == (4, 1)
    assert (found["min"], found["max"]) == (3, 5)
    assert found["nan_count"] == 1
    assert (found["positive_inf_count"], found["negative_inf_count"]) == (1, 1)


def test_an_empty_part_changes_nothing() -> None:
    part = np.array([[0, 1], [0, 3]], np.float32)
    empty = np.zeros((0, 2), np.float32)
    alone = statistics(part, 1, "tanh")
    for parts in ([part, empty], [empty, part], [empty, part, empty]):
        found = _merged(parts, 1, "tanh")
        np.testing.assert_array_equal(list(found.values()), alone)


def test_nothing_but_empty_parts_has_counts_alone() -> None:
    found = _merged([np.zeros((0, 2), np.float32)] * 2, 1, "tanh")
    assert found["count"] == found["nan_count"] == 0
    assert np.isnan([v for k, v in found.items() if "count" not in k]).all()


def test_constant_parts_have_no_spread_of_their_own() -> None:
    found = _merged([np.full(7, 0.1, np.float32), np.full(3, 0.1, np.float32)])
    assert found["std"] == 0
    assert found["mean"] == np.float32(0.1)
    assert _merged([_part(2, 2), _part(4, 4)])["std"] == 1


def test_a_channel_is_dead_where_it_is_in_all_parts() -> None:
    first = np.array([[0, 0, 1, 0]], np.float32)
    second = np.array([[0, 1, 1, np.nan]], np.float32)
    assert _merged([first, second], 1)["dead_fraction"] == 0.25
    _, dead = merge_statistics(
        [statistics(part, 1)[None] for part in (first, second)],
        [_dead(part, 1) for part in (first, second)],
        [4],
    )
    np.testing.assert_array_equal(dead, [1, 0, 0, 0])


def test_rows_keep_their_own_channels() -> None:
    rows = [
        (np.array([[0, 1]], np.float32), 1),
        (np.array([5], np.float32), None),
        (np.zeros((2, 3), np.float32), 1),
    ]
    table = np.stack([statistics(values, axis) for values, axis in rows])
    dead = np.concatenate([_dead(values, axis) for values, axis in rows])
    merged, _ = merge_statistics([table, table], [dead, dead], [2, 0, 3])
    column = metadata.STATISTICS.index("dead_fraction")
    np.testing.assert_array_equal(merged[:, column], [0.5, np.nan, 1])


def test_the_update_ratio_is_the_first_known() -> None:
    tables = np.tile(statistics([1.0]), (3, 2, 1))
    column = metadata.STATISTICS.index("update_ratio")
    tables[:, 0, column] = np.nan, 0.5, 0.25
    merged, _ = merge_statistics(tables, np.zeros((3, 0)), [0, 0])
    np.testing.assert_array_equal(merged[:, column], [0.5, np.nan])


def test_a_norm_beyond_float32_is_infinite() -> None:
    assert np.isinf(_merged([_part(3e38), _part(3e38)])["l2_norm"])


@pytest.mark.parametrize("seed", range(8))
def test_random_parts_match_the_whole(seed: int) -> None:
    random = np.random.default_rng(seed)
    scale, offset = 10.0 ** random.integers(-10, 10), random.choice([0, 1, 100])
    whole = (offset + random.normal(size=(40, 5))).astype(np.float32) * scale
    whole[random.random(whole.shape) < 0.2] = 0
    whole[:, 1] = 0
    for special in (np.nan, np.inf, -np.inf):
        whole[random.random(whole.shape) < 0.05] = special
    whole[:4] = np.nan
    whole[4:9, 2:] = 7 * scale
    parts = np.split(whole, [4, 9, 9, *np.sort(random.integers(9, 40, 3))])
    for channel_axis, activation in ((1, "tanh"), (1, "relu6"), (None, "")):
        np.testing.assert_allclose(
            list(_merged(parts, channel_axis, activation).values()),
            statistics(whole, channel_axis, activation),
            rtol=2e-6,
        )


def test_accumulating_part_by_part_is_merging_all_at_once() -> None:
    random = np.random.default_rng(0)
    # Tables of a large offset: float32 would lose the spread.
    parts = (1000 + random.normal(size=(500, 6, 2))).astype(np.float32)
    tables = np.stack([statistics(part, 1)[None] for part in parts])
    dead = np.zeros((500, 2))
    at_once, _ = accumulate_statistics(tables, dead, [2])
    table, channels = tables[0].astype(np.float64), dead[0]
    for part, part_dead in zip(tables[1:], dead[1:], strict=True):
        table, channels = accumulate_statistics(
            [table, part], [channels, part_dead], [2]
        )
    assert table.dtype == np.float64
    np.testing.assert_allclose(table, at_once, rtol=1e-12)


def test_counts_stay_exact_beyond_float32() -> None:
    tables = np.tile(statistics([1.0]).astype(np.float64), (2, 1, 1))
    count = metadata.STATISTICS.index("count")
    tables[0, 0, count] = 2**40
    merged, _ = accumulate_statistics(tables, np.zeros((2, 0)), [0])
    assert merged[0, count] == 2**40 + 1
