"""Where a view's tables come from: a machine that runs on this computer, or a simulated one (`--demo`)."""

import argparse

from netarium.base.errors import UsageError
from netarium.host.tables import Tables

EPILOG = """\
The machine is one that `netarium tap` (or a program with a control socket) runs on this computer under your user.
"""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The arguments that all views share."""
    parser.add_argument(
        "--host", metavar="NAME", help="which machine, if several run (or of the demo: browser, web, ...)"
    )
    parser.add_argument("--demo", action="store_true", help="show a machine of a simulated world instead")


def kinds(options: argparse.Namespace) -> set[str]:
    """The kinds of socket that -t and -u ask for; none: all."""
    return {kind for kind, wanted in (("tcp", options.tcp), ("udp", options.udp)) if wanted}


def tables(options: argparse.Namespace) -> Tables:
    """The tables of the machine that was asked for.

    Raises:
        UsageError: there is none, or several and none was named.
    """
    if options.demo:
        from netarium.cli.tour.scenario import demo

        return demo(options.host or "browser")
    from netarium.drive import control

    names = control.running()
    if options.host is not None and options.host not in names:
        known = (
            f"running: {', '.join(names)}"
            if names
            else "none runs; start one with netarium tap, or use --demo"
        )
        raise UsageError(f"no machine is called {options.host!r} here ({known})")
    if not names:
        raise UsageError(
            "no machine runs here: start one with netarium tap, or look at a simulated one with --demo"
        )
    if options.host is None and len(names) > 1:
        raise UsageError(f"several machines run here: choose with --host {'|'.join(names)}")
    return Tables.from_dict(control.ask(options.host or names[0], "tables"))
