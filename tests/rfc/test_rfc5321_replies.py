"""RFC 5321 §4.3.2: which reply codes each command may have; and §4.2: what a reply looks like."""

import re

import pytest

from pillarbox.protocol.smtp.capabilities import Role
from pillarbox.server.smtp.command_counts import SessionLimits
from tests.kit.smtp.provider import SmtpProvider, run_with_smtp

ANY = {421, 500, 501}
ALLOWED = {
    "EHLO": {250, 504, 550, 502},
    "HELO": {250, 504, 550, 502},
    # 530: RFC 3207 §4, RFC 4954 §6; 555: RFC 5321 §4.1.1.11
    "MAIL": {250, 552, 451, 452, 550, 553, 503, 455, 555, 530, 450},
    "RCPT": {250, 251, 550, 551, 552, 553, 450, 451, 452, 503, 455, 555},
    "DATA": {354, 250, 552, 554, 451, 452, 450, 550, 503},
    "RSET": {250},
    "VRFY": {250, 251, 252, 550, 551, 553, 502, 504},
    "EXPN": {250, 252, 550, 500, 502, 504},
    "HELP": {211, 214, 502, 504},
    "NOOP": {250},
    "QUIT": {221},
    # RFC 3207 §4, RFC 4954 §4 and §6, RFC 3030 §2
    "STARTTLS": {220, 501, 454, 503, 502},
    "AUTH": {334, 235, 432, 454, 500, 501, 503, 504, 530, 534, 535, 538, 502},
    "BDAT": {250, 503, 552, 554, 451, 452, 450, 550},
}
COMMANDS = [
    "NOOP", "RSET", "VRFY anna", "EXPN crew", "HELP", "HELP MAIL", "MAIL FROM:<a@mail.example>",
    "RCPT TO:<a@b.example>", "DATA", "BDAT 0 LAST", "AUTH PLAIN =", "EHLO client.example",
    "MAIL FROM:<a@mail.example> FOO", "MAIL FROM:<a@mail.example> SIZE=999999999",
    "MAIL FROM:<ü@mail.example>",
    "MAIL FROM:<a@mail.example>", "MAIL FROM:<>", "DATA", "RCPT TO:<nobody@one.example>",
    "RCPT TO:<x@elsewhere.example>", "RCPT TO:<ü@one.example>", "RCPT TO:<anna@one.example> SIZE=1",
    "BDAT 0 LAST", "RSET", "MAIL FROM:<anna@one.example>", "AUTH PLAIN", "RCPT TO:<anna@one.example>",
    "BDAT 0 LAST", "AUTH FOO", "STARTTLS now", "HELO client.example", "STARTTLS", "STARTTLS", "QUIT",
]  # fmt: skip
REPLY = re.compile(r"(?:[2-5]\d\d-[^\r\n]*\r\n)*[2-5]\d\d [^\r\n]*\r\n")
ENHANCED = re.compile(r"([245])\d\d[ -]([245])\.\d{1,3}\.\d{1,3} ")


@pytest.mark.rfc("5321 §4.3.2", "SHOULD")
@pytest.mark.rfc("2034 §4", "MUST")
@pytest.mark.parametrize("role", [Role.MX, Role.SUBMISSION])
def test_codes_of_replies(role: Role) -> None:
    async def test(provider: SmtpProvider) -> None:
        client = provider.client(role, session_limits=SessionLimits(errors=100))
        await client.connect()
        for command in COMMANDS:
            verb = command.split()[0]
            answer = await client.say(command)
            assert REPLY.fullmatch(answer), answer
            code = int(answer[:3])
            assert code in ALLOWED[verb] | ANY, f"{command}: {answer}"
            assert len({line[:3] for line in answer.splitlines()}) == 1
            if verb not in ("EHLO", "HELO") and code not in (334, 354):
                for line in answer.splitlines():
                    enhanced = ENHANCED.match(line)
                    assert enhanced, line
                    assert enhanced[1] == enhanced[2]

    run_with_smtp(test)
