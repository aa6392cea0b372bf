"""Runs all benchmarks: `python -m benchmarks`."""

from benchmarks import core, recording

if __name__ == "__main__":
    core.main()
    recording.main()
