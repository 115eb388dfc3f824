"""Where tests find public test data: beside the checkout, never in it."""

from pathlib import Path

ROOT = Path(__file__).parents[2]
SHARED = ROOT / ".." / "shared"
CORPORA = SHARED / "corpora"
VECTORS = SHARED / "vectors"
