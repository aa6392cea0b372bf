"""What one model computes in a training step: its calls, and the gradients taken of it."""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Final

import keras
import tensorflow as tf

from tensorboard_keract.core.apart import Apart
from tensorboard_keract.core.capture import LOGITS_NOTE, Captured
from tensorboard_keract.core.model_layout import (
    ModelLayout,
    describe_model,
    named_inputs,
    named_outputs,
    output_paths,
)
from tensorboard_keract.core.model_state import has_gradient
from tensorboard_keract.core.trace import LayerCall, Trace

SEVERAL_CALLS_NOTE: Final = "The step calls the model several times; these are the values of all calls together."
SEVERAL_GRADIENTS_NOTE: Final = (
    "The step takes several gradients of this; this is their sum."
)
OTHER_SHAPES_NOTE: Final = (
    "The step calls the model several times with inputs of other shapes; these are the"
    " values of the last call."
)


@dataclass
class CapturedStep:
    """What one training step computed in one model.

    Attributes:
      captured: activations and gradients of the batch; weights as the step found them,
        and the step's loss. Gradients are those of the unscaled loss, as the tape gave
        them: before they are clipped, accumulated or, over replicas, summed.
      layout: the layers as the step called them.
      updated_weights: the weights as the step left them, by path.
      update_skipped: boolean scalar, whether a gradient was NaN or ±Inf, so that the
        loss scale backs off; None where no loss is scaled dynamically.
      notes: by kind of gradient and path, what a reader should know.
    """

    captured: Captured
    layout: ModelLayout
    updated_weights: dict[str, tf.Tensor]
    update_skipped: tf.Tensor | None
    notes: dict[str, str] = field(default_factory=dict)

    def tensors(self) -> dict[str, Any]:
        """Its tensors but the weights, as nested dicts that a function can return."""
        return {
            **self.captured.tensors(),
            "weights": {},
            "skipped": self.update_skipped,
        }

    def with_tensors(self, tensors: dict[str, Any], weights: Any) -> CapturedStep:
        """The same with tensors as a function returned them, and other weights."""
        skipped = tensors.pop("skipped")
        tensors["weights"] = weights
        notes = self.captured.gradient_notes
        captured = Captured(**tensors, gradient_notes=notes)
        return replace(self, captured=captured, update_skipped=skipped)


@dataclass
class Reduced:
    """What replicas have captured and reduced already."""

    result: Any


# A gradient as the tape gave it, and by what its loss was scaled.
_Scaled = tuple[Any, "tf.Tensor | None"]


@dataclass
class _Gradients:
    """The gradients that the step has taken, in their order.

    Attributes:
      of_outputs: by the call and the number of its output.
      of_weights: by the id of the variable.
      of_logits: for which outputs they are those of the logits.
      losses: what they are the gradients of.
    """

    of_outputs: dict[tuple[int, int], list[_Scaled]] = field(default_factory=dict)
    of_weights: dict[int, list[_Scaled]] = field(default_factory=dict)
    of_logits: set[tuple[int, int]] = field(default_factory=set)
    losses: list[_Scaled] = field(default_factory=list)


class StepTrace(Trace):
    """The calls of one model in a training step, and the gradients taken there.

    The step may call the model itself, once or several times; or, as the train step of
    a model without a call of its own does, the models and layers in it.
    """

    unfuses_attention = False  # Its numbers are not bit for bit those of the fused one.

    def __init__(self, model: keras.Model, optimizer: Any) -> None:
        """Starts an empty trace.

        Args:
          model: whose calls are seen.
          optimizer: that scales the loss, if it does.
        """
        super().__init__(model, {})
        self._optimizer = optimizer
        self._virtual_root = LayerCall(model, str(model.name), None, is_container=True)
        self._children = {id(layer) for layer in model.layers}
        self._inputs_of_model: list[dict[str, tf.Tensor]] = []
        self._outputs_of_model: list[Any] = []
        self._weights: list[tf.Tensor] = []
        self._gradients = _Gradients()
        self._apart = Apart(())
        self._finished: CapturedStep | Reduced | None = None

    def call(self, operation: Any, call: Any, args: Any, kwargs: Any) -> Any:
        if self._stack:
            return super().call(operation, call, args, kwargs)
        if operation is self._model:
            self.note_weights()
            self._note_inputs(args, kwargs)
            output = super().call(operation, call, args, kwargs)
            self._outputs_of_model.append(output)
            return output
        if id(operation) not in self._children:
            return call(operation, *args, **kwargs)
        self.note_weights()
        self._stack.append(self._virtual_root)
        try:
            return super().call(operation, call, args, kwargs)
        finally:
            self._stack.pop()

    def note_weights(self) -> None:
        """Notes the weights as they are, unless that was done: before any update."""
        if not self._weights:
            self._weights = [tf.convert_to_tensor(w.value) for w in self._model.weights]

    def _note_inputs(self, args: Any, kwargs: Any) -> None:
        x = args[0] if args else next(iter(kwargs.values()), None)
        inputs = {
            name: tensor
            for name, tensor in named_inputs(self._model, x).items()
            if self._is_recordable(tensor)
        }
        self._producers.update({self._key(t): name for name, t in inputs.items()})
        self._inputs_of_model.append(inputs)

    @property
    def is_idle(self) -> bool:
        """Whether the step is outside of the model."""
        return not self._stack

    def sources(self, target: Any, sources: Sequence[Any]) -> list[tf.Tensor]:
        """What is added to the sources of a gradient: outputs and logits of calls."""
        if not self._concerned_by(sources):
            return []
        known = {id(loss) for loss, _ in self._gradients.losses}
        if all(id(loss) in known for loss in tf.nest.flatten(target)):
            return []  # Only other weights of the same loss: activations have theirs.
        return [tensor for _, _, tensor in self._wanted()]

    def _concerned_by(self, sources: Sequence[Any]) -> bool:
        """Whether a gradient is of the model's weights, and taken in the step itself."""
        graph = None if tf.executing_eagerly() else tf.compat.v1.get_default_graph()
        own = _ids(self._model.trainable_variables)
        return graph is self._graph and any(id(source) in own for source in sources)

    def _wanted(self) -> list[tuple[tuple[int, int], str, tf.Tensor]]:
        wanted = []
        for call in self.calls:
            if call.is_container:
                continue
            of_call = zip(call.outputs, call.logits, call.loss_logits, strict=True)
            for i, tensors in enumerate(of_call):
                for name, tensor in zip(
                    ("output", "logits", "loss_logits"), tensors, strict=True
                ):
                    if tensor is not None and has_gradient(tensor):
                        wanted.append(((id(call), i), name, tensor))
        return wanted

    def take(
        self, target: Any, sources: Sequence[Any], given: Sequence[Any], added: Any
    ) -> None:
        """Notes the gradients that the tape gave for sources and for what was added."""
        if not self._concerned_by(sources):
            return
        own = _ids(self._model.trainable_variables)
        found, scale = self._gradients, self._loss_scale()
        if added:
            of_output: dict[tuple[int, int], dict[str, Any]] = {}
            for (key, name, _), gradient in zip(self._wanted(), added, strict=True):
                of_output.setdefault(key, {})[name] = gradient
            for key, gradients in of_output.items():
                gradient = gradients.get("output")
                if gradients.get("loss_logits") is not None:
                    gradient = gradients.get("logits")
                    found.of_logits.add(key)
                if gradient is not None:
                    found.of_outputs.setdefault(key, []).append((gradient, scale))
            found.losses += [(loss, scale) for loss in tf.nest.flatten(target)]
        for source, gradient in zip(sources, given, strict=True):
            if id(source) in own and gradient is not None:
                of_weight = found.of_weights.setdefault(own[id(source)], [])
                of_weight.append((gradient, scale))

    def _loss_scale(self) -> tf.Tensor | None:
        optimizer = self._optimizer
        is_scaled = hasattr(optimizer, "dynamic_scale") or (
            getattr(optimizer, "loss_scale_factor", None) is not None
        )
        return optimizer.scale_loss(tf.ones(())) if is_scaled else None

    def with_own_weights(
        self, step: CapturedStep, tensors: dict[str, Any]
    ) -> CapturedStep:
        """A step that a function captured, with the weights as they are around it."""
        infos = step.layout.weights
        weights = {info.path: self._weights[info.index] for info in infos}
        updated = {
            info.path: tf.convert_to_tensor(self._model.weights[info.index].value)
            for info in infos
        }
        return replace(step.with_tensors(tensors, weights), updated_weights=updated)

    def adopt(self, result: CapturedStep | Reduced) -> None:
        """Takes what an inner function or replica captured as its own."""
        self._finished = result

    def finish(self, returned: Any = None) -> CapturedStep | Reduced | None:
        """What was captured; None where the step did nothing with the model.

        Args:
          returned: what the step returns, where it is traced.
        """
        if self._finished is not None:
            return self._finished
        self._apart = Apart(returned)
        calls = list(self.calls)
        if self._virtual_root.calls_by_name:
            calls.append(self._virtual_root)
        if not calls:
            return None
        groups: dict[int, list[LayerCall]] = {}
        for call in calls:
            groups.setdefault(id(_root(call)), []).append(call)
        ends = [
            {
                n: t
                for n, t in named_outputs(self._model, y).items()
                if self._is_recordable(t)
            }
            for y in self._outputs_of_model
        ]
        layout = describe_model(
            self._model,
            max(groups.values(), key=len),
            self._inputs_of_model[-1] if self._inputs_of_model else {},
            ends[-1] if ends else {},
        )
        return self._captured(groups, layout, ends)

    def _captured(
        self,
        groups: dict[int, list[LayerCall]],
        layout: ModelLayout,
        ends: Sequence[dict[str, tf.Tensor]],
    ) -> CapturedStep:
        notes: dict[str, str] = {}
        found = self._gradients
        outputs: dict[str, list[tf.Tensor]] = {}
        gradients: dict[str, list[tf.Tensor]] = {}
        logit_notes: dict[str, str] = {}
        for call in itertools.chain.from_iterable(groups.values()):
            if call.is_container:
                continue
            for i, path in enumerate(output_paths(call)):
                tensor, key = call.outputs[i], (id(call), i)
                if tensor is None:
                    continue
                outputs.setdefault(path, []).append(tensor)
                if key in found.of_outputs:
                    gradient = self._total(found.of_outputs[key])
                    gradients.setdefault(path, []).append(gradient)
                if key in found.of_logits:
                    logit_notes[path] = LOGITS_NOTE

        def joined(of_path: dict[str, list[tf.Tensor]]) -> dict[str, tf.Tensor]:
            result = {}
            for path, parts in of_path.items():
                result[path], note = _joined([self._apart(part) for part in parts])
                if note:
                    notes[path] = note
            return result

        weights, updated, weight_gradients = {}, {}, {}
        for info in layout.weights:
            variable = self._model.weights[info.index]
            weights[info.path] = self._weights[info.index]
            updated[info.path] = tf.convert_to_tensor(variable.value)
            taken = found.of_weights.get(id(variable), [])
            if taken:
                weight_gradients[info.path] = self._total(taken)
            if len(taken) > 1:
                notes[info.path] = SEVERAL_GRADIENTS_NOTE
        losses = [(tf.reduce_sum(self._apart(t)), scale) for t, scale in found.losses]
        captured = Captured(
            inputs=joined(_by_name(self._inputs_of_model)),
            outputs=joined(_by_name(ends)),
            activations=joined(outputs),
            activation_gradients=joined(gradients),
            weights=weights,
            weight_gradients=weight_gradients,
            loss=tf.cast(self._total(losses), tf.float32) if losses else None,
            gradient_notes=logit_notes,
        )
        return CapturedStep(captured, layout, updated, self._skipped(), notes)

    def _skipped(self) -> tf.Tensor | None:
        """Whether a dynamic loss scale backs off from what the gradients are."""
        taken = list(itertools.chain.from_iterable(self._gradients.of_weights.values()))
        if not taken or not hasattr(self._optimizer, "dynamic_scale"):
            return None
        finite = [
            tf.reduce_all(tf.math.is_finite(self._apart(_values(gradient))))
            for gradient, _ in taken
        ]
        return tf.logical_not(tf.reduce_all(finite))

    def _total(self, taken: Sequence[_Scaled]) -> tf.Tensor:
        """The sum of gradients, of the loss as it is when it is not scaled."""
        return tf.add_n([self._unscaled(gradient, scale) for gradient, scale in taken])

    def _unscaled(self, gradient: Any, scale: tf.Tensor | None) -> tf.Tensor:
        gradient = self._apart(tf.convert_to_tensor(gradient))
        if scale is None:
            return gradient
        dtype = gradient.dtype if gradient.dtype.is_complex else tf.float32
        return tf.cast(gradient, dtype) / tf.cast(scale, dtype)


def _root(call: LayerCall) -> LayerCall:
    while call.parent is not None:
        call = call.parent
    return call


def _by_name(of_calls: Sequence[dict[str, tf.Tensor]]) -> dict[str, list[tf.Tensor]]:
    names = {name for of_call in of_calls for name in of_call}
    return {
        name: [of_call[name] for of_call in of_calls if name in of_call]
        for name in sorted(names)
    }


def _joined(parts: Sequence[tf.Tensor]) -> tuple[tf.Tensor, str]:
    """Tensors of several calls as one, along the batch; and a note where they are."""
    if len(parts) == 1:
        return parts[0], ""
    shapes = [part.shape for part in parts]
    same = all(
        shape.rank is not None
        and shape.rank > 0
        and shape[1:].is_compatible_with(shapes[0][1:])
        for shape in shapes
    )
    if same:
        return tf.concat(parts, axis=0), SEVERAL_CALLS_NOTE
    return parts[-1], OTHER_SHAPES_NOTE


def _ids(variables: Sequence[keras.Variable]) -> dict[int, int]:
    """What a source of a gradient may be for a variable: itself, or TensorFlow's."""
    known = {}
    for variable in variables:
        known[id(variable)] = known[id(variable.value)] = id(variable)
    return known


def _values(gradient: Any) -> tf.Tensor:
    is_sparse = isinstance(gradient, tf.IndexedSlices)
    return gradient.values if is_sparse else gradient
