"""Texts that are derived from the options."""

import re

import pytest

from pillarbox.config.file import parse
from pillarbox.config.options import options
from pillarbox.config.schema import Config, sections
from pillarbox.config.text import example, page, toml, written
from tests.kit.paths import ROOT


def test_the_example_is_a_file_of_defaults() -> None:
    least = parse('hostname = "mail.example.org"\ndomain = "example.org"', ROOT / "x.toml")

    assert parse(example(), ROOT / "x.toml") == least


def test_each_commented_option_of_the_example_is_valid() -> None:
    uncommented = re.sub(r"^# ([a-z_]+ = |\[\[)", r"\1", example(), flags=re.MULTILINE)

    config = parse(uncommented, ROOT / "x.toml")

    assert config.relay.smart_host == "relay.example.net:587"
    assert len(config.certificates) == 1


def test_the_page_names_every_option() -> None:
    text = page()
    for section in (Config, *(section for _, section, _ in sections())):
        for option in options(section):
            assert f"| `{option.name}` |" in text
            assert option.description.sentence in text


def test_a_written_file_can_be_read() -> None:
    text = written(
        {"hostname": "mx.example.org", "domain": "example.org", "user": 'm"x', "workers": 2},
        {"[listen]": {"imap": ["*:1"]}},
    )

    config = parse(text, ROOT / "x.toml")

    assert (config.user, config.workers, config.listen.imap) == ('m"x', 2, ("*:1",))


@pytest.mark.parametrize(
    ("value", "text"),
    [(True, "true"), (3, "3"), ("ü", '"ü"'), ((), "[]"), ({}, "{}"), ({"a": "b"}, '{ "a" = "b" }')],
)
def test_values_as_toml(value: object, text: str) -> None:
    assert toml(value) == text
