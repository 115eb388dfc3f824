"""Writes `docs/operate/configuration.md` and `docs/operate/pillarbox.toml` from the fields of the configuration.

A test says when they are not current (`tests/unit/app/test_config_text.py`).
"""

import sys
from pathlib import Path

ROOT = Path(__file__).parents[1]
sys.path.insert(0, str(ROOT / "src"))

from pillarbox.app.config_text import example, page  # noqa: E402 - after the path to it is known

FOLDER = ROOT / "docs" / "operate"
TEXTS = {FOLDER / "configuration.md": page, FOLDER / "pillarbox.toml": example}

if __name__ == "__main__":
    FOLDER.mkdir(parents=True, exist_ok=True)
    for path, text in TEXTS.items():
        path.write_text(text(), encoding="utf-8")
