"""What a right config becomes."""

import json
import subprocess
import sys

import pytest

from bnexp.config.load import from_mapping, load, load_many
from bnexp.config.mistakes import ConfigError
from bnexp.specs.experiment import cautions, plan
from bnexp.specs.initializer import HeNormal, Normal, Uniform
from bnexp.specs.norms.batch import BatchNorm
from bnexp.specs.norms.group import GroupNorm
from bnexp.specs.norms.layer import LayerNorm
from bnexp.specs.norms.none import NoNorm
from bnexp.specs.optimizer import Sgd
from bnexp.specs.schedule import StepDecay
from bnexp.specs.trial import Trial, TrialSpec

SIZE = "training.batch_size"
FIVE = """\
name: five
variants:
  none:    {norm: none}
  bn-pre:  {norm: {name: batch, place: before-activation}}
  bn-post: {norm: {name: batch, place: after-activation}}
  ln:      {norm: layer}
  gn:      {norm: {name: group, groups: 8}}
"""


def experiment(text, tmp_path, **options):
    (tmp_path / "c.yaml").write_text(text)
    return load(tmp_path / "c.yaml", **options)


def test_the_five_variants(tmp_path):
    found = experiment(FIVE, tmp_path)
    norms = [NoNorm(), BatchNorm(), BatchNorm(place="after-activation"), LayerNorm(), GroupNorm(groups=8)]
    assert [point.spec for point in found.points] == [TrialSpec(norm=norm) for norm in norms]
    assert found.variants == ("none", "bn-pre", "bn-post", "ln", "gn")
    assert (found.baseline, found.seeds) == ("none", tuple(range(10)))


def test_the_identity_of_the_reference_trial_never_changes(tmp_path):
    """Records in the world are found by this; a change of defaults needs a new protocol version instead."""
    of_protocol_3 = ["855f176647022b13", "68e9595f0fcc8110", "f9ccc25aa78dba65", "1737879f46c0e27c", "e719390d7c0bdb5a"]
    assert [Trial(point.spec, 0).identity[:16] for point in experiment(FIVE, tmp_path).points] == of_protocol_3


@pytest.mark.parametrize(
    ("blocks", "identity"),
    [
        ({"model": "mlp"}, "acf1739a8ae9a2c5"),
        ({"model": {"name": "mlp", "widths": [100] * 3, "initializer": "orthogonal"}}, "bf623d23189d1484"),
        ({"model": {"name": "cnn", "initializer": "he_normal", "dropout": 0.3}}, "8f33f82383e06f68"),
        ({"model": {"name": "cnn", "initializer": {"name": "he_normal"}, "dropout": 0.3}}, "8f33f82383e06f68"),
        ({"model": {"name": "lstm", "initializer": "lecun_normal"}}, "71cc527311b23471"),
        ({"model": "lstm", "norm": {"name": "batch", "layers": "rows"}}, "11ed5241a498acb2"),
    ],
)
def test_new_keys_of_a_model_leave_the_identity_of_the_old_ones(blocks, identity):
    assert Trial(TrialSpec.model_validate(blocks), 0).identity[:16] == identity


@pytest.mark.parametrize(
    "model",
    [
        {"name": "cnn", "strides": [1, 2, 1], "dropout": 0.2, "dropout_place": "before-norm"},
        {"name": "cnn", "strides": 2, "initializer": {"name": "uniform", "minval": -1, "maxval": 2}, "pools": 0},
        {"name": "mlp", "width": 100, "depth": 3, "initializer": {"name": "orthogonal", "gain": 2}},
        {"name": "lstm", "sequence": "pixels", "order": "permuted", "recurrent_initializer": "identity"},
        {"name": "lstm", "downsample": 2, "recurrent_initializer": {"name": "identity", "gain": 0.9}},
    ],
    ids=str,
)
def test_a_stored_spec_is_the_spec(model):
    """As a record or a plan has it, every key explicit."""
    spec = TrialSpec.model_validate({"model": model})
    again = TrialSpec.model_validate(json.loads(json.dumps(spec.model_dump(mode="json"))))
    assert again == spec
    assert Trial(again, 0).identity == Trial(spec, 0).identity


def test_width_and_depth_stand_for_widths():
    spec = TrialSpec.model_validate({"model": {"name": "mlp", "width": 100, "depth": 3}})
    assert spec.model.widths == (100, 100, 100)


def test_a_grid_over_depth_keeps_the_width_of_the_base():
    mlp = {"name": "mlp", "width": 100}
    found = from_mapping({"model": mlp, "norm": "none", "grid": {"model.depth": [1, 3]}}, name="x")
    assert [point.spec.model.widths for point in found.points] == [(100,), (100, 100, 100)]
    assert [point.coordinates for point in found.points] == [(("model.depth", 1),), (("model.depth", 3),)]


@pytest.mark.parametrize(
    ("change", "widths"),
    [
        ({"model.depth": 2}, (100, 100)),
        ({"model.width": 50}, (50, 50, 50)),
        ({"model.widths": [7]}, (7,)),
        ({"model": {"widths": [7, 8]}}, (7, 8)),
    ],
)
def test_a_variant_changes_width_or_depth_or_gives_widths_in_their_place(change, widths):
    base = {"name": "mlp", "width": 100, "depth": 3}
    found = from_mapping({"model": base, "variants": {"a": {}, "b": change}}, name="x")
    assert found.points[1].spec.model.widths == widths


def test_an_initializer_merges_as_any_named_block():
    base = {"name": "cnn", "initializer": {"name": "normal", "stddev": 0.1}}
    grid = {"model.initializer": ["he_normal", {"stddev": 0.2}, {"name": "uniform"}]}
    found = from_mapping({"model": base, "norm": "none", "grid": grid}, name="x")
    assert [point.spec.model.initializer for point in found.points] == [HeNormal(), Normal(stddev=0.2), Uniform()]
    labels = ["he_normal", "normal(stddev=0.2)", "uniform"]
    assert [dict(point.coordinates)["model.initializer"] for point in found.points] == labels


def test_the_margin_of_equivalence_is_no_part_of_a_trial(tmp_path):
    wide, usual = (experiment(f"{FIVE}{line}", tmp_path) for line in ("margin: 0.5\n", ""))
    assert (wide.margin, usual.margin) == (0.5, 0.1)
    assert wide.points == usual.points


def test_published_results_are_no_part_of_a_trial_nor_of_a_smoke_test(tmp_path):
    text = f"{FIVE}published:\n- value: 99\n  source: A\n- {{value: 98.5, source: B, variant: ln}}\n"
    found = experiment(text, tmp_path)
    assert [(each.value, each.source, each.variant) for each in found.published] == [(99, "A", None), (98.5, "B", "ln")]
    assert found.points == experiment(FIVE, tmp_path).points
    assert experiment(text, tmp_path, smoke=True).published == ()


def test_a_single_norm_is_an_experiment_of_one_variant(tmp_path):
    found = experiment("norm: batch", tmp_path)
    assert (found.name, found.variants, found.baseline) == ("c", ("batch",), "batch")


def test_variants_may_change_nothing_and_be_the_same(tmp_path):
    found = experiment("norm: layer\nvariants: {base: , bn: {norm: batch}, again: }", tmp_path)
    assert [point.spec.norm for point in found.points] == [LayerNorm(), BatchNorm(), LayerNorm()]


def test_every_written_key_reaches_the_spec(tmp_path):
    text = """\
about: all of it
data: {name: mnist-5k, validation: 500, train: 1000}
model: {name: cnn, filters: [8, 16], pools: 1, dense: [], activation: tanh}
norm: {name: group, groups: 4, epsilon: 1e-5, use_bias: false}
training: {batch_size: 10, epochs: 2, evaluations: 3, last_batch: drop}
training.optimizer: {name: sgd, learning_rate: 1, momentum: .9}
seeds: [7, 3]
"""
    found = experiment(text, tmp_path)
    spec = found.points[0].spec
    assert found.seeds == (7, 3)
    assert spec.model.filters == (8, 16)
    assert spec.norm == GroupNorm(groups=4, epsilon=1e-5, use_bias=False)
    assert spec.training.optimizer == Sgd(learning_rate=1.0, momentum=0.9)
    assert (spec.data.validation, spec.data.train, spec.training.last_batch) == (500, 1000, "drop")


def test_a_mapping_gives_the_experiment_of_the_file(tmp_path):
    post, group = {"name": "batch", "place": "after-activation"}, {"name": "group", "groups": 8}
    norms = {"none": "none", "bn-pre": {"name": "batch"}, "bn-post": post, "ln": "layer", "gn": group}
    mapping = {"variants": {name: {"norm": norm} for name, norm in norms.items()}}
    assert from_mapping(mapping, name="x").points == experiment(FIVE, tmp_path).points


def test_load_many_keeps_the_order(tmp_path):
    for name in ("b", "a"):
        (tmp_path / f"{name}.yaml").write_text("norm: batch")
    assert [found.name for found in load_many([tmp_path / "b.yaml", tmp_path / "a.yaml"])] == ["b", "a"]


class TestSet:
    """`--set` wins over the file, everywhere."""

    def test_over_the_base_and_over_every_variant(self, tmp_path):
        text = "training.epochs: 2\nvariants: {a: {norm: batch}, b: {norm: layer, training.epochs: 4}}"
        found = experiment(text, tmp_path, sets=["training.epochs=7", "norm.epsilon=1e-5"], name="n")
        assert [(point.spec.training.epochs, point.spec.norm.epsilon) for point in found.points] == [(7, 1e-5)] * 2

    def test_it_may_not_make_two_variants_one(self, tmp_path):
        text = "variants:\n  a: {norm: batch}\n  b: {norm: layer}"
        with pytest.raises(ConfigError, match=r":3:3: --set makes this variant the same as 'a', so that"):
            experiment(text, tmp_path, sets=["norm=group"], name="n")

    @pytest.mark.parametrize(
        ("option", "read"),
        [
            ("training.optimizer.learning_rate=1e-2", lambda spec: spec.training.optimizer.learning_rate == 0.01),
            ("model.filters=[4, 8]", lambda spec: spec.model.filters == (4, 8)),
            ("norm={name: group, groups: 4}", lambda spec: spec.norm == GroupNorm(groups=4)),
            ("data.train=null", lambda spec: spec.data.train is None),
            ("norm.use_bias=false", lambda spec: spec.norm.use_bias is False),
        ],
    )
    def test_values_are_those_of_yaml(self, tmp_path, option, read):
        found = experiment("norm: batch\ndata.train: 500", tmp_path, sets=[option], name="n")
        assert read(found.points[0].spec)

    def test_it_takes_the_keys_of_the_experiment_too(self, tmp_path):
        found = experiment(FIVE, tmp_path, sets=["seeds=[5, 6]", "baseline=ln", "margin=1"], name="n")
        assert (found.name, found.seeds, found.baseline, found.margin) == ("n", (5, 6), "ln", 1)

    def test_it_may_set_the_block_whose_key_the_grid_varies(self, tmp_path):
        text = "norm: batch\ngrid: {training.optimizer.learning_rate: [0.1, 0.2]}"
        found = experiment(text, tmp_path, sets=["training.optimizer=sgd"], name="n")
        optimizers = [point.spec.training.optimizer for point in found.points]
        assert optimizers == [Sgd(learning_rate=0.1), Sgd(learning_rate=0.2)]


class TestSmoke:
    """`--smoke` keeps every variant and makes everything else small."""

    def test_five_variants_of_mnist(self, tmp_path):
        found = experiment(FIVE, tmp_path, smoke=True)
        assert (found.name, found.seeds, len(found.points)) == ("five-smoke", (0, 1), 5)
        for point in found.points:
            assert (point.spec.data.name, point.spec.data.train, point.spec.training.epochs) == ("mnist-5k", 400, 1)

    def test_batch_sizes_from_2_to_512_keep_the_first_and_the_last(self, tmp_path):
        text = "norm: batch\nseeds: [4, 5, 6]\ngrid: {training.batch_size: [2, 8, 64, 512, 30000]}"
        found = experiment(text, tmp_path, smoke=True)
        assert found.seeds == (4, 5)
        assert [point.coordinates for point in found.points] == [((SIZE, 2),), ((SIZE, 3800),)]
        for point in found.points:
            assert point.spec.training.batch_size <= point.spec.data.train <= 3800

    def test_coordinates_are_what_is_trained(self, tmp_path):
        found = experiment("norm: batch\ngrid: {training.epochs: [3, 30, 300]}", tmp_path, smoke=True)
        assert [point.coordinates for point in found.points] == [(("training.epochs", 1),)]

    def test_a_variant_whose_corners_are_excluded_keeps_a_point(self, tmp_path):
        text = (
            "variants: {a: {norm: batch}, b: {norm: layer}}\ngrid: {training.batch_size: [2, 4, 8]}\n"
            "exclude: [{variant: b, training.batch_size: [2, 8]}]"
        )
        found = experiment(text, tmp_path, smoke=True)
        assert [(point.variant, point.coordinates[0][1]) for point in found.points] == [("a", 2), ("b", 4), ("a", 8)]

    def test_a_broken_config_is_refused_all_the_same(self, tmp_path):
        with pytest.raises(ConfigError, match="64 is larger than the 50"):
            experiment("norm: batch\ndata: {train: 50}\ntraining: {batch_size: 64}", tmp_path, smoke=True)

    def test_no_named_dataset_is_downloaded(self, tmp_path):
        (point,) = experiment("norm: batch\ndata: cifar10", tmp_path, smoke=True).points
        assert point.spec.data.name == "mnist-5k"

    def test_a_dataset_of_ones_own_stays(self, tmp_path):
        (tmp_path / "mine.py").write_text("def load(): ...")
        found = experiment("norm: batch\ndata: {name: 'mine:load', validation: 7}", tmp_path, smoke=True)
        data = found.points[0].spec.data
        assert (data.name, data.train, data.validation) == ("mine:load", 400, 7)


class TestOwnDataset:
    """`data: module:function` is found and hashed, and never run."""

    SOURCE = "raise SystemExit('imported')\ndef images(): ...\n"

    def test_beside_the_config_in_a_package_of_the_working_folder_or_installed(self, tmp_path, monkeypatch):
        configs, package = tmp_path / "configs", tmp_path / "my" / "data"
        for file in (configs / "digits.py", package / "__init__.py"):
            file.parent.mkdir(parents=True)
            file.write_text(self.SOURCE)
        monkeypatch.chdir(tmp_path)
        sources = []
        for name in ("digits:images", "my.data:images", "bnexp.specs.values:canonical"):
            found = experiment(f"norm: batch\ndata: {name}", configs)
            sources.append(found.points[0].spec.data.source)
        assert [source.split()[0] for source in sources[:2]] == ["digits.py", "my/data/__init__.py"]
        assert sources[2]
        assert found.search_path == (str(configs), str(tmp_path))

    def test_its_source_is_part_of_the_identity(self, tmp_path):
        identities = set()
        for source in (self.SOURCE, self.SOURCE + "changed = True\n"):
            (tmp_path / "digits.py").write_text(source)
            (point,) = experiment("norm: batch\ndata: digits:images", tmp_path).points
            identities.add(Trial(point.spec, 0).identity)
        assert len(identities) == 2

    @pytest.mark.parametrize(
        ("name", "message"),
        [
            ("digits:nothing", "digits.py defines no 'nothing' at its top level; it defines: images"),
            ("digts:images", r"yaml:1:7: no module 'digts' \(digts\.py or digts/__init__\.py\) in: .*, the installed"),
            ("broken:images", r"broken\.py is not Python that this version can read: invalid syntax \(line 1\)\n"),
            ("'digits:'", "a dataset of your own is written module:function, as in digits:load, not 'digits:'"),
            ("../digits:images", "a dataset of your own is written module:function"),
        ],
    )
    def test_what_is_not_there(self, tmp_path, name, message):
        (tmp_path / "digits.py").write_text(self.SOURCE)
        (tmp_path / "broken.py").write_text("def images(:")
        with pytest.raises(ConfigError, match=message):
            experiment(f"data: {name}\nnorm: batch", tmp_path)


CAUTIONED = "data: mnist-5k\ntraining: {{batch_size: {}}}\nmodel: {}\nvariants: {{v: {{norm: {}}}}}"
GHOST = "{name: ghost-batch, ghost_size: 16}"


@pytest.mark.parametrize(
    ("norm", "model", "batch_size", "expected"),
    [
        ("batch", "cnn", 1, ["dense1 is normalized to the constant β"]),
        ("{name: batch, place: after-activation}", "cnn", 1, ["dense1 is normalized to the constant β"]),
        ("mean-only-batch", "{name: mlp, widths: [8, 8]}", 1, ["dense1", "dense2"]),
        (GHOST, "{name: cnn, filters: [8], dense: []}", 8, ["no chunk of 16"]),
        ("batch", "lstm", 1, ["state is normalized"]),
        ("{name: batch, layers: conv}", "cnn", 1, []),
        ("batch", "cnn", 2, []),
        ("layer", "cnn", 1, []),
        ("none", "cnn", 1, []),
        (GHOST, "cnn", 16, []),
    ],
)
def test_cautions(tmp_path, norm, model, batch_size, expected):
    """What `validate` and `run` say of points that can be trained, but may surprise."""
    told = cautions(experiment(CAUTIONED.format(batch_size, model, norm), tmp_path))
    assert len(told) == len(expected)
    for text, part in zip(told, expected, strict=True):
        assert part in text
        assert text.startswith("c, variant v: ")


def test_23_what_holds_for_images_of_any_size_is_said_of_own_datasets_too(tmp_path):
    (tmp_path / "digits.py").write_text("def load(): ...")
    text = CAUTIONED.format(1, "cnn", "batch").replace("mnist-5k", "digits:load")
    (told,) = cautions(experiment(text, tmp_path))
    assert told.startswith("c, variant v: with one example a batch dense1 is normalized to the constant")


def test_variants_that_are_the_same(tmp_path):
    text = "variants: {a: {norm: none}, b: {norm: layer}, c: {norm: {name: layer, epsilon: 1e-3}}}"
    assert cautions(experiment(text, tmp_path)) == ["c, variant c: it is the same as b; nothing is compared"]


@pytest.mark.timeout(60)  # it takes a third of a second
def test_twenty_thousand_trials_load(tmp_path):
    rates = [round(0.001 * k, 3) for k in range(1, 101)]
    sizes = list(range(1, 21))
    text = f"norm: batch\ngrid: {{training.optimizer.learning_rate: {rates}, training.batch_size: {sizes}}}"
    found = experiment(text, tmp_path)
    assert sum(1 for _ in plan(found)) == 20_000


def test_loading_imports_nothing_heavy(tmp_path):
    (tmp_path / "c.yaml").write_text(FIVE)
    heavy = ["tensorflow", "keras", "pandas", "numpy", "matplotlib", "scipy", "rich", "jinja2", "mlxtend"]
    code = (
        "import sys; from pathlib import Path; from bnexp.config.load import load; "
        f"load(Path(sys.argv[1]), smoke=True); print([name for name in {heavy} if name in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code, tmp_path / "c.yaml"], stdout=subprocess.PIPE, check=True)
    assert done.stdout.strip() == b"[]"


def test_steps_and_epochs_take_each_others_place():
    """Whichever comes last says how long: in a variant, on the grid, on the command line, in the small version."""
    config = {
        "name": "c",
        "training": {"epochs": 3},
        "variants": {"a": {"norm": "none"}, "b": {"norm": "batch", "training.steps": 50}},
    }
    lengths = [(point.spec.training.epochs, point.spec.training.steps) for point in from_mapping(config).points]
    assert lengths == [(3, None), (None, 50)]
    found = from_mapping(config, sets=["training.epochs=2"], name="d")
    assert {(point.spec.training.epochs, point.spec.training.steps) for point in found.points} == {(2, None)}
    axis = {**config, "variants": {"a": {"norm": "none"}}, "grid": {"training.steps": [10, 20]}}
    assert [point.spec.training.steps for point in from_mapping(axis).points] == [10, 20]
    small = from_mapping(config, smoke=True)
    assert {(point.spec.training.epochs, point.spec.training.steps) for point in small.points} == {(1, None)}


def test_a_schedule_keeps_its_shape_in_the_small_version():
    schedule = {"name": "step", "warmup": 844, "at": [0.5, 4220]}
    config = {
        "name": "c",
        "training": {"schedule": schedule},
        "variants": {"a": {"norm": "none"}, "b": {"norm": "batch"}},
    }
    for point in from_mapping(config, smoke=True).points:
        assert point.spec.training.schedule == StepDecay(warmup=0.1, at=(0.5, 0.5))


def test_what_is_not_said_leaves_no_trace_in_an_identity():
    """Keys that came later: a trial of before has the identity that it had."""
    said = {"schedule": "constant", "label_smoothing": 0.0, "class_weights": None, "steps": None, "epochs": 10}
    explicit = TrialSpec.model_validate({"training": {**said, "optimizer": {"name": "adam", "clipnorm": None}}})
    assert Trial(explicit, 0).identity == Trial(TrialSpec(), 0).identity
    for key, value in {"steps": 8440, "schedule": "cosine", "label_smoothing": 0.1}.items():
        other = TrialSpec.model_validate({"training": {key: value}})
        assert Trial(other, 0).identity != Trial(TrialSpec(), 0).identity


def test_a_federation_has_a_batch_for_each_client_in_the_small_version():
    procedure = {"name": "federated", "clients": 20, "shards": "classes-2", "local_epochs": 5, "rounds": 50}
    config = {
        "name": "c",
        "training": {"procedure": procedure},
        "variants": {"a": {"norm": "none"}, "b": {"norm": "batch"}},
    }
    for point in from_mapping(config, smoke=True).points:
        training, examples = point.spec.training, point.spec.data.train
        assert training.length(examples) == training.steps_per_round(examples) == 1
        assert training.procedure.examples_of_client(examples) == training.batch_size == 64
