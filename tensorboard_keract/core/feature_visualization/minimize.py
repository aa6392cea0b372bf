"""An energy of images is lowered: objectives and regularizers, weighted, by gradients.

energy = Σ weight × objective(what the model makes of the image)
       + Σ weight × regularizer(image)

as in keras-vis; each image of a batch has its own, and they are optimised side by side.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final, TypeAlias, TypedDict

import keras
import numpy as np
import numpy.typing as npt

from tensorboard_keract.core.arguments import check_model, fixed_batch
from tensorboard_keract.core.feature_visualization.canvas import Canvas, parse_canvas
from tensorboard_keract.core.feature_visualization.objectives import Objective
from tensorboard_keract.core.feature_visualization.parameterization import (
    Parameterization,
    parse_parameterization,
)
from tensorboard_keract.core.feature_visualization.step import (
    Chunk,
    Energy,
    Step,
    compiled_step,
    described,
    kept,
    term_name,
)
from tensorboard_keract.core.feature_visualization.visualization import (
    LEVELLED,
    RISING,
    STUCK,
    FeatureVisualization,
)
from tensorboard_keract.core.model_state import build
from tensorboard_keract.core.progress import Progress

if TYPE_CHECKING:
    from typing_extensions import Unpack

Array: TypeAlias = npt.NDArray[Any]

# A term of the energy, or one with its weight, 1 otherwise.
Objectives: TypeAlias = Sequence[Any]
Regularizers: TypeAlias = Sequence[Any]

MEMORY_LIMIT: Final = 1 << 30
"""Bytes that activations and their gradients may take at once."""

_LEARNING_RATE: Final = 0.05

# A score that rises by less than this share of its size has not risen.
_RISE: Final = 1e-3

# One that gains more than this share of all that it gained in its last quarter goes on
# rising.
_STILL_RISING: Final = 0.1


@dataclass(frozen=True)
class Check:
    """What a callback is told: the images as they are, looked at without transforms.

    Attributes:
      iteration: how many were done.
      numbers: int [image], which of all images these are.
      images: float32 [image, …], in the input range.
      losses: by term, float32 [image], before weights.
      energy: float32 [image].
    """

    iteration: int
    numbers: Array
    images: Array
    losses: Mapping[str, Array]
    energy: Array


Callback: TypeAlias = Callable[[Check], Any]


class NotFiniteError(ArithmeticError):
    """An energy, or its gradient, became NaN or ±Inf.

    Attributes:
      images: float32 [image, …], the last ones for which all was finite.
      numbers: int [image], which of all images these are.
    """

    def __init__(self, message: str, images: Array, numbers: Array) -> None:
        """With the images as they were."""
        super().__init__(message)
        self.images = images
        self.numbers = numbers


class OptionsDict(TypedDict, total=False):
    """`Options` as keyword arguments."""

    max_iter: int
    seed: int
    seed_input: Any
    input: str | None
    input_shape: Sequence[int] | None
    input_range: tuple[float, float] | None
    preprocess: Callable[[Any], Any] | None
    parameterization: str | Parameterization | None
    optimizer: keras.optimizers.Optimizer | None
    callbacks: Iterable[Callback]
    check_every: int
    frames_every: int | None
    patience: int | None
    memory_limit: int
    progress: bool | None


@dataclass(frozen=True)
class Options:
    """How an energy is lowered; `minimize` says of each what it is."""

    max_iter: int = 256
    seed: int = 0
    seed_input: Any = None
    input: str | None = None
    input_shape: Sequence[int] | None = None
    input_range: tuple[float, float] | None = (0.0, 1.0)
    preprocess: Callable[[Any], Any] | None = None
    parameterization: str | Parameterization | None = None
    optimizer: keras.optimizers.Optimizer | None = None
    callbacks: Iterable[Callback] = ()
    check_every: int = 16
    frames_every: int | None = None
    patience: int | None = 4
    memory_limit: int = MEMORY_LIMIT
    progress: bool | None = None

    def __post_init__(self) -> None:
        for name in ("max_iter", "check_every"):
            if getattr(self, name) < 1:
                raise ValueError(f"{name}={getattr(self, name)}; give one at least.")
        if self.patience is not None and self.patience < 1:
            raise ValueError(
                f"patience={self.patience}; give a number of checks, or None."
            )
        if self.frames_every is not None and self.frames_every < 0:
            raise ValueError(
                f"frames_every={self.frames_every}; give a number of iterations, or 0"
                " for no frames."
            )
        if (
            self.input_range is not None
            and not self.input_range[0] < self.input_range[1]
        ):
            raise ValueError(
                f"input_range={self.input_range}; give the least and the greatest value"
                " of the model's inputs, such as (0, 255), or None for no range."
            )
        if self.optimizer is not None and not isinstance(
            self.optimizer, keras.optimizers.Optimizer
        ):
            raise TypeError(
                f"optimizer is {self.optimizer!r}; give one of keras.optimizers, such"
                " as keras.optimizers.Adam(0.05)."
            )

    @property
    def frame_step(self) -> int:
        """Iterations from frame to frame; 0 for none. Nine by default."""
        if self.frames_every is None:
            return max(1, self.max_iter // 8)
        return self.frames_every


@dataclass(frozen=True)
class Stage:
    """So many iterations with such weights."""

    iterations: int
    weights: Array


def minimize(
    model: keras.Model,
    objectives: Objectives,
    regularizers: Regularizers = (),
    transforms: Sequence[Any] = (),
    *,
    images: int | None = None,
    **options: Unpack[OptionsDict],
) -> FeatureVisualization:
    """Finds inputs with the least energy: what objectives and regularizers ask for.

    Example:

    ```python
    from tensorboard_keract import objectives, regularizers, transforms

    minimize(
        model,
        [objectives.Channel("conv2", [3, 5]), (lambda seen: …, 0.1)],
        [(regularizers.TotalVariation(), 10.0)],
        [transforms.Jitter(4)],
    )
    ```

    Args:
      model: any Keras 3 model; it need not be compiled, and stays as it is.
      objectives: of module `objectives`, functions of a `Seen`, or pairs of one with its
        weight. They are called while a step is traced.
      regularizers: of module `regularizers`, functions of images, or pairs.
      transforms: of module `transforms`, applied in this order before the model.
      images: how many; None for as many as arrays and seeds are for.
      max_iter: iterations, but for an early stop.
      seed: of the first noise and of the transforms. The same seed gives the same
        images, up to rounding; noise of one image does not depend on the others.
      seed_input: where to begin: what `model.predict` takes, one sample or one for each
        image; a result, to go on from it; None for noise. Of several inputs, None in
        place of the one that begins with noise; the others stay as they are.
      input: name of the optimised input; None for the one that is None in `seed_input`,
        else the first.
      input_shape: of one image, where the model leaves it open.
      input_range: the least and the greatest value of images, as the model was trained
        on; None for no limit. Regularizers and learning rates are in units of it.
      preprocess: what is done to images before the model, on tensors; such as
        `keras.applications.vgg16.preprocess_input` with an input range of 0 to 255.
      parameterization: "fourier" or "pixels", or `Fourier(…)`, `Pixels(…)`; None takes
        waves for images of 32 × 32 or more.
      optimizer: any of keras.optimizers; a copy of it is used. Adam(0.05) by default.
      callbacks: called with a `Check` at each look; one that returns True ends it.
      check_every: iterations between looks without transforms, of which the best image
        is taken.
      frames_every: iterations between the frames that are kept, 0 for none; by default
        an eighth of `max_iter`.
      patience: looks in which no image's energy has fallen by a thousandth, after which
        it ends early; None for never.
      memory_limit: bytes of activations and gradients at once; more images than that
        allows are optimised one part after the other.
      progress: whether to show a progress bar; None if it takes more than 2 s.

    Returns:
      The images with scores, losses and gradients; see `FeatureVisualization`.

    Raises:
      NotFiniteError: if an energy becomes NaN or ±Inf; it has the last good images.
      UnknownLayerError: a KeyError, if no layer fits; lists the layers.
      ValueError: if numbers of channels or classes are beyond the layer's; for options
        out of range; if shapes do not fit, or the energy does not depend on the input.
      TypeError: if `model` is no Keras 3 model, or its input holds whole numbers.
      RuntimeError: if Keras runs on another backend than TensorFlow.
    """
    task = Task.of(
        model, objectives, regularizers, transforms, Options(**options), images
    )
    return task.result("minimize", task.run())


@dataclass
class Found:
    """What the optimisation gave; as `FeatureVisualization` has it.

    But losses are one array, float32 [iteration, term, image].
    """

    images: Array
    scores: Array
    losses: Array
    checks: Array
    gradients: Array
    frames: Array | None
    frame_iterations: Array
    best_iterations: Array
    outcomes: list[str]
    paths: list[str]
    sources: list[str]


@dataclass(frozen=True)
class Task:
    """What is to be minimised, checked.

    Attributes:
      terms: objectives, then regularizers, each with its weight.
      objectives: how many of the terms are.
      arrays: of each objective, by name, [1 or image, …].
      count: how many images.
    """

    model: keras.Model
    canvas: Canvas
    terms: tuple[tuple[Any, float], ...]
    objectives: int
    arrays: tuple[dict[str, Array], ...]
    transforms: tuple[Any, ...]
    parameterization: Parameterization
    options: Options
    count: int

    @classmethod
    def of(
        cls,
        model: keras.Model,
        objectives: Objectives,
        regularizers: Regularizers,
        transforms: Sequence[Any],
        options: Options,
        count: int | None = None,
        canvas: Canvas | None = None,
    ) -> Task:
        """Raises what `minimize` says of its arguments."""
        check_model(model)
        canvas = canvas or built_canvas(model, options)
        looking = [_weighted("objective", term) for term in objectives]
        if not looking:
            raise ValueError("There are no objectives; give one at least.")
        arrays = tuple(
            term.arrays if isinstance(term, Objective) else {} for term, _ in looking
        )
        sizes = {"seed_input": _length(canvas.seeds)}
        for values in canvas.fixed:
            sizes["other inputs"] = max(len(values), sizes.get("other inputs", 1))
        for (term, _), of_term in zip(looking, arrays, strict=True):
            for name, values in of_term.items():
                sizes[f"{term_name(term)}.{name}"] = len(values)
        return cls(
            model=model,
            canvas=canvas,
            terms=(
                *looking,
                *(_weighted("regularizer", term) for term in regularizers),
            ),
            objectives=len(looking),
            arrays=arrays,
            transforms=tuple(transforms),
            parameterization=parse_parameterization(
                options.parameterization, canvas.shape
            ),
            options=options,
            count=_count(sizes, count),
        )

    @property
    def weights(self) -> Array:
        return np.array([weight for _, weight in self.terms], np.float32)

    @property
    def is_scored(self) -> Array:
        """Which terms are part of the scores, bool [term]."""
        return np.array(
            [
                number < self.objectives and getattr(term, "is_scored", True)
                for number, (term, _) in enumerate(self.terms)
            ]
        )

    @property
    def names(self) -> list[str]:
        """Of the terms, numbered where several have one."""
        names: list[str] = []
        for term, _ in self.terms:
            name, number = term_name(term), 2
            while name in names:
                name, number = f"{term_name(term)}_{number}", number + 1
            names.append(name)
        return names

    def run(
        self,
        stages: Sequence[Stage] | None = None,
        noise_keys: Sequence[Sequence[int]] | None = None,
        together: int = 1,
    ) -> Found:
        """Optimises all images, in parts where memory is short.

        Args:
          stages: one after the other; by default `max_iter` with the weights given.
          noise_keys: for each image, numbers that its first noise is drawn by.
          together: so many neighbours must be in one part.
        """
        options = self.options
        if stages is None:
            stages = [Stage(options.max_iter, self.weights)]
        optimizer = options.optimizer or keras.optimizers.Adam(
            _LEARNING_RATE, name="images"
        )
        step, size = self._step(optimizer, together)
        keys: Sequence[Sequence[int]] = noise_keys or [
            (number,) for number in range(self.count)
        ]
        parts = [
            np.arange(start, min(start + size, self.count))
            for start in range(0, self.count, size)
        ]
        total = sum(stage.iterations for stage in stages)
        bar = Progress(total * len(parts), options.progress, "iteration")
        with step.lock:
            found = [
                _Part(self, step, numbers, [keys[int(i)] for i in numbers], bar).run(
                    stages
                )
                for numbers in parts
            ]
        return _joined(found, step)

    def _step(
        self, optimizer: keras.optimizers.Optimizer, together: int
    ) -> tuple[Step, int]:
        """A traced step, and how many images it is for."""
        energy = Energy(
            objectives=tuple(kept(term) for term, _ in self.terms[: self.objectives]),
            regularizers=tuple(kept(term) for term, _ in self.terms[self.objectives :]),
            transforms=tuple(map(kept, self.transforms)),
            preprocess=kept(self.options.preprocess),
            parameterization=self.parameterization,
            input_range=self.options.input_range,
            optimizer=described(optimizer),
        )
        size = fixed_batch(self.model) or self.count
        if size % together:
            raise ValueError(
                f"The model takes batches of {size}, and {together} images of a unit"
                " must be in one batch."
            )
        while True:
            step = compiled_step(self.model, energy, self.canvas, size, optimizer)
            arrays, fixed = self.part(np.resize(np.arange(self.count), size))
            if not step.trace_count:
                step.prepare(len(self.terms), arrays, fixed)
            step.check(self.arrays)
            fitting = self.options.memory_limit // max(1, 2 * step.sample_bytes)
            fitting = max(together, fitting // together * together)
            if fitting >= size or fixed_batch(self.model):
                return step, size
            # Parts of one size, so that there is one step.
            groups = -(-self.count // together)
            per_part = -(-groups // -(-self.count // fitting))
            size = min(fitting, per_part * together)

    def part(self, numbers: Array) -> tuple[list[dict[str, Array]], list[Array]]:
        """Arrays and other inputs of some images."""
        arrays = [
            {
                name: values if len(values) == 1 else values[numbers]
                for name, values in of_term.items()
            }
            for of_term in self.arrays
        ]
        fixed = [
            np.repeat(values, len(numbers), axis=0)
            if len(values) == 1
            else values[numbers]
            for values in self.canvas.fixed
        ]
        return arrays, fixed

    def starts(self, numbers: Array, keys: Sequence[Sequence[int]]) -> Array:
        """The first parameters of some images."""
        bounded = self.options.input_range is not None
        seeds = self.canvas.seeds
        if seeds is None:
            rngs = (np.random.default_rng([self.options.seed, *key]) for key in keys)
            started = [
                self.parameterization.start(self.canvas.shape, bounded, rng)
                for rng in rngs
            ]
            return np.stack(started)
        units = self._units(seeds)
        chosen = units[numbers if len(units) > 1 else np.zeros_like(numbers)]
        return np.stack(
            [self.parameterization.parameters(image, bounded) for image in chosen]
        )

    def _units(self, seeds: Array) -> Array:
        if self.options.input_range is None:
            return seeds
        low, high = self.options.input_range
        units = (seeds - low) / (high - low)
        if units.min() < -1e-3 or units.max() > 1 + 1e-3:
            raise ValueError(
                f"seed_input has values from {seeds.min():g} to {seeds.max():g}, and"
                f" input_range is {low:g} to {high:g}. Give the range of the model's"
                " inputs as input_range, or None for no limit."
            )
        return np.clip(units, 0, 1)

    def in_range(self, units: Array) -> Array:
        """Images in the input range."""
        low, high = self.options.input_range or (0.0, 1.0)
        return (low + (high - low) * units).astype(np.float32)

    def result(
        self,
        method: str,
        found: Found,
        units: Array | None = None,
        **settings: Any,
    ) -> FeatureVisualization:
        """What was found, with where it comes from."""
        paths = list(dict.fromkeys(found.paths))
        sources = set(found.sources)
        optimizer = self.options.optimizer
        name = (
            f"Adam({_LEARNING_RATE})" if optimizer is None else type(optimizer).__name__
        )
        return FeatureVisualization(
            method=method,
            images=found.images,
            scores=found.scores,
            site=", ".join(paths),
            score_source=sources.pop() if len(sources) == 1 else "function",
            units=units,
            losses={n: found.losses[:, i] for i, n in enumerate(self.names)},
            weights=dict(zip(self.names, map(float, self.weights), strict=True)),
            checks=found.checks,
            gradients=found.gradients,
            frames=found.frames,
            frame_iterations=found.frame_iterations,
            best_iterations=found.best_iterations,
            outcomes=tuple(found.outcomes),
            input_range=self.options.input_range,
            seed=self.options.seed,
            settings={
                "max_iter": self.options.max_iter,
                "parameterization": repr(self.parameterization),
                "transforms": [
                    getattr(t, "__name__", None) or repr(t) for t in self.transforms
                ],
                "optimizer": name,
                "input": self.canvas.name,
                **settings,
            },
        )


def built_canvas(model: keras.Model, options: Options) -> Canvas:
    """The canvas of a model, which is then built."""
    canvas = parse_canvas(model, options.seed_input, options.input, options.input_shape)
    build(model, canvas.sample())
    return canvas


class _Part:
    """The optimisation of the images that one step takes at once."""

    def __init__(
        self,
        task: Task,
        step: Step,
        numbers: Array,
        keys: Sequence[Sequence[int]],
        bar: Progress,
    ) -> None:
        self._task = task
        self._options = task.options
        self._step = step
        self._numbers = numbers
        self._keys = keys
        self._bar = bar
        # The last part may be smaller: filled up with its own images.
        self._filled = np.resize(np.arange(len(numbers)), step.count)
        self._arrays, self._fixed = task.part(numbers[self._filled])
        self._losses: list[Array] = []
        self._checks: list[int] = []
        self._frames: list[Array] = []
        self._frame_iterations: list[int] = []
        self._energies: list[Array] = []  # Of the looks of this stage.
        self._scores: list[Array] = []  # Of all looks.
        self._best = _Best()

    def run(self, stages: Sequence[Stage]) -> Found:
        starts = self._task.starts(self._numbers, self._keys)
        self._step.begin(starts[self._filled])
        iteration = 0
        for stage in stages:
            self._step.forget()
            self._energies, self._best = [], _Best()
            end = iteration + stage.iterations
            is_over = False
            while iteration < end and not is_over:
                steps = self._until_next(iteration, end)
                is_over = self._go(iteration, steps, stage.weights)
                iteration += steps
        self._look(iteration, stages[-1].weights)
        planned = sum(stage.iterations for stage in stages)
        self._bar.advance(planned - iteration)
        return self._found()

    def _until_next(self, iteration: int, end: int) -> int:
        """Iterations to the next look or frame."""
        every, frame = self._options.check_every, self._options.frame_step
        stops = [end, iteration + every - iteration % every]
        if frame:
            stops.append(iteration + frame - iteration % frame)
        return min(stops) - iteration

    def _go(self, iteration: int, steps: int, weights: Array) -> bool:
        """Some iterations, the first of which is a look; whether they are the last."""
        chunk = self._ran(iteration, steps, True, weights)
        self._bar.advance(steps)
        frame = self._options.frame_step
        if frame and iteration % frame == 0:
            self._keep_frame(iteration, chunk)
        looked = chunk.losses[0]
        check = Check(
            iteration,
            self._numbers,
            self._task.in_range(chunk.images),
            dict(zip(self._task.names, looked, strict=True)),
            weights @ looked,
        )
        wishes = [callback(check) for callback in self._options.callbacks]
        return any(wish is True for wish in wishes) or self._has_levelled()

    def _look(self, iteration: int, weights: Array) -> None:
        """At the last images."""
        chunk = self._ran(iteration, 1, False, weights)
        if self._options.frame_step:
            self._keep_frame(iteration, chunk)

    def _ran(self, iteration: int, steps: int, updates: bool, weights: Array) -> Chunk:
        chunk = self._step.run(
            iteration,
            steps,
            updates,
            self._options.seed,
            weights,
            self._arrays,
            self._fixed,
        )
        count = len(self._numbers)
        chunk = Chunk(
            chunk.losses[:, :, :count],
            chunk.finite,
            chunk.images[:count],
            chunk.gradients[:count],
        )
        if not chunk.finite:
            raise self._not_finite(iteration, chunk)
        looked = chunk.losses[0]
        energy = weights @ looked
        score = -(weights * self._task.is_scored) @ looked
        self._checks.append(iteration)
        self._energies.append(energy)
        self._scores.append(score)
        self._losses.append(chunk.losses)
        self._best.take(iteration, energy, score, chunk)
        return chunk

    def _keep_frame(self, iteration: int, chunk: Chunk) -> None:
        self._frames.append(self._task.in_range(chunk.images))
        self._frame_iterations.append(iteration)

    def _not_finite(self, iteration: int, chunk: Chunk) -> NotFiniteError:
        last = chunk.losses[-1]
        at = iteration + len(chunk.losses) - 1
        where = np.argwhere(~np.isfinite(last))
        what = "The energy or its gradient is NaN or ±Inf"
        if len(where):
            term, image = where[0]
            name, number = self._task.names[term], self._numbers[image]
            what = f"{name} is {last[term, image]} for image {number}"
        return NotFiniteError(
            f"{what} at iteration {at}. The last images before it are in this error's"
            " `images`. A smaller learning rate, such as"
            " optimizer=keras.optimizers.Adam(0.005), or an input range may help.",
            self._task.in_range(self._step.last_images()[: len(self._numbers)]),
            self._numbers,
        )

    def _has_levelled(self) -> bool:
        patience = self._options.patience
        if patience is None or len(self._energies) <= patience:
            return False
        energies = np.stack(self._energies)
        before = energies[:-patience].min(axis=0)
        best = energies.min(axis=0)
        return bool(np.all(before - best <= _RISE * np.abs(best)))

    def _found(self) -> Found:
        best = self._best
        scores = np.stack(self._scores)
        outcomes = [self._outcome(of_image) for of_image in scores.T]
        return Found(
            images=self._task.in_range(best.images),
            scores=best.scores,
            losses=np.concatenate(self._losses),
            checks=np.array(self._checks),
            gradients=best.gradients,
            frames=np.stack(self._frames) if self._frames else None,
            frame_iterations=np.array(self._frame_iterations, int),
            best_iterations=best.iterations,
            outcomes=outcomes,
            paths=self._step.paths,
            sources=self._step.sources,
        )

    def _outcome(self, scores: Array) -> str:
        rise = scores.max() - scores[0]
        began_with_noise = self._task.canvas.seeds is None
        if began_with_noise and rise <= _RISE * np.abs(scores).max():
            return STUCK
        late = scores[-1] - scores[: max(1, 3 * len(scores) // 4)].max()
        return RISING if late > _STILL_RISING * rise else LEVELLED


class _Best:
    """Of each image that with the least energy so far."""

    def __init__(self) -> None:
        self.images = self.gradients = self.scores = np.zeros(0, np.float32)
        self.iterations = np.zeros(0, int)
        self._energy: Array | None = None

    def take(self, iteration: int, energy: Array, score: Array, chunk: Chunk) -> None:
        if self._energy is None:
            self._energy, self.scores = energy.copy(), score.copy()
            self.images, self.gradients = chunk.images.copy(), chunk.gradients.copy()
            self.iterations = np.full(len(energy), iteration)
            return
        better = energy < self._energy
        self._energy[better], self.scores[better] = energy[better], score[better]
        self.images[better] = chunk.images[better]
        self.gradients[better] = chunk.gradients[better]
        self.iterations[better] = iteration


def _joined(parts: Sequence[Found], step: Step) -> Found:
    """Parts of the images as one; those that ended early are filled up."""
    longest = max(parts, key=lambda part: len(part.losses))
    rows = len(longest.losses)
    losses = [
        np.pad(
            part.losses,
            ((0, rows - len(part.losses)), (0, 0), (0, 0)),
            constant_values=np.nan,
        )
        for part in parts
    ]
    frames = None
    at = np.unique(np.concatenate([part.frame_iterations for part in parts]))
    if longest.frames is not None:
        # After an early stop, the frame as it stayed.
        of_parts = [
            part.frames[np.searchsorted(part.frame_iterations, at, "right") - 1]
            for part in parts
            if part.frames is not None
        ]
        frames = np.concatenate(of_parts, axis=1)
    return Found(
        images=np.concatenate([part.images for part in parts]),
        scores=np.concatenate([part.scores for part in parts]),
        losses=np.concatenate(losses, axis=2),
        checks=longest.checks,
        gradients=np.concatenate([part.gradients for part in parts]),
        frames=frames,
        frame_iterations=at,
        best_iterations=np.concatenate([part.best_iterations for part in parts]),
        outcomes=[outcome for part in parts for outcome in part.outcomes],
        paths=step.paths,
        sources=step.sources,
    )


def _weighted(what: str, given: Any) -> tuple[Any, float]:
    """A term and its weight.

    Raises:
      TypeError: if it is neither a function nor a pair of one with a number.
    """
    term, weight = given if isinstance(given, tuple) and len(given) == 2 else (given, 1)
    is_number = isinstance(weight, (int, float, np.number))
    if not callable(term) or isinstance(term, type) or not is_number:
        raise TypeError(
            f"The {what} {given!r} can't be used; give one, such as"
            f" {_EXAMPLES[what]}, a function, or a pair of one with its weight."
        )
    return term, float(weight)


_EXAMPLES: Final = {
    "objective": 'objectives.Channel("conv1", 3)',
    "regularizer": "regularizers.TotalVariation()",
}


def _length(values: Array | None) -> int:
    return 1 if values is None else len(values)


def _count(sizes: Mapping[str, int], wanted: int | None) -> int:
    """How many images, where everything is for one or for so many.

    Raises:
      ValueError: if sizes disagree, or there are no images.
    """
    count = max(sizes.values()) if wanted is None else wanted
    wrong = {name: size for name, size in sizes.items() if size not in (1, count)}
    if wrong or count < 1:
        listed = ", ".join(f"{name} for {size}" for name, size in sizes.items())
        raise ValueError(
            f"{count} images are optimised, but there are {listed}. Each is to be for one"
            " or for all."
        )
    return count
