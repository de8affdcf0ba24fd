"""Figures drawn by several processes: the same bytes, whatever becomes of the helpers."""

import os
import subprocess
import sys
from pathlib import Path

import pytest
from made_up import build

from bnexp.reporting.drawing.helpers import Helpers
from bnexp.reporting.write import write_report


def test_helpers_share_the_work_and_results_are_in_order():
    with Helpers(2) as helpers:
        assert helpers.begin(pow, [(k, 2) for k in range(100)]).results() == [k**2 for k in range(100)]
        shared = helpers.begin(os.getpid, [()] * 5)
        for thread in shared._threads:  # this process takes no part yet
            thread.join()
        assert os.getpid() not in shared.results()


def test_what_a_helper_that_dies_leaves_is_computed_here():
    with Helpers(2) as helpers:
        shared = helpers.begin(os._exit, [(3,), (3,)])
        for thread in shared._threads:
            thread.join()
        assert not shared._found
        assert helpers.begin(pow, [(2, 3)] * 4).results() == [8] * 4  # they are gone


def test_an_error_is_raised_here_and_no_helper_outlives_it():
    with pytest.raises(ZeroDivisionError), Helpers(1) as helpers:
        helpers.begin(divmod, [(1, 0)] * 3).results()
    assert helpers._processes[0].returncode is not None


def test_what_cannot_be_sent_is_computed_here():
    with Helpers(1) as helpers:
        assert helpers.begin(lambda k: -k, [(k,) for k in range(3)]).results() == [0, -1, -2]


def test_helpers_that_cannot_be_started_are_not_missed(monkeypatch):
    monkeypatch.setattr(sys, "executable", "/nowhere/python")
    with Helpers(2) as helpers:
        assert helpers.begin(abs, [(-1,)]).results() == [1]


@pytest.mark.slow
def test_a_report_has_the_same_bytes_with_helpers(tmp_path):
    store, _ = build(tmp_path, batch_sizes=(4, 64), seeds=3, faults={})
    alone = write_report(store, tmp_path / "alone")
    with Helpers(1) as helpers:
        shared = write_report(store, tmp_path / "shared", helpers=helpers)
    for one, other in zip(alone.files, shared.files, strict=True):
        assert one.name == other.name
        assert one.read_bytes() == other.read_bytes()


@pytest.mark.slow
def test_a_script_needs_no_main_guard(tmp_path):
    build(tmp_path / "results", batch_sizes=(), seeds=2, faults={}, variants=("none", "ln"))
    script = tmp_path / "script.py"
    script.write_text("import bnexp\nprint('once')\nbnexp.report('results')\n")
    done = subprocess.run([sys.executable, script], cwd=tmp_path, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout, done.stderr) == (0, "once\n", "")
    assert Path(tmp_path / "results/report/index.html").exists()
