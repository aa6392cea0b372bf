"""What is to be minimised, checked, and how its images are shared out."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final, TypeAlias

import keras
import numpy as np

from tensorboard_keract.core.arguments import check_model, fixed_batch
from tensorboard_keract.core.feature_visualization.canvas import Canvas, parse_canvas
from tensorboard_keract.core.feature_visualization.descent import (
    Descent,
    Found,
    Stage,
    joined,
)
from tensorboard_keract.core.feature_visualization.objectives import Objective
from tensorboard_keract.core.feature_visualization.options import Array, Options
from tensorboard_keract.core.feature_visualization.parameterization import (
    Parameterization,
    parse_parameterization,
)
from tensorboard_keract.core.feature_visualization.step import (
    Energy,
    Step,
    compiled_step,
    described,
    kept,
    term_name,
)
from tensorboard_keract.core.feature_visualization.visualization import (
    FeatureVisualization,
)
from tensorboard_keract.core.model_state import build
from tensorboard_keract.core.progress import Progress

# A term of the energy, or one with its weight, 1 otherwise.
Objectives: TypeAlias = Sequence[Any]
Regularizers: TypeAlias = Sequence[Any]

_LEARNING_RATE: Final = 0.05


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
            transforms=tuple(map(_checked_transform, transforms)),
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
                Descent(self, step, numbers, [keys[int(i)] for i in numbers], bar).run(
                    stages
                )
                for numbers in parts
            ]
        return joined(found, step)

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


def _checked_transform(given: Any) -> Any:
    if not callable(given) or isinstance(given, type):
        raise TypeError(
            f"The transform {given!r} can't be used; give one, such as"
            " transforms.Jitter(4), or a function of images, seed and amount."
        )
    return given


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
