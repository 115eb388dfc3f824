"""SearchSnippet/get: RFC 8621 §5."""

from typing import Any

import pytest

from pillarbox.protocol.jmap.limits import Limits
from tests.kit.jmap.client import JmapClient, run_with_jmap
from tests.kit.jmap.emails import PLAIN, called, delivered, failed

LONG = PLAIN.replace(b"How", b"word " * 20_000 + b"How")


@pytest.mark.parametrize(
    ("chosen", "subject", "preview"),
    [
        ({"text": "hello"}, "<mark>Hello</mark>", None),
        ({"text": "ARE"}, None, "How <mark>are</mark> you?"),
        ({"subject": "how hell"}, "<mark>Hell</mark>o", None),
        ({"body": '"are you" nothing'}, None, "How <mark>are you</mark>?"),
        ({"from": "Bea"}, None, None),
        (None, None, None),
        ({}, None, None),
        (
            {"operator": "AND", "conditions": [{"subject": "lo"}, {"body": "how"}]},
            "Hel<mark>lo</mark>",
            "<mark>How</mark> are you?",
        ),
        ({"operator": "NOT", "conditions": [{"text": "hello"}]}, None, None),
    ],
)
@pytest.mark.rfc("8621 §5", "MUST")
def test_snippets(chosen: Any, subject: str | None, preview: str | None) -> None:
    async def test(client: JmapClient) -> None:
        email = await delivered(client)
        said = await called(client, "SearchSnippet/get", filter=chosen, emailIds=[email, "M5", "nobody"])
        assert said["list"] == [{"emailId": email, "subject": subject, "preview": preview}]
        assert said["notFound"] == ["M5", "nobody"]

    run_with_jmap(test)


def test_a_long_message() -> None:
    async def test(client: JmapClient) -> None:
        email = await delivered(client, LONG)
        said = await called(client, "SearchSnippet/get", filter={"body": "you"}, emailIds=[email])
        assert said["list"][0]["preview"].endswith("How are <mark>you</mark>?")
        assert said["notFound"] is None
        assert client.provider.world.memory.used_octets == 0

    run_with_jmap(test)


@pytest.mark.parametrize(
    ("arguments", "kind"),
    [
        ({"emailIds": ["M1", "M2", "M3"]}, "requestTooLarge"),
        ({"filter": {"colour": "red"}}, "unsupportedFilter"),
        ({"filter": {"text": 5}}, "invalidArguments"),
        ({"emailIds": None}, "invalidArguments"),
    ],
)
@pytest.mark.rfc("8621 §5.1", "MUST")
def test_errors(arguments: dict[str, Any], kind: str) -> None:
    async def test(client: JmapClient) -> None:
        given = {"emailIds": ["M1"], **arguments}
        assert (await failed(client, "SearchSnippet/get", **given))["type"] == kind

    run_with_jmap(test, limits=Limits(max_objects_in_get=2))
