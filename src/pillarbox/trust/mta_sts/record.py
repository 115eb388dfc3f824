"""The TXT record at `_mta-sts` of a domain (RFC 8461 §3.1)."""

import re
from collections.abc import Iterable
from typing import Final

MAX_RECORDS: Final = 50
"""TXT records of an answer that are looked at."""
MAX_RECORD_OCTETS: Final = 4096

_VERSION: Final = b"v=STSv1"
_ID: Final = re.compile(rb"[A-Za-z0-9]{1,32}")
_EXTENSION: Final = re.compile(rb"[A-Za-z0-9][A-Za-z0-9_.-]{0,31}=[\x21-\x3a\x3c\x3e-\x7e]+")


def read_record(records: Iterable[bytes]) -> str | None:
    """The `id` of the one valid record; `None`: the domain has no policy to be fetched (RFC 8461 §3.1)."""
    found = [record for record in list(records)[:MAX_RECORDS] if _is_of_version_1(record)]
    return _id(found[0]) if len(found) == 1 and len(found[0]) <= MAX_RECORD_OCTETS else None


def record_text(identity: str) -> str:
    """The text of our own record."""
    return f"v=STSv1; id={identity};"


def _is_of_version_1(record: bytes) -> bool:
    return record[:7] == _VERSION and record[7:].lstrip(b" \t").startswith(b";")


def _id(record: bytes) -> str | None:
    _, *fields = (field.strip(b" \t") for field in record.split(b";"))
    if fields and not fields[-1]:
        fields.pop()  # the final delimiter
    identity: str | None = None
    for field in fields:
        name, _, value = field.partition(b"=")
        if name == b"id":
            if not _ID.fullmatch(value):
                return None
            # RFC 8461 §3.2: of what stands twice, the first counts
            identity = identity or value.decode("ascii")
        elif not _EXTENSION.fullmatch(field):
            return None
    return identity
