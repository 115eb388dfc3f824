"""JMAP clients that other people wrote: jmap-jam (npm) and jmapc (PyPI)."""

import importlib
import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from pillarbox.directory.sign_in.app_passwords import Scope
from pillarbox.server.http.routes import ROUTES
from tests.interop.programs import need
from tests.kit.certificate import certificate_file
from tests.kit.http.server import open_http
from tests.kit.provider import PASSWORD, PEOPLE
from tests.kit.server import Server

pytestmark = pytest.mark.interop
MAIL = b"From: Ann <ann@elsewhere.example>\r\nTo: u0@one.example\r\nSubject: %b\r\n\r\nAbout jam, the %b.\r\n"


@pytest.fixture
def server() -> Iterator[Server]:
    with open_http(*ROUTES, url="https://localhost") as opened:
        for subject in (b"first", b"second"):
            opened.run(opened.provider.deliver(0, MAIL % (subject, subject)))
        yield opened


def jam() -> str:
    """The module of the npm package jmap-jam, in a folder of `NODE_PATH`."""
    for folder in os.environ.get("NODE_PATH", "").split(os.pathsep):
        module = Path(folder) / "jmap-jam" / "dist" / "index.js"
        if folder and module.exists():
            return str(module)
    pytest.skip("the npm package jmap-jam is not installed (in NODE_PATH)")


def test_jam(server: Server) -> None:
    module = jam()
    token = server.run(server.provider.app_password(0, Scope.JMAP))
    done = subprocess.run(
        [
            need("node"),
            str(Path(__file__).with_name("jam.mjs")),
            module,
            f"https://localhost:{server.ports['https']}/.well-known/jmap",
            token,
        ],
        env={**os.environ, "NODE_EXTRA_CA_CERTS": str(certificate_file())},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    seen = json.loads(done.stdout)
    assert seen == {
        "seen": seen["seen"],
        "subjects": ["second", "first"],
        "updated": [seen["seen"]],
        "notUpdated": {"Mnone": {"type": "notFound"}},
        "snippet": "About <mark>jam</mark>, the second.",
        "created": ["d"],
        "filed": 1,
        "downloaded": "strawberries",
        "refused": "accountNotFound",
    }
    assert server.provider.messages(1) == 1
    assert server.provider.messages(0, mailbox="Sent") == 1


def test_jmapc(server: Server, monkeypatch: pytest.MonkeyPatch) -> None:
    # A folder of its own, and last: what it brings must not take the place of what we have
    monkeypatch.setattr(sys, "path", [*sys.path, *filter(None, [os.environ.get("JMAPC_PATH")])])
    try:
        jmapc: Any = importlib.import_module("jmapc")
        methods: Any = importlib.import_module("jmapc.methods")
    except ModuleNotFoundError:
        pytest.skip("the package jmapc is not installed (in JMAPC_PATH)")
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", str(certificate_file()))
    client = jmapc.Client.create_with_password(f"localhost:{server.ports['https']}", PEOPLE[0], PASSWORD)

    query = methods.EmailQuery(
        filter=jmapc.EmailQueryFilterCondition(body="the second"),
        sort=[jmapc.Comparator(property="receivedAt", is_ascending=False)],
    )
    _, got = client.request([query, methods.EmailGet(ids=jmapc.Ref("/ids"))], raise_errors=True)
    (email,) = got.response.data
    assert (email.subject, email.mail_from[0].name) == ("second", "Ann")
    assert email.preview == "About jam, the second."

    boxes = client.request(methods.MailboxGet(ids=None), raise_errors=True, single_response=True).data
    of_role = {box.role: box.id for box in boxes}
    (identity,) = client.request(methods.IdentityGet(), raise_errors=True, single_response=True).data
    draft = jmapc.Email(
        mail_from=[jmapc.EmailAddress(email=PEOPLE[0])],
        to=[jmapc.EmailAddress(email=PEOPLE[1])],
        subject="From jmapc",
        keywords={"$draft": True},
        mailbox_ids={of_role["drafts"]: True},
        body_values={"body": jmapc.EmailBodyValue(value="Hello.")},
        text_body=[jmapc.EmailBodyPart(part_id="body", type="text/plain")],
    )
    results = client.request(
        [
            methods.EmailSet(create={"draft": draft}),
            methods.EmailSubmissionSet(
                on_success_destroy_email=["#sent"],
                create={
                    "sent": jmapc.EmailSubmission(
                        email_id="#draft",
                        identity_id=identity.id,
                        envelope=jmapc.Envelope(
                            mail_from=jmapc.Address(email=PEOPLE[0]), rcpt_to=[jmapc.Address(email=PEOPLE[1])]
                        ),
                    )
                },
            ),
        ],
        raise_errors=True,
    )
    assert list(results[0].response.created) == ["draft"]
    assert results[1].response.created["sent"].undo_status.value == "final"
    assert server.provider.messages(1) == 1
    assert server.provider.messages(0, mailbox="Drafts") == 0

    server.run(server.provider.deliver(0, MAIL % (b"third", b"third")))
    failed = client.request(methods.EmailGet(ids=["Mnone"]), single_response=True)
    assert failed.not_found == ["Mnone"]
