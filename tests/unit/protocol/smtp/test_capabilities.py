import pytest

from pillarbox.protocol.smtp.capabilities import Role, offered
from tests.kit.smtp.conditions import conditions

ALWAYS = {
    "PIPELINING", "SIZE", "8BITMIME", "SMTPUTF8", "ENHANCEDSTATUSCODES", "CHUNKING",
    "BINARYMIME", "LIMITS",
}  # fmt: skip


def keywords(
    role: Role, *, tls: bool, mechanisms: tuple[str, ...] = (), tls_available: bool = True
) -> set[str]:
    given = conditions(role, tls_active=tls, tls_available=tls_available, mechanisms=mechanisms)
    return {line.split()[0] for line in offered(given).lines}


def test_the_list_by_role_tls_and_authentication() -> None:
    assert keywords(Role.MX, tls=False) == ALWAYS | {"STARTTLS"}
    assert keywords(Role.MX, tls=True) == ALWAYS | {"REQUIRETLS"}
    assert keywords(Role.MX, tls=False, tls_available=False) == ALWAYS
    assert keywords(Role.MX, tls=True, mechanisms=("PLAIN",)) == ALWAYS | {"REQUIRETLS"}
    assert keywords(Role.SUBMISSION, tls=False) == ALWAYS | {"DSN", "STARTTLS"}
    assert keywords(Role.SUBMISSION, tls=True, mechanisms=("PLAIN",)) == ALWAYS | {
        "DSN",
        "REQUIRETLS",
        "AUTH",
    }
    assert keywords(Role.LMTP, tls=False, tls_available=False) == ALWAYS | {"DSN"}


@pytest.mark.rfc("3207 §4.2", "MUST NOT")
def test_starttls_is_not_offered_twice() -> None:
    for role in Role:
        assert "STARTTLS" not in keywords(role, tls=True)


@pytest.mark.rfc("6409 §7", "MUST NOT")
def test_etrn_is_never_offered() -> None:
    for role in Role:
        assert "ETRN" not in keywords(role, tls=True)


def test_values() -> None:
    limits = {"message_octets": 1000, "recipients": 100, "transactions": 7}
    given = conditions(Role.SUBMISSIONS, tls_active=True, mechanisms=("PLAIN", "LOGIN"), **limits)
    lines = offered(given).lines
    assert "SIZE 1000" in lines
    assert "LIMITS MAILMAX=7 RCPTMAX=100" in lines
    assert "AUTH PLAIN LOGIN" in lines


@pytest.mark.rfc("4954 §5", "MUST")
def test_the_auth_parameter_is_understood_where_auth_was_announced_even_after_it() -> None:
    assert "AUTH" in offered(conditions(Role.SUBMISSION, tls_active=True)).mail
    assert "AUTH" not in offered(conditions(Role.MX, tls_active=True)).mail


def test_requiretls_needs_tls() -> None:
    assert "REQUIRETLS" in offered(conditions(Role.MX, tls_active=True)).mail
    assert "REQUIRETLS" not in offered(conditions(Role.MX, tls_available=True)).mail


def test_the_last_auth_line_names_no_mechanism_that_binds_to_the_channel() -> None:
    mechanisms = ("SCRAM-SHA-256-PLUS", "SCRAM-SHA-256", "PLAIN")
    lines = offered(conditions(Role.SUBMISSION, tls_active=True, mechanisms=mechanisms)).lines
    auth_lines = [line for line in lines if line.startswith("AUTH ")]
    assert auth_lines == ["AUTH SCRAM-SHA-256-PLUS SCRAM-SHA-256 PLAIN", "AUTH SCRAM-SHA-256 PLAIN"]
