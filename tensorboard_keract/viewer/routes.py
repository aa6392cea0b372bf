"""Requests to responses: the routes of `http_api.md`, and the files of the page.

A request is parsed once, into a typed value; a bad one is answered with 400, what
is not there with 404, both with one line of plain text. The data itself comes from
`data_access`.
"""

from __future__ import annotations

import json
import math
import re
import struct
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, NamedTuple

import numpy as np
import numpy.typing as npt
from google.protobuf.message import Message
from tensorboard import errors, plugin_util
from tensorboard.backend import http_util, json_util
from werkzeug.datastructures import MultiDict
from werkzeug.wrappers import Request, Response

from tensorboard_keract.drawing.colormaps import Domain, colormap_names
from tensorboard_keract.recording import wire_format
from tensorboard_keract.viewer import export
from tensorboard_keract.viewer.data_access import (
    Experiment,
    Reader,
    StoredTensor,
    check_rows,
)
from tensorboard_keract.viewer.history import Steps

if TYPE_CHECKING:
    from _typeshed.wsgi import WSGIApplication

MAX_BLOBS: Final = 256
MAX_STEPS: Final = 1024

# A year: what HTTP takes for ever.
_FOREVER_S: Final = 365 * 24 * 3600

_OCTET_STREAM: Final = "application/octet-stream"
_METHODS: Final = ("GET", "HEAD")

_CONTENT_TYPES: Final = {
    ".js": "text/javascript",
    ".css": "text/css",
    ".map": "application/json",
    ".json": "application/json",
    ".svg": "image/svg+xml",
    ".png": "image/png",
    ".woff2": "font/woff2",
    ".wasm": "application/wasm",
}

_NOT_BUILT: Final = """\
export async function render() {
  document.body.textContent =
    "The page of tensorboard-keract was not built. In its source directory, run" +
    " `make` or `pip install .`, and reload.";
}
"""


class Answer(NamedTuple):
    """What a route has to say.

    Attributes:
      content: a JSON value, text or bytes, as the content type has it.
      content_type: media type.
      cacheable: whether the answer to this very request is the same for ever.
      content_encoding: "gzip" where `content` is already compressed.
      filename: under which a browser saves it; empty to show it.
    """

    content: Any
    content_type: str = "application/json"
    cacheable: bool = False
    content_encoding: str | None = None
    filename: str = ""


class Parameters:
    """The parameters of a request, read by type.

    All methods raise `InvalidArgumentError` for what is missing or malformed.
    """

    def __init__(self, arguments: MultiDict[str, str]) -> None:
        self._arguments = arguments

    def text(self, name: str) -> str:
        """A parameter that must be there."""
        value = self._arguments.get(name)
        if value is None:
            raise errors.InvalidArgumentError(f"The parameter {name!r} is missing.")
        return value

    def choice(self, name: str, choices: Iterable[str]) -> str:
        """One of some words."""
        value = self.text(name)
        if value not in choices:
            known = ", ".join(map(repr, choices))
            raise errors.InvalidArgumentError(
                f"{name} is {value!r}; it must be one of {known}."
            )
        return value

    def optional_text(self, name: str) -> str | None:
        return self._arguments.get(name)

    def integer(self, name: str) -> int:
        return _integer(name, self.text(name))

    def optional_integer(self, name: str) -> int | None:
        return self.integer(name) if name in self._arguments else None

    def integers(self, name: str) -> tuple[int, ...]:
        """Those of a repeated parameter, each once, in the order given."""
        values = self._arguments.getlist(name)
        return tuple(dict.fromkeys(_integer(name, value) for value in values))

    def some_integers(self, name: str) -> tuple[int, ...]:
        """Those of a repeated parameter, at least one."""
        self.text(name)
        return self.integers(name)

    def optional_number(self, name: str) -> float | None:
        """A finite number."""
        if name not in self._arguments:
            return None
        value = self.text(name)
        try:
            number = float(value)
        except ValueError:
            number = math.nan
        if not math.isfinite(number):
            raise errors.InvalidArgumentError(
                f"{name} is {value!r}; it must be a finite number."
            )
        return number


class TensorRequest(NamedTuple):
    """One tensor at one step; with a wall time, that very record."""

    run: str
    tag: str
    step: int
    wall_time: float | None

    @classmethod
    def parse(cls, parameters: Parameters) -> TensorRequest:
        return cls(
            parameters.text("run"),
            parameters.text("tag"),
            parameters.integer("step"),
            parameters.optional_number("wall_time"),
        )

    def parse_versus(self, parameters: Parameters) -> TensorRequest | None:
        """The same tensor of another run or step, where one is asked for."""
        step = parameters.optional_integer("versus_step")
        if step is None:
            return None
        run = parameters.optional_text("versus_run")
        return TensorRequest(self.run if run is None else run, self.tag, step, None)

    def read(
        self, experiment: Experiment, indices: Sequence[int] | None = ()
    ) -> StoredTensor:
        (tensor,) = experiment.tensors(
            self.run, self.tag, [self.step], indices, self.wall_time
        )
        return tensor


class TensorsRequest(NamedTuple):
    """Blobs of one tensor at several steps."""

    run: str
    tag: str
    steps: tuple[int, ...]
    indices: tuple[int, ...]
    wall_time: float | None

    @classmethod
    def parse(cls, parameters: Parameters) -> TensorsRequest:
        request = cls(
            parameters.text("run"),
            parameters.text("tag"),
            parameters.some_integers("step"),
            parameters.integers("index"),
            parameters.optional_number("wall_time"),
        )
        if any(index < 0 for index in request.indices):
            raise errors.InvalidArgumentError(
                f"index is {min(request.indices)}; blobs are counted from 0."
            )
        if request.wall_time is not None and len(request.steps) > 1:
            raise errors.InvalidArgumentError(
                f"wall_time goes with one step; there are {len(request.steps)}."
            )
        if len(request.steps) > MAX_STEPS:
            raise errors.InvalidArgumentError(
                f"{len(request.steps)} steps were asked for; one answer has at most"
                f" {MAX_STEPS}."
            )
        blobs = len(request.steps) * len(request.indices)
        if blobs > MAX_BLOBS:
            raise errors.InvalidArgumentError(
                f"{blobs} blobs were asked for; one answer has at most {MAX_BLOBS}."
            )
        return request


class TableExportRequest(NamedTuple):
    """A table to export; no rows means all of them."""

    run: str
    table: str
    rows: tuple[int, ...]

    @classmethod
    def parse(cls, parameters: Parameters) -> TableExportRequest:
        run = parameters.text("run")
        table = parameters.choice("table", ("statistics", "histograms"))
        if table == "histograms":
            return cls(run, table, parameters.some_integers("row"))
        return cls(run, table, parameters.integers("row"))


class PictureRequest(NamedTuple):
    """One sample of a tensor, or one channel of it, as a picture."""

    tensor: TensorRequest
    sample: int
    channel: int | None
    colormap: str | None
    domain: Domain | None

    @classmethod
    def parse(cls, parameters: Parameters) -> PictureRequest:
        low = parameters.optional_number("low")
        high = parameters.optional_number("high")
        domain = None
        if low is not None and high is not None:
            if low > high:
                raise errors.InvalidArgumentError(
                    f"low is {low} and high is {high}; low must not be greater."
                )
            domain = Domain(low, high)
        elif low is not None or high is not None:
            raise errors.InvalidArgumentError("low and high go together.")
        colormap = parameters.optional_text("colormap")
        if colormap is not None:
            parameters.choice("colormap", colormap_names())
        return cls(
            TensorRequest.parse(parameters),
            parameters.integer("index"),
            parameters.optional_integer("channel"),
            colormap,
            domain,
        )


def answer_runs(experiment: Experiment, parameters: Parameters) -> Answer:
    return Answer({"runs": [info._asdict() for info in experiment.runs()]})


def answer_model(experiment: Experiment, parameters: Parameters) -> Answer:
    model = message_to_json(experiment.model(parameters.text("run")))
    return Answer({**model, "histogram_edges": wire_format.histogram_edges().tolist()})


def answer_series(experiment: Experiment, parameters: Parameters) -> Answer:
    index = experiment.series(parameters.text("run"))
    return Answer({**index._asdict(), "steps": [_steps_json(s) for s in index.steps]})


def answer_statistics(experiment: Experiment, parameters: Parameters) -> Answer:
    table = experiment.statistics(parameters.text("run"))
    _, rows, columns = table.values.shape
    head = {
        **_steps_json(table.steps),
        "epochs": table.epochs,
        "rows": rows,
        "columns": columns,
    }
    arrays = {"statistics": table.values, "record_values": table.record_values}
    return _packed_arrays(head, arrays)


def answer_histograms(experiment: Experiment, parameters: Parameters) -> Answer:
    run, rows = parameters.text("run"), parameters.some_integers("row")
    table = experiment.histograms(run, rows, parameters.integers("step"))
    head = {**_steps_json(table.steps), "rows": rows}
    return _packed_arrays(head, {"histograms": table.values})


def answer_tensors(experiment: Experiment, parameters: Parameters) -> Answer:
    request = TensorsRequest.parse(parameters)
    payload = bytearray()
    entries = []
    for tensor in experiment.tensors(*request, skip_missing=True):
        blobs = []
        for index, blob in tensor.blobs.items():
            blobs.append({"index": index, "offset": len(payload), "length": len(blob)})
            payload += blob
        entries.append(
            {
                "step": tensor.step,
                "wall_time": tensor.wall_time,
                "header": message_to_json(tensor.header),
                "blobs": blobs,
            }
        )
    packed = pack({"tensors": entries}, bytes(payload))
    return Answer(packed, _OCTET_STREAM, cacheable=request.wall_time is not None)


def answer_header(experiment: Experiment, parameters: Parameters) -> Answer:
    request = TensorRequest.parse(parameters)
    header = message_to_json(request.read(experiment).header)
    return Answer(header, cacheable=request.wall_time is not None)


def answer_blob(experiment: Experiment, parameters: Parameters) -> Answer:
    request, index = TensorRequest.parse(parameters), parameters.integer("index")
    return Answer(
        request.read(experiment, [index]).blobs[index],
        _OCTET_STREAM,
        cacheable=request.wall_time is not None,
        content_encoding="gzip",
    )


def answer_npz(experiment: Experiment, parameters: Parameters) -> Answer:
    request = TensorRequest.parse(parameters)
    versus = request.parse_versus(parameters)
    tensor = request.read(experiment, None)
    stem = _file_stem(request)
    if versus is None:
        content = export.tensor_npz(tensor, _header_text(tensor))
    else:
        other = versus.read(experiment, None)
        headers = _header_text(tensor), _header_text(other)
        runs = request.run, versus.run
        content = export.difference_npz(tensor, other, headers, runs)
        stem += f"_minus_{_plain(f'{versus.run}_step_{versus.step}')}"
    return Answer(content, "application/zip", filename=f"{stem}.npz")


def answer_csv(experiment: Experiment, parameters: Parameters) -> Answer:
    request = TableExportRequest.parse(parameters)
    model = experiment.model(request.run)
    if request.table == "statistics":
        statistics = experiment.statistics(request.run)
        rows = request.rows or range(len(model.rows))
        check_rows(model, request.run, rows)
        text = export.statistics_csv(model, statistics, rows)
    else:
        histograms = experiment.histograms(request.run, request.rows)
        text = export.histograms_csv(model, histograms, request.rows)
    return Answer(text, "text/csv", filename=f"{request.table}.csv")


def answer_png(experiment: Experiment, parameters: Parameters) -> Answer:
    request = PictureRequest.parse(parameters)
    tensor = request.tensor.read(experiment, [request.sample])
    picture = export.tensor_png(
        tensor, request.sample, request.channel, request.colormap, request.domain
    )
    stem = f"{_file_stem(request.tensor)}_sample_{request.sample}"
    return Answer(picture, "image/png", filename=f"{stem}.png")


ROUTES: Final[Mapping[str, Callable[[Experiment, Parameters], Answer]]] = {
    "runs": answer_runs,
    "model": answer_model,
    "series": answer_series,
    "statistics": answer_statistics,
    "histograms": answer_histograms,
    "tensors": answer_tensors,
    "header": answer_header,
    "blob": answer_blob,
    "export.npz": answer_npz,
    "export.csv": answer_csv,
    "export.png": answer_png,
}


def data_app(
    answer: Callable[[Experiment, Parameters], Answer], reader: Reader
) -> WSGIApplication:
    """The WSGI application of a route."""

    @Request.application
    def app(request: Request) -> Response:
        if request.method not in _METHODS:
            return _method_not_allowed(request)
        experiment = reader.experiment(
            plugin_util.context(request.environ),
            plugin_util.experiment_id(request.environ),
        )
        found = answer(experiment, Parameters(request.args))
        headers = []
        if found.filename:
            disposition = f'attachment; filename="{found.filename}"'
            headers.append(("Content-Disposition", disposition))
        return _respond(
            request,
            found.content,
            found.content_type,
            expires=_FOREVER_S if found.cacheable else 0,
            content_encoding=found.content_encoding,
            headers=headers,
        )

    return app


def static_app(directory: Path) -> WSGIApplication:
    """The WSGI application that serves the files of the page.

    Only files that lie directly in `directory` have an address. Where the page was
    not built, `index.js` is a module that says so.
    """

    @Request.application
    def app(request: Request) -> Response:
        if request.method not in _METHODS:
            return _method_not_allowed(request)
        name = request.path.rpartition("/")[2]
        files = {path.name: path for path in directory.glob("*") if path.is_file()}
        if name == "index.js" and name not in files:
            return _respond(request, _NOT_BUILT, _CONTENT_TYPES[".js"])
        if name not in files or files[name].suffix not in _CONTENT_TYPES:
            routes = ", ".join(ROUTES)
            raise errors.NotFoundError(
                f"{name!r} is neither a file of the page nor one of {routes}"
            )
        file = files[name]
        return _respond(request, file.read_bytes(), _CONTENT_TYPES[file.suffix])

    return app


def message_to_json(message: Message) -> dict[str, Any]:
    """All fields of a message, under their names; 64-bit integers as numbers."""
    return {
        field.name: _field_to_json(getattr(message, field.name))
        for field in message.DESCRIPTOR.fields
    }


def pack(head: Mapping[str, Any], payload: bytes) -> bytes:
    """A packed answer, as `http_api.md` describes it."""
    text = json.dumps(_json_value(head)).encode("ascii")
    text += b" " * (-(4 + len(text)) % 8)
    return struct.pack("<I", len(text)) + text + payload


def _packed_arrays(
    head: Mapping[str, Any], arrays: Mapping[str, npt.NDArray[np.float32]]
) -> Answer:
    described: dict[str, Any] = dict(head)
    payload = b""
    for name, array in arrays.items():
        described[name] = {
            "offset": len(payload),
            "shape": array.shape,
            "dtype": "float32",
        }
        payload += array.astype("<f4").tobytes()
    return Answer(pack(described, payload), _OCTET_STREAM)


def _steps_json(steps: Steps) -> dict[str, Any]:
    return {"steps": steps.steps, "wall_times": steps.wall_times}


def _json_value(value: Any) -> Any:
    """`value` with NaN and ±Infinity as strings, as TensorBoard has them in JSON."""
    return json_util.Cleanse(value)


def _field_to_json(value: Any) -> Any:
    if isinstance(value, Message):
        return message_to_json(value)
    if isinstance(value, (str, bool, int, float)):
        return value
    return [_field_to_json(entry) for entry in value]


def _integer(name: str, value: str) -> int:
    # Not int() alone, which takes "1_000", " 1 " and digits of other scripts.
    if not re.fullmatch(r"-?[0-9]{1,18}", value):
        raise errors.InvalidArgumentError(
            f"{name} is {value!r}; it must be a whole number."
        )
    return int(value)


def _header_text(tensor: StoredTensor) -> str:
    return json.dumps(_json_value(message_to_json(tensor.header)))


def _file_stem(request: TensorRequest) -> str:
    return _plain(f"{request.run}_{request.tag}_step_{request.step}")


def _plain(name: str) -> str:
    """A name without what a file's can't hold."""
    return re.sub(r"[^A-Za-z0-9._-]+", "_", name)


def _method_not_allowed(request: Request) -> Response:
    allowed = ", ".join(_METHODS)
    text = f"{request.method} is not allowed; use {allowed}."
    return _respond(request, text, "text/plain", 405, headers=[("Allow", allowed)])


def _respond(
    request: Request,
    content: Any,
    content_type: str,
    code: int = 200,
    *,
    expires: int = 0,
    content_encoding: str | None = None,
    headers: Sequence[tuple[str, str]] = (),
) -> Response:
    response: Response = http_util.Respond(
        request,
        content,
        content_type,
        code=code,
        expires=expires,
        content_encoding=content_encoding,
        headers=headers,
    )
    return response
