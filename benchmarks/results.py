"""Results that are kept in `benchmarks/results/`, and how two of them differ.

    python3 benchmarks/results.py                    # list them
    python3 benchmarks/results.py table NAME         # all columns of one, and its ratios
    python3 benchmarks/results.py BEFORE AFTER       # names from the list, or files of any benchmark's --json
    python3 benchmarks/results.py keep FILE [NAME]   # keep what compare.py wrote, and say where

Of a run beside other servers, what is compared is the ratio to the better of them in the same run: the machine is
slower in one hour than in another, for all of them alike; that of the pure build, and that of the compiled one where
it ran. Of other results, each number.
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
OURS: Final = {"pillarbox": "pure", "pillarbox-compiled": "compiled"}
"""Our own servers in `servers.toml`, and which build each is."""
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
        "builds": {
            server: version(build)
            for server, build in OURS.items()
            if any(server in servers for servers in workloads.values())
        },
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


def version(build: str) -> str:
    """What `pillarbox --version` says of this build."""
    return subprocess.run(
        [HERE / "pillarbox", "version"],
        check=True,
        capture_output=True,
        text=True,
        env={**os.environ, "BUILD": build},
    ).stdout.strip()


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
    return any(
        isinstance(servers, dict) and not OURS.keys().isdisjoint(servers) for servers in found.values()
    )


def _ratios(name: str, servers: dict[str, dict[str, Any]]) -> list[tuple[str, float]]:
    found = []
    for server, build in OURS.items():
        ours = servers.get(server, {})
        key, title = ours.get("key", ""), name if build == "pure" else f"{name}, {build}"
        if not ours.get(key):
            continue
        ratio = beside_better(servers, ours, key)
        found.append((title, float(ours[key]) if ratio is None else ratio))
        cpu = beside_better(servers, ours, "cpu_ms_per")
        if cpu is not None:
            found.append((f"{title}, CPU", cpu))
    return found


def beside_better(servers: dict[str, dict[str, Any]], ours: dict[str, Any], key: str) -> float | None:
    """How much better one of ours is than the better of the other servers; above 1 it is."""
    others = [found[key] for server, found in servers.items() if server not in OURS and found.get(key)]
    if not others or not ours.get(key):
        return None
    if any(part in key.lower() for part in SMALLER_IS_BETTER):
        return float(min(others) / ours[key])
    return float(ours[key] / max(others))


def table(path: Path) -> None:
    """Print, in Markdown, what each server did, and the ratio of each of ours to the better of the others."""
    found = json.loads(path.read_text())
    workloads = found["workloads"]
    servers = list(dict.fromkeys(server for each in workloads.values() for server in each))
    ours = [server for server in OURS if server in servers]
    for server, told in found.get("builds", {}).items():
        print(f"{server}: {told}, workers: {found['workers']}")
    ratios = [f"{OURS[server]} / better{what}" for server in ours for what in ("", ", CPU")]
    print(f"\n| | {' | '.join((*servers, *(f'{server}, CPU us' for server in servers), *ratios))} |")
    print(f"|---|{'--:|' * (2 * len(servers) + len(ratios))}")
    for name, each in workloads.items():
        key = next((figures["key"] for figures in each.values() if "key" in figures), "rate")
        cells: list[float | None] = [each.get(server, {}).get(key) for server in servers]
        cells += [
            1000 * cpu if (cpu := each.get(server, {}).get("cpu_ms_per")) else None for server in servers
        ]
        cells += [
            beside_better(each, each.get(server, {}), of) for server in ours for of in (key, "cpu_ms_per")
        ]
        print(f"| {name} | {' | '.join(map(_shown, cells))} |")


def _shown(value: float | None) -> str:
    if value is None:
        return "-"
    return f"{value:,.0f}" if value >= 100 else f"{value:.2f}"


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
        print(keep(Path(words[1]), words[2] if len(words) > 2 else ""))
    elif words[:1] == ["table"] and len(words) == 2:
        table(_located(words[1]))
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
