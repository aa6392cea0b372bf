"""An energy of images is lowered: objectives and regularizers, weighted, by gradients.

energy = Σ weight × objective(what the model makes of the image)
       + Σ weight × regularizer(image)

as in keras-vis; each image of a batch has its own, and they are optimised side by side.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import keras

from tensorboard_keract.core.feature_visualization.options import Options, OptionsDict
from tensorboard_keract.core.feature_visualization.task import (
    Objectives,
    Regularizers,
    Task,
)
from tensorboard_keract.core.feature_visualization.visualization import (
    FeatureVisualization,
)

if TYPE_CHECKING:
    from typing_extensions import Unpack


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
