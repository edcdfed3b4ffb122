"""`netarium packetdrill FILE...`: runs scripts of the test language packetdrill in process, in virtual time."""

import argparse
from pathlib import Path
from typing import Final

from netarium.base.errors import UsageError
from netarium.testing.packetdrill.report import Outcome, junit, tap_lines
from netarium.testing.packetdrill.settings import PROFILES
from netarium.testing.packetdrill.suite import find, run_all

EPILOG: Final = """\
Directories are searched for *.pkt. No root, no network: each script has a machine of its own, and
an hour of its time passes in milliseconds. A script with a word that is not understood is refused.

examples:
  netarium packetdrill tests/packetdrill              all of them
  netarium packetdrill -v handshake.pkt               one, with the whole exchange
  netarium packetdrill --strict --jobs 2 --junit report.xml tests/packetdrill"""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The arguments."""
    parser.add_argument("files", nargs="+", type=Path, metavar="FILE", help="scripts, or directories of them")
    parser.add_argument(
        "--profile", choices=PROFILES, default=PROFILES[0], help="whose defaults the stack has"
    )
    parser.add_argument("-v", "--verbose", action="store_true", help="show the exchange of good scripts, too")
    parser.add_argument(
        "--strict", action="store_true", help="a packet that the script does not expect is a failure"
    )
    parser.add_argument("--jobs", type=int, default=1, metavar="N", help="scripts at the same time (1)")
    parser.add_argument("--junit", type=Path, metavar="FILE", help="write a report in JUnit's XML")
    parser.add_argument(
        "-D",
        dest="defines",
        action="append",
        default=[],
        metavar="NAME=VALUE",
        help="a word, and what stands for it",
    )


def run(options: argparse.Namespace) -> int:
    """Run the scripts; 1 if one of them failed or was refused."""
    paths = find(options.files)
    if options.jobs < 1:
        raise UsageError(f"--jobs {options.jobs}: at least one")
    print(f"1..{len(paths)}")
    outcomes: list[Outcome] = []
    for outcome in run_all(
        paths, strict=options.strict, defines=_defines(options.defines), jobs=options.jobs
    ):
        outcomes.append(outcome)
        print("\n".join(tap_lines(len(outcomes), outcome, verbose=options.verbose)), flush=True)
    good = sum(outcome.passed for outcome in outcomes)
    print(f"# {good} of {len(outcomes)} passed in {sum(outcome.took for outcome in outcomes):.2f} s")
    if options.junit is not None:
        options.junit.write_text(junit(outcomes), encoding="utf-8")
    return 0 if good == len(outcomes) else 1


def _defines(pairs: list[str]) -> dict[str, str]:
    result = {}
    for pair in pairs:
        name, found, value = pair.partition("=")
        if not found or not name.isidentifier():
            raise UsageError(f"-D {pair}: write it as NAME=VALUE")
        result[name] = value
    return result
