"""`bnexp doctor`: what it looks at, and that what is missing is named."""

import json
import sys
from pathlib import Path

import pytest


def test_it_tells_of_each_thing_that_a_trial_would_meet(bnexp_) -> None:
    said = bnexp_("doctor", "--json")
    found = {check["what"]: (check["state"], check["found"]) for check in json.loads(said.out)}
    assert said.code == 0
    assert list(found)[:5] == ["Python", "packages", "machine", "TensorFlow", "results"]
    assert {state for state, _ in list(found.values())[:5]} <= {"ok", "warn"}
    assert "sees" in found["TensorFlow"][1]
    assert found["data: mnist-5k"][0] == "ok"


def test_what_does_not_work_is_named_and_exits_with_2(bnexp_, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    broken = tmp_path / "python"
    broken.write_text("#!/bin/sh\necho no module named tensorflow >&2\nexit 1\n")
    broken.chmod(0o755)
    monkeypatch.setattr(sys, "executable", str(broken))
    said = bnexp_("doctor", "--results", "/proc/results")
    assert said.code == 2
    assert "cannot be imported: no module named tensorflow" in said.out
    assert "/proc/results cannot be written" in said.out
