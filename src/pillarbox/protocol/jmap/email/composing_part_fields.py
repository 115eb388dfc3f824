"""The header fields of one part of a new Email (RFC 8621 §4.1.4): its own properties, and those of `header:…`."""

import re
from typing import Any, Final

from pillarbox.mail import parameter
from pillarbox.mail.composing import values
from pillarbox.mail.composing.folding import NotWritable, field, raw_field
from pillarbox.mail.composing.parameters import Parameter, is_media_type, is_token, value_words
from pillarbox.mail.header import unfold
from pillarbox.protocol.jmap.email.composing_header import RAW, Fields, HeaderProperty
from pillarbox.protocol.jmap.email.composing_refusal import Members

MAX_LANGUAGES: Final = 50
"""Tags in Content-Language."""
_LANGUAGE: Final = re.compile(r"[A-Za-z0-9\-]{1,100}|\*")
_CONTENT_TYPE: Final = "Content-Type"


class PartFields:
    """Reads them from the members of an EmailBodyPart."""

    __slots__ = ("_fields", "_given", "_members", "media_type", "type_name")

    def __init__(self, members: Members, fields: Fields) -> None:
        self._members = members
        self._fields = fields
        self._given: dict[str, str] = {}
        self.type_name = "type"
        """The property that says which type it is."""
        self.media_type: str | None = None
        """Lower case; None where it is not given."""
        typed = members.text("type")
        if typed is not None:
            fields.claim("content-type", members.path("type"))
            self._set_type(typed)
        for key, value in members.with_prefix("header:").items():
            self._header(key, value)

    def _set_type(self, media_type: str) -> None:
        if is_media_type(media_type):
            self.media_type = media_type.lower()
        else:
            self._members.wrong(self.type_name, "not a media type")

    def _header(self, key: str, value: Any) -> None:
        header = HeaderProperty.parse(key)
        if header is None:
            self._members.wrong(key, "not a header field in a form that it may have")
        elif header.key == "content-transfer-encoding":
            self._members.wrong(key, "the server chooses the encoding")
        elif header.key == "content-type" and value is not None:
            self._fields.claim(header.key, self._members.path(key))
            self.type_name = key
            self._content_type(header, value)
        else:
            self._fields.add(header, value, self._members.path(key))

    def _content_type(self, header: HeaderProperty, value: Any) -> None:
        """It is taken apart, since the charset and the boundary are chosen here."""
        if header.is_all and isinstance(value, list) and len(value) == 1:
            (value,) = value
        if header.form not in (RAW, "asText") or not isinstance(value, str):
            self._members.wrong(self.type_name, "must be one string, and raw or text")
            return
        try:
            octets = unfold(raw_field(_CONTENT_TYPE, value)[len(_CONTENT_TYPE) + 1 :])
        except NotWritable as why:
            self._members.wrong(self.type_name, str(why))
            return
        token, pairs = parameter.parse(octets)
        self._given = parameter.decode(pairs)
        self._given.pop("boundary", None)
        self._set_type(token)

    def claim_charset(self) -> None:
        """`charset` stands for Content-Type as well: beside `type`, but not beside the field itself."""
        path = self._members.path("charset" if self.type_name != "type" else "type")
        self._fields.claim("content-type", path)

    def finish(
        self, charset: str | None, disposition: str | None
    ) -> tuple[tuple[Parameter, ...], tuple[tuple[str, bytes], ...]]:
        """Content-Type's parameters, and all other fields by lower-case name.

        `charset`: what it is for certain. `disposition`: where nothing is said of it.
        """
        name = self._members.text("name") or None
        self._disposition(name, disposition)
        self._content_id()
        self._language()
        self._location()
        if charset is not None:
            self._given.pop("charset", None)
        if name is not None:
            self._given["name"] = name
        labelled = () if charset is None else (("charset", charset),)
        parameters = (*labelled, *self._given.items())
        try:  # whether it can be written
            field(_CONTENT_TYPE, value_words(self.media_type or "text/plain", parameters))
        except NotWritable as why:
            self._members.wrong("name" if name is not None else self.type_name, str(why))
        return parameters, tuple(self._fields.written.items())

    def _disposition(self, name: str | None, default: str | None) -> None:
        given = self._members.text("disposition")
        source = "disposition" if given is not None else "name"
        if given is not None or name is not None:
            self._fields.claim("content-disposition", self._members.path(source))
        if given is not None and not is_token(given):
            self._members.wrong("disposition", "not a token")
            return
        token = given or default
        if token is None or "content-disposition" in self._fields.written:
            return
        parameters = () if name is None else (("filename", name),)
        self._fields.make(
            "content-disposition",
            lambda: field("Content-Disposition", value_words(token, parameters)),
            self._members.path(source),
        )

    def _content_id(self) -> None:
        cid = self._members.text("cid")
        if cid is not None:
            path = self._members.path("cid")
            self._fields.claim("content-id", path)
            self._fields.make("content-id", lambda: field("Content-ID", values.message_ids([cid])), path)

    def _location(self) -> None:
        uri = self._members.text("location")
        if uri is not None:
            path = self._members.path("location")
            self._fields.claim("content-location", path)
            self._fields.make(
                "content-location", lambda: field("Content-Location", [values.location(uri)]), path
            )

    def _language(self) -> None:
        tags = self._members.take("language")
        if tags is None or tags == []:
            return
        if (
            not isinstance(tags, list)
            or len(tags) > MAX_LANGUAGES
            or not all(isinstance(tag, str) and _LANGUAGE.fullmatch(tag) for tag in tags)
        ):
            self._members.wrong("language", "must be a list of language tags")
            return
        path = self._members.path("language")
        self._fields.claim("content-language", path)
        words = [f"{tag}," for tag in tags[:-1]] + tags[-1:]
        self._fields.make("content-language", lambda: field("Content-Language", words), path)
