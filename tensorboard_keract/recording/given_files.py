"""Files that a user names: what they may be, and patterns of them. Needs no TensorFlow."""

from __future__ import annotations

import glob
import re
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Final

MODEL_SUFFIXES: Final = (".keras", ".h5", ".hdf5")
IMAGE_SUFFIXES: Final = (".png", ".jpg", ".jpeg", ".gif", ".bmp", ".webp")
ARRAY_SUFFIXES: Final = (".npy", ".npz")

AUTO: Final = "auto"
SCALES: Final[dict[str, str]] = {
    "0-255": "values 0 to 255",
    "0-1": "values 0 to 1",
    "tf": "values -1 to 1",
    "caffe": "BGR, less the mean of ImageNet (keras.applications, mode caffe)",
    "torch": "0 to 1, normalised as ImageNet (keras.applications, mode torch)",
}


class RefusedError(ValueError):
    """What a user asked for can't be done. Says why, and what would do."""


def expanded(patterns: Iterable[str], suffixes: Sequence[str] = ()) -> list[Path]:
    """The files that names and patterns stand for; numbers in names are in order.

    Args:
      patterns: names of files and of directories, or patterns such as "runs/*.keras".
      suffixes: of a directory the files that end in one of these are meant; without,
        the directory itself.

    Raises:
      RefusedError: if there is no such file.
    """
    paths: list[Path] = []
    for pattern in patterns:
        exact = Path(pattern)
        if exact.is_dir() and suffixes:
            found = [p for p in exact.iterdir() if p.suffix.lower() in suffixes]
            if not found:
                raise RefusedError(
                    f"There are no files of {', '.join(suffixes)} in {exact}."
                )
        elif exact.exists():
            found = [exact]
        elif glob.has_magic(pattern):
            found = [Path(name) for name in glob.glob(pattern, recursive=True)]
            if not found:
                raise RefusedError(f"No file fits {pattern!r}.")
        else:
            raise RefusedError(f"There is no file {exact}.")
        paths += sorted(found, key=_natural)
    return paths


def _natural(path: Path) -> list[tuple[int, str]]:
    """A key by which 2 comes before 10."""
    parts = re.split(r"(\d+)", str(path))
    return [(int(part), "") if part.isdigit() else (-1, part) for part in parts]
