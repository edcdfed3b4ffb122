"""Frames of the connection that the stories follow, as facts: what each segment said, and what became of it."""

from dataclasses import dataclass

from netarium.cli.tour.run import Run
from netarium.inspect.sequence import Arrow
from netarium.wire.tcp import TcpSegment, flag_names


@dataclass(slots=True)
class Sent:
    """One segment on its way; `seq` and `ack` are those on the wire, `offset` counts from the first octet of data."""

    event: int
    sent_at: int
    arrived_at: int | None
    src: str
    dst: str
    flags: str
    seq: int
    ack: int
    offset: int
    length: int
    window: int
    options: str
    lost: str
    note: str


def segment_of(arrow: Arrow) -> TcpSegment:
    """The TCP segment in a frame of the connection."""
    assert arrow.packet.segment is not None
    return arrow.packet.segment


def describe(segment: TcpSegment) -> str:
    """The options in words: "mss 1460, sackOK, wscale 7"."""
    words = []
    if segment.mss is not None:
        words.append(f"mss {segment.mss}")
    if segment.sack_permitted:
        words.append("sackOK")
    if segment.ts_val is not None:
        words.append(f"TS {segment.ts_val} {segment.ts_ecr}")
    if segment.wscale is not None:
        words.append(f"wscale {segment.wscale}")
    words += [f"sack {left}-{right}" for left, right in segment.sack]
    return ", ".join(words)


def sent(run: Run) -> list[Sent]:
    """All segments of the browser's connection, in the order in which they were sent."""
    first: dict[str, int] = {}
    rows: list[Sent] = []
    for arrow in run.web:
        segment = segment_of(arrow)
        start = first.setdefault(arrow.src, segment.seq)
        rows.append(
            Sent(
                event=arrow.event,
                sent_at=arrow.sent_at,
                arrived_at=arrow.arrived_at,
                src=arrow.src,
                dst="web" if arrow.src == "browser" else "browser",
                flags=flag_names(segment.flags),
                seq=segment.seq,
                ack=segment.ack,
                offset=((segment.seq - start) & 0xFFFFFFFF) - 1,  # the SYN takes one number
                length=len(segment.payload),
                window=segment.window,
                options=describe(segment),
                lost=arrow.lost,
                note=arrow.note,
            )
        )
    return rows
