"""The JSON schema that editors use."""

import json
from pathlib import Path

import jsonschema
import pytest

import bnexp
from bnexp.config.schema import json_schema, text
from bnexp.config.tree import plain
from bnexp.config.yaml import parse


@pytest.fixture(scope="module")
def validator():
    schema = json_schema()
    jsonschema.Draft202012Validator.check_schema(schema)
    return jsonschema.Draft202012Validator(schema)


def test_the_committed_schema_is_up_to_date():
    committed = Path(bnexp.__file__).with_name("experiment.schema.json")
    assert committed.read_text() == text(json_schema()) + "\n", f"bnexp schema > {committed}"
    assert json.loads(committed.read_text()) == json_schema()


@pytest.mark.parametrize(
    "text",
    [
        "norm: batch",
        "norm.name: batch",
        "variants: {none: {norm: none}, gn: {norm: {name: group, groups: 4}}, base: }",
        "variants: {a: {norm.groups: 4}, b: {norm: {epsilon: 1e-5}}, c: {training.optimizer: sgd}}",
        "variants: {a: {norm: layer}}\ngrid: {training.batch_size: [2], norm: [batch, {name: group}]}\nseeds: [3, 4]",
        "norm: none\ndata: my.module:load\ntraining: {optimizer: sgd}\nzip: {training.epochs: [1], data.train: [null]}",
        "norm: none\nmodel: {strides: [1, 2, 1], dropout_place: after-norm, initializer: he_normal}",
        "norm: none\nmodel: {name: mlp, width: 9, initializer: {name: normal, stddev: 1}}\ngrid: {model.depth: [1]}",
        "variants: {a: {norm.layers: inputs, model.initializer.stddev: 1}, b: {model.recurrent_initializer: identity}}",
        "norm: none\nmodel: lstm\ngrid: {model.initializer: [normal, {gain: 2}], model.sequence: [columns, pixels]}",
        "norm: none\npublished: [{value: 99, source: x}, {value: 98.5, source: y, variant: none}]",
        "norm: none\ninclude: [{variant: none, training.epochs: 3}]\nexclude: [{variant: [a, b]}]\nname: x\nabout: y",
    ],
)
def test_it_takes_what_loading_takes(validator, text):
    assert [error.message for error in validator.iter_errors(plain(parse(text, "f")))] == []


@pytest.mark.parametrize(
    "text",
    [
        "about: no variants",
        "norm: btch",
        "norm: batch\nbatch_size: 3",
        "norm: batch\ntraining: {batchsize: 3}",
        "norm: batch\ntraining.batch_size: 0",
        "norm: batch\nmodel.strides: [1, 0]",
        "norm: batch\nmodel.strides: two",
        "norm: batch\nmodel: {initializer: he}",
        "norm: batch\nmodel: {initializer: {name: normal, stddev: 0}}",
        "norm: batch\nmodel.recurrent_initializer: he_normal",
        "norm: batch\ndata: {source: abc}",
        "norm: batch\ngrid: {training.batch_size: []}",
        "norm: batch\ngrid: {}",
        "norm: batch\nseeds: 0",
        "norm: batch\npublished: 99.2",
        "norm: batch\npublished: [{value: 0.992, source: x}]",
        "norm: batch\npublished: [{value: 99.2}]",
        "variants: {}",
        "variants: {a: batch}",
    ],
)
def test_it_refuses_what_loading_refuses(validator, text):
    assert not validator.is_valid(plain(parse(text, "f")))
