"""Feature visualisation: terms by hand, closed forms, and every kind of model."""

from __future__ import annotations

import base64
import gc
import io
import weakref
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import keras
import numpy as np
import pytest
import tensorflow as tf
from matplotlib import image as images

import tensorboard_keract as tk
from tensorboard_keract import objectives, regularizers, transforms
from tensorboard_keract.core.feature_visualization import step
from tensorboard_keract.core.feature_visualization.objectives import gram, per_image
from tensorboard_keract.core.feature_visualization.options import Check
from tensorboard_keract.core.feature_visualization.parameterization import (
    Parameterization,
)
from tensorboard_keract.core.feature_visualization.transforms import cropped
from tests import model_kinds, models

layers = keras.layers

SEED = tf.constant([1, 2])


def linear(*weights: float) -> keras.Model:
    """w · x, of a layer named "dense"; a column of weights for each unit."""
    kernel = np.array(weights, np.float32).reshape(-1, 1)
    model = keras.Sequential(
        [layers.Input((len(weights),)), layers.Dense(1, use_bias=False, name="dense")]
    )
    model.layers[0].set_weights([kernel])
    return model


def conv_net() -> keras.Model:
    """Four kernels of 3 × 3 over 8 × 8, whose softplus has a gradient everywhere."""
    model = keras.Sequential(
        [
            layers.Input((8, 8, 1), name="image"),
            layers.Conv2D(4, 3, activation="softplus", name="conv"),
            layers.Flatten(name="flatten"),
            layers.Dense(3, activation="softmax", name="probs"),
        ]
    )
    random = np.random.default_rng(0)
    model.set_weights([0.3 * random.normal(size=w.shape) for w in model.weights])
    return model


def small_net(activation: str | None = None) -> keras.Model:
    """Two kernels of 1 × 1, 1 and −1, without a ReLU; then three classes."""
    model = keras.Sequential(
        [
            layers.Input((2, 3, 1), name="image"),
            layers.Conv2D(2, 1, use_bias=False, name="conv"),
            layers.Flatten(name="flatten"),
            layers.Dense(3, activation=activation, name="dense"),
        ]
    )
    model.get_layer("conv").set_weights([np.array([[[[1.0, -1.0]]]])])
    kernel = np.random.default_rng(0).normal(size=(12, 3))
    model.get_layer("dense").set_weights([kernel, np.zeros(3)])
    return model


# Optima that are known.


def test_a_linear_unit_under_a_penalty_has_its_optimum_at_the_scaled_weights() -> None:
    # −w · x + c |x|² / 3 is least at x = 3 w / 2c.
    found = tk.minimize(
        linear(1, -2, 0.5),
        [objectives.Channel("dense", 0)],
        [(regularizers.LpNorm(centre=0), 3.0)],
        input_range=None,
        max_iter=600,
        patience=None,
    )
    np.testing.assert_allclose(found.images, [[0.5, -1, 0.25]], atol=1e-4)
    np.testing.assert_allclose(found.scores, [2.625], atol=1e-3)
    np.testing.assert_allclose(found.gradients, np.zeros((1, 3)), atol=1e-4)
    assert found.outcomes == ("levelled",)
    assert found.converged.tolist() == [True]
    assert found.site == "dense"


def test_within_a_range_the_optimum_of_a_linear_unit_is_at_its_ends() -> None:
    found = tk.minimize(
        linear(1, -2), [objectives.Channel("dense", 0)], input_range=(-1, 3)
    )
    np.testing.assert_allclose(found.images, [[3, -1]])
    np.testing.assert_allclose(found.scores, [5])
    # Of the energy, in the model's units.
    np.testing.assert_allclose(found.gradients, [[-1, 2]])


@pytest.mark.parametrize("optimizer", ["sgd", "rmsprop", "lion"])
def test_any_optimizer_of_keras_does(optimizer: str) -> None:
    given = keras.optimizers.get(optimizer)
    given.learning_rate = 0.05
    found = tk.minimize(
        linear(1, -2), [objectives.Channel("dense", 0)], optimizer=given, max_iter=100
    )
    np.testing.assert_allclose(found.images, [[1, 0]], atol=0.02)
    assert not given.built


# Objectives by hand: of one 1 × 1 × 2 activation, or of a row of places.


def losses(
    objective: Any, x: Any, model: keras.Model | None = None, **options: Any
) -> list[float]:
    """What an objective says of images as they are."""
    x = np.asarray(x, np.float32)
    model = model or keras.Sequential(
        [layers.Input(x.shape[1:]), layers.Activation("linear", name="same")]
    )
    found = tk.minimize(
        model,
        [objective],
        seed_input=x,
        input_range=None,
        parameterization="pixels",
        max_iter=1,
        **options,
    )
    [of_term] = found.losses.values()
    return [float(loss) for loss in of_term[0]]


PLACES = [[[[1, 4], [3, 2]]]]  # [1, 1, 2, 2]


@pytest.mark.parametrize(
    ("objective", "loss"),
    [
        (objectives.Layer("same"), -2.5),
        (objectives.Channel("same", 0), -2),
        (objectives.Channel("same", 1), -3),
        (objectives.Neuron("same", [0, 1, 0]), -3),
        # Dots 1 + 8 and 3 + 4.
        (objectives.Direction("same", [1, 2]), -8),
        (objectives.DeepDream("same"), -7.5),
        # Dots with themselves 17 and 13, and the cosines are 1.
        (objectives.Caricature("same", PLACES), -15),
        (objectives.Content("same", np.zeros((1, 1, 2, 2))), 7.5),
        # G = [[1 + 9, 4 + 6], [10, 16 + 4]] / 2.
        (objectives.Style("same", np.zeros((1, 2, 2))), (25 + 25 + 25 + 100) / 4),
    ],
)
def test_objectives_by_hand(objective: Any, loss: float) -> None:
    assert losses(objective, PLACES) == pytest.approx([loss], rel=1e-5)


def test_a_direction_by_its_cosine() -> None:
    # The dot of (3, 4) and (0, 1) is 4, their cosine 4 / 5.
    objective = objectives.Direction("same", [0, 1], cosine_power=2)
    assert losses(objective, [[[[3, 4]]]]) == pytest.approx([-4 * 0.64], rel=1e-5)


def test_gram_is_the_mean_over_places_of_products_of_channels() -> None:
    np.testing.assert_allclose(gram(np.array(PLACES)), [[[5, 5], [5, 10]]])


def test_diversity_is_the_mean_cosine_with_the_others_of_the_group() -> None:
    # Gram matrices of one channel each: alike, alike, other; and one alone.
    x = np.array([[1, 0], [2, 0], [0, 1], [1, 0]], np.float32).reshape(4, 1, 1, 2)
    objective = objectives.Diversity("same", [0, 0, 0, 1])
    np.testing.assert_allclose(losses(objective, x), [0.5, 0.5, 0, 0], atol=1e-6)


def test_a_class_is_scored_by_its_logit_where_a_softmax_ends_the_model() -> None:
    plain, softmax = small_net(), small_net("softmax")
    softmax.set_weights(plain.get_weights())
    x = np.random.default_rng(0).random((1, 2, 3, 1))
    logits = plain(x).numpy()[0]
    for objective in (objectives.ClassScore(2), objectives.Channel("dense", 2)):
        assert losses(objective, x, softmax) == pytest.approx([-logits[2]], rel=1e-5)
    likely = objectives.ClassScore(2, use_logits=False)
    p = np.exp(logits) / np.exp(logits).sum()
    assert losses(likely, x, softmax) == pytest.approx([-p[2]], rel=1e-5)
    sources = [
        tk.maximize_activation(model, filter_indices=0, max_iter=1, patience=1)
        for model in (plain, softmax)
    ]
    assert [found.score_source for found in sources] == ["activation", "logits"]


def test_functions_are_objectives_and_regularizers() -> None:
    found = tk.minimize(
        linear(1, -2),
        [(lambda seen: -seen.activation("dense")[:, 0], 2.0)],
        [lambda x: tf.reduce_sum(x, axis=1)],
        input_range=None,
        seed_input=np.array([[3.0, 1.0]]),
        max_iter=1,
    )
    assert found.weights == {"<lambda>": 2, "<lambda>_2": 1}
    assert [float(of_term[0, 0]) for of_term in found.losses.values()] == [-1, 4]


@dataclass(frozen=True)
class Towards(objectives.Objective):
    target: Any = field(compare=False, metadata=per_image(1))

    def __call__(self, seen: Any) -> tf.Tensor:
        return tf.reduce_mean((seen.images - seen.arrays["target"]) ** 2, axis=1)


def test_arrays_of_an_objective_of_ones_own_change_without_a_new_trace() -> None:
    model = linear(1, 1)
    for target in ([0.2, 0.4], [0.8, 0.1]):
        found = tk.minimize(model, [Towards(target)], max_iter=300, patience=None)
        np.testing.assert_allclose(found.images, [target], atol=1e-3)
    [one] = step._steps[model].values()
    assert one.trace_count == 1


# Regularizers and transforms by hand.


@pytest.mark.parametrize(
    ("regularizer", "penalty"),
    [
        # Steps down 2, 2 and across 1, 1: squares in the mean 4 and 1.
        (regularizers.TotalVariation(), 5),
        (regularizers.TotalVariation(beta=1), 3),
        (regularizers.LpNorm(centre=0), (0 + 1 + 4 + 9) / 4),
        (regularizers.LpNorm(p=1), (0.5 + 0.5 + 1.5 + 2.5) / 4),
        (regularizers.BoundedRange(), (1 + 4) / 4),
    ],
)
def test_regularizers_by_hand(regularizer: Any, penalty: float) -> None:
    x = tf.reshape(tf.constant([0.0, 1.0, 2.0, 3.0]), [1, 2, 2, 1])
    assert regularizer(x).numpy() == pytest.approx([penalty])


def test_total_variation_of_series_and_of_features() -> None:
    variation = regularizers.TotalVariation()
    series = tf.reshape(tf.constant([0.0, 1.0, 3.0]), [1, 3, 1])
    assert variation(series).numpy() == pytest.approx([2.5])
    assert variation(tf.ones((1, 3))).numpy() == pytest.approx([0])


def picture(*rows: list[float]) -> tf.Tensor:
    return tf.constant(rows, tf.float32)[tf.newaxis, ..., tf.newaxis]


def test_jitter_shifts_and_what_leaves_comes_back() -> None:
    x = picture([1, 2, 3], [4, 5, 6], [7, 8, 9])
    seen = set()
    for seed in range(40):
        shifted = transforms.Jitter(1)(x, tf.constant([seed, 0]), tf.constant(1.0))
        assert sorted(shifted.numpy().ravel()) == list(range(1, 10))
        seen.add(float(shifted[0, 0, 0, 0]))
    assert seen == set(map(float, range(1, 10)))


def test_pad_mirrors_or_fills() -> None:
    x = picture([1, 2], [3, 4])
    mirrored = transforms.Pad(1)(x, SEED, tf.constant(1.0))
    np.testing.assert_array_equal(mirrored[0, 0, :, 0], [1, 1, 2, 2])
    filled = transforms.Pad(1, 7.0)(x, SEED, tf.constant(1.0))
    np.testing.assert_array_equal(filled[0, 1, :, 0], [7, 1, 2, 7])
    np.testing.assert_array_equal(cropped(filled, (2, 2)), x)


def test_scale_takes_values_from_between_pixels() -> None:
    # Twice as large about the centre, 1.5: places 0.75, 1.25, 1.75, 2.25.
    x = picture([0, 1, 2, 3])
    scaled = transforms.Scale(2, 2)(x, SEED, tf.constant(1.0))
    np.testing.assert_allclose(scaled[0, 0, :, 0], [0.75, 1.25, 1.75, 2.25])
    # Half as large: places −1.5, 0.5, 2.5, 4.5, mirrored beyond the edges.
    scaled = transforms.Scale(0.5, 0.5)(x, SEED, tf.constant(1.0))
    np.testing.assert_allclose(scaled[0, 0, :, 0], [0.5, 0.5, 2.5, 2.5])


def test_rotate_turns_about_the_centre(monkeypatch: pytest.MonkeyPatch) -> None:
    def at_its_most(shape: Any, seed: Any, low: Any, high: Any) -> tf.Tensor:
        return tf.constant(high, tf.float32)

    monkeypatch.setattr(tf.random, "stateless_uniform", at_its_most)
    x = picture([1, 2, 3], [4, 5, 6], [7, 8, 9])
    turned = transforms.Rotate(90)(x, SEED, tf.constant(1.0))
    expected = np.rot90(x[0, ..., 0], -1)
    np.testing.assert_allclose(turned[0, ..., 0], expected, atol=1e-5)


@pytest.mark.parametrize(
    "transform", [transforms.Jitter(2), transforms.Scale(), transforms.Rotate(20)]
)
def test_transforms_change_nothing_where_they_are_asked_not_to(transform: Any) -> None:
    x = tf.random.stateless_uniform((2, 5, 6, 3), SEED)
    same = transform(x, SEED, tf.constant(0.0))
    np.testing.assert_allclose(same, x, atol=1e-6)
    other = transform(x, SEED, tf.constant(1.0))
    assert other.shape == x.shape
    assert np.abs(other - x).max() > 0.01


# Parameterisations.


@pytest.mark.parametrize("bounded", [True, False])
@pytest.mark.parametrize("shape", [(6, 5, 3), (4, 8, 1)])
@pytest.mark.parametrize("make", [tk.Pixels, tk.Fourier])
def test_parameters_give_back_the_image_that_they_were_made_of(
    make: Callable[[], Parameterization], shape: tuple[int, ...], bounded: bool
) -> None:
    x = np.random.default_rng(0).random(shape, np.float32)
    parameters = make().parameters(x, bounded)[np.newaxis]
    back = make().image(tf.constant(parameters), shape, bounded)
    np.testing.assert_allclose(back[0], x, atol=2e-3)


def test_a_wave_is_the_larger_the_longer_it_is() -> None:
    waves = np.zeros((2, 2, 1, 8, 5), np.float32)
    waves[0, 0, 0, 0, 1] = waves[1, 0, 0, 0, 4] = 1
    long, short = tk.Fourier().image(tf.constant(waves), (8, 8, 1), False).numpy()
    # Frequencies 1/8 and 1/2; the shortest of the axis counts once, not twice.
    assert np.ptp(long) == pytest.approx(2 * 4 * np.ptp(short))


# What is told.


@pytest.mark.parametrize(
    ("options", "error", "words"),
    [
        ({"layer": "cnv"}, tk.UnknownLayerError, "The layers are: conv, flatten"),
        ({"layer": "*"}, ValueError, "Several layer calls fit: conv, flatten, dense"),
        ({"filter_indices": 3}, ValueError, r"classes holds 3; output has .* 0 to 2"),
        ({"layer": "conv", "filter_indices": [0, -1]}, ValueError, "holds -1; conv"),
        ({"filter_indices": []}, TypeError, "one whole number or several"),
        ({"filter_indices": 1.5}, TypeError, "filter_indices are 1.5"),
        ({"schedule": "three"}, ValueError, '"one_stage" or "two_stage"'),
        ({"copies": 0}, ValueError, "copies=0"),
        ({"diversity": 1.0}, ValueError, "give a layer"),
        ({"output": "other"}, ValueError, "no output 'other'; it has: output"),
        ({"input": "other"}, ValueError, "no input 'other'; it has: image"),
        ({"input_range": (1, 0)}, ValueError, "the least and the greatest value"),
        ({"input_range": 255}, ValueError, "input_range=255; give the least"),
        ({"max_iter": 0}, ValueError, "max_iter=0; give one at least"),
        ({"patience": 0}, ValueError, "patience=0"),
        ({"seed": -1}, ValueError, "seed=-1; give a number of 0 or more"),
        ({"frames_every": -1}, ValueError, "or 0 for no frames"),
        ({"optimizer": "adam"}, TypeError, "give one of keras.optimizers"),
        ({"parameterization": "wavelets"}, ValueError, '"fourier", "pixels"'),
        ({"input_shape": (3, 3, 1)}, ValueError, r"input 'image' takes \(2, 3, 1\)"),
        ({"seed_input": np.ones((2, 3))}, ValueError, "batch axis first"),
        (
            {"seed_input": np.full((1, 2, 3, 1), 255.0)},
            ValueError,
            "values from 255 to 255, and input_range is 0 to 1",
        ),
        (
            {"seed_input": np.ones((2, 2, 3, 1)), "filter_indices": [0, 1, 2]},
            ValueError,
            "3 images are optimised, but there are seed_input for 2",
        ),
        ({"transforms": [transforms.Jitter]}, TypeError, "The transform <class"),
        ({"regularizers": ["l2"]}, TypeError, "The regularizer 'l2' can't be used"),
        ({"model": "vgg16"}, TypeError, "give a model of Keras 3"),
        ({"colour": 1}, TypeError, "colour"),
    ],
)
def test_bad_arguments_are_told(
    options: dict[str, Any], error: type[Exception], words: str
) -> None:
    with pytest.raises(error, match=words):
        tk.maximize_activation(**{"model": small_net(), **options})


@pytest.mark.parametrize(
    ("terms", "error", "words"),
    [
        ([], ValueError, "no objectives"),
        ([objectives.Channel], TypeError, "The objective <class"),
        ([(objectives.Layer("conv"), "2")], TypeError, "with its weight"),
        (
            [lambda seen: seen.images],
            ValueError,
            r"a term of the energy is .* \[image\]",
        ),
        (
            [lambda seen: tf.zeros(1)],
            ValueError,
            "does not depend on the input 'image'",
        ),
        ([objectives.Neuron("conv", [0, 0])], ValueError, "has 3 numbers"),
        ([objectives.Neuron("conv", [0, 3, 0])], ValueError, "along axis 2 .* 0 to 2"),
        ([objectives.Direction("conv", [1])], ValueError, "has 2 channels"),
        ([objectives.Content("conv", np.ones((1, 9)))], ValueError, "must agree"),
        ([objectives.Channel("conv", [[0]])], ValueError, "channels has 2 axes"),
    ],
)
def test_bad_terms_are_told(
    terms: list[Any], error: type[Exception], words: str
) -> None:
    with pytest.raises(error, match=words):
        tk.minimize(small_net(), terms, max_iter=1)


def test_inputs_that_can_not_be_optimised_are_told() -> None:
    tokens = models.recurrent().model
    with pytest.raises(TypeError, match="'tokens' holds whole numbers"):
        tk.maximize_activation(tokens, "dense", 0)
    open_size = keras.Sequential(
        [layers.Input((None, None, 3)), layers.Conv2D(2, 3, name="conv")]
    )
    with pytest.raises(ValueError, match="Give input_shape"):
        tk.maximize_activation(open_size, "conv", 0)
    found = tk.maximize_activation(
        open_size, "conv", 0, input_shape=(12, 10, 3), max_iter=2
    )
    assert found.images.shape == (1, 12, 10, 3)
    features = linear(1, 2)
    with pytest.raises(ValueError, match="Waves are for images"):
        tk.maximize_activation(features, parameterization="fourier")
    with pytest.raises(ValueError, match=r"Rotate is for images .* \(1, 2\)"):
        tk.maximize_activation(features, transforms=[transforms.Rotate(3)])
    with pytest.raises(ValueError, match=r"leave 8 pixels .* Begin with Pad\(1\)"):
        tk.minimize(
            keras.Sequential([layers.Input((9, 9, 1)), layers.Conv2D(1, 2, name="c")]),
            [objectives.Layer("c")],
            transforms=[lambda x, seed, amount: x[:, :8, :8]],
        )


def test_a_loss_that_is_not_finite_ends_it_with_the_last_good_images() -> None:
    # x rises by steps of 0.1 from 0.5; beyond 0.85 the loss is no number.
    def until_then(seen: Any) -> tf.Tensor:
        x = seen.images[:, 0]
        return 0 * tf.math.log(0.85 - x) - x

    with pytest.raises(tk.NotFiniteError) as told:
        tk.minimize(
            linear(1),
            [until_then],
            seed_input=np.array([[0.5]]),
            optimizer=keras.optimizers.SGD(0.1),
        )
    assert "until_then is nan for image 0 at iteration 4" in str(told.value)
    np.testing.assert_allclose(told.value.images, [[0.8]], rtol=1e-5)
    # The gradient of the root at 0 is infinite, and 0 times that is no number.
    with pytest.raises(tk.NotFiniteError, match=r"gradient .* at iteration 0"):
        tk.minimize(linear(1), [lambda seen: tf.sqrt(0 * seen.images[:, 0])])


def test_a_relu_that_gives_nothing_for_noise_is_led_out_of() -> None:
    # 1 only above x = 0.9; noise is about 0.5.
    model = keras.Sequential(
        [layers.Input((1,)), layers.Dense(1, activation="relu", name="dense")]
    )
    model.layers[0].set_weights([np.array([[10.0]]), np.array([-9.0])])
    found = tk.maximize_activation(model, "dense", regularizers=())
    assert found.losses["Channel"][0] == 0
    np.testing.assert_allclose(found.scores, [1], rtol=1e-5)


def test_units_that_never_rise_are_named() -> None:
    model = keras.Sequential(
        [layers.Input((2,)), layers.Dense(2, activation="relu", name="dense")]
    )
    model.layers[0].set_weights([np.array([[1, -1], [1, -1]]), np.zeros(2)])
    with pytest.warns(UserWarning, match=r"1 of the units of dense .*: 1\..*two_stage"):
        found = tk.maximize_activation(model, "dense")
    assert found.outcomes == ("levelled", "stuck")
    assert found.converged.tolist() == [True, False]


@pytest.mark.filterwarnings("ignore:Nothing was found:UserWarning")
def test_two_stages_reach_what_smoothness_keeps_from_being_reached() -> None:
    # softplus(8 d − 4) of the step d between two values, against 3.5 d²: smoothness wins
    # from 0 to 0.4, the unit beyond.
    model = keras.Sequential(
        [
            layers.Input((2, 1), name="series"),
            layers.Conv1D(1, 2, activation="softplus", name="edge"),
        ]
    )
    model.get_layer("edge").set_weights([np.array([[[-8]], [[8]]]), np.array([-4])])
    options: dict[str, Any] = {
        "regularizers": [(regularizers.TotalVariation(), 3.5)],
        "optimizer": keras.optimizers.Adam(0.02),
        "max_iter": 200,
    }
    plain, staged = (
        tk.maximize_activation(model, "edge", 0, schedule=schedule, **options)
        for schedule in ("one_stage", "two_stage")
    )
    assert plain.scores[0] < 0.1
    assert staged.scores[0] > 3
    assert len(staged.losses["TotalVariation"]) > 100


# How it is run.


def test_the_same_seed_gives_the_same_images_in_parts_as_well() -> None:
    model = conv_net()
    options: dict[str, Any] = {
        "max_iter": 12,
        "transforms": [transforms.Jitter(1), transforms.Rotate(5)],
    }
    before = np.random.get_state()[1].copy(), keras.random.uniform((1,), seed=3)

    def found(**more: Any) -> Any:
        return tk.maximize_activation(model, "conv", **{**options, **more}).images

    whole = found()
    np.testing.assert_array_equal(found(), whole)
    # 2 images a part, and an image does not depend on which others there are.
    np.testing.assert_allclose(found(memory_limit=4 * 640), whole, atol=1e-4)
    np.testing.assert_allclose(found(filter_indices=[2]), whole[2:3], atol=1e-4)
    assert np.abs(found(seed=1) - whole).max() > 0.01
    np.testing.assert_array_equal(np.random.get_state()[1], before[0])
    np.testing.assert_array_equal(keras.random.uniform((1,), seed=3), before[1])


def test_a_step_is_traced_once_whichever_the_filters() -> None:
    model = conv_net()
    for filters in ([0, 1], [3, 2]):
        for seed in (0, 1):
            tk.maximize_activation(model, "conv", filters, seed=seed, max_iter=20)
    [one] = step._steps[model].values()
    assert one.trace_count == 1


def test_a_step_that_was_traced_sees_weights_as_they_are() -> None:
    model = linear(1, -2)
    before = tk.maximize_activation(model, "dense", 0, max_iter=60)
    model.set_weights([np.array([[-1], [2]])])
    after = tk.maximize_activation(model, "dense", 0, max_iter=60)
    np.testing.assert_allclose([before.images[0], after.images[0]], [[1, 0], [0, 1]])
    [one] = step._steps[model].values()
    assert one.trace_count == 1


def test_losses_frames_and_checks_by_iteration() -> None:
    found = tk.minimize(
        linear(1, -2),
        [objectives.Channel("dense", 0)],
        seed_input=np.array([[0.5, 0.5]]),
        optimizer=keras.optimizers.SGD(0.1),
        max_iter=5,
        check_every=2,
        frames_every=3,
        patience=None,
    )
    # The gradient is (1, −2): x = (0.5 + 0.1 t, 0.5 − 0.2 t), within 0 … 1.
    np.testing.assert_array_equal(found.checks, [0, 2, 3, 4, 5])
    np.testing.assert_array_equal(found.frame_iterations, [0, 3, 5])
    np.testing.assert_allclose(
        found.losses["Channel"][:, 0], [0.5, 0, -0.5, -0.8, -0.9, -1], atol=1e-6
    )
    np.testing.assert_allclose(
        found.frames[:, 0], [[0.5, 0.5], [0.8, 0], [1, 0]], atol=1e-6
    )
    np.testing.assert_array_equal(found.best_iterations, [5])


def test_it_ends_early_where_nothing_more_is_gained() -> None:
    found = tk.maximize_activation(small_net(), "conv", max_iter=4000, patience=2)
    assert len(found.losses["Channel"]) < 400
    assert found.outcomes == ("levelled",) * 2
    np.testing.assert_allclose(found.images[0], np.ones((2, 3, 1)), atol=0.05)
    np.testing.assert_allclose(found.images[1], np.zeros((2, 3, 1)), atol=0.05)


def test_callbacks_are_told_and_may_end_it() -> None:
    told: list[Check] = []

    def callback(check: Check) -> bool:
        told.append(check)
        return len(told) == 3

    found = tk.maximize_activation(
        small_net(), "conv", max_iter=90, check_every=10, callbacks=[callback]
    )
    iterations = [check.iteration for check in told]
    assert iterations == sorted(iterations) and len(told) == 3
    assert told[0].images.shape == (2, 2, 3, 1)
    assert set(told[0].losses) == {"Channel", "TotalVariation"}
    assert len(found.losses["Channel"]) < 40


def test_a_result_is_gone_on_from() -> None:
    model = small_net()
    first = tk.maximize_activation(model, "conv", 0, max_iter=8)
    second = tk.maximize_activation(model, "conv", 0, max_iter=8, seed_input=first)
    np.testing.assert_allclose(second.frames[0], first.images, atol=1e-6)
    assert second.scores > first.scores


def test_progress_is_shown_if_wanted(capsys: pytest.CaptureFixture[str]) -> None:
    tk.maximize_activation(small_net(), "conv", max_iter=20)
    assert capsys.readouterr().out == ""
    tk.maximize_activation(small_net(), "conv", max_iter=20, progress=True)
    assert "20/20" in capsys.readouterr().out


def test_a_model_that_was_visualised_can_go() -> None:
    model = conv_net()
    tk.maximize_activation(model, model.layers[0], [0], max_iter=2)
    tk.minimize(model, [lambda seen: seen.outputs[:, 0]], max_iter=2)
    gone = weakref.ref(model)
    del model
    gc.collect()
    assert gone() is None


# Every kind of model.


def _spread(seen: Any) -> tf.Tensor:
    """A loss that all outputs have a part in."""
    flat = [
        tf.reduce_mean(tf.reshape(tf.cast(t, tf.float32), [tf.shape(t)[0], -1]), axis=1)
        for t in keras.tree.flatten(seen.outputs)
    ]
    return -tf.add_n([tf.sin(t) for t in flat])


QUICK_KINDS = (
    model_kinds.residual,
    model_kinds.eager,
    model_kinds.compiled_call,
    model_kinds.never_called,
    model_kinds.three_deep,
    model_kinds.shared_layer,
    model_kinds.dict_in_tuple_out,
    model_kinds.recurrent,
    model_kinds.half_precision,
)


@pytest.mark.parametrize(
    "make",
    [
        pytest.param(make, marks=() if make in QUICK_KINDS else pytest.mark.long)
        for make in model_kinds.ALL_KINDS
    ],
)
def test_every_kind_of_model_is_optimised_and_left_as_it_was(
    make: Callable[[], model_kinds.Kind],
) -> None:
    kind = make()
    model = kind.model
    x = model_kinds.as_tensors(kind.x)
    first = keras.tree.flatten(x)[0]
    if not first.dtype.is_floating:
        with pytest.raises((TypeError, ValueError), match=r"whole numbers|depend"):
            tk.minimize(model, [_spread], seed_input=kind.x, input_range=None)
        return
    model(x)  # Builds; the loss is looked at as a plain call has it.
    before = [(v.path, np.asarray(v.value)) for v in model.variables]
    trainable = [layer.trainable for layer in model._flatten_layers()]
    optimizer, losses_before = model.optimizer, list(model.losses)
    found = tk.minimize(
        model,
        [_spread],
        seed_input=kind.x,
        input_range=None,
        parameterization="pixels",
        optimizer=keras.optimizers.SGD(0.01),
        max_iter=3,
        check_every=3,
    )
    after = [(v.path, np.asarray(v.value)) for v in model.variables]
    of_outputs = found.losses["_spread"]
    tolerance = 0.03 if make is model_kinds.half_precision else 2e-3
    plain = _spread(type("Seen", (), {"outputs": model(x, training=False)}))
    np.testing.assert_allclose(of_outputs[0], plain, rtol=tolerance, atol=1e-4)
    assert (of_outputs[-1] <= of_outputs[0] + tolerance).all()
    for (name, old), (other, new) in zip(before, after, strict=True):
        assert name == other
        np.testing.assert_array_equal(old, new)
    assert [layer.trainable for layer in model._flatten_layers()] == trainable
    assert model.optimizer is optimizer
    assert model.compiled
    assert len(model.losses) == len(losses_before)


def test_of_several_inputs_one_is_optimised_and_the_others_are_given() -> None:
    a, b = layers.Input((2,), name="a"), layers.Input((2,), name="b")
    model = keras.Model([a, b], layers.Multiply(name="product")([a, b]))
    given = {"a": None, "b": np.array([[1.0, -1.0]])}
    found = tk.minimize(model, [objectives.Layer("product")], seed_input=given)
    np.testing.assert_allclose(found.images, [[1, 0]])
    assert found.settings["input"] == "a"
    each = {"a": np.array([[1.0, -1.0], [-1.0, 1.0]]), "b": None}
    found = tk.minimize(model, [objectives.Layer("product")], seed_input=each)
    np.testing.assert_allclose(found.images, [[1, 0], [0, 1]])
    by_name = [np.ones((1, 2)), np.full((1, 2), 0.5)]
    found = tk.minimize(
        model, [objectives.Layer("product")], seed_input=by_name, input="b"
    )
    np.testing.assert_allclose(found.images, [[1, 1]])
    with pytest.raises(ValueError, match=r'has 2 inputs. Give seed_input=\{"a"'):
        tk.minimize(model, [objectives.Layer("product")])
    with pytest.raises(ValueError, match="nothing for b: only a is optimised"):
        tk.minimize(
            model, [objectives.Layer("product")], seed_input={"a": None, "b": None}
        )


def test_layers_without_places_and_with_other_axes() -> None:
    volume = keras.Sequential(
        [
            layers.Input((3, 4, 2, 1)),
            layers.Conv3D(2, 2, name="conv"),
            layers.Flatten(),
            layers.Dense(3, name="dense"),
        ]
    )
    for layer, units in (("conv", 2), ("dense", 3)):
        found = tk.maximize_activation(volume, layer, max_iter=20)
        assert found.images.shape == (units, 3, 4, 2, 1)
        assert (found.losses["Channel"][0] > found.losses["Channel"][-1]).all()
        assert "<img" not in found._repr_html_()


def test_a_model_for_batches_of_one_size_is_given_such() -> None:
    model = keras.Sequential(
        [layers.Input(batch_shape=(2, 3)), layers.Dense(3, name="dense")]
    )
    found = tk.maximize_activation(model, "dense", max_iter=10)
    assert found.images.shape == (3, 3)


def test_preprocessing_lies_between_the_images_and_the_model() -> None:
    found = tk.minimize(
        linear(1, -2),
        [objectives.Channel("dense", 0)],
        preprocess=lambda x: x / 127.5 - 1.0,
        input_range=(0, 255),
    )
    np.testing.assert_allclose(found.images, [[255, 0]])
    np.testing.assert_allclose(found.scores, [3])


# Deep dream, caricature, style, weights.


def test_a_dream_has_more_of_what_was_seen() -> None:
    x = np.random.default_rng(0).random((2, 8, 8, 1), np.float32)
    found = tk.deep_dream(conv_net(), x, ["conv", "flatten"], max_iter=10)
    for of_term in found.losses.values():
        assert (of_term[-1] < of_term[0]).all()
    assert 0 < np.abs(found.images - x).mean() < 0.15


def test_a_dream_in_octaves_has_the_size_of_the_image() -> None:
    model = keras.Sequential(
        [layers.Input((None, None, 3)), layers.Conv2D(4, 3, name="conv")]
    )
    x = np.random.default_rng(0).random((1, 20, 15, 3), np.float32)
    found = tk.deep_dream(model, x, "conv", octaves=3, max_iter=6)
    assert found.images.shape == x.shape
    before, after = (
        float((model(values).numpy() ** 2).mean()) for values in (x, found.images)
    )
    assert after > 1.05 * before
    with pytest.raises(ValueError, match="octaves=0"):
        tk.deep_dream(model, x, "conv", octaves=0)
    with pytest.raises(ValueError, match=r"takes \(8, 8, 1\)"):
        tk.deep_dream(conv_net(), np.ones((1, 8, 8, 1)), "conv", octaves=2)


def test_a_caricature_comes_from_noise_towards_what_the_layer_saw() -> None:
    model = conv_net()
    x = np.random.default_rng(0).random((2, 8, 8, 1), np.float32)
    found = tk.caricature(model, x, "conv", max_iter=60)
    [of_term] = found.losses.values()
    assert (of_term[-1] < of_term[0]).all()
    activations = [
        tk.get_activations(model, values, "conv")["conv"].reshape(2, -1)
        for values in (found.images, found.frames[0], x)
    ]
    after, before, target = (
        a / np.linalg.norm(a, axis=1)[:, None] for a in activations
    )
    assert ((after * target).sum(axis=1) > 0.5 * (before * target).sum(axis=1)).all()


def test_style_transfer_nears_the_style_and_keeps_the_content() -> None:
    model = conv_net()
    random = np.random.default_rng(0)
    content = random.random((2, 8, 8, 1), np.float32)
    style = np.tile([[0.0], [1.0]], (4, 8)).reshape(1, 8, 8, 1)
    found = tk.style_transfer(
        model, content, style, "conv", ["conv"], style_weight=10.0, max_iter=60
    )
    assert found.method == "style_transfer"
    assert (found.losses["Style"][-1] < 0.5 * found.losses["Style"][0]).all()
    np.testing.assert_allclose(found.losses["Content"][0], [0, 0], atol=1e-9)
    only = tk.style_transfer(
        model, content, style, "conv", "conv", style_weight=0, regularizers=()
    )
    np.testing.assert_allclose(only.images, content, atol=0.02)


def test_kernels_are_images() -> None:
    model = models.nested().model
    found = tk.visualize_weights(model)
    kernel = model.get_layer("block").get_layer("conv").kernel.numpy()
    assert found.site == "block/conv"
    np.testing.assert_array_equal(found.images[4, ..., 0], kernel[..., 0, 4])
    np.testing.assert_array_equal(found.units, range(6))
    assert "unit 4" in found._repr_html_()
    with pytest.raises(ValueError, match=r"dense is not one .* has: block/conv"):
        tk.visualize_weights(model, "dense")
    with pytest.raises(ValueError, match="The model has: none"):
        tk.visualize_weights(linear(1))
    with pytest.raises(tk.UnknownLayerError, match="block/conv"):
        tk.visualize_weights(model, "cnv")


# Pictures.


def _levels(png: bytes) -> Any:
    return np.round(images.imread(io.BytesIO(png)) * 255).astype(np.uint8)


def _result(values: Any, **more: Any) -> tk.FeatureVisualization:
    values = np.asarray(values, np.float32)
    return tk.FeatureVisualization(
        method="maximize_activation",
        images=values,
        scores=np.ones(len(values), np.float32),
        **more,
    )


def test_pictures_by_hand() -> None:
    found = _result(
        [[[[0.0], [1.0]]], [[[2.0], [1.0]]]], frames=np.zeros((1, 2, 1, 2, 1))
    )
    np.testing.assert_array_equal(found.pictures()[..., 0], [[[0, 255]], [[255, 0]]])
    within = found.pictures(domain=(0, 2))[..., 0]
    np.testing.assert_array_equal(within, [[[0, 128]], [[255, 128]]])
    np.testing.assert_array_equal(found.pictures(frame=0), np.zeros((2, 1, 2, 3)))
    with pytest.raises(ValueError, match="No frames were kept"):
        _result([[[[0.0]]]]).pictures(frame=0)
    with pytest.raises(ValueError, match="with 1, 3 or 4"):
        _result(np.zeros((1, 2, 2, 5))).pictures()


def test_a_png_has_squares_of_pixels_and_white_between_the_images() -> None:
    found = _result(np.arange(3 * 4).reshape(3, 2, 2, 1))
    one = _levels(found.to_png(1))
    assert one.shape == (112, 112, 4)
    assert one[0, 0, 0] == 0 and one[-1, -1, 0] == 255
    sheet = _levels(found.to_png())
    assert sheet.shape == (112, 3 * 112 + 2 * 4, 4)
    assert (sheet[:, 112:116] == 255).all()
    sizes = [
        _levels(_result(np.zeros((n, 1, 1, 1))).to_png()).shape for n in (1, 10, 64)
    ]
    places = [((height + 4) // 116, (width + 4) // 116) for height, width, _ in sizes]
    assert places == [(1, 1), (2, 5), (8, 8)]
    features = _levels(_result([[0.0, 1.0]]).to_png(0))
    assert features.shape == (56, 112, 4)


def test_a_notebook_shows_the_images_with_their_units() -> None:
    found = _result(
        np.zeros((66, 2, 2, 1)),
        site="conv",
        units=np.arange(66),
        outcomes=("stuck", *["levelled"] * 65),
    )
    shown = found._repr_html_()
    assert shown.count("<img") == 64
    assert "2 more images are not shown" in shown
    assert "maximize_activation at conv" in shown
    assert "unit 0 · score 1 · stuck" in shown
    picture_shown = shown.split("base64,")[1].split('"')[0]
    assert _levels(base64.b64decode(picture_shown)).shape == (112, 112, 4)


# What the literature shows, in small.


@pytest.fixture(scope="module")
def digits_model() -> keras.Model:
    """Reads scikit-learn's digits, 8 × 8, values 0 to 1."""
    from sklearn.datasets import load_digits

    x, y = load_digits(return_X_y=True)
    keras.utils.set_random_seed(0)
    model = keras.Sequential(
        [
            layers.Input((8, 8, 1), name="image"),
            layers.Conv2D(16, 3, activation="relu", name="conv"),
            layers.Flatten(),
            layers.Dense(10, activation="softmax", name="probs"),
        ]
    )
    model.compile(keras.optimizers.Adam(5e-3), "sparse_categorical_crossentropy")
    model.fit(x.reshape(-1, 8, 8, 1) / 16, y, epochs=6, batch_size=64, verbose=0)
    return model


@pytest.mark.parametrize("parameterization", ["pixels", "fourier"])
def test_the_image_of_each_class_is_read_as_that_class(
    digits_model: keras.Model, parameterization: str
) -> None:
    for seed in range(3):
        found = tk.maximize_activation(
            digits_model,
            filter_indices=range(10),
            parameterization=parameterization,
            seed=seed,
            max_iter=60,
        )
        p = digits_model.predict(found.images, verbose=0)
        np.testing.assert_array_equal(p.argmax(axis=1), range(10))
        assert p.max(axis=1).min() > 0.95
        assert "stuck" not in found.outcomes


def test_copies_of_one_unit_differ_where_they_are_to() -> None:
    model = conv_net()
    plain, diverse = (
        tk.maximize_activation(
            model, "conv", [1, 2], copies=3, diversity=by, max_iter=60
        )
        for by in (1e-9, 3.0)
    )
    assert diverse.units.tolist() == [1, 1, 1, 2, 2, 2]
    alike = [found.losses["Diversity"][-1].mean() for found in (plain, diverse)]
    assert alike[1] < alike[0]
    distances = [
        np.abs(found.images[0] - found.images[1]).mean() for found in (plain, diverse)
    ]
    assert distances[1] > distances[0] + 0.1
