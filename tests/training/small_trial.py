"""The trial that the training tests share, as a config would write it."""

from typing import Any

SMALL: dict[str, Any] = {
    "data": {"name": "mnist-5k", "train": 330, "validation": 100},
    "training": {"batch_size": 50, "epochs": 2, "evaluations": {"first_epoch": 3}},
}
"""330 real images in batches of 50: six whole batches and one of 30."""
