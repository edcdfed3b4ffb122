"""What ICMP says about a connection, in each of its states (RFC 9293 §3.9.2.2, RFC 5927), as Linux takes it."""

import errno
from dataclasses import replace

import pytest

from netarium.base.checksum import checksum
from netarium.base.config import MachineConfig
from netarium.base.profiles import profile
from netarium.base.units import MS
from netarium.transport.options import PMTUDISC_DONT
from netarium.transport.tcp.state import State
from netarium.wire.tcp import ACK, FIN, PSH, SYN

from .conftest import PEER, US, Script

# Type, code, and what a program hears of it: RFC 1122 §3.2.2.1 in Linux's words.
SOFT = {
    (3, 0): errno.ENETUNREACH,
    (3, 1): errno.EHOSTUNREACH,
    (3, 5): errno.EOPNOTSUPP,
    (11, 0): errno.EHOSTUNREACH,
}
HARD = {
    (3, 2): errno.ENOPROTOOPT, (3, 3): errno.ECONNREFUSED, (3, 6): errno.ENETUNREACH, (3, 7): errno.EHOSTDOWN,
    (3, 8): errno.ENONET, (3, 9): errno.ENETUNREACH, (3, 10): errno.EHOSTUNREACH, (3, 13): errno.EHOSTUNREACH,
    (12, 0): errno.EPROTO,
}  # fmt: skip
NOTHING = [
    (4, 0),
    (11, 1),
    (3, 16),
    (5, 1),
    (13, 0),
]  # quench, late fragments, no such code, redirect, timestamp


def tell(tcp: Script, kind: int, code: int, seq: int, *, mtu: int = 0, size: int = 1_460) -> None:
    """An ICMP error about our segment at `seq`."""
    quoted = tcp.our_port.to_bytes(2, "big") + tcp.peer_port.to_bytes(2, "big")
    quoted += ((seq + tcp._shift) & 0xFFFF_FFFF).to_bytes(4, "big")
    header = b"\x45\0" + (size + 40).to_bytes(2, "big") + bytes.fromhex("0000400040060000") + US + PEER
    message = bytes((kind, code, 0, 0)) + mtu.to_bytes(4, "big") + header + quoted
    tcp.inject_ip(1, message[:2] + checksum(message).to_bytes(2, "big") + message[4:])


@pytest.mark.rfc("9293", "MUST-54", "SHLD-26")
@pytest.mark.parametrize(("what", "number"), {**SOFT, **HARD}.items())
def test_in_syn_sent_any_error_ends_connect(tcp: Script, what: tuple[int, int], number: int) -> None:
    tcp.connect()
    tell(tcp, *what, 100)
    assert (tcp.state, tcp.socket.error) == (State.CLOSED, number)


@pytest.mark.rfc("9293", "MUST-56")
@pytest.mark.parametrize("what", SOFT)
def test_not_so_a_soft_one_in_the_profile_of_the_rfcs(what: tuple[int, int]) -> None:
    tcp = Script(MachineConfig(tcp=profile("rfc")))
    tcp.connect()
    tell(tcp, *what, 100)
    assert tcp.state is State.SYN_SENT
    assert tcp.socket.tcb.soft_error == SOFT[what]
    tell(tcp, 3, 3, 100)
    assert tcp.state is State.CLOSED


@pytest.mark.rfc("5927-01")
@pytest.mark.parametrize("seq", [99, 101, 5_000, -1])
def test_in_syn_sent_only_our_syn_counts(tcp: Script, seq: int) -> None:
    tcp.connect()
    tell(tcp, 3, 3, seq)
    assert tcp.state is State.SYN_SENT
    assert tcp.machine.counters["tcp_icmp_ignored"] == 1


def in_state(tcp: Script, state: State) -> None:
    """With 500 octets in flight."""
    tcp.established()
    if state in {State.CLOSE_WAIT, State.LAST_ACK}:
        tcp.inject(FIN | ACK, seq=301, ack=101)
    tcp.send(bytes(500))
    if state in {State.FIN_WAIT_1, State.LAST_ACK, State.CLOSING}:
        tcp.shutdown()
    if state is State.CLOSING:
        tcp.inject(FIN | ACK, seq=301, ack=101)
    assert tcp.state is state


@pytest.mark.rfc("9293", "MUST-47", "MUST-54", "MUST-56")
@pytest.mark.parametrize(
    "state", [State.ESTABLISHED, State.CLOSE_WAIT, State.FIN_WAIT_1, State.CLOSING, State.LAST_ACK]
)
@pytest.mark.parametrize("recverr", [False, True])
def test_later_none_does(tcp: Script, state: State, recverr: bool) -> None:
    """It is kept for SO_ERROR, or told at once to who asked for it by IP_RECVERR; the connection goes on."""
    in_state(tcp, state)
    tcb = tcp.socket.tcb
    tcp.option(recverr=recverr)
    for what, number in {**SOFT, **HARD}.items():
        tell(tcp, *what, 101)
        assert tcp.state is state
        assert (tcb.error, tcb.soft_error) == ((number, 0) if recverr else (0, number))
        tcb.error = tcb.soft_error = 0
    tell(tcp, 3, 1, 700)
    tell(tcp, 3, 1, 100)
    assert (tcb.error, tcb.soft_error) == (0, 0), "not of what is in flight"


@pytest.mark.rfc("9293", "MUST-55")
@pytest.mark.attack("ICMP-07")
@pytest.mark.parametrize("what", NOTHING)
@pytest.mark.parametrize("synchronized", [False, True])
def test_what_means_nothing(tcp: Script, what: tuple[int, int], synchronized: bool) -> None:
    if synchronized:
        in_state(tcp, State.ESTABLISHED)
    else:
        tcp.connect()
    tcb = tcp.socket.tcb
    before = (tcp.state, tcb.congestion.cwnd, tcb.smss)
    tell(tcp, *what, 101 if synchronized else 100)
    assert (tcp.state, tcb.congestion.cwnd, tcb.smss) == before
    assert (tcb.error, tcb.soft_error) == (0, 0)


@pytest.mark.rfc("5927", "§7.2")
@pytest.mark.attack("ICMP-08")
def test_what_was_small_was_not_too_big(tcp: Script) -> None:
    """Nothing larger than the MTU that is claimed is in flight: the claim is a lie, and no path gets smaller."""
    tcp.established(mss=1_460)
    tcp.send(bytes(500))
    tell(tcp, 3, 4, 101, mtu=1_000)
    assert tcp.socket.tcb.smss == 1_460
    assert tcp.machine.counters["ip_pmtu_lowered"] == 0


def test_who_lets_routers_cut_is_not_told_that_they_cannot(tcp: Script) -> None:
    """IP_PMTUDISC_DONT, as on Linux."""
    tcp.established(mss=1_460)
    tcp.option(mtu_discover=PMTUDISC_DONT)
    tcp.send(bytes(1_460))
    tell(tcp, 3, 4, 101, mtu=1_000)
    assert tcp.socket.tcb.smss == 1_460


@pytest.mark.parametrize("what", [*SOFT, *HARD, *NOTHING])
def test_a_half_open_connection_is_given_up_for_a_few(tcp: Script, what: tuple[int, int]) -> None:
    """As Linux: no way to the network or the host, a time to live or a header that routers do not like; nothing else."""
    tcp.listen()
    tcp.inject(SYN, seq=300, mss=1_000)
    tcp.learn_from_syn_ack()
    tell(tcp, *what, 99)  # another number: a forgery
    tell(tcp, *what, 100)
    tcp.inject(ACK, seq=301, ack=101)
    assert (tcp.socket.accept(tcp.now) is None) is (what in {(3, 0), (3, 1), (11, 0), (12, 0)})


def resent_twice(tcp: Script) -> None:
    """Octet 101 is lost with both of its retransmissions: the timeouts were 1 and 2 s, the next is 4."""
    tcp.established()
    tcp.send(b"x")
    tcp.advance(3_000 * MS)
    for _ in range(3):
        tcp.expect(ACK | PSH, seq=101)
    tcp.expect_nothing()


@pytest.mark.parametrize("code", [0, 1])
def test_an_unreachable_retransmission_takes_a_doubling_back(tcp: Script, code: int) -> None:
    """RFC 6069: whose link comes back soon is not left alone for long."""
    resent_twice(tcp)
    tcp.advance(500 * MS)
    tell(tcp, 3, code, 101)
    tcp.advance(1_499 * MS)
    tcp.expect_nothing()
    tcp.advance(1 * MS)
    tcp.expect(ACK | PSH, seq=101)
    tcp.advance(2_500 * MS)
    tell(tcp, 3, code, 101)  # it is due already
    tcp.advance(1)
    tcp.expect(ACK | PSH, seq=101)


@pytest.mark.parametrize(
    ("what", "seq"), [((3, 2), 101), ((3, 5), 101), ((11, 0), 101), ((3, 0), 100), ((3, 0), 102)]
)
def test_no_other_error_and_no_other_segment_does(tcp: Script, what: tuple[int, int], seq: int) -> None:
    resent_twice(tcp)
    tell(tcp, *what, seq)
    assert tcp.socket.tcb.rtt.backoff_count == 2


def test_nor_what_was_sent_once(tcp: Script) -> None:
    tcp.established()
    tcp.send(b"x")
    tell(tcp, 3, 1, 101)
    tcp.advance(999 * MS)
    tcp.expect(ACK | PSH, seq=101)
    tcp.expect_nothing()


def test_nor_where_the_profile_knows_it_not() -> None:
    tcp = Script(replace(MachineConfig(), tcp=replace(MachineConfig().tcp, backoff_reverts=False)))
    resent_twice(tcp)
    tell(tcp, 3, 1, 101)
    assert tcp.socket.tcb.rtt.backoff_count == 2
