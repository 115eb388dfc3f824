"""Which language a browser is answered in."""

import pytest

from pillarbox.server.pages.language import MAX_FIELD_CHARACTERS, Language, preferred


@pytest.mark.parametrize(
    ("field", "language"),
    [
        ("", "en"),
        ("de", "de"),
        ("de-AT,de;q=0.9,en;q=0.8", "de"),
        ("en-US,en;q=0.5,de;q=0.4", "en"),
        ("fr, de;q=0.5", "de"),
        ("fr", "en"),
        ("fr,*;q=0.1", "en"),
        ("en;q=0.3, DE;q=0.4", "de"),
        ("de;q=0, en;q=0.1", "en"),
        ("de;q=0", "en"),
        ("de;q=nan", "en"),
        ("de;q=inf, en;q=0.1", "en"),
        ("de;q=1e3", "en"),
        ("de;q=0.5000", "en"),
        ("de;x=1", "en"),
        (";;,,=,q", "en"),
        ("x," * MAX_FIELD_CHARACTERS + "de", "en"),
    ],
)
@pytest.mark.rfc("9110 §12.5.4", "MAY")
def test_the_preferred_language(field: str, language: str) -> None:
    assert preferred(field) is Language(language)
