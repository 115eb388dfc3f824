"""Contacts by JMAP: cards with as much as they may have, as many as can be, and files of vCards."""

import base64
from typing import Any, Final

from tests.blocking.case import Case
from tests.blocking.jmap_client import MAX_OBJECTS, Client
from tests.blocking.target import Target

CARDS: Final = 2_000
_WORDS: Final = "word " * 1638


def _card(book: str, number: int, **more: Any) -> dict[str, Any]:
    name = {"components": [{"kind": "given", "value": f"n{number}"}], "isOrdered": False}
    return {"@type": "Card", "version": "1.0", "addressBookIds": {book: True}, "name": name, **more}


def _book(client: Client) -> str:
    found: str = client.answer("AddressBook/get", {"ids": None})["list"][0]["id"]
    return found


def setting(target: Target) -> str:
    """Cards with as many entries as can be, patched and destroyed; and address books."""
    client = Client(target)
    book = _book(client)
    emails = {f"e{number}": {"address": f"a{number}@b.example"} for number in range(2_400)}
    notes = {f"n{number}": {"note": "ä" * 4_000} for number in range(30)}
    picture = "data:image/png;base64," + base64.b64encode(bytes(150_000)).decode()
    media = {"m": {"kind": "photo", "uri": picture}}
    few = {"e": {"address": "a@b.example"}}
    several = [
        {f"c{number}": _card(book, number, emails=emails) for number in range(4)},
        {f"c{number}": _card(book, number, notes=notes) for number in range(8)},
        {f"c{number}": _card(book, number, media=media) for number in range(10)},
        {f"c{number}": _card(book, number, emails=few) for number in range(MAX_OBJECTS)},
    ]
    answers = [client.flood(client.body([("ContactCard/set", {"create": one})])) for one in several]
    cards = client.ids("ContactCard/query")
    patch = {f"emails/x{number}": {"address": "x@y.example"} for number in range(30)}
    answers.append(client.calls("ContactCard/set", {"update": dict.fromkeys(cards[:MAX_OBJECTS], patch)}, 1))
    answers.append(client.calls("ContactCard/get", {"ids": cards[:MAX_OBJECTS]}, 16))
    books = {"create": {f"b{number}": {"name": f"{number}"} for number in range(MAX_OBJECTS)}}
    answers.append(client.calls("AddressBook/set", books, 1))
    answers.append(client.calls("ContactCard/set", {"destroy": cards[:MAX_OBJECTS]}, 1))
    return target.all_of(answers)


def querying(target: Target) -> str:
    """The longest filters and orders, of many cards."""
    client = Client(target)
    book = _book(client)
    for start in range(0, CARDS, MAX_OBJECTS):
        created = {f"c{number}": _card(book, number) for number in range(start, start + MAX_OBJECTS)}
        client.answer("ContactCard/set", {"create": created})
    names = [{"name": f"q{number}"} for number in range(60)]
    uids = [{"uid": f"q{number}"} for number in range(180)]
    words = [{"text": _WORDS}] * 4
    sorts = [{"property": name} for name in ("name/given", "name/surname", "created", "updated")] * 4
    filters = [{"operator": "OR", "conditions": several} for several in (names + uids, words)]
    state = client.answer("ContactCard/get", {"ids": []})["state"]
    queries = [("ContactCard/query", {"filter": one, "sort": sorts}) for one in filters]
    changes = [("ContactCard/queryChanges", {"filter": filters[0], "sort": sorts, "sinceQueryState": state})]
    since = [("ContactCard/changes", {"sinceState": "0"})]
    return client.flood(client.body((queries + changes + since) * 4))


def vcards(target: Target) -> str:
    """Files of as many vCards, or as long ones, as can be; and all cards as a file."""
    client = Client(target)
    short = b"BEGIN:VCARD\r\nVERSION:4.0\r\nFN:a\r\nEND:VCARD\r\n" * 20_000
    lines = b"BEGIN:VCARD\r\nVERSION:4.0\r\nFN:a\r\n" + b"EMAIL;TYPE=work;PREF=1:a@b.example\r\n" * 20_000
    folded = b"BEGIN:VCARD\r\nVERSION:4.0\r\nFN:a\r\nNOTE:" + b"a\r\n " * 200_000 + b"\r\n"
    values = b"BEGIN:VCARD\r\nVERSION:4.0\r\nFN:a\r\nADR:" + b";,\\," * 200_000 + b"\r\n"
    parameters = b"BEGIN:VCARD\r\nVERSION:4.0\r\nFN:a\r\nTEL" + b";TYPE=a" * 100_000 + b":1\r\n"
    older = (
        b"BEGIN:VCARD\r\nVERSION:2.1\r\nFN:a\r\nNOTE;ENCODING=QUOTED-PRINTABLE:"
        + b"=41=\r\n" * 150_000
        + b"\r\n"
    )
    nothing = b"x" * 1_000_000, b"BEGIN:VCARD\r\n" * 80_000
    whole = [lines, folded, values, parameters, older]
    files = [short, *[one + b"END:VCARD\r\n" for one in whole], *nothing]
    answers = [
        client.calls("ContactCard/parse", {"blobIds": [client.upload(one, "text/vcard")]}, 2) for one in files
    ]
    answers.append(client.calls("ContactCard/export", {"ids": None}, 4))
    return target.all_of(answers)


CASES: Final = (
    Case("ContactCard/set of 500 cards; with 2,400 addresses; with pictures", "256 KiB and 5,000 entries of a card",
         setting, memory_mib=512),
    Case(f"ContactCard/query of {CARDS:,} cards by 240 conditions and 16 properties", "in a thread, in turns",
         querying),
    Case("ContactCard/parse of 20,000 vCards, and of vCards of a megabyte", "in steps", vcards, memory_mib=512),
)  # fmt: skip
