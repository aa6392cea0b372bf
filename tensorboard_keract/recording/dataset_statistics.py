"""Statistics and histograms over a dataset, added up batch by batch on the host."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from typing import Any

import numpy as np
import numpy.typing as npt

from tensorboard_keract import metadata
from tensorboard_keract.recording.statistics import accumulate_statistics


@dataclasses.dataclass(frozen=True, eq=False)
class DatasetStatistics:
    """Statistics and histograms of a model's tensors over a whole dataset.

    Example:

    ```python
    result = tk.record_dataset(model, validation_data)
    print(result["activation", "conv1"]["std"])
    print(result.histogram("activation", "conv1").sum())
    ```

    Under a distribution strategy these are of the replicas of all workers together,
    the same on each worker.

    Attributes:
      rows: kind and path of each row; kind is "activation", "activation_gradient",
        "weight" or "weight_gradient".
      statistics: float64 [row, statistic], in the order of `metadata.STATISTICS`. NaN
        where there is nothing to say: moments of a tensor without a finite value, the
        dead channels of one without channels, the saturation of an activation
        function without bounds. The update ratio is always NaN.
      histograms: int64 [row, bin], in the bins of `wire_format.histogram`. Of a batch's
        tensor of more than 65,536 values every n-th is counted, as n; of such a
        weight or its gradient every n-th is counted once.
      statistics_per_replica: float64 [replica, row, statistic], of the part of the data
        that each replica saw. One that saw no sample has counts of 0, and NaN. Rows of
        weights and their gradients are those of the whole on each replica.
      histograms_per_replica: int64 [replica, row, bin], likewise.
      samples: how many the dataset holds.
      batches: how many it came in.
    """

    rows: tuple[tuple[str, str], ...]
    statistics: npt.NDArray[np.float64]
    histograms: npt.NDArray[np.int64]
    statistics_per_replica: npt.NDArray[np.float64]
    histograms_per_replica: npt.NDArray[np.int64]
    samples: int
    batches: int

    def __getitem__(self, kind_and_path: tuple[str, str]) -> dict[str, float]:
        """The statistics of one tensor by name: "count", "mean", "std", "min" …

        Args:
          kind_and_path: such as `"activation", "conv1"`.

        Raises:
          KeyError: if there is no such row; lists the rows.
        """
        row = self.statistics[self._index(kind_and_path)]
        return dict(zip(metadata.STATISTICS, row.tolist(), strict=True))

    def histogram(self, kind: str, path: str) -> npt.NDArray[np.int64]:
        """Counts of the values of one tensor, int64 [bin].

        Raises:
          KeyError: if there is no such row; lists the rows.
        """
        counts: npt.NDArray[np.int64] = self.histograms[self._index((kind, path))]
        return counts

    def _index(self, kind_and_path: tuple[str, str]) -> int:
        try:
            return self.rows.index(kind_and_path)
        except ValueError:
            known = ", ".join(f"{kind} {path}" for kind, path in self.rows)
            raise KeyError(
                f"No row {kind_and_path!r}. Ask for kind and path, as in"
                f' result["activation", "conv1"]; there are: {known}.'
            ) from None


class Totals:
    """Tables of the batches so far, added up on the host; a few numbers for each row.

    Attributes:
      statistics: float64 [replica, row, statistic].
      dead: float64 [replica, channel], 1.0 for a channel that is zero everywhere.
      histograms: int64 [replica, row, bin].
      samples: int64 [replica].
    """

    def __init__(
        self, tables: Mapping[str, npt.NDArray[Any]], channel_counts: list[int]
    ) -> None:
        """Starts with the tables of one batch, or of several replicas."""
        self._channel_counts = channel_counts
        self.statistics = np.asarray(tables["statistics"], np.float64)
        self.dead = np.asarray(tables["dead"], np.float64)
        self.histograms = np.asarray(tables["histograms"], np.int64)
        self.samples = np.asarray(tables["samples"], np.int64)

    def add(self, other: Totals) -> None:
        """Adds what each replica has seen since."""
        replica_count = len(self.samples)
        # To the formulas a row of another replica is another row.
        statistics, dead = accumulate_statistics(
            [_rows_joined(t.statistics) for t in (self, other)],
            [t.dead.ravel() for t in (self, other)],
            self._channel_counts * replica_count,
        )
        self.statistics = statistics.reshape(self.statistics.shape)
        self.dead = dead.reshape(self.dead.shape)
        self.histograms = self.histograms + other.histograms
        self.samples = self.samples + other.samples

    def merged(self) -> npt.NDArray[np.float64]:
        """The statistics of what all replicas have seen, [row, statistic]."""
        statistics, _ = accumulate_statistics(
            self.statistics, self.dead, self._channel_counts
        )
        return statistics


def _rows_joined(tables: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    return tables.reshape(-1, tables.shape[-1])
