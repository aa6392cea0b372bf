"""One compiled step of optimising a batch of images, run many times in the graph.

The whole batch is one tensor of parameters, and each image has an energy of its own. At
inference samples of a batch do not see each other, so the gradient of the energies' sum
is that of each image's own.
"""

from __future__ import annotations

import dataclasses
import functools
import json
import threading
import weakref
from collections.abc import Callable, Hashable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final, NamedTuple

import keras
import numpy as np
import tensorflow as tf

from tensorboard_keract.core.attribution.score_pass import sample_bytes
from tensorboard_keract.core.call_selection import held, released
from tensorboard_keract.core.feature_visualization.canvas import Array, Canvas
from tensorboard_keract.core.feature_visualization.objectives import Objective
from tensorboard_keract.core.feature_visualization.parameterization import (
    Parameterization,
)
from tensorboard_keract.core.feature_visualization.seen import Limit, Seen
from tensorboard_keract.core.feature_visualization.transforms import cropped
from tensorboard_keract.core.model_layout import named_inputs
from tensorboard_keract.core.model_state import (
    ModelScope,
    call_model,
    lock_of,
    losses_kept,
)
from tensorboard_keract.core.trace import tracing

# Each holds a graph, and several times its images.
_STEPS_KEPT_PER_MODEL: Final = 8


@dataclass(frozen=True)
class Energy:
    """What a step lowers, and how. Equal ones share a compiled step.

    Attributes:
      objectives, regularizers, transforms, preprocess: as `kept` gives them.
      input_range: least and greatest value of the images; None for no range.
      optimizer: class and settings.
    """

    objectives: tuple[Any, ...]
    regularizers: tuple[Any, ...]
    transforms: tuple[Any, ...]
    preprocess: Any
    parameterization: Parameterization
    input_range: tuple[float, float] | None
    optimizer: tuple[type, str]


def kept(part: Any) -> Any:
    """A part of an energy so that equal ones are found equal, and no model is kept."""
    if isinstance(part, Objective):
        return part.bare()
    is_value = hasattr(type(part), "__dataclass_fields__")
    return part if part is None or is_value else held(part)


def described(optimizer: keras.optimizers.Optimizer) -> tuple[type, str]:
    """An optimiser's class and settings; of its state nothing."""
    config = {**optimizer.get_config(), "name": "images"}
    return type(optimizer), json.dumps(config, default=str, sort_keys=True)


class Chunk(NamedTuple):
    """What some iterations gave.

    Attributes:
      losses: float32 [iteration, term, image], before weights. The first row is that of
        images without transforms.
      finite: whether no energy and no gradient was NaN or ±Inf; if one was, it was in
        the last iteration.
      images: [image, …] as they were at the first iteration, in units of the range.
      gradients: [image, …], of the energy with respect to them in the model's units.
    """

    losses: Array
    finite: bool
    images: Array
    gradients: Array


class Step:
    """A compiled step for so many images of one energy and one model."""

    def __init__(
        self,
        model: keras.Model,
        energy: Energy,
        canvas: Canvas,
        count: int,
        optimizer: keras.optimizers.Optimizer,
    ) -> None:
        """Prepares a step; nothing is traced yet. The model is held weakly."""
        self.count = count
        self.trace_count = 0
        self.limits: list[tuple[int, Limit]] = []
        self.paths: list[str] = []
        self.sources: list[str] = []
        self.sample_bytes = 0
        self.lock = threading.Lock()
        self._model = weakref.ref(model)
        self._energy = energy
        # Without the arrays of the first run.
        self._canvas = dataclasses.replace(canvas, seeds=None, fixed=())
        bounded = energy.input_range is not None
        start = energy.parameterization.start(
            canvas.shape, bounded, np.random.default_rng(0)
        )
        zeros = np.zeros((count, *start.shape), np.float32)
        self._parameters, self._last = (
            keras.Variable(
                zeros, dtype="float32", name=name, trainable=name == "images"
            )
            for name in ("images", "last_images")
        )
        config = {**optimizer.get_config(), "name": "images"}
        self._optimizer = type(optimizer).from_config(config)
        self._optimizer.build([self._parameters])
        self._optimizer_start = [v.numpy() for v in self._optimizer.variables]
        self._function = tf.function(functools.partial(self._chunk), autograph=False)

    def begin(self, parameters: Array) -> None:
        """Begins with other images, the optimiser anew."""
        self._parameters.assign(parameters)
        self._last.assign(parameters)
        self.forget()

    def forget(self) -> None:
        """Has the optimiser begin anew, with the images as they are."""
        for variable, value in zip(
            self._optimizer.variables, self._optimizer_start, strict=True
        ):
            variable.assign(value)

    def run(
        self,
        start: int,
        steps: int,
        updates: bool,
        seed: int,
        weights: Array,
        arrays: Sequence[Mapping[str, Array]],
        fixed: Sequence[Array],
    ) -> Chunk:
        """Some iterations.

        Args:
          start: number of the first; it goes into the transforms' randomness.
          steps: how many.
          updates: whether images change; else the energy is only looked at.
          seed: of the transforms.
          weights: float32 [term].
          arrays: of each objective, by name, [1 or image, …].
          fixed: the other inputs, [image, …].
        """
        arguments = _as_tensors((start, steps, updates, seed, weights, arrays, fixed))
        run = self._chunk if self._runs_eagerly() else self._function
        losses, finite, images, gradients = run(*arguments)
        return Chunk(losses.numpy(), bool(finite), images.numpy(), gradients.numpy())

    def prepare(
        self, terms: int, arrays: Sequence[Mapping[str, Array]], fixed: Sequence[Array]
    ) -> None:
        """Traces without running; only an eager model is called.

        Raises:
          ValueError: what `minimize` says of its arguments.
        """
        weights = np.ones(terms, np.float32)
        arguments = _as_tensors((0, 1, False, 0, weights, arrays, fixed))
        if self._runs_eagerly():
            self._chunk(*arguments)
        else:
            self._function.get_concrete_function(*arguments)

    def check(self, arrays: Sequence[Mapping[str, Array]]) -> None:
        """Holds all images' arrays against what the layers have.

        Raises:
          ValueError: if a channel or the like is beyond.
        """
        for number, limit in self.limits:
            limit.check(arrays[number])

    def last_images(self) -> Array:
        """Images of the last iteration that was finite, in units of the range."""
        images: Array = self._images(tf.convert_to_tensor(self._last.value)).numpy()
        return images

    def _runs_eagerly(self) -> bool:
        return bool(getattr(self._model(), "run_eagerly", False))

    def _images(self, parameters: tf.Tensor) -> tf.Tensor:
        bounded = self._energy.input_range is not None
        shape = self._canvas.shape
        images = self._energy.parameterization.image(parameters, shape, bounded)
        return tf.ensure_shape(images, [self.count, *shape])

    def _chunk(
        self,
        start: tf.Tensor,
        steps: tf.Tensor,
        updates: tf.Tensor,
        seed: tf.Tensor,
        weights: tf.Tensor,
        arrays: list[dict[str, tf.Tensor]],
        fixed: list[tf.Tensor],
    ) -> tuple[tf.Tensor, ...]:
        model = self._model()
        if model is None:
            raise ReferenceError("The model of this step no longer exists.")
        self.trace_count += 1

        def body(
            i: tf.Tensor, finite: tf.Tensor, table: Any, first: Any, slope: Any
        ) -> tuple[Any, ...]:
            at_first = tf.equal(i, 0)
            amount = tf.where(at_first, 0.0, 1.0)  # Of the transforms.
            images, losses, gradients = self._evaluated(
                model, tf.stack([seed, start + i]), amount, weights, arrays, fixed
            )
            energy = tf.linalg.matvec(losses, weights, transpose_a=True)
            finite = tf.logical_and(
                tf.reduce_all(tf.math.is_finite(energy)),
                tf.reduce_all(tf.math.is_finite(gradients[0])),
            )
            first = tf.cond(at_first, lambda: images, lambda: first)
            slope = tf.cond(at_first, lambda: gradients[1], lambda: slope)
            tf.cond(
                tf.logical_and(finite, updates),
                lambda: self._update(gradients[0]),
                lambda: tf.constant(False),
            )
            return i + 1, finite, table.write(i, losses), first, slope

        terms = len(self._energy.objectives) + len(self._energy.regularizers)
        table = tf.TensorArray(
            tf.float32, steps, element_shape=[terms, self.count], clear_after_read=False
        )
        nothing = tf.zeros([self.count, *self._canvas.shape])
        with lock_of(model), losses_kept(model):
            done, finite, table, first, slope = tf.while_loop(
                lambda i, finite, *_: tf.logical_and(finite, i < steps),
                body,
                (tf.constant(0), tf.constant(True), table, nothing, nothing),
                parallel_iterations=1,
            )
        return table.stack()[:done], finite, first, slope

    def _evaluated(
        self,
        model: keras.Model,
        seed: tf.Tensor,
        amount: tf.Tensor,
        weights: tf.Tensor,
        arrays: Sequence[Mapping[str, tf.Tensor]],
        fixed: Sequence[tf.Tensor],
    ) -> tuple[tf.Tensor, tf.Tensor, list[tf.Tensor]]:
        """Images in units of the range, losses [term, image], gradients of parameters
        and of images as the model has them."""
        low, high = self._energy.input_range or (0.0, 1.0)
        with tf.GradientTape(watch_accessed_variables=False) as tape:
            parameters = tf.convert_to_tensor(self._parameters.value)
            tape.watch(parameters)
            images = low + (high - low) * self._images(parameters)
            units = (images - low) / (high - low)
            transformed = images
            for number, transform in enumerate(self._energy.transforms):
                # Each draws numbers of its own.
                own = tf.stack([seed[0] + 7919 * number, seed[1]])
                transformed = released(transform)(transformed, own, amount)
            transformed = cropped(transformed, self._canvas.shape[:-1])
            seen = self._seen(model, transformed, fixed, tape)
            losses = self._losses(seen, units, arrays)
            energy = tf.reduce_sum(losses * weights[:, tf.newaxis])
        gradients = tape.gradient(energy, [parameters, images])
        if gradients[0] is None:
            raise ValueError(
                f"The energy does not depend on the input {self._canvas.name!r}, or not"
                " in a differentiable way."
            )
        return units, losses, gradients

    def _seen(
        self,
        model: keras.Model,
        images: tf.Tensor,
        fixed: Sequence[tf.Tensor],
        tape: tf.GradientTape,
    ) -> Seen:
        preprocess = released(self._energy.preprocess)
        given = images if preprocess is None else preprocess(images)
        return look(model, self._canvas, images, given, fixed, tape, self._note)

    def _note(self, calls: Sequence[Any]) -> None:
        self.sample_bytes = sum(map(sample_bytes, calls))

    def _losses(
        self,
        seen: Seen,
        units: tf.Tensor,
        arrays: Sequence[Mapping[str, tf.Tensor]],
    ) -> tf.Tensor:
        self.limits = []
        found = []
        for number, objective in enumerate(self._energy.objectives):
            seen.arrays, seen.limits = arrays[number], []
            term = released(objective)
            found.append(_checked(term, term(seen), self.count))
            self.limits += [(number, limit) for limit in seen.limits]
        for regularizer in self._energy.regularizers:
            term = released(regularizer)
            found.append(_checked(term, term(units), self.count))
        self.paths, self.sources = seen.paths, seen.sources
        return tf.stack(found)

    def _update(self, gradients: tf.Tensor) -> tf.Tensor:
        self._last.assign(self._parameters.value)
        self._optimizer.apply([gradients], [self._parameters])
        bounded = self._energy.input_range is not None
        parameterization = self._energy.parameterization
        updated = parameterization.projected(self._parameters.value, bounded)
        if updated is not self._parameters.value:
            self._parameters.assign(updated)
        return tf.constant(True)


def look(
    model: keras.Model,
    canvas: Canvas,
    images: tf.Tensor,
    given: tf.Tensor,
    fixed: Sequence[tf.Tensor],
    tape: tf.GradientTape,
    note: Callable[[Sequence[Any]], None] = lambda calls: None,
) -> Seen:
    """Calls the model on images, `given` as it takes them; it stays as it was."""
    x = canvas.packed(given, fixed)
    inputs = named_inputs(model, x)
    with ModelScope(model, tape, None), tracing(model, inputs) as trace:
        outputs = call_model(model, x, training=False)
    note(trace.calls)
    return Seen(model, trace.calls, images, outputs)


def survey(model: keras.Model, canvas: Canvas, ask: Callable[[Seen], Any]) -> Any:
    """What can be asked of a forward pass for one image while it is traced."""
    answers: list[Any] = []

    def run() -> tf.Tensor:
        images = tf.zeros([1, *canvas.shape])
        fixed = [tf.constant(values[:1]) for values in canvas.fixed]
        with lock_of(model), losses_kept(model), tf.GradientTape() as tape:
            answers.append(ask(look(model, canvas, images, images, fixed, tape)))
        return tf.constant(True)

    if getattr(model, "run_eagerly", False):
        run()
    else:
        tf.function(run, autograph=False).get_concrete_function()
    return answers[0]


def _checked(term: Any, values: Any, count: int) -> tf.Tensor:
    values = tf.convert_to_tensor(values)
    if values.shape.rank != 1 or not values.dtype.is_floating:
        raise ValueError(
            f"{term_name(term)} gives the shape {tuple(values.shape)} and the type"
            f" {values.dtype.name}; a term of the energy is floating, [image]. Take the"
            " mean over all axes but the first."
        )
    return tf.ensure_shape(tf.cast(values, tf.float32), [count])


def term_name(term: Any) -> str:
    """Of the losses in a result: "Channel", or the name of a function."""
    return str(getattr(term, "__name__", None) or type(term).__name__)


def _as_tensors(structure: Any) -> Any:
    return keras.tree.map_structure(tf.convert_to_tensor, structure)


_steps: weakref.WeakKeyDictionary[keras.Model, dict[Hashable, Step]] = (
    weakref.WeakKeyDictionary()
)
_lock = threading.Lock()


def compiled_step(
    model: keras.Model,
    energy: Energy,
    canvas: Canvas,
    count: int,
    optimizer: keras.optimizers.Optimizer,
) -> Step:
    """The step for an energy and so many images: a known one where there is one.

    Those of one model that were made first go first.
    """
    key = energy, canvas.signature, count
    try:
        hash(key)
    except TypeError:  # Of a function that isn't hashable.
        return Step(model, energy, canvas, count, optimizer)
    with _lock:
        of_model = _steps.setdefault(model, {})
        if key not in of_model:
            of_model[key] = Step(model, energy, canvas, count, optimizer)
            if len(of_model) > _STEPS_KEPT_PER_MODEL:
                del of_model[next(iter(of_model))]
        return of_model[key]
