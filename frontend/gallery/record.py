"""Records the server's answers that the gallery shows.

    PYTHONPATH=. python frontend/gallery/record.py           # writes recorded.gz
    PYTHONPATH=. python frontend/gallery/record.py --check   # exit code 1 if it is stale

Made-up runs are asked for through the real routes, everything of them at once: each
tensor at all its steps with all its blobs, and all rows of the histograms.
`scripts/answers.mjs` takes the part out that the page asks for.

The file is gzip of a packed answer (`viewer/http_api.md`), whose JSON says of each
recorded address where its body lies and of which type it is. The check compares what
the answers are made of, not their numbers, which differ in the last digits from one
machine to the next.
"""

from __future__ import annotations

import argparse
import gzip
import json
import pathlib
import struct
import sys
import tempfile
from typing import Any, Final, NamedTuple
from urllib.parse import urlencode

import numpy as np
from tensorboard.backend.event_processing import data_provider
from tensorboard.backend.event_processing.plugin_event_multiplexer import (
    EventMultiplexer,
)
from tensorboard.plugins import base_plugin
from werkzeug.test import Client

from tensorboard_keract import metadata
from tensorboard_keract.viewer.plugin import KeractPlugin
from tests.fixture_run import (
    CONV_KERNEL,
    IMAGE,
    START_WALL_TIME,
    EventFile,
    Layout,
    Tensor,
    smooth_noise,
    softmax,
    tensor_value,
    write_partial_run,
    write_run,
)
from tests.heat_runs import write_heat_runs
from tests.odd_runs import write_newer_format

_TARGET: Final = pathlib.Path(__file__).with_name("recorded.gz")

# Few samples and steps, because the file is part of the sources.
_SAMPLES: Final = 2
_MOST_BLOBS: Final = 8
_NUMBERS: Final = ("NaN", "Infinity", "-Infinity")
_ATTENTION: Final = Layout(("batch", "head", "query", "key"), ("head",), "query", "key")


class Answer(NamedTuple):
    """The body of an answer, and its media type."""

    body: bytes
    content_type: str


def write_logdir(logdir: pathlib.Path) -> None:
    """All that the gallery shows."""
    write_run(logdir / "run1" / "keract", 0, 4, True, _SAMPLES, _is_small)
    write_run(logdir / "run2" / "keract", 1, 3, False, _SAMPLES, _is_small)
    write_partial_run(logdir / "partial" / "keract", 7, _is_small)
    write_special_run(logdir / "special")
    write_newer_format(logdir)
    write_heat_runs(logdir / "heatmaps")


def _is_small(tensor: Tensor) -> bool:
    """Whether the maps of a tensor are recorded: noise does not compress."""
    return tensor.kind != metadata.WEIGHT_GRADIENT or tensor.values.size < 1000


def write_special_run(directory: pathlib.Path) -> None:
    """Single summaries of what the digits lack: colours, attention, odd values."""
    rng = np.random.default_rng(0)
    kernel = rng.normal(size=(3, 3, 3, 8)).astype(np.float32)
    scores = rng.normal(size=(_SAMPLES, 4, 12, 12)).astype(np.float32)
    picture = smooth_noise((_SAMPLES, 16, 16, 3), rng)
    odd = smooth_noise((_SAMPLES, 8, 8, 6), rng)
    odd[..., 1] = 0
    odd[..., 2] = -1.5
    odd[..., 3] = np.nan
    odd[:, 2, 2:4, 4] = np.nan
    odd[:, 3, 2:4, 4] = np.inf
    odd[:, 4, 2:4, 4] = -np.inf
    with EventFile(directory) as events:
        for record in range(3):
            sharpness = np.float32(0.5 + record)
            tensors = [
                Tensor(metadata.INPUT, "picture", picture, IMAGE),
                Tensor(
                    metadata.WEIGHT, "first/kernel", kernel * sharpness, CONV_KERNEL
                ),
                Tensor(
                    metadata.ACTIVATION,
                    "attention/attention_scores",
                    softmax(scores * sharpness),
                    _ATTENTION,
                ),
                Tensor(metadata.ACTIVATION, "odd", odd * sharpness, IMAGE),
            ]
            step, wall_time = 10 * record, START_WALL_TIME + record
            values = [tensor_value(tensor, step, wall_time) for tensor in tensors]
            events.write(step, wall_time, values)


def record(logdir: pathlib.Path) -> dict[str, Answer]:
    """The answers by route, run and tag, with a space between."""
    # 0 keeps all steps.
    multiplexer = EventMultiplexer(size_guidance={"tensors": 0})
    multiplexer.AddRunsFromDirectory(str(logdir))
    multiplexer.Reload()
    provider = data_provider.MultiplexerDataProvider(multiplexer, str(logdir))
    plugin = KeractPlugin(base_plugin.TBContext(data_provider=provider))
    clients = {route: Client(app) for route, app in plugin.get_plugin_apps().items()}
    answers: dict[str, Answer] = {}

    def ask(route: str, **parameters: Any) -> Any:
        query = urlencode(parameters, doseq=True)
        response = clients[f"/{route}"].get(f"/{route}?{query}")
        if response.status_code != 200:
            raise RuntimeError(f"{route}?{query}: {response.text}")
        asked = [route, parameters.get("run", ""), parameters.get("tag", "")]
        answer = Answer(response.data, response.headers["Content-Type"])
        answers[" ".join(filter(None, asked))] = answer
        return response.json if response.is_json else None

    for run in ask("runs")["runs"]:
        if run["format_error"]:
            continue
        model = ask("model", run=run["run"])
        series = ask("series", run=run["run"])
        if series["statistics"] is not None:
            ask("statistics", run=run["run"])
        if series["histograms"] is not None:
            ask("histograms", run=run["run"], row=range(len(model["rows"])))
        for tag, place in series["tags"].items():
            steps = series["steps"][place]["steps"]
            # Of blobs that a tensor has not, the answer is silent.
            ask(
                "tensors", run=run["run"], tag=tag, step=steps, index=range(_MOST_BLOBS)
            )
    return answers


def pack(answers: dict[str, Answer]) -> bytes:
    """All answers in one packed answer, whose JSON is a list of where each lies."""
    entries, offset = [], 0
    for asked, (body, content_type) in answers.items():
        entries.append(
            {
                "asked": asked,
                "type": content_type,
                "offset": offset,
                "length": len(body),
            }
        )
        offset += len(body)
    text = json.dumps(entries).encode()
    text += b" " * (-(4 + len(text)) % 8)
    payload = b"".join(body for body, _ in answers.values())
    return struct.pack("<I", len(text)) + text + payload


def unpack(body: bytes) -> tuple[Any, bytes]:
    """JSON and payload of a packed answer."""
    (length,) = struct.unpack("<I", body[:4])
    return json.loads(body[4 : 4 + length]), body[4 + length :]


def structure(value: Any) -> Any:
    """What JSON is made of: its keys and types, and how long its lists are."""
    if isinstance(value, dict):
        return {key: structure(one) for key, one in value.items()}
    if isinstance(value, list):
        kinds = {json.dumps(structure(one), sort_keys=True) for one in value}
        return [len(value), sorted(kinds)]
    # Offsets and lengths follow from how well zlib compresses; numbers may be "NaN".
    return "number" if value in _NUMBERS or isinstance(value, float | int) else "text"


def structures(packed: bytes) -> dict[str, Any]:
    """The structure of each answer."""
    entries, payload = unpack(packed)
    found = {}
    for entry in entries:
        body = payload[entry["offset"] : entry["offset"] + entry["length"]]
        is_json = entry["type"].startswith("application/json")
        head = json.loads(body) if is_json else unpack(body)[0]
        found[entry["asked"]] = [entry["type"], structure(head)]
    return found


def fresh() -> bytes:
    """The packed answers of runs written now."""
    with tempfile.TemporaryDirectory() as directory:
        logdir = pathlib.Path(directory)
        write_logdir(logdir)
        return pack(record(logdir))


def stale() -> list[str]:
    """The answers that are made of other things than those recorded."""
    recorded = structures(gzip.decompress(_TARGET.read_bytes()))
    now = structures(fresh())
    either = sorted(recorded.keys() | now.keys())
    return [asked for asked in either if recorded.get(asked) != now.get(asked)]


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--check", action="store_true")
    if not parser.parse_args().check:
        _TARGET.write_bytes(gzip.compress(fresh(), 9, mtime=0))
        print(f"{_TARGET.name}: {_TARGET.stat().st_size / 1024:.0f} KB")
        return 0
    found = stale()
    if found:
        print(
            f"{_TARGET} is stale in {', '.join(found)}; run it anew.", file=sys.stderr
        )
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
