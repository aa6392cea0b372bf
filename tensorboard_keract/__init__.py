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
    from tensorboard_keract.core.feature_visualization import (
        objectives,
        regularizers,
        transforms,
    )
    from tensorboard_keract.core.feature_visualization.dream import (
        caricature,
        deep_dream,
    )
    from tensorboard_keract.core.feature_visualization.maximize import (
        maximize_activation,
    )
    from tensorboard_keract.core.feature_visualization.minimize import minimize
    from tensorboard_keract.core.feature_visualization.options import NotFiniteError
    from tensorboard_keract.core.feature_visualization.parameterization import (
        Fourier,
        Pixels,
    )
    from tensorboard_keract.core.feature_visualization.style import style_transfer
    from tensorboard_keract.core.feature_visualization.visualization import (
        FeatureVisualization,
    )
    from tensorboard_keract.core.feature_visualization.weights import visualize_weights
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
    "FeatureVisualization",
    "Fourier",
    "KeractCallback",
    "NotFiniteError",
    "Pixels",
    "Probe",
    "ProbeError",
    "Recorder",
    "UnknownLayerError",
    "__version__",
    "activation_heatmap",
    "caricature",
    "deconvnet",
    "deep_dream",
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
    "maximize_activation",
    "minimize",
    "objectives",
    "occlusion",
    "persist_to_json_file",
    "record_dataset",
    "regularizers",
    "saliency",
    "save_npz",
    "score_cam",
    "smooth_grad",
    "style_transfer",
    "summary",
    "transforms",
    "visualize_weights",
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
    "tensorboard_keract.core.feature_visualization.dream": (
        "caricature",
        "deep_dream",
    ),
    "tensorboard_keract.core.feature_visualization.maximize": ("maximize_activation",),
    "tensorboard_keract.core.feature_visualization.minimize": ("minimize",),
    "tensorboard_keract.core.feature_visualization.options": ("NotFiniteError",),
    "tensorboard_keract.core.feature_visualization.parameterization": (
        "Fourier",
        "Pixels",
    ),
    "tensorboard_keract.core.feature_visualization.style": ("style_transfer",),
    "tensorboard_keract.core.feature_visualization.visualization": (
        "FeatureVisualization",
    ),
    "tensorboard_keract.core.feature_visualization.weights": ("visualize_weights",),
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
_SUBMODULES = {
    "objectives": "tensorboard_keract.core.feature_visualization.objectives",
    "regularizers": "tensorboard_keract.core.feature_visualization.regularizers",
    "summary": "tensorboard_keract.summary",
    "transforms": "tensorboard_keract.core.feature_visualization.transforms",
}
_MODULE_OF = {name: module for module, names in _MODULES.items() for name in names}


def __getattr__(name: str) -> Any:
    if name not in _MODULE_OF and name not in _SUBMODULES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    try:
        if name in _SUBMODULES:
            return importlib.import_module(_SUBMODULES[name])
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
