"""Options of TCP as a Linux 6.18 kernel takes them: `linux_options.tsv` keeps what one answered.

Its rows are calls of setsockopt() in this order on one socket for each option and state, on a connection over loopback;
then what getsockopt() reads back.
"""

import csv
import errno
import socket as kernel
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from itertools import groupby
from pathlib import Path

import pytest

from netarium import World
from netarium.testing.packetdrill.constants import CONSTANTS

TABLE = Path(__file__).with_suffix("").parent / "linux_options.tsv"
with TABLE.open(encoding="utf-8", newline="") as file:
    ROWS = list(csv.DictReader(file, delimiter="\t"))
GROUPS = {key: list(rows) for key, rows in groupby(ROWS, key=lambda row: (row["option"], row["state"]))}


@contextmanager
def opened(state: str) -> Iterator[kernel.socket]:
    with ExitStack() as stack:
        listening = stack.enter_context(kernel.socket())
        listening.bind(("127.0.0.1", 0))
        if state != "CLOSED":
            listening.listen(5)
        one = listening
        if state == "ESTABLISHED":
            one = stack.enter_context(kernel.create_connection(listening.getsockname()))
            stack.enter_context(listening.accept()[0])
        yield one


def answer(call: object, *arguments: object) -> str:
    try:
        result = call(*arguments)  # type: ignore[operator]
    except OSError as fault:
        return errno.errorcode[fault.errno or 0]
    return str(result or 0)


@pytest.mark.parametrize("group", GROUPS, ids="-".join)
def test_option(group: tuple[str, str]) -> None:
    def program() -> list[tuple[str, str]]:
        option, state = group
        level = kernel.SOL_SOCKET if option.startswith("SO_") else kernel.IPPROTO_TCP
        with opened(state) as one:
            return [
                (
                    answer(one.setsockopt, level, CONSTANTS[option], int(row["value"])),
                    answer(one.getsockopt, level, CONSTANTS[option]),
                )
                for row in GROUPS[group]
            ]

    world = World()
    told = world.run(program, on=world.host("one", profile="linux"))
    assert told == [(row["result"], row["read back"]) for row in GROUPS[group]]


@pytest.mark.parametrize("option", ["TCP_NODELAY", "TCP_SAVED_SYN", "TCP_INFO", "TCP_REPAIR"])
def test_less_than_an_int_is_no_value(option: str) -> None:
    """Linux says so before it looks at the name."""
    world = World()

    def program() -> None:
        with opened("CLOSED") as one, pytest.raises(OSError, match="Invalid argument"):
            one.setsockopt(kernel.IPPROTO_TCP, CONSTANTS[option], b"\1\0\0")

    world.run(program, on=world.host("one"))


def test_nobody_repairs_a_connection() -> None:
    """Its numbers are not to be chosen from above: as on a Linux without CAP_NET_ADMIN."""
    world = World()

    def program() -> None:
        with opened("ESTABLISHED") as one:
            for option in ("TCP_REPAIR", "TCP_REPAIR_OPTIONS", "TCP_QUEUE_SEQ", "TCP_TIMESTAMP"):
                with pytest.raises(PermissionError):
                    one.setsockopt(kernel.IPPROTO_TCP, CONSTANTS[option], 1)
            assert not one.getsockopt(kernel.IPPROTO_TCP, CONSTANTS["TCP_REPAIR"])
            assert one.getsockopt(kernel.IPPROTO_TCP, CONSTANTS["TCP_TIMESTAMP"])

    world.run(program, on=world.host("one"))
