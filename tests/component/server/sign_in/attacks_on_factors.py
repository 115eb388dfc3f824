"""Attacks on sign-ins that need more than a password: steps and codes."""

from collections.abc import Callable
from typing import Final

from tests.component.server.sign_in.attacks_on_sessions import MINE, after, change
from tests.kit import second_factor
from tests.kit.attack import Attack, Place, cookie, shown, status
from tests.kit.http.server import HttpClient, authorization
from tests.kit.http.signing_in import PREFIX, post

WRONG: Final = "abcdef"
"""No code, whatever the time."""
RECOVERY: Final = second_factor.RECOVERY_CODES


def step(place: Place, client: HttpClient) -> str:
    """The cookie of a sign-in whose password was right."""
    answer = post(client, MINE)
    assert answer.status == 202, answer.body
    return cookie(answer, "pillarbox-step")


def code(place: Place, steps: int = 0) -> str:
    """What the victim's app shows."""
    return second_factor.code(place.world.clock.now_ms(), steps=steps)


def with_codes(
    place: Place,
    *codes: str | int,
    same_step: bool = False,
    meanwhile: Callable[[Place], object] = bool,
) -> str:
    """What is answered to the last of these: codes, or steps of thirty seconds from now on; each in a sign-in of its
    own, or all in the same."""
    second_factor.add_factor(place.server)
    with place.browser() as client:
        begun, answer = "", None
        for one in codes:
            begun = begun if same_step and begun else step(place, client)
            meanwhile(place)
            told = one if isinstance(one, str) else code(place, one)
            answer = post(client, {"code": told}, cookie=begun)
        assert answer is not None
        return status(answer)


def with_step_as_session(place: Place) -> str:
    """The token of a step, in the session's cookie."""
    second_factor.add_factor(place.server)
    with place.browser() as client:
        token = step(place, client).partition("=")[2]
        return shown(client, f"{PREFIX}pillarbox={token}")


def without_step(place: Place) -> str:
    """A right code with a step that nobody has begun."""
    second_factor.add_factor(place.server)
    with place.browser() as client:
        return status(post(client, {"code": code(place)}, cookie=f"{PREFIX}pillarbox-step={'A' * 43}"))


def by_basic(place: Place, person: int = 0) -> str:
    """The password alone, as programs show it, past the second factor."""
    second_factor.add_factor(place.server)
    with place.browser() as client:
        return status(client.ask("GET /jmap/session", {"Authorization": authorization(person)}))


ATTACKS: Final = (
    Attack(
        "a code that was used already",
        lambda p: with_codes(p, *[code(p)] * 2),
        "403",
        lambda p: with_codes(p, 0),
        "200",
    ),
    Attack(
        "a code older than the last one",
        lambda p: with_codes(p, 1, 0),
        "403",
        lambda p: with_codes(p, 0, 1),
        "200",
    ),
    Attack(
        "a code of a clock that is late",
        lambda p: with_codes(p, -3),
        "403",
        lambda p: with_codes(p, 0),
        "200",
    ),
    Attack(
        "a code of a clock that is early",
        lambda p: with_codes(p, 3),
        "403",
        lambda p: with_codes(p, 0),
        "200",
    ),
    Attack(
        "codes are guessed: five tries, and then not even the right one",
        lambda p: with_codes(p, *[WRONG] * 5, 0, same_step=True),
        "410",
        lambda p: with_codes(p, *[WRONG] * 4, 0, same_step=True),
        "200",
    ),
    Attack(
        "a recovery code twice",
        lambda p: with_codes(p, RECOVERY[0], RECOVERY[0]),
        "403",
        lambda p: with_codes(p, RECOVERY[0], RECOVERY[1]),
        "200",
    ),
    Attack(
        "a step is completed twice",
        lambda p: with_codes(p, 0, 1, same_step=True),
        "410",
        lambda p: with_codes(p, 0, 1),
        "200",
    ),
    Attack(
        "a step whose password was changed meanwhile",
        lambda p: with_codes(p, 0, meanwhile=change),
        "410",
        lambda p: with_codes(p, 0),
        "200",
    ),
    Attack("a code without a password before it", without_step, "410", lambda p: with_codes(p, 0), "200"),
    Attack("a step's token as that of a session", with_step_as_session, "401", after, "200"),
    Attack("past the second factor as a program", by_basic, "401", lambda p: by_basic(p, 1), "200"),
)
