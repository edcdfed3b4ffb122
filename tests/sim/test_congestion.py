"""CUBIC and BBR on a line of 100 Mbit/s and 40 ms in virtual time, where theory can be checked (RFC 9438 §5.1-§5.3)."""

import itertools
import math
import socket
import time
from collections.abc import Callable

import pytest

from netarium.base.config import MachineConfig, TcpConfig
from netarium.base.units import MS
from netarium.link import rules
from netarium.link.policer import Police
from netarium.sim import World
from netarium.transport.tcp.connection import Connection

PORT = 5_001
RATE = 100e6  # bit/s
RTT = 0.040  # s
SEGMENT = 1_448  # octets, which occupy the line for 1,538
TRAIN = 8  # segments that travel as one, to save time; each counts on the line
CHUNK = bytes(1 << 20)


class Line:
    """Senders, each by a gigabit cable to a switch, and behind it the slow line to one receiver."""

    def __init__(
        self,
        senders: int,
        *,
        train: int = 1,
        loss: float = 0,
        receive_buffer: int = 6 << 20,
        rate: float = RATE,
        control: str = "cubic",
    ) -> None:
        tcp = TcpConfig(
            congestion_control=control,
            gso_max_size=train * SEGMENT,
            send_buffer=8 << 20,
            receive_buffer_max=receive_buffer,
        )
        queue = int(rate * RTT / 8 / 1_538) // train  # frames: one bandwidth-delay product
        self.world = World(seed=4, config=MachineConfig(tcp=tcp))
        offload = train > 1
        self.senders = [self.world.host(f"sender{i}", offload=offload) for i in range(senders)]
        self.receiver = self.world.host("receiver", offload=offload)
        self.world.switch("switch", *self.senders)
        self.slow = self.world.cable("switch", self.receiver, rate=rate, delay="20ms", queue=queue)
        if loss:
            self.slow.add_rule(
                rules.Loss(loss), direction=0
            )  # of data; a lost ACK is none of the formula's losses

    def rates(self, *instants: float, look: Callable[[], None] = lambda: None) -> list[list[float]]:
        """Let everyone send; what each got acknowledged between the instants (s), in bit/s; `look` is called at each."""
        return self.world.run(self._measure, instants, look)

    def _measure(self, instants: tuple[float, ...], look: Callable[[], None]) -> list[list[float]]:
        for i, sender in enumerate(self.senders):
            self.receiver.run(_receive, PORT + i)
            sender.run(_send, PORT + i)
        acked = []
        for instant in instants:
            time.sleep(instant - time.monotonic())
            acked.append([self._acked(i) for i in range(len(self.senders))])
            look()
        return [
            [8 * (new - old) / (end - start) for old, new in zip(before, after, strict=True)]
            for (start, before), (end, after) in itertools.pairwise(zip(instants, acked, strict=True))
        ]

    def _acked(self, i: int) -> int:
        return self.connection(i).info(self.world.now).tcpi_bytes_acked

    def connection(self, i: int) -> Connection:
        return self.world.connection(self.senders[i], f"receiver:{PORT + i}")


def _send(port: int) -> None:
    with socket.create_connection(("receiver", port)) as sock:
        while True:
            sock.sendall(CHUNK)


def _receive(port: int) -> None:
    buffer = bytearray(1 << 20)
    with socket.create_server(("", port)) as listener, listener.accept()[0] as sock:
        while sock.recv_into(buffer):
            pass


def response(loss: float) -> float:
    """The larger of RFC 9438 §5.1's two windows (Figures 5 and 4 with C = 0.4), as bit/s."""
    cubic = 1.054 * (RTT / loss) ** 0.75
    reno = math.sqrt(1.5 / loss)
    return max(cubic, reno) * SEGMENT * 8 / RTT


@pytest.mark.slow
@pytest.mark.rfc("9438", "01")
def test_one_flow_fills_the_line() -> None:
    """No random loss, a drop-tail queue of one bandwidth-delay product: 95 % and more, from 5 s on, at all times."""
    rates = Line(1, train=TRAIN).rates(5, 10, 15, 20, 25, 30)
    payload = RATE * SEGMENT / 1_538
    assert min(rate for (rate,) in rates) > 0.95 * payload


@pytest.mark.slow
def test_the_first_slow_start_ends_before_the_queue_overflows() -> None:
    """HyStart++ (RFC 9406): nothing is lost, and yet the line is full after two seconds.

    The receiver's window is what line and queue hold: the five rounds of CSS treble the congestion window.
    """
    line = Line(1, receive_buffer=1_380_000)
    ((rate,),) = line.rates(2, 3)
    assert line.connection(0).info(line.world.now).tcpi_total_retrans == 0
    assert rate > 0.95 * RATE * SEGMENT / 1_538


@pytest.mark.slow
@pytest.mark.rfc("9438", "03")
def test_two_flows_share_fairly() -> None:
    """Jain's index, once the first losses have been shared, on 20 Mbit/s; and the line is full.

    The ACKs jitter, in order: in a world without any chance who loses is a matter of phase, for ever the same flow.
    """
    rate = 20e6
    line = Line(2, rate=rate)
    line.slow.add_rule(rules.Jitter(MS), direction=1)
    ((one, other),) = line.rates(5, 50)
    assert (one + other) ** 2 / (2 * (one**2 + other**2)) > 0.95
    assert one + other > 0.95 * rate * SEGMENT / 1_538


@pytest.mark.slow
@pytest.mark.rfc("9438", "02")
@pytest.mark.parametrize(("loss", "until"), [(0.001, 120), (0.01, 80)])
def test_the_response_function(loss: float, until: float) -> None:
    """Random loss, both rates in the Reno-friendly region: within 20 %.

    The formula is one of evenly spaced losses. Random ones give about 12 % more: while W_est is above the last
    window, alpha is 1 instead of 9/17.
    """
    ((rate,),) = Line(1, loss=loss).rates(2, until)
    assert rate == pytest.approx(response(loss), rel=0.2)


@pytest.mark.slow
@pytest.mark.parametrize(("loss", "left"), [(0.01, 0.85), (0.05, 0.8)])
def test_bbr_does_not_mind_random_losses(loss: float, left: float) -> None:
    """At 1 % on 20 Mbit/s more than 85 % of the line are left; CUBIC would get a fifth of it."""
    rate = 20e6
    ((got,),) = Line(1, loss=loss, rate=rate, control="bbr").rates(2, 9)
    assert got > left * rate * SEGMENT / 1_538


def test_bbr_finds_a_policer_and_keeps_below_it() -> None:
    """10 Mbit/s with bursts of 60,000 octets: once that is known hardly anything is lost, and nearly all of it used.

    Without that knowledge it would be 12 % in the same second, and 7 % later.
    """
    line = Line(1, control="bbr")
    line.slow.add_rule(Police("10mbit", 60_000), direction=0)
    retransmissions = []

    def look() -> None:
        retransmissions.append(line.connection(0).info(line.world.now).tcpi_total_retrans)

    ((rate,),) = line.rates(1.2, 2.2, look=look)
    assert retransmissions[0] > 100  # until then
    assert retransmissions[1] - retransmissions[0] < 0.03 * rate / 8 / SEGMENT
    assert rate > 0.9 * 10e6 * SEGMENT / 1_514


@pytest.mark.slow
def test_bbr_keeps_the_queue_short_and_looks_at_the_round_trip() -> None:
    """Half of the queue at most; in the eleventh second the dip of PROBE_RTT, and the line is full again at once."""
    line = Line(1, control="bbr", train=TRAIN)
    rates = [rate for (rate,) in line.rates(2, 10, 11, 12)]
    payload = RATE * SEGMENT / 1_538
    assert rates[0] > 0.95 * payload
    assert 0.6 * payload < rates[1] < 0.95 * payload
    assert rates[2] > 0.95 * payload
    info = line.connection(0).info(line.world.now)
    # The rate of the latest ACK: the phases of the cycle differ by as much.
    assert info.tcpi_delivery_rate == pytest.approx(payload / 8, rel=0.3)
    assert info.tcpi_rtt < 1e6 * RTT * 1.5
