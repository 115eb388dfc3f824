"""Results that are kept in `benchmarks/results/`, and how two of them differ.

    python3 benchmarks/results.py                    # list them
    python3 benchmarks/results.py BEFORE AFTER       # names from the list, or files of any benchmark's --json
    python3 benchmarks/results.py keep FILE [NAME]   # keep what compare.py wrote; benchmarks/run does it

Of a run beside other servers, what is compared is the ratio to the better of them in the same run: the machine is
slower in one hour than in another, for all of them alike. Of other results, each number.
"""

import json
import os
import subprocess
import sys
import time
from pathlib import Path
from typing import Any, Final

HERE: Final = Path(__file__).resolve().parent
KEPT: Final = HERE / "results"
OURS: Final = "pillarbox"
SMALLER_IS_BETTER: Final = ("_ms", "latency", "kib")
"""Parts of the names of figures of which less is better; of all others, more."""


def keep(file: Path, name: str) -> Path:
    """Keep the medians, with what is needed to judge them."""
    workloads = json.loads(file.read_text())
    for servers in workloads.values():
        for figures in servers.values():
            figures.pop("rounds", None)
    commit = subprocess.run(
        ["git", "rev-parse", "--short=10", "HEAD"], cwd=HERE, capture_output=True, text=True
    )
    kept = {
        "commit": commit.stdout.strip(),
        "at": time.strftime("%Y-%m-%d %H:%M"),
        "python": python(),
        "cores": os.cpu_count(),
        "workers": int(os.environ.get("WORKERS", "1")),
        "workloads": workloads,
    }
    KEPT.mkdir(exist_ok=True)
    path = KEPT / f"{name or time.strftime('%Y-%m-%d-%H%M')}.json"
    path.write_text(json.dumps(kept, indent=1) + "\n")
    return path


def python() -> str:
    """The version of the interpreter that `PYTHON` names, and how it was built, as far as it knows."""
    program = (
        "import platform, sys, sysconfig; print(platform.python_version(), sys.base_prefix,"
        " '--enable-optimizations' in (sysconfig.get_config_var('CONFIG_ARGS') or ''))"
    )
    named = os.environ.get("PYTHON", sys.executable)
    told = subprocess.run([named, "-c", program], check=True, capture_output=True, text=True).stdout.split()
    version, prefix, optimized = told
    built = (
        "the distribution's" if prefix == "/usr" else "optimized" if optimized == "True" else "not optimized"
    )
    return f"{version}, {built}"


def figures(path: Path) -> dict[str, float]:
    """What of it is compared, by name."""
    found = json.loads(path.read_text())
    if "workloads" not in found and not _is_beside(found):
        return dict(_flat(found))
    return {
        name: ratio
        for name, servers in found.get("workloads", found).items()
        for name, ratio in _ratios(name, servers)
    }


def _is_beside(found: dict[str, Any]) -> bool:
    return any(isinstance(servers, dict) and OURS in servers for servers in found.values())


def _ratios(name: str, servers: dict[str, dict[str, Any]]) -> list[tuple[str, float]]:
    ours = servers.get(OURS, {})
    key = ours.get("key", "")
    if key not in ours:
        return []
    smaller = any(part in key.lower() for part in SMALLER_IS_BETTER)
    peers = [found for peer, found in servers.items() if peer != OURS and found.get(key)]
    if not peers or not ours[key]:
        return [(name, float(ours[key]))]
    speeds = [ours[key] / peer[key] for peer in peers]
    ratios = [(name, 1 / max(speeds) if smaller else min(speeds))]
    cpu = [peer["cpu_ms_per"] for peer in peers if peer.get("cpu_ms_per")]
    if cpu and ours.get("cpu_ms_per"):
        ratios.append((f"{name}, CPU", min(cpu) / ours["cpu_ms_per"]))
    return ratios


def _flat(found: Any, name: str = "") -> list[tuple[str, float]]:
    if isinstance(found, dict):
        return [each for key, value in found.items() for each in _flat(value, f"{name} {key}".strip())]
    return [(name, float(found))] if isinstance(found, int | float) and not isinstance(found, bool) else []


def compare(before: Path, after: Path) -> None:
    """Print each figure of both, and the second by the first."""
    old, new = figures(before), figures(after)
    width = max(map(len, {*old, *new}), default=0)
    print(f"{'':{width}} {before.stem:>14.14} {after.stem:>14.14}  after/before")
    for name in dict.fromkeys([*old, *new]):
        one, other = old.get(name), new.get(name)
        shown = [f"{value:14,.2f}" if value is not None else f"{'-':>14}" for value in (one, other)]
        print(
            f"{name:{width}} {' '.join(shown)}", f"{other / one:10.2f}" if one and other is not None else ""
        )


def _located(name: str) -> Path:
    return next(
        (path for path in (Path(name), KEPT / name, KEPT / f"{name}.json") if path.is_file()), Path(name)
    )


def main(words: list[str]) -> None:
    if words[:1] == ["keep"] and len(words) in (2, 3):
        print(f"kept: {keep(Path(words[1]), words[2] if len(words) > 2 else '')}")
    elif len(words) == 2:
        compare(_located(words[0]), _located(words[1]))
    elif not words:
        for path in sorted(KEPT.glob("*.json")):
            found = json.loads(path.read_text())
            about = ", ".join(
                f"{key} {found[key]}" for key in ("commit", "python", "workers") if key in found
            )
            print(f"{path.stem}: {about}")
    else:
        sys.exit(__doc__)


if __name__ == "__main__":
    main(sys.argv[1:])
