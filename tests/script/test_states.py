"""Every state meets every combination of flags: SEGMENT ARRIVES (RFC 9293 §3.10.7) as one table.

The model below says again, shorter and without looking at the code, what the RFC says (with RFC 5961's answers to RST
and SYN): for a state, a set of flags, where the segment lies and what it acknowledges, the next state and the reply.
Each of the three profiles is asked; where Linux or FreeBSD departs from the RFC, the model names it.
"""

from itertools import product

import pytest

from netarium.base.config import MachineConfig
from netarium.base.profiles import PROFILES
from netarium.base.units import MS
from netarium.wire.tcp import ACK, FIN, RST, SYN, flag_names

from .conftest import PEER, US, Script

FLAG_SETS = range(64)  # FIN, SYN, RST, PSH, ACK, URG
BELOW, EXACT, INSIDE, ABOVE = "below the window", "RCV.NXT", "inside", "above the window"
OFFSET = {BELOW: -100, EXACT: 0, INSIDE: 50, ABOVE: 200_000}
GOOD, UNSENT = "SND.NXT", "unsent"
SILENCE, CHALLENGE = None, ACK

SYNCHRONIZED = ["ESTABLISHED", "FIN_WAIT1", "FIN_WAIT2", "CLOSE_WAIT", "CLOSING", "LAST_ACK"]


def model(system: str, state: str, flags: int, where: str, ack: str) -> tuple[str, int | None]:
    """The next state and the flags of the reply, or None for silence."""
    if state == "CLOSED":  # §3.10.7.1
        return state, SILENCE if flags & RST else RST if flags & ACK else RST | ACK
    if state == "LISTEN":  # §3.10.7.2
        if flags & RST:
            return state, SILENCE
        if flags & ACK:
            return state, RST
        if flags & FIN and system == "linux":
            return state, SILENCE
        return ("SYN_RECV", SYN | ACK) if flags & SYN else (state, SILENCE)
    if state == "SYN_SENT":  # §3.10.7.3
        return in_syn_sent(system, flags, ack)
    if state == "TIME_WAIT":
        return in_time_wait(system, flags, where, ack)
    if state == "SYN_RECV" and flags & SYN and not flags & RST:
        return second_syn(system, flags, where)
    if system == "linux" and state != "SYN_RECV" and not flags & (ACK | RST | SYN):
        return state, SILENCE  # before its numbers are looked at
    if system == "freebsd" and where is BELOW and flags & (ACK | RST | SYN) == ACK and state != "SYN_RECV":
        after = {"FIN_WAIT1": "FIN_WAIT2", "CLOSING": "TIME_WAIT", "LAST_ACK": "CLOSED"}.get(state, state)
        after = state if ack is UNSENT else after
        return after, SILENCE if after == "CLOSED" else ACK  # old octets go, the ACK beside them counts
    if system == "freebsd" and state == "SYN_RECV" and not flags & (ACK | RST):
        return state, SILENCE
    return synchronized(state, flags, where, ack)


def second_syn(system: str, flags: int, where: str) -> tuple[str, int | None]:
    if system == "linux":
        if where in {BELOW, ABOVE}:
            return "SYN_RECV", CHALLENGE
        return "LISTEN", RST if flags & ACK else RST | ACK
    if system == "freebsd":  # its cache of SYNs knows no window
        return ("LISTEN", RST) if flags & ACK else ("SYN_RECV", SYN | ACK)
    return ("SYN_RECV", CHALLENGE) if where in {BELOW, ABOVE} else ("LISTEN", SILENCE)  # §3.10.7.4, fourth


def in_syn_sent(system: str, flags: int, ack: str) -> tuple[str, int | None]:
    if flags & ACK and ack is UNSENT:
        return "SYN_SENT", SILENCE if flags & RST else RST
    if flags & RST:
        return ("CLOSED" if flags & ACK else "SYN_SENT"), SILENCE
    if not flags & SYN:
        return "SYN_SENT", SILENCE
    if flags & FIN and flags & ACK and system == "freebsd":
        return "CLOSE_WAIT", ACK
    return ("ESTABLISHED", ACK) if flags & ACK else ("SYN_RECV", SYN | ACK)


def in_time_wait(system: str, flags: int, where: str, ack: str) -> tuple[str, int | None]:
    if flags & RST:
        ends = system == "linux" and where is EXACT  # tcp_rfc1337 is off there
        return "CLOSED" if ends else "TIME_WAIT", SILENCE  # RFC 1337
    if flags & (SYN | ACK) == SYN and where in {INSIDE, ABOVE}:
        if flags & FIN and system == "linux":
            return "CLOSED", SILENCE  # such a SYN opens nothing, but it has ended the wait
        return "SYN_RECV", SYN | ACK  # a new incarnation (MAY-2)
    if system == "freebsd":  # all but the exact ACK is answered, if it has one
        silent = not flags & ACK or (flags == ACK and where is EXACT and ack is GOOD)
        return "TIME_WAIT", SILENCE if silent else ACK
    return "TIME_WAIT", ACK if flags & (SYN | FIN) or where is not EXACT else SILENCE


def synchronized(state: str, flags: int, where: str, ack: str) -> tuple[str, int | None]:
    """§3.10.7.4: sequence number, RST, SYN, ACK, FIN."""
    if state == "SYN_RECV" and flags & (ACK | RST) == ACK and ack is UNSENT:
        return state, RST  # as Linux: before its sequence number is looked at
    if where in {BELOW, ABOVE}:
        return state, SILENCE if flags & RST else CHALLENGE
    if flags & RST:
        gone = "LISTEN" if state == "SYN_RECV" else "CLOSED"
        return (gone, SILENCE) if where is EXACT else (state, CHALLENGE)
    if flags & SYN:
        return state, CHALLENGE
    if not flags & ACK:
        return state, SILENCE
    if ack is UNSENT:
        return state, CHALLENGE
    after = {
        "SYN_RECV": "ESTABLISHED", "FIN_WAIT1": "FIN_WAIT2", "CLOSING": "TIME_WAIT", "LAST_ACK": "CLOSED",
    }.get(state, state)  # fmt: skip
    if not flags & FIN or state in {"CLOSE_WAIT", "CLOSING", "LAST_ACK"}:
        return after, SILENCE
    if where is EXACT:
        after = {"ESTABLISHED": "CLOSE_WAIT", "FIN_WAIT2": "TIME_WAIT"}[after]
    return after, ACK


class Cell:
    """A fresh connection in a given state, and one segment for it."""

    def __init__(self, tcp: Script, port: int) -> None:
        self.tcp = tcp
        self.ports = (port, 80)
        self.socket = tcp.listening
        self.rcv_nxt, self.snd_nxt = (
            7_000,
            0,
        )  # the peer's view: what it may send next, what it may acknowledge
        self.unsent = 0

    def inject(self, flags: int, seq: int, ack: int) -> None:
        self.tcp.inject(
            flags, seq=seq, ack=ack, ports=self.ports, raw_ack=True, mss=1_000 if flags & SYN else None
        )

    def replies(self) -> list[int]:
        self.tcp.advance(1 * MS)  # the ACK of a FIN leaves a moment for an answer
        self.tcp._collect()
        seen, self.tcp.seen = self.tcp.seen, []
        return [seg.flags for seg in seen]

    def reach(self, state: str) -> None:
        tcp = self.tcp
        if state == "CLOSED":
            self.ports = (self.ports[0], 81)
        elif state == "SYN_SENT":
            self.socket = tcp.machine.tcp.open(4, tcp.now)
            self.socket.connect(PEER, self.ports[0], tcp.now)
            self.ports = (self.ports[0], self.socket.local[1])
            tcp._pump()
            self.snd_nxt = self.socket.tcb.snd_nxt
        elif state != "LISTEN":
            self.inject(SYN, 6_999, 0)
            tcp._collect()
            self.snd_nxt = tcp.seen[-1].seq + 1
            if state != "SYN_RECV":
                self._synchronize(state)
        self.replies()

    def _synchronize(self, state: str) -> None:
        tcp = self.tcp
        self.inject(ACK, self.rcv_nxt, self.snd_nxt)
        self.socket = tcp.listening.accept(tcp.now)
        if state in {"CLOSE_WAIT", "LAST_ACK"}:
            self._fin()
        if state not in {"ESTABLISHED", "CLOSE_WAIT"}:
            self.socket.shutdown(1, tcp.now)
            tcp._pump()
            if state == "CLOSING":
                self._fin()
            self.snd_nxt += 1
        if state in {"FIN_WAIT2", "TIME_WAIT"}:
            self.inject(ACK, self.rcv_nxt, self.snd_nxt)
        if state == "TIME_WAIT":
            self._fin()

    def _fin(self) -> None:
        self.inject(FIN | ACK, self.rcv_nxt, self.snd_nxt)
        self.rcv_nxt += 1

    def state(self) -> str:
        """As the socket table shows it: a row with these ports, or else the listener, or nobody."""
        tcp = self.tcp.machine.tcp
        flow = tcp.flows.get(PEER + US + self.ports[0].to_bytes(2, "big") + self.ports[1].to_bytes(2, "big"))
        if flow is not None:
            return "SYN_RECV" if flow in tcp.half_open() else flow.state_name
        return "CLOSED" if self.socket is not self.tcp.listening or self.ports[1] == 81 else "LISTEN"

    def forget(self) -> None:
        for half in self.tcp.machine.tcp.half_open():
            half.give_up()
        while (waiting := self.tcp.listening.accept(self.tcp.now)) is not None:
            waiting.abort(self.tcp.now)
        if self.socket is not self.tcp.listening:
            self.socket.abort(self.tcp.now)
        self.tcp._pump()
        self.replies()


@pytest.mark.attack("TCP-08")
@pytest.mark.rfc("5961", "01", "02")
@pytest.mark.rfc("9293", "SHLD-2")
@pytest.mark.parametrize("state", ["CLOSED", "LISTEN", "SYN_SENT", "SYN_RECV", *SYNCHRONIZED, "TIME_WAIT"])
@pytest.mark.parametrize("system", PROFILES)
def test_every_flag_in_every_state(system: str, state: str) -> None:
    tcp = Script(MachineConfig(tcp=PROFILES[system]))
    tcp.listen(backlog=1_000)
    wrong = []
    for port, (flags, where, ack) in enumerate(product(FLAG_SETS, OFFSET, (GOOD, UNSENT)), 2_000):
        cell = Cell(tcp, port)
        cell.reach(state)
        assert cell.state() == state
        cell.inject(flags, cell.rcv_nxt + OFFSET[where], cell.snd_nxt + (5_000 if ack is UNSENT else 0))
        replies = cell.replies()
        got = cell.state(), replies[0] if replies else None
        expected = model(system, state, flags, where, ack)
        if got != expected or len(replies) > 1:
            wrong.append(f"{flag_names(flags)} {where}, ACK {ack}: {got} {replies}, not {expected}")
        cell.forget()
    assert not wrong, "\n".join(wrong)
    assert not tcp.machine.internal_errors
