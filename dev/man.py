"""Manual pages from the pages of `docs/operate/` that are generated: the same words, as `man` shows them.

Knows the Markdown that `operate_pages.py` writes and no more: headings, paragraphs, lists, tables of options, code and
emphasis.
"""

import re
from collections.abc import Iterator

COMMENT = re.compile(r"^<!--.*-->$", re.MULTILINE)
INLINE = re.compile(r"`([^`]+)`|\*([^*]+)\*|\[([^]]+)\]\([^)]+\)")
CELLS = re.compile(r"(?<!\\)\|")


def page(name: str, section: int, summary: str, markdown: str) -> str:
    """The page `NAME(SECTION)`, in the macros of man(7)."""
    lines = [
        f'.TH "{name.upper()}" {section} "" "Pillarbox" "Pillarbox"',
        ".SH NAME",
        f"{name} \\- {_text(summary)}",
    ]
    _title, _, body = COMMENT.sub("", markdown).partition("\n")
    lines.append(".SH DESCRIPTION")
    for block in re.split(r"\n{2,}", body.strip()):
        lines += _block(block.strip())
    return "\n".join(lines) + "\n"


def _block(block: str) -> Iterator[str]:
    if block.startswith("### "):
        yield f".SS {_text(block[4:])}"
    elif block.startswith("## "):
        yield f".SH {_text(block[3:]).upper()}"
    elif block.startswith("| "):
        for row in block.splitlines()[2:]:
            term, *cells = (cell.strip() for cell in CELLS.split(row)[1:-1])
            yield from _entry(term, _of_option(*cells))
    elif block.startswith("- "):
        for line in block.splitlines():
            term, _, text = line[2:].partition(": ")
            yield from _entry(term, text)
    elif block:
        yield ".PP"
        yield _line(block)


def _entry(term: str, text: str) -> Iterator[str]:
    yield ".TP"
    yield _line(term)
    yield _line(text)


def _of_option(kind: str, default: str, description: str, effect: str) -> str:
    return (
        f"{description} ({kind}; {'required' if default == 'required' else f'default: {default}'}; {effect})"
    )


def _line(text: str) -> str:
    """A line of text; one that begins like a request of roff is none."""
    line = _text(" ".join(text.split()))
    return rf"\&{line}" if line.startswith((".", "'")) else line


def _text(text: str) -> str:
    """With roff's own characters escaped, code in bold and emphasis in italics."""
    return INLINE.sub(_inline, text.replace("\\|", "|").replace("\\", "\\e").replace("-", "\\-"))


def _inline(found: re.Match[str]) -> str:
    code, emphasis, link = found.groups()
    return f"\\fI{emphasis}\\fR" if emphasis else f"\\fB{code}\\fR" if code else link
