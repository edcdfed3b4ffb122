"""`netarium packetdrill FILE...`: runs scripts of the test language packetdrill in process, in virtual time."""

import argparse
import os
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Final

from netarium.base.errors import UsageError
from netarium.base.profiles import PROFILES
from netarium.testing.packetdrill.report import Outcome, junit, tap_lines
from netarium.testing.packetdrill.runner import Options
from netarium.testing.packetdrill.settings import FLAGS, SETTERS
from netarium.testing.packetdrill.suite import find, run_all

EPILOG: Final = """\
Directories are searched for *.pkt. No root, no network: each script has a machine of its own, and
an hour of its time passes in milliseconds. A script with a word that is not understood is refused,
by file and line. The options that scripts have on top may be given here, too, and win there:
--tolerance_usecs=14000 --ip_version=ipv4-mapped-ipv6 --mtu=1400 --non_fatal=packet --dry_run ...

The report is in lines of the Test Anything Protocol. Exit code 0: all passed; 1: a script failed or
was refused; 2: the command itself was wrong.

examples:
  netarium packetdrill tests/packetdrill              all of them
  netarium packetdrill -v handshake.pkt               one, with the whole exchange
  netarium packetdrill --profile freebsd suite/       with the defaults of FreeBSD
  netarium packetdrill --strict --jobs 2 --junit report.xml tests/packetdrill
  netarium packetdrill -D PORT=80 --tolerance_usecs=10000 web.pkt"""
_OWN: Final = frozenset({"verbose", "define"})  # of the options of scripts, those that are ours as well


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The arguments."""
    parser.add_argument("files", nargs="+", type=Path, metavar="FILE", help="scripts, or directories of them")
    parser.add_argument(
        "--profile",
        choices=sorted(PROFILES),
        help="whose defaults the stack has (linux; or a directory above the script that is named so)",
    )
    parser.add_argument("-v", "--verbose", action="store_true", help="show the exchange of good scripts, too")
    parser.add_argument(
        "--strict", action="store_true", help="a packet that the script does not expect is a failure"
    )
    cores = os.cpu_count() or 1
    parser.add_argument(
        "--jobs", type=int, default=cores, metavar="N", help=f"scripts at the same time (cores: {cores})"
    )
    parser.add_argument("--junit", type=Path, metavar="FILE", help="write a report in JUnit's XML")
    parser.add_argument(
        "-D",
        "--define",
        dest="defines",
        action="append",
        default=[],
        metavar="NAME=VALUE",
        help="a word, and what stands for it",
    )
    group = parser.add_argument_group("options of scripts", argument_default=argparse.SUPPRESS)
    for name in sorted(SETTERS.keys() - _OWN):
        if name in FLAGS:
            group.add_argument(
                f"--{name}", action="store_const", const="", dest=f"script_{name}", help=argparse.SUPPRESS
            )
        else:
            group.add_argument(f"--{name}", dest=f"script_{name}", help=argparse.SUPPRESS)


def run(options: argparse.Namespace) -> int:
    """Run the scripts; 1 if one of them failed or was refused."""
    paths = find(options.files)
    if options.jobs < 1:
        raise UsageError(f"--jobs {options.jobs}: at least one")
    how = Options(
        profile=options.profile or "linux",
        strict=options.strict,
        defines=_defines(options.defines),
        settings={
            name.removeprefix("script_"): value
            for name, value in vars(options).items()
            if name.startswith("script_")
        },
    )
    print(f"1..{len(paths)}")
    outcomes: list[Outcome] = []
    progress = _Progress(len(paths))
    for outcome in run_all(paths, how, by_directory=options.profile is None, jobs=options.jobs):
        outcomes.append(outcome)
        print("\n".join(tap_lines(len(outcomes), outcome, verbose=options.verbose)), flush=True)
        progress.show(outcomes)
    progress.end()
    good = sum(outcome.passed for outcome in outcomes)
    refused = sum(bool(outcome.refused) for outcome in outcomes)
    print(
        f"# {good} of {len(outcomes)} passed, {len(outcomes) - good - refused} failed, {refused} refused, "
        f"in {sum(each.took for each in outcomes):.2f} s"
    )
    if options.junit is not None:
        options.junit.write_text(junit(outcomes), encoding="utf-8")
    return 0 if good == len(outcomes) else 1


class _Progress:
    """How far it is, in one line that writes over itself: if somebody looks, and the report goes elsewhere."""

    def __init__(self, total: int) -> None:
        self._total = total
        self._shown = total > 1 and sys.stderr.isatty() and not sys.stdout.isatty()

    def show(self, outcomes: Sequence[Outcome]) -> None:
        """After each script."""
        if self._shown:
            bad = sum(not outcome.passed for outcome in outcomes)
            print(f"\r{len(outcomes)}/{self._total}, {bad} not ok", end="", file=sys.stderr, flush=True)

    def end(self) -> None:
        """Leave the line."""
        if self._shown:
            print(file=sys.stderr)


def _defines(pairs: list[str]) -> dict[str, str]:
    result = {}
    for pair in pairs:
        name, found, value = pair.partition("=")
        if not found or not name.isidentifier():
            raise UsageError(f"-D {pair}: write it as NAME=VALUE")
        result[name] = value
    return result
