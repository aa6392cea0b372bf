"""What happens inside a Keras model while it trains, in TensorBoard.

`core` sees what a model computes, `display` draws it in a notebook. `recording` reduces
and writes it, `summary` writes single tensors, and `viewer` serves it all to
TensorBoard's Keract tab. `metadata` and `recording.wire_format` are what the two
halves share.

Public names load on first use: `import tensorboard_keract` imports neither Keras nor
TensorFlow, which the viewer does without.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

from tensorboard_keract._version import __version__

if TYPE_CHECKING:
    from tensorboard_keract import summary
    from tensorboard_keract.core.activation_files import (
        load_activations_from_json_file,
        load_npz,
        persist_to_json_file,
        save_npz,
    )
    from tensorboard_keract.core.attribution.class_activation_maps import (
        activation_heatmap,
        grad_cam,
        grad_cam_plus_plus,
        hires_cam,
        layer_cam,
        score_cam,
    )
    from tensorboard_keract.core.attribution.explanation import (
        Explanation,
    )
    from tensorboard_keract.core.attribution.gradients import (
        deconvnet,
        gradient_x_input,
        guided_backprop,
        integrated_gradients,
        saliency,
        smooth_grad,
    )
    from tensorboard_keract.core.attribution.occlusion import (
        occlusion,
    )
    from tensorboard_keract.core.keract import (
        get_activations,
        get_gradients_of_activations,
        get_gradients_of_trainable_weights,
    )
    from tensorboard_keract.core.layer_selection import UnknownLayerError
    from tensorboard_keract.display import (
        display_activations,
        display_gradients_of_trainable_weights,
        display_heatmaps,
    )
    from tensorboard_keract.recording.callback import KeractCallback
    from tensorboard_keract.recording.dataset import record_dataset
    from tensorboard_keract.recording.dataset_statistics import DatasetStatistics
    from tensorboard_keract.recording.probe import Probe, ProbeError
    from tensorboard_keract.recording.recorder import Recorder

__all__ = [
    "DatasetStatistics",
    "Explanation",
    "KeractCallback",
    "Probe",
    "ProbeError",
    "Recorder",
    "UnknownLayerError",
    "__version__",
    "activation_heatmap",
    "deconvnet",
    "display_activations",
    "display_gradients_of_trainable_weights",
    "display_heatmaps",
    "get_activations",
    "get_gradients_of_activations",
    "get_gradients_of_trainable_weights",
    "grad_cam",
    "grad_cam_plus_plus",
    "gradient_x_input",
    "guided_backprop",
    "hires_cam",
    "integrated_gradients",
    "layer_cam",
    "load_activations_from_json_file",
    "load_npz",
    "occlusion",
    "persist_to_json_file",
    "record_dataset",
    "saliency",
    "save_npz",
    "score_cam",
    "smooth_grad",
    "summary",
]

_MODULES = {
    "tensorboard_keract.core.activation_files": (
        "load_activations_from_json_file",
        "load_npz",
        "persist_to_json_file",
        "save_npz",
    ),
    "tensorboard_keract.core.attribution.class_activation_maps": (
        "activation_heatmap",
        "grad_cam",
        "grad_cam_plus_plus",
        "hires_cam",
        "layer_cam",
        "score_cam",
    ),
    "tensorboard_keract.core.attribution.explanation": ("Explanation",),
    "tensorboard_keract.core.attribution.gradients": (
        "deconvnet",
        "gradient_x_input",
        "guided_backprop",
        "integrated_gradients",
        "saliency",
        "smooth_grad",
    ),
    "tensorboard_keract.core.attribution.occlusion": ("occlusion",),
    "tensorboard_keract.core.keract": (
        "get_activations",
        "get_gradients_of_activations",
        "get_gradients_of_trainable_weights",
    ),
    "tensorboard_keract.core.layer_selection": ("UnknownLayerError",),
    "tensorboard_keract.display": (
        "display_activations",
        "display_gradients_of_trainable_weights",
        "display_heatmaps",
    ),
    "tensorboard_keract.recording.callback": ("KeractCallback",),
    "tensorboard_keract.recording.dataset": ("record_dataset",),
    "tensorboard_keract.recording.dataset_statistics": ("DatasetStatistics",),
    "tensorboard_keract.recording.probe": ("Probe", "ProbeError"),
    "tensorboard_keract.recording.recorder": ("Recorder",),
}
_MODULE_OF = {name: module for module, names in _MODULES.items() for name in names}


def __getattr__(name: str) -> Any:
    if name == "summary":
        return importlib.import_module("tensorboard_keract.summary")
    if name not in _MODULE_OF:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    try:
        return getattr(importlib.import_module(_MODULE_OF[name]), name)
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
