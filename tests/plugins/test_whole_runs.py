"""Users' own layers through the command, in processes of their own: the README's example, and layers that fail."""

import json
import os
import re
import subprocess
import sys
from pathlib import Path

README = (Path(__file__).parents[2] / "README.md").read_text()
BAD = """
data: {name: mnist-5k, train: 100, validation: 50}
model: {name: mlp, widths: [4]}
variants:
  none:    {norm: none}
  cut:     {norm: my_norms:Cut}
  misspelt: {norm: {name: my_norms:Right, alhpa: 1}}
seeds: 2
"""


def bnexp(*words: str, folder: Path) -> subprocess.CompletedProcess[str]:
    home = str(Path(__file__).parents[2])
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, [home, os.environ.get("PYTHONPATH")]))}
    command = [sys.executable, "-P", "-m", "bnexp", *words]
    return subprocess.run(
        command, cwd=folder, env=environment, capture_output=True, text=True, check=False, timeout=280
    )


def test_the_example_of_the_readme_trains(tmp_path: Path) -> None:
    """Word for word, in its smallest form and with one seed."""
    section = README.split("## Your own layer")[1].split("\n## ")[0]
    for language, name in [("python", "my_norms.py"), ("yaml", "mine.yaml")]:
        (text,) = re.findall(rf"^```{language}\n(.*?)^```", section, re.MULTILINE | re.DOTALL)
        (tmp_path / name).write_text(text)
    done = bnexp("run", "mine.yaml", "--smoke", "--seeds", "0", "--jobs", "1", folder=tmp_path)
    assert done.returncode == 0, done.stderr
    records = [json.loads(path.read_text()) for path in tmp_path.glob("results/trials/*/record.json")]
    (mine,) = [record for record in records if record["spec"]["norm"]["name"] == "my_norms:MyNorm"]
    assert (len(records), mine["status"], mine["spec"]["norm"]["alpha"]) == (3, "ok", 0.2)
    # One scale for each of 32 + 64 + 64 channels and 64 units.
    assert mine["parameters"]["normalization"] == 224


def test_the_example_of_the_readme_has_the_20_lines_that_it_should_have() -> None:
    section = README.split("## Your own layer")[1].split("\n## ")[0]
    found = re.findall(r"^```(?:python|yaml)\n(.*?)^```", section, re.MULTILINE | re.DOTALL)
    assert sum(bool(line.strip()) for text in found for line in text.splitlines()) <= 20


def test_layers_that_cannot_work_end_the_run_before_the_first_trial_all_at_once(folder: Path) -> None:
    (folder / "bad.yaml").write_text(BAD)
    done = bnexp("run", "bad.yaml", "--jobs", "1", folder=folder)
    assert done.returncode == 2
    assert "bad, variant cut: norm my_norms:Cut: a normalization keeps the shape" in done.stderr
    assert "bad, variant misspelt: norm my_norms:Right: has no argument 'alhpa'; did you mean 'alpha'?" in done.stderr
    assert not list(folder.glob("results/trials/*/record.json"))


def test_an_error_of_a_layers_own_comes_first_and_with_its_lines_alone(tmp_path: Path) -> None:
    """In a step, where TensorFlow tells of the graph around it."""
    (tmp_path / "m.py").write_text(
        "import keras\nimport tensorflow as tf\n\n\ndef check(n):\n    if n > 1:\n"
        "        raise ValueError('my own check failed')\n    return n\n\n\n"
        "class Late(keras.layers.Layer):\n    def build(self, shape):\n"
        "        self.n = self.add_weight(name='n', shape=(), initializer='zeros', trainable=False)\n\n"
        "    def call(self, x, training=None):\n        if training:\n            self.n.assign(self.n + 1)\n"
        "            x = x + 0 * tf.reshape(tf.numpy_function(check, [self.n.value], tf.float32), ())\n"
        "        return x\n"
    )
    (tmp_path / "late.yaml").write_text(
        BAD.partition("variants")[0] + "training: {epochs: 1}\nseeds: 1\nnorm: m:Late\n"
    )
    done = bnexp("run", "late.yaml", "--jobs", "1", folder=tmp_path)
    assert done.returncode == 3
    first, head, *lines = done.stderr.partition("FAILED: ")[2].splitlines()
    assert (first, head.strip()) == ("ValueError: my own check failed", "Traceback (most recent call last):")
    assert "  File" in lines[0]
    assert {line.split('"')[1] for line in lines if line.lstrip().startswith("File")} == {str(tmp_path / "m.py")}
