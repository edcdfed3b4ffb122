"""`netarium ...`: finds the command, runs it, and turns what goes wrong into one line and an exit code.

Exit codes: 0 all well; 1 it could not be done; 2 it was asked in a wrong way; 130 Ctrl-C.
"""

import argparse
import os
import signal
import sys
from collections.abc import Sequence
from importlib import import_module
from io import TextIOWrapper
from types import ModuleType
from typing import Final, NoReturn

from netarium._version import __version__
from netarium.base.errors import UsageError

# Command and what it does, in the order of the help. Each is a module of `cli.commands`, loaded when it is used.
COMMANDS: Final = {
    "tour": "follow one message from write() to the signal on the cable and back: six stories",
    "netstat": "sockets, routes and statistics of a running machine",
    "ss": "sockets of a running machine, with their inside",
    "lsof": "which process holds which socket",
    "arp": "the ARP cache of a running machine",
    "tap": "put a machine on a TAP: it answers ping and serves a directory",
    "fetch": "fetch a URL with a machine on a TAP: the browser",
    "bench": "services for measuring with any client: echo, sink, source",
    "plot": "graphs of a connection from a trace or capture: time and sequence, cwnd",
    "packetdrill": "run scripts of the test language packetdrill in virtual time",
}
_EPILOG: Final = """\
examples:
  netarium tour                     the six stories, in your language
  netarium tour --story 3 --lang en one of them
  netarium netstat --demo           netstat -ano of a simulated browser
  sudo netarium tap --name nt0 --address 10.7.0.2/24 --serve .
  sudo netarium netstat             from another terminal: its tables

netarium COMMAND --help tells more about each."""


class Parser(argparse.ArgumentParser):
    """Says in one line what is wrong with the arguments."""

    def error(self, message: str) -> NoReturn:
        """End with exit code 2."""
        self.exit(2, f"{self.prog}: {message} (see {self.prog} --help)\n")


def _module(command: str) -> ModuleType:
    return import_module(f"netarium.cli.commands.{command}")


def parser(command: str | None = None) -> Parser:
    """The parser of everything; only the chosen command's module is loaded to describe its arguments."""
    result = Parser(
        prog="netarium",
        description="A TCP/IP stack behind glass.",
        epilog=_EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    result.add_argument("--version", action="version", version=f"netarium {__version__}")
    commands = result.add_subparsers(dest="command", metavar="COMMAND", title="commands", parser_class=Parser)
    for name, about in COMMANDS.items():
        module = _module(name) if name == command else None
        sub = commands.add_parser(
            name,
            help=about,
            description=about[0].upper() + about[1:] + ".",
            epilog=module.EPILOG if module is not None else None,
            formatter_class=argparse.RawDescriptionHelpFormatter,
        )
        if module is not None:
            module.add_arguments(sub)
    return result


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command; the return value is the exit code."""
    words = list(sys.argv[1:] if arguments is None else arguments)
    chosen = next((word for word in words if word in COMMANDS), None)
    if isinstance(sys.stdout, TextIOWrapper):
        sys.stdout.reconfigure(
            errors="replace"
        )  # a terminal without Korean gets question marks, not a traceback
    try:
        options = parser(chosen).parse_args(words)
        if options.command is None:
            parser().print_help()
            return 0
        code: int = _module(options.command).run(options)
        sys.stdout.flush()
    except KeyboardInterrupt:
        return 128 + signal.SIGINT
    except BrokenPipeError:
        # The reader (head, less) has seen enough. Nothing more may be written, not even when Python ends.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 128 + signal.SIGPIPE
    except UsageError as fault:
        return _complain(str(fault), 2)
    except OSError as fault:
        return _complain(_words(fault), 1)
    return code


def _words(fault: OSError) -> str:
    if fault.strerror is None:
        return str(fault) or type(fault).__name__
    return f"{fault.filename}: {fault.strerror}" if fault.filename else fault.strerror


def _complain(text: str, code: int) -> int:
    print(f"netarium: {' '.join(text.split())}", file=sys.stderr)
    return code


if __name__ == "__main__":
    sys.exit(main())
