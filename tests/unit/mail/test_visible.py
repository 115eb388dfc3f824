import json
import unicodedata

import pytest

from pillarbox.mail.visible import has_hidden, has_ignorable, is_blank, visible, visible_json, visible_lines

HIDDEN = [
    *range(0x20), *range(0x7F, 0xA0), 0x061C, 0x200E, 0x200F, *range(0x2028, 0x202F), *range(0x2066, 0x206A),
    0xD800, 0xDFFF,
]  # fmt: skip


@pytest.mark.parametrize("code", HIDDEN)
def test_what_would_not_be_seen_is_an_escape(code: int) -> None:
    shown = visible(f"a{chr(code)}b")
    assert shown in (f"a\\x{code:02x}b", f"a\\u{code:04x}b")
    assert has_hidden(chr(code))
    shown.encode()
    text = visible_json(json.dumps({"x": f"a{chr(code)}b"}, ensure_ascii=False))
    assert json.loads(text) == {"x": f"a{chr(code)}b"}
    assert not has_hidden(text)


def test_no_other_character_is_changed() -> None:
    rest = "".join(chr(code) for code in range(0x11000) if code not in HIDDEN and not 0xD800 <= code < 0xE000)
    assert visible(rest) == visible_lines(rest) == rest
    assert not has_hidden(rest)


def test_all_of_unicodes_bidirectional_controls_are_hidden() -> None:
    controls = {"LRE", "RLE", "PDF", "LRO", "RLO", "LRI", "RLI", "FSI", "PDI", "B", "S"}
    for code in range(0x11000):
        if unicodedata.bidirectional(chr(code)) in controls:
            assert has_hidden(chr(code)), hex(code)


def test_lines_put_together_here_stay_lines() -> None:
    assert visible_lines("a\n\tb\r\n\x1b[2J") == "a\n\tb\\x0d\n\\x1b[2J"
    assert visible("a\nb") == "a\\x0ab"


@pytest.mark.parametrize("text", ["", " ", "\u200b", "\u00ad \u3164", "\U000e0041\ufe0f"])
def test_what_has_nothing_to_be_seen_is_blank(text: str) -> None:
    assert is_blank(text)
    assert has_ignorable(text) == (not text.isascii())


@pytest.mark.parametrize("text", ["a", "é", "न", "漢", "😀", "\U000e1000", "-"])
def test_what_can_be_seen_is_not_blank(text: str) -> None:
    assert not is_blank(f"\u200b{text}")
    assert not has_ignorable(text)
    assert has_ignorable(f"{text}\u200d")
