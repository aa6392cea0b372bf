"""How much of each tensor a record holds, so that it keeps to its bytes.

The plan is made once, from static shapes, and is the same at every step: a feature
map that is there at one step is there at all.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Final

from tensorboard_keract.recording.layout import Limits, TensorPlan

DEFAULT_BUDGET_BYTES_PER_RECORD: Final = 4 * 2**20
# About what a TensorBoard can hold in memory beside other runs: it keeps all maps.
DEFAULT_BUDGET_BYTES_PER_RUN: Final = 512 * 2**20

# Below these, a picture says nothing, so the next thing is to leave maps out.
_LEAST: Final = Limits(samples=1, channels=4, pixels=8, units=32)

PlanTensor = Callable[[Limits], TensorPlan]


@dataclass(frozen=True)
class RecordPlan:
    """The tensors whose maps a record holds.

    Attributes:
      tensors: in the order of recording.
      left_out: tags that fit not even at the least size.
      limits: what the budget allowed of each tensor.
      byte_count: of one record's maps, before compression.
    """

    tensors: tuple[TensorPlan, ...]
    left_out: tuple[str, ...]
    limits: Limits
    byte_count: int


def plan_record(
    tensors: Sequence[PlanTensor], limits: Limits, budget_bytes: int
) -> RecordPlan:
    """Plans a record within a budget.

    While the maps are too large, the greatest limit relative to its least value is
    halved: samples, channels, pixels and units in turn. If the least of everything
    is still too much, tensors are left out, the largest first.

    Args:
      tensors: make the plan of one tensor each, within given limits.
      limits: the most that is wanted.
      budget_bytes: bytes before compression that a record's maps may take.
    """
    plans: list[TensorPlan] = []
    allowed = limits
    for allowed in _shrinking(limits):
        plans = [plan(allowed) for plan in tensors]
        if _byte_count(plans) <= budget_bytes:
            break
    left_out: list[TensorPlan] = []
    for largest in sorted(plans, key=lambda plan: plan.byte_count, reverse=True):
        if _byte_count(plans) <= budget_bytes:
            break
        plans.remove(largest)
        left_out.append(largest)
    return RecordPlan(
        tensors=tuple(plans),
        left_out=tuple(f"{plan.kind}/{plan.path}" for plan in left_out),
        limits=allowed,
        byte_count=_byte_count(plans),
    )


def _byte_count(plans: Sequence[TensorPlan]) -> int:
    return sum(plan.byte_count for plan in plans)


def _shrinking(limits: Limits) -> Iterator[Limits]:
    """The limits, and ever smaller ones down to the least."""
    while True:
        yield limits
        excess = {
            name: getattr(limits, name) / getattr(_LEAST, name)
            for name in ("samples", "pixels", "channels", "units")
        }
        widest = max(excess, key=lambda name: excess[name])
        if excess[widest] <= 1:
            return
        halved = max(getattr(_LEAST, widest), getattr(limits, widest) // 2)
        limits = replace(limits, **{widest: halved})


def format_bytes(count: int) -> str:
    """Bytes for a person: "312 B", "1.9 MB"; in powers of 1,000, as disks are sold."""
    size = float(count)
    for unit in ("B", "kB", "MB", "GB"):
        if size < 1000 or unit == "GB":
            break
        size /= 1000
    return f"{size:.0f} {unit}" if unit == "B" or size >= 100 else f"{size:.1f} {unit}"
