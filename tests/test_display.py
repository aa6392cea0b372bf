"""Figures show each value where it belongs, in the colour that the colour bar says."""

from __future__ import annotations

import logging
import re
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import hypothesis
import hypothesis.extra.numpy as hnp
import hypothesis.strategies as st
import matplotlib
import ml_dtypes
import numpy as np
import pytest
from matplotlib import image, pyplot
from matplotlib.figure import Figure

import tensorboard_keract.display
from tensorboard_keract.display import (
    display_activations,
    display_gradients_of_trainable_weights,
    display_heatmaps,
)
from tensorboard_keract.drawing import figure

MAGENTA, CYAN, GREEN = (255, 0, 224), (0, 240, 255), (0, 255, 42)
GREY, WHITE, BLACK = (128, 128, 128), (255, 255, 255), (0, 0, 0)
SMALL = (4, 4)


@pytest.fixture(autouse=True)
def small_figures(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(figure, "_SIDE", 4.0)
    monkeypatch.setattr(figure, "_LARGE_SIDE", 6.0)


@pytest.fixture
def shown(monkeypatch: pytest.MonkeyPatch) -> Iterator[list[Figure]]:
    """The figures that were open at each call of `pyplot.show`."""
    before = matplotlib.get_backend()
    pyplot.switch_backend("template")
    figures: list[Figure] = []
    monkeypatch.setattr(pyplot, "show", lambda: figures.append(pyplot.gcf()))
    yield figures
    pyplot.switch_backend(before)


def read(path: Path) -> np.ndarray:
    """A picture, [height, width, RGB] of 0 ... 255."""
    return np.round(image.imread(path)[..., :3] * 255).astype(int)


def color(cmap: str, position: float) -> tuple[int, ...]:
    """The colour of a place in the range, 0 ... 1."""
    rgba = matplotlib.colormaps[cmap](int(position * 255 + 0.5), bytes=True)
    return tuple(int(part) for part in rgba[:3])


def find(picture: np.ndarray, rgb: tuple[int, ...]) -> tuple[int, int, int, int]:
    """Top, left, bottom and right of the one rectangle of a colour.

    Rows of the colour bar are too low to count.
    """
    mask = (picture == rgb).all(axis=-1)
    run = 5
    tall = np.logical_and.reduce([mask[i : len(mask) - run + i] for i in range(run)])
    rows, columns = np.nonzero(tall.any(axis=1))[0], np.nonzero(tall.any(axis=0))[0]
    assert rows.size, f"no {rgb}"
    top, left, bottom, right = rows[0], columns[0], rows[-1] + run, columns[-1] + 1
    assert mask[top:bottom, left:right].all(), f"{rgb} is no rectangle"
    return top, left, bottom, right


def place(
    picture: np.ndarray, cmap: str, count: int
) -> list[tuple[int, int, int, int]]:
    """The rectangles of the values 0, 1, ..., count - 1."""
    return [find(picture, color(cmap, n / (count - 1))) for n in range(count)]


def texts(figure: Figure) -> list[str]:
    return [text.get_text() for text in figure.texts]


# Where things lie.


def test_maps_lie_in_a_grid_with_gaps(tmp_path: Path) -> None:
    maps = np.arange(12.0).reshape(1, 2, 2, 3)
    (path,) = display_activations(
        {"conv": maps}, save=True, directory=tmp_path, fig_size=SMALL
    )
    picture = read(path)
    boxes = np.array(place(picture, "viridis", 12))
    tops, lefts, bottoms, rights = boxes.T.reshape(4, 2, 2, 3)
    side = bottoms[0, 0, 0] - tops[0, 0, 0]
    assert (bottoms - tops == side).all()
    assert (rights - lefts == side).all()
    # [height, width, channel]: the cells of a channel touch, channels don't.
    assert (tops[1] == bottoms[0]).all()
    assert (lefts[:, 1] == rights[:, 0]).all()
    gap = lefts[0, 0, 1] - rights[0, 1, 0]
    assert 0 < gap < side
    assert tops[0, 0, 2] - bottoms[1, 0, 0] == gap
    assert (tops[..., 0] == tops[..., 1]).all()
    assert (lefts[..., 0] == lefts[..., 2]).all()
    # White between channels, and where a fourth would be.
    assert (picture[tops[0, 0, 0] : bottoms[1, 0, 2], rights[0, 1, 0]] == WHITE).all()
    fourth = picture[tops[0, 0, 2] : bottoms[1, 0, 2], lefts[0, 0, 1] : rights[0, 1, 1]]
    assert fourth.shape == (2 * side, 2 * side, 3)
    assert (fourth == WHITE).all()


def test_units_are_a_strip(tmp_path: Path) -> None:
    (path,) = display_activations(
        {"fc": np.arange(6.0)[np.newaxis]},
        save=True,
        directory=tmp_path,
        fig_size=SMALL,
    )
    boxes = np.array(place(read(path), "viridis", 6))
    assert len(set(boxes[:, 0])) == 1
    assert (boxes[1:, 1] == boxes[:-1, 3]).all()


@pytest.mark.parametrize(
    ("units", "shape"), [(12, (3, 4)), (16, (4, 4)), (7, (1, 7)), (1, (1, 1))]
)
def test_units_are_a_rectangle_on_request(tmp_path: Path, units, shape) -> None:
    values = np.arange(units + 1.0)[np.newaxis, 1:]
    # A second output gives the scale of a single unit a width.
    (path,) = display_activations(
        {"fc": values},
        save=True,
        directory=tmp_path,
        fig_size=SMALL,
        reshape_1d_layers=True,
    )
    if units == 1:
        return
    boxes = np.array(place(read(path), "viridis", units)).reshape(*shape, 4)
    assert (boxes[1:, :, 0] == boxes[:-1, :, 2]).all()
    assert (boxes[:, 1:, 1] == boxes[:, :-1, 3]).all()


def test_a_batch_alone_is_one_unit_each(tmp_path: Path) -> None:
    paths = display_activations(
        {"loss": np.array([1.0, 2.0])}, save=True, directory=tmp_path, fig_size=SMALL
    )
    assert [path.name for path in paths] == ["0_loss_0.png", "0_loss_1.png"]


def test_time_runs_along_a_strip_for_each_channel(tmp_path: Path) -> None:
    (path,) = display_activations(
        {"lstm": np.arange(8.0).reshape(1, 4, 2)},
        save=True,
        directory=tmp_path,
        fig_size=SMALL,
    )
    boxes = np.array(place(read(path), "viridis", 8)).reshape(4, 2, 4)
    for channel in range(2):
        strip = boxes[:, channel]
        assert len(set(strip[:, 0])) == 1
        assert (strip[1:, 1] == strip[:-1, 3]).all()
    assert boxes[0, 1, 0] > boxes[0, 0, 2]
    assert boxes[0, 1, 1] == boxes[0, 0, 1]


def test_depths_lie_side_by_side(tmp_path: Path) -> None:
    (path,) = display_activations(
        {"conv3d": np.arange(12.0).reshape(1, 3, 1, 2, 2)},
        save=True,
        directory=tmp_path,
        fig_size=SMALL,
    )
    boxes = np.array(place(read(path), "viridis", 12)).reshape(3, 2, 2, 4)
    first = boxes[:, :, 0]
    assert len(set(first[..., 0].ravel())) == 1
    # A thin gap between depths, a wider one between channels.
    thin = first[1:, 0, 1] - first[:-1, 1, 3]
    assert (thin == thin[0]).all()
    wide = boxes[0, 0, 1, 0] - boxes[0, 0, 0, 2]
    assert 0 < thin[0] < wide


@pytest.mark.parametrize(
    "shape", [(2, 3, 4), (1, 3, 4, 5), (1, 2, 3, 4, 5)], ids=["1d", "2d", "3d"]
)
def test_channels_first_is_the_same_transposed(tmp_path: Path, shape) -> None:
    last = np.random.default_rng(0).normal(size=shape)
    first = np.moveaxis(last, -1, 1)
    for name, values in (("channels_last", last), ("channels_first", first)):
        display_activations(
            {"conv": values},
            save=True,
            directory=tmp_path / name,
            data_format=name,
            fig_size=SMALL,
        )
    for path in (tmp_path / "channels_last").iterdir():
        assert (
            path.read_bytes() == (tmp_path / "channels_first" / path.name).read_bytes()
        )


def test_the_layout_is_near_square(tmp_path: Path) -> None:
    (path,) = display_activations(
        {"conv": np.eye(512)[:1].reshape(1, 1, 1, 512) + np.zeros((1, 5, 5, 512))},
        save=True,
        directory=tmp_path,
        fig_size=(8, 8),
    )
    picture = read(path)
    top, left, _, _ = find(picture, color("viridis", 1))
    # Rows of tiles, counted in the first column, and columns in the first row.
    down = (picture[top:, left] == color("viridis", 0)).all(axis=-1)
    across = (picture[top, left:] == color("viridis", 0)).all(axis=-1)
    assert np.count_nonzero(np.diff(down.astype(int)) == 1) + 1 == 23
    assert np.count_nonzero(np.diff(across.astype(int)) == 1) + 1 == 23


# Colours.


def test_all_channels_share_the_scale_of_the_colour_bar(tmp_path: Path) -> None:
    maps = np.zeros((1, 4, 4, 3)) + np.array([-1, 0, 3])
    (path,) = display_activations(
        {"conv": maps}, "plasma", True, tmp_path, fig_size=SMALL
    )
    picture = read(path)
    lefts = [find(picture, color("plasma", x))[1] for x in (0, 0.25, 1)]
    assert lefts[0] < lefts[1]
    # Through the middle of the colour bar, of which the frame hides the ends.
    colors = [color("plasma", x / 255) for x in range(256)]
    table = {rgb: index for index, rgb in enumerate(colors)}
    columns = np.flatnonzero((picture == color("plasma", 0.6)).all(axis=-1).any(axis=0))
    line = [tuple(rgb) for rgb in picture[:, columns[len(columns) // 2]].tolist()]
    bar = [table[rgb] for rgb in line if rgb in table]
    assert columns[0] > lefts[1]
    assert bar == sorted(bar, reverse=True)
    assert bar[0] >= 253
    assert bar[-1] <= 2


def test_colour_bar_names_the_ends_of_the_range(shown: list[Figure]) -> None:
    display_activations({"conv": np.array([[-0.25, 0.5, 3.75]])}, fig_size=SMALL)
    _, bar = shown[0].axes
    labels = [label.get_text() for label in bar.get_yticklabels()]
    assert (labels[0], labels[-1]) == ("−0.25", "3.75")
    assert "1" in labels
    # Each where its colour is, to half a row.
    for position, label in zip(bar.get_yticks(), labels, strict=True):
        value = float(label.replace("−", "-"))
        rows = bar.get_ylim()[0]
        assert rows - position == pytest.approx((value + 0.25) / 4 * rows, abs=0.5)


def test_labels_of_a_narrow_range_differ(shown: list[Figure]) -> None:
    display_activations({"a": np.array([[1000.001, 1000.002]])}, fig_size=SMALL)
    labels = [label.get_text() for label in shown[0].axes[1].get_yticklabels()]
    assert (labels[0], labels[-1]) == ("1000.001", "1000.002")
    assert len(set(labels)) == len(labels)


def test_nan_and_infinities_have_colours_and_are_counted(
    tmp_path: Path, shown: list[Figure]
) -> None:
    values = np.array([[0, np.nan, 1, np.inf, -np.inf, np.nan, 0.5]])
    (path,) = display_activations(
        {"a": values}, save=True, directory=tmp_path, fig_size=SMALL
    )
    picture = read(path)
    strip = picture[find(picture, color("viridis", 0))[0] + 1]
    order = [
        *(color("viridis", 0), MAGENTA, color("viridis", 1), CYAN, GREEN, MAGENTA),
        tuple(color("viridis", 0.5)),
    ]
    found = [tuple(rgb) for rgb in strip if tuple(rgb) in order]
    changes = [rgb for i, rgb in enumerate(found) if i == 0 or rgb != found[i - 1]]
    assert changes[:7] == order
    display_activations({"a": values}, fig_size=SMALL)
    assert texts(shown[0]) == [
        *("a", "2 NaN (magenta)", "1 +Inf (cyan)", "1 −Inf (green)")
    ]


def test_special_colours_differ_from_those_of_the_map(tmp_path: Path) -> None:
    values = np.array([[0, 1, np.nan]])
    (path,) = display_activations(
        {"a": values}, "spring", True, tmp_path, fig_size=SMALL
    )
    picture = read(path)
    strip = picture[find(picture, color("spring", 1))[0] + 1]
    assert (strip == GREY).all(axis=-1).any()


def test_gaps_differ_from_colours_of_the_map(tmp_path: Path) -> None:
    maps = np.ones((1, 4, 4, 4))
    maps[0, :, :, 3] = 0.5
    maps[0, 0, 0, 0] = 0
    (path,) = display_activations({"a": maps}, "gray", True, tmp_path, fig_size=SMALL)
    picture = read(path)
    top, left, _, right = find(picture, color("gray", 0.5))
    blue = (70, 110, 190)
    assert (picture[top - 1, left:right] == blue).all()
    assert (picture[top, left - 1] == blue).all()


def test_a_constant_has_one_colour_and_one_label(
    tmp_path: Path, shown: list[Figure]
) -> None:
    constant = {"a": np.full((1, 2, 2, 1), 7)}
    (path,) = display_activations(
        constant, save=True, directory=tmp_path, fig_size=SMALL
    )
    viridis = {color("viridis", x / 255) for x in range(256)}
    used = {tuple(rgb) for rgb in read(path).reshape(-1, 3).tolist()}
    assert used & viridis == {color("viridis", 0)}
    display_activations(constant, fig_size=SMALL)
    assert [x.get_text() for x in shown[0].axes[1].get_yticklabels()] == ["7"]


def test_without_finite_values_there_is_no_colour_bar(shown: list[Figure]) -> None:
    display_activations({"a": np.full((1, 3, 3, 2), np.nan)}, fig_size=SMALL)
    # The montage, and the colour of the note.
    assert len(shown[0].axes) == 2
    assert texts(shown[0]) == ["a", "18 NaN (magenta)", "No finite values"]


@pytest.mark.parametrize(
    "values",
    [
        np.array([[True, False]]),
        np.array([[0, 255]], np.uint8),
        np.array([[-(2**63), 2**63 - 1]]),
        np.array([[0, 1]], np.float16),
        np.array([[0, 1]], ml_dtypes.bfloat16),
        np.array([[0, 1]], ml_dtypes.float8_e4m3fn),
        np.array([[0, 1]], ml_dtypes.int4),
        np.array([[-1.7e308, 1.7e308]]),
        np.array([[0, 5e-324]]),
        np.array([[1, np.nextafter(1, 2)]]),
        np.array([[-1e-30, 1e-45]], np.float32),
        np.array([[0, 1]], np.longdouble),
        np.array([[0, 1]], ">f4"),
    ],
    ids=lambda values: f"{values.dtype}-{values[0, 1]}",
)
def test_every_real_dtype_is_drawn(tmp_path: Path, values) -> None:
    low, high = sorted((0, 1), key=lambda n: values[0, n])
    (path,) = display_activations(
        {"a": values}, save=True, directory=tmp_path, fig_size=SMALL
    )
    picture = read(path)
    boxes = [find(picture, color("viridis", x)) for x in (0, 1)]
    assert (boxes[0][1] < boxes[1][1]) == (low < high)


def test_more_values_than_pixels_are_means(tmp_path: Path, shown: list[Figure]) -> None:
    values = np.zeros((1, 2000, 2000, 1), np.float32)
    values[0, :1000, :1000] = 4
    values[0, 1000, 1000] = np.nan
    values[0, 1500, 1500] = np.inf
    (path,) = display_activations(
        {"a": values}, save=True, directory=tmp_path, fig_size=SMALL
    )
    picture = read(path)
    # A pixel each, whatever is averaged with it; and the colour beside the note.
    assert (picture == MAGENTA).all(axis=-1).sum() == 1 + swatch(picture, MAGENTA)
    assert (picture == CYAN).all(axis=-1).sum() == 1 + swatch(picture, CYAN)
    assert find(picture, color("viridis", 1))
    display_activations({"a": values}, fig_size=SMALL)
    assert any("mean of up to" in text for text in texts(shown[0]))


def swatch(picture: np.ndarray, rgb: tuple[int, ...]) -> int:
    """How many pixels the colour beside a note has."""
    top, left, bottom, right = find(picture, rgb)
    return (bottom - top) * (right - left)


@hypothesis.settings(max_examples=25, deadline=None)
@hypothesis.given(
    hnp.arrays(
        st.sampled_from([np.float16, np.float32, np.float64, np.int64, np.bool_]),
        hnp.array_shapes(min_dims=0, max_dims=6, min_side=0, max_side=3),
    )
)
def test_nothing_fails_whatever_the_values(
    tmp_path_factory: pytest.TempPathFactory, values
) -> None:
    directory = tmp_path_factory.mktemp("any")
    display_activations(
        {"a": values}, save=True, directory=directory, fig_size=(1.5, 1.5)
    )
    display_gradients_of_trainable_weights({"a": values}, directory, save=True)
    display_heatmaps({"a": values}, np.eye(3), directory, True)
    display_heatmaps({"a": values}, np.eye(3), directory, True, merge_filters=True)


# Files and figures.


def test_files_are_named_by_what_was_drawn(tmp_path: Path) -> None:
    one, two = np.zeros((1, 3)), np.zeros((2, 3))
    directory = tmp_path / "made" / "here"
    paths = display_activations(
        {
            "block/fc1": one,
            "skipped": np.zeros((1, 0)),
            "lstm": [two, one],
            7: one,
            'a\\b:c*"<$>| d\n': one,
        },
        save=True,
        directory=directory,
        fig_size=SMALL,
    )
    assert [str(path.relative_to(directory)) for path in paths] == [
        "0_block-fc1.png",
        "1_lstm-0_0.png",
        "1_lstm-0_1.png",
        "2_lstm-1.png",
        "3_7.png",
        "4_a-b-c-------d-.png",
    ]
    assert sorted(directory.iterdir()) == sorted(paths)


def test_long_names_fit_a_file_name_and_the_title(
    tmp_path: Path, shown: list[Figure]
) -> None:
    name = "encoder/ünd/" * 40
    activations = {name: np.ones((1, 2))}
    (path,) = display_activations(
        activations, save=True, directory=tmp_path, fig_size=SMALL
    )
    assert path.exists()
    display_activations(activations, fig_size=SMALL)
    title = texts(shown[0])[0]
    assert title.replace("\n", "") == name
    assert max(map(len, title.split("\n"))) < 60


def test_samples_are_numbered_in_the_title(shown: list[Figure]) -> None:
    display_activations({"fc": np.zeros((2, 3)), 5: np.ones((1, 2))}, fig_size=SMALL)
    assert [texts(figure)[0] for figure in shown] == [
        "fc, sample 0",
        "fc, sample 1",
        "5",
    ]


@pytest.mark.parametrize(
    "display",
    [
        lambda **how: display_activations({"a": np.ones((1, 2))}, **how),
        lambda **how: display_gradients_of_trainable_weights({"a": np.ones(2)}, **how),
        lambda **how: display_heatmaps({"a": np.ones((1, 2, 2, 1))}, np.eye(2), **how),
    ],
    ids=["activations", "gradients", "heatmaps"],
)
def test_figures_are_closed_and_settings_left_alone(
    tmp_path: Path, shown: list[Figure], monkeypatch: pytest.MonkeyPatch, display
) -> None:
    settings = dict(matplotlib.rcParams)
    assert display() == []
    assert len(shown) == 1
    assert len(display(save=True, directory=tmp_path)) == 1
    assert len(shown) == 1
    with pytest.raises(OSError, match="Is a directory"):
        (tmp_path / "b" / "0_a.png").mkdir(parents=True)
        display(save=True, directory=tmp_path / "b")
    monkeypatch.setattr(pyplot, "show", lambda: 1 / 0)
    with pytest.raises(ZeroDivisionError):
        display()
    assert pyplot.get_fignums() == []
    assert dict(matplotlib.rcParams) == settings
    assert matplotlib.get_backend() == "template"


@pytest.mark.parametrize(
    "settings",
    [
        {"figure.autolayout": True},
        {"figure.constrained_layout.use": True},
        {"axes.grid": True},
        {"savefig.dpi": 50, "figure.dpi": 130.5},
        {"image.origin": "lower", "image.interpolation": "bilinear"},
        {"figure.facecolor": "black", "text.color": "white"},
        {"text.usetex": True},
    ],
    ids=lambda settings: next(iter(settings)),
)
def test_settings_of_the_user_do_no_harm(tmp_path: Path, settings) -> None:
    with matplotlib.rc_context(settings):
        (path,) = display_activations(
            {"conv": np.arange(12.0).reshape(1, 2, 2, 3)},
            save=True,
            directory=tmp_path,
            fig_size=(6, 6),
        )
    boxes = np.array(place(read(path), "viridis", 12)).reshape(2, 2, 3, 4)
    assert (boxes[1, ..., 0] == boxes[0, ..., 2]).all()
    assert boxes[0, 0, 1, 1] > boxes[0, 1, 0, 3]


def test_arguments_are_left_unchanged(tmp_path: Path) -> None:
    random = np.random.default_rng(0)
    maps = random.normal(size=(1, 4, 4, 2))
    maps[0, 0, 0, 0] = np.nan
    picture = random.uniform(0, 255, (1, 8, 8, 3))
    outputs = [maps, maps]
    before = maps.copy(), picture.copy()
    for array in (maps, picture):
        array.setflags(write=False)
    display_activations({"a": outputs}, save=True, directory=tmp_path, fig_size=SMALL)
    display_heatmaps({"a": outputs}, picture, tmp_path, True)
    display_heatmaps({"a": outputs}, picture, tmp_path, True, merge_filters=True)
    display_gradients_of_trainable_weights({"a": maps}, tmp_path, True)
    np.testing.assert_array_equal(maps, before[0])
    np.testing.assert_array_equal(picture, before[1])
    assert len(outputs) == 2


def test_many_channels_are_one_picture(tmp_path: Path, shown: list[Figure]) -> None:
    maps = np.zeros((1, 14, 14, 512), np.float32) + np.arange(512)
    start = time.perf_counter()
    display_activations({"a": maps}, save=True, directory=tmp_path)
    assert time.perf_counter() - start < 10
    display_activations({"a": maps}, fig_size=SMALL)
    assert len(shown[0].axes) == 2


@pytest.mark.parametrize(
    ("values", "reason"),
    [
        (np.zeros((0, 4)), r"\(0, 4\) is not drawn: it holds no value"),
        (np.zeros((1, 4, 0, 2)), r"\(1, 4, 0, 2\) is not drawn: it holds no value"),
        (np.zeros((1,) * 6), "its shape is none of .*channel"),
        (np.zeros(()), "its shape is none of"),
        (np.zeros((1, 2), complex), "dtype complex128 is neither real nor boolean"),
        (np.zeros((1, 2), ml_dtypes.complex32), "is neither real nor boolean"),
        (np.array([[None]]), "dtype object is neither"),
        (np.array([["a"]]), "is neither"),
        (None, "dtype object is neither"),
        ([], "no arrays"),
    ],
)
def test_what_cant_be_drawn_is_named(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, capsys, values, reason: str
) -> None:
    paths = display_activations(
        {"odd": values, "even": np.ones((1, 2))},
        save=True,
        directory=tmp_path,
        fig_size=SMALL,
    )
    assert [path.name for path in paths] == ["0_even.png"]
    messages = [record.getMessage() for record in caplog.records]
    assert len(messages) == 1
    assert messages[0].startswith("odd ")
    assert re.search(reason, messages[0])
    assert caplog.records[0].levelno == logging.WARNING
    assert capsys.readouterr().out == ""


@pytest.mark.parametrize("display", [display_activations, display_heatmaps])
def test_unknown_data_format_names_both(display) -> None:
    more = (np.eye(2),) if display is display_heatmaps else ()
    with pytest.raises(ValueError, match=r"'NCHW'.*channels_last, channels_first"):
        display({}, *more, data_format="NCHW")


def test_unknown_colour_map_is_named() -> None:
    with pytest.raises(ValueError, match="no_map"):
        display_activations({"a": np.ones((1, 2))}, "no_map")


def test_without_matplotlib_it_says_what_to_install(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setitem(sys.modules, "matplotlib", None)
    for display in (
        lambda: display_activations({}),
        lambda: display_heatmaps({}, np.eye(2)),
        lambda: display_gradients_of_trainable_weights({}),
    ):
        with pytest.raises(ModuleNotFoundError, match=r"tensorboard-keract\[display\]"):
            display()


def test_importing_imports_nothing_heavy() -> None:
    program = (
        "import sys, tensorboard_keract.display,"
        " tensorboard_keract.core.activation_files\n"
        "print({n.partition('.')[0] for n in sys.modules}"
        " & {'keras', 'tensorflow', 'matplotlib', 'PIL'})"
    )
    result = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True
    )
    assert result.stdout == "set()\n"


# Heatmaps.


def heat(value: float, brightness: float) -> tuple[int, ...]:
    """The colour of a place in the range over an image."""
    rgb = np.array(color("turbo", value))
    brightness = round(brightness * 127) / 127
    return tuple(np.round(rgb * 0.5 + 255 * brightness * 0.5).astype(int))


def test_heat_lies_over_the_image(tmp_path: Path) -> None:
    maps = np.zeros((1, 2, 2, 2))
    maps[..., 1] = 1
    picture = np.array([[0, 1.0]])
    (path,) = display_heatmaps({"conv": maps}, picture, tmp_path, True)
    pixels = read(path)
    lows = [find(pixels, heat(0, x)) for x in (0, 1)]
    highs = [find(pixels, heat(1, x)) for x in (0, 1)]
    for dark, bright in (lows, highs):
        assert dark[::2] == bright[::2]
        assert dark[3] == bright[1]
    # A 1 × 2 image: one channel lies under the other.
    assert highs[0][0] > lows[0][2]
    assert highs[0][1] == lows[0][1]


def test_nan_in_a_map_is_opaque(tmp_path: Path, shown: list[Figure]) -> None:
    maps = np.arange(4.0).reshape(1, 2, 2, 1)
    maps[0, 1, 1] = np.nan
    picture = np.full((4, 4), 0.5)
    (path,) = display_heatmaps({"conv": maps}, picture, tmp_path, True)
    pixels = read(path)
    mask = (pixels == MAGENTA).all(axis=-1)
    rows, columns = np.nonzero(mask)
    # The largest block is a quarter of the map.
    assert np.bincount(rows).max() > 20
    assert np.bincount(columns).max() > 20
    display_heatmaps({"conv": maps}, picture)
    assert "1 NaN (magenta)" in texts(shown[0])


def test_merged_channels_are_scaled_first(tmp_path: Path, shown: list[Figure]) -> None:
    maps = np.zeros((1, 1, 3, 3))
    maps[0, 0, :, 0] = [0, 5, 10]
    maps[0, 0, :, 1] = [1, 1, 0]
    maps[0, 0, :, 2] = 7
    # (0 + 1 + 0) / 3, (0.5 + 1 + 0) / 3, (1 + 0 + 0) / 3
    merged = tensorboard_keract.display._mean_of_scaled(np.moveaxis(maps[0], -1, 0))
    np.testing.assert_allclose(merged, [[[1 / 3, 0.5, 1 / 3]]])
    display_heatmaps({"conv": maps}, np.zeros((1, 3)), merge_filters=True)
    assert texts(shown[0])[0] == "conv, mean of 3 channels"
    labels = [label.get_text() for label in shown[0].axes[1].get_yticklabels()]
    assert (labels[0], labels[-1]) == ("0.333", "0.5")


def test_merged_constant_channels_are_zero(shown: list[Figure]) -> None:
    display_heatmaps({"a": np.full((1, 2, 2, 3), 5)}, np.eye(2), merge_filters=True)
    assert [x.get_text() for x in shown[0].axes[1].get_yticklabels()] == ["0"]


def test_merged_channels_keep_nan_and_infinities(shown: list[Figure]) -> None:
    maps = np.zeros((1, 2, 2, 2))
    maps[0, 0, 0, 0] = np.nan
    maps[0, 0, 1] = [np.inf, 1]
    maps[0, 1, 1] = [np.inf, -np.inf]
    display_heatmaps({"a": maps}, np.eye(2), merge_filters=True)
    assert {"2 NaN (magenta)", "1 +Inf (cyan)"} <= set(texts(shown[0]))


GREYS = np.array([[0.2, 0.4], [0.6, 0.8]])


@pytest.mark.parametrize(
    ("picture", "expected"),
    [
        (GREYS, GREYS),
        (GREYS[..., np.newaxis], GREYS),
        (np.stack([GREYS] * 3, -1), GREYS),
        (np.array([[[1.0, 0, 0], [0, 1, 0], [0, 0, 1]]]), [[0.299, 0.587, 0.114]]),
        # Half transparent, on white.
        (np.stack([GREYS] * 3 + [GREYS * 0 + 0.5], -1), 0.5 * GREYS + 0.5),
        (GREYS[np.newaxis, ..., np.newaxis], GREYS),
        (GREYS * 255, GREYS),
        (np.array([[0, 51]], np.uint8), [[0, 0.2]]),
        (np.array([[False, True]]), [[0, 1]]),
        (GREYS.astype(np.float16), GREYS),
        # Neither 0 ... 1 nor 0 ... 255: from the least to the greatest.
        (np.array([[-1.0, 0, 1]]), [[0, 0.5, 1]]),
        (np.array([[-100.0, 300]]), [[0, 1]]),
        (np.array([[-1.0]]), [[0]]),
        (np.array([[-1.7e308, 1.7e308]]), [[0, 1]]),
    ],
)
def test_image_is_fixed(picture, expected) -> None:
    images = tensorboard_keract.display._grey_images(picture, True, "channels_last")
    np.testing.assert_allclose(images, np.array(expected)[np.newaxis], atol=1e-3)


@pytest.mark.parametrize(
    ("shape", "images"),
    [
        ((3, 5, 6), (1, 5, 6)),
        ((1, 5, 6), (1, 5, 6)),
        ((5, 6), (1, 5, 6)),
        ((2, 3, 5, 6), (2, 5, 6)),
        ((2, 1, 5, 6), (2, 5, 6)),
        ((5, 6, 3), (1, 5, 6)),
        ((2, 5, 6, 3), (2, 5, 6)),
    ],
)
def test_image_may_have_its_channels_first(shape, images) -> None:
    grey = tensorboard_keract.display._grey_images(
        np.ones(shape), True, "channels_first"
    )
    assert grey.shape == images


def test_an_image_for_each_sample_or_one_for_all(tmp_path: Path) -> None:
    maps = {"a": np.zeros((2, 2, 2, 1))}
    one = np.full((2, 2), 0.2)
    pictures = np.stack([one, np.full((2, 2), 0.6)])
    for path in display_heatmaps(maps, one, tmp_path, True):
        assert find(read(path), heat(0, 0.2))
    paths = display_heatmaps(maps, pictures, tmp_path, True)
    for path, brightness in zip(paths, (0.2, 0.6), strict=True):
        assert find(read(path), heat(0, brightness))


@pytest.mark.parametrize(
    ("picture", "fix", "message"),
    [
        (np.zeros((3, 5, 6)), True, r"3 images for the 2 samples of 'b'.*one for each"),
        (
            np.zeros((4, 4, 2, 2, 2)),
            True,
            r"shape \(4, 4, 2, 2, 2\).*or a batch of such",
        ),
        (np.zeros((2, 4, 4, 2)), True, r"shape \(2, 4, 4, 2\)"),
        (np.zeros(4), True, r"shape \(4,\)"),
        (np.zeros((1, 4, 4, 3)), False, "a batch needs fix=True"),
        (np.full((4, 4), 7.0), False, r"values of 7 \.\.\. 7.*fix=True"),
        (np.array([[np.nan]]), True, "holds NaN or ±Inf"),
        (np.zeros((0, 4)), True, r"shape \(0, 4\)"),
        (np.zeros((4, 4), complex), True, "dtype complex128"),
    ],
)
def test_image_that_does_not_fit_is_named_before_drawing(
    tmp_path: Path, picture, fix: bool, message: str
) -> None:
    maps = {"a": np.zeros((len(picture), 2, 2, 1)), "b": np.zeros((2, 2, 2, 1))}
    with pytest.raises(ValueError, match=message):
        display_heatmaps(maps, picture, tmp_path / "new", True, fix)
    assert not (tmp_path / "new").exists()


def test_layers_without_maps_are_named(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    layers = {"fc": np.zeros((1, 5)), "conv": np.zeros((1, 2, 2, 1))}
    (path,) = display_heatmaps(layers, np.eye(2), tmp_path, True)
    assert path.name == "0_conv.png"
    assert "fc (1, 5) is not drawn: its shape is none of [batch, height" in caplog.text


def test_channels_first_heatmap_is_the_same_transposed(tmp_path: Path) -> None:
    maps = np.random.default_rng(0).normal(size=(1, 3, 4, 5))
    picture = np.random.default_rng(1).uniform(size=(6, 7, 3))
    (last,) = display_heatmaps({"a": maps}, picture, tmp_path / "last", True)
    (first,) = display_heatmaps(
        {"a": np.moveaxis(maps, -1, 1)},
        np.moveaxis(picture, -1, 0),
        tmp_path / "first",
        True,
        data_format="channels_first",
    )
    assert last.read_bytes() == first.read_bytes()


def test_many_heatmaps_are_drawn_quickly(tmp_path: Path) -> None:
    maps = np.zeros((1, 7, 7, 512)) + np.arange(512)
    start = time.perf_counter()
    (path,) = display_heatmaps({"a": maps}, np.zeros((224, 224)), tmp_path, True)
    assert time.perf_counter() - start < 10
    assert max(read(path).shape) <= 600


@pytest.mark.parametrize("size", [(0.1, 0.1), (0.1, 3), (30, 0.5)])
def test_figures_of_any_size_hold_the_values(tmp_path: Path, size) -> None:
    maps = np.arange(12.0).reshape(1, 2, 2, 3)
    (path,) = display_activations(
        {"a": maps}, save=True, directory=tmp_path, fig_size=size
    )
    assert len(place(read(path), "viridis", 12)) == 12


def test_a_dollar_in_a_name_is_a_dollar(tmp_path: Path) -> None:
    (path,) = display_activations(
        {"a$\\nothing$": np.ones((1, 2))}, save=True, directory=tmp_path, fig_size=SMALL
    )
    assert path.exists()


@pytest.mark.parametrize("dpi", [100, 250, 300])
def test_large_figures_show_larger_pixels(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, dpi: int
) -> None:
    monkeypatch.setattr(figure, "_MAX_MONTAGE_SIDE", 300)
    with matplotlib.rc_context({"savefig.dpi": dpi}):
        display_activations(
            {"a": np.arange(12.0).reshape(1, 2, 2, 3)},
            save=True,
            directory=tmp_path,
            fig_size=SMALL,
        )
    picture = read(tmp_path / "0_a.png")
    assert 2.5 * dpi < max(picture.shape) <= 4 * dpi
    top, left, bottom, right = np.array(place(picture, "viridis", 12)).T
    assert set(bottom - top) == set(right - left) == {bottom[0] - top[0]}


# Gradients.


def diverging(value: float) -> tuple[int, ...]:
    """The colour of a gradient of -1 ... 1."""
    return color("RdBu_r", np.floor((value + 1) / 2 * 255 + 0.5) / 255)


def test_kernels_are_rows_of_outputs_and_columns_of_inputs(tmp_path: Path) -> None:
    kernel = np.linspace(-1, 1, 24).reshape(2, 2, 2, 3)
    (path,) = display_gradients_of_trainable_weights(
        {"conv/kernel": kernel}, tmp_path, True
    )
    assert path.name == "0_conv-kernel.png"
    picture = read(path)
    boxes = np.array([find(picture, diverging(x)) for x in kernel.ravel()])
    tops, lefts, bottoms, rights = boxes.T.reshape(4, 2, 2, 2, 3)
    assert (tops[1] == bottoms[0]).all()
    assert (lefts[:, 1] == rights[:, 0]).all()
    assert (lefts[:, 0, 1] > rights[:, 1, 0]).all()
    assert (tops[0, ..., 1] > bottoms[1, ..., 0]).all()
    assert (tops[0, ..., 2] > bottoms[1, ..., 1]).all()
    assert (tops[..., 0, :] == tops[..., 1, :]).all()
    # Zero is nearly white, so gaps are not.
    assert tuple(picture[tops[0, 0, 0, 0], rights[0, 1, 0, 0]]) == GREY


def test_scale_of_gradients_is_centred_on_zero(
    tmp_path: Path, shown: list[Figure]
) -> None:
    gradients = {"bias": np.array([-1.0, 0, 4])}
    (path,) = display_gradients_of_trainable_weights(gradients, tmp_path, True)
    picture = read(path)
    assert find(picture, color("RdBu_r", 128 / 255))
    assert find(picture, color("RdBu_r", 1))
    # (-1 + 4) / 8 of 255, rounded
    assert find(picture, color("RdBu_r", 96 / 255))
    display_gradients_of_trainable_weights(gradients)
    axes, bar = shown[0].axes
    labels = [label.get_text() for label in bar.get_yticklabels()]
    assert (labels[0], labels[-1]) == ("−4", "4")
    assert "0" in labels
    assert axes.get_xlabel() == "output channel"


def test_gradient_of_zero_is_the_centre(tmp_path: Path) -> None:
    (path,) = display_gradients_of_trainable_weights(
        {"k": np.zeros((3, 3, 1, 1))}, tmp_path, True
    )
    assert (read(path) == color("RdBu_r", 128 / 255)).all(axis=-1).any()


def test_a_single_filter_is_drawn(shown: list[Figure]) -> None:
    display_gradients_of_trainable_weights({"k": np.eye(3).reshape(3, 3, 1, 1)})
    axes = shown[0].axes[0]
    assert (axes.get_xlabel(), axes.get_ylabel()) == ("input channel", "output channel")
    for ticks in (axes.get_xticklabels(), axes.get_yticklabels()):
        assert [label.get_text() for label in ticks] == ["0"]


def test_a_matrix_is_one_image(tmp_path: Path) -> None:
    matrix = np.linspace(-1, 1, 6).reshape(2, 3)
    (path,) = display_gradients_of_trainable_weights({"fc": matrix}, tmp_path, True)
    picture = read(path)
    boxes = np.array([find(picture, diverging(x)) for x in matrix.ravel()])
    boxes = boxes.reshape(2, 3, 4)
    # Inputs across, outputs down, no gaps.
    assert (boxes[1, :, 1] == boxes[0, :, 3]).all()
    assert (boxes[:, 1:, 0] == boxes[:, :-1, 2]).all()


@pytest.mark.parametrize(
    ("shape", "across", "down"),
    [
        ((4,), ["0", "1", "2", "3"], []),
        ((3, 2), ["0", "1", "2"], ["0", "1"]),
        ((5, 3, 2), ["0", "1", "2"], ["0", "1"]),
        ((2, 2, 3, 2), ["0", "1", "2"], ["0", "1"]),
        ((2, 2, 2, 3, 2), ["0", "1", "2"], ["0", "1"]),
    ],
)
def test_channels_are_numbered(shown: list[Figure], shape, across, down) -> None:
    values = np.random.default_rng(0).normal(size=shape)
    display_gradients_of_trainable_weights({"k": values})
    axes = shown[0].axes[0]
    assert [label.get_text() for label in axes.get_xticklabels()] == across
    assert [label.get_text() for label in axes.get_yticklabels()] == down


def test_other_weights_are_named(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    gradients = {"scale": np.ones(()), "odd": np.ones((1,) * 6), "none": None}
    assert display_gradients_of_trainable_weights(gradients, tmp_path, True) == []
    assert [record.getMessage().split()[0] for record in caplog.records] == [
        *("scale", "odd", "none")
    ]


def test_large_matrix_is_drawn_quickly(tmp_path: Path) -> None:
    matrix = np.random.default_rng(0).normal(size=(2000, 3000)).astype(np.float32)
    start = time.perf_counter()
    (path,) = display_gradients_of_trainable_weights({"fc": matrix}, tmp_path, True)
    assert time.perf_counter() - start < 10
    assert max(read(path).shape) <= 700
