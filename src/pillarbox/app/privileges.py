"""Giving privileges up: for good once the ports are bound, or while a command works on somebody's data.

What is always true: nothing in the data directory is made by another user than the one it belongs to, so that a
command of root's never leaves a file behind that the server can't use.
"""

import grp
import os
import pwd
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path


class NoSuchUser(Exception):
    """The configuration names a user or group that this machine does not have."""


@dataclass(frozen=True, slots=True)
class Identity:
    """A user with a group, as the kernel knows them."""

    user: int
    group: int
    name: str


def identity(user: str, group: str = "") -> Identity:
    """Look a user up; without `group`, with its own. Raises `NoSuchUser`, which says how to make one."""
    try:
        entry = pwd.getpwnam(user)
    except KeyError:
        raise NoSuchUser(
            f"There is no user '{user}'. Make one: useradd --system --home-dir /var/lib/pillarbox "
            f"--shell /usr/sbin/nologin {user}; or name another: user = ..."
        ) from None
    try:
        number = grp.getgrnam(group).gr_gid if group else entry.pw_gid
    except KeyError:
        raise NoSuchUser(f"There is no group '{group}'. Make one: groupadd --system {group}") from None
    return Identity(entry.pw_uid, number, user)


def drop(to: Identity) -> None:
    """Become this user for good. Does nothing for those who are no root."""
    if os.geteuid() != 0 or to.user == 0:
        return
    os.initgroups(to.name, to.group)
    os.setgid(to.group)
    os.setuid(to.user)
    assert os.getresuid() == (to.user,) * 3, "privileges were not given up"


@contextmanager
def as_owner_of(path: Path) -> Iterator[None]:
    """Work as the user this belongs to, where root is told to; see `as_invoker`."""
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
    finally:
        os.seteuid(0)
        os.setegid(os.getgid())
        os.setgroups(groups)


@contextmanager
def as_invoker() -> Iterator[None]:
    """Within `as_owner_of`: be who started the command, to read or write files outside the data directory."""
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
