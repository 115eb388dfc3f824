"""The TXT record at `_smtp._tls` of a domain, which says who wants reports (RFC 8460 §3)."""

from collections.abc import Iterable
from typing import Final
from urllib.parse import unquote

from msgspec import Struct

MAX_RECORDS: Final = 50
"""TXT records of an answer that are looked at."""
MAX_RECORD_OCTETS: Final = 4096
MAX_TARGETS: Final = 10
"""Of one record that are used."""

_VERSION: Final = b"v=TLSRPTv1"


class ReportTargets(Struct, frozen=True):
    """Where reports are wanted, in the order of the record."""

    addresses: tuple[str, ...]
    """Of `mailto:`, decoded (RFC 6068)."""
    urls: tuple[str, ...]
    """Of `https:`."""


def read_report_record(records: Iterable[bytes]) -> ReportTargets | None:
    """Who wants reports; `None`: nobody, or there is not one valid record."""
    found = [record for record in list(records)[:MAX_RECORDS] if _is_of_version_1(record)]
    if len(found) != 1 or len(found[0]) > MAX_RECORD_OCTETS:
        return None
    for field in found[0].split(b";")[1:]:
        name, _, value = field.strip(b" \t").partition(b"=")
        if name.strip(b" \t") == b"rua":
            return _targets(value.decode("ascii", "replace").split(",")[:MAX_TARGETS])
    return None


def _is_of_version_1(record: bytes) -> bool:
    length = len(_VERSION)
    return record[:length] == _VERSION and record[length:].lstrip(b" \t").startswith(b";")


def _targets(uris: list[str]) -> ReportTargets | None:
    addresses, urls = list[str](), list[str]()
    for uri in map(str.strip, uris):
        scheme, _, rest = uri.partition(":")
        if scheme.lower() == "mailto":
            address = unquote(rest.partition("?")[0])
            if "@" in address.strip("@") and address.isprintable() and " " not in address:
                addresses.append(address)
        elif scheme.lower() == "https" and rest.startswith("//") and uri.isprintable() and " " not in uri:
            urls.append(uri)
    if not addresses and not urls:
        return None
    return ReportTargets(tuple(dict.fromkeys(addresses)), tuple(dict.fromkeys(urls)))
