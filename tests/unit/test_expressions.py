"""Every regular expression of the source is in a table, and takes time in proportion to its input at the input's limit.

An expression that is new fails here until it is added. It is tried with strings made of the characters that it names:
something repeated, behind one other character or none, up to its end or something that does not fit. What makes it dear
all the same belongs to `MORE`. How an expression is used (`match`, `search`, `sub`...) is read from the source.
"""

import ast
import importlib
import inspect
import pkgutil
import re
import time
from collections.abc import Callable, Iterator
from functools import cache
from itertools import product
from types import ModuleType
from typing import Any, NamedTuple

import pytest

import pillarbox
from pillarbox.mail.date import MAX_DATE_OCTETS
from pillarbox.mail.mbox_separator import MAX_SEPARATOR_OCTETS
from tests.kit.linear import assert_linear

UNLIMITED = 64 * 1024
"""Characters with which it is tried where its input may be a whole message, or has a limit beyond this."""

EXPRESSIONS: dict[str, str] = {
    "admin.backup.points": "_NUMBERED",
    "admin.exporting.mbox": "_QUOTE",
    "admin.importing.fields": "_STATUS _X_STATUS _WORDS _KEYWORDS _HEX_4 _HEX_8 _NUMBER _UIDS",
    "admin.importing.gmail": "_CATEGORY",
    "admin.importing.imap.patience": "_BACKOFF",
    "admin.importing.keywords": "_WORD _NOT_IN_KEYWORDS",
    "admin.importing.maildir": "_SECOND _EXPORTED _SIZE _DIGITS",
    "admin.importing.marker": "_FIELDS",
    "admin.importing.mbox": "_GMAIL_ID",
    "admin.importing.message_files": "_OLD_MAC",
    "admin.importing.reading": "_BEFORE_MAIL _FIELD_NAME _MAIL_FIELD _EMLX",
    "admin.verifying.origin": "_FROM _BY _ADDRESS _HELO",
    "app.commands.amounts": "_OCTETS _NUMBER _TIME",
    "app.commands.installation": "_FIRST_WORD",
    "delivery.submission": "_IN_FRONT _LOOKS_GUARDED",
    "delivery.trace": "_HOST _LITERAL _PLAIN _RECEIVED _TLS_1_2",
    "dns.message": "_PLAIN",
    "mail.address": "_DOT_STRING _ADDRESS _ASCII_DOMAIN _LITERAL _ESCAPE _NEEDS_ESCAPE",
    "mail.address_list": "_SIMPLE",
    "mail.address_tokens": "TOKEN TOKEN_UNQUOTED _COMMENT_MARK _ESCAPE _FOLD",
    "mail.apparent_addresses": "_IN_ENCODED_WORD _SPECIALS",
    "mail.ascii_domains": "_DOMAIN",
    "mail.attachment": "_CID",
    "mail.bodystructure": "_SECTION _NOT_ATTRIBUTE_CHARACTER",
    "mail.charset_codec": "_EUC _GB _BIG5",
    "mail.charset_label": "_PAGE _PART _NOISE _FURTHER",
    "mail.composing.addresses": "_ATOMS",
    "mail.composing.encodings": "_SENSITIVE _LONG_LINE _FROM",
    "mail.composing.folding": "_CONTROL _FIELD_NAME",
    "mail.composing.parameters": "_TOKEN _TYPE",
    "mail.composing.values": "_ID _URL",
    "mail.composing.words": "_GAP _ATOMS _TO_ESCAPE",
    "mail.date": "_COMMON _RFC5322 _ASCTIME _ISO8601 _COMMENT _SPACES",
    "mail.dsn": "_BLANKS _MESSAGE_ID",
    "mail.encoded_word": "_WORD _PLACED _CONTROLS _LINE_END",
    "mail.flags": "_KEYWORD",
    "mail.header": "_BETWEEN_FIELDS _IS_NAME _FIELD_LINE _BEFORE_FIELD _TEXT_LINE _BEFORE_TEXT _END",
    "mail.html_text": "_UNSEEN _BLOCK_TAG _BLOCK_OPENING _TAG _TAG_OPENING",
    "mail.imap_string": "_TO_ESCAPE _ESCAPABLE",
    "mail.iso2022": "_TOKEN _SINGLES _PAIRS _PAIR _SHIFT",
    "mail.list_urls": "_BETWEEN _URL",
    "mail.mailbox_name": "_PLAIN _SHIFTED _SHIFT _PRINTABLE _WILDCARDS _CONTROL",
    "mail.mbox": "_QUOTED _HEADER_END _LENGTH _DOVECOT _EMPTY_LINES",
    "mail.mbox_separator": "_LINE _FULL _LOOSE _FIELD _BEFORE_DATE _UUCP",
    "mail.message_id": "_COMMENT_OR_ID _BLANK _WORD",
    "mail.object_id": "_OBJECT_ID",
    "mail.parameter": "_TOKEN _ITEM _COMMON _NAMES _QUOTED_PAIR _COMMENT_EDGE _PERCENT _SECTION",
    "mail.part_parser": "_LINE_REST",
    "mail.prepending": "_BEGINS_FIELD",
    "mail.received": "_TOKEN _ESCAPED _VERSION _CIPHER _HELO",
    "mail.seven_bit": "_TOO_LONG _LONG_LINE _LINE_END _HIGH",
    "mail.subject": "_SPACE _BLOB _LEADER",
    "mail.surrogate": "_PARAMETER _DOT_ATOM",
    "mail.text": "_NO_ATTRIBUTION _META_CHARSET _INVISIBLE _ATTRIBUTION",
    "mail.threading": "_SINGLE _SIMPLE _BRACKETED _BETWEEN_WORDS _BLANK _QUOTING _ESCAPE",
    "mail.transfer": "_TRAILING_SPACE _UU_BEGIN",
    "mail.unitext": "_EMBEDDED _SPECIAL",
    "mail.visible": "_HIDDEN _HIDDEN_BUT_LINES _IGNORABLE",
    "mail.xtext": "_XTEXT _HEX",
    "protocol.imap.client.parsing": "_CODE _RUN",
    "protocol.imap.client.syntax": "_TOKEN _ESCAPED",
    "protocol.imap.cursor": (
        "_ATOM _WORD _STRING _ASTRING _LIST_MAILBOX _ESCAPED _PENDING_LITERAL _NUMBER _FLAGS _SET "
        "_SEQUENCE_SET _BASE64"
    ),
    "protocol.imap.draft": "_HEAD _ONLY_TAG",
    "protocol.imap.grammar.dates": "_DATE _DATE_TIME",
    "protocol.imap.grammar.fetch": "_MACRO _NAME _PART _SECTION_TEXT _PARTIAL",
    "protocol.imap.grammar.search": "_STARTS_SET",
    "protocol.imap.receiver": "LITERAL",
    "protocol.imap.spaces": "_SPACES",
    "protocol.imap.strings": "_QUOTABLE _QUOTABLE_UTF8 _SPECIAL _ATOM",
    "protocol.jmap.blobs.blob_id": "_FORM",
    "protocol.jmap.email.body_values": "_TAG _REFERENCE",
    "protocol.jmap.email.composing": "_CID",
    "protocol.jmap.email.composing_date": "_DATE",
    "protocol.jmap.email.composing_part_fields": "_LANGUAGE",
    "protocol.jmap.email.header_property": "_NAME",
    "protocol.sasl.scram_message": "_CLIENT_FIRST _SERVER_FIRST _CLIENT_FINAL _SERVER_FINAL _NAME",
    "protocol.smtp.client.replies": "_LINE _ENHANCED",
    "protocol.smtp.grammar": "_MAIL _RCPT _BDAT _SPACE _MECHANISM _CONTROL",
    "protocol.smtp.line_ends": "_RUN_BEFORE_LF",
    "protocol.smtp.parameters": "_PARAMETER _SPACE _ADDRESS_TYPE",
    "protocol.smtp.path": "_PLAIN _PATH _BARE _LOOSE_LOCAL",
    "store.search.octets": "_WORD",
    "testing.reader": "_HEAD",
    "trust.spf.macros": "_TOKEN _NAME _LABEL",
    "trust.spf.parsing": "_TERM _NAME _HIDDEN _PREFIX",
    "trust.arc.chain": "_INSTANCE _RESULTS_INSTANCE",
    "trust.dkim.field": "_ENCODED _CONTROL",
    "trust.signatures.body_hash": "_EMPTY_LINES",
    "trust.signatures.signature": "_FIELD_NAMES _SELECTOR",
    "trust.signatures.signed_header": "_BEFORE_VALUE",
    "trust.signatures.tag_list": "_NAME _CONTROL _NUMBER",
    "trust.mta_sts.policy": "_FIELD _AGE _PATTERN",
    "trust.mta_sts.record": "_ID _EXTENSION",
    "trust.authentication_results.ownership": "_COMMENTS _ESCAPED _GOES_ON _BEFORE_NAME _VERSION _NOT_IN_NAME",
    "trust.authentication_results.reading": "_TOKEN _COMMENT_MARK _ESCAPE _METHOD _PROPERTY",
    "trust.authentication_results.writing": "_TOKEN _KEYWORD _MAILBOX _DOMAIN _UNSAFE _CLAIM",
    "trust.bimi.indicator": "_DECLARATION _REFERENCE _URL _FOREIGN",
    "trust.bimi.record": "_VERSION _URI _SELECTOR _PREFIX _SEPARATORS",
    "trust.dmarc.authors": "_LOOKS_LIKE_FROM",
    "trust.dmarc.mistakes": "_FLAG _POLICY _NUMBER _PERCENT _URI",
    "trust.dmarc.record": "_VERSION _URI _SIZE",
    "world.database.sqlite.log_damage": "_LOST",
}
"""By module; each is tried with `UNLIMITED` characters, or with its limit in `LIMITS`."""

LIMITS: dict[str, int] = {
    "mail.date:_RFC5322": MAX_DATE_OCTETS,
    "mail.date:_ASCTIME": MAX_DATE_OCTETS,
    "mail.date:_ISO8601": MAX_DATE_OCTETS,
    "mail.mbox_separator:_FULL": MAX_SEPARATOR_OCTETS,
    "mail.mbox_separator:_LOOSE": MAX_SEPARATOR_OCTETS,
    "mail.text:_NO_ATTRIBUTION": 1024,  # text._NEAR_OCTETS
}
"""Characters of the input, where it is cut to fewer before the expression sees it."""

IN_FUNCTIONS = {
    "delivery.trace:_comment": "a literal of one character",
    "mail.date:_pattern": "the patterns of the module, which are in the table",
    "mail.part_parser:next_place": "a boundary, escaped, and one of the module's",
    "mail.surrogate:_escaped": "a literal",
    "server.imap.sections:other_fields": "names of fields, escaped: tests/unit/server/imap/test_sections.py",
}
"""Functions that compile, or use without compiling, an expression, and why that is bounded."""

MORE: dict[str, tuple[tuple[str, str, str], ...]] = {
    "protocol.smtp.path:_BARE": (("", "@", '"'), ("", "a@", '"')),
    "protocol.smtp.path:_PATH": (("<", '""a', ""), ("<@", "a", ":"), ("<a@[", "1.", "]")),
    "protocol.imap.client.syntax:_TOKEN": (('"', "\\a", ""), ("", "a[", ""), ("a[", "( ", "")),
    "protocol.imap.cursor:_STRING": (('"', '\\"', ""), ("{", "1", "}")),
    "protocol.sasl.scram_message:_CLIENT_FINAL": (("c=b,r=b", ",p=b", "!"), ("c=b,r=b,p=", "b", "!")),
    "protocol.sasl.scram_message:_CLIENT_FIRST": (("n,,n=a,r=b", ",a=b", "\0"), ("n,,n=", "=2C", "=,r=x")),
}
"""Further inputs: what begins, what is repeated, what ends."""

_USUAL = "a0 \n"
_SMALL = 400
"""Characters with which all inputs are tried, to find those that cost most."""


class Found(NamedTuple):
    """An expression and what the source does with it."""

    pattern: re.Pattern[Any]
    methods: tuple[str, ...]


def _modules() -> Iterator[ModuleType]:
    for info in pkgutil.walk_packages(pillarbox.__path__, "pillarbox."):
        if not info.name.endswith("__main__"):
            yield importlib.import_module(info.name)


def _name(module: ModuleType) -> str:
    return module.__name__.removeprefix("pillarbox.")


def _pattern(value: object) -> re.Pattern[Any] | None:
    """Of a compiled expression, or of one of its methods."""
    owner = getattr(value, "__self__", value)
    return owner if isinstance(owner, re.Pattern) else None


@cache
def _found() -> dict[str, Found]:
    found: dict[str, Found] = {}
    for module in _modules():
        source = inspect.getsource(module)
        for statement in ast.parse(source).body:
            targets = (
                statement.targets
                if isinstance(statement, ast.Assign)
                else [statement.target]
                if isinstance(statement, ast.AnnAssign)
                else []
            )
            for target in targets:
                value = getattr(module, target.id, None) if isinstance(target, ast.Name) else None
                if isinstance(target, ast.Name) and (pattern := _pattern(value)):
                    methods = re.findall(
                        rf"\b{target.id}\.(match|fullmatch|search|sub|split|find\w+)\(", source
                    )
                    own = [] if value is pattern else [getattr(value, "__name__", "")]
                    used = tuple(dict.fromkeys(own or methods or ["match", "fullmatch"]))
                    found[f"{_name(module)}:{target.id}"] = Found(pattern, used)
    return found


def _uses_in_functions() -> set[str]:
    """Functions that call a function of `re`."""
    return {
        f"{_name(module)}:{function.name}"
        for module in _modules()
        for function in ast.walk(ast.parse(inspect.getsource(module)))
        if isinstance(function, ast.FunctionDef | ast.AsyncFunctionDef)
        for call in ast.walk(function)
        if isinstance(call, ast.Call)
        and isinstance(call.func, ast.Attribute)
        and isinstance(call.func.value, ast.Name)
        and call.func.value.id == "re"
    }


def _listed() -> set[str]:
    return {f"{module}:{name}" for module, names in EXPRESSIONS.items() for name in names.split()}


def test_every_expression_is_in_the_table() -> None:
    assert set(_found()) - _listed() == set(), "add these to EXPRESSIONS, and what makes them dear to MORE"
    assert _listed() - set(_found()) == set(), "these are gone"
    assert _listed() >= set(LIMITS) | set(MORE)
    assert _uses_in_functions() == set(IN_FUNCTIONS)


def _call(found: Found, method: str) -> Callable[[str | bytes], object]:
    run = getattr(found.pattern, method)
    if method == "sub":
        empty = b"" if isinstance(found.pattern.pattern, bytes) else ""
        return lambda text: run(empty, text)
    if method == "finditer":
        return lambda text: sum(1 for _ in run(text))
    return run  # type: ignore[no-any-return]  # a method of `re.Pattern`


def _maker(found: Found, shape: tuple[str, str, str]) -> Callable[[int], str | bytes]:
    begin, repeated, end = shape

    def make(size: int) -> str | bytes:
        text = begin + repeated * (size // len(repeated)) + end
        return text.encode() if isinstance(found.pattern.pattern, bytes) else text

    return make


def _shapes(pattern: re.Pattern[Any]) -> Iterator[tuple[str, str, str]]:
    source = pattern.pattern.decode("latin-1") if isinstance(pattern.pattern, bytes) else pattern.pattern
    # Characters as such, and those that escapes and classes stand for
    named = dict.fromkeys(re.sub(r"\\x..|\\u....|\\U.{8}|\\[dwsbZAn]|[A-Za-z0-9]", "", source) + _USUAL)
    if r"\r" in source:
        named["\r"] = None
    characters = [character for character in named if character.isascii()][:24]
    yield from product(["", *characters], characters, ("", "\0"))
    for one, other in product(characters, characters):
        yield "", one + other, "\0"


def _dearest(found: Found, call: Callable[[str | bytes], object]) -> list[tuple[str, str, str]]:
    """The inputs that cost most while they are small."""
    return sorted(_shapes(found.pattern), key=lambda shape: _seconds(call, _maker(found, shape)(_SMALL)))[-3:]


def _seconds(call: Callable[[str | bytes], object], text: str | bytes) -> float:
    began = time.thread_time()
    call(text)
    return time.thread_time() - began


@pytest.mark.parametrize("name", sorted(_listed()))
def test_it_takes_time_in_proportion(name: str) -> None:
    if (found := _found().get(name)) is None:
        pytest.skip("gone")
    size = LIMITS.get(name, UNLIMITED)
    for method in found.methods:
        call = _call(found, method)
        for shape in (*_dearest(found, call), *MORE.get(name, ())):
            assert_linear(call, _maker(found, shape), size, within_s=0.5)
