"""What other people's programs say about the frames that our machines sent: tshark and scapy as judges.

A `Record` listens to a world and keeps its frames as they were handed to the devices, so that nothing a fault rule
did on a cable counts against us. A `Court` collects the records of many scenarios and has them judged at once, since
starting tshark costs more than reading a thousand frames:

- tshark finds nothing malformed, no bad checksum, nothing else that it calls an error;
- its TCP analysis misses no segment: every octet that is acknowledged or followed by others has been sent before;
- with a viewpoint, what it takes for a retransmission, a keep-alive or a window probe is what we say it was;
- scapy, which dissects each frame and builds it again with lengths and checksums of its own, gets the same octets.
"""

import io
import shutil
import subprocess
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from functools import cache
from itertools import accumulate
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Final

from netarium.base.trace import Event, FrameReceived, FrameSent, Segment
from netarium.inspect.capture import Capture

from .rebuild import rebuilt, shape

TSHARK: Final = shutil.which("tshark")

_WRONG: Final = (
    "_ws.malformed || _ws.expert.severity == 8388608 || tcp.analysis.lost_segment || tcp.analysis.ack_lost_segment"
    " || ip.checksum.status == 0 || udp.checksum.status == 0 || tcp.checksum.status == 0 || icmp.checksum.status == 0"
    " || igmp.checksum.status == 0"
)
_OPTIONS: Final = [
    word
    for protocol in ("ip", "udp", "tcp")
    for word in ("-o", f"{protocol}.check_checksum:TRUE")
]  # fmt: skip
_BEFORE_QUOTE: Final = 28  # octets of IPv4 and ICMP headers
_SAME_SHAPE: Final = 4  # frames that look alike which scapy sees of one scenario
_AGAIN: Final = ("retransmission", "fast_retransmission", "spurious_retransmission", "out_of_order")


@dataclass
class Record:
    """What the machines of one scenario sent, as a capture; a listener for a world's trace.

    Attributes:
        scenario: its name.
        viewpoint: the machine whose own sight is captured, too, and compared with what it says about its segments.
    """

    scenario: str
    viewpoint: str | None = None
    octets: io.BytesIO = field(default_factory=io.BytesIO)
    frames: int = 0
    shapes: Counter[tuple[object, ...]] = field(default_factory=Counter)
    samples: list[bytes] = field(default_factory=list)
    seen: io.BytesIO = field(default_factory=io.BytesIO)
    segments: list[tuple[bool, Segment | None]] = field(
        default_factory=list
    )  # by frame of `seen`: ours, which

    def __post_init__(self) -> None:
        self._capture = Capture(self.octets)  # type: ignore[arg-type]
        self._sight = Capture(self.seen, machine=self.viewpoint)  # type: ignore[arg-type]
        self._last: dict[int, Segment] = {}

    def __call__(self, event: Event) -> None:
        """One event of the trace."""
        if isinstance(event, FrameSent) and not event.device.startswith("lo"):
            self._capture(event)
            self.frames += 1
            look = shape(event.octets)
            self.shapes[look] += 1
            if self.shapes[look] <= _SAME_SHAPE:
                self.samples.append(event.octets)
        if self.viewpoint is not None and event.where == self.viewpoint:
            self._look(event)

    def _look(self, event: Event) -> None:
        self._sight(event)
        if isinstance(event, Segment) and event.direction == "sent":
            self._last[event.id] = event
        elif isinstance(event, FrameSent | FrameReceived) and not event.device.startswith("lo"):
            ours = isinstance(event, FrameSent)
            self.segments.append((ours, self._last.get(event.cause) if ours else None))


class Court:
    """Judges the records of several scenarios together."""

    def __init__(self) -> None:
        self.records: list[Record] = []

    def record(self, scenario: str, viewpoint: str | None = None) -> Record:
        """A new record, to be given to a world as its trace."""
        record = Record(scenario, viewpoint)
        self.records.append(record)
        return record

    def judge(self) -> None:
        """Raise AssertionError with all complaints, each with the name of its scenario."""
        complaints = list(self.complaints())
        assert not complaints, "\n".join(complaints[:20])

    def complaints(self) -> Iterator[str]:
        """What is wrong, one line for each thing."""
        for record in self.records:
            for octets in record.samples:
                again = rebuilt(octets)
                if again != octets:
                    place = next(
                        (
                            at
                            for at, pair in enumerate(zip(again, octets, strict=False))
                            if pair[0] != pair[1]
                        ),
                        "the end",
                    )
                    yield f"{record.scenario}: scapy differs at {place}: {again[:60].hex()}, {octets[:60].hex()}"
        if TSHARK is not None:
            yield from self._complaints_of_tshark()
            for record in self.records:
                if record.viewpoint is not None and record.segments:
                    yield from _disagreements(record)

    def _complaints_of_tshark(self) -> Iterator[str]:
        captures = [record.octets.getvalue() for record in self.records]
        names = [record.scenario for record in self.records]
        ends = list(accumulate(record.frames for record in self.records))
        fields = ["frame.number", "ip.len", "_ws.expert.message", "_ws.col.Info"]
        for number, lengths, *words in tshark(captures, fields, only=_WRONG):
            if _quotes_a_part(lengths) and "Malformed" not in words[0]:
                continue
            index = next(place for place, end in enumerate(ends) if int(number) <= end)
            place = int(number) - (ends[index - 1] if index else 0)
            yield f"{names[index]}, frame {place}: tshark says {' | '.join(words)}"
        count = sum(1 for _ in tshark(captures, ["frame.number"]))
        if count != sum(record.frames for record in self.records):
            yield f"tshark reads {count} frames of {sum(record.frames for record in self.records)}"


def _quotes_a_part(lengths: str) -> bool:
    """An ICMP error quotes the beginning of a packet: tshark would have the checksum of the whole fit the part."""
    outer, _, quoted = lengths.partition(",")
    return bool(quoted) and int(quoted) > int(outer) - _BEFORE_QUOTE


def _disagreements(record: Record) -> Iterator[str]:
    """Where tshark's analysis of one machine's segments differs from what the machine says about them."""
    names = ["tcp.seq_raw", "tcp.ack_raw", "tcp.len"]
    marks = [
        *(f"tcp.analysis.{word}" for word in _AGAIN),
        "tcp.analysis.keep_alive",
        "tcp.analysis.zero_window_probe",
    ]
    rows = tshark([record.seen.getvalue()], ["frame.number", *names, *marks])
    for row, (ours, segment) in zip(rows, record.segments, strict=True):
        if not ours or segment is None or not row[1]:
            continue  # not ours, or the question for a neighbour that a segment provoked
        number, seq, ack, length = row[0], *map(int, row[1:4])
        where = f"{record.scenario}, {record.viewpoint}'s frame {number}"
        if (seq, ack, length) != (segment.seq, segment.ack, segment.length):
            yield f"{where}: tshark reads {seq, ack, length}, the trace says {segment}"
        again, (kept_alive, probe) = any(row[4:-2]), row[-2:]
        if again != segment.note.startswith("retransmission"):
            yield f"{where}: a retransmission for {'tshark' if again else 'us'} only: {segment}"
        if bool(kept_alive or probe) != (segment.note == "probe"):
            yield f"{where}: a probe for {'us only' if segment.note else 'tshark only'}: {segment}"


@cache
def _no_guesses() -> list[str]:
    """Options by which tshark does not guess from random text what protocol it might be: some of it looks like any."""
    assert TSHARK is not None
    listed = subprocess.run(
        [TSHARK, "-G", "heuristic-decodes"], capture_output=True, check=True, text=True
    ).stdout
    guesses = {line.split("\t")[1] for line in listed.splitlines() if line.startswith(("tcp\t", "udp\t"))}
    return [word for name in sorted(guesses) for word in ("--disable-protocol", name)]


def tshark(captures: Iterable[bytes], fields: list[str], *, only: str = "") -> Iterator[list[str]]:
    """The fields of each frame of some captures, read as one file."""
    assert TSHARK is not None
    with TemporaryDirectory() as directory:
        path = Path(directory, "all.pcapng")
        path.write_bytes(b"".join(captures))  # a pcapng file may have any number of sections
        command = [TSHARK, "-n", "-r", str(path), *_OPTIONS, *_no_guesses(), "-T", "fields"]
        for name in fields:
            command += ["-e", name]
        if only:
            command += ["-Y", only]
        done = subprocess.run(command, capture_output=True, check=False, text=True)
    assert done.returncode == 0, done.stderr
    for line in done.stdout.splitlines():
        yield line.split("\t")
