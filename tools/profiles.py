"""Write docs/profiles.md: every setting of TCP in each profile, and from where its value comes.

The values are those of `netarium.base.profiles`; what a setting means and its sources are in docs/profiles.tsv, one row
for each field of `TcpConfig`.

Usage: python tools/profiles.py [--check]: with --check nothing is written, and a stale document is an error.
"""

import csv
import sys
from dataclasses import fields
from errno import errorcode
from pathlib import Path

from netarium.base.config import TcpConfig
from netarium.base.profiles import PROFILES
from netarium.base.units import MS, SECOND

ROOT = Path(__file__).resolve().parent.parent
DOCUMENT = ROOT / "docs" / "profiles.md"
TABLE = ROOT / "docs" / "profiles.tsv"

_HEAD = """\
# Profiles

Written by `tools/profiles.py` from `netarium.base.profiles` and `docs/profiles.tsv`: do not edit. `make docs` writes it
anew.

A profile is one frozen object, `netarium.base.config.TcpConfig`: `linux` is what a current Linux does, `freebsd` what
FreeBSD 13 and 14 do, `rfc` the letter of the RFCs where the two depart from it. `profile("freebsd")` gives one, `replace()`
of `dataclasses` changes single fields, `MachineConfig(tcp=...)` gives it to a machine. A `TcpConfig()` without words is
`linux` but for the last table.
"""


def rows() -> dict[str, dict[str, str]]:
    """What docs/profiles.tsv says, by field."""
    with TABLE.open(encoding="utf-8", newline="") as file:
        table = {row["field"]: row for row in csv.DictReader(file, delimiter="\t", quoting=csv.QUOTE_NONE)}
    known = [field.name for field in fields(TcpConfig)]
    for name in known:
        if name not in table:
            raise SystemExit(f"{TABLE.name}: no row tells what {name} means and where its values come from")
    for name in table:
        if name not in known:
            raise SystemExit(f"{TABLE.name}: there is no field {name}")
    return table


def shown(name: str, value: object) -> str:
    """A value for people."""
    if isinstance(value, bool):
        return "yes" if value else "no"
    if name.endswith("_errno"):
        return errorcode[int(str(value))]
    if isinstance(value, tuple):
        return " ... ".join(str(each) for each in value)
    if not isinstance(value, int):
        return str(value)
    if name.endswith("_ns") and value:
        return f"{value // SECOND:,} s" if value % SECOND == 0 else f"{value / MS:,.0f} ms"
    return f"{value:,}"


def _cell(text: str) -> str:
    return text.replace("|", "\\|")


def document() -> str:
    """The whole text."""
    table = rows()
    names = list(PROFILES)
    lines = [
        _HEAD,
        f"| setting | {' | '.join(names)} | RFC | Linux | FreeBSD |",
        "|---" * (len(names) + 4) + "|",
    ]
    for name, row in table.items():
        values = [shown(name, getattr(PROFILES[each], name)) for each in names]
        if len(set(values)) > 1:
            values = [f"**{value}**" if value != values[0] else value for value in values]
        cells = [f"`{name}`<br>{row['meaning']}", *values, row["rfc"], row["linux"], row["freebsd"]]
        lines.append(f"| {' | '.join(_cell(cell) for cell in cells)} |")
    plain = TcpConfig()
    lines += [
        "",
        "## What `TcpConfig()` has otherwise than `linux`",
        "",
        "| setting | linux | TcpConfig() |",
        "|---|---|---|",
    ]
    for field in fields(TcpConfig):
        mine, theirs = getattr(plain, field.name), getattr(PROFILES["linux"], field.name)
        if mine != theirs:
            lines.append(f"| `{field.name}` | {shown(field.name, theirs)} | {shown(field.name, mine)} |")
    return "\n".join(lines) + "\n"


def main() -> int:
    """Write it, or see whether it is as it should be."""
    text = document()
    if sys.argv[1:] == ["--check"]:
        if not DOCUMENT.exists() or DOCUMENT.read_text(encoding="utf-8") != text:
            print("docs/profiles.md is stale: run `make docs`", file=sys.stderr)
            return 1
        return 0
    if sys.argv[1:]:
        print("usage: profiles.py [--check]", file=sys.stderr)
        return 2
    DOCUMENT.write_text(text, encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
