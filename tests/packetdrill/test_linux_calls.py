"""Every call in every state says what it says on Linux.

`linux_calls.tsv` was asked of a Linux 6.18 kernel in a network namespace: a state, how it was reached (behind the
comma), a call on a socket that does not block, and its result: a number, an errno, for SO_ERROR and ioctl() the value,
for poll() the events, for close() the segment that leaves ("-": none).
"""

import csv
from collections import defaultdict
from pathlib import Path

import pytest

from netarium.testing.packetdrill.parser import parse
from netarium.testing.packetdrill.report import explain
from netarium.testing.packetdrill.runner import Options, run

SOCKET = "0 socket(..., SOCK_STREAM, IPPROTO_TCP) = 3\n"
BLOCKS_NOT = "+0 fcntl({0}, F_GETFL) = 0x2 (flags O_RDWR)\n+0 fcntl({0}, F_SETFL, O_RDWR|O_NONBLOCK) = 0\n"
LISTEN = SOCKET + "+0 bind(3, ..., ...) = 0\n+0 listen(3, 5) = 0\n"
HALF = LISTEN + "+0 < S 0:0(0) win 65535 <mss 1000>\n+0 > S. 0:0(0) ack 1 <...>\n"
ESTABLISHED = HALF + "+.01 < . 1:1(0) ack 1 win 65535\n+0 accept(3, ..., ...) = 4\n" + BLOCKS_NOT.format(4)
CONNECT = (
    SOCKET
    + BLOCKS_NOT.format(3)
    + "+0 connect(3, ..., ...) = -1 EINPROGRESS (Operation now in progress)\n+0 > S 0:0(0) <...>\n"
)
UNREAD = "+.01 < P. 1:101(100) ack 1 win 65535\n* > . 1:1(0) ack 101\n"
OUR_FIN = "+.01 shutdown(4, SHUT_WR) = 0\n+0 > F. 1:1(0) ack {0}\n"

# The state that a name begins with, and what it says behind the comma.
BEGIN = {
    "CLOSED": SOCKET + BLOCKS_NOT.format(3),
    "LISTEN": LISTEN + BLOCKS_NOT.format(3),
    "SYN-SENT": CONNECT,
    "SYN-RECEIVED": CONNECT + "+.01 < S 0:0(0) win 65535 <mss 1000>\n+0 > S. 0:0(0) ack 1 <...>\n",
    "ESTABLISHED": ESTABLISHED,
    "CLOSE-WAIT": ESTABLISHED + "+.01 < F. 1:1(0) ack 1 win 65535\n* > . 1:1(0) ack 2\n",
    "FIN-WAIT-1": ESTABLISHED + OUR_FIN.format(1),
    "FIN-WAIT-2": ESTABLISHED + OUR_FIN.format(1) + "+.01 < . 1:1(0) ack 2 win 65535\n",
    "CLOSING": ESTABLISHED + OUR_FIN.format(1) + "+.01 < F. 1:1(0) ack 1 win 65535\n* > . 2:2(0) ack 2\n",
}
BEGIN["LAST-ACK"] = BEGIN["CLOSE-WAIT"] + OUR_FIN.format(2)
BEGIN["TIME-WAIT"] = BEGIN["FIN-WAIT-2"] + "+.01 < F. 1:1(0) ack 2 win 65535\n* > . 2:2(0) ack 2\n"
SPECIAL = {
    "CLOSED, bound": SOCKET + "+0 bind(3, ..., ...) = 0\n" + BLOCKS_NOT.format(3),
    "LISTEN, a half-open one": HALF + BLOCKS_NOT.format(3),
    "CLOSED, refused": CONNECT + "+.01 < R. 0:0(0) ack 1 win 0\n",
    "ESTABLISHED, not asked yet": CONNECT + "+.01 < S. 0:0(0) ack 1 win 65535 <mss 1000>\n+0 > . 1:1(0) ack 1 <...>\n",
    "ESTABLISHED, unread text": ESTABLISHED + UNREAD,
    "CLOSE-WAIT, unread text": ESTABLISHED + UNREAD + "+.01 < F. 101:101(0) ack 1 win 65535\n* > . 1:1(0) ack 102\n",
    "CLOSED, both ends done": BEGIN["LAST-ACK"] + "+.01 < . 2:2(0) ack 2 win 65535\n",
    "ESTABLISHED, shut for reading": ESTABLISHED + "+0 shutdown(4, SHUT_RD) = 0\n",
    "FIN-WAIT-1, both halves shut": ESTABLISHED + "+0 shutdown(4, SHUT_RDWR) = 0\n* > F. 1:1(0) ack 1\n",
    "ESTABLISHED, unread text, shut for reading": ESTABLISHED + UNREAD + "+0 shutdown(4, SHUT_RD) = 0\n",
}  # fmt: skip
RESETS = {
    "ESTABLISHED": (1, 1), "FIN-WAIT-1": (1, 1), "FIN-WAIT-2": (1, 2), "CLOSE-WAIT": (2, 1), "CLOSING": (2, 1),
    "LAST-ACK": (2, 1), "ESTABLISHED, unread text": (101, 1), "CLOSE-WAIT, unread text": (102, 1),
}  # fmt: skip
CALLS = {
    "read": "read({0}, ..., 10)", "write": "write({0}, ..., 10)", "connect": "connect({0}, ..., ...)",
    "listen": "listen({0}, 5)", "accept": "accept({0}, ..., ...)", "bind": "bind({0}, ..., ...)",
    "send MSG_OOB": "send({0}, ..., 1, MSG_OOB)", "recv MSG_OOB": "recv({0}, ..., 1, MSG_OOB)",
    "recv MSG_PEEK": "recv({0}, ..., 10, MSG_PEEK)", "send MSG_NOSIGNAL": "send({0}, ..., 10, MSG_NOSIGNAL)",
}  # fmt: skip

ROWS: dict[str, list[tuple[str, str]]] = defaultdict(list)
with (Path(__file__).parent / "linux_calls.tsv").open(encoding="utf-8", newline="") as file:
    for row in csv.DictReader(file, delimiter="\t", quoting=csv.QUOTE_NONE):
        ROWS[row["state"]].append((row["call"], row["result"]))


def preparation(state: str) -> str:
    """How a state is reached."""
    if state in SPECIAL:
        return SPECIAL[state]
    if state.endswith(", reset"):
        before = state.removesuffix(", reset")
        seq, ack = RESETS[before]
        return preparation(before) + f"+.01 < R. {seq}:{seq}(0) ack {ack} win 0\n"
    return BEGIN[state]


def asked(call: str, result: str, descriptor: int) -> str:
    """The call and what it is to say, as a script has it."""
    returned = result if result.isdecimal() else f"-1 {result} ()"
    if call == "close":
        last = "" if result == "-" else f"+0 > {result}\n"
        return f"+.01 close({descriptor}) = 0\n{last}"
    if call == "poll":
        events = f"[{{fd={descriptor}, events=POLLIN|POLLOUT|POLLRDHUP|POLLPRI, revents={result}}}]"
        return f"+.01 poll({events}, 1, 0) = {int(int(result, 16) != 0)}\n"
    if call == "SO_ERROR":
        return f"+.01 getsockopt({descriptor}, SOL_SOCKET, SO_ERROR, [{result}], [4]) = 0\n"
    if call.startswith("SO_ERROR, "):
        first = f"+.01 getsockopt({descriptor}, SOL_SOCKET, SO_ERROR, ..., [4]) = 0\n"
        return first + asked(call.removeprefix("SO_ERROR, "), result, descriptor)
    if call.startswith("shutdown"):
        return f"+.01 shutdown({descriptor}, {call.split()[1]}) = {returned}\n"
    if call in CALLS:
        return f"+.01 {CALLS[call].format(descriptor)} = {returned}\n"
    told = f"[{result}]) = 0" if result.isdecimal() else f"[0]) = {returned}"
    return f"+.01 ioctl({descriptor}, {call}, {told}\n"


@pytest.mark.parametrize("state", list(ROWS))
def test_calls(state: str) -> None:
    wrong = []
    before = preparation(state)
    descriptor = 4 if "accept(" in before else 3
    for call, result in ROWS[state]:
        script = parse(f"{state}: {call}", before + asked(call, result, descriptor))
        ended = run(script, Options(profile="linux"))
        if ended.failure is not None:
            wrong.append(f"{call}: {ended.failure.got}, not {result}; line {ended.failure.line}")
            wrong += list(explain(ended))[-3:] if len(wrong) == 1 else []
    assert len(ROWS[state]) > 15
    assert not wrong, "\n".join(wrong)
