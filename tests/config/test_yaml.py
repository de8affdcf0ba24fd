"""YAML as people write it, and files that would do harm."""

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bnexp.config.mistakes import ConfigError
from bnexp.config.tree import plain
from bnexp.config.yaml import parse, read, scalar
from bnexp.errors import UserError

WORDS = ["no", "off", "yes", "on", "y", "none", "010", "1:30", "1_000", "0x10", "2020-01-01"]
NUMBERS = {"1e-3": 1e-3, "1E5": 1e5, "1.5e+3": 1500.0, ".5": 0.5, "5.": 5.0, "-3": -3, "+4": 4, "0": 0}
OTHERS = {"true": True, "FALSE": False, "null": None, "~": None, "": None, "'64'": "64", '"true"': "true"}


@pytest.mark.parametrize(("text", "value"), [*((word, word) for word in WORDS), *NUMBERS.items(), *OTHERS.items()])
def test_numbers_and_words_mean_what_people_mean(text, value):
    found = plain(parse(f"key: {text}", "f"))["key"]
    assert found == value
    assert type(found) is type(value)


@given(st.integers(-(10**17), 10**17) | st.floats(allow_nan=False, allow_infinity=False))
def test_every_number_that_python_prints_is_read_as_that_number(number):
    found = scalar(repr(number))
    assert found == number
    assert type(found) is type(number)


@given(st.text(max_size=60))
def test_any_text_is_read_or_refused_with_a_place_in_it(text):
    mistakes = ()
    try:
        parse(text, "f")
    except ConfigError as error:
        mistakes = error.mistakes
    lines = len(re.split(r"\r\n|\r|\n", text))
    assert all(1 <= mistake.mark.line <= lines for mistake in mistakes)


def test_positions_are_those_of_an_editor():
    norm = parse("a: 1\nvariants:\n  bn:  {norm: batch}\n", "f").value["variants"].value["bn"].value["norm"]
    assert norm.key[1:] == (3, 9, 4)
    assert norm.mark[1:] == (3, 15, 5)


REFUSED = [
    # a text, and one line for each mistake in it
    ("a: 1\nb: 2\na: 3", "3:1: duplicate key 'a'; first on line 1"),
    ("a: {b: 1, b: 2}", "1:11: duplicate key 'b'; first on line 1"),
    (
        "a: !!python/object/apply:os.system [ls]\nb: !x 3",
        "1:4: tags, here !!python/object/apply:os.system, are not taken\n2:4: tags, here !x, are not taken",
    ),
    ("1: a", '1:1: a key must be text, not 1; write it in quotes: "1"'),
    ("null: a", '1:1: a key must be text, not null; write it in quotes: "null"'),
    ("[a]: b", "1:1: a key must be text, not a list or a block"),
    ("<<: {a: 1}", "1:1: merge keys `<<` are not taken; variants change the rest already"),
    ("a: .inf", "1:4: a number must be finite, not .inf"),
    ("a: .NaN", "1:4: a number must be finite, not .NaN"),
    ("a: 1e400", "1:4: 1e400 is too large a number"),
    ("a: 1" + "0" * 5000, "1:4: 10000000000000000000 is too large a number"),
    ("a:\n\tb: 1", "2:1: a tab cannot indent; use spaces"),
    ("a: \x07", "1:4: the character U+0007 is not taken; delete it"),
    ("a: 1\n---\nb: 2", "2:1: a file holds one config; remove the second `---`"),
    ("a: [1, 2\nb: 3", "2:2: a ',' or the closing ']' is missing before this (it began on line 1)"),
    ('a: "b\nc: 1', "2:5: the text ends within quotes; close them (it began on line 1)"),
    ("a: b: c", "1:5: a ':' is not expected here; check the indentation, or put text that holds ': ' in quotes"),
    ("a:\n  b: 1\n c: 2", "3:2: the indentation does not fit the lines above (it began on line 1)"),
    ("a: @b", "1:4: text that starts with '@' stands in quotes"),
    ("a: *b", "1:4: found undefined alias 'b'"),
    ("a: &a [*a]", "1:4: its aliases expand to more than 32 levels of nesting"),
]


@pytest.mark.parametrize(("text", "messages"), REFUSED)
def test_text_that_is_refused(text, messages):
    with pytest.raises(ConfigError) as caught:
        parse(text, "f")
    assert [str(one).splitlines()[0] for one in caught.value.mistakes] == [f"f:{one}" for one in messages.splitlines()]


def test_aliases_are_taken():
    assert plain(parse("a: &x {b: 1}\nc: *x", "f")) == {"a": {"b": 1}, "c": {"b": 1}}


LAUGHS = "a0: &a0 [x, x, x, x, x, x, x, x, x]\n" + "".join(
    f"a{k}: &a{k} [{', '.join([f'*a{k - 1}'] * 9)}]\n" for k in range(1, 12)
)
BOMBS = {
    "billion laughs": (LAUGHS, "aliases expand to more than 60,000 values"),
    "brackets": ("[" * 900_000, "nested more than 32 levels deep"),
    "braces": ("{a: " * 200_000, "nested more than 32 levels deep"),
    "dashes": ("- " * 400_000, "nested more than 32 levels deep"),
    "many values": ("a: [" + "1," * 400_000 + "]", "holds more than 50,000 values"),
}


@pytest.mark.timeout(60)  # expanded, the laughs take hours and all memory; refused, a third of a second
@pytest.mark.parametrize(("text", "limit"), BOMBS.values(), ids=BOMBS)
def test_a_yaml_bomb_is_refused_at_once(text, limit):
    with pytest.raises(ConfigError, match=limit):
        parse(text, "f")


NO_CONFIGS = {
    "empty": (b"", "c.yaml: is empty; a config needs at least `variants`"),
    "comment": (b"# nothing yet\n", "c.yaml: is empty; a config needs at least `variants`"),
    "list": (b"- a\n- b\n", "c.yaml:1:1: a config is a mapping of keys, such as `variants:`, at its top"),
    "word": (b"hello", "c.yaml:1:1: a config is a mapping of keys, such as `variants:`, at its top"),
    "latin-1": (b"a: 1\nb: caf\xe9\n", "c.yaml:2:7: is not UTF-8 (byte 0xe9); save it with the encoding UTF-8"),
    "utf-16": ("a: 1".encode("utf-16"), "c.yaml:1:1: is not UTF-8 (byte 0xff); save it with the encoding UTF-8"),
    "large": (b"a: 1\n" * 200_001, "c.yaml: is larger than 1,000,000 bytes; is it a config?"),
}


@pytest.mark.parametrize(("content", "message"), NO_CONFIGS.values(), ids=NO_CONFIGS)
def test_a_file_that_is_no_config(tmp_path, monkeypatch, content, message):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "c.yaml").write_bytes(content)
    with pytest.raises(UserError) as caught:
        read((tmp_path / "c.yaml").relative_to(tmp_path))
    assert str(caught.value).splitlines()[0] == message


def test_a_byte_order_mark_is_taken(tmp_path):
    (tmp_path / "c.yaml").write_bytes(b"\xef\xbb\xbfa: 1")
    assert plain(read(tmp_path / "c.yaml")[0]) == {"a": 1}


def test_a_missing_file_names_its_neighbour_and_a_folder_is_none(tmp_path):
    (tmp_path / "mnist.yaml").touch()
    with pytest.raises(UserError, match=r"mnst\.yaml: there is no such file; did you mean .*/mnist\.yaml\?"):
        read(tmp_path / "mnst.yaml")
    with pytest.raises(UserError, match="is a folder; give a file in it"):
        read(tmp_path)
