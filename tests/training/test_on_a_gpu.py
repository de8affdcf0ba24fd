"""What only a machine with a GPU shows: every method and procedure trains there as on the CPU, but for rounding."""

import subprocess
import sys
from pathlib import Path

import pytest
import tensorflow as tf

from bnexp.records.store import Store

ROOT = Path(__file__).parents[2]
CONFIGS = ["configs/methods/cnn.yaml", "configs/recurrent.yaml", "configs/federated.yaml", "configs/deep.yaml"]
NEEDS_A_GPU = pytest.mark.skipif(not tf.config.list_physical_devices("GPU"), reason="TensorFlow sees no GPU here")


def trained(device, folder):
    """The records of a small form of the configs, by the names of their folders."""
    asked = ["run", *CONFIGS, "--smoke", "--seeds", "0", "--device", device, "--results", str(folder), "--quiet"]
    subprocess.run([sys.executable, "-m", "bnexp", *asked], cwd=ROOT, check=True)
    return {each.name: Store(folder).read_folder(each.name) for each in (folder / "trials").iterdir()}


@NEEDS_A_GPU
@pytest.mark.slow
def test_every_method_starts_and_trains_on_a_gpu_as_on_the_cpu(tmp_path):
    here, there = trained("cpu", tmp_path / "cpu"), trained("gpu", tmp_path / "gpu")
    assert here.keys() == there.keys()
    for name, record in there.items():
        assert record.status == here[name].status, name
        assert record.fingerprints == here[name].fingerprints, name
        assert record.evaluations[0].train_loss == pytest.approx(here[name].evaluations[0].train_loss, rel=1e-3), name
