"""Runs all benchmarks: `python -m benchmarks`."""

from benchmarks import recording

if __name__ == "__main__":
    recording.main()
