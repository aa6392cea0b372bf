"""A TensorBoard process to ask things of."""

from __future__ import annotations

import http.client
import json
import socket
import struct
import subprocess
import sys
import time
import urllib.parse
from collections.abc import Mapping, Sequence
from pathlib import Path
from types import TracebackType
from typing import Any, NamedTuple

START_TIMEOUT_S = 120

WITH_TENSORFLOW = (sys.executable, "-m", "tensorboard.main")

# TensorBoard takes up to 7 s to import TensorFlow, more on a busy machine, and has no use
# for it where the data server reads the files. It does without where it finds a module of
# this name.
WITHOUT_TENSORFLOW = """
import sys, types
sys.modules["tensorboard.compat.notf"] = types.ModuleType("notf")
from tensorboard.main import run_main
run_main()
"""


class Reply(NamedTuple):
    """An HTTP response, its header names in lower case."""

    status: int
    headers: Mapping[str, str]
    body: bytes

    def json(self) -> Any:
        return json.loads(self.body)

    def unpack(self) -> tuple[Any, bytes]:
        """Head and payload of a packed answer."""
        (length,) = struct.unpack("<I", self.body[:4])
        assert (4 + length) % 8 == 0
        return json.loads(self.body[4 : 4 + length]), self.body[4 + length :]


class TensorBoard:
    """A running TensorBoard; use it as a context manager.

    Args:
      logdir: what it shows.
      load_fast: whether the data server reads the files, or Python does.
      output: an existing directory for what the process prints.
      command: how to start TensorBoard; without TensorFlow where the data server reads.
      arguments: more of its flags.
    """

    def __init__(
        self,
        logdir: Path,
        output: Path,
        load_fast: bool = False,
        command: Sequence[str] | None = None,
        arguments: Sequence[str] = (),
    ) -> None:
        if command is None:
            without = [sys.executable, "-c", WITHOUT_TENSORFLOW]
            command = without if load_fast else WITH_TENSORFLOW
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            self.port = free.getsockname()[1]
        self._log = output / f"tensorboard-{self.port}.log"
        with self._log.open("wb") as log:
            self._process = subprocess.Popen(
                [
                    *command,
                    "--logdir",
                    str(logdir),
                    "--host=127.0.0.1",
                    f"--port={self.port}",
                    f"--load_fast={str(load_fast).lower()}",
                    "--reload_interval=1",
                    *arguments,
                ],
                # Not the checkout, so that what is installed is what runs.
                cwd=output,
                stdout=log,
                stderr=subprocess.STDOUT,
            )

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}/"

    def log(self) -> str:
        """What the process printed."""
        return self._log.read_text("utf-8", "replace")

    def __enter__(self) -> TensorBoard:
        try:
            self._await_start()
        except BaseException:
            self._stop()
            raise
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._stop()

    def request(
        self,
        path: str,
        method: str = "GET",
        headers: Mapping[str, str] | None = None,
    ) -> Reply:
        """Asks for a path below the root; nothing is decoded."""
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=60)
        try:
            connection.request(method, f"/{path}", headers=dict(headers or {}))
            response = connection.getresponse()
            found = {name.lower(): value for name, value in response.getheaders()}
            return Reply(response.status, found, response.read())
        finally:
            connection.close()

    def get(self, route: str, **parameters: object) -> Reply:
        """Asks a route of the plugin. A list stands for a repeated parameter."""
        query = urllib.parse.urlencode(parameters, doseq=True)
        return self.request(f"data/plugin/keract/{route}?{query}")

    def await_runs(self, runs: set[str], timeout_s: float = 60) -> None:
        """Waits until the given runs have been read, with all their steps."""
        deadline = time.monotonic() + timeout_s
        known: set[str] = set()
        while time.monotonic() < deadline:
            known = {entry["run"] for entry in self.get("runs").json()["runs"]}
            if runs <= known:
                # A run is listed with its first event; one more reload has the rest.
                time.sleep(2.5)
                return
            time.sleep(0.2)
        raise TimeoutError(f"{sorted(runs - known)} did not appear.\n{self.log()}")

    def await_steps(self, run: str, steps: int, timeout_s: float = 120) -> None:
        """Waits until so many steps of a run have been read."""
        deadline = time.monotonic() + timeout_s
        while time.monotonic() < deadline:
            reply = self.get("series", run=run)
            found = reply.json()["steps"] if reply.status == 200 else []
            if max((len(one["steps"]) for one in found), default=0) >= steps:
                return
            time.sleep(0.2)
        raise TimeoutError(f"{steps} steps of {run} were not read.\n{self.log()}")

    def _await_start(self) -> None:
        deadline = time.monotonic() + START_TIMEOUT_S
        while time.monotonic() < deadline:
            if self._process.poll() is not None:
                raise RuntimeError(f"TensorBoard ended:\n{self.log()}")
            try:
                if self.request("data/plugins_listing").status == 200:
                    return
            except OSError:
                time.sleep(0.1)
        raise TimeoutError(f"TensorBoard did not start:\n{self.log()}")

    def _stop(self) -> None:
        self._process.terminate()
        try:
            self._process.wait(10)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
