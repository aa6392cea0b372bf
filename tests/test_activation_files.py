"""Activations come back from files as they were."""

from __future__ import annotations

import itertools
import json
import os
import stat
import zipfile
from pathlib import Path

import hypothesis
import hypothesis.extra.numpy as hnp
import hypothesis.strategies as st
import ml_dtypes
import numpy as np
import pytest

from tensorboard_keract.core import activation_files
from tensorboard_keract.core.activation_files import (
    load_activations_from_json_file,
    load_npz,
    persist_to_json_file,
    save_npz,
)

# As keract 4.5.2 writes a layer "a" of [[1.0, 2.5], [0.1 as float32, NaN]] and an input
# of integers.
KERACTS = """{
  "a": [
    [
      1.0,
      2.5
    ],
    [
      0.10000000149011612,
      NaN
    ]
  ],
  "input": [
    3,
    -4
  ]
}"""


def assert_same(actual, expected) -> None:
    if isinstance(expected, list):
        assert isinstance(actual, list)
        assert len(actual) == len(expected)
        for one, other in zip(actual, expected, strict=True):
            assert_same(one, other)
    else:
        assert (actual.dtype, actual.shape) == (expected.dtype, expected.shape)
        np.testing.assert_array_equal(actual, expected)


# JSON.


def test_what_keract_wrote_is_read(tmp_path: Path) -> None:
    file = tmp_path / "activations.json"
    file.write_text(KERACTS)
    activations = load_activations_from_json_file(file)
    assert list(activations) == ["a", "input"]
    assert_same(activations["a"], np.array([[1, 2.5], [0.1, np.nan]], np.float32))
    assert_same(activations["input"], np.array([3, -4]))


def test_what_is_written_is_keracts_format(tmp_path: Path) -> None:
    activations = {
        "b/c": np.array([[1, 0.1]], np.float32),
        "a": np.array([np.nan, np.inf, -np.inf]),
        7: np.array([True]),
        "outputs": [np.array([1]), np.array(2)],
        "none": [],
    }
    file = tmp_path / "activations.json"
    persist_to_json_file(activations, file)
    assert file.read_text() == (
        '{\n"b/c": [[1.0,0.10000000149011612]],\n'
        '"a": [NaN,Infinity,-Infinity],\n'
        '"7": [true],\n'
        '"outputs": {\n"0": [1],\n"1": 2\n},\n'
        '"none": {\n}\n}'
    )
    assert list(json.loads(file.read_text())) == ["b/c", "a", "7", "outputs", "none"]


JSON_ARRAYS = st.one_of(
    *(
        hnp.arrays(
            dtype,
            hnp.array_shapes(min_dims=0, max_dims=4, max_side=3)
            | st.just((0,))
            | st.just((2, 0)),
        )
        for dtype in (np.float16, np.float32, np.float64, np.int8, np.int64, np.bool_)
    )
)


def after_json(value):
    """What comes back instead of a value."""
    if isinstance(value, list):
        return [after_json(array) for array in value]
    if value.size == 0:
        return value.astype(np.float32)
    if value.dtype.kind == "i":
        return value.astype(np.int64)
    if value.dtype == np.float64:
        with np.errstate(over="ignore"):
            narrow = value.astype(np.float32)
        return narrow if np.array_equal(narrow, value, equal_nan=True) else value
    return value.astype(np.float32) if value.dtype.kind == "f" else value


# A disk may be slow.
@hypothesis.settings(deadline=None)
@hypothesis.given(
    st.dictionaries(st.text(), JSON_ARRAYS | st.lists(JSON_ARRAYS, max_size=2))
)
def test_json_comes_back(tmp_path_factory: pytest.TempPathFactory, activations) -> None:
    file = tmp_path_factory.mktemp("json") / "activations.json"
    persist_to_json_file(activations, file)
    back = load_activations_from_json_file(file)
    assert list(back) == list(activations)
    for name, value in activations.items():
        assert_same(back[name], after_json(value))


@pytest.mark.parametrize("shape", [(7, 3), (3, 7), (50,), (2, 3, 4), (1, 1, 30)])
def test_json_in_pieces_is_the_same(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, shape
) -> None:
    array = np.arange(np.prod(shape)).reshape(shape)
    persist_to_json_file({"a": array}, tmp_path / "whole")
    monkeypatch.setattr(activation_files, "_JSON_CHUNK", 5)
    persist_to_json_file({"a": array}, tmp_path / "pieces")
    assert (tmp_path / "pieces").read_text() == (tmp_path / "whole").read_text()


def test_negative_zero_and_large_numbers_stay_in_json(tmp_path: Path) -> None:
    values = np.array([-0.0, 1e300, 5e-324])
    persist_to_json_file({"a": values}, tmp_path / "a.json")
    back = load_activations_from_json_file(tmp_path / "a.json")["a"]
    assert back.tobytes() == values.tobytes()


def test_json_holds_bfloat16_as_numbers(tmp_path: Path) -> None:
    values = np.array([1.5, -2], ml_dtypes.bfloat16)
    persist_to_json_file({"a": values}, tmp_path / "a.json")
    back = load_activations_from_json_file(tmp_path / "a.json")["a"]
    assert_same(back, np.array([1.5, -2], np.float32))


@pytest.mark.parametrize(
    ("activations", "error", "message"),
    [
        (
            {"conv": np.zeros((0, 3))},
            ValueError,
            r"'conv' has shape \(0, 3\).*save_npz",
        ),
        (
            {"a": np.array([2**63], np.uint64)},
            ValueError,
            "'a'.*beyond int64; save_npz",
        ),
        (
            {1: np.zeros(1), "1": np.zeros(1)},
            ValueError,
            "Two layers would both be '1'",
        ),
        ({"fft": np.zeros(2, complex)}, TypeError, "'fft' has dtype complex128"),
        ({"o": np.array([None])}, TypeError, "'o' has dtype object"),
        ({"l": [np.zeros(1), np.zeros(1, "U3")]}, TypeError, "'l' has dtype <U3"),
        ({2.5: np.zeros(1)}, TypeError, "The key 2.5 is neither"),
        ({True: np.zeros(1)}, TypeError, "The key True is neither"),
    ],
)
def test_what_json_would_lose_is_refused_before_writing(
    tmp_path: Path, activations, error, message
) -> None:
    with pytest.raises(error, match=message):
        persist_to_json_file({"first": np.ones(2), **activations}, tmp_path / "a.json")
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "is not JSON"),
        ('{"a": [1', "is not JSON"),
        ("[1, 2]", "no JSON object of layers"),
        ('{"a": [[1], [2, 3]]}', "'a' make no array"),
        ('{"a": ["x"]}', "'a' holds something else"),
        ('{"a": [null]}', "'a' holds something else"),
        ('{"a": {"0": [1], "2": [1]}}', "'a' are not numbered"),
        ('{"a": {"0": ["x"]}}', "'a:0' holds something else"),
        ("[" * 100_000, "is not JSON"),
    ],
)
def test_another_json_is_named(tmp_path: Path, text: str, message: str) -> None:
    file = tmp_path / "odd.json"
    file.write_text(text)
    with pytest.raises(ValueError, match=message) as error:
        load_activations_from_json_file(file)
    assert str(file) in str(error.value)


# NPZ.


NPZ_ARRAYS = hnp.arrays(
    hnp.scalar_dtypes() | st.just(np.dtype([("x", "<i4"), ("y", "U3")])),
    hnp.array_shapes(min_dims=0, max_dims=4, min_side=0, max_side=3),
)


# A disk may be slow.
@hypothesis.settings(deadline=None)
@hypothesis.given(
    st.dictionaries(
        st.text(st.characters()) | st.integers(),
        NPZ_ARRAYS | st.lists(NPZ_ARRAYS, max_size=2),
    )
)
def test_npz_comes_back(tmp_path_factory: pytest.TempPathFactory, activations) -> None:
    file = tmp_path_factory.mktemp("npz") / "activations"
    save_npz(activations, file)
    back = load_npz(file)
    assert list(back) == list(activations)
    assert [type(key) for key in back] == [type(key) for key in activations]
    for key, value in activations.items():
        assert_same(back[key], value)
    with np.load(file) as archive:
        arrays = [name for name in archive.files if name != "tensorboard_keract.json"]
        outputs = [v if isinstance(v, list) else [v] for v in activations.values()]
        for name, array in zip(arrays, itertools.chain(*outputs), strict=True):
            assert_same(archive[name], array)


def test_numpy_reads_npz_under_the_same_names(tmp_path: Path) -> None:
    one, two = np.ones(1), np.full(2, 2)
    save_npz(
        {"file": one, "a/b": two, "ä": one, 3: two, "lstm": [one, two]},
        tmp_path / "a.npz",
    )
    with np.load(tmp_path / "a.npz") as archive:
        assert archive.files == [
            *("file", "a/b", "ä", "3", "lstm:0", "lstm:1"),
            "tensorboard_keract.json",
        ]
        assert_same(archive["a/b"], two)
        assert_same(archive["lstm:1"], two)


def test_names_that_would_be_the_same_are_kept_apart(tmp_path: Path) -> None:
    keys = ["1", 1, "a", "a.npy", "b.npy", "b", "l:0", "l", "x\0y", "x_y", "\udc80"]
    keys += ["tensorboard_keract.json", "", "n" * 70_000, "n" * 70_001, "..", "/", "\\"]
    activations = {key: np.array(place) for place, key in enumerate(keys)}
    activations["l"] = [np.array(100)]
    save_npz(activations, tmp_path / "a.npz")
    back = load_npz(tmp_path / "a.npz")
    assert list(back) == keys
    for key, value in activations.items():
        assert_same(back[key], value)
    with np.load(tmp_path / "a.npz") as archive:
        found = [archive[n] for n in archive.files if n != "tensorboard_keract.json"]
    assert [int(array) for array in found] == [
        *range(7),
        100,
        *range(8, len(keys)),
    ]


def test_an_ordinary_npz_is_read(tmp_path: Path) -> None:
    np.savez(tmp_path / "a.npz", b=np.arange(3), a=np.eye(2, dtype=np.float16))
    back = load_npz(tmp_path / "a.npz")
    assert list(back) == ["b", "a"]
    assert_same(back["a"], np.eye(2, dtype=np.float16))
    np.savez(tmp_path / "empty.npz")
    assert load_npz(tmp_path / "empty.npz") == {}


def test_npz_is_compressed_and_the_same_each_time(tmp_path: Path) -> None:
    zeros = {"a": np.zeros(100_000)}
    save_npz(zeros, tmp_path / "a.npz")
    save_npz(zeros, tmp_path / "b.npz")
    assert (tmp_path / "a.npz").read_bytes() == (tmp_path / "b.npz").read_bytes()
    assert (tmp_path / "a.npz").stat().st_size < 5_000


def test_order_of_axes_in_memory_and_of_bytes_is_kept(tmp_path: Path) -> None:
    array = np.asfortranarray(np.arange(6, dtype=">i4").reshape(2, 3))
    save_npz({"a": array}, tmp_path / "a.npz")
    back = load_npz(tmp_path / "a.npz")["a"]
    assert back.flags.f_contiguous
    assert_same(back, array)


@pytest.mark.parametrize(
    "array",
    [
        np.zeros(2, ml_dtypes.bfloat16),
        np.zeros(2, ml_dtypes.float8_e5m2),
        np.zeros(2, [("x", ml_dtypes.bfloat16)]),
        np.array([None]),
        np.zeros(2, [("x", object)]),
    ],
    ids=lambda array: str(array.dtype),
)
def test_dtype_that_npz_would_lose_is_refused_before_writing(
    tmp_path: Path, array
) -> None:
    with pytest.raises(TypeError, match=r"'conv' has dtype .*astype\(\"float32\"\)"):
        save_npz({"first": np.ones(2), "conv": array}, tmp_path / "a.npz")
    assert not list(tmp_path.iterdir())


def test_npz_is_never_unpickled(tmp_path: Path) -> None:
    np.savez(tmp_path / "a.npz", a=np.array([None]))
    with pytest.raises(ValueError, match=r"a\.npz can't be read.*allow_pickle=False"):
        load_npz(tmp_path / "a.npz")


def test_damage_is_named(tmp_path: Path) -> None:
    file = tmp_path / "a.npz"
    save_npz({"a": np.arange(100), "b": [np.ones(3)]}, file)
    whole = file.read_bytes()
    for damaged in (
        b"",
        b"text",
        whole[:-30],
        whole[40:],
        whole.replace(b"PK\3\4", b"P"),
    ):
        file.write_bytes(damaged)
        with pytest.raises(ValueError, match=r"a\.npz can't be read as NPZ"):
            load_npz(file)
    random = np.random.default_rng(0)
    for _ in range(1000):
        changed = bytearray(whole)
        changed[random.integers(len(whole))] ^= random.integers(1, 256)
        file.write_bytes(changed)
        try:
            load_npz(file)
        except ValueError as error:
            assert str(file) in str(error)


def write_members(file: Path, members: dict[str, bytes], method: int = 0) -> None:
    with zipfile.ZipFile(file, "w", method) as archive:
        for name, content in members.items():
            archive.writestr(name, content)


@pytest.mark.parametrize(
    ("members", "method", "message"),
    [
        ({"a.txt": b"x"}, zipfile.ZIP_STORED, "no arrays"),
        ({"a.npy": b"x"}, zipfile.ZIP_STORED, "EOF"),
        ({"a.npy": b"x" * 99}, zipfile.ZIP_BZIP2, "another compression"),
        ({"tensorboard_keract.json": b'{"version": 2}'}, zipfile.ZIP_STORED, "newer"),
        ({"tensorboard_keract.json": b"{}"}, zipfile.ZIP_STORED, "version"),
        (
            {
                "tensorboard_keract.json": b'{"version": 1, "layers":'
                b' [{"key": "a", "members": ["a"], "list": false}]}'
            },
            zipfile.ZIP_STORED,
            "no item named 'a.npy'",
        ),
    ],
)
def test_another_zip_file_is_named(
    tmp_path: Path, members, method: int, message: str
) -> None:
    write_members(tmp_path / "odd.npz", members, method)
    with pytest.raises(ValueError, match=rf"odd\.npz can't be read.*{message}"):
        load_npz(tmp_path / "odd.npz")


def test_what_follows_an_array_is_damage(tmp_path: Path) -> None:
    np.save(tmp_path / "a.npy", np.ones(2))
    content = (tmp_path / "a.npy").read_bytes()
    write_members(tmp_path / "a.npz", {"a.npy": content + b"x"})
    with pytest.raises(ValueError, match="longer than its array"):
        load_npz(tmp_path / "a.npz")


# Both.


BOTH = pytest.mark.parametrize("save", [persist_to_json_file, save_npz])


@BOTH
def test_failed_write_leaves_the_older_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, save
) -> None:
    def fail(*_, **__):
        raise OSError("disk full")

    file = tmp_path / "a"
    file.write_text("older")
    monkeypatch.setattr(activation_files.json, "dumps", fail)
    monkeypatch.setattr(activation_files.np.lib.format, "write_array", fail)
    with pytest.raises(OSError, match="disk full"):
        save({"a": np.ones(2)}, file)
    assert [path.name for path in tmp_path.iterdir()] == ["a"]
    assert file.read_text() == "older"


@BOTH
def test_file_keeps_its_permissions_and_its_link(tmp_path: Path, save) -> None:
    target = tmp_path / "target"
    link = tmp_path / "link"
    link.symlink_to(target)
    umask = os.umask(0o027)
    try:
        save({"a": np.ones(2)}, link)
    finally:
        os.umask(umask)
    assert link.is_symlink()
    assert stat.S_IMODE(target.stat().st_mode) == 0o640
    target.chmod(0o604)
    save({"a": np.ones(2)}, link)
    assert stat.S_IMODE(target.stat().st_mode) == 0o604


@BOTH
def test_missing_directory_is_named(tmp_path: Path, save) -> None:
    with pytest.raises(FileNotFoundError, match="nowhere"):
        save({"a": np.ones(2)}, tmp_path / "nowhere" / "a")


@pytest.mark.parametrize("load", [load_activations_from_json_file, load_npz])
def test_missing_file_is_named(tmp_path: Path, load) -> None:
    with pytest.raises(FileNotFoundError, match="nothing"):
        load(tmp_path / "nothing")


@BOTH
def test_file_name_may_be_a_string_relative_to_the_directory(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, save
) -> None:
    monkeypatch.chdir(tmp_path)
    save({}, "here")
    assert [path.name for path in tmp_path.iterdir()] == ["here"]
