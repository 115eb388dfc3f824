"""The table of services, and what derives from it."""

import pytest

from pillarbox.config.options import Applies, options
from pillarbox.config.sections.listen import Listen
from pillarbox.config.services import SERVICES, ServiceRow


def test_each_service_has_a_listen_option_with_its_sentence_and_port() -> None:
    found = {option.name: option for option in options(Listen)}

    assert list(found) == list(SERVICES)
    for row in SERVICES.values():
        option = found[row.name]
        registered = "" if row.usual else f" The registered port is {row.port}."
        assert option.description.sentence == f"{row.sentence}{registered}"
        assert option.description.applies is Applies.AT_START
        assert option.default == ((f"*:{row.port}",) if row.enabled else ())


@pytest.mark.parametrize("value", ["port", "demo_port", "sentence"])
def test_no_two_services_share(value: str) -> None:
    assert len({getattr(row, value) for row in SERVICES.values()}) == len(SERVICES)


@pytest.mark.parametrize("row", SERVICES.values(), ids=lambda row: row.name)
def test_a_row_is_complete(row: ServiceRow) -> None:
    assert row.sentence.endswith(".")
    assert row.demo_port >= 1024, "the demo has no privileges"
    assert row.protocol.value.endswith(b"\r\n")
    assert b"Too many connections" in row.protocol.value
