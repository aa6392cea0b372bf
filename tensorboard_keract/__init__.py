"""What happens inside a Keras model while it trains, in TensorBoard.

`core` sees what a model computes, `recording` reduces and writes it, `summary` writes
single tensors, and `viewer` serves it all to TensorBoard's Keract tab. `metadata` and
`recording.wire_format` are what the two halves share.

Public names load on first use: `import tensorboard_keract` imports neither Keras nor
TensorFlow, which the viewer does without.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

from tensorboard_keract._version import __version__

if TYPE_CHECKING:
    from tensorboard_keract import summary
    from tensorboard_keract.core.layer_selection import UnknownLayerError
    from tensorboard_keract.recording.callback import KeractCallback
    from tensorboard_keract.recording.probe import Probe, ProbeError
    from tensorboard_keract.recording.recorder import Recorder

__all__ = [
    "KeractCallback",
    "Probe",
    "ProbeError",
    "Recorder",
    "UnknownLayerError",
    "__version__",
    "summary",
]

_MODULES = {
    "KeractCallback": "tensorboard_keract.recording.callback",
    "Probe": "tensorboard_keract.recording.probe",
    "ProbeError": "tensorboard_keract.recording.probe",
    "Recorder": "tensorboard_keract.recording.recorder",
    "UnknownLayerError": "tensorboard_keract.core.layer_selection",
}


def __getattr__(name: str) -> Any:
    if name == "summary":
        return importlib.import_module("tensorboard_keract.summary")
    if name not in _MODULES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    try:
        return getattr(importlib.import_module(_MODULES[name]), name)
    except ModuleNotFoundError as error:
        if error.name not in ("keras", "tensorflow"):
            raise
        raise ModuleNotFoundError(
            f"tensorboard_keract.{name} needs TensorFlow and Keras. Install them with"
            " `pip install 'tensorboard-keract[tensorflow]'`.",
            name=error.name,
        ) from error


def __dir__() -> list[str]:
    return sorted(__all__)
