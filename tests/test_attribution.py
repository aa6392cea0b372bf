"""Attribution methods: by hand on a net of six weights, and on every kind of model.

The net: x [2, 2] → a 1 × 1 convolution with the kernels 1 and −1, ReLU → dense. So its
maps are what of x is positive and what is negative:

    x = [[1, −2], [3, 0]]    A₀ = [[1, 0], [3, 0]]    A₁ = [[0, 2], [0, 0]]
    ∂s/∂A₀ = [[2, −1], [−1, 4]], in the mean 1
    ∂s/∂A₁ = [[−1, −2], [0, −1]], in the mean −1
"""

from __future__ import annotations

import base64
import gc
import io
import weakref
from collections.abc import Callable
from typing import Any

import keras
import numpy as np
import pytest
import tensorflow as tf
from matplotlib import image as images

import tensorboard_keract as tk
from tensorboard_keract.core.attribution import score_pass
from tensorboard_keract.core.attribution.explanation import Explanation
from tensorboard_keract.core.attribution.resizing import resized
from tensorboard_keract.drawing.colormaps import load_colormap
from tests import model_kinds, models

layers = keras.layers

X = np.array([[1.0, -2.0], [3.0, 0.0]], np.float32).reshape(1, 2, 2, 1)
BY_PLACE = [[2.0, -4.0], [-3.0, 0.0]]

CLASS_ACTIVATION_MAPS = [
    tk.grad_cam,
    tk.grad_cam_plus_plus,
    tk.hires_cam,
    tk.layer_cam,
    tk.score_cam,
]
INPUT_METHODS = [
    tk.saliency,
    tk.gradient_x_input,
    tk.smooth_grad,
    tk.integrated_gradients,
    tk.guided_backprop,
    tk.deconvnet,
    tk.occlusion,
]
METHODS = [*CLASS_ACTIVATION_MAPS, *INPUT_METHODS]


def small_net(activation: str | None = None) -> keras.Model:
    """Class 0 as above, class 1 without weights and a bias that keeps it behind."""
    model = keras.Sequential(
        [
            layers.Input((2, 2, 1), name="image"),
            layers.Conv2D(2, 1, activation="relu", name="conv"),
            layers.Flatten(name="flatten"),
            layers.Dense(2, activation=activation, name="dense"),
        ]
    )
    by_map = np.array([[[2, -1], [-1, 4]], [[-1, -2], [0, -1]]], np.float32)
    kernel = np.zeros((8, 2), np.float32)
    kernel[:, 0] = np.moveaxis(by_map, 0, -1).ravel()
    model.get_layer("conv").set_weights(
        [np.array([1, -1], np.float32).reshape(1, 1, 1, 2), np.zeros(2)]
    )
    model.get_layer("dense").set_weights([kernel, np.array([0, -10])])
    return model


@pytest.mark.parametrize(
    ("method", "expected", "signed"),
    [
        (tk.grad_cam, [[1, 0], [3, 0]], False),
        # Of A₀ 2 · 1/10 + 4 · 1/18; nothing of A₁ has a positive gradient.
        (tk.grad_cam_plus_plus, [[19 / 45, 0], [19 / 15, 0]], False),
        (tk.hires_cam, BY_PLACE, True),
        (tk.layer_cam, [[2, 0], [0, 0]], False),
        (tk.saliency, [[2, 2], [1, 0]], False),
        (tk.gradient_x_input, BY_PLACE, True),
        (tk.integrated_gradients, BY_PLACE, True),
        (tk.guided_backprop, [[2, 0], [0, 0]], False),
        (tk.deconvnet, [[2, 0], [0, 4]], False),
        (tk.occlusion, BY_PLACE, True),
    ],
)
def test_by_hand(
    method: Callable[..., Explanation], expected: list[list[float]], signed: bool
) -> None:
    explanation = method(small_net(), X, 0)
    np.testing.assert_allclose(explanation.heatmap, [expected], rtol=1e-5)
    assert explanation.signed == signed
    assert explanation.method == method.__name__
    assert explanation.heatmap.dtype == np.float32
    np.testing.assert_allclose(explanation.scores, [-5])
    assert list(explanation.targets) == [0]
    np.testing.assert_array_equal(explanation.x, X)


def test_score_cam_by_hand() -> None:
    # Through A₀ / 3 the net sees [[1/3, 0], [3, 0]], through A₁ / 2 [[0, −2], [0, 0]].
    through = np.array([2 / 3 - 3, -4])
    first, second = np.exp(through) / np.exp(through).sum()
    found = tk.score_cam(small_net(), X, 0).heatmap
    np.testing.assert_allclose(
        found, [[[first, 2 * second], [3 * first, 0]]], rtol=1e-5
    )


def test_activation_heatmaps_by_hand() -> None:
    model = small_net()
    merged, second = (
        tk.activation_heatmap(model, X, "conv", channel) for channel in (None, 1)
    )
    np.testing.assert_allclose(merged.heatmap, [[[0.5, 1], [1.5, 0]]])
    np.testing.assert_allclose(second.heatmap, [[[0, 2], [0, 0]]])
    assert tk.activation_heatmap(model, X).site == "conv"
    assert not merged.signed
    assert merged.targets is None
    with pytest.raises(ValueError, match="conv has the channels 0 to 1"):
        tk.activation_heatmap(model, X, "conv", 2)


def test_smooth_grad_of_a_linear_model_is_its_gradient() -> None:
    model = keras.Sequential([layers.Input((3,)), layers.Dense(1, use_bias=False)])
    model.layers[0].set_weights([np.array([[1], [-2], [0]], np.float32)])
    found = tk.smooth_grad(model, np.ones((2, 3), np.float32) * [[1, 2, 4]])
    np.testing.assert_allclose(found.heatmap, [[1, 2, 0]] * 2, rtol=1e-6)
    np.testing.assert_allclose(found.attribution, [[1, -2, 0]] * 2, rtol=1e-6)


def test_smooth_grad_repeats_with_its_seed_in_parts_as_well() -> None:
    case = models.classifier()
    one, same, other = (
        tk.smooth_grad(case.model, case.x, seed=seed, copies=4, **options).heatmap
        for seed, options in [(1, {}), (1, {"memory_limit": 1}), (2, {})]
    )
    np.testing.assert_allclose(one, same, rtol=1e-5, atol=1e-7)
    assert np.abs(one - other).max() > 1e-3


def test_integrated_gradients_of_a_square() -> None:
    # s = x², ∂s/∂x = 2x: from 1 to 3 the mean gradient is 4, from 0 on 3; the middles
    # of equal parts give a line's mean without error.
    x = layers.Input((1,))
    model = keras.Model(x, x * x)
    from_zero, from_one = (
        tk.integrated_gradients(model, np.array([[3.0]]), baseline=b, steps=2)
        for b in (0, 1)
    )
    np.testing.assert_allclose(from_zero.heatmap, [[9]])
    np.testing.assert_allclose(from_one.heatmap, [[8]])
    np.testing.assert_allclose(from_one.completeness_error, [0], atol=1e-6)


def test_completeness_error_is_what_the_steps_leave() -> None:
    # s = x³ from 0 to 1 with one step: the gradient at ½ is ¾, and s(1) − s(0) is 1.
    x = layers.Input((1,))
    model = keras.Model(x, x * x * x)
    found = tk.integrated_gradients(model, np.array([[1.0]]), steps=1)
    np.testing.assert_allclose(found.heatmap, [[0.75]])
    np.testing.assert_allclose(found.completeness_error, [0.25])


def test_occlusion_means_over_the_patches_that_cover_a_place() -> None:
    # s = x₀ + 2 x₁ + 4 x₂, patches of 2 at 0 and at 1, which hide 3 and 6.
    model = keras.Sequential([layers.Input((3,)), layers.Dense(1, use_bias=False)])
    model.layers[0].set_weights([np.array([[1], [2], [4]], np.float32)])
    found = tk.occlusion(model, np.ones((1, 3)), patch=2)
    np.testing.assert_allclose(found.heatmap, [[3, 4.5, 6]])
    # Behind patches of the value itself nothing is lost.
    filled = tk.occlusion(model, np.ones((1, 3)), patch=2, fill=1.0)
    np.testing.assert_allclose(filled.heatmap, [[0, 0, 0]])


def test_resizing_is_linear_between_the_centres_of_pixels() -> None:
    values = np.array([[0.0, 4.0]])
    np.testing.assert_allclose(resized(values, [4]), [[0, 1, 3, 4]])
    np.testing.assert_allclose(resized(values, [2]), values)
    np.testing.assert_allclose(resized(np.array([[7.0]]), [3]), [[7, 7, 7]])
    np.testing.assert_allclose(resized(np.array([[0.0, 1, 2, 3]]), [2]), [[0.5, 2.5]])


def test_resized_heatmap_has_the_size_of_the_input() -> None:
    model = keras.Sequential(
        [
            layers.Input((8, 6, 1)),
            layers.Conv2D(2, 3, strides=2, activation="relu"),
            layers.Flatten(),
            layers.Dense(2),
        ]
    )
    explanation = tk.grad_cam(model, np.ones((3, 8, 6, 1)))
    assert explanation.heatmap.shape == (3, 3, 2)
    assert explanation.resized().shape == (3, 8, 6)


# Targets.


def test_the_top_prediction_is_explained_by_default() -> None:
    model = small_net("softmax")
    several = np.concatenate([X, -X])
    found = tk.grad_cam(model, several)
    top = model.predict(several, verbose=0).argmax(axis=1)
    assert list(found.targets) == list(top)


def test_a_softmax_is_explained_by_its_logits_unless_asked_for_probabilities() -> None:
    plain, softmax = small_net(), small_net("softmax")
    by_logits = tk.saliency(softmax, X, 0)
    np.testing.assert_array_equal(by_logits.heatmap, tk.saliency(plain, X, 0).heatmap)
    assert by_logits.score_source == "logits"
    by_output = tk.saliency(softmax, X, 0, use_logits=False)
    assert by_output.score_source == "output"
    p = softmax(X).numpy()[0, 0]
    np.testing.assert_allclose(by_output.scores, [p], rtol=1e-6)
    # ∂p₀/∂z₀ = p₀ (1 − p₀).
    np.testing.assert_allclose(
        by_output.heatmap, by_logits.heatmap * p * (1 - p), rtol=1e-4
    )


def test_one_sigmoid_has_two_classes() -> None:
    model = keras.Sequential(
        [layers.Input((2,)), layers.Dense(1, activation="sigmoid", use_bias=False)]
    )
    model.layers[0].set_weights([np.array([[1], [-3]], np.float32)])
    x = np.array([[1.0, 0.0], [0.0, 1.0]])
    found = tk.gradient_x_input(model, x)
    assert list(found.targets) == [1, 0]
    np.testing.assert_allclose(found.scores, [1, 3])
    np.testing.assert_allclose(found.heatmap, [[1, 0], [0, 3]])
    against = tk.gradient_x_input(model, x, [0, 1])
    np.testing.assert_allclose(against.heatmap, -found.heatmap)
    likely = tk.saliency(model, x, use_logits=False)
    np.testing.assert_allclose(
        likely.scores, [1 / (1 + np.exp(-1)), 1 / (1 + np.exp(-3))]
    )


def test_a_function_of_the_outputs_explains_a_segmentation() -> None:
    model = keras.Sequential(
        [
            layers.Input((4, 4, 1)),
            layers.Conv2D(2, 1, use_bias=False, name="conv"),
        ]
    )
    model.layers[0].set_weights([np.array([1, 5], np.float32).reshape(1, 1, 1, 2)])
    found = tk.saliency(
        model, np.ones((2, 4, 4, 1)), lambda y: tf.reduce_mean(y[..., 1], axis=(1, 2))
    )
    np.testing.assert_allclose(found.heatmap, np.full((2, 4, 4), 5 / 16), rtol=1e-6)
    assert found.targets is None
    assert found.score_source == "function"


def test_inputs_and_outputs_are_chosen_by_name() -> None:
    a, b = layers.Input((2,), name="a"), layers.Input((2,), name="b")
    one = layers.Dense(1, name="one", use_bias=False)(a + b)
    two = layers.Dense(1, name="two", use_bias=False)(b)
    model = keras.Model([a, b], [one, two])
    model.get_layer("one").set_weights([np.array([[1], [2]])])
    model.get_layer("two").set_weights([np.array([[3], [4]])])
    x = [np.ones((1, 2)), np.ones((1, 2))]
    np.testing.assert_allclose(tk.saliency(model, x).heatmap, [[1, 2]])
    np.testing.assert_allclose(
        tk.saliency(model, x, input="b", output="two").heatmap, [[3, 4]]
    )
    with pytest.raises(ValueError, match="does not depend on the input 'a'"):
        tk.saliency(model, x, output="two")
    with pytest.raises(ValueError, match="no output 'three'; it has: one, two"):
        tk.saliency(model, x, output="three")
    with pytest.raises(ValueError, match="no input 'c'; it has: a, b"):
        tk.saliency(model, x, input="c")


def test_pictures_of_bytes_are_no_token_ids() -> None:
    case = models.classifier()
    x = np.arange(2 * 64, dtype=np.uint8).reshape(2, 8, 8, 1)
    as_bytes, as_floats = (
        tk.gradient_x_input(case.model, given) for given in (x, x.astype("float32"))
    )
    np.testing.assert_array_equal(as_bytes.heatmap, as_floats.heatmap)
    assert as_bytes.site == "image"
    assert as_bytes.x.dtype == np.uint8
    np.testing.assert_array_equal(tk.saliency(case.model, [x]).x, x)


# Layers.


def test_the_last_layer_that_knows_where_things_are_is_taken() -> None:
    model = keras.Sequential(
        [
            layers.Input((16, 16, 1)),
            layers.Conv2D(2, 3, name="first"),
            layers.Conv2D(2, 3, name="second"),
            layers.BatchNormalization(name="norm"),
            layers.ReLU(name="relu"),
            layers.MaxPooling2D(name="pool"),
            layers.Dropout(0.5, name="dropout"),
            layers.GlobalAveragePooling2D(),
            layers.Dense(3),
        ]
    )
    x = np.ones((1, 16, 16, 1))
    assert tk.grad_cam(model, x).site == "relu"
    for layer in ("first", 0, model.get_layer("first"), "f*t"):
        assert tk.grad_cam(model, x, layer=layer).site == "first"
    assert tk.grad_cam(model, x, layer="pool").heatmap.shape == (1, 6, 6)


def test_a_layer_beside_the_way_to_the_score_is_passed_over() -> None:
    x = layers.Input((8, 8, 1))
    used = layers.Conv2D(2, 3, name="used")(x)
    beside = layers.Conv2D(2, 3, name="beside")(used)
    flat = layers.GlobalAveragePooling2D()
    model = keras.Model(
        x,
        [
            layers.Dense(2, name="a")(flat(used)),
            layers.Dense(2, name="b")(flat(beside)),
        ],
    )
    assert tk.grad_cam(model, np.ones((1, 8, 8, 1))).site == "used"
    with pytest.raises(ValueError, match=r"does not depend on the layer beside.*used"):
        tk.grad_cam(model, np.ones((1, 8, 8, 1)), layer="beside")


@pytest.mark.parametrize(
    ("options", "error", "words"),
    [
        ({"targets": 9}, ValueError, "target 9 is beyond the model's classes.* 0 to 1"),
        ({"targets": -1}, ValueError, "negative; classes begin at 0"),
        ({"targets": [0, 1]}, ValueError, "2 targets for 1 samples"),
        ({"targets": "cat"}, TypeError, "Give None for the top prediction"),
        ({"targets": 1.0}, TypeError, "Give None for the top prediction"),
        ({"targets": lambda y: y}, ValueError, "a score for each sample"),
        (
            {"layer": "cnv"},
            tk.UnknownLayerError,
            "The layers are: conv, flatten, dense",
        ),
        ({"layer": "dense"}, ValueError, r"needs a layer with spatial axes.*conv \("),
        ({"layer": "*"}, ValueError, "Several layer calls fit: conv, flatten, dense"),
        ({"layer": True}, TypeError, "can't be selected by a bool"),
        ({"model": "vgg16"}, TypeError, "give a model of Keras 3"),
        ({"x": X[:0]}, ValueError, "x holds no samples"),
        ({"colour": 1}, TypeError, "colour"),
    ],
)
def test_bad_arguments_are_told(
    options: dict[str, Any], error: type[Exception], words: str
) -> None:
    with pytest.raises(error, match=words):
        tk.grad_cam(**{"model": small_net(), "x": X, **options})


@pytest.mark.parametrize(
    ("method", "options", "words"),
    [
        (tk.occlusion, {"patch": 3}, "from 1 to 2, 2"),
        (tk.occlusion, {"patch": (1, 1, 1)}, "each of the 2 spatial axes"),
        (tk.occlusion, {"patch": 1, "stride": 2}, "from 1 to 1, 1"),
        (tk.smooth_grad, {"copies": 0}, "must be positive"),
        (tk.smooth_grad, {"noise": np.nan}, "must be positive"),
        (tk.integrated_gradients, {"steps": 0}, "at least one"),
        (tk.integrated_gradients, {"baseline": [1, 2, 3]}, "does not broadcast"),
    ],
)
def test_bad_options_are_told(
    method: Callable[..., Explanation], options: dict[str, Any], words: str
) -> None:
    with pytest.raises(ValueError, match=words):
        method(small_net(), X, **options)


def test_a_model_without_spatial_axes_is_pointed_to_gradients() -> None:
    model = keras.Sequential([layers.Input((4,)), layers.Dense(2)])
    with pytest.raises(ValueError, match=r"No layer .* saliency, integrated_gradients"):
        tk.grad_cam(model, np.ones((1, 4)))
    assert tk.occlusion(model, np.ones((1, 4))).heatmap.shape == (1, 4)


def test_a_rule_for_relus_tells_when_there_are_none() -> None:
    model = keras.Sequential([layers.Input((2,)), layers.Dense(1)])
    with pytest.warns(UserWarning, match="No ReLU was found"):
        tk.guided_backprop(model, np.ones((1, 2)))


# Every kind of model.


def _spread(outputs: Any) -> tf.Tensor:
    """A score of each sample that all outputs have a part in."""
    flat = [
        tf.reduce_sum(
            tf.sin(tf.reshape(tf.cast(t, tf.float32), [tf.shape(t)[0], -1])), axis=1
        )
        for t in keras.tree.flatten(outputs)
    ]
    return tf.add_n(flat)


# Of each way in which a call goes on one; all are tried where there is time.
QUICK_KINDS = (
    model_kinds.residual,
    model_kinds.eager,
    model_kinds.compiled_call,
    model_kinds.shared_layer,
    model_kinds.dict_in_tuple_out,
    model_kinds.masked_bidirectional,
    model_kinds.self_attention,
    model_kinds.half_precision,
)


@pytest.mark.parametrize(
    "make",
    [
        pytest.param(make, marks=() if make in QUICK_KINDS else pytest.mark.long)
        for make in model_kinds.ALL_KINDS
    ],
)
def test_gradients_are_those_of_a_plain_tape(
    make: Callable[[], model_kinds.Kind],
) -> None:
    kind = make()
    # Compiled, bfloat16 is rounded at other places.
    tolerance = 0.03 if make is model_kinds.half_precision else 2e-3
    x = model_kinds.as_tensors(kind.x)
    first = keras.tree.flatten(x)[0]
    with tf.GradientTape() as tape:
        tape.watch(keras.tree.flatten(x))
        scores = _spread(kind.model(x, training=False))
    state = [np.asarray(v.value) for v in kind.model.variables]
    found = tk.saliency(kind.model, kind.x, _spread)
    np.testing.assert_allclose(found.scores, scores, rtol=tolerance, atol=1e-5)
    if first.dtype.is_floating:
        expected = tape.gradient(scores, first)
        size = np.abs(expected).max()
        np.testing.assert_allclose(
            found.attribution, expected, rtol=tolerance, atol=tolerance * size
        )
    else:
        assert found.attribution.ndim == first.shape.rank + 1
        assert np.abs(found.attribution).max() > 0
    for variable, before in zip(kind.model.variables, state, strict=True):
        np.testing.assert_array_equal(variable.value, before)


def volumes() -> keras.Model:
    return keras.Sequential(
        [
            layers.Input((6, 5, 4, 2)),
            layers.Conv3D(3, 2, activation="relu", name="conv"),
            layers.Flatten(),
            layers.Dense(2),
        ]
    )


def series() -> keras.Model:
    return keras.Sequential(
        [
            layers.Input((9, 2)),
            layers.Conv1D(3, 3, activation="relu", name="conv"),
            layers.LSTM(4, return_sequences=True, name="lstm"),
            layers.Flatten(),
            layers.Dense(2),
        ]
    )


def text() -> keras.Model:
    return keras.Sequential(
        [
            layers.Input((7,), dtype="int32"),
            layers.Embedding(20, 4, mask_zero=True, name="embedding"),
            layers.SimpleRNN(3, return_sequences=True, name="rnn"),
            layers.Dense(4, activation="relu"),
            layers.GlobalAveragePooling1D(),
            layers.Dense(2),
        ]
    )


# Of each family one; all are tried where there is time.
QUICK_METHODS = (tk.layer_cam, tk.score_cam, tk.integrated_gradients, tk.occlusion)


@pytest.mark.parametrize(
    "method",
    [
        pytest.param(method, marks=() if method in QUICK_METHODS else pytest.mark.long)
        for method in METHODS
    ],
)
@pytest.mark.parametrize("make", [volumes, series, text])
def test_inputs_of_other_dimensions(
    method: Callable[..., Explanation], make: Callable[[], keras.Model]
) -> None:
    model = make()
    rng = np.random.default_rng(0)
    shape = (2, *model.input_shape[1:])
    is_text = make is text
    x = rng.integers(1, 20, shape) if is_text else rng.normal(size=shape)
    options = {"copies": 3} if method is tk.smooth_grad else {}
    if is_text and method in CLASS_ACTIVATION_MAPS:
        options["layer"] = "rnn"
    found = method(model, x, **options)
    spatial = model.input_shape[1 : 4 if make is volumes else 2]
    assert found.resized().shape == (2, *spatial)
    assert np.isfinite(found.heatmap).all()
    assert found.signed or found.heatmap.min() >= 0


def test_text_is_explained_where_a_layer_of_the_model_makes_tokens_of_it() -> None:
    words = layers.TextVectorization(10, output_sequence_length=4)
    words.adapt(["a good film", "a bad film"])
    of_ids = [
        layers.Embedding(10, 3, name="embedding"),
        layers.GlobalAveragePooling1D(),
        layers.Dense(2),
    ]
    text_in = layers.Input((1,), dtype="string")
    model = keras.Sequential([text_in, words, *of_ids])
    x = tf.constant([["a good film"], ["a film"]])
    found = tk.integrated_gradients(model, x, 0)
    assert found.site == "embedding"
    same = keras.Sequential([layers.Input((4,), dtype="int32"), *of_ids])
    expected = tk.integrated_gradients(same, words(x), 0)
    np.testing.assert_allclose(found.heatmap, expected.heatmap, rtol=1e-5)


def test_masked_tokens_have_no_part() -> None:
    keras.utils.set_random_seed(0)  # Not all of its ReLUs are dead.
    model = text()
    x = np.array([[3, 4, 5, 6, 0, 0, 0]])
    found = tk.integrated_gradients(model, x, 0)
    assert np.abs(found.heatmap[0, :4]).min() > 0
    np.testing.assert_array_equal(found.heatmap[0, 4:], 0)
    assert found.completeness_error.max() < 1e-3


# What the literature asks of such methods.


@pytest.mark.parametrize("method", METHODS)
def test_other_weights_give_another_map(method: Callable[..., Explanation]) -> None:
    """Adebayo et al. 2018, by correlation with the map of a model with other weights."""
    x = np.random.default_rng(0).normal(size=(4, 8, 8, 1))
    maps = []
    for seed in (1, 2):
        keras.utils.set_random_seed(seed)
        model = models.classifier().model
        model.set_weights(
            [np.random.default_rng(seed).normal(size=w.shape) for w in model.weights]
        )
        maps.append(method(model, x, 0).heatmap.ravel())
    assert np.std(maps, axis=1).min() > 0
    assert np.corrcoef(maps)[0, 1] < 0.8


def test_what_is_added_to_a_logit_changes_no_map_and_a_factor_scales_it() -> None:
    model = small_net()
    kernel, bias = model.layers[-1].get_weights()
    before = {
        method: method(model, X, 0).heatmap for method in (tk.grad_cam, tk.saliency)
    }
    model.layers[-1].set_weights([3 * kernel, bias + 7])
    for method, heatmap in before.items():
        np.testing.assert_allclose(method(model, X, 0).heatmap, 3 * heatmap, rtol=1e-6)


def test_hires_cam_of_one_dense_layer_sums_up_to_the_score() -> None:
    case = models.classifier()
    found = tk.hires_cam(case.model, case.x)
    bias = case.model.get_layer("probs").bias.numpy()[found.targets]
    np.testing.assert_allclose(
        found.heatmap.sum(axis=(1, 2)), found.scores - bias, rtol=1e-4, atol=1e-5
    )


def test_integrated_gradients_are_complete() -> None:
    case = models.classifier()
    found = tk.integrated_gradients(case.model, case.x, steps=100)
    start = tk.saliency(case.model, np.zeros_like(case.x), found.targets).scores
    sums = found.heatmap.sum(axis=(1, 2))
    assert found.completeness_error.max() < 0.02 * np.abs(found.scores - start).max()
    np.testing.assert_allclose(
        np.abs(sums - (found.scores - start)), found.completeness_error, atol=1e-5
    )


# How it is run.


def test_a_question_is_compiled_once_for_batches_of_any_size() -> None:
    case = models.classifier()
    tk.grad_cam(case.model, case.x)
    tk.grad_cam(case.model, case.x[:1], targets=[2], layer=None)
    tk.grad_cam(case.model, case.x, memory_limit=1)
    [one] = score_pass._passes[case.model].values()
    assert one.trace_count == 1


@pytest.mark.parametrize("method", METHODS)
def test_parts_give_what_the_whole_gives(method: Callable[..., Explanation]) -> None:
    case = models.classifier()
    whole, parts = (
        method(case.model, case.x, memory_limit=limit) for limit in (1 << 30, 5000)
    )
    np.testing.assert_allclose(parts.heatmap, whole.heatmap, rtol=1e-4, atol=1e-6)
    np.testing.assert_allclose(parts.scores, whole.scores, rtol=1e-5)
    np.testing.assert_array_equal(parts.targets, whole.targets)


def test_a_model_that_runs_eagerly_is_explained_but_by_rules_of_graphs() -> None:
    case = models.classifier()
    before = [method(case.model, case.x).heatmap for method in METHODS]
    case.model.compile("adam", "sparse_categorical_crossentropy", run_eagerly=True)
    for method, compiled in zip(METHODS, before, strict=True):
        if method in (tk.guided_backprop, tk.deconvnet):
            with pytest.raises(ValueError, match="without run_eagerly=True"):
                method(case.model, case.x)
            continue
        eager = method(case.model, case.x).heatmap
        np.testing.assert_allclose(eager, compiled, rtol=1e-4, atol=1e-6)


def test_guided_gradients_leave_the_model_as_it_was() -> None:
    case = models.classifier()
    before = tk.saliency(case.model, case.x).heatmap
    tk.guided_backprop(case.model, case.x)
    np.testing.assert_array_equal(tk.saliency(case.model, case.x).heatmap, before)
    case.model.fit(case.x, case.y, verbose=0)


def test_a_model_that_was_explained_can_go() -> None:
    case = models.classifier()
    for method in METHODS:
        method(case.model, case.x)
        method(case.model, case.x, lambda y: y[:, 0])
    model = weakref.ref(case.model)
    del case
    gc.collect()
    assert model() is None


def test_a_model_for_batches_of_one_size_is_given_such() -> None:
    model = keras.Sequential(
        [
            layers.Input(batch_shape=(2, 5, 3)),
            layers.LSTM(4, stateful=True, return_sequences=True, name="lstm"),
            layers.Flatten(),
            layers.Dense(2),
        ]
    )
    x = np.random.default_rng(0).normal(size=(4, 5, 3))
    found = tk.integrated_gradients(model, x, steps=5)
    assert found.heatmap.shape == (4, 5)
    assert found.completeness_error.max() < 0.05
    with pytest.raises(ValueError, match="batches of 2; 3 samples"):
        tk.saliency(model, x[:3])


def test_progress_is_shown_if_wanted(capsys: pytest.CaptureFixture[str]) -> None:
    case = models.classifier()
    tk.grad_cam(case.model, case.x, memory_limit=1)
    assert capsys.readouterr().out == ""
    tk.grad_cam(case.model, case.x, memory_limit=1, progress=True)
    assert "4/4" in capsys.readouterr().out


# Pictures.


def _explained(heatmap: Any, x: Any, signed: bool = False) -> Explanation:
    return Explanation(
        method="grad_cam",
        heatmap=np.asarray(heatmap, np.float32),
        scores=np.array([0.5], np.float32),
        targets=np.array([3]),
        score_source="logits",
        site="conv",
        signed=signed,
        x=np.asarray(x),
    )


def _levels(png: bytes) -> Any:
    """A picture's pixels, uint8."""
    return np.round(images.imread(io.BytesIO(png)) * 255).astype(np.uint8)


def test_overlay_by_hand() -> None:
    grey = np.full((1, 1, 3, 1), 100, np.uint8)
    found = _explained([[[0, 1, 2]]], grey).overlay(opacity=1)
    inferno = load_colormap("inferno").colors.astype(float)
    np.testing.assert_array_equal(found[0, 0, 0], [100] * 3)
    # Half as opaque, rounded to 128 of 255 levels.
    half = 128 / 255
    np.testing.assert_allclose(
        found[0, 0, 1], 100 * (1 - half) + inferno[128] * half, atol=0.51
    )
    np.testing.assert_array_equal(found[0, 0, 2], inferno[255])


def test_signed_overlay_has_the_image_at_zero_and_both_ends_of_the_colour_map() -> None:
    image = np.full((1, 1, 3, 3), 7, np.uint8)
    found = _explained([[[-2, 0, 2]]], image, signed=True).overlay(opacity=1)
    colors = load_colormap("blue_red").colors
    np.testing.assert_array_equal(found[0, 0], [colors[0], [7] * 3, colors[255]])


def test_overlay_of_floats_nan_and_a_constant_image() -> None:
    x = np.array([[[-1.0], [1.0], [np.nan]]])[np.newaxis]
    found = _explained([[[0, 0, np.nan]]], x).overlay(opacity=1)
    nan = load_colormap("inferno").nan
    np.testing.assert_array_equal(found[0, 0], [[0] * 3, [255] * 3, nan])
    constant = _explained([[[0, 0, 0]]], np.ones((1, 1, 3))).overlay()
    np.testing.assert_array_equal(constant, np.zeros((1, 1, 3, 3)))


def test_overlay_tells_what_can_not_be_drawn() -> None:
    with pytest.raises(ValueError, match="it is a share, 0 to 1"):
        _explained([[[0]]], np.ones((1, 1, 1))).overlay(opacity=2)
    with pytest.raises(ValueError, match="with 1, 3 or 4 channels"):
        _explained([[[0]]], np.ones((1, 1, 1, 5))).overlay()
    with pytest.raises(ValueError, match="draw its slices"):
        _explained(np.zeros((1, 2, 2, 2)), np.ones((1, 2, 2, 2, 1))).to_png()


def test_a_notebook_shows_pictures_with_what_they_explain() -> None:
    explanation = tk.grad_cam(small_net(), np.repeat(X, 18, axis=0), 0)
    shown = explanation._repr_html_()
    assert shown.count("<img") == 16
    assert "2 more samples are not shown" in shown
    assert "grad_cam at conv" in shown
    assert "class 0 · score -5" in shown
    picture = shown.split("base64,")[1].split('"')[0]
    pixels = _levels(base64.b64decode(picture))
    np.testing.assert_array_equal(pixels[..., :3], explanation.overlay()[0])


def test_series_and_volumes_in_a_notebook() -> None:
    strip = _explained([[0, 1, 2]], np.ones((1, 3, 4)))
    pixels = _levels(strip.to_png(opacity=1))
    assert pixels.shape == (1, 3, 4)
    assert list(pixels[0, 0]) == [255] * 4
    assert "<img" in strip._repr_html_()
    volume = _explained(np.zeros((1, 2, 2, 2)), np.ones((1, 2, 2, 2, 1)))
    assert "sample 0" in volume._repr_html_()
