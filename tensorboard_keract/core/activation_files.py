"""Activations as files: keract's JSON, which many can read, and NPZ, which keeps all.

Activations are a dict of a layer's name, a string or a number, and an array, or a
list of arrays for a layer with several outputs. A file is written beside the one that
it replaces, so that a failure leaves the older file as it was. NumPy only.
"""

from __future__ import annotations

import contextlib
import errno
import json
import os
import secrets
import shutil
import struct
import zipfile
import zlib
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import IO, Any, Final, TypeAlias

import numpy as np
import numpy.typing as npt

Array: TypeAlias = npt.NDArray[Any]
Output: TypeAlias = Array | list[Array]
LayerName: TypeAlias = str | int
# Of a layer's name and its output. The key of a Mapping is invariant: with one of its
# own, neither a dict of strings nor one of integers would do.
Activations: TypeAlias = Mapping[Any, Any]

# Values that become text at once.
_JSON_CHUNK: Final = 65_536

# The member of an NPZ file that keeps what names of members can't: the keys with
# their types, and which arrays are one layer's.
_INDEX_NAME: Final = "tensorboard_keract.json"
_INDEX_VERSION: Final = 1

# Longer than any layer path, and short enough for a zip file, which ends at 65,535
# bytes.
_MAX_MEMBER_CHARACTERS: Final = 1_000


def persist_to_json_file(
    activations: Activations, filename: str | os.PathLike[str]
) -> None:
    """Writes activations as JSON, in keract's format.

    The file is an object of names and nested lists, in order. A list of arrays is an
    object `{"0": …, "1": …}` in their place.

    Args:
      activations: real numbers or booleans, of any shape. NaN and ±Inf are written
        as Python's `NaN`, `Infinity` and `-Infinity`, which strict readers of JSON
        refuse. Keys become strings; integer ones, as of keract's "numbered" format,
        remain so when they are read.
      filename: where to; a file there is replaced, once all is written.

    Raises:
      TypeError: if a key is neither a string nor an integer, or an array has another
        dtype: complex numbers, objects, longdouble.
      ValueError: if lists would lose what there is, and `save_npz` would not: an
        empty axis before another, as of shape [0, 3]; integers beyond int64; two
        keys that are the same as strings.
    """
    layers: dict[str, Output] = {}
    for key, output in _layers(activations):
        if str(key) in layers:
            raise ValueError(
                f"Two layers would both be {str(key)!r} in JSON; save_npz keeps them"
                " apart."
            )
        if isinstance(output, list):
            layers[str(key)] = [_json_array(key, array) for array in output]
        else:
            layers[str(key)] = _json_array(key, output)
    with _replacing(filename) as file:
        for text in _json_object(layers):
            file.write(text.encode("ascii"))


def load_activations_from_json_file(
    filename: str | os.PathLike[str],
) -> dict[str, Output]:
    """Activations from a JSON file of `persist_to_json_file` or keract.

    Args:
      filename: of the file.

    Returns:
      Arrays by name, in the file's order. Numbers with a fraction or an exponent, NaN
      and ±Inf come back as float32 where that holds every value of the array, else
      as float64, integers as int64, booleans as bool; an array without values as
      float32. Names are strings, even if they were written as integers. An object in
      the place of an array comes back as a list of arrays.

    Raises:
      ValueError: if the file is no JSON, or not such a JSON.
      OSError: if it can't be read.
    """
    path = Path(filename)
    try:
        layers = json.loads(path.read_bytes())
    except (ValueError, RecursionError) as error:
        raise ValueError(f"{path} is not JSON: {error}") from error
    if not isinstance(layers, dict):
        raise ValueError(f"{path} holds no JSON object of layers.")
    activations: dict[str, Output] = {}
    for name, value in layers.items():
        if isinstance(value, dict):
            if list(value) != [str(index) for index in range(len(value))]:
                raise ValueError(
                    f"{path}: the outputs of {name!r} are not numbered from 0."
                )
            activations[name] = [
                _array_of_lists(path, f"{name}:{index}", lists)
                for index, lists in value.items()
            ]
        else:
            activations[name] = _array_of_lists(path, name, value)
    return activations


def save_npz(activations: Activations, filename: str | os.PathLike[str]) -> None:
    """Writes activations as a compressed NPZ file, without loss.

    `load_npz` gives back what was saved: keys, their order and types, dtypes, shapes
    and lists. `numpy.load` reads the file, too, an array under its key, and those of
    a list under `key:0`, `key:1`; where two would be the same or a zip file can't have
    the name, under one like it. A member `tensorboard_keract.json` keeps the rest.

    Args:
      activations: of any dtype that NumPy's own format keeps: numbers, booleans,
        dates, text of fixed length, and records of these.
      filename: where to, with its ending; nothing is appended. A file there is
        replaced, once all is written.

    Raises:
      TypeError: if a key is neither a string nor an integer, or an array has a dtype
        that a file would lose: Python objects, or one of another package, such as
        bfloat16.
    """
    index: list[dict[str, Any]] = []
    members: dict[str, Array] = {}
    visible = {_INDEX_NAME}
    for key, output in _layers(activations):
        is_list = isinstance(output, list)
        names = []
        for place, array in enumerate(output if is_list else [output]):
            _check_kept(key, array)
            name = _member_name(f"{key}:{place}" if is_list else str(key), visible)
            members[name] = array
            names.append(name)
        index.append({"key": key, "members": names, "list": is_list})
    with _replacing(filename) as file, zipfile.ZipFile(file, "w") as archive:
        for name, array in members.items():
            # Its size is not known before it is compressed.
            with archive.open(_entry(f"{name}.npy"), "w", force_zip64=True) as entry:
                np.lib.format.write_array(entry, array, allow_pickle=False)
        text = json.dumps({"version": _INDEX_VERSION, "layers": index})
        archive.writestr(_entry(_INDEX_NAME), text)


def load_npz(filename: str | os.PathLike[str]) -> dict[LayerName, Output]:
    """Activations from an NPZ file of `save_npz`, or any other without pickles.

    Args:
      filename: of the file.

    Returns:
      What was saved. Of a file that something else wrote, the arrays by name, in the
      file's order.

    Raises:
      ValueError: if the file is damaged, holds pickled objects, or is no NPZ file.
      OSError: if it can't be opened.
    """
    path = Path(filename)
    with path.open("rb") as file:
        try:
            with zipfile.ZipFile(file) as archive:
                return _read_layers(archive)
        except (
            ValueError,
            LookupError,
            TypeError,
            EOFError,
            MemoryError,
            # A place before the file's begin.
            OSError,
            # A version of zip that is not, a password.
            NotImplementedError,
            RuntimeError,
            struct.error,
            zipfile.BadZipFile,
            zlib.error,
        ) as error:
            raise ValueError(f"{path} can't be read as NPZ: {error}") from error


def _layers(activations: Activations) -> Iterator[tuple[LayerName, Output]]:
    """Key and arrays of each layer.

    Raises:
      TypeError: if a key is neither a string nor an integer.
    """
    for key, value in activations.items():
        if isinstance(key, str):
            name: LayerName = str(key)
        elif isinstance(key, int | np.integer) and not isinstance(key, bool):
            name = int(key)
        else:
            raise TypeError(f"The key {key!r} is neither a string nor an integer.")
        if isinstance(value, list | tuple):
            yield name, [np.asarray(output) for output in value]
        else:
            yield name, np.asarray(value)


@contextlib.contextmanager
def _replacing(filename: str | os.PathLike[str]) -> Iterator[IO[bytes]]:
    """A new file that takes the place of `filename` if nothing is raised."""
    # What a link points to is replaced, not the link.
    path = os.path.realpath(filename)
    directory = os.path.dirname(path)
    if not os.path.isdir(directory):
        raise FileNotFoundError(errno.ENOENT, "There is no such directory", directory)
    # Not of `tempfile`, whose files nobody else may read.
    temporary = os.path.join(directory, f".{secrets.token_hex(8)}.tmp")
    try:
        with open(temporary, "xb") as file:
            yield file
        if os.path.exists(path):
            shutil.copymode(path, temporary)
        os.replace(temporary, path)
    except BaseException:
        with contextlib.suppress(FileNotFoundError):
            os.unlink(temporary)
        raise


# JSON.


def _json_array(key: LayerName, array: Array) -> Array:
    """An array whose values JSON holds exactly.

    Raises:
      TypeError, ValueError: see `persist_to_json_file`.
    """
    is_foreign = array.dtype.isbuiltin == 2 and np.can_cast(array.dtype, np.float32)
    is_double = array.dtype.kind == "f" and array.dtype.itemsize <= 8
    if not (is_foreign or is_double or array.dtype.kind in "biu"):
        raise TypeError(
            f"{key!r} has dtype {array.dtype}, which JSON does not hold. Give real"
            " numbers up to float64, or booleans."
        )
    if 0 in array.shape[:-1]:
        raise ValueError(
            f"{key!r} has shape {array.shape}, which lists without values would lose;"
            " save_npz keeps it."
        )
    if array.dtype == np.uint64 and array.size and array.max() > np.iinfo(np.int64).max:
        raise ValueError(f"{key!r} has integers beyond int64; save_npz keeps them.")
    return array.astype(np.float32) if is_foreign else array


def _json_object(layers: Mapping[str, Output]) -> Iterator[str]:
    """The text of an object, in pieces."""
    yield "{"
    for place, (name, output) in enumerate(layers.items()):
        # A line for each layer.
        yield ",\n" if place else "\n"
        yield f"{json.dumps(name)}: "
        if isinstance(output, list):
            yield from _json_object(
                {str(index): array for index, array in enumerate(output)}
            )
        else:
            yield from _json_lists(output)
    yield "\n}"


def _json_lists(array: Array) -> Iterator[str]:
    """The text of nested lists, in pieces."""
    if array.size <= _JSON_CHUNK:
        yield _json_text(array)
        return
    yield "["
    row_size = array.size // len(array)
    rows = max(1, _JSON_CHUNK // row_size)
    for start in range(0, len(array), rows):
        if start:
            yield ","
        if row_size > _JSON_CHUNK:
            yield from _json_lists(array[start])
        else:
            # Without the brackets around them.
            yield _json_text(array[start : start + rows])[1:-1]
    yield "]"


def _json_text(array: Array) -> str:
    return json.dumps(array.tolist(), separators=(",", ":"))


def _array_of_lists(path: Path, name: str, lists: Any) -> Array:
    """The array of nested lists, with a dtype that holds their values.

    Raises:
      ValueError: if they are ragged or hold something else.
    """
    try:
        array = np.array(lists)
    except ValueError as error:
        raise ValueError(
            f"{path}: the lists of {name!r} make no array: {error}"
        ) from error
    if array.dtype.kind == "b":
        return array
    if array.dtype.kind == "i":
        return array.astype(np.int64, copy=False)
    if array.dtype.kind != "f":
        raise ValueError(
            f"{path}: {name!r} holds something else than numbers up to float64 or"
            " booleans."
        )
    with np.errstate(over="ignore"):
        narrow = array.astype(np.float32)
    is_exact = np.array_equal(narrow, array, equal_nan=True)
    return narrow if is_exact else array


# NPZ.


def _check_kept(key: LayerName, array: Array) -> None:
    """Raises TypeError if a file would lose the dtype of an array."""
    dtype = array.dtype
    # The format says of another package's dtype only how long its values are.
    if dtype.kind in "biufcmMSUV" and dtype.isbuiltin != 2 and not dtype.hasobject:
        descriptor = np.lib.format.dtype_to_descr(dtype)
        if np.lib.format.descr_to_dtype(descriptor) == dtype:
            return
    raise TypeError(
        f"{key!r} has dtype {dtype}, which an NPZ file would lose. Convert it first,"
        ' for example with astype("float32").'
    )


def _member_name(name: str, visible: set[str]) -> str:
    """A name for a member, like the given one and unlike those taken.

    Args:
      name: to come near to.
      visible: all names that `numpy.load` knows, with and without ".npy"; completed
        in place.
    """
    # Zip files end names at a NUL, and hold no lone surrogates. On Windows they make a
    # "\\" a "/".
    name = name.replace("\0", "_").replace("\\", "/")[:_MAX_MEMBER_CHARACTERS]
    name = name.encode(errors="replace").decode()
    while visible & {name, f"{name}.npy"}:
        name += "_"
    visible |= {name, f"{name}.npy"}
    return name


def _entry(name: str) -> zipfile.ZipInfo:
    """A compressed member with zip's first date: equal activations, equal bytes."""
    entry = zipfile.ZipInfo(name)
    entry.compress_type = zipfile.ZIP_DEFLATED
    return entry


def _read_layers(archive: zipfile.ZipFile) -> dict[LayerName, Output]:
    for member in archive.infolist():
        # NumPy writes no others.
        if member.compress_type not in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED):
            raise ValueError(f"{member.filename} has another compression")
    names = archive.namelist()
    if _INDEX_NAME not in names:
        arrays = [name for name in names if name.endswith(".npy")]
        if names and not arrays:
            raise ValueError("it holds no arrays")
        return {name.removesuffix(".npy"): _read(archive, name) for name in arrays}
    index = json.loads(archive.read(_INDEX_NAME))
    if index["version"] != _INDEX_VERSION:
        raise ValueError(f"a newer version, {index['version']}, wrote it")
    activations: dict[LayerName, Output] = {}
    for layer in index["layers"]:
        outputs = [_read(archive, f"{name}.npy") for name in layer["members"]]
        activations[layer["key"]] = outputs if layer["list"] else outputs[0]
    return activations


def _read(archive: zipfile.ZipFile, name: str) -> Array:
    with archive.open(name) as entry:
        array: Array = np.lib.format.read_array(entry, allow_pickle=False)
        # Only at its end is the checksum looked at.
        if entry.read(1):
            raise ValueError(f"{name} is longer than its array")
    return array
