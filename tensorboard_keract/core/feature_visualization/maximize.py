"""What makes channels and classes as active as can be."""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, Final

import keras
import numpy as np
import numpy.typing as npt
import tensorflow as tf

from tensorboard_keract.core.arguments import check_model
from tensorboard_keract.core.call_selection import CallSelection
from tensorboard_keract.core.feature_visualization import transforms as transform
from tensorboard_keract.core.feature_visualization.canvas import Canvas
from tensorboard_keract.core.feature_visualization.descent import Stage
from tensorboard_keract.core.feature_visualization.objectives import (
    Channel,
    ClassScore,
    Diversity,
)
from tensorboard_keract.core.feature_visualization.options import Options, OptionsDict
from tensorboard_keract.core.feature_visualization.parameterization import (
    Pixels,
    parse_parameterization,
)
from tensorboard_keract.core.feature_visualization.regularizers import TotalVariation
from tensorboard_keract.core.feature_visualization.seen import Seen
from tensorboard_keract.core.feature_visualization.step import survey
from tensorboard_keract.core.feature_visualization.task import (
    Regularizers,
    Task,
    built_canvas,
)
from tensorboard_keract.core.feature_visualization.visualization import (
    STUCK,
    FeatureVisualization,
)
from tensorboard_keract.core.layer_selection import LayerSelector

if TYPE_CHECKING:
    from typing_extensions import Unpack

ONE_STAGE: Final = "one_stage"
TWO_STAGE: Final = "two_stage"

# Smaller images lose too much when they are moved.
_LEAST_TRANSFORMED: Final = 16


def maximize_activation(
    model: keras.Model,
    layer: LayerSelector | None = None,
    filter_indices: int | Sequence[int] | None = None,
    *,
    copies: int = 1,
    diversity: float = 0.0,
    regularizers: Regularizers | None = None,
    transforms: Sequence[Any] | None = None,
    schedule: str = ONE_STAGE,
    use_logits: bool = True,
    output: str | None = None,
    **options: Unpack[OptionsDict],
) -> FeatureVisualization:
    """Images that make channels of a layer, or classes, as active as can be.

    All of them side by side in one batch and one compiled step. Erhan et al. 2009;
    Simonyan et al. 2014, https://arxiv.org/abs/1312.6034; with the waves, colours and
    transforms of Olah et al. 2017, https://distill.pub/2017/feature-visualization.

    Example:

    ```python
    found = maximize_activation(model, "conv2", [0, 3, 5])
    found.images.shape  # (3, 28, 28, 1)
    maximize_activation(model, filter_indices=range(10))  # what classes look like
    maximize_activation(vgg16, "block5_conv3", 67, input_range=(0, 255),
                        preprocess=keras.applications.vgg16.preprocess_input)
    ```

    Args:
      model: any Keras 3 model; it need not be compiled, and stays as it is.
      layer: name, path ("block/conv"), glob, layer, class or index, whose channels are
        meant; None for the classes of the model's output. The activation is the mean
        over all places.
      filter_indices: channels or classes, one or several; None for all.
      copies: how many images of each, from different noise; neighbours in the result.
      diversity: weight of a term that makes the copies differ, in how the channels of
        the layer are active together.
      regularizers, transforms: as in `minimize`. None takes `TotalVariation()` with the
        weight 10 for images that are "pixels", and none for "fourier"; and transforms
        by about a sixteenth of the size of images that have 16 × 16 pixels or more.
      schedule: "one_stage"; or "two_stage", half of the iterations without total
        variation, then all the others from there with it. For units that noise makes
        so little active that smoothness wins.
      use_logits: whether, where the layer or the model ends in a softmax or sigmoid, the
        values before it are made great. The model is not changed for that.
      output: name of the output whose classes are meant; None for the first.
      **options: as in `minimize`.

    Returns:
      The images, float32 [filter × copy, …], with `units` and `outcomes`.

    Raises:
      NotFiniteError, UnknownLayerError, ValueError, TypeError, RuntimeError: as
        `minimize`.

    Warns:
      UserWarning: names the units whose activation did not rise.
    """
    if schedule not in (ONE_STAGE, TWO_STAGE):
        raise ValueError(f'schedule={schedule!r}; give "{ONE_STAGE}" or "{TWO_STAGE}".')
    if copies < 1:
        raise ValueError(f"copies={copies}; give one at least.")
    if diversity and layer is None:
        raise ValueError("Diversity is that of a layer's activations; give a layer.")
    check_model(model)
    chosen = Options(**options)
    canvas = built_canvas(model, chosen)
    selection = None if layer is None else CallSelection.of([layer], (), nested=False)

    def unit_values(seen: Seen) -> tf.Tensor:
        if selection is None:
            return seen.output(output, use_logits)
        return seen.activation(selection, use_logits)

    units = _parse_units(filter_indices)
    if units is None:
        units = np.arange(
            survey(model, canvas, lambda seen: _units_of(unit_values(seen)))
        )
    numbers = np.repeat(units, copies)
    objectives: list[Any] = [
        ClassScore(numbers, output, use_logits)
        if selection is None
        else Channel(selection, numbers, use_logits)
    ]
    if diversity and copies > 1:
        groups = np.repeat(np.arange(len(units)), copies)
        objectives.append((Diversity(selection, groups), diversity))
    task = Task.of(
        model,
        objectives,
        _fitting_regularizers(canvas, chosen) if regularizers is None else regularizers,
        _fitting_transforms(canvas.shape) if transforms is None else transforms,
        chosen,
        len(numbers),
        canvas,
    )
    found = task.run(
        _stages(task, schedule),
        [(int(unit), i % copies) for i, unit in enumerate(numbers)],
        together=copies if diversity else 1,
    )
    _warn_of_stuck(numbers, found.outcomes, found.paths[0], schedule)
    return task.result(
        "maximize_activation", found, numbers, schedule=schedule, copies=copies
    )


def _parse_units(given: int | Sequence[int] | None) -> npt.NDArray[np.int32] | None:
    if given is None:
        return None
    units = np.atleast_1d(np.asarray(given))
    if units.dtype.kind not in "iu" or units.ndim != 1 or not units.size:
        raise TypeError(
            f"filter_indices are {given!r}; give one whole number or several, or None for"
            " all."
        )
    return units.astype(np.int32)


def _units_of(values: tf.Tensor) -> int:
    count = values.shape[-1] if values.shape.rank > 1 else 1
    if count is None:
        raise ValueError(
            "It is not known how many channels the layer has; give filter_indices."
        )
    return int(count)


def _fitting_regularizers(canvas: Canvas, options: Options) -> list[Any]:
    chosen = parse_parameterization(options.parameterization, canvas.shape)
    return [(TotalVariation(), 10.0)] if isinstance(chosen, Pixels) else []


def _fitting_transforms(shape: tuple[int, ...]) -> list[Any]:
    """What moves, turns and scales images by about a sixteenth of their size."""
    if len(shape) != 3 or min(shape[:2]) < _LEAST_TRANSFORMED:
        return []
    by = max(1, min(shape[:2]) // 16)
    return [
        transform.Pad(by),
        transform.Jitter(by),
        transform.Scale(0.92, 1.08),
        transform.Rotate(6.0),
        transform.Jitter(max(1, by // 2)),
    ]


def _stages(task: Task, schedule: str) -> list[Stage]:
    iterations = task.options.max_iter
    if schedule == ONE_STAGE:
        return [Stage(iterations, task.weights)]
    is_smoothness = [isinstance(term, TotalVariation) for term, _ in task.terms]
    without = np.where(is_smoothness, 0, task.weights).astype(np.float32)
    first = (iterations + 1) // 2
    return [Stage(first, without), Stage(iterations - first, task.weights)]


def _warn_of_stuck(
    units: npt.NDArray[Any], outcomes: Sequence[str], path: str, schedule: str
) -> None:
    pairs = zip(units, outcomes, strict=True)
    stuck = sorted({int(unit) for unit, outcome in pairs if outcome == STUCK})
    if not stuck:
        return
    listed = ", ".join(map(str, stuck[:20])) + (", …" if len(stuck) > 20 else "")
    advice = "Another seed or a seed_input may help."
    if schedule == ONE_STAGE:
        advice = 'Another seed, a seed_input or schedule="two_stage" may help.'
    warnings.warn(
        f"Nothing was found that makes {len(stuck)} of the units of {path} more active"
        f" than noise does: {listed}. {advice}",
        UserWarning,
        stacklevel=3,
    )
