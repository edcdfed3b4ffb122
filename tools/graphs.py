"""Draw the pictures of docs/congestion.md: Reno, CUBIC and BBR side by side on one line of 100 Mbit/s and 40 ms round trip.

Usage: python tools/graphs.py [--seconds N] [DIRECTORY]. The runs are in virtual time: the same pictures every time.
"""

import argparse
import socket
from dataclasses import replace
from pathlib import Path
from typing import Final, NamedTuple

import netarium
from netarium.base.config import MachineConfig
from netarium.base.units import MS
from netarium.inspect import plot
from netarium.inspect.timeseries import Collector, Sending
from netarium.link import rules
from netarium.transport.tcp.congestion import ALGORITHMS

ROOT: Final = Path(__file__).resolve().parent.parent
RATE: Final = 100_000_000  # bit/s
ROUND_TRIP_MS: Final = 40
QUEUE: Final = (
    RATE * ROUND_TRIP_MS // 1_000 // 8 // 1_538
)  # segments of 1,538 octets on the line: one product of bandwidth and delay
PORT: Final = 5_000
SHOWN: Final = {"reno": "Reno", "cubic": "CUBIC", "bbr": "BBR"}


class Case(NamedTuple):
    """What one picture shows: the loss, how much around the first one (round trips), and whether the columns compare."""

    loss: str
    before: int
    after: int
    same_scale: bool


CASES: Final = {
    "queue": Case("", before=4, after=8, same_scale=True),
    "loss": Case("0.1%", before=1, after=3, same_scale=False),
}


def transfer(algorithm: str, loss: str, seconds: float) -> Sending:
    """One connection that always has something to send, for so many seconds of virtual time."""
    collector = Collector("sender")
    config = MachineConfig()
    tcp = replace(config.tcp, congestion_control=algorithm, send_buffer=8 << 20, receive_buffer=4 << 20)
    config = replace(config, tcp=tcp)
    world = netarium.World(seed=1, trace=collector, config=config)
    sender, receiver = world.hosts("sender", "receiver")
    world.switch(
        "switch", sender
    )  # by a gigabit cable: the queue is in the network, not in the sender's adapter
    cable = world.cable("switch", receiver, rate=RATE, delay=f"{ROUND_TRIP_MS // 2}ms", queue=QUEUE)
    if loss:
        cable.add_rule(rules.Loss(loss), direction=0)  # of data

    def sink() -> None:
        with socket.create_server(("", PORT)) as listener:
            channel, _ = listener.accept()
            while channel.recv(1 << 20):
                pass

    def source() -> None:
        with socket.create_connection(("receiver", PORT)) as channel:
            while True:
                channel.sendall(bytes(1 << 16))

    def main() -> None:
        receiver.run(sink)
        sender.run(source)
        world.run_for(seconds)

    world.run(main)
    return max(collector.sendings(), key=lambda sending: sending.octets)


def main() -> None:
    """Draw all of them."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("directory", nargs="?", type=Path, default=ROOT / "docs")
    parser.add_argument("--seconds", type=float, default=30.0, help="of virtual time (30)")
    parser.add_argument("--format", choices=plot.FORMATS, default="svg")
    arguments = parser.parse_args()
    arguments.directory.mkdir(parents=True, exist_ok=True)
    for name, case in CASES.items():
        runs = []
        for algorithm in [word for word in SHOWN if word in ALGORITHMS]:
            sending = transfer(algorithm, case.loss, arguments.seconds)
            rate = max(ack for _, ack in sending.acks) * 8 / arguments.seconds / 1e6
            runs.append((f"{SHOWN[algorithm]}: {rate:.0f} Mbit/s", sending))
            print(f"{name} {runs[-1][0]}, {sending.resent} of {len(sending.data)} segments sent again")
        looks = [(heading, first_recovery(sending, case)) for heading, sending in runs]
        for kind, columns in (("congestion", runs), ("sequence", looks)):
            file = arguments.directory / f"{kind}-{name}.{arguments.format}"
            graph = "cwnd" if kind == "congestion" else "sequence"
            plot.side_by_side(columns, file, [graph], same_scale=case.same_scale)


def first_recovery(sending: Sending, case: Case) -> Sending:
    """A look at the first loss: some round trips before the first segment that was sent again, and after it."""
    first = next((stretch.at for stretch in sending.data if stretch.again), sending.data[0].at)
    look = sending.between(first - case.before * ROUND_TRIP_MS * MS, first + case.after * ROUND_TRIP_MS * MS)
    return look.counted_anew()


if __name__ == "__main__":
    main()
