"""docs/profiles.md is what the code and the table of sources say."""

import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]


def test_the_document_is_not_stale() -> None:
    command = [sys.executable, str(ROOT / "tools" / "profiles.py"), "--check"]
    answer = subprocess.run(command, capture_output=True, text=True, check=False)
    assert answer.returncode == 0, answer.stderr
