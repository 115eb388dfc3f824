"""The shortest password, and those that are known to be stolen, looked up in a file."""

import hashlib
import os
from pathlib import Path

import pytest

from pillarbox.admin.password_rules import FileUnusable, PasswordRules, check_file, times_seen
from pillarbox.directory.naming import NameRefused


def digest(password: str) -> str:
    return hashlib.sha1(password.encode(), usedforsecurity=False).hexdigest().upper()


def file_of(folder: Path, lines: list[str], end: str = "\r\n", last: str = "\r\n") -> Path:
    path = folder / "pwned"
    path.write_bytes((end.join(lines) + (last if lines else "")).encode())
    return path


@pytest.mark.parametrize("count", [1, 2, 3, 10, 1000])
@pytest.mark.parametrize(("end", "last"), [("\r\n", "\r\n"), ("\n", "\n"), ("\n", "")])
def test_every_line_is_found_and_nothing_else(tmp_path: Path, count: int, end: str, last: str) -> None:
    words = [f"word{number}" for number in range(count)]
    seen = {digest(word): (number * 7919) % 10**9 + 1 for number, word in enumerate(words)}
    path = file_of(tmp_path, [f"{one}:{seen[one]}" for one in sorted(seen)], end, last)
    check_file(path)
    for word in words:
        assert times_seen(path, word) == seen[digest(word)]
    assert not any(times_seen(path, f"other{number}") for number in range(300))


def test_a_file_may_be_in_lower_case_and_without_counts(tmp_path: Path) -> None:
    hashes = sorted(digest(f"w{number}").lower() for number in range(50))
    path = file_of(tmp_path, hashes)
    check_file(path)
    assert times_seen(path, "w7") == 1
    assert times_seen(path, "w50") == 0


def test_a_lookup_reads_little(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = file_of(tmp_path, sorted(f"{digest(str(number))}:1" for number in range(4096)))
    reads = []
    pread = os.pread

    def counted(opened: int, octets: int, place: int) -> bytes:
        reads.append(octets)
        return pread(opened, octets, place)

    monkeypatch.setattr(os, "pread", counted)
    assert times_seen(path, "77") == 1
    assert len(reads) < 40
    assert sum(reads) < 10_000


@pytest.mark.parametrize(
    ("octets", "why"),
    [
        (b"", "empty"),
        (b"\n" * 1000, "hash"),
        (b"hello\n", "hash"),
        (b"x" * 5000, "too long"),
        (b"\0" * 5000, "too long"),
        ((digest("b") + ":1\n" + digest("a") + ":1\n").encode() * 500, "sorted"),
        (b"5f4dcc3b5aa765d61d8327deb882cf99\n" * 99, "hash"),
    ],
)
def test_another_file_is_refused(tmp_path: Path, octets: bytes, why: str) -> None:
    path = tmp_path / "pwned"
    path.write_bytes(octets)
    with pytest.raises(FileUnusable, match=why):
        check_file(path)


def test_what_is_no_file_is_refused(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    for path in (tmp_path / "pipe", tmp_path):
        with pytest.raises(FileUnusable, match="no regular file"):
            check_file(path)
    with pytest.raises(FileNotFoundError):
        check_file(tmp_path / "none")


def test_rules(tmp_path: Path) -> None:
    path = file_of(tmp_path, sorted([f"{digest('open sesame')}:3", f"{digest('long secret')}:1"]))
    rules = PasswordRules(10, path)
    rules.check("nobody knows")
    for password, why in (
        ("123456789", "too short: it needs 10 characters"),
        ("open sesame", "seen 3 times"),
        ("long secret", "seen once"),
    ):
        with pytest.raises(NameRefused, match=why) as refused:
            rules.check(password)
        assert password not in str(refused.value)
    PasswordRules().check("open sesame")
    PasswordRules().check("12345678")
    rules.check("")
