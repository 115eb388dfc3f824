"""Mark certificates are fetched and checked where the configuration names whom to believe."""

from datetime import timedelta
from pathlib import Path

import pytest

from pillarbox.trust.bimi import MAX_EVIDENCE_OCTETS, MAX_IMAGE_OCTETS, image_of
from pillarbox.trust.questions import Page
from pillarbox.web import FetchFailed
from tests.kit.marks import NOW, SVG, Issuer, logotype
from tests.kit.smtp.indicators import IMAGE, MARK, URL, Receiver, Web, publish
from tests.kit.smtp.provider import SmtpProvider, run_with_smtp


def roots_file(folder: Path, *roots: Issuer) -> Path:
    path = folder / "roots.pem"
    path.write_bytes(b"".join(each.pem() for each in roots))
    return path


def marked(mark: Page | FetchFailed) -> Web:
    return Web({URL: IMAGE, MARK: mark})


def test_without_roots_mark_certificates_are_not_looked_at() -> None:
    async def test(provider: SmtpProvider) -> None:
        publish(provider)
        web = marked(Page("", Issuer("root").mark(["example.org"])))
        receiver = Receiver(provider, web)
        await receiver.taken()
        assert await receiver.taken() == "pass"
        assert receiver.examined["policy.authority"] == "none"
        assert web.fetched == [URL]

    run_with_smtp(test)


def test_a_mark_certificate_is_fetched_as_the_image_is(tmp_path: Path) -> None:
    async def test(provider: SmtpProvider) -> None:
        publish(provider)
        root = Issuer("root")
        between = Issuer("between", root)
        web = marked(Page("", between.mark(["example.org"]) + between.pem()))
        receiver = Receiver(provider, web, roots=roots_file(tmp_path, Issuer("other"), root))
        assert await receiver.taken() == ""
        for _ in range(2):
            assert await receiver.taken() == "pass"
        assert receiver.examined["policy.authority"] == "pass"
        assert receiver.examined["policy.authority-uri"] == MARK
        assert "policy.authority=pass" in receiver.field
        assert web.fetched == [MARK, URL]
        assert [each["max_octets"] for each in web.limits] == [MAX_EVIDENCE_OCTETS, MAX_IMAGE_OCTETS]

    run_with_smtp(test)


def test_a_domain_without_a_mark_certificate(tmp_path: Path) -> None:
    async def test(provider: SmtpProvider) -> None:
        publish(provider, record=f"v=BIMI1; l={URL}")
        receiver = Receiver(provider, Web(), roots=roots_file(tmp_path, Issuer("root")))
        await receiver.taken()
        assert await receiver.taken() == "pass"
        assert receiver.examined["policy.authority"] == "none"

    run_with_smtp(test)


ROOT = Issuer("root")


@pytest.mark.parametrize(
    ("mark", "authority", "reason"),
    [
        (Page("", Issuer("other").mark(["example.org"])), "fail", "no root that is believed"),
        (
            Page("", ROOT.mark(["example.org"], until=NOW - timedelta(days=1))),
            "fail",
            "not valid at this time",
        ),
        (Page("", ROOT.mark(["example.com"])), "fail", "the mark certificate is for other domains"),
        (
            Page("", ROOT.mark(["example.org"], extension=logotype(SVG.replace(b"red", b"blue")))),
            "pass",
            "the indicator is not the one of the mark certificate",
        ),
        (Page("", b"x" * 1000), "fail", "one to 6 certificates"),
        (FetchFailed("no answer", "timeout"), "fail", "could not be fetched: no answer"),
    ],
)
def test_evidence_that_does_not_hold(
    tmp_path: Path, mark: Page | FetchFailed, authority: str, reason: str
) -> None:
    async def test(provider: SmtpProvider) -> None:
        publish(provider)
        receiver = Receiver(provider, marked(mark), roots=roots_file(tmp_path, ROOT))
        await receiver.taken()
        assert await receiver.taken() == "fail"
        assert receiver.examined["policy.authority"] == authority
        assert reason in receiver.kept.reason
        assert image_of([receiver.kept]) is None

    run_with_smtp(test)


def test_what_is_proven_is_proven_until_a_certificate_ends(tmp_path: Path) -> None:
    async def test(provider: SmtpProvider) -> None:
        publish(provider)
        web = marked(Page("", ROOT.mark(["example.org"], until=NOW + timedelta(hours=1))))
        receiver = Receiver(provider, web, roots=roots_file(tmp_path, ROOT))
        await receiver.taken()
        assert await receiver.taken() == "pass"
        await receiver.clock.advance(3600)
        assert await receiver.taken() == "pass"
        await receiver.clock.advance(1)
        assert await receiver.taken() == ""
        assert await receiver.taken() == "fail"

    run_with_smtp(test)


def test_who_believes_others_looks_anew(tmp_path: Path) -> None:
    async def test(provider: SmtpProvider) -> None:
        publish(provider)
        web = marked(Page("", ROOT.mark(["example.org"])))
        receiver = Receiver(provider, web)
        await receiver.taken()
        for roots, result in (((ROOT,), "pass"), ((Issuer("other"),), "fail")):
            receiver = Receiver(provider, web, roots=roots_file(tmp_path, *roots))
            assert await receiver.taken() == ""
            assert await receiver.taken() == result

    run_with_smtp(test)


def test_where_the_roots_cannot_be_read_mail_comes_without_images(tmp_path: Path) -> None:
    async def test(provider: SmtpProvider) -> None:
        publish(provider)
        web = marked(Page("", ROOT.mark(["example.org"])))
        receiver = Receiver(provider, web, roots=tmp_path / "nowhere.pem")
        for _ in range(2):
            assert await receiver.taken() == ""
        assert web.fetched == []
        (fields,) = [fields for name, fields in provider.telemetry.events if name == "no BIMI"]
        assert "nowhere.pem" in str(fields["reason"])

    run_with_smtp(test)
