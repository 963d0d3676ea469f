"""Masking stores for figures come from the tests of the analyses."""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1] / "analysis"))
