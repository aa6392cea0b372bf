"""Reads event files back with TensorBoard's own reader, event by event."""

from __future__ import annotations

from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from tensorboard.backend.event_processing.event_file_loader import RawEventFileLoader
from tensorboard.compat.proto import event_pb2
from tensorboard.util import tensor_util

from tensorboard_keract import metadata, plugin_data_pb2
from tensorboard_keract.recording import wire_format


class Event(NamedTuple):
    """One event of a run: its step, and its values by tag."""

    step: int
    wall_time: float
    values: dict[str, Any]
    starts_session: bool


def read_events(log_dir: Path, run: str = "keract") -> list[Event]:
    """All events of a run, file by file in the order of their names."""
    events = []
    for path in sorted((log_dir / run).glob("events.out.tfevents.*")):
        for raw in RawEventFileLoader(str(path)).Load():
            event = event_pb2.Event.FromString(raw)
            events.append(
                Event(
                    event.step,
                    event.wall_time,
                    {
                        value.tag: tensor_util.make_ndarray(value.tensor)
                        for value in event.summary.value
                    },
                    event.session_log.status == event_pb2.SessionLog.START,
                )
            )
    return events


def read_records(log_dir: Path, run: str = "keract") -> list[Event]:
    """The events that hold values."""
    return [event for event in read_events(log_dir, run) if event.values]


def model_of(event: Event) -> plugin_data_pb2.ModelDescription:
    return metadata.parse_message(
        plugin_data_pb2.ModelDescription, event.values["model"][0], "model"
    )


def planes_of(event: Event, tag: str) -> np.ndarray[Any, np.dtype[np.float32]]:
    """The values of a tensor's maps, [blob, channel, height, width]."""
    _, planes = wire_format.decode_tensor(list(event.values[tag]))
    return wire_format.dequantize(planes)
