"""Attribution methods that a recorder runs at each record: asked for, proved, applied."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any, Final, TypeAlias

import keras
import numpy as np
import tensorflow as tf

from tensorboard_keract.core.arguments import fixed_batch
from tensorboard_keract.core.attribution import class_activation_maps, gradients
from tensorboard_keract.core.attribution.explaining import OptionsDict
from tensorboard_keract.core.attribution.explanation import Explanation
from tensorboard_keract.core.attribution.occlusion import occlusion
from tensorboard_keract.core.attribution.targets import TargetsError, parse_targets
from tensorboard_keract.core.model_layout import named_inputs
from tensorboard_keract.recording.budget import PlanTensor
from tensorboard_keract.recording.heatmaps import (
    StoredHeatmap,
    explanation_message,
    heatmap_axes,
    plan_heatmap,
)
from tensorboard_keract.recording.layout import Limits, TensorPlan
from tensorboard_keract.recording.probe import Probe

LABEL: Final = "label"
PREDICTED: Final = "predicted"
_IDS: Final = "ids"
_FUNCTION: Final = "function"

_METHODS: Final[dict[str, Callable[..., Explanation]]] = {
    method.__name__: method
    for method in (
        class_activation_maps.grad_cam,
        class_activation_maps.grad_cam_plus_plus,
        class_activation_maps.hires_cam,
        class_activation_maps.layer_cam,
        class_activation_maps.score_cam,
        class_activation_maps.activation_heatmap,
        gradients.saliency,
        gradients.gradient_x_input,
        gradients.smooth_grad,
        gradients.integrated_gradients,
        gradients.guided_backprop,
        gradients.deconvnet,
        occlusion,
    )
}

Attributions: TypeAlias = (
    str
    | tuple[str, Mapping[str, Any]]
    | Mapping[str, Mapping[str, Any]]
    | Iterable[Any]
)
"""Names of methods, pairs (name, options), or options by name."""


@dataclass(frozen=True)
class Attribution:
    """One method with its options.

    Attributes:
      name: of the method.
      options: its keyword arguments, but for the targets.
      rule: how targets are chosen; empty for a method that explains no class.
      targets: class ids, int32 [sample], a function, or None for the top prediction.
      label: tells it from others of the same method, in the tag.
      description: name and options, for a reader.
    """

    name: str
    options: dict[str, Any]
    rule: str
    targets: Any
    label: str
    description: str

    def __call__(self, model: keras.Model, x: Any, samples: slice) -> Explanation:
        """Explains some samples of the probe; x is of these."""
        arguments = {"progress": False, **self.options}
        if self.rule:
            ids = isinstance(self.targets, np.ndarray)
            arguments["targets"] = self.targets[samples] if ids else self.targets
        return _METHODS[self.name](model, x, **arguments)


def parse_attributions(
    attributions: Attributions, targets: Any, probe: Probe | None
) -> tuple[Attribution, ...]:
    """What a recorder is asked to explain, checked as far as it goes without a model.

    Args:
      attributions: see `Recorder`.
      targets: for all that have none of their own.
      probe: whose labels the targets may be.

    Raises:
      ValueError: for an unknown method; for targets that do not fit the probe.
      TypeError: for an entry of another form, an unknown option, and targets of another
        type.
    """
    entries = list(_entries(attributions))
    if not entries:
        return ()
    if probe is None:
        raise ValueError(
            "Attributions explain the samples of a probe, and there is none. Give a few"
            " samples, such as probe=(x_val[:8], y_val[:8])."
        )
    names = [name for name, _ in entries]
    parsed = [
        _attribution(name, options, targets, probe, names.count(name) > 1)
        for name, options in entries
    ]
    return tuple(parsed)


class Explainer:
    """Explains the recorded samples of a probe by the model as it is.

    Each method is tried on one sample at construction, so that whatever is wrong with
    it is told at once and all passes are compiled.
    """

    def __init__(
        self, model: keras.Model, probe: Probe, attributions: Sequence[Attribution]
    ) -> None:
        """Tries the methods.

        Raises:
          UnknownLayerError, ValueError, TypeError: as the methods say.
        """
        self._model = model
        self._x = probe.tensors()[0]
        self._samples = int(keras.tree.flatten(self._x)[0].shape[0])
        inputs = list(named_inputs(model, self._x))
        self._attributions: dict[str, Attribution] = {}
        self._inputs: dict[str, str] = {}
        # Axes and spatial sizes.
        self._shapes: dict[str, tuple[tuple[str, ...], tuple[int, ...]]] = {}
        for attribution in attributions:
            found = self._tried(attribution)
            input_path = attribution.options.get("input") or inputs[0]
            path = attribution.name
            path += f"@{attribution.label}" if attribution.label else ""
            path += f"/{input_path}" if len(inputs) > 1 else ""
            if path in self._attributions:
                raise ValueError(
                    f"{path} is there twice: name a method once, or with other options."
                )
            self._attributions[path] = attribution
            self._inputs[path] = input_path
            self._shapes[path] = heatmap_axes(found), found.heatmap.shape[1:]

    def planners(self, precision: str) -> list[PlanTensor]:
        """What makes the plan of each method's heatmaps."""
        return [partial(self._plan, path, precision) for path in self._attributions]

    def __call__(
        self,
        plans: Iterable[TensorPlan],
        on_failure: Callable[[str, Exception], None],
    ) -> tuple[StoredHeatmap, ...]:
        """Explains by all methods that have a plan.

        Args:
          plans: of those whose heatmaps are wanted.
          on_failure: told a method and what it raised; the others go on.
        """
        stored = []
        for plan in plans:
            try:
                stored.append(self._stored(plan))
            except Exception as error:  # Whatever it is, training must go on.
                on_failure(plan.path, error)
        return tuple(stored)

    def _stored(self, plan: TensorPlan) -> StoredHeatmap:
        attribution = self._attributions[plan.path]
        samples = plan.axes[0].size
        found = self._explained(attribution, slice(samples))
        input_path = self._inputs[plan.path]
        return StoredHeatmap(
            plan,
            found.heatmap[:samples],
            explanation_message(found, samples, input_path, attribution.rule),
        )

    def _plan(self, path: str, precision: str, limits: Limits) -> TensorPlan:
        axes, spatial = self._shapes[path]
        samples = min(limits.samples, self._samples)
        return plan_heatmap(path, axes, (samples, *spatial), samples, precision)

    def _explained(self, attribution: Attribution, samples: slice) -> Explanation:
        if fixed_batch(self._model) is not None:
            samples = slice(None)
        x = keras.tree.map_structure(partial(_taken, samples), self._x)
        return attribution(self._model, x, samples)

    def _tried(self, attribution: Attribution) -> Explanation:
        """Of one sample: that of the greatest class id, which the model may lack."""
        targets = attribution.targets
        first = int(targets.argmax()) if isinstance(targets, np.ndarray) else 0
        try:
            return self._explained(attribution, slice(first, first + 1))
        except TargetsError as error:
            if attribution.rule != LABEL:
                raise
            raise TargetsError(
                f"{error} Targets are the labels of the probe; choose others, such as"
                f' targets="{PREDICTED}".'
            ) from error


def _taken(samples: slice, tensor: tf.Tensor | None) -> tf.Tensor | None:
    return None if tensor is None else tensor[samples]


def _entries(attributions: Any) -> Iterator[tuple[str, dict[str, Any]]]:
    entries: Any = attributions
    if isinstance(attributions, Mapping):
        entries = attributions.items()
    elif _is_entry(attributions):
        entries = [attributions]
    if not isinstance(entries, Iterable):
        raise TypeError(_wrong_entry(entries))
    for entry in entries:
        if not _is_entry(entry):
            raise TypeError(_wrong_entry(entry))
        name: str = entry if isinstance(entry, str) else entry[0]
        if name not in _METHODS:
            raise ValueError(
                f"There is no attribution method {name!r}. Those there are:"
                f" {', '.join(_METHODS)}."
            )
        yield name, {} if isinstance(entry, str) else dict(entry[1])


def _is_entry(entry: Any) -> bool:
    """Whether it is a name, or a name with options."""
    return isinstance(entry, str) or (
        isinstance(entry, (tuple, list))
        and len(entry) == 2
        and isinstance(entry[0], str)
        and isinstance(entry[1], Mapping)
    )


def _wrong_entry(entry: object) -> str:
    return (
        f"attributions hold {entry!r}. Give the names of methods, such as"
        ' ["grad_cam", "integrated_gradients"], and options beside a name as'
        ' ("grad_cam", {"layer": "conv4"}).'
    )


def _attribution(
    name: str,
    options: dict[str, Any],
    targets: Any,
    probe: Probe,
    needs_label: bool,
) -> Attribution:
    takes_targets = "targets" in inspect.signature(_METHODS[name]).parameters
    known = _known_options(name)
    unknown = sorted(set(options) - set(known))
    if unknown:
        raise TypeError(
            f"{name} has no option {', '.join(unknown)}. Those there are:"
            f" {', '.join(known)}."
        )
    told_apart = set(options) - {"input", "memory_limit", "progress"}
    label = ",".join(_option_text(o, options[o]) for o in sorted(told_apart))
    rule, parsed = "", None
    if takes_targets:
        rule, parsed = _parse_targets(options.pop("targets", targets), probe)
    description = f"{name} ({label.replace(',', ', ')})" if label else name
    return Attribution(
        name, options, rule, parsed, label if needs_label else "", description
    )


def _known_options(name: str) -> list[str]:
    """Keyword arguments of a method, but for the model and the samples."""
    own = list(inspect.signature(_METHODS[name]).parameters)[2:-1]
    return [*own, *OptionsDict.__annotations__]


def _option_text(option: str, value: Any) -> str:
    """An option as a part of a tag; a layer goes by its name alone."""
    if isinstance(value, keras.layers.Layer):
        value = value.name
    elif callable(value):
        value = getattr(value, "__name__", type(value).__name__)
    elif isinstance(value, np.ndarray):
        value = "array"
    return str(value) if option == "layer" else f"{option}={value}"


def _parse_targets(targets: Any, probe: Probe) -> tuple[str, Any]:
    """The rule, and class ids int32 [sample], a function or None.

    Raises:
      ValueError: if there are no labels, or not one for each sample.
      TypeError: if they are of another type.
    """
    samples = int(keras.tree.flatten(probe.tensors()[0])[0].shape[0])
    labels = probe.sample_labels()
    if targets is None:
        targets = LABEL if labels else PREDICTED
    if isinstance(targets, str):
        if targets not in (LABEL, PREDICTED):
            raise ValueError(
                f'targets is {targets!r}. Use "{LABEL}" for the labels of the probe,'
                f' "{PREDICTED}" for the top prediction at each record, class ids, or a'
                " function of the model's outputs."
            )
        if targets == PREDICTED:
            return PREDICTED, None
        if not labels:
            raise ValueError(
                f'targets is "{LABEL}", and the probe has none that are known to be'
                " class ids. Give them, Probe(x, y, labels=[…]), or choose"
                f' targets="{PREDICTED}".'
            )
        return LABEL, parse_targets(labels, samples)
    ids = parse_targets(targets, samples)
    return (_FUNCTION, targets) if callable(targets) else (_IDS, ids)
