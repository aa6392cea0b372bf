"""Under a distribution strategy training is the same, and recorded as on one device."""

from __future__ import annotations

import contextlib
import json
import os
import socket
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import keras
import numpy as np
import pytest
import tensorflow as tf

import tensorboard_keract as tk
from tensorboard_keract import metadata
from tests.reading import Event, model_of, planes_of, read_records
from tests.strategy_programs import training

ROOT = Path(__file__).resolve().parent.parent
TIMEOUT_S = 240

MOMENTS = [
    metadata.STATISTICS.index(name)
    for name in ("count", "mean", "std", "min", "max", "l2_norm")
]


def run_programs(
    program: str,
    arguments: Sequence[Sequence[str]],
    environments: Sequence[dict[str, str]] = ({}, {}),
) -> None:
    """Runs one program several times at once, in processes of their own.

    Virtual devices and clusters are made before TensorFlow starts.
    """
    with contextlib.ExitStack() as stack:
        processes = []
        for of_process, environment in zip(arguments, environments, strict=False):
            process = subprocess.Popen(
                [
                    sys.executable,
                    "-m",
                    f"tests.strategy_programs.{program}",
                    *of_process,
                ],
                cwd=ROOT,
                env=os.environ | environment,
                stdout=subprocess.DEVNULL,
                stderr=subprocess.PIPE,
                text=True,
            )
            stack.callback(process.kill)
            processes.append(process)
        for process in processes:
            _, errors = process.communicate(timeout=TIMEOUT_S)
            assert process.returncode == 0, errors


def arrays(path: Path) -> list[Any]:
    with np.load(path) as file:
        return list(file.values())


def assert_same_weights(directory: Path, plain: str, recorded: str) -> None:
    before = arrays(directory / f"{plain}.npz")
    after = arrays(directory / f"{recorded}.npz")
    assert len(before) > 3
    for expected, found in zip(before, after, strict=True):
        np.testing.assert_array_equal(found, expected)


def rows_of(record: Event) -> list[tuple[str, str]]:
    return [(row.kind, row.path) for row in model_of(record).rows]


def assert_same_tables(found: Event, expected: Event) -> None:
    """Of a step on several replicas, and of the same step on one."""
    rows = rows_of(expected)
    assert rows_of(found) == rows
    np.testing.assert_allclose(
        found.values["statistics"][:, MOMENTS],
        expected.values["statistics"][:, MOMENTS],
        rtol=1e-4,
        atol=1e-6,
    )
    counts, expected_counts = found.values["histograms"], expected.values["histograms"]
    assert counts.sum() == expected_counts.sum() > 0
    exact = [i for i, (kind, _) in enumerate(rows) if kind in ("activation", "weight")]
    np.testing.assert_array_equal(counts[exact], expected_counts[exact])
    # A gradient's last bit may lie beyond the edge of a bin.
    moved = np.abs(counts - expected_counts).sum(axis=1) / 2
    assert (moved <= 0.01 * expected_counts.sum(axis=1)).all()


@pytest.fixture(scope="module")
def single(tmp_path_factory: pytest.TempPathFactory) -> list[Event]:
    """Records of the custom loop on one device."""
    directory = tmp_path_factory.mktemp("single")
    training.loop(tf.distribute.get_strategy(), str(directory))
    return read_records(directory)


@pytest.fixture(scope="module")
def mirrored(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What trainings on two replicas left."""
    directory = tmp_path_factory.mktemp("mirrored")
    run_programs("mirrored", [(str(directory), "plain"), (str(directory), "recorded")])
    return directory


@pytest.fixture(scope="module")
def workers(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What two workers left that trained together."""
    directory = tmp_path_factory.mktemp("workers")
    with contextlib.ExitStack() as stack:
        sockets = [stack.enter_context(socket.socket()) for _ in range(2)]
        for free in sockets:
            free.bind(("127.0.0.1", 0))
        addresses = [f"127.0.0.1:{free.getsockname()[1]}" for free in sockets]
    environments = [
        {
            "TF_CONFIG": json.dumps(
                {
                    "cluster": {"worker": addresses},
                    "task": {"type": "worker", "index": index},
                }
            )
        }
        for index in range(2)
    ]
    run_programs("multi_worker", [(str(directory),)] * 2, environments)
    return directory


@pytest.mark.parametrize("source", ["training", "both", "probe"])
def test_a_mirrored_fit_is_recorded_and_unchanged(mirrored: Path, source: str) -> None:
    assert_same_weights(mirrored, "fit", f"fit_{source}")
    records = read_records(mirrored / f"fit_{source}")
    assert [record.step for record in records][:2] == [0, 2]
    model = model_of(records[0])
    is_probe = source == "probe"
    assert model.tables_source == ("probe" if is_probe else "training")
    assert model.maps_source == ("training" if source == "training" else "probe")
    explained = "heatmap/grad_cam" in records[1].values
    assert explained == (source != "training")
    counts = records[1].values["statistics"][:, 0]
    conv = rows_of(records[0]).index(("activation", "conv"))
    assert counts[conv] == (4 if is_probe else training.BATCH_SIZE) * 6 * 6 * 4


def test_a_mirrored_loop_is_recorded_and_unchanged(mirrored: Path) -> None:
    assert_same_weights(mirrored, "loop", "loop_training")
    assert [record.step for record in read_records(mirrored / "loop")] == [0]


def test_tables_of_replicas_are_those_of_one(
    mirrored: Path, single: list[Event]
) -> None:
    assert_same_tables(read_records(mirrored / "loop")[0], single[0])


def test_weight_gradients_of_replicas_are_those_of_one(
    mirrored: Path, single: list[Event]
) -> None:
    record = read_records(mirrored / "loop")[0]
    tags = [tag for tag in single[0].values if tag.startswith("weight_gradient/")]
    assert len(tags) == 4
    for tag in tags:
        expected = planes_of(single[0], tag)
        # Of its range, a code of the maps is a 252nd.
        step = np.ptp(expected) / 252
        np.testing.assert_allclose(planes_of(record, tag), expected, atol=1.01 * step)


@pytest.mark.long
@pytest.mark.parametrize("source", ["training", "probe"])
def test_workers_train_on_unchanged(workers: Path, source: str) -> None:
    for worker in range(2):
        assert_same_weights(workers, "plain_0", f"plain_{worker}")
        assert_same_weights(workers, "plain_0", f"{source}_{worker}")


@pytest.mark.long
@pytest.mark.parametrize(
    "run", ["training/keract", "probe/keract", "whole/keract_dataset"]
)
def test_of_workers_only_the_chief_writes(workers: Path, run: str) -> None:
    assert len(list((workers / run).iterdir())) == 1


@pytest.mark.long
def test_tables_of_workers_are_those_of_one(workers: Path, single: list[Event]) -> None:
    records = read_records(workers / "training")
    assert [record.step for record in records] == [0, 1]
    assert ["histograms" in record.values for record in records] == [True, False]
    assert_same_tables(records[0], single[0])
    probed = read_records(workers / "probe")
    assert [record.step for record in probed] == [0, 1]


@pytest.mark.long
def test_workers_share_a_dataset(workers: Path) -> None:
    of_workers = [arrays(workers / f"dataset_{worker}.npz") for worker in range(2)]
    for first, second in zip(*of_workers, strict=True):
        np.testing.assert_array_equal(first, second)
    statistics, histograms, per_replica, _, (samples, _) = of_workers[0]
    x, y = training.data()
    expected = tk.record_dataset(
        training.classifier(),
        tf.data.Dataset.from_tensor_slices((x, y)).batch(32),
        kinds=training.STATISTICAL_KINDS,
        progress=False,
    )
    assert samples == expected.samples == 32
    assert len(per_replica) == 2
    of_batches = [kind != "activation_gradient" for kind, _ in expected.rows]
    np.testing.assert_allclose(
        statistics[of_batches][:, MOMENTS],
        expected.statistics[of_batches][:, MOMENTS],
        rtol=1e-4,
        atol=1e-6,
    )
    assert (histograms.sum(axis=1) == expected.histograms.sum(axis=1)).all()
    (record,) = read_records(workers / "whole", "keract_dataset")
    np.testing.assert_array_equal(
        record.values["statistics"], statistics.astype(np.float32)
    )


@pytest.mark.long
def test_fit_with_several_workers_fails_in_keras(workers: Path) -> None:
    """Not for what is recorded: no callback is there."""
    for worker in range(2):
        outcome = (workers / f"model_fit_{worker}").read_text()
        assert outcome.startswith("ValueError") and "PerReplica" in outcome, (
            f"model.fit under MultiWorkerMirroredStrategy gives {outcome[:200]!r} with"
            f" Keras {keras.__version__}. If it trained, Keras has mended it: test that"
            " KeractCallback records it, and change what the documentation says."
        )


def test_replicas_share_a_dataset(mirrored: Path) -> None:
    found, counts, per_replica, of_replicas, sizes = arrays(mirrored / "dataset.npz")
    x, y = (part[:19] for part in training.data())
    model = training.classifier()
    kinds = training.STATISTICAL_KINDS
    dataset = tf.data.Dataset.from_tensor_slices((x, y)).batch(6)
    expected = tk.record_dataset(model, dataset, kinds=kinds, progress=False)
    assert tuple(sizes) == (19, 4)
    np.testing.assert_allclose(
        found[:, MOMENTS], expected.statistics[:, MOMENTS], rtol=1e-4, atol=1e-6
    )
    of_kind = np.array([kind in ("activation", "weight") for kind, _ in expected.rows])
    np.testing.assert_array_equal(counts[of_kind], expected.histograms[of_kind])
    # Of 6, 6, 6 and 1 samples each replica has half; the last one is the first's.
    of_first = np.r_[0:3, 6:9, 12:15, 18]
    parts = of_first, np.setdiff1d(np.arange(19), of_first)
    row = expected.rows.index(("activation", "conv"))
    for replica, part in enumerate(parts):
        dataset = tf.data.Dataset.from_tensor_slices(x[part]).batch(5)
        of_part = tk.record_dataset(model, dataset, progress=False)
        np.testing.assert_allclose(
            per_replica[replica, row, MOMENTS],
            of_part.statistics[row, MOMENTS],
            rtol=1e-4,
            atol=1e-6,
        )
        np.testing.assert_array_equal(
            of_replicas[replica, row], of_part.histograms[row]
        )


def test_a_distributed_dataset_is_taken_as_it_is(mirrored: Path) -> None:
    *_, of_replicas, sizes = arrays(mirrored / "distributed.npz")
    *_, expected, _ = arrays(mirrored / "dataset.npz")
    assert tuple(sizes) == (19, 4)
    # The first rows are of activations in both.
    np.testing.assert_array_equal(of_replicas[:, :2], expected[:, :2])


def test_memory_does_not_grow_with_the_data(mirrored: Path) -> None:
    # 2,500 batches: a kilobyte of each would be more.
    assert int((mirrored / "memory_growth").read_text()) < 2_500_000
