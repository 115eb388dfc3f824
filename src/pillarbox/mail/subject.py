"""Base subject: a subject without the markers of replies and forwards (RFC 5256 §2.1 and §5).

"All servers MUST use exactly this algorithm", so the steps below are those of the RFC, with its numbers. The input
has its encoded words decoded; the result keeps its case, and is compared after `collate`.
"""

import re
from typing import Final, NamedTuple

MAX_SUBJECT_CHARACTERS: Final = 2000
"""Longer subjects are cut before the base subject is extracted."""

_SPACE = re.compile(r"[ \t\r\n]+")
# subj-blob = "[" *BLOBCHAR "]" *WSP
_BLOB_PATTERN = r"\[[^\[\]]*+\] *+"
_BLOB = re.compile(_BLOB_PATTERN)
# subj-leader = (*subj-blob subj-refwd) / WSP, subj-refwd = ("re" / ("fw" ["d"])) *WSP [subj-blob] ":"
_LEADER = re.compile(rf"(?:{_BLOB_PATTERN})*(?:re|fwd?) *+(?:{_BLOB_PATTERN})?: *+", re.IGNORECASE | re.ASCII)
_MAY_LEAD: Final = ("[", "r", "R", "f", "F")
"""First characters of blobs and leaders."""
_TRAILER: Final = "(fwd)"
_FORWARD_HEAD: Final = "[fwd:"
_FORWARD_TAIL: Final = "]"


class BaseSubject(NamedTuple):
    """A subject reduced to its base."""

    text: str
    """The base subject; may be empty."""
    is_reply: bool
    """A marker of a reply or forward was removed (RFC 5256 §3, REFERENCES)."""


def base_subject(subject: str) -> str:
    """The base subject of a decoded subject; may be empty."""
    return reduce(subject).text


def reduce(subject: str) -> BaseSubject:
    """The base subject, and whether the subject marks a reply or forward."""
    # (1) tabs and continuations become spaces, and several spaces one
    text = subject[:MAX_SUBJECT_CHARACTERS]
    if "  " in text or not text.isprintable():
        text = _SPACE.sub(" ", text)
    text = text.strip(" ")
    if text[:1] not in _MAY_LEAD and text[-1:] != _TRAILER[-1]:
        return BaseSubject(text, False)
    is_reply = False
    while True:
        is_reply = is_reply or text[-len(_TRAILER) :].lower() == _TRAILER
        text, had_leader = _without_leaders(_without_trailers(text))
        is_reply = is_reply or had_leader
        # (6) the text inside "[fwd: ... ]" is itself a subject
        if not (text.endswith(_FORWARD_TAIL) and text[:5].lower() == _FORWARD_HEAD):
            return BaseSubject(text, is_reply)
        text, is_reply = text[len(_FORWARD_HEAD) : -1].strip(" "), True


def _without_trailers(text: str) -> str:
    # (2) subj-trailer = "(fwd)" / WSP
    while text[-5:].lower() == _TRAILER:
        text = text[:-5].rstrip(" ")
    return text


def _without_leaders(text: str) -> tuple[str, bool]:
    # (3) to (5): remove leaders, then a blob if something follows it, and repeat
    had_leader = False
    while True:
        if leader := _LEADER.match(text):
            text, had_leader = text[leader.end() :], True
        elif (blob := _BLOB.match(text)) and blob.end() < len(text):
            text = text[blob.end() :]
        else:
            return text, had_leader
