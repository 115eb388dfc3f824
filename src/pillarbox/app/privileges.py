"""Dropping root's privileges: for good once the ports are bound, or while a command works in the data directory.

What always holds: files in the data directory are created only as the user who owns it, so that a command run by
root never leaves a file behind that the server can't use.
"""

import grp
import os
import pwd
import sys
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

T = TypeVar("T")


class NoSuchUser(Exception):
    """The configured user or group does not exist on this machine."""


class PythonUnreadable(Exception):
    """The user that we have become can't read the files of Python's modules. The text says what to do."""


@dataclass(frozen=True, slots=True)
class Identity:
    """A user and a group, by their numbers."""

    user: int
    group: int
    name: str


def identity(user: str, group: str = "") -> Identity:
    """Look up a user, and a group (by default the user's own). Raises `NoSuchUser`, which says how to create it."""
    try:
        entry = pwd.getpwnam(user)
    except KeyError:
        raise NoSuchUser(
            f"No such user: '{user}'. Create it with: useradd --system --home-dir /var/lib/pillarbox "
            f"--shell /usr/sbin/nologin {user}; or set another: `user` in the configuration, --user of init"
        ) from None
    try:
        number = grp.getgrnam(group).gr_gid if group else entry.pw_gid
    except KeyError:
        raise NoSuchUser(f"No such group: '{group}'. Create it with: groupadd --system {group}") from None
    return Identity(entry.pw_uid, number, user)


def drop(to: Identity) -> None:
    """Become this user for good. Does nothing unless run as root."""
    if os.geteuid() != 0 or to.user == 0:
        return
    os.initgroups(to.name, to.group)
    os.setgid(to.group)
    os.setuid(to.user)
    assert os.getresuid() == (to.user,) * 3, "privileges were not given up"


def unreadable_python() -> PythonUnreadable | None:
    """What is wrong if modules, which are loaded when they are first needed, can't be by the user we have become."""
    loaded = (getattr(module, "__file__", None) for module in [*sys.modules.values()])
    for path in (*filter(None, loaded), *filter(None, sys.path)):
        if not os.access(path, os.R_OK, effective_ids=True) and not _is_missing(path):
            return PythonUnreadable(
                f"The user '{_name_of(os.geteuid())}' can't read {path}. Install Pillarbox with a Python "
                "that every user can read, such as: /usr/bin/python3 -m venv /opt/pillarbox"
            )
    return None


def _is_missing(path: str) -> bool:
    """Whether there is no such path, as far as we may look: `sys.path` has folders that need not exist."""
    try:
        Path(path).stat()
    except (FileNotFoundError, NotADirectoryError):
        return True
    except OSError:
        pass
    return False


def _name_of(user: int) -> str:
    try:
        return pwd.getpwuid(user).pw_name
    except KeyError:
        return str(user)


@contextmanager
def as_owner_of(path: Path) -> Iterator[None]:
    """Run the block as the owner of this path, where root runs it; see `as_invoker`.

    Raises `PythonUnreadable` where the block could not load a module as that user.
    """
    if os.geteuid() != 0:
        yield
        return
    owner = path.stat()
    groups = os.getgroups()
    os.setgroups([owner.st_gid])
    os.setegid(owner.st_gid)
    os.seteuid(owner.st_uid)
    try:
        yield
    except (ImportError, LookupError, PermissionError) as failure:
        unreadable = unreadable_python() if _is_of_module(failure) else None
        if unreadable is None:
            raise
        raise unreadable from failure
    finally:
        os.seteuid(0)
        os.setegid(os.getgid())
        os.setgroups(groups)


def _is_of_module(failure: ImportError | LookupError | PermissionError) -> bool:
    """Whether a module could not be loaded. Codecs are modules as well: whoever asks for one gets LookupError."""
    match failure:
        case PermissionError():
            return str(failure.filename).endswith((".py", ".pyc", ".so"))
        case LookupError():
            return str(failure).startswith("unknown encoding")
        case _:
            return True


@contextmanager
def as_invoker() -> Iterator[None]:
    """Within `as_owner_of`: run the block as the user who started the command, for files outside the data directory."""
    user, group = os.geteuid(), os.getegid()
    if os.getuid() == user:
        yield
        return
    os.seteuid(os.getuid())
    os.setegid(os.getgid())
    try:
        yield
    finally:
        os.setegid(group)
        os.seteuid(user)


@contextmanager
def held_as_invoker(context: AbstractContextManager[T]) -> Iterator[T]:
    """Within `as_owner_of`: a context that is entered and left as the user who started the command."""
    with as_invoker():
        value = context.__enter__()
    try:
        yield value
    finally:
        with as_invoker():
            context.__exit__(*sys.exc_info())
