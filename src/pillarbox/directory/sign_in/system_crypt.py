"""The machine's own crypt(3), by which hashes of other servers are checked.

libxcrypt has all kinds; others have some, or none. What a machine can do is found by a known hash of each kind. The
memory for a check is the caller's, and Python lets other threads run meanwhile.
"""

from collections.abc import Callable
from functools import cache
from typing import Any, Final

MAX_OCTETS: Final = 128
"""Longer passwords fit no hash: what SHA-crypt costs grows with them."""
_MEMORY_OCTETS: Final = 256 * 1024
"""More than the `struct crypt_data` of any library: 32 KiB in libxcrypt, 128 KiB in the GNU C library before it."""
_LIBRARIES: Final = ("libcrypt.so.1", "libcrypt.so.2", "libcrypt.so")

_KNOWN: Final = {
    "$1$": "$1$abcdefgh$G//4keteveJp0qb8z2DxG/",
    "$2a$": "$2a$04$abcdefghijklmnopqrstuughE8Ev8uGFaUgY2cNEySvxngrb/Jzdm",
    "$2b$": "$2b$04$abcdefghijklmnopqrstuughE8Ev8uGFaUgY2cNEySvxngrb/Jzdm",
    "$2y$": "$2y$04$abcdefghijklmnopqrstuughE8Ev8uGFaUgY2cNEySvxngrb/Jzdm",
    "$5$": "$5$rounds=1000$abcdefgh$GEazsRB0Tipk2UJZtYJM/eHHRMtwea4Vnto3YxMbrG0",
    "$6$": "$6$rounds=1000$abcdefgh$"
    "wuAp2XWwaaguzVxZjeM2bd1yLSqbC/I9sr9DFeOfIPoAZiIj3ecL6rf9ibuAg8RDmh1vqbaeL0NSLJtGPF7b60",
    "$y$": "$y$j75$abcdefgh$hycRI05iyPwUdPZDaw/SJaABdj2h8B1Bgxi1Z/4Xke0",
}
"""Kinds, each with a hash of `password`."""
_PASSWORD: Final = b"password"


@cache
def can_check(kind: str) -> bool:
    """Whether this machine can check hashes that begin so, as `$6$`."""
    return kind in _KNOWN and matches(_KNOWN[kind], _PASSWORD)


def matches(hashed: str, password: bytes) -> bool:
    """Whether the password fits; `False` also where the machine does not know this kind. As slow as the hash says."""
    function = _function()
    if function is None or b"\0" in password or len(password) > MAX_OCTETS:
        return False
    found = function(password, hashed.encode())
    return isinstance(found, bytes) and found == hashed.encode()


@cache
def _function() -> Callable[[bytes, bytes], Any] | None:
    """`crypt_r`; `None` where there is none. Loaded where a hash of another server is checked, and nowhere else."""
    import ctypes

    for name in _LIBRARIES:
        try:
            function = ctypes.CDLL(name).crypt_r
        except (OSError, AttributeError):
            continue
        function.argtypes = [ctypes.c_char_p, ctypes.c_char_p, ctypes.c_void_p]
        function.restype = ctypes.c_char_p
        return lambda password, hashed: function(
            password, hashed, ctypes.create_string_buffer(_MEMORY_OCTETS)
        )
    return None
