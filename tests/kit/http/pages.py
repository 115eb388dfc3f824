"""A person with a browser, as far as pages go: keeps cookies, sends forms, follows where it is sent."""

import http.client
from html.parser import HTMLParser
from urllib.parse import urlencode, urlsplit

from tests.kit.certificate import client_context
from tests.kit.provider import HOSTNAME, PASSWORD, PEOPLE
from tests.kit.server import Server

_VOID = {"meta", "link", "input", "br", "img", "path", "circle", "rect"}


class Page(HTMLParser):
    """What a response shows, and what a browser makes of it."""

    def __init__(self, status: int, fields: list[tuple[str, str]], body: bytes, path: str) -> None:
        super().__init__()
        self.status, self.fields, self.body, self.path = status, fields, body, path
        self.text = ""
        self.title = ""
        self.elements: list[tuple[str, dict[str, str]]] = []
        self._open: list[str] = []
        if self["content-type"].startswith("text/html"):
            self.feed(body.decode())

    def __getitem__(self, name: str) -> str:
        return next((value for field, value in self.fields if field.lower() == name), "")

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, {name: value or "" for name, value in attrs}))
        if tag not in _VOID:
            self._open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        if tag in self._open:
            assert self._open.pop() == tag, f"<{tag}> is closed where it is not open"

    def handle_data(self, data: str) -> None:
        if self._open and self._open[-1] == "title":
            self.title += data
        elif data.strip():
            self.text += data.strip() + "\n"

    def all(self, tag: str) -> list[dict[str, str]]:
        """The attributes of each element of a kind."""
        return [attributes for name, attributes in self.elements if name == tag]

    def value(self, name: str) -> str:
        """What a field has in it."""
        return next(one.get("value", "") for one in self.all("input") if one.get("name") == name)

    def described(self, name: str) -> list[str]:
        """What ids a field is described by."""
        found = next(one for one in self.all("input") if one.get("name") == name)
        return found.get("aria-describedby", "").split()

    def flaws(self) -> list[str]:
        """What a page must have or must not, and this one has not or has."""
        found, ids = [], [one["id"] for _, one in self.elements if "id" in one]
        labelled = {one.get("for") for one in self.all("label")}
        if not self.all("html")[0].get("lang"):
            found.append("no language")
        if not self.title.strip():
            found.append("no title")
        for tag in ("h1", "main"):
            if len(self.all(tag)) != 1:
                found.append(f"not one {tag}")
        if len(set(ids)) != len(ids):
            found.append("an id twice")
        for tag, one in self.elements:
            if tag == "style" or "style" in one or (tag == "script" and "src" not in one):
                found.append(f"inline in {tag}")
            found += [f"{tag} has {name}" for name in one if name.startswith("on")]
            is_seen = one.get("type") != "hidden" and "hidden" not in one
            if tag in ("input", "select", "textarea") and is_seen and one.get("id") not in labelled:
                found.append(f"{one.get('name')} has no label")
            found += [
                f"nothing is {name}" for name in one.get("aria-describedby", "").split() if name not in ids
            ]
            if tag == "img" and "alt" not in one:
                found.append("an image without words")
            for reference in (one.get("src", ""), one.get("href", ""), one.get("action", "")):
                if urlsplit(reference).netloc:
                    found.append(f"leads away: {reference}")
        return found


class Person:
    """Somebody with a browser."""

    def __init__(self, server: Server, *, language: str = "en", secure: bool = False) -> None:
        self.port = server.ports["https" if secure else "http"]
        self.secure = secure
        self.host = HOSTNAME if secure else f"localhost:{self.port}"
        self.origin = f"https://{self.host}" if secure else f"http://{self.host}"
        self.language = language
        self.cookies: dict[str, str] = {}

    def get(self, path: str, **fields: str) -> Page:
        """Open a page, wherever it is sent on."""
        return self._followed("GET", path, None, fields)

    def send(self, path: str, _values: dict[str, str] | None = None, **values: str) -> Page:
        """Send a form, and see what comes of it."""
        return self._followed("POST", path, {**(_values or {}), **values}, {"Origin": self.origin})

    def ask(self, method: str, path: str, form: dict[str, str] | None, fields: dict[str, str]) -> Page:
        """One request, and its answer."""
        wanted = {
            "Host": self.host,
            "Accept": "text/html,*/*",
            "Accept-Language": self.language,
            "User-Agent": "Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0",
            **fields,
        }
        if self.cookies:
            wanted["Cookie"] = "; ".join(f"{name}={value}" for name, value in self.cookies.items())
        body = None
        if form is not None:
            body = urlencode(form).encode()
            wanted.setdefault("Content-Type", "application/x-www-form-urlencoded")
        connection = self._connection()
        connection.request(method, path, body, wanted)
        response = connection.getresponse()
        page = Page(response.status, response.getheaders(), response.read(), path)
        connection.close()
        for name, value in page.fields:
            if name.lower() == "set-cookie":
                self._keep(value)
        return page

    def _connection(self) -> http.client.HTTPConnection:
        if not self.secure:
            return http.client.HTTPConnection("127.0.0.1", self.port, timeout=20)
        return http.client.HTTPSConnection("localhost", self.port, timeout=20, context=client_context())

    def sign_in(self, person: int = 0, password: str = PASSWORD, **more: str) -> Page:
        """Sign in with a password."""
        return self.send("/sign-in", {"address": PEOPLE[person], "password": password, **more})

    def _followed(self, method: str, path: str, form: dict[str, str] | None, fields: dict[str, str]) -> Page:
        page = self.ask(method, path, form, fields)
        for _ in range(5):
            if page.status != 303:
                return page
            assert page["location"].startswith("/")
            page = self.ask("GET", page["location"], None, {})
        raise AssertionError("it is sent around in circles")

    def _keep(self, field: str) -> None:
        name, _, value = field.partition(";")[0].partition("=")
        if "Max-Age=0" in field:
            self.cookies.pop(name, None)
        else:
            self.cookies[name] = value
