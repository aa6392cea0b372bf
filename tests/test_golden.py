"""What Python writes and the page's tests read is up to date."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent


def test_the_golden_data_of_the_page_are_what_the_wire_format_writes() -> None:
    result = subprocess.run(
        [sys.executable, "frontend/fixtures/make_golden.py", "--check"],
        cwd=ROOT,
        env={"PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
    )
    assert result.returncode == 0, result.stdout + result.stderr
