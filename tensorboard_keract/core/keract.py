"""keract's functions on Keras 3: activations and gradients as NumPy arrays.

Names, arguments and the order of keys are keract's; `docs/from-keract.md` says key by
key what differs. Each call runs one compiled pass, which is built at the first call
for a model, its input shapes and a choice of layers, and kept as long as the model
lives. Nothing in the model changes, except that one that is not built yet is built.
"""

from __future__ import annotations

import functools
import os
import warnings
from collections.abc import Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any, Final, TypeAlias

import keras
import numpy as np
import numpy.typing as npt
import tensorflow as tf
from keras.src.trainers.data_adapters.data_adapter_utils import (
    class_weight_to_sample_weights,
)

from tensorboard_keract.core.arguments import (
    batch_sizes,
    check_model,
    parse_x,
    tensors_of,
    unwrapped,
)
from tensorboard_keract.core.call_selection import CallSelection
from tensorboard_keract.core.capture import (
    Captured,
    CompiledPass,
    Reduce,
    compiled_pass,
)
from tensorboard_keract.core.layer_selection import (
    LayerSelectors,
    UnknownLayerError,
    listed,
)
from tensorboard_keract.core.model_layout import (
    UNSEEN_NOTE,
    ModelLayout,
    named_inputs,
    output_paths,
)
from tensorboard_keract.core.model_state import build
from tensorboard_keract.core.nodes import Node, parse_nodes
from tensorboard_keract.core.trace import LayerCall

Arrays: TypeAlias = npt.NDArray[Any] | list[npt.NDArray[Any]]
"""What a layer gives: an array, or a list of them where it has several outputs."""

# The outputs of one call; None stands for one that can't be had as an array.
_Outputs: TypeAlias = list[npt.NDArray[Any] | None]

OUTPUT_FORMATS: Final = ("simple", "full", "numbered")


def get_activations(
    model: keras.Model,
    x: Any,
    layer_names: LayerSelectors | None = None,
    nodes_to_evaluate: Iterable[Any] | None = None,
    output_format: str = "simple",
    nested: bool = False,
    auto_compile: bool = True,
    *,
    exclude_layers: LayerSelectors | None = None,
    training: bool = False,
) -> dict[Any, Arrays]:
    """The activations of a model's layers for an input.

    Example:

    ```python
    activations = get_activations(model, x[:1])
    activations["conv1"].shape  # (1, 26, 26, 32)
    get_activations(model, x, layer_names=["conv1", "block/fc1"])
    get_activations(model, x, layer_names=keras.layers.Conv2D, nested=True)
    ```

    Args:
      model: any Keras 3 model; it need not be compiled.
      x: what `model.predict` takes, as arrays or tensors: one, or a list, tuple or
        dict of them; batch axis first.
      layer_names: which layers: one or several of name, path ("block/fc1"), glob,
        compiled regular expression, layer, layer class, index, or function of the
        layer. None gives all, and the inputs. Inputs are chosen by their names.
      nodes_to_evaluate: in place of layers, Keras tensors of a functional or
        Sequential model (`layer.output`, `model.inputs[0]`), and variables of the
        model. The result has no inputs but those that are asked for.
      output_format: what the keys are.
        "simple": names of inputs and layers; with `nested` layer paths. A layer that
          is called several times has a key for each call, "shared@0", "shared@1".
        "full": a key for each tensor, "conv1:0", "lstm:2".
        "numbered": 0, 1, 2, … in the order of the simple keys.
      nested: False gives the layers of the model itself, a model among them by its
        output. True opens models, and layers that hold layers, and names all by their
        paths. A model whose output is that of a layer in it is not itself a key.
      auto_compile: is ignored: activations need no compiled model. keract had it.
      exclude_layers: which layers not, in the words of `layer_names`.
      training: whether dropout drops and batch normalisation takes the statistics of
        this batch. The model is not changed by it.

    Returns:
      Arrays by key: first the inputs as they were given, then the layers in the order
      of their computation, those of a functional model in the order of
      `model.layers`. A list of arrays where a layer has several outputs. Arrays have
      the dtype of the layer's output, but bfloat16 comes as float32. NaN and ±Inf are
      what the layer computed.

      What can't be had as an array is left out, with a warning that names it: ragged
      and sparse outputs, and those computed inside a loop.

    Raises:
      UnknownLayerError: a KeyError, if a selector fits no layer; lists the layers.
      ValueError: if `nodes_to_evaluate` is empty, stands beside `layer_names`, or
        holds what is not of this model; for an unknown `output_format`; if x is empty
        or does not fit the model.
      TypeError: if `model` is no Keras 3 model, or x can't become tensors.
      RuntimeError: if Keras runs on another backend than TensorFlow.
    """
    _check_arguments(model, output_format)
    x = unwrapped(model, x)
    tensors = parse_x(x)
    build(model, tensors, training)
    inputs = _inputs_as_given(model, x, tensors)
    if nodes_to_evaluate is not None:
        if layer_names is not None or exclude_layers is not None:
            raise ValueError(
                "nodes_to_evaluate stands beside a choice of layers; give one of them."
            )
        nodes = parse_nodes(model, nodes_to_evaluate)
        return _evaluated_nodes(model, tensors, inputs, nodes, output_format, training)
    chosen, selection = _selection(inputs, layer_names, exclude_layers, nested)
    try:
        found = _activations_of(model, tensors, selection, training)
    except UnknownLayerError as error:
        raise UnknownLayerError(f"{error}; the inputs: {', '.join(inputs)}") from None
    # Where a layer has the name of an input, the input gives way.
    named = {f"input/{n}" if n in found else n: value for n, value in chosen.items()}
    return _formatted({**named, **found}, output_format)


def get_gradients_of_activations(
    model: keras.Model,
    x: Any,
    y: Any,
    layer_names: LayerSelectors | None = None,
    output_format: str = "simple",
    nested: bool = False,
    *,
    sample_weight: Any = None,
    class_weight: Mapping[int, float] | None = None,
    exclude_layers: LayerSelectors | None = None,
    training: bool = False,
) -> dict[Any, Arrays]:
    """The gradients of the loss with respect to the activations of a model's layers.

    The loss is what `fit` minimises for this batch: the compiled losses with their
    weights, regularisation and `add_loss`; by default a mean over the batch, so that
    gradients shrink with its size.

    Args:
      model: any compiled Keras 3 model.
      x, y, sample_weight, class_weight: as in `model.fit`, as arrays or tensors.
      layer_names, output_format, nested, exclude_layers, training: as in
        `get_activations`.

    Returns:
      Arrays under the keys of `get_activations` without the inputs, each of the shape
      of the activation. float32 or the dtype of the activation. Zero where the loss
      does not depend on an activation, NaN where it has no derivative (integers,
      booleans, strings). Under mixed precision they are those of the unscaled loss,
      but ±Inf where the scaled ones are beyond float16, as in training, which lowers
      the scale then.

      A softmax or sigmoid at the end whose input the loss reads in its place, as
      Keras' crossentropies do, has the gradient with respect to that input, the
      logits.

    Raises:
      ValueError: if the model is not compiled, y is missing or of another length
        than x; else as `get_activations`.
    """
    arguments = _training_arguments(
        model, x, y, sample_weight, class_weight, training, output_format
    )
    _, selection = _selection({}, layer_names, exclude_layers, nested)
    assert selection is not None
    run = _pass(model, selection, _activation_gradients, training)
    return _formatted(_as_arrays(run(*arguments)), output_format)


def get_gradients_of_trainable_weights(
    model: keras.Model,
    x: Any,
    y: Any,
    *,
    sample_weight: Any = None,
    class_weight: Mapping[int, float] | None = None,
    training: bool = False,
) -> dict[str, npt.NDArray[Any]]:
    """The gradients of the loss with respect to the trainable weights.

    The loss is that of `get_gradients_of_activations`.

    Args:
      model: any compiled Keras 3 model.
      x, y, sample_weight, class_weight: as in `model.fit`, as arrays or tensors.
      training: as in `get_activations`.

    Returns:
      Arrays of the weights' shapes by weight path ("conv1/kernel", "block/fc1/bias"),
      in the order of `model.trainable_weights`; float32 or the dtype of the weight.
      Those of frozen layers are absent. Zero where the loss does not depend on a
      weight.

    Raises:
      ValueError, TypeError, RuntimeError: as `get_gradients_of_activations`.
    """
    arguments = _training_arguments(model, x, y, sample_weight, class_weight, training)
    gradients = compiled_pass(
        model, training=training, select=_nothing, reduce=_weight_gradients
    )(*arguments)
    arrays = _as_arrays({path: [gradient] for path, gradient in gradients.items()})
    return {path: array for path, [array] in arrays.items() if array is not None}


def _check_arguments(model: Any, output_format: str) -> None:
    check_model(model)
    if output_format not in OUTPUT_FORMATS:
        raise ValueError(
            f"Unknown output_format {output_format!r}. Use one of:"
            f" {', '.join(OUTPUT_FORMATS)}."
        )


def _training_arguments(
    model: Any,
    x: Any,
    y: Any,
    sample_weight: Any,
    class_weight: Mapping[int, float] | None,
    training: bool,
    output_format: str = "simple",
) -> tuple[Any, Any, Any]:
    """x, y and sample weight as tensors, checked; the model built."""
    _check_arguments(model, output_format)
    if not getattr(model, "compiled", False):
        raise ValueError(
            f"The model {model.name!r} is not compiled, so there is no loss to take"
            " gradients of. Call model.compile(optimizer, loss) first."
        )
    if y is None:
        raise ValueError("Gradients need targets; y is None.")
    if class_weight is not None and sample_weight is not None:
        raise ValueError("Give sample_weight or class_weight, not both.")
    tensors = parse_x(unwrapped(model, x))
    targets, weights = tensors_of("y", y), tensors_of("sample_weight", sample_weight)
    samples = batch_sizes("x", tensors)
    for name, part in (("y", targets), ("sample_weight", weights)):
        if not batch_sizes(name, part) <= samples:
            raise ValueError(
                f"x has {samples.pop()} samples, {name} has"
                f" {sorted(batch_sizes(name, part))}."
            )
    if class_weight is not None:
        if not isinstance(targets, tf.Tensor):
            raise ValueError(
                "class_weight is for models with one output; give sample_weight, in"
                " the structure of y."
            )
        weights = tf.convert_to_tensor(
            class_weight_to_sample_weights(targets, class_weight), keras.config.floatx()
        )
    build(model, tensors, training)
    return tensors, targets, weights


def _inputs_as_given(model: keras.Model, x: Any, tensors: Any) -> dict[str, _Outputs]:
    """The inputs by name, untouched by the conversion to tensors."""
    given = dict(
        zip(
            map(id, keras.tree.flatten(tensors)),
            keras.tree.flatten(x),
            strict=True,
        )
    )
    return {
        name: [_as_array(given[id(tensor)])]
        for name, tensor in named_inputs(model, tensors).items()
    }


# Which inputs and calls.


def _selection(
    inputs: dict[str, _Outputs],
    layer_names: LayerSelectors | None,
    exclude_layers: LayerSelectors | None,
    nested: bool,
) -> tuple[dict[str, _Outputs], CallSelection | None]:
    """The inputs that are chosen, and which calls; None for no calls."""
    exclude = [] if exclude_layers is None else listed(exclude_layers)
    left = {name: value for name, value in inputs.items() if name not in exclude}
    excluded = [selector for selector in exclude if not _is_among(selector, inputs)]
    if layer_names is None:
        return left, CallSelection.of(None, excluded, nested)
    include = listed(layer_names)
    if not include:
        raise UnknownLayerError(
            "layer_names is empty. Leave it out for all layers, or give names."
        )
    chosen = {name: value for name, value in left.items() if name in include}
    included = [selector for selector in include if not _is_among(selector, inputs)]
    if not included:
        return chosen, None
    return chosen, CallSelection.of(included, excluded, nested)


def _is_among(selector: Any, inputs: dict[str, _Outputs]) -> bool:
    return isinstance(selector, str) and selector in inputs


def _nothing(calls: Sequence[LayerCall]) -> list[LayerCall]:
    return []


# What the pass returns: by layer path the outputs of each call.


def _activations_of(
    model: keras.Model, tensors: Any, selection: CallSelection | None, training: bool
) -> dict[str, _Outputs]:
    if selection is None:
        return {}
    run = _pass(model, selection, _activations, training, gradients=False)
    return _as_arrays(run(tensors))


def _pass(
    model: keras.Model,
    selection: CallSelection,
    reduce: Reduce,
    training: bool,
    gradients: bool = True,
) -> CompiledPass:
    """The pass for a selection: a known one, if selections can be told apart."""
    make = compiled_pass if selection.is_hashable else CompiledPass
    return make(
        model,
        gradients=gradients,
        training=training,
        select=selection,
        reduce=reduce,
    )


def _activations(captured: Captured, layout: ModelLayout, extra: Any) -> Any:
    return {
        call.path(): [captured.activations.get(path) for path in output_paths(call)]
        for call in captured.calls
    }


def _activation_gradients(captured: Captured, layout: ModelLayout, extra: Any) -> Any:
    def gradient(path: str) -> tf.Tensor | None:
        activation = captured.activations.get(path)
        if activation is None or path in captured.activation_gradients:
            return captured.activation_gradients.get(path)
        if activation.dtype.is_floating or activation.dtype.is_complex:
            return tf.zeros_like(activation)
        return tf.fill(tf.shape(activation), tf.constant(np.nan, tf.float32))

    return {
        call.path(): [gradient(path) for path in output_paths(call)]
        for call in captured.calls
    }


def _weight_gradients(captured: Captured, layout: ModelLayout, extra: Any) -> Any:
    trainable = [weight for weight in layout.weights if weight.trainable]
    return {
        weight.path: captured.weight_gradients.get(
            weight.path, tf.zeros_like(captured.weights[weight.path])
        )
        for weight in sorted(trainable, key=lambda weight: weight.index)
    }


# To NumPy.


def _as_arrays(
    tensors: Mapping[str, Sequence[tf.Tensor | None]],
) -> dict[str, _Outputs]:
    """Tensors as arrays that are the caller's to write to.

    A tensor's own memory may be that of another layer's, of a weight or of x, so all
    are copied; on threads, because that is half as long as a forward pass otherwise.
    """
    flat = [tensor for outputs in tensors.values() for tensor in outputs]
    arrays = _copiers().map(lambda t: None if t is None else _as_array(t), flat)
    return {path: [next(arrays) for _ in outputs] for path, outputs in tensors.items()}


@functools.cache
def _copiers() -> ThreadPoolExecutor:
    # Kept: a new thread starts with no memory of its own and is half as fast.
    return ThreadPoolExecutor(os.cpu_count(), thread_name_prefix="keract-copy")


def _as_array(value: Any) -> npt.NDArray[Any]:
    if not isinstance(value, tf.Tensor):
        return np.asarray(value)
    # NumPy itself has no bfloat16; float32 holds all its values.
    tensor = tf.cast(value, tf.float32) if value.dtype == tf.bfloat16 else value
    return np.asarray(tensor.numpy())


def _formatted(found: Mapping[str, _Outputs], output_format: str) -> dict[Any, Arrays]:
    """Outputs by path under the keys of an output format; warns of what is missing."""
    every = {
        path if len(outputs) == 1 else f"{path}:{i}": output
        for path, outputs in found.items()
        for i, output in enumerate(outputs)
    }
    missing = [path for path, output in every.items() if output is None]
    if missing:
        warnings.warn(
            f"Left out: {', '.join(missing)}. {UNSEEN_NOTE}", UserWarning, stacklevel=3
        )
    if output_format == "full":
        return {
            f"{path}:{i}": output
            for path, outputs in found.items()
            for i, output in enumerate(outputs)
            if output is not None
        }
    simple: dict[Any, Arrays] = {}
    for path, outputs in found.items():
        seen = [output for output in outputs if output is not None]
        if seen:
            simple[path] = seen[0] if len(outputs) == 1 else seen
    return simple if output_format == "simple" else dict(enumerate(simple.values()))


def _evaluated_nodes(
    model: keras.Model,
    tensors: Any,
    inputs: dict[str, _Outputs],
    nodes: list[Node],
    output_format: str,
    training: bool,
) -> dict[Any, Arrays]:
    paths = {node.path for node in nodes if node.value is None} - inputs.keys()
    selection = CallSelection.of(sorted(paths), (), nested=False) if paths else None
    found = {**inputs, **_activations_of(model, tensors, selection, training)}
    values: dict[Any, Arrays] = {}
    for path, output, value in nodes:
        if value is not None:
            values[path] = _as_array(value)
            continue
        outputs = found[path]
        array = outputs[output]
        if array is None:
            raise ValueError(f"{path}:{output} is left out. {UNSEEN_NOTE}")
        is_named = output_format == "full" or len(outputs) > 1
        values[f"{path}:{output}" if is_named else path] = array
    return dict(enumerate(values.values())) if output_format == "numbered" else values
