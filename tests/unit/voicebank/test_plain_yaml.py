"""YAML becomes mappings, lists and text, and nothing in it can crash or choke the process."""

from __future__ import annotations

import pytest

from cantilena.voicebank.plain_yaml import PlainYamlError, parse_yaml


def test_everything_stays_text():
    assert parse_yaml("a: no\nb: [10, ~, 1.0]\nc: {d: 'x y', e: !!int 5}\n") == {
        "a": "no",
        "b": ["10", "~", "1.0"],
        "c": {"d": "x y", "e": "5"},
    }


def test_references_are_followed():
    assert parse_yaml("a: &x [1, {b: c}]\nd: *x\n") == {"a": ["1", {"b": "c"}], "d": ["1", {"b": "c"}]}


def test_the_last_of_two_equal_keys_wins():
    assert parse_yaml("a: 1\na: 2\n") == {"a": "2"}


def test_only_the_first_document_counts():
    assert parse_yaml("a: 1\n---\nb: [\n") == {"a": "1"}


def test_nothing_is_none():
    assert parse_yaml("# nothing\n") is None


LAUGHS = "a: &a [lol]\n" + "".join(f"b{k}: &b{k} [{', '.join([f'*b{k - 1}' if k else '*a'] * 10)}]\n" for k in range(9))


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("[" * 1_000_000, "nests more than 100 levels"),
        ("- " * 200_000, "nests more than 100 levels"),
        ("? " * 200_000, "nests more than 100 levels"),
        ("\n".join(" " * k + "a:" for k in range(1000)), "nests more than 100 levels"),
        (LAUGHS, "holds more than 5000000 values"),
        ("a: &a [*a]", "contains the reference itself"),
        ("a: *nowhere", "is not there"),
        ("? [a, b]\n: c", "list or a mapping as a key"),
        ("a: [1\nb: 2", "not valid YAML at line 2"),
        ("a: \x07", "not valid YAML"),
    ],
)
def test_what_is_hostile_or_damaged_is_told(text, reason):
    with pytest.raises(PlainYamlError, match=reason):
        parse_yaml(text)
