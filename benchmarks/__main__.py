"""Runs all benchmarks: `python -m benchmarks [--keract PYTHON] [--peers PYTHON]`.

Other options are those of `benchmarks.recording`; `--models` and `--rounds` go to
`benchmarks.core`, too.
"""

from benchmarks import core, recording

if __name__ == "__main__":
    core.main()
    recording.main()
