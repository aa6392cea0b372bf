"""The command line, as a user has it: saved models and files in, a run out."""

from __future__ import annotations

import json
import subprocess
import sys
import warnings
from pathlib import Path
from typing import Any

import keras
import numpy as np
import pytest
import tensorflow as tf

import tensorboard_keract as tk
from tensorboard_keract.cli import main
from tensorboard_keract.recording import input_files
from tests import models
from tests.reading import model_of, planes_of, read_events, read_records

layers = keras.layers

# Keras itself, where it saves a model.
pytestmark = pytest.mark.filterwarnings(
    "ignore:__array__ implementation", "ignore:You are saving your model as an HDF5"
)


def _photo(path: Path, height: int, width: int, seed: int = 0) -> np.ndarray:
    """Writes a picture, and gives back its pixels as they are in the file."""
    pixels = np.random.default_rng(seed).integers(0, 256, (height, width, 3), np.uint8)
    encode = tf.io.encode_png if path.suffix == ".png" else tf.io.encode_jpeg
    path.write_bytes(encode(pixels).numpy())
    return tf.io.decode_image(path.read_bytes()).numpy()


def _image_model(*first: keras.layers.Layer, shape: Any = (8, 8, 3)) -> keras.Model:
    return keras.Sequential(
        [
            layers.Input(shape, name="image"),
            *first,
            layers.Conv2D(4, 3, activation="relu", name="conv"),
            layers.GlobalAveragePooling2D(name="mean"),
            layers.Dense(3, activation="softmax", name="probs"),
        ]
    )


@pytest.fixture
def model_file(tmp_path: Path) -> Path:
    path = tmp_path / "model.keras"
    _image_model().save(path)
    return path


def _record(*arguments: Any) -> int:
    return main(["record", *map(str, arguments)])


def test_a_model_and_images_become_a_run(tmp_path: Path) -> None:
    """In a process of its own, with nothing but files."""
    model = _image_model(shape=(8, 8, 3))
    model.save(tmp_path / "model.keras")
    photos = tmp_path / "photos"
    photos.mkdir()
    first = _photo(photos / "1.png", 8, 8)
    second = _photo(photos / "2.jpg", 16, 24)
    (photos / "notes.txt").write_text("no picture")
    names = tmp_path / "names.txt"
    names.write_text("cat\ndog\nhörse\n", encoding="utf-8")
    result = subprocess.run(
        [
            *(sys.executable, "-m", "tensorboard_keract", "record", "model.keras"),
            *("--input", "photos", "--logdir", "logs/a b", "--class-names", names.name),
            *("--attribution", "grad_cam", "integrated_gradients@steps=4"),
        ],
        cwd=tmp_path,
        capture_output=True,
        text=True,
    )
    assert result.returncode == 0, result.stderr
    assert "Inputs: 2, RGB images, resized to 8 × 8, values 0 to 1" in result.stdout
    assert result.stdout.splitlines()[-1] == "  tensorboard --logdir 'logs/a b'"
    (record,) = read_records(tmp_path / "logs/a b")
    assert record.step == 0
    inputs = planes_of(record, "input/image")
    np.testing.assert_allclose(inputs[0], first.transpose(2, 0, 1) / 255, atol=1e-6)
    np.testing.assert_allclose(inputs[1].mean(), second.mean() / 255, atol=0.02)
    description = model_of(record)
    assert list(description.probe.class_names) == ["cat", "dog", "hörse"]
    assert {"activation/conv", "heatmap/grad_cam"} <= set(record.values)
    x = inputs.transpose(0, 2, 3, 1)
    expected = tk.integrated_gradients(model, x, steps=4).heatmap
    found = planes_of(record, "heatmap/integrated_gradients")[:, 0]
    np.testing.assert_allclose(found, expected, atol=np.ptp(expected) / 504 + 1e-5)


def test_checkpoints_become_steps(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    case = models.classifier()
    kernels = {}
    for epoch in (2, 10, 1):
        case.model.fit(case.x, case.y, verbose=0)
        case.model.save(tmp_path / f"run3_epoch{epoch:d}.keras")
        kernels[epoch] = case.model.get_layer("probs").kernel.numpy()
    np.save(tmp_path / "x.npy", case.x)
    np.save(tmp_path / "y.npy", case.y)
    logs = tmp_path / "logs"
    assert not _record(
        *(tmp_path / "*.keras", "--input", tmp_path / "x.npy", "--logdir", logs),
        *("--y", tmp_path / "y.npy", "--layers", "probs", "--target", "label"),
        *("--attribution", "saliency"),
    )
    records = read_records(logs)
    assert [record.step for record in records] == [1, 2, 10]
    assert len([event for event in read_events(logs) if event.starts_session]) == 1
    for record in records:
        found = planes_of(record, "weight/probs/kernel")[0, 0]
        expected = kernels[record.step]
        np.testing.assert_allclose(found, expected, atol=np.ptp(expected) / 504 + 1e-6)
        assert "weight_gradient/probs/kernel" in record.values
    assert list(model_of(records[0]).probe.labels) == case.y.tolist()
    assert f"Step 10: {tmp_path}/run3_epoch10.keras" in capsys.readouterr().out


def test_steps_can_be_given_and_a_run_goes_on(
    model_file: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    np.save(tmp_path / "x.npy", np.zeros((2, 8, 8, 3), np.float32))
    for step in (5, 7):
        assert not _record(
            *(model_file, "--input", tmp_path / "x.npy", "--logdir", tmp_path / "logs"),
            *("--step", step),
        )
        told = "from step 7 on is replaced" in capsys.readouterr().out
        assert told == (step == 7)
    assert [record.step for record in read_records(tmp_path / "logs")] == [5, 7]


@pytest.mark.parametrize(
    ("first", "scale", "span", "says"),
    [
        ((), "auto", (0, 1), "values 0 to 1; --scale"),
        ((layers.Rescaling(1 / 255),), "auto", (0, 255), "scales them itself"),
        (
            (keras.Sequential([layers.RandomFlip(), layers.Rescaling(1 / 255)]),),
            "auto",
            (0, 255),
            "scales them itself",
        ),
        ((), "0-255", (0, 255), "values 0 to 255"),
        ((), "tf", (-1, 1), "values -1 to 1"),
        ((), "caffe", (-123.7, 151.1), "BGR"),
        ((), "torch", (-2.1, 2.6), "normalised"),
    ],
)
def test_pixels_are_scaled_as_the_model_wants_them(
    first: tuple[Any, ...],
    scale: str,
    span: tuple[float, float],
    says: str,
    tmp_path: Path,
) -> None:
    pixels = np.zeros((8, 8, 3), np.uint8)
    pixels[:4] = 255
    (tmp_path / "photo.png").write_bytes(tf.io.encode_png(pixels).numpy())
    how = input_files.Reading(scale=scale)
    model = _image_model(*first)
    samples = input_files.read_samples(model, [tmp_path / "photo.png"], how)
    np.testing.assert_allclose((samples.x.min(), samples.x.max()), span, atol=0.1)
    assert says in samples.description


def test_images_are_grey_cropped_and_of_any_size(tmp_path: Path) -> None:
    halves = np.zeros((6, 12, 3), np.uint8)
    halves[:, 3:9] = 200  # The middle, which is left when it is cropped.
    (tmp_path / "photo.png").write_bytes(tf.io.encode_png(halves).numpy())
    model = _image_model(shape=(None, None, 1))
    how = input_files.Reading(size=(3, 3), crop=True, scale="0-255")
    samples = input_files.read_samples(model, [tmp_path / "photo.png"], how)
    assert samples.x.shape == (1, 3, 3, 1)
    np.testing.assert_allclose(samples.x, 200, rtol=0.01)
    as_it_is = input_files.read_samples(
        model, [tmp_path / "photo.png"], input_files.Reading()
    )
    assert as_it_is.x.shape == (1, 6, 12, 1)
    assert as_it_is.x.max() <= 1


def test_tokens_have_words_and_several_inputs_names(tmp_path: Path) -> None:
    case = models.recurrent()
    case.model.save(tmp_path / "text.h5")
    np.save(tmp_path / "x.npy", case.x)
    words = {str(i): f"word{i}" for i in range(20)}
    (tmp_path / "words.json").write_text(json.dumps(words))
    assert not _record(
        *(tmp_path / "text.h5", "--input", tmp_path / "x.npy"),
        *("--logdir", tmp_path / "text", "--vocabulary", tmp_path / "words.json"),
        *("--attribution", "saliency", "--target", "2", "--max-samples", "2"),
    )
    (record,) = read_records(tmp_path / "text")
    tokens = model_of(record).probe.tokens
    assert [list(t.tokens) for t in tokens] == [
        [words[str(i)] for i in row] for row in case.x[:2]
    ]
    assert planes_of(record, "heatmap/saliency").shape == (2, 1, 1, 7)

    several = models.several_ends()
    several.model.save(tmp_path / "several.keras")
    np.savez(tmp_path / "x.npz", b=several.x[1], a=several.x[0])
    assert not _record(
        *(tmp_path / "several.keras", "--input", tmp_path / "x.npz"),
        *("--logdir", tmp_path / "several"),
    )
    (record,) = read_records(tmp_path / "several")
    np.testing.assert_array_equal(planes_of(record, "input/b")[:, 0, 0], several.x[1])


@pytest.mark.parametrize(
    ("wanted", "shape", "made"),
    [
        ((4, 5, 1), (3, 4, 5, 1), (3, 4, 5, 1)),
        ((4, 5, 1), (3, 4, 5), (3, 4, 5, 1)),
        ((4, 5, 1), (4, 5), (1, 4, 5, 1)),
        ((None,), (7,), (1, 7)),
        ((1,), (7,), (7, 1)),
    ],
)
def test_an_array_gets_the_axes_that_it_lacks(
    wanted: tuple[int, ...],
    shape: tuple[int, ...],
    made: tuple[int, ...],
    tmp_path: Path,
) -> None:
    model = keras.Sequential([layers.Input(wanted), layers.Activation("relu")])
    np.save(tmp_path / "x.npy", np.zeros(shape))
    samples = input_files.read_samples(
        model, [tmp_path / "x.npy"], input_files.Reading()
    )
    assert samples.x.shape == made


class _Doubled(layers.Layer):
    def call(self, x: Any) -> Any:
        return x * 2


def _odd_files(directory: Path) -> None:
    np.save(directory / "x.npy", np.zeros((2, 8, 8, 3), np.float32))
    np.save(directory / "wrong.npy", np.zeros((2, 9, 8, 3), np.float32))
    np.save(directory / "none.npy", np.zeros((0, 8, 8, 3), np.float32))
    np.savez(directory / "two.npz", a=np.zeros(3), b=np.zeros(3))
    (directory / "junk.png").write_bytes(b"no picture")
    _photo(directory / "photo.png", 8, 8)
    unbuilt = keras.Sequential([layers.Dense(2)])
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # It says the same.
        unbuilt.save(directory / "unbuilt.keras")
    (directory / "junk.keras").write_text("no model")
    (directory / "junk.txt").write_text("no names")
    (directory / "empty").mkdir()
    (directory / "saved").mkdir()
    (directory / "saved" / "saved_model.pb").write_bytes(b"")
    _image_model().save_weights(directory / "a.weights.h5")
    _image_model(_Doubled()).save(directory / "own.keras")
    _image_model(layers.Lambda(lambda x: x * 2)).save(directory / "lambda.keras")
    models.several_ends().model.save(directory / "several.keras")
    models.classifier().model.save(directory / "other.keras")


@pytest.fixture(scope="module")
def odd(tmp_path_factory: pytest.TempPathFactory) -> Path:
    directory = tmp_path_factory.mktemp("odd")
    _image_model().save(directory / "model.keras")
    _odd_files(directory)
    return directory


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ("gone.keras --input x.npy", "There is no file gone.keras"),
        ("'gone*.keras' --input x.npy", "No file fits"),
        ("model.keras --input gone.png", "There is no file gone.png"),
        ("model.keras --input empty", "no files of .png"),
        ("model.keras --input junk.png", "can't be read as an image"),
        ("model.keras --input junk.txt", "neither an image"),
        ("model.keras --input junk.png x.npy", "not both at once"),
        ("model.keras --input wrong.npy", "the model takes (None, 8, 8, 3)"),
        ("model.keras --input none.npy", "holds no samples"),
        ("model.keras --input two.npz", "holds a, b; the model's input is 'image'"),
        ("model.keras --input photo.png --size 9 9", "takes images of 8 × 8"),
        ("unbuilt.keras --input x.npy", "before its model was built"),
        ("model.keras --input x.npy --class-names gone", "can't be read as names"),
        ("model.keras --input x.npy --labels cat", "'cat' is none"),
        ("model.keras --input x.npy --labels 1", "1 labels for 2 inputs"),
        ("model.keras --input x.npy --y x.npy", "saved with its loss"),
        ("model.keras --input x.npy --layers cnov", "conv, mean, probs"),
        ("model.keras --input x.npy --step 1 2", "2 steps for 1 models"),
        (
            "model.keras --input x.npy --attribution gradcam",
            "those there are: grad_cam",
        ),
        ("model.keras --input x.npy --attribution grad_cam@cnov", "conv"),
        (
            "model.keras --input x.npy --attribution saliency --target 7",
            "beyond the model's classes, which are 0 to 2",
        ),
        (
            "model.keras --input x.npy --attribution saliency --target label",
            "labels",
        ),
        ("model.keras --input x.npy --max-samples 0", "at least 1"),
        ("model.keras --input x.npy --import no_such_module", "No module named"),
        ("junk.keras --input x.npy", "can't be loaded"),
        ("junk.txt --input x.npy", "end in .keras, .h5"),
        ("saved --input x.npy", "TensorFlow SavedModel"),
        ("empty --input x.npy", "'empty/*.keras'"),
        ("a.weights.h5 --input x.npy", "weights alone"),
        ("own.keras --input x.npy", "needs '_Doubled'"),
        ("lambda.keras --input x.npy", "allow it: --unsafe"),
        ("several.keras --input x.npy", "several inputs: a, b"),
        ("model.keras other.keras --input x.npy", "not the same model"),
    ],
)
def test_what_can_not_be_done_is_said(
    arguments: str,
    message: str,
    odd: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.chdir(odd)
    words = arguments.replace("'", "").split()
    assert _record(*words, "--logdir", tmp_path) == 2
    error = capsys.readouterr().err
    assert error.startswith("tensorboard-keract: error: ")
    assert message.lower() in error.lower()
    assert "Traceback" not in error


def test_code_in_a_model_runs_where_it_is_allowed(odd: Path, tmp_path: Path) -> None:
    assert not _record(
        *(odd / "lambda.keras", "--unsafe", "--input", odd / "x.npy"),
        *("--logdir", tmp_path),
    )
    assert len(read_records(tmp_path)) == 1


def test_a_disk_that_refuses_is_an_error(
    model_file: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    np.save(tmp_path / "x.npy", np.zeros((2, 8, 8, 3), np.float32))
    (tmp_path / "file").write_text("in the way")
    code = _record(
        *(model_file, "--input", tmp_path / "x.npy", "--logdir", tmp_path / "file"),
    )
    assert code == 2
    assert str(tmp_path / "file") in capsys.readouterr().err
