import socket
from typing import Any

import pytest

from netarium.base.errors import UsageError
from netarium.base.trace import Congestion, Event, Segment, Trace
from netarium.inspect import timeseries, tracefile
from netarium.inspect.capture import capture
from netarium.inspect.timeseries import Collector, Sending, Stretch, Window
from netarium.sim import World
from netarium.wire import ipv4
from netarium.wire.pcapng import LINKTYPE_RAW, Writer
from netarium.wire.tcp import pack_header

US, THEM = "10.0.0.1:1000", "10.0.0.2:80"
ISS, IRS = 0xFFFF_FF00, 500  # ours wraps after 255 octets


def segment(at: int, flags: str, seq: int, ack: int = 0, length: int = 0, **more: Any) -> Segment:
    direction = more.pop("direction", "sent")
    return Segment(
        at=at, where="us", socket=more.pop("socket", 7), direction=direction, local=US, remote=THEM, flags=flags,
        seq=seq & 0xFFFF_FFFF, ack=ack & 0xFFFF_FFFF, window=more.pop("window", 100), length=length,
        options=more.pop("options", ""), **more,
    )  # fmt: skip


def received(at: int, flags: str, seq: int, ack: int = 0, length: int = 0, **more: Any) -> Segment:
    return segment(at, flags, seq, ack, length, direction="received", **more)


OPENING: list[Event] = [
    segment(10, "SYN", ISS, options="mss 1460, sack ok, wscale 3", window=60_000),
    received(20, "SYN,ACK", IRS, ISS + 1, options="mss 1460, sack ok, wscale 2", window=50_000),
    segment(30, "ACK", ISS + 1, IRS + 1),
]


def only(events: list[Event]) -> Sending:
    (sending,) = timeseries.from_events(events)
    return sending


def test_a_transfer_with_a_loss_across_the_wrap() -> None:
    sending = only([
        *OPENING,
        segment(40, "ACK", ISS + 1, IRS + 1, 200),
        segment(41, "ACK", ISS + 201, IRS + 1, 200),
        segment(42, "PSH,ACK", ISS + 401, IRS + 1, 200),
        received(60, "ACK", IRS + 1, ISS + 1, options=f"sack {(ISS + 201) & 0xFFFFFFFF}-{(ISS + 601) & 0xFFFFFFFF}"),
        segment(61, "ACK", ISS + 1, IRS + 1, 200, note="retransmission: fast"),
        Congestion(at=62, where="us", socket=7, cwnd=3_000, ssthresh=2_000, flight=600, why="fast retransmit"),
        Congestion(at=63, where="us", socket=8, cwnd=1, ssthresh=1, flight=1, why="another's"),
        Congestion(at=64, where="they", socket=7, cwnd=1, ssthresh=1, flight=1, why="another machine's"),
        received(80, "ACK", IRS + 1, ISS + 601, window=90),
        segment(90, "FIN,ACK", ISS + 601, IRS + 1),
    ])  # fmt: skip
    assert (sending.where, sending.source, sending.destination) == ("us", US, THEM)
    assert sending.data == [
        Stretch(10, 0, 1),
        Stretch(40, 1, 201),
        Stretch(41, 201, 401),
        Stretch(42, 401, 601),
        Stretch(61, 1, 201, again=True),
        Stretch(90, 601, 602),
    ]
    assert sending.acks == [(20, 1), (60, 1), (80, 601)]
    assert sending.sacks == [Stretch(60, 201, 601)]
    # Their window: never shifted in a SYN, by two afterwards.
    assert sending.edges == [(20, 1 + 50_000), (60, 1 + (100 << 2)), (80, 601 + (90 << 2))]
    assert sending.flight == [
        (10, 1), (20, 0), (40, 200), (41, 400), (42, 600), (60, 600), (61, 600), (80, 0), (90, 1),
    ]  # fmt: skip
    assert sending.windows == [Window(62, 3_000, 2_000, "fast retransmit")]
    assert (sending.octets, sending.resent) == (602, 1)
    assert str(sending) == f"{US} > {THEM}, 602 octets, 1 segments again"


def test_each_direction_is_seen_where_its_data_leaves() -> None:
    events = [*OPENING, received(50, "ACK", IRS + 1, ISS + 1, 300), segment(51, "ACK", ISS + 1, IRS + 301)]
    assert (
        timeseries.from_events(events) == []
    )  # the peer's view of what it sent is not in this machine's trace


def test_windows_are_shifted_only_if_both_said_so() -> None:
    data = segment(40, "ACK", ISS + 1, IRS + 1, 10)
    plain = received(20, "SYN,ACK", IRS, ISS + 1, window=50_000)
    assert only([OPENING[0], plain, data, received(50, "ACK", IRS + 1, ISS + 11)]).edges[-1] == (50, 11 + 100)
    # A trace that begins in the middle: nobody knows the shift, and numbers count from what is seen first.
    sending = only([data, received(50, "ACK", IRS + 1, ISS + 11)])
    assert sending.edges == []
    assert sending.data == [Stretch(40, 0, 10)]
    assert sending.acks == [(50, 10)]


def test_acknowledgments_that_make_no_sense_are_left_out() -> None:
    data = [*OPENING, segment(40, "ACK", ISS + 1, IRS + 1, 10)]
    assert only([*data, received(50, "ACK", IRS + 1, ISS + 500)]).acks == [(20, 1)]
    assert only([*data, received(50, "RST", IRS + 1, 0)]).acks == [(20, 1)]


def test_a_second_connection_of_the_same_ends() -> None:
    first = [
        *OPENING,
        segment(40, "FIN,ACK", ISS + 1, IRS + 1, 10),
        received(50, "FIN,ACK", IRS + 1, ISS + 12),
    ]
    second = [
        segment(100, "SYN", 9_000, socket=9),
        segment(110, "SYN", 9_000, socket=9),  # again: still the second
        received(120, "SYN,ACK", 3, 9_001),
        segment(130, "ACK", 9_001, 4, 20, socket=9),
        Congestion(at=131, where="us", socket=9, cwnd=5, ssthresh=6, flight=20, why="ack"),
    ]
    one, two = timeseries.from_events([*first, *second])
    assert one.data == [Stretch(10, 0, 1), Stretch(40, 1, 12)]
    assert two.data == [Stretch(100, 0, 1), Stretch(110, 0, 1, again=True), Stretch(130, 1, 21)]
    assert one.windows == []
    assert two.windows == [Window(131, 5, 6, "ack")]


def test_a_part_of_it() -> None:
    whole = only([
        *OPENING,
        segment(40, "ACK", ISS + 1, IRS + 1, 10),
        Congestion(at=45, where="us", socket=7, cwnd=5, ssthresh=6, flight=20, why="ack"),
        received(50, "ACK", IRS + 1, ISS + 11, options="sack 1-2"),
    ])  # fmt: skip
    part = whole.between(40, 49)
    assert (part.data, part.flight, part.windows) == (whole.data[1:], [(40, 10)], whole.windows)
    assert (part.acks, part.edges, part.sacks) == ([], [], [])
    assert whole.between(0, 99) == whole


def test_numbers_that_count_from_where_a_part_begins() -> None:
    whole = only([
        *OPENING,
        segment(40, "ACK", ISS + 1, IRS + 1, 10),
        segment(41, "ACK", ISS + 11, IRS + 1, 10),
        received(50, "ACK", IRS + 1, ISS + 11, options="sack 15-21"),
    ])  # fmt: skip
    late = whole.between(41, 99)
    anew = late.counted_anew()
    assert [(stretch.begin, stretch.end) for stretch in anew.data] == [(0, 10)]
    assert anew.acks == [(50, 0)]
    assert [(stretch.begin, stretch.end) for stretch in anew.sacks] == [
        (stretch.begin - 11, stretch.end - 11) for stretch in late.sacks
    ]
    assert anew.edges == [(at, edge - 11) for at, edge in late.edges]
    assert whole.counted_anew() == whole


def _program(world: World) -> None:
    def serve() -> None:
        with socket.create_server(("", 80)) as listener, listener.accept()[0] as channel:
            channel.recv(100)
            channel.sendall(bytes(200_000))

    def fetch() -> None:
        with socket.create_connection(("server", 80)) as channel:
            channel.sendall(b"please")
            while channel.recv(65_536):
                pass

    world.machines["server"].run(serve)
    world.machines["client"].run(fetch).join()


def test_a_trace_and_a_capture_of_one_run_agree() -> None:
    events: list[Event] = []
    collector = Collector("server")
    trace = Trace(events.append, collector)
    world = World(seed=2, trace=trace)
    world.cable(*world.hosts("server", "client"), loss="2%", rate="10mbit", delay="5ms")
    world.run(_program, world)
    text = "".join(tracefile.dump(events)).encode()
    traced = timeseries.load(text)
    assert [sending.where for sending in traced] == ["client", "server"]
    (own,) = collector.sendings()
    assert own == traced[1]
    assert own.resent > 0
    assert own.windows
    captured = {sending.source: sending for sending in timeseries.load(b"".join(capture(events, lost=True)))}
    other = captured[own.source]
    assert [stretch[1:] for stretch in other.data] == [stretch[1:] for stretch in own.data]
    assert other.windows == []
    assert max(ack for _, ack in other.acks) == own.octets
    assert other.edges


def test_a_router_sends_nothing_again_and_packets_may_come_without_a_frame() -> None:
    def frame(payload: bytes, seq: int) -> bytes:
        body = pack_header(1000, 80, seq, 0, 0, 10) + payload
        return ipv4.Ipv4Header(bytes(4), bytes(4), 6, total_length=20 + len(body)).pack() + body

    writer = Writer()
    octets = writer.start()
    for at, interface in ((5, "a"), (6, "router"), (7, "a")):
        octets += writer.packet(interface, at, frame(b"abc", at), link_type=LINKTYPE_RAW)
    octets += writer.packet("a", 9, b"no IP", link_type=LINKTYPE_RAW)
    (sending,) = timeseries.load(octets)
    assert sending.data == [Stretch(5, 0, 3), Stretch(7, 2, 5, again=True)]


@pytest.mark.parametrize(
    ("octets", "words"),
    [
        (b"\x0a\x0d\x0d\x0a\x00", r"f: pcapng: the file ends inside a block"),
        (b"hello", "f, line 1"),
        (b"\xff\xfe\x00", "f: neither a pcapng capture nor a netarium trace"),
        (b"", "f: holds no events"),
    ],
)
def test_what_is_no_trace_is_refused(octets: bytes, words: str) -> None:
    with pytest.raises(UsageError, match=words):
        timeseries.load(octets, "f")
