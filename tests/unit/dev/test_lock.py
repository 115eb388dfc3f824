"""The lock of development and CI fits `pyproject.toml`."""

import re
import tomllib

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from tests.kit.paths import ROOT

LOCK = (ROOT / "dev" / "requirements.lock").read_text("utf-8")
ENTRY = re.compile(
    r"^([\w.-]+)==(\S+)(?: ; [^\\]+)? \\\n((?:    --hash=sha256:[0-9a-f]{64}(?: \\)?\n)+)", re.MULTILINE
)
VERSIONS = {canonicalize_name(name): version for name, version, _hashes in ENTRY.findall(LOCK)}
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))


def wanted() -> list[str]:
    project = PROJECT["project"]
    return [
        *project["dependencies"],
        *project["optional-dependencies"]["dev"],
        *PROJECT["build-system"]["requires"],
    ]


@pytest.mark.parametrize("line", wanted())
def test_every_requirement_is_locked_at_a_version_that_fits(line: str) -> None:
    requirement = Requirement(line)
    version = VERSIONS.get(canonicalize_name(requirement.name))
    assert version is not None, "run dev/lock"
    assert requirement.specifier.contains(version, prereleases=True), "run dev/lock"


def test_the_lock_holds_versions_and_hashes_and_nothing_else() -> None:
    """No address and no index: those are the machine's business."""
    assert ENTRY.sub("", LOCK) == ""
