"""The command line: `tensorboard-keract record` makes a run of saved models and files.

    tensorboard-keract record model.keras --input cat.jpg dog.jpg --logdir logs/pets \\
        --attribution grad_cam integrated_gradients --class-names classes.txt

TensorFlow is imported once the arguments are read.
"""

from __future__ import annotations

import argparse
import ast
import importlib
import json
import logging
import os
import shlex
import sys
from collections.abc import Iterable, Sequence
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from tensorboard_keract._version import __version__
from tensorboard_keract.recording import given_files
from tensorboard_keract.recording.given_files import RefusedError

if TYPE_CHECKING:
    from tensorboard_keract.recording.input_files import Samples
    from tensorboard_keract.recording.probe import Probe
    from tensorboard_keract.recording.recorder import Recorder

_DONE: Final = 0
_FAILED: Final = 1
_REFUSED: Final = 2

_DESCRIPTION: Final = """\
Records what happens inside a saved Keras model: inputs pass through it, and feature
maps, statistics, histograms, weights and heatmaps of what it looks at become a run for
the Keract tab of TensorBoard. Several models, such as checkpoints, become the steps of
one run."""

_EXAMPLES: Final = """\
examples:
  tensorboard-keract record model.keras --input photos/ --logdir logs/photos
  tensorboard-keract record 'checkpoints/*.keras' --input digits.npy \\
      --logdir logs/digits --attribution grad_cam integrated_gradients@steps=20
  tensorboard-keract record resnet50.keras --input cat.jpg --scale caffe \\
      --logdir logs/cat --class-names imagenet.json --attribution grad_cam@conv5_block3_out
"""


def main(arguments: Sequence[str] | None = None) -> int:
    """Runs the command line.

    Args:
      arguments: in place of those of the process.

    Returns:
      0; 1 if something could not be recorded; 2 if what was asked can't be done, which
      is told on the standard error.
    """
    parser = _parser()
    parsed = parser.parse_args(arguments)
    # Else TensorFlow tells of the processor before anything is done.
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")
    try:
        return int(parsed.run(parsed))
    except RefusedError as error:
        print(f"{parser.prog}: error: {error}", file=sys.stderr)
        return _REFUSED


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="tensorboard-keract",
        description="Keract for TensorBoard, without code.",
        allow_abbrev=False,
    )
    parser.add_argument("--version", action="version", version=__version__)
    commands = parser.add_subparsers(required=True, metavar="COMMAND")
    _add_record(
        commands.add_parser(
            "record",
            help="record saved models on files, such as images",
            description=_DESCRIPTION,
            epilog=_EXAMPLES,
            formatter_class=argparse.RawDescriptionHelpFormatter,
            allow_abbrev=False,
        )
    )
    return parser


def _add_record(parser: argparse.ArgumentParser) -> None:
    add = parser.add_argument
    add(
        "models",
        nargs="+",
        metavar="MODEL",
        help="a .keras or .h5 file, or a pattern; several become steps",
    )
    add(
        "--input",
        nargs="+",
        required=True,
        metavar="FILE",
        help="images, directories of images, .npy or .npz files, or patterns",
    )
    add("--logdir", required=True, help="where the run is written, as LOGDIR/keract")
    add(
        "--step",
        nargs="+",
        type=int,
        default=[],
        help="of each model; else the last number in its name, or 0, 1, 2 …",
    )
    add(
        "--attribution",
        nargs="+",
        action="extend",
        default=[],
        metavar="METHOD",
        help="heatmaps, such as grad_cam, saliency, integrated_gradients, occlusion;"
        " with options as grad_cam@LAYER or integrated_gradients@steps=20",
    )
    add(
        "--target",
        nargs="+",
        default=["predicted"],
        metavar="ID",
        help='what they explain: "predicted", "label", a class id, or one for each input',
    )
    add(
        "--layers",
        nargs="+",
        metavar="LAYER",
        help="names, paths or patterns of layers",
    )
    add("--exclude-layers", nargs="+", metavar="LAYER", help="which of them not")
    add(
        "--labels",
        nargs="+",
        metavar="ID",
        help="the class id of each input, or a .npy file of them",
    )
    add(
        "--class-names",
        metavar="FILE",
        help="a name in each line, or JSON: a list, or names by class id",
    )
    add("--vocabulary", metavar="FILE", help="of token ids, in the same forms")
    add(
        "--y",
        metavar="FILE",
        help="a .npy file of what the model is to answer: gradients are recorded, too,"
        " by the loss that the model was saved with",
    )
    add(
        "--scale",
        choices=(given_files.AUTO, *given_files.SCALES),
        default=given_files.AUTO,
        help="pixels: auto is 0-255 for a model that begins with a Rescaling or"
        " Normalization layer, else 0-1; tf (-1 to 1), caffe and torch are the modes of"
        " keras.applications",
    )
    add(
        "--size",
        type=int,
        nargs=2,
        metavar=("HEIGHT", "WIDTH"),
        help="of images, where the model takes any",
    )
    add("--crop", action="store_true", help="cut images rather than stretch them")
    add(
        "--max-samples",
        type=int,
        default=16,
        metavar="N",
        help="how many inputs are read, the first ones; 16",
    )
    add(
        "--import",
        dest="modules",
        nargs="+",
        default=[],
        metavar="MODULE",
        help="Python modules that define layers of the model",
    )
    add(
        "--unsafe",
        action="store_true",
        help="run Python code that a model file holds; only for files that you trust",
    )
    parser.set_defaults(run=_record)


def _record(arguments: argparse.Namespace) -> int:
    if arguments.max_samples < 1:
        raise RefusedError("--max-samples is at least 1.")
    paths = given_files.expanded(arguments.models)
    inputs = given_files.expanded(
        arguments.input, (*given_files.IMAGE_SUFFIXES, *given_files.ARRAY_SUFFIXES)
    )
    try:
        from tensorboard_keract.recording import saved_models
    except ModuleNotFoundError as error:
        raise RefusedError(
            f"Recording needs {error.name}. Install it with"
            " `pip install 'tensorboard-keract[tensorflow]'`."
        ) from error
    logging.basicConfig(format="%(levelname)s: %(message)s")
    if arguments.unsafe:
        print("Code in model files is run, as asked: --unsafe.", file=sys.stderr)
    _import(arguments.modules)
    checkpoints = saved_models.checkpoints(paths, arguments.step)
    load = partial(
        saved_models.load_model,
        compiled=arguments.y is not None,
        safe=not arguments.unsafe,
    )
    first = checkpoints[0]
    model = load(first.path)
    print(
        f"Model: {first.path}, {type(model).__name__} {model.name},"
        f" {model.count_params():,} parameters"
    )
    samples = _samples(arguments, model, inputs)
    _tell_replaced(arguments.logdir, first.step)
    with _recorder(arguments, model, samples) as recorder:
        print(recorder.plan_summary())
        for number, (path, step) in enumerate(checkpoints):
            if number:
                saved_models.take_weights(model, path, load(path))
            if recorder.record(step):
                print(f"Step {step}: {path}")
        recorder.close()
        if recorder.record_count - recorder.lost_records < len(checkpoints):
            print("Not all could be recorded; see above.", file=sys.stderr)
            return _FAILED
    print(f"\nTo look at it:\n  tensorboard --logdir {shlex.quote(arguments.logdir)}")
    return _DONE


def _samples(arguments: argparse.Namespace, model: Any, paths: list[Path]) -> Samples:
    from tensorboard_keract.recording.input_files import Reading, read_samples

    reading = Reading(
        arguments.scale,
        tuple(arguments.size) if arguments.size else None,
        arguments.crop,
        arguments.max_samples,
    )
    samples = read_samples(model, paths, reading)
    told = f"Inputs: {samples.count}, {samples.description}"
    if len(paths) > samples.count:
        told += f"; the first of {len(paths)} files: --max-samples"
    print(told)
    return samples


def _recorder(arguments: argparse.Namespace, model: Any, samples: Samples) -> Recorder:
    from tensorboard_keract.core.layer_selection import UnknownLayerError
    from tensorboard_keract.recording.recorder import Recorder

    has_loss = arguments.y is not None
    if has_loss and not model.compiled:
        raise RefusedError(
            "--y is for a model that was saved with its loss: model.compile before"
            " model.save."
        )
    try:
        return Recorder(
            arguments.logdir,
            model,
            _probe(arguments, samples),
            arguments.layers,
            exclude_layers=arguments.exclude_layers,
            kinds=None if has_loss else ("activation", "weight"),
            attributions=[*map(_attribution, arguments.attribution)],
            targets=_targets(arguments.target),
            max_samples=samples.count,
        )
    except (ValueError, TypeError, UnknownLayerError, OSError, RuntimeError) as error:
        raise RefusedError(str(error)) from error


def _probe(arguments: argparse.Namespace, samples: Samples) -> Probe:
    from tensorboard_keract.recording.probe import Probe

    y = None if arguments.y is None else _array(arguments.y)[: samples.count]
    labels = arguments.labels
    if labels is not None:
        are_in_file = len(labels) == 1 and labels[0].endswith(".npy")
        given = _array(labels[0]).ravel().tolist() if are_in_file else labels
        labels = [_whole_number("--labels", label) for label in given]
        labels = labels[: samples.count]
        if len(labels) < samples.count:
            raise RefusedError(
                f"There are {len(labels)} labels for {samples.count} inputs."
            )
    names, words = (
        _names(path) for path in (arguments.class_names, arguments.vocabulary)
    )
    class_names = [names.get(i, str(i)) for i in range(max(names, default=-1) + 1)]
    return Probe(
        samples.x, y, labels=labels, class_names=class_names, vocabulary=words or None
    )


def _tell_replaced(log_dir: str, step: int) -> None:
    from tensorboard_keract.recording.recorder import run_directory

    directory = Path(run_directory(log_dir))
    if any(directory.glob("*tfevents*")):
        print(f"{directory} holds a run: what it has from step {step} on is replaced.")


def _targets(given: Sequence[str]) -> Any:
    """As `Recorder` takes them: a rule, a class id, or one for each sample."""
    if len(given) == 1 and given[0] in ("predicted", "label"):
        return given[0]
    ids = [_whole_number("--target", text) for text in given]
    return ids[0] if len(ids) == 1 else ids


def _attribution(text: str) -> tuple[str, dict[str, Any]]:
    """A method with its options, from "grad_cam@conv4" or "occlusion@patch=8,fill=0.5"."""
    name, _, options = text.partition("@")
    parsed: dict[str, Any] = {}
    for option in filter(None, options.split(",")):
        key, equals, value = option.partition("=")
        if not equals:
            key, value = "layer", key
        try:
            parsed[key] = ast.literal_eval(value)
        except (SyntaxError, ValueError):  # A name.
            parsed[key] = value
    return name, parsed


def _whole_number(option: str, text: Any) -> int:
    try:
        return int(text)
    except ValueError:
        raise RefusedError(f"{option} takes class ids; {text!r} is none.") from None


def _array(path: str) -> Any:
    from tensorboard_keract.recording.input_files import read_arrays

    arrays = read_arrays(Path(path))
    if len(arrays) > 1:
        raise RefusedError(f"{path} holds several arrays: {', '.join(arrays)}.")
    return next(iter(arrays.values()))


def _names(path: str | None) -> dict[int, str]:
    """Names by id, of a file with one in each line, or of JSON."""
    if path is None:
        return {}
    try:
        text = Path(path).read_text(encoding="utf-8")
        held = json.loads(text) if path.endswith(".json") else text.splitlines()
        pairs = held.items() if isinstance(held, dict) else enumerate(held)
        # The class index of ImageNet has [WordNet id, name] for each.
        return {
            int(key): str(name[-1] if isinstance(name, list) else name)
            for key, name in pairs
        }
    except (OSError, ValueError, TypeError) as error:
        raise RefusedError(
            f"{path} can't be read as names: {error}. It holds one in each line, or, as"
            " .json, a list or an object of names by id."
        ) from error


def _import(modules: Iterable[str]) -> None:
    """Imports modules as Python does from where it was started."""
    if modules and "" not in sys.path:
        sys.path.insert(0, "")
    for name in modules:
        try:
            importlib.import_module(name)
        except ImportError as error:
            raise RefusedError(f"--import {name}: {error}") from error
