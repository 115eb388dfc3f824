"""Looking up many values at once."""

import pytest

from pillarbox.mail.lookup import each_of


def test_values_come_in_the_order_of_their_keys() -> None:
    assert list(each_of("abc", (2, 0, 2))) == ["c", "a", "c"]
    assert list(each_of({"x": 1}, ("x",))) == [1]
    assert list(each_of({"x": 1}, ())) == []


@pytest.mark.parametrize("keys", [(3,), (0, 3)])
def test_what_is_not_there_raises(keys: tuple[int, ...]) -> None:
    with pytest.raises(IndexError):
        each_of("abc", keys)
