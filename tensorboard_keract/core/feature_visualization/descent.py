"""The way of the images that one step takes at once, from their start to the best."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import numpy as np

from tensorboard_keract.core.feature_visualization.options import (
    Array,
    Check,
    NotFiniteError,
)
from tensorboard_keract.core.feature_visualization.step import Chunk, Step
from tensorboard_keract.core.feature_visualization.visualization import (
    LEVELLED,
    RISING,
    STUCK,
)
from tensorboard_keract.core.progress import Progress

if TYPE_CHECKING:
    from tensorboard_keract.core.feature_visualization.task import Task

# A score or energy that changes by less than this share of its size has not changed.
_CHANGE: Final = 1e-3

# One that gains more than this share of all that it gained in its last quarter goes on
# rising.
_STILL_RISING: Final = 0.1


@dataclass(frozen=True)
class Stage:
    """So many iterations with such weights."""

    iterations: int
    weights: Array


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


class Descent:
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
        return bool(np.all(before - best <= _CHANGE * np.abs(best)))

    def _found(self) -> Found:
        best = self._best
        scores = np.stack(self._scores)
        outcomes = [
            self._outcome(of_image, best_score)
            for of_image, best_score in zip(scores.T, best.scores, strict=True)
        ]
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

    def _outcome(self, scores: Array, best: np.float32) -> str:
        rise = best - scores[0]
        began_with_noise = self._task.canvas.seeds is None
        if began_with_noise and rise <= _CHANGE * np.abs(scores).max():
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


def joined(parts: Sequence[Found], step: Step) -> Found:
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
