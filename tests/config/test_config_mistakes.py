"""Wrong configs and what is said of them: the first line of each mistake, in the order of the file."""

import pytest

from bnexp.config.load import from_mapping, load, load_many
from bnexp.config.mistakes import ConfigError
from bnexp.errors import UserError
from bnexp.specs.norms.table import METHODS
from bnexp.specs.probes import PROBES

WITH_GROUPS = "only 'group', 'weight-standardized-group', 'evonorm-s0' have"
KNOWN_NORMS = f"{', '.join(METHODS)}, or your own module:Class"
TOP = (
    "name, about, variants, grid, zip, include, exclude, seeds, baseline, baselines, primary, margin, published, "
    "claims, probes, data, model, norm, training"
)
PROBE_NAMES = ", ".join(PROBES)
DATASETS = "mnist, mnist-5k, fashion-mnist, cifar10, or your own module:function"
INITIALIZERS = (
    "glorot_uniform, glorot_normal, he_uniform, he_normal, lecun_normal, orthogonal, normal, truncated_normal, "
    "uniform, variance_scaling, identity"
)
AXES_HINT = "write dotted keys with lists, as in `training.batch_size: [16, 64]`"
VARIANTS_HINT = "write a name and its changes on each line, as in `bn: {norm: batch}`"
MARGIN_HINT = "write a number, of accuracies percentage points, as in `margin: 0.1`"
PUBLISHED_HINT = "write a list, as in `- {value: 99.2, source: LeCun et al. 1998, variant: none}`"
NO_NORM = "for none of them write the word `none`"
NAME_RULE = "letters, digits, '.', '_' and '-', at most 64, the first a letter, a digit or '_'"


@pytest.fixture
def mistakes(tmp_path, monkeypatch):
    """Messages of a config text, without the file's name."""
    monkeypatch.chdir(tmp_path)

    def found(text, **options):
        (tmp_path / "c.yaml").write_text(text)
        with pytest.raises(ConfigError) as caught:
            load((tmp_path / "c.yaml").relative_to(tmp_path), **options)
        assert caught.value.exit_code == 2
        return [str(mistake).splitlines()[0].removeprefix("c.yaml:") for mistake in caught.value.mistakes]

    return found


MODELS = "cnn, mlp, lstm, or your own module:function"
OPTIMIZERS = "adam, adamw, sgd, rmsprop, keras.optimizers:Class, or your own module:Class"

BESIDE_A_NORM = {
    # what stands below `norm: batch`, and the one mistake in it
    "training:\n    batchsize: 64": "3:5: unknown key 'batchsize'; did you mean 'batch_size'?",
    "batch_size: 64": "2:1: unknown key 'batch_size'; did you mean 'training.batch_size'?",
    "learning_rate: 1": "2:1: unknown key 'learning_rate'; did you mean 'training.optimizer.learning_rate'?",
    "zzz: 1": f"2:1: unknown key 'zzz'; known: {TOP}",
    "training.optimizer.lr: 3": "2:1: unknown key 'lr'; known: name, learning_rate, weight_decay, clipnorm, "
    "global_clipnorm, beta_1, beta_2, epsilon",
    "training: {filters: 3}": "2:12: unknown key 'filters' here; did you mean 'model.filters'?",
    "training: {optimizer: {name: adam, momentum: 0.9}}": (
        "2:36: optimizer 'adam' has no key 'momentum', only 'sgd', 'rmsprop' have"
    ),
    "probes: [smothness]": f"2:10: unknown probe 'smothness'; did you mean 'smoothness'? known: {PROBE_NAMES}",
    "probes: [activations, 5]": f"2:23: a probe must be a word or a block with a name, not 5; known: {PROBE_NAMES}",
    "probes: [{looks: 3}]": f"2:10: a probe is one of {PROBE_NAMES}",
    "probes: [{name: activations, loks: 3}]": "2:30: unknown key 'loks'; did you mean 'looks'?",
    "probes: [activations, {name: smoothness, looks: 1}]": "2:49: probes.1.looks must be at least 2, not 1",
    "probes: [activations, activations]": "2:9: probes has activations twice",
    "probes: smoothness": "2:9: probes must be a list, not the text 'smoothness'",
    "probes: [calibration]\ndata: {validation: 0}": (
        "2:9: calibration takes validation images, and data.validation is 0"
    ),
    "probes: [gradient-ratios]\nmodel: lstm": (
        "2:9: gradient-ratios compares successive hidden linear layers, and this model has 0"
    ),
    "probes: [covariate-shift]\nmodel: lstm": (
        "2:9: covariate-shift looks at the kernels of hidden layers, and those of this model are inside its cell"
    ),
    "probes: [{name: inference-latency, calls: 10}]": "2:43: probes.0.calls must be at least 30, not 10",
    "probes: [{name: inference-latency, looks: 3}]": (
        "2:36: probe 'inference-latency' has no key 'looks', only 'gradient-ratios', 'smoothness', 'covariate-shift' "
        "and 6 others have"
    ),
    "probe: [smoothness]": "2:1: unknown key 'probe'; did you mean 'probes'?",
    "grid: {probes: [[smoothness]]}": "2:8: 'probes' belongs to the top of the file: all variants have the same",
    "variants: {bn: {probes: [smoothness]}}": "2:17: 'probes' belongs to the top of the file, not to a variant",
    "data: {source: abc}": "2:8: data.source is filled in, not set; remove it",
    "training: {batch_size: 3}\ntraining.batch_size: 4": "3:1: duplicate key 'training.batch_size'; first on line 2",
    "training: {optimizer: AdamW}": f"2:23: unknown optimizer 'AdamW'; did you mean 'adamw'? known: {OPTIMIZERS}",
    "training: {optimizer: {name: lion}}": f"2:30: bnexp has no optimizer 'lion'; known: {OPTIMIZERS}",
    "training: {steps: 100, epochs: 3}": ("2:19: training.epochs says how long already; leave one of them out"),
    "training: {epochs: 3, procedure: federated}": (
        "2:20: the rounds of federated training say how long; leave it out"
    ),
    "training: {procedure: {name: federated, shards: skewed}}": (
        "2:49: training.procedure.shards must be written as iid or classes-2, not the text 'skewed'"
    ),
    "training: {procedure: {name: federated, clients: 5000}}": (
        "2:1: a batch of 64 is larger than the 10 training examples of a client (training.batch_size has its default)"
    ),
    "training: {steps: 0}": "2:19: training.steps must be at least 1, not 0",
    "training: {epochs: null}": "2:20: give training.epochs or training.steps",
    "training: {optimizer: {clipnorm: 1, global_clipnorm: 1}}": (
        "2:34: global_clipnorm shortens the same gradients; leave one of them out"
    ),
    "training: {schedule: {warmup: 99999}}": "2:31: a warm-up of 99999 steps, and the training has 8440",
    "training: {schedule: {name: step, at: [0.5, 9000]}}": (
        "2:39: a fall of the rate after 9000 steps, and the training has 8440"
    ),
    "training: {schedule: linear}": "2:22: unknown schedule 'linear'; known: constant, cosine, step",
    "training: {schedule: {name: constant, final: 0.1}}": (
        "2:39: schedule 'constant' has no key 'final', only 'cosine' has"
    ),
    "training: {class_weights: [0, 0, 0, 0, 0, 0, 0, 0, 0, 0]}": (
        "2:27: all are 0, so that nothing would be trained on"
    ),
    "training: {class_weights: [1, 2]}": "2:27: 2 weights, and mnist has 10 classes",
    "training: {label_smoothing: 1}": "2:29: training.label_smoothing must be less than 1, not 1",
    "model: resnet": f"2:8: bnexp has no model 'resnet'; known: {MODELS}",
    "training: {optimizer: sdg}": f"2:23: unknown optimizer 'sdg'; did you mean 'sgd'? known: {OPTIMIZERS}",
    "model: cnnn": f"2:8: unknown model 'cnnn'; did you mean 'cnn'? known: {MODELS}",
    "model: 3": f"2:8: model must be a word or a block with a name, not 3; known: {MODELS}",
    "data: mnst": f"2:7: unknown dataset 'mnst'; did you mean 'mnist'? known: {DATASETS}",
    "training: {epochs: 1.0}": "2:20: training.epochs must be a whole number, not 1.0; write 1",
    "training: {batch_size: '64'}": (
        "2:24: training.batch_size must be a whole number, not the text '64'; write 64 without quotes"
    ),
    "training: {batch_size: true}": "2:24: training.batch_size must be a whole number, not true",
    "training:\n  evaluations:\n    first_epoch: 10": (  # as up to protocol 2
        "4:5: training.evaluations must be a whole number, not a block of keys; "
        "such as 4: looks at the validation data per factor of two in steps, or rounds"
    ),
    "training: {batch_size: 0}": "2:24: training.batch_size must be at least 1, not 0",
    "training.epochs: 1_000": "2:18: training.epochs must be a whole number, not the text '1_000'; write 1000",
    "training.epochs: 010": "2:18: training.epochs must be a whole number, not the text '010'; write 10",
    "training.optimizer.learning_rate: 0": "2:35: training.optimizer.learning_rate must be greater than 0, not 0",
    "model: {filters: 3}": "2:18: model.filters must be a list, not 3",
    "model: {filters: [32, a]}": "2:23: model.filters.1 must be a whole number, not the text 'a'",
    "data: {validation: x}": "2:20: data.validation must be a number, not the text 'x'",
    "data: {validation: 1.5}": "2:20: a share lies below 1, not 1.5; a count is a whole number, as in 5000",
    "training: 5": "2:11: training must be a block of keys, not 5",
    "training:": "2:1: training must be a block of keys, not nothing (null); give it one, or remove it",
    "training.epochs.x: 3": "2:20: training.epochs must be a whole number, not a block of keys",
    "data: mnist-5k\ntraining: {batch_size: 4000}": "3:24: a batch of 4000 is larger than the 3600 training examples",
    "data: {train: 50}": (
        "2:15: a batch of 64 is larger than the 50 training examples (training.batch_size has its default)"
    ),
    "data: {validation: 60000}": "2:20: leaves 0 of 60000 examples to train on",
    "data: {validation: 5}": "2:20: 5 validation examples cannot hold each of the 10 classes; use more, or 0",
    "data: {train: 59000}": "2:15: 59000 examples, but after the validation split mnist has 54000",
    "model.kernel_size: 30": (
        "2:20: conv1 would see an image smaller than its 30x30 kernel; use a smaller kernel, "
        "fewer convolutions or pools, or padding: same"
    ),
    "model: {strides: x}": "2:18: model.strides must be a whole number, not the text 'x'",
    "model: {strides: [1, 0, 1]}": "2:22: model.strides.1 must be at least 1, not 0",
    "model: {strides: [1, 2]}": (
        "2:18: strides has 2 numbers, and filters 3; give one number for all, or one for each"
    ),
    "model:\n  strides: [1, 1, 2]\n  filters: [8]": (
        "3:12: strides has 3 numbers, and filters 1; give one number for all, or one for each"
    ),
    "model: {strides: 9}": "2:8: conv2 would see an image smaller than its 3x3 kernel; use a smaller kernel, fewer "
    "convolutions or pools, or padding: same",
    "model: {dropout: 0.2, dense: []}": (
        "2:18: nothing is dropped after-dense, for there are no hidden dense layers; give a dropout_place"
    ),
    "model: {dropout: 0.2, dropout_place: head}": "2:38: model.dropout_place must be after-dense, before-norm, "
    "after-norm or before-output, not the text 'head'",
    "model: {name: lstm, dropout_place: after-norm}": (
        "2:21: model 'lstm' has no key 'dropout_place', only 'cnn', 'mlp' have"
    ),
    "model: {initializer: he}": f"2:22: unknown initializer 'he'; known: {INITIALIZERS}",
    "model: {initializer: he_norm}": (
        f"2:22: unknown initializer 'he_norm'; did you mean 'he_normal'? known: {INITIALIZERS}"
    ),
    "model: {initializer: {name: normal, scale: 2}}": (
        "2:37: initializer 'normal' has no key 'scale', only 'variance_scaling' has"
    ),
    "model: {initializer: {name: normal, stddev: 0}}": "2:45: model.initializer.stddev must be greater than 0, not 0",
    "model: {initializer: {name: uniform, minval: 0.1}}": "2:22: minval (0.1) does not lie below maxval (0.05)",
    "model: {initializer: identity}": (
        "2:22: identity is for matrices, and the kernels of convolutions have four dimensions"
    ),
    "model: {name: lstm, recurrent_initializer: he_normal}": (
        "2:44: unknown recurrent_initializer 'he_normal'; known: orthogonal, identity"
    ),
    "model: {name: mlp, depth: 3}": (
        "2:27: depth goes with width; give both, or widths alone (model.width has its default)"
    ),
    "model: {name: mlp, width: 3}": (
        "2:27: width goes with depth; give both, or widths alone (model.depth has its default)"
    ),
    "model: {name: mlp, width: 100, depth: 0}": "2:39: model.depth must be at least 1, not 0",
    "model: {name: mlp, width: 100, depth: 2, widths: [256, 128]}": (
        "2:50: width 100 and depth 2 say otherwise; leave one of them out"
    ),
    "model: {name: lstm, sequence: columns, order: permuted}": "2:47: only pixels are permuted, not columns",
    "model: {name: lstm, downsample: 3}": (
        "2:8: images of 28x28 pixels do not divide into blocks of 3x3; set downsample"
    ),
    "margin: 0": f"2:9: margin must be greater than 0, not 0; {MARGIN_HINT}",
    "margin: 0.1 points": f"2:9: margin must be a number, not the text '0.1 points'; {MARGIN_HINT}",
    "published:": f"2:1: published is empty; {PUBLISHED_HINT}",
    "published: 99.2": f"2:12: published must be a list, not 99.2; {PUBLISHED_HINT}",
    "published: [99.2]": f"2:13: published.0 must be a block of keys, not 99.2; {PUBLISHED_HINT}",
    "published: [{value: 99.2}]": f"2:13: published.0 lacks a 'source'; {PUBLISHED_HINT}",
    "published: [{value: 0.992, source: x}]": (
        f"2:21: published.0.value must be greater than 1, not 0.992; {PUBLISHED_HINT}"
    ),
    "published: [{value: 99, source: x, varaint: a}]": (
        f"2:36: unknown key 'varaint'; did you mean 'variant'?; {PUBLISHED_HINT}"
    ),
    "published: [{value: 99, source: x, variant: a}]": "2:45: unknown variant 'a'; known: batch",
    "grid: {training.batch_sze: [1]}": "2:8: unknown key 'training.batch_sze'; did you mean 'training.batch_size'?",
    "grid:": f"2:1: grid is empty; {AXES_HINT}",
    "grid: {}": f"2:7: grid is empty; {AXES_HINT}",
    "grid: {training.epochs: []}": f"2:25: grid.training.epochs is empty; {AXES_HINT}",
    "grid: {training.epochs: 3}": f"2:25: grid.training.epochs must be a list, not 3; {AXES_HINT}",
    "grid: {training: {epochs: [3]}}": f"2:18: grid.training must be a list, not a block of keys; {AXES_HINT}",
    "grid: {training.epochs: [3, 5, 3]}": "2:32: training.epochs has this value twice",
    f"grid: {{training.epochs: {list(range(1, 400))}, training.batch_size: {list(range(1, 400))}}}": (
        "2:7: the grid has 159,201 points; at most 100,000 are taken"
    ),
    "zip: {training.epochs: [1, 2], data.train: [100]}": (
        "2:44: the lists of `zip` advance together, so they have one length; "
        "'data.train' has 1, 'training.epochs' has 2"
    ),
    "grid: {training.epochs: [1]}\nzip: {training.epochs: [2]}": (
        "3:7: 'training.epochs' is a key of `grid` too; keep one of them"
    ),
    "include: [{variant: x}]": "2:21: unknown variant 'x'; known: batch",
    "include: [{variant: 3}]": "2:21: variant takes a name or a list of names, not 3",
    "include: [{}]": "2:11: an entry of `include` is empty; give it keys",
    "include: {training.epochs: 3}": (
        "2:10: include must be a list, not a block of keys; "
        "write a list of points, as in `- {variant: bn, training.batch_size: 512}`"
    ),
    "include: [{training.epoch: 3}]": "2:12: unknown key 'training.epoch'; did you mean 'training.epochs'?",
    "exclude: [{training.epochs: 99}]": (
        "2:11: excludes nothing; every key of an entry must match a point, so check its values"
    ),
    "exclude: [{training.epochs: 10}]": "2:10: leaves no point of the experiment",
    "seeds: 0": "2:8: seeds, as a number, is from 1 to 100,000, not 0; one seed is a list: [0]",
    "seeds: ten": "2:8: seeds is a number of seeds or a list of them, not the text 'ten'",
    "seeds: []": "2:8: seeds is empty; give at least one",
    "seeds: [3, 4, 3]": "2:15: the seed 3 stands here twice",
    "seeds: [-1]": "2:9: a seed is a whole number from 0 to 2147483648, not -1",
    "name: ../x": f"2:7: name takes {NAME_RULE}; not '../x'",
    "name: .hidden": f"2:7: name takes {NAME_RULE}; not '.hidden'",
    "name: 3": "2:7: name must be text, not 3; name the experiment with a word",
}

ONE_MISTAKE = {
    **{f"norm: batch\n{text}": message for text, message in BESIDE_A_NORM.items()},
    "norm: {name: batch, groups: 4}": f"1:21: norm 'batch' has no key 'groups', {WITH_GROUPS}",
    "variants: {a: {norm: batch, norm.name: layer}}": "1:29: duplicate key 'norm.name'; first on line 1",
    "norm: btch": f"1:7: unknown normalization 'btch'; did you mean 'batch'? known: {KNOWN_NORMS}",
    "norm: zzz": f"1:7: unknown normalization 'zzz'; known: {KNOWN_NORMS}",
    "norm: {name: BatchNorm}": f"1:14: unknown normalization 'BatchNorm'; did you mean 'batch'? known: {KNOWN_NORMS}",
    "norm: {name: 5}": f"1:14: a normalization is one of {KNOWN_NORMS}",
    "norm: {name: null}": f"1:14: a normalization is one of {KNOWN_NORMS}; {NO_NORM}",
    "norm: null": (
        f"1:7: norm must be a word or a block with a name, not nothing (null); known: {KNOWN_NORMS}; {NO_NORM}"
    ),
    "norm: {name: batch, place: before_activation}": (
        "1:28: norm.place must be before-activation, after-activation, inputs or in-cell, not the text "
        "'before_activation'; "
        "did you mean 'before-activation'?"
    ),
    "norm: instance\nnorm.layers: all": "2:14: norm.layers must be conv, not the text 'all'",
    "norm: {name: batch, momentum: 1}": "1:31: norm.momentum must be less than 1, not 1",
    "norm: {use_bias: no}": "1:18: norm.use_bias must be true or false, not the text 'no'; write false",
    "norm: {name: group, groups: 7}": "1:29: 7 groups do not divide the 32 channels of conv1",
    "variants: {a: {norm: group}}\nmodel: {filters: [30]}": (
        "1:16: 8 groups do not divide the 30 channels of conv1 (norm.groups has its default)"
    ),
    "variants: {a: {}, b: {data.train: 20}}\ngrid: {training.batch_size: [64]}": (
        "2:30: a batch of 64 is larger than the 20 training examples (in variant 'b')"
    ),
    "about: x": "1:1: has neither `variants` nor a `norm`; add one, as in `variants: {bn: {norm: batch}}`",
    "variants: {}": f"1:11: variants is empty; {VARIANTS_HINT}",
    "variants:": f"1:1: variants is empty; {VARIANTS_HINT}",
    "variants: [a, b]": f"1:11: variants must be a block of keys, not a list; {VARIANTS_HINT}",
    "variants: {a: batch}": (
        "1:15: variants.a must be a block of keys, not the text 'batch'; "
        "write its changes, as in `{norm: batch}`; empty means none"
    ),
    "variants: {'': {norm: batch}}": "1:12: a variant's name is printable text of 1 to 64 characters, not ''",
    'variants: {"a\\e": {}}': "1:12: a variant's name is printable text of 1 to 64 characters, not 'a\\x1b'",
    "variants: {a: {seeds: 3}}": "1:16: 'seeds' belongs to the top of the file, not to a variant",
    "norm: none\nvariants: {none: {}}\nbaselines: [n]": "3:13: baselines: unknown variant 'n'; known: none",
    "variants: {a: {}, b: {norm: layer}}\nbaselines: [a, a]": "2:16: the variant 'a' stands here twice",
    "variants: {a: {}}\nbaselines: [a]\nbaseline: a": "2:1: `baseline` is given too; keep one of them",
    "variants: {a: {}}\nbaselines: []": (
        "2:12: baselines is empty; write a list of variants, as in `baselines: [none, bn]`"
    ),
    "variants: {a: {}}\nprimary: accuracy": (
        "2:10: primary: unknown metric 'accuracy'; did you mean 'test-accuracy'? known: test-accuracy, "
        "recalibrated-accuracy, validation-accuracy, test-loss, validation-loss, train-loss, "
        "best-rate-accuracy, steps-to-99"
    ),
    "variants: {a: {}}\nprimary: best-rate-accuracy": (
        "2:10: primary: best-rate-accuracy needs several learning rates; put training.optimizer.learning_rate into the "
        "grid"
    ),
    "variants: {a: {}}\nprimary: steps-to-98\ndata: {validation: 0}": (
        "2:10: primary: steps-to-98 takes validation images; data.validation is 0"
    ),
    "variants: {a: {}}\nprimary: steps-to-98\nmargin: 1": (
        "3:9: margin: steps-to-98 has none; times are not tested for equivalence"
    ),
    "variants: {none: {}}\nbaseline: nne": "2:11: baseline: unknown variant 'nne'; did you mean 'none'? known: none",
    "variants: {none: {}, gn: {norm: group}}\ngrid: {norm.groups: [2, 4]}": (
        f"2:8: norm 'none' has no key 'groups', {WITH_GROUPS} (in variant 'none')"
    ),
    "variants: {a: {norm: batch}, b: {}}\nexclude: [{norm: batch}]": (
        "2:10: leaves no point of the variant 'a'; remove the variant instead"
    ),
    # a mistake in the base that every variant covers
    "norm: btch\nvariants: {a: {norm: batch}, b: {norm: layer}}": (
        f"1:7: unknown normalization 'btch'; did you mean 'batch'? known: {KNOWN_NORMS}"
    ),
    # what a mistake leaves in its place, nothing or a default, is no second one
    "variants:\n  1: {norm: none}\n": '2:3: a key must be text, not 1; write it in quotes: "1"',
    "norm: batch\ndata: !!set [a]": "2:7: tags, here !!set, are not taken",
    "norm: batch\ndata.train: 50\ntraining.batch_size: x": (
        "3:22: training.batch_size must be a whole number, not the text 'x'"
    ),
}


@pytest.mark.parametrize(("text", "message"), ONE_MISTAKE.items(), ids=ONE_MISTAKE.values())
def test_one_mistake(mistakes, text, message):
    assert mistakes(text) == [message]


def test_the_line_and_a_caret_stand_below_the_message(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "a.yaml").write_text("norm: batch\ntraining:\n    batchsize: 64\n")
    with pytest.raises(ConfigError) as caught:
        load((tmp_path / "a.yaml").relative_to(tmp_path))
    assert str(caught.value) == (
        "a.yaml:3:5: unknown key 'batchsize'; did you mean 'batch_size'?\n"
        "     3 |     batchsize: 64\n"
        "       |     ^^^^^^^^^"
    )


def test_all_mistakes_are_reported_at_once_in_the_order_of_the_file(mistakes):
    text = """\
data: {name: mnst, validation: 2.0}
training: {epochs: 0, batchsize: 3}
variants:
  a: {norm: btch}
  b: {norm: {name: group, groups: 7}}
grid: {training.batch_size: [16, '64']}
baseline: c
seeds: 0
"""
    places = [message.split(": ")[0] for message in mistakes(text)]
    assert places == ["1:14", "1:32", "2:20", "2:23", "4:13", "5:35", "6:34", "7:11", "8:8"]


def test_a_duplicate_key_hides_no_other_mistake(mistakes):
    assert mistakes("variants:\n  a: {norm: batch}\n  a: {norm: layer}\nbaseline: b\nseeds: .inf\n") == [
        "3:3: duplicate key 'a'; first on line 2",
        "4:11: baseline: unknown variant 'b'; known: a",
        "5:8: a number must be finite, not .inf",
    ]


def test_a_file_name_that_cannot_name_results_is_refused(tmp_path):
    (tmp_path / "my config.yaml").write_text("norm: batch")
    message = r"the file's name 'my config' is not a valid .* add `name:` to the file, or use --name"
    with pytest.raises(ConfigError, match=message):
        load(tmp_path / "my config.yaml")
    assert load(tmp_path / "my config.yaml", name="mine").name == "mine"


@pytest.mark.parametrize(
    ("option", "message"),
    [
        ("training.epochs", "takes key=value, as in training.batch_size=32"),
        ("training.epoch=3", "unknown key 'training.epoch'; did you mean 'training.epochs'?"),
        ("training.epochs=three", "training.epochs must be a whole number, not the text 'three'"),
        ("training.epochs=[1", "a ',' or the closing ']' is missing before this"),
        ("name=x", "the name is set with --name"),
        ("grid.training.epochs=[1, 2]", "cannot change `grid`; edit the file"),
        (
            "training.batch_size=8",
            "training.batch_size is varied by the grid, so it cannot be set; edit the file, or use --only",
        ),
        ("seeds=0", "seeds, as a number, is from 1 to 100,000, not 0; one seed is a list: [0]"),
        ("baseline=x", "baseline: unknown variant 'x'; known: batch"),
        ("norm.groups=4", f"norm 'batch' has no key 'groups', {WITH_GROUPS}"),
    ],
)
def test_mistakes_in_set(mistakes, option, message):
    text = "norm: batch\ngrid: {training.batch_size: [2, 4]}"
    assert mistakes(text, sets=[option], name="other") == [f"--set {option}: {message}"]


def test_set_wants_a_name(tmp_path):
    (tmp_path / "c.yaml").write_text("norm: batch")
    with pytest.raises(UserError, match="--set changes the spec; give its results a name of their own with --name"):
        load(tmp_path / "c.yaml", sets=["training.epochs=3"])


def test_the_mistakes_of_several_files_come_together(tmp_path):
    (tmp_path / "a.yaml").write_text("norm: btch")
    (tmp_path / "b.yaml").write_text("norm: [")
    with pytest.raises(ConfigError) as caught:
        load_many([tmp_path / name for name in ("a.yaml", "b.yaml", "c.yaml")])
    places = [str(mistake).removeprefix(f"{tmp_path}/")[:9] for mistake in caught.value.mistakes]
    assert places == ["a.yaml:1:", "b.yaml:1:", "c.yaml: t"]


def test_two_files_with_one_name_are_a_mistake(tmp_path):
    for name in ("a.yaml", "b.yaml"):
        (tmp_path / name).write_text("name: same\nnorm: batch")
    message = r"b\.yaml: the name 'same' is that of .*/a\.yaml too; give one of them another"
    with pytest.raises(ConfigError, match=message):
        load_many([tmp_path / "a.yaml", tmp_path / "b.yaml"])


@pytest.mark.parametrize(
    ("mapping", "message"),
    [
        ({"norm": "zzz", "name": "x"}, f"norm: unknown normalization 'zzz'; known: {KNOWN_NORMS}"),
        ({"norm": "batch"}, "an experiment needs a name; give name=..., or the key 'name'"),
        (
            {"name": "x", "variants": {"a": {"data.train": "3"}}},
            "variants.a.data.train: data.train must be a whole number, not the text '3'; write 3 without quotes",
        ),
        (
            {"name": "x", "norm": "batch", "training": {"optimizer": {"learning_rate": float("nan")}}},
            "training.optimizer.learning_rate: training.optimizer.learning_rate must be a finite number, not nan",
        ),
    ],
)
def test_a_python_user_gets_the_same_messages(mapping, message):
    with pytest.raises(ConfigError) as caught:
        from_mapping(mapping)
    assert str(caught.value) == message
