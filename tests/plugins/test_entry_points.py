"""An installed package adds names through the entry-point group `bnexp.norms`."""

import pytest
from own_layers import built, trial

from bnexp.cli.app import main
from bnexp.errors import UserError


@pytest.fixture
def installed(folder, tmp_path_factory, monkeypatch):
    """A package on Python's path, as pip leaves one; it also tries to take a name of ours."""
    site = tmp_path_factory.mktemp("site")
    (site / "their_package").mkdir()
    (site / "their_package/__init__.py").write_text("")
    (site / "their_package/layers.py").write_text((folder / "my_norms.py").read_text())
    about = site / "their_package-1.0.dist-info"
    about.mkdir()
    (about / "METADATA").write_text("Metadata-Version: 2.1\nName: their-package\nVersion: 1\n")
    (about / "entry_points.txt").write_text(
        "[bnexp.norms]\nright = their_package.layers:Right\nbatch = their_package.layers:Cut\n"
        "gone = their_package.layers:Gone\n"
    )
    monkeypatch.syspath_prepend(str(site))
    return site


def norm(name):
    return trial("nowhere", name).spec.norm


def test_a_config_can_name_it_with_arguments(installed):
    spec = norm({"name": "right", "alpha": 0.4})
    assert (spec.name, spec.arguments) == ("right", {"alpha": 0.4})
    assert spec.source is not None


def test_the_layer_is_that_of_the_package_whatever_lies_beside_the_config(installed, tmp_path):
    (tmp_path / "their_package.py").write_text("raise RuntimeError")
    layer = built(trial(tmp_path, "right")).get_layer("dense1_norm")
    assert type(layer).__module__ == "their_package.layers"


def test_a_name_of_ours_stays_ours(installed):
    assert type(norm("batch")).__module__.startswith("bnexp.specs.norms")


def test_without_the_package_the_name_is_unknown():
    with pytest.raises(UserError, match="unknown normalization 'right'"):
        norm("right")


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("rigth", r"unknown normalization 'rigth'; did you mean 'right'\?"),
        ("gone", r"layers\.py defines no 'Gone' at its top level"),
    ],
)
def test_a_mistake_is_noticed_when_the_config_is_loaded(installed, name, message):
    with pytest.raises(UserError, match=message):
        norm(name)


def test_bnexp_norms_lists_it(installed, capsys):
    assert main(["norms"]) == 0
    assert "installed: their_package.layers:Right" in capsys.readouterr().out
