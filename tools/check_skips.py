"""Fail if a test was skipped that is not on the list: a test that never runs protects nobody.

Usage: python tools/check_skips.py REPORT.xml (what `pytest --junitxml` wrote). The list is tools/allowed-skips.txt.
"""

import sys
from fnmatch import fnmatchcase
from pathlib import Path
from xml.etree import ElementTree as ET

ALLOWED = Path(__file__).with_name("allowed-skips.txt")


def patterns(text: str) -> list[str]:
    """The patterns of the list, without comments."""
    lines = (line.split(" # ")[0].strip() for line in text.splitlines())
    return [line for line in lines if line and not line.startswith("#")]


def skipped(report: Path) -> list[tuple[str, str]]:
    """Name and reason of every skipped test in a JUnit report (expected failures are not skips)."""
    result = []
    for case in ET.parse(report).getroot().iter("testcase"):
        mark = case.find("skipped")
        if mark is not None and mark.get("type") != "pytest.xfail":
            name = f"{case.get('classname')}::{case.get('name')}"
            result.append((name, mark.get("message") or ""))
    return result


def main(arguments: list[str]) -> int:
    """Print each skip that is not allowed, on stderr; 1 if there is one."""
    if len(arguments) != 1:
        print("usage: check_skips.py REPORT.xml", file=sys.stderr)
        return 2
    allowed = patterns(ALLOWED.read_text(encoding="utf-8"))
    wrong = [
        (name, reason)
        for name, reason in skipped(Path(arguments[0]))
        if not any(fnmatchcase(name, pattern) for pattern in allowed)
    ]
    for name, reason in wrong:
        print(f"skipped, and not on tools/allowed-skips.txt: {name} ({reason})", file=sys.stderr)
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
