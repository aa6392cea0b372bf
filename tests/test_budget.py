"""The plan of a record keeps to its bytes."""

from __future__ import annotations

from functools import partial

import pytest

from tensorboard_keract.recording.budget import format_bytes, plan_record
from tensorboard_keract.recording.layout import Limits, name_axes, plan_tensor


def _tensor(path: str, *shape: int):
    names = name_axes("activation", path, shape)
    return partial(plan_tensor, "activation", path, "float32", names, shape)


def test_what_fits_is_left_as_wanted() -> None:
    plan = plan_record([_tensor("a", 8, 28, 28, 32)], Limits(), 10**6)
    assert plan.limits == Limits()
    assert plan.left_out == ()
    assert plan.byte_count == 8 * 32 * (28 * 28 + 8)


@pytest.mark.parametrize("budget", [10**7, 10**6, 10**5, 10**4, 2000])
def test_a_record_keeps_to_its_budget(budget: int) -> None:
    tensors = [_tensor(f"conv{i}", 8, 56, 56, 256) for i in range(6)]
    plan = plan_record([*tensors, _tensor("fc", 8, 1000)], Limits(), budget)
    assert plan.byte_count <= budget
    assert len(plan.tensors) + len(plan.left_out) == 7


def test_a_larger_budget_never_shows_less() -> None:
    tensors = [_tensor(f"conv{i}", 8, 56, 56, 256) for i in range(6)]
    sizes = [
        plan_record(tensors, Limits(), budget).byte_count
        for budget in (10**4, 10**5, 10**6, 10**7)
    ]
    assert sizes == sorted(sizes)
    assert sizes[0] < sizes[-1]


def test_the_largest_is_left_out_where_nothing_else_helps() -> None:
    tensors = [_tensor("small", 1, 4), _tensor("large", 1, 64, 64, 64)]
    plan = plan_record(tensors, Limits(), 100)
    assert plan.left_out == ("activation/large",)
    assert [tensor.path for tensor in plan.tensors] == ["small"]


@pytest.mark.parametrize(
    ("count", "text"),
    [
        (0, "0 B"),
        (999, "999 B"),
        (1900, "1.9 kB"),
        (123456, "123 kB"),
        (5 * 10**9, "5.0 GB"),
    ],
)
def test_bytes_are_readable(count: int, text: str) -> None:
    assert format_bytes(count) == text
