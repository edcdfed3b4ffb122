"""The calls from above on an endpoint, in states where they are not a matter of course."""

import errno
from dataclasses import replace

import pytest

from netarium.base.addr import parse_ip
from netarium.base.config import MachineConfig
from netarium.base.errors import StackError
from netarium.base.profiles import profile
from netarium.base.trace import StateChanged, Trace
from netarium.base.units import MS, SECOND
from netarium.transport.endpoint import POLLIN, POLLOUT, SETTLED, SHUT_RD, SHUT_RDWR, SHUT_WR
from netarium.transport.tcp import fastopen
from netarium.transport.tcp.connection import Connection
from netarium.transport.tcp.state import State
from netarium.wire.tcp import ACK, FIN, PSH, RST, SYN
from netarium.wire.tcp_options import FastOpenOption, parse_fast_open

from .conftest import PEER, US, Script, Wire

ANY = bytes(4)


def script_of(system: str = "linux", **config: object) -> Script:
    return Script(MachineConfig(tcp=replace(profile(system), **config)))


# --- an endpoint that is used again ---------------------------------------------------------------------------


def test_what_is_dissolved_is_as_socket_made_it(tcp: Script) -> None:
    tcp.established()
    tcp.socket.dissolve(tcp.now)
    tcp._pump()
    tcp.expect(RST | ACK, seq=101, ack=301)
    assert (tcp.socket.local, tcp.socket.remote, tcp.socket.key) == ((ANY, 0), (ANY, 0), b"")
    assert (tcp.socket.state, tcp.socket.error) == (State.CLOSED, errno.ECONNRESET)
    assert tcp.socket.tcb.where == "us"
    tcp.socket.error = 0
    tcp.socket.dissolve(tcp.now)  # there is nothing to be reset any more
    assert tcp.socket.error == 0
    tcp.expect_nothing()


def test_dissolving_leaves_what_was_bound(tcp: Script) -> None:
    tcp.socket.bind(US, 4_000)
    tcp.established()
    tcp.socket.dissolve(tcp.now)
    assert (tcp.socket.local, tcp.socket.bound) == ((US, 4_000), True)


def test_dissolving_a_listener_or_an_attempt_resets_nobody(tcp: Script) -> None:
    tcp.listen()
    tcp.socket.dissolve(tcp.now)
    tcp._pump()
    tcp.expect_nothing()
    assert (tcp.socket.state, tcp.socket.error, tcp.socket.listener) == (State.CLOSED, 0, None)
    attempt = Script()
    attempt.connect()
    attempt.socket.dissolve(attempt.now)
    attempt._pump()
    attempt.expect_nothing()
    assert (attempt.socket.state, attempt.socket.error) == (State.CLOSED, errno.ECONNRESET)


@pytest.mark.rfc("9293", "MUST-43")
def test_an_endpoint_of_ipv6_may_become_one_of_ipv4() -> None:
    tcp = Script()
    tcp.socket = tcp.machine.tcp.open(6, tcp.now)
    tcp.socket.speak_ipv4()
    assert (tcp.socket.version, tcp.socket.tcb.version) == (4, 4)
    assert (tcp.socket.local, tcp.socket.remote) == ((ANY, 0), (ANY, 0))
    tcp.established()
    assert tcp.socket.local[0] == US


def test_an_attempt_that_failed_is_forgotten_once_it_was_told_on_linux_alone() -> None:
    for system, left in (("linux", False), ("freebsd", True)):
        tcp = script_of(system)
        tcp.connect()
        tcp.inject(RST | ACK, seq=0, ack=101)
        assert tcp.state is State.CLOSED
        tcp.socket.attempt_failed()
        assert bool(tcp.socket.key) is left


# --- connect() ----------------------------------------------------------------------------------------------------


@pytest.mark.rfc("9293", "MUST-46")
def test_why_connect_is_refused_is_told(tcp: Script) -> None:
    with pytest.raises(StackError) as refused:
        tcp.socket.connect(b"\xff\xff\xff\xff", 80, tcp.now)
    assert (refused.value.errno, refused.value.detail) == (errno.ENETUNREACH, "255.255.255.255")
    with pytest.raises(StackError) as refused:
        tcp.socket.connect(b"\x0a\0\0\xff", 80, tcp.now)  # the link's broadcast address
    assert (refused.value.errno, refused.value.detail) == (errno.ENETUNREACH, "10.0.0.255")
    with pytest.raises(StackError) as refused:
        tcp.socket.bind(PEER, 80)
    assert (refused.value.errno, refused.value.detail) == (errno.EADDRNOTAVAIL, "10.0.0.2:80")
    tcp.socket.bind(US, 4_000)
    with pytest.raises(StackError) as refused:
        tcp.socket.bind(US, 4_001)
    assert (refused.value.errno, refused.value.detail) == (errno.EINVAL, "already bound")
    tcp.established()
    with pytest.raises(StackError) as refused:
        tcp.socket.connect(PEER, 80, tcp.now)
    assert refused.value.errno == errno.EISCONN
    second = tcp.machine.tcp.open(4, tcp.now)
    second.options.reuseaddr = tcp.socket.options.reuseaddr = True
    second.options.reuseport = tcp.socket.options.reuseport = True
    second.bind(US, 4_000)
    with pytest.raises(StackError) as refused:  # the same four numbers
        second.connect(PEER, 80, tcp.now)
    assert (refused.value.errno, refused.value.detail) == (errno.EADDRNOTAVAIL, "10.0.0.2:80")


@pytest.mark.parametrize(
    ("version", "unspecified", "loopback"), [(4, bytes(4), "127.0.0.1"), (6, bytes(16), "::1")]
)
def test_the_unspecified_address_is_this_machine(version: int, unspecified: bytes, loopback: str) -> None:
    tcp = Script()
    tcp.audited = False
    server = tcp.machine.tcp.open(version, tcp.now)
    server.bind(unspecified, 80)
    server.listen(1, tcp.now)
    client = tcp.machine.tcp.open(version, tcp.now)
    client.connect(unspecified, 80, tcp.now)
    assert client.remote == (parse_ip(loopback), 80)
    if version == 4:
        tcp.advance(MS)
        assert client.state is State.ESTABLISHED
        assert server.accept(tcp.now) is not None


@pytest.mark.rfc("9293", "MUST-44", "MUST-45")
def test_a_bound_address_is_the_source_and_a_free_port_is_taken(tcp: Script) -> None:
    other = parse_ip("10.0.0.9")
    tcp.machine.ip.add_address(tcp.machine.ip.interface_named("eth0"), other, 24, tcp.now)
    tcp.socket.bind(other, 0)
    tcp.socket.connect(PEER, 80, tcp.now)
    assert tcp.socket.local[0] == other
    assert tcp.socket.local[1] >= 1_024


def test_the_first_data_may_go_along_with_connect(tcp: Script) -> None:
    """As sendto() on a fresh socket of the BSDs: it follows the handshake, and the next write may share its segment."""
    taken = tcp.socket.connect_and_send(b"a" * 300, PEER, 80, tcp.now)
    assert taken == 300
    tcp.our_port = tcp.socket.local[1]
    tcp._learn(100)
    tcp._pump()
    tcp.expect(SYN, seq=100, length=0)
    tcp.inject(SYN | ACK, seq=300, ack=101, mss=1_000)
    tcp.expect(ACK | PSH, seq=101, data=b"a" * 300)


# --- listen() and accept() ----------------------------------------------------------------------------------------


def test_listen_in_another_state_is_refused(tcp: Script) -> None:
    tcp.established()
    with pytest.raises(StackError) as refused:
        tcp.socket.listen(5, tcp.now)
    assert (refused.value.errno, refused.value.detail) == (errno.EINVAL, "in state ESTABLISHED")
    with pytest.raises(StackError) as refused:
        tcp.socket.accept(tcp.now)
    assert (refused.value.errno, refused.value.detail) == (errno.EINVAL, "not listening")


def test_the_backlog_has_bounds_and_may_be_changed() -> None:
    tcp = script_of(somaxconn=7)
    tcp.listen(backlog=100)
    assert (tcp.socket.send_queue, tcp.socket.receive_queue) == (7, 0)
    for asked, backlog in ((3, 3), (0, 0), (-1, 0)):
        tcp.socket.listen(asked, tcp.now)
        assert tcp.socket.listener.backlog == backlog
    for asked, backlog in ((-1, 7), (0, 0), (1, 1)):
        bsd = script_of("freebsd", somaxconn=7)
        bsd.listen(backlog=asked)
        assert bsd.socket.listener.backlog == backlog


def test_listen_without_bind_takes_a_port(tcp: Script) -> None:
    tcp.socket.listen(1, tcp.now)
    assert tcp.socket.local[1] >= 1_024
    assert tcp.socket.bound


@pytest.mark.parametrize(
    ("bits", "asked", "limit"),
    [
        (fastopen.SERVER, 0, 0),
        (fastopen.SERVER, 5, 5),
        (fastopen.SERVER, 100, 64),
        (fastopen.SERVER_WITHOUT_OPTION, 0, 0),
        (fastopen.SERVER | fastopen.SERVER_WITHOUT_OPTION, 0, 9),
        (fastopen.SERVER | fastopen.SERVER_WITHOUT_OPTION, 5, 5),
    ],
)
def test_how_many_may_open_fast(bits: int, asked: int, limit: int) -> None:
    tcp = script_of(fast_open=bits, somaxconn=64)
    tcp.socket.options.fast_open = asked
    tcp.listen(backlog=9)
    assert tcp.socket.listener.fast_open.limit == limit
    tcp.option(fast_open=20)
    assert tcp.socket.listener.fast_open.limit == 20


# --- reading --------------------------------------------------------------------------------------------------------


def test_peeking_into_a_buffer_goes_on_where_it_ended(tcp: Script) -> None:
    tcp.established()
    tcp.socket.own_options().peek_off = 0
    buffer = bytearray(b"....")
    assert tcp.socket.recv_into(memoryview(buffer), tcp.now, peek=True) is None
    tcp.inject(ACK | PSH, seq=301, ack=101, data=b"abcdef")
    for size, seen in ((4, b"abcd"), (2, b"efcd")):
        assert tcp.socket.recv_into(memoryview(buffer), tcp.now, peek=True) == size
        assert bytes(buffer) == seen
    assert tcp.socket.recv_into(memoryview(buffer), tcp.now, peek=True) is None
    assert tcp.socket.recv_into(memoryview(buffer), tcp.now) == 4  # nothing was taken
    assert bytes(buffer) == b"abcd"
    tcp.inject(FIN | ACK, seq=307, ack=101)
    assert tcp.socket.recv(10, tcp.now, peek=True) == b""  # all was looked at, and there will be no more
    tcp.socket.options.peek_off = 0
    assert tcp.socket.recv(10, tcp.now, peek=True) == b"ef"
    assert tcp.socket.recv_into(memoryview(buffer), tcp.now, peek=True) == 0


def test_reading_moves_the_point_where_peeking_goes_on(tcp: Script) -> None:
    tcp.established()
    tcp.inject(ACK | PSH, seq=301, ack=101, data=b"abcdef")
    tcp.socket.own_options().peek_off = 4
    assert tcp.socket.recv(1, tcp.now) == b"a"
    assert tcp.socket.options.peek_off == 3
    assert tcp.socket.recv(4, tcp.now) == b"bcde"
    assert tcp.socket.options.peek_off == 0
    tcp.socket.own_options().peek_off = -1
    assert tcp.socket.recv(1, tcp.now) == b"f"
    assert tcp.socket.options.peek_off == -1


def test_peeking_into_a_buffer_takes_nothing(tcp: Script) -> None:
    tcp.established()
    tcp.inject(ACK | PSH, seq=301, ack=101, data=b"abc")
    buffer = bytearray(3)
    for peek in (True, True, False):
        assert tcp.socket.recv_into(memoryview(buffer), tcp.now, peek=peek) == 3
    assert tcp.socket.recv_into(memoryview(buffer), tcp.now) is None


def test_who_shut_reading_down_reads_to_the_end(tcp: Script) -> None:
    """What has come is still there, what comes is, too; then it is the end."""
    tcp.established()
    tcp.shutdown(SHUT_RD)
    assert tcp.recv() == b""
    tcp.inject(ACK | PSH, seq=301, ack=101, data=b"abc")
    assert tcp.recv() == b"abc"
    assert tcp.recv() == b""
    assert tcp.socket.poll() & POLLIN


@pytest.mark.parametrize("system", ["linux", "freebsd"])
def test_reading_where_no_connection_was(system: str) -> None:
    tcp = script_of(system)
    with pytest.raises(StackError) as refused:
        tcp.socket.recv(10, tcp.now)
    assert refused.value.errno == errno.ENOTCONN
    tcp.listen()
    with pytest.raises(StackError) as refused:
        tcp.socket.recv(10, tcp.now)
    assert refused.value.errno == errno.ENOTCONN


def test_so_rcvlowat_makes_room_and_wakes(tcp: Script) -> None:
    tcp.established()
    tcp.socket.tcb.wakeup = False
    assert tcp.socket.reserve(1_000) == 1_000
    assert tcp.socket.tcb.wakeup  # perhaps there is enough already
    most = tcp.socket.tcb.config.receive_buffer_max
    assert tcp.socket.reserve(most) == most >> 1
    assert tcp.socket.reserve(most >> 1) == most >> 1
    tcp.option(rcvbuf=5_000, rcvbuf_locked=True)
    assert tcp.socket.reserve(9_999) == 2_500


def test_the_window_clamp_is_what_was_set_or_what_came_of_it(tcp: Script) -> None:
    assert tcp.socket.window_clamp == 0
    tcp.socket.set_window_clamp(5_000)
    assert tcp.socket.window_clamp == 5_000
    tcp.established()
    assert tcp.socket.window_clamp == tcp.socket.tcb.window_clamp > 0


# --- writing ----------------------------------------------------------------------------------------------------------


def test_writes_wait_for_the_end_of_the_handshake(tcp: Script) -> None:
    tcp.connect()
    assert tcp.send(b"x") == 0
    assert not tcp.socket.poll() & POLLOUT
    tcp.inject(SYN | ACK, seq=300, ack=101)
    tcp.expect(ACK)
    assert tcp.send(b"x") == 1
    both = Script()
    both.connect()
    both.inject(SYN, seq=300)
    both.expect(SYN | ACK)
    assert both.state is State.SYN_RECEIVED
    assert both.send(b"x") == 0


def test_what_does_not_fit_is_told_when_there_is_room(tcp: Script) -> None:
    tcp.established(window=60_000)
    tcp.option(sndbuf=8_192, sndbuf_locked=True)
    sent = 0
    while taken := tcp.send(bytes(10_000)):
        sent += taken
        assert tcp.socket.tcb.tally.short_of_room is (taken < 10_000)
    assert tcp.socket.tcb.room_awaited
    assert not tcp.socket.poll() & POLLOUT
    tcp.inject(ACK, seq=301, ack=101 + 10_000, window=60_000)
    tcp.inject(ACK, seq=301, ack=101 + sent, window=60_000)
    assert tcp.socket.poll() & POLLOUT
    assert tcp.socket.send(b"x", tcp.now) == 1
    assert not tcp.socket.tcb.tally.short_of_room


def test_a_write_of_several_chunks_is_cut_short_by_the_buffer(tcp: Script) -> None:
    tcp.established(window=0)
    tcp.option(sndbuf=3_000, sndbuf_locked=True)
    octets = bytes(range(256)) * 800
    taken = tcp.socket.send(octets, tcp.now)
    assert 0 < taken < len(octets)
    buffer = tcp.socket.tcb.sendbuf
    assert len(buffer) == taken
    assert bytes(buffer.slice(buffer.start, taken)) == octets[:taken]


def test_writing_after_the_end_is_a_broken_pipe(tcp: Script) -> None:
    tcp.established()
    tcp.shutdown(SHUT_WR)
    with pytest.raises(StackError) as refused:
        tcp.socket.send(b"x", tcp.now)
    assert refused.value.errno == errno.EPIPE
    for system, number in (("linux", errno.EPIPE), ("freebsd", errno.ENOTCONN)):
        fresh = script_of(system)
        with pytest.raises(StackError) as refused:
            fresh.socket.send(b"x", fresh.now)
        assert refused.value.errno == number


# --- closing ----------------------------------------------------------------------------------------------------------


def test_shutdown_in_each_state(tcp: Script) -> None:
    with pytest.raises(StackError) as refused:
        tcp.socket.shutdown(SHUT_WR, tcp.now)
    assert refused.value.errno == errno.ENOTCONN
    tcp.listen()
    tcp.socket.shutdown(SHUT_WR, tcp.now)
    assert tcp.socket.state is State.LISTEN
    tcp.socket.shutdown(SHUT_RDWR, tcp.now)
    assert tcp.socket.state is State.CLOSED
    assert tcp.socket.tcb.rcv_shutdown
    with pytest.raises(StackError) as refused:
        tcp.socket.recv(10, tcp.now)
    assert refused.value.errno == errno.ENOTCONN
    attempt = Script()
    attempt.connect()
    attempt.shutdown(SHUT_WR)
    assert (attempt.socket.state, attempt.socket.error) == (State.CLOSED, errno.ECONNRESET)
    attempt.expect_nothing()


def test_shutdown_of_reading_wakes_who_reads(tcp: Script) -> None:
    tcp.established()
    assert not tcp.socket.poll() & POLLIN
    tcp.socket.notified = False
    tcp.socket.shutdown(SHUT_RD, tcp.now)
    assert tcp.socket.notified
    assert tcp.socket.poll() & POLLIN
    assert tcp.state is State.ESTABLISHED
    tcp.expect_nothing()


def test_who_waits_in_close_is_told_when_all_is_acknowledged(tcp: Script) -> None:
    tcp.established()
    tcp.send(b"abc")
    tcp.expect(ACK, length=3)
    tcp.close()
    tcp.socket.linger()
    tcp.expect(FIN | ACK, seq=104)
    assert not tcp.socket.poll() & SETTLED
    tcp.inject(ACK, seq=301, ack=104)
    assert not tcp.socket.poll() & SETTLED  # its FIN is not acknowledged
    tcp.inject(ACK, seq=301, ack=105)
    mask = tcp.socket.poll()
    assert mask & SETTLED
    assert mask & ~SETTLED  # beside what else there is to tell


@pytest.mark.rfc("9293", "SHLD-3")
@pytest.mark.parametrize(("state", "resets"), [("CLOSING", True), ("LAST_ACK", True), ("CLOSE_WAIT", True)])
def test_abort_resets_whom_a_fin_is_owed(tcp: Script, state: str, resets: bool) -> None:
    """The FIN waits behind data that the peer's window does not take: nobody but a reset tells that it will not come."""
    tcp.established(window=1_000)
    tcp.send(bytes(2_000))
    if state == "CLOSING":
        tcp.shutdown()
    tcp.inject(FIN | ACK, seq=301, ack=101, window=1_000)
    if state == "LAST_ACK":
        tcp.shutdown()
    assert tcp.state is State[state]
    tcp._collect()
    tcp.seen.clear()
    tcp.socket.abort(tcp.now)
    tcp._pump()
    tcp.expect(RST | ACK, ack=302)
    tcp.expect_nothing()
    assert tcp.socket.tcb.rcv_queue is None


def test_abort_where_all_is_said_resets_nobody(tcp: Script) -> None:
    tcp.established()
    tcp.inject(FIN | ACK, seq=301, ack=101)
    tcp.shutdown()
    tcp._collect()
    tcp.seen.clear()
    assert tcp.state is State.LAST_ACK
    tcp.socket.abort(tcp.now)
    tcp._pump()
    tcp.expect_nothing()
    assert tcp.socket.state is State.CLOSED


def test_so_linger2_below_zero_aborts_in_fin_wait_2(tcp: Script) -> None:
    tcp.established()
    tcp.shutdown()
    tcp.expect(FIN | ACK)
    tcp.inject(ACK, seq=301, ack=102)
    assert tcp.state is State.FIN_WAIT_2
    tcp.option(linger2_ns=-1)
    tcp.close()
    tcp.expect(RST | ACK, seq=102)
    assert tcp.socket.state is State.CLOSED


def test_so_linger2_of_zero_does_not_abort(tcp: Script) -> None:
    tcp.established()
    tcp.shutdown()
    tcp.expect(FIN | ACK)
    tcp.inject(ACK, seq=301, ack=102)
    tcp.option(linger2_ns=0)
    tcp.close()
    tcp.expect_nothing()
    tcp.inject(FIN | ACK, seq=301, ack=102)
    tcp.expect(ACK, ack=302)


def test_an_option_of_another_kind_leaves_the_buffers_alone(tcp: Script) -> None:
    tcp.established()
    before = (tcp.socket.tcb.rcv_memory, tcp.socket.tcb.rcv_buf)
    tcp.option(nodelay=True)
    assert (tcp.socket.tcb.rcv_memory, tcp.socket.tcb.rcv_buf) == before


def test_so_rcvlowat_enlarges_a_buffer_that_nobody_has_set(tcp: Script) -> None:
    tcp.established()
    before = tcp.socket.tcb.rcv_memory
    tcp.socket.reserve(tcp.socket.tcb.config.receive_buffer_max >> 1)
    assert tcp.socket.tcb.rcv_memory > before
    fixed = Script()
    fixed.established()
    fixed.option(rcvbuf=9_000, rcvbuf_locked=True)
    fixed.socket.reserve(100_000)
    assert fixed.socket.tcb.rcv_memory == 9_000


def test_buffers_and_timeouts_may_change_while_it_is_open(tcp: Script) -> None:
    tcp.established()
    tcb = tcp.socket.tcb
    tcp.option(rcvbuf=9_000, rcvbuf_locked=True)
    assert (tcb.rcv_memory, tcb.rcv_buf) == (9_000, 9_000 * tcb.rcv_ratio >> 8)
    tcp.option(rto_max_ns=SECOND // 2)
    assert tcb.rtt.rto == SECOND // 2


# --- a fresh endpoint -------------------------------------------------------------------------------------------------


def test_a_fresh_endpoint_is_nobodys(tcp: Script) -> None:
    fresh = tcp.machine.tcp.open(4, tcp.now)
    assert (fresh.state, fresh.state_name, fresh.error, fresh.version) == (State.CLOSED, "CLOSED", 0, 4)
    assert (fresh.local, fresh.remote, fresh.key) == ((ANY, 0), (ANY, 0), b"")
    assert (fresh.bound, fresh.queued, fresh.notified, fresh.accepted) == (False,) * 4
    assert (fresh.cause, fresh.listener, fresh.retransmits) == (0, None, 0)
    assert (fresh.receive_queue, fresh.send_queue, fresh.is_deferred) == (0, 0, False)
    assert fresh.id != tcp.socket.id
    assert tcp.machine.tcp.open(6, tcp.now).local == (bytes(16), 0)


# --- what the glass shows of calls ------------------------------------------------------------------------------------


class Glass:
    """A script, and why its socket's state changed."""

    def __init__(self) -> None:
        self.events: list[object] = []
        self.tcp = Script(trace=Trace(self.events.append))

    def changes(self) -> list[tuple[str, str, str]]:
        """Old state, new state and why; told of the right socket, on the right machine."""
        told = [event for event in self.events if isinstance(event, StateChanged)]
        self.events.clear()
        assert all((event.socket, event.where) == (self.tcp.socket.id, "us") for event in told)
        return [(event.old, event.new, event.why) for event in told]


def test_why_a_state_was_left_is_told() -> None:
    glass = Glass()
    tcp = glass.tcp
    tcp.connect()
    tcp.close()
    assert glass.changes()[-1] == ("SYN_SENT", "CLOSED", "close()")
    tcp.socket = tcp.machine.tcp.open(4, tcp.now)
    tcp.connect()
    tcp.shutdown()
    assert glass.changes()[-1] == ("SYN_SENT", "CLOSED", "shutdown()")
    tcp.connect()
    assert glass.changes()[0][:2] == ("CLOSED", "SYN_SENT")
    tcp.inject(SYN | ACK, seq=300, ack=101)
    tcp.expect(ACK)
    glass.changes()
    tcp.shutdown()
    assert glass.changes() == [("ESTABLISHED", "FIN_WAIT1", "shutdown()")]
    tcp.socket.dissolve(tcp.now)
    assert [change[:2] for change in glass.changes()] == [("FIN_WAIT1", "CLOSED")]
    tcp._pump()
    tcp._collect()
    tcp.seen.clear()
    tcp.connect()  # what was dissolved is still watched
    assert glass.changes()[0][:2] == ("CLOSED", "SYN_SENT")
    tcp.inject(SYN | ACK, seq=300, ack=101)
    tcp.inject(FIN | ACK, seq=301, ack=101)
    glass.changes()
    tcp.close()
    assert glass.changes() == [("CLOSE_WAIT", "LAST_ACK", "close()")]


def test_why_a_listener_came_and_went_is_told() -> None:
    for end, why in (("close", "close()"), ("abort", "close()")):
        glass = Glass()
        glass.tcp.listen()
        assert glass.changes() == [("CLOSED", "LISTEN", "listen()")]
        getattr(glass.tcp.socket, end)(glass.tcp.now)
        assert glass.changes() == [("LISTEN", "CLOSED", why)]
    glass = Glass()
    glass.tcp.listen()
    glass.tcp.socket.dissolve(glass.tcp.now)
    glass.changes()
    glass.tcp.socket.listen(1, glass.tcp.now)  # what was dissolved is still watched
    assert glass.changes() == [("CLOSED", "LISTEN", "listen()")]


def test_a_socket_that_turned_to_ipv4_is_still_watched() -> None:
    glass = Glass()
    glass.tcp.socket = glass.tcp.machine.tcp.open(6, glass.tcp.now)
    glass.tcp.socket.speak_ipv4()
    glass.tcp.listen()
    assert glass.changes() == [("CLOSED", "LISTEN", "listen()")]


# --- ports and ways ---------------------------------------------------------------------------------------------------


def test_ports_are_shared_by_connections_to_different_peers_only(tcp: Script) -> None:
    tcp.machine.tcp.ports.range = (50_000, 50_001)

    def attempt(port: int) -> Connection:
        one = tcp.machine.tcp.open(4, tcp.now)
        one.connect(PEER, port, tcp.now)
        return one

    assert {attempt(80).local[1], attempt(80).local[1]} == {50_000, 50_001}
    with pytest.raises(StackError) as refused:
        attempt(80)
    assert refused.value.errno == errno.EADDRNOTAVAIL
    others = [attempt(81), attempt(81)]
    assert {one.local for one in others} == {(US, 50_000), (US, 50_001)}
    others[0].close(tcp.now)  # it gives its port back for that peer
    assert attempt(81).local == others[0].local


def test_a_socket_bound_to_a_device_goes_no_other_way(tcp: Script) -> None:
    second = Wire(1_500)
    second.name = "eth1"
    interface = tcp.machine.add_device(second, tcp.now)
    tcp.machine.ip.add_address(interface, parse_ip("10.0.1.1"), 24, tcp.now)
    tcp.audited = False
    second.from_machine.clear()
    tcp.socket.options.bindtodevice = "eth1"
    tcp.socket.connect(PEER, 80, tcp.now)
    tcp._pump()
    tcp.expect_nothing()
    assert second.from_machine  # it asks there who has the address
    free = tcp.machine.tcp.open(4, tcp.now)
    free.connect(PEER, 80, tcp.now)
    tcp._pump()
    tcp.expect(SYN)


@pytest.mark.rfc("7413", "4.2.1")
@pytest.mark.parametrize("knows", [False, True])
def test_octets_with_connect_go_with_the_syn_if_there_is_a_cookie(knows: bool) -> None:
    tcp = script_of(fast_open=fastopen.CLIENT)
    cookie = FastOpenOption(b"12345678")
    if knows:
        tcp.machine.tcp.fast_open.learn(PEER + US, 600, cookie, None, tcp.machine.tcp.config)
    tcp.socket.options.fast_open_connect = True
    assert tcp.socket.connect_and_send(bytes(1_000), PEER, 80, tcp.now) == 1_000
    tcp._pump()
    tcp._collect()
    [syn] = tcp.seen
    assert syn.flags == SYN
    assert parse_fast_open(syn.options) == (cookie if knows else FastOpenOption(b""))
    assert len(syn.payload) == (560 if knows else 0)
    assert len(tcp.socket.tcb.sendbuf) == 1_000


# --- errors that wait -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("system", "number"), [("linux", errno.ECONNRESET), ("freebsd", errno.EPIPE)])
def test_a_write_after_a_reset(system: str, number: int) -> None:
    """On the BSDs that nothing can be sent comes first, and reading tells why."""
    tcp = script_of(system)
    tcp.established()
    tcp.inject(RST, seq=301)
    with pytest.raises(StackError) as refused:
        tcp.socket.send(b"x", tcp.now)
    assert refused.value.errno == number
    if system == "freebsd":
        with pytest.raises(StackError) as refused:
            tcp.socket.recv(10, tcp.now)
        assert (refused.value.errno, refused.value.detail) == (errno.ECONNRESET, "10.0.0.2:80")


@pytest.mark.parametrize(("system", "aborted"), [("linux", False), ("freebsd", True)])
def test_accept_of_what_was_reset_meanwhile(system: str, aborted: bool) -> None:
    tcp = script_of(system)
    tcp.listen()
    tcp.inject(SYN, seq=300)
    tcp.learn_from_syn_ack()
    tcp.inject(ACK, seq=301, ack=101)
    tcp.inject(RST, seq=301)
    if aborted:
        with pytest.raises(StackError) as refused:
            tcp.socket.accept(tcp.now)
        assert refused.value.errno == errno.ECONNABORTED
    else:
        assert tcp.socket.accept(tcp.now).error == errno.ECONNRESET
    assert tcp.socket.accept(tcp.now) is None


def test_accept_marks_what_it_gives(tcp: Script) -> None:
    tcp.passive()
    assert tcp.socket.accepted


def test_an_option_lets_go_what_waited_for_it(tcp: Script) -> None:
    tcp.established()
    tcp.send(b"a")
    tcp.send(b"b")
    tcp.expect(ACK, length=1)
    tcp.expect_nothing()
    tcp.option(nodelay=True)
    tcp.expect(ACK, data=b"b")


def test_who_asks_only_for_reading_does_not_wait_for_room(tcp: Script) -> None:
    tcp.established(window=60_000)
    tcp.option(sndbuf=4_608, sndbuf_locked=True)
    while tcp.socket.send(bytes(5_000), tcp.now):
        pass
    tcp.socket.tcb.room_awaited = False
    tcp.socket.poll(POLLIN)
    assert not tcp.socket.tcb.room_awaited
    tcp.socket.poll(POLLOUT)
    assert tcp.socket.tcb.room_awaited


def test_without_urgent_data_there_is_no_urgent_octet(tcp: Script) -> None:
    tcp.established()
    assert tcp.socket.urgent() is None
    tcp.inject(ACK | PSH, seq=301, ack=101, data=b"abc")
    assert tcp.socket.urgent() is None


def test_the_end_of_the_stream_in_a_buffer(tcp: Script) -> None:
    tcp.established()
    buffer = memoryview(bytearray(2))
    assert tcp.socket.recv_into(buffer, tcp.now) is None
    tcp.inject(FIN | ACK, seq=301, ack=101)
    assert tcp.socket.recv_into(buffer, tcp.now) == 0


def test_reading_one_octet_moves_a_point_of_one(tcp: Script) -> None:
    tcp.established()
    tcp.inject(ACK | PSH, seq=301, ack=101, data=b"ab")
    tcp.socket.own_options().peek_off = 1
    assert tcp.socket.recv(1, tcp.now) == b"a"
    assert tcp.socket.options.peek_off == 0
    tcp.socket.options.peek_off = 1
    assert tcp.socket.recv_into(memoryview(bytearray(1)), tcp.now) == 1
    assert tcp.socket.options.peek_off == 0
