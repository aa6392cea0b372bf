"""One of two workers that train together: `multi_worker.py DIRECTORY`, and TF_CONFIG."""

from __future__ import annotations

import json
import os
import sys
from pathlib import Path

import tensorflow as tf

import tensorboard_keract as tk
from tests.strategy_programs import training


def main() -> None:
    directory = sys.argv[1]
    worker = json.loads(os.environ["TF_CONFIG"])["task"]["index"]
    strategy = tf.distribute.MultiWorkerMirroredStrategy()
    assert strategy.num_replicas_in_sync == 2
    training.save(directory, f"plain_{worker}", training.loop(strategy))
    for source in ("probe", "training"):
        weights = training.loop(
            strategy, f"{directory}/{source}", source, max_records=2
        )
        training.save(directory, f"{source}_{worker}", weights)

    with strategy.scope():
        model = training.classifier()
    x, y = training.data()
    # 32 samples, of which the last batch has 12.
    dataset = tf.data.Dataset.from_tensor_slices((x, y)).batch(20)
    result = tk.record_dataset(
        model,
        dataset,
        log_dir=f"{directory}/whole",
        kinds=training.STATISTICAL_KINDS,
        progress=False,
    )
    training.save_statistics(directory, f"dataset_{worker}", result)

    # Last, for it leaves the workers in no state to go on.
    try:
        model.fit(x, y, batch_size=8, verbose=0)
    except Exception as error:
        fit = f"{type(error).__name__}: {error}"
    else:
        fit = "trained"
    Path(directory, f"model_fit_{worker}").write_text(fit)


main()
