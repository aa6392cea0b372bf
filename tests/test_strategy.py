"""Under a distribution strategy training is the same, and the probe is recorded."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

from tests.reading import read_records

ROOT = Path(__file__).resolve().parent.parent

# A process of its own: virtual devices are made before TensorFlow starts.
PROGRAM = """
import sys
import keras
import numpy as np
import tensorflow as tf
import tensorboard_keract as tk
from tests import models

(cpu,) = tf.config.list_physical_devices("CPU")
tf.config.set_logical_device_configuration(
    cpu, [tf.config.LogicalDeviceConfiguration()] * 2
)
trained = []
for recorded in (False, True):
    keras.utils.set_random_seed(1)
    with tf.distribute.MirroredStrategy(["/cpu:0", "/cpu:1"]).scope():
        case = models.sequential()
    x, y = (np.concatenate([part] * 10) for part in case[1:])
    callback = tk.KeractCallback(sys.argv[1], (case.x, case.y), update_freq=2)
    case.model.fit(
        x, y, batch_size=8, epochs=2, verbose=0, callbacks=[callback] * recorded
    )
    trained.append(case.model.get_weights())
for plain, with_callback in zip(*trained):
    np.testing.assert_array_equal(plain, with_callback)
"""


def test_a_mirrored_fit_is_recorded_and_unchanged(tmp_path: Path) -> None:
    result = subprocess.run(
        [sys.executable, "-c", PROGRAM, str(tmp_path)],
        cwd=ROOT,
        capture_output=True,
        text=True,
    )
    assert result.returncode == 0, result.stderr
    assert [r.step for r in read_records(tmp_path)] == [0, 2, 4, 6, 8, 10]
