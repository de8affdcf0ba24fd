"""What TensorFlow is told of a GPU.  There is none here: its configuration is replaced by one that takes notes."""

import subprocess
from types import SimpleNamespace

import pytest
import tensorflow as tf

from bnexp.errors import UserError
from bnexp.specs.workers import GPU_SHARING
from bnexp.training import device


@pytest.fixture
def told(monkeypatch):
    """What was set, in order; TensorFlow sees two GPUs."""
    notes, experimental = [], tf.config.experimental

    def limit(gpu, parts):
        notes.append(("limit", gpu, *[part.memory_limit for part in parts]))

    monkeypatch.setattr(tf.config, "list_physical_devices", lambda kind: [f"{kind}:0", f"{kind}:1"])
    monkeypatch.setattr(tf.config, "set_visible_devices", lambda which, kind: notes.append(("visible", which)))
    monkeypatch.setattr(tf.config, "set_logical_device_configuration", limit)
    monkeypatch.setattr(experimental, "set_memory_growth", lambda gpu, yes: notes.append(("growth", gpu, yes)))
    monkeypatch.setattr(experimental, "get_device_details", lambda gpu: {"device_name": "A made-up one"})
    return notes


def smi(monkeypatch, answer):
    def run(words, **_):
        assert words[0] == "nvidia-smi"
        if isinstance(answer, Exception):
            raise answer
        return SimpleNamespace(stdout=answer)

    monkeypatch.setattr(subprocess, "run", run)


def test_a_trial_has_one_gpu_and_takes_memory_as_it_needs_it(told):
    taken = device.configure("auto", 1)
    assert told == [("visible", "GPU:0"), ("growth", "GPU:0", True)]
    assert taken == {"device": "gpu", "device_name": "A made-up one", "threads": 1, "deterministic": True}


def test_workers_that_share_a_gpu_may_take_equal_shares_of_the_smallest(told, monkeypatch):
    smi(monkeypatch, "24000\n16000\n")
    monkeypatch.setenv(GPU_SHARING, "4")
    device.configure("gpu", 1)
    assert told == [("visible", "GPU:0"), ("limit", "GPU:0", pytest.approx(0.9 * 16_000 / 4))]


@pytest.mark.parametrize("answer", ["", "[N/A]\n", FileNotFoundError("nvidia-smi")])
def test_where_its_size_is_unknown_there_is_no_limit(told, monkeypatch, answer):
    smi(monkeypatch, answer)
    monkeypatch.setenv(GPU_SHARING, "4")
    device.configure("gpu", 1)
    assert told == [("visible", "GPU:0"), ("growth", "GPU:0", True)]


def test_without_a_gpu_the_cpu_is_taken_or_it_is_said_that_there_is_none(monkeypatch):
    monkeypatch.setattr(tf.config, "list_physical_devices", lambda kind: [])
    assert device.configure("auto", 1)["device"] == "cpu"
    with pytest.raises(UserError, match="TensorFlow sees no GPU here"):
        device.configure("gpu", 1)
