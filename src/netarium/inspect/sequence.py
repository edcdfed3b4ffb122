"""A sequence diagram as text: time goes down, machines stand side by side, each frame is an arrow.

What is drawn is what was sent (`FrameSent`), what arrived (`FrameReceived`) and what a cable lost (`Signal.lost`).
A lost frame ends in an X with the rule that took it; a segment that TCP sent again is marked.
"""

from collections import defaultdict, deque
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Final

from netarium.base.addr import is_group_mac
from netarium.base.trace import Event, FrameReceived, FrameSent, Segment, Signal
from netarium.inspect.packet import Packet, read, tcp_words
from netarium.inspect.width import cells, centre, clip

_TIME_COLUMNS: Final = 12
_PADDED: Final = 60  # octets of the shortest frame on the line, without FCS


@dataclass(slots=True, kw_only=True)
class Arrow:
    """One frame on its way.

    Attributes:
        sent_at: when the stack handed it to the device, ns.
        arrived_at: when the other stack got it, ns; None if it never did.
        src: the sending machine.
        dst: the receiving machine; "" if that is not known (a broadcast, or lost).
        packet: the frame in one line.
        lost: what took it, or "".
        note: such as "retransmission: fast".
        event: id of the FrameSent.
        dst_mac: to which MAC address it went.
    """

    sent_at: int
    arrived_at: int | None = None
    src: str
    dst: str = ""
    packet: Packet
    lost: str = ""
    note: str = ""
    event: int = 0
    dst_mac: bytes = b""


def machine(where: str) -> str:
    """The machine of an event's `where`: what stands before the first slash or colon, if there is one."""
    return where.replace(":", "/").split("/")[0]


def arrows(events: Iterable[Event]) -> list[Arrow]:
    """Every frame that a stack sent, in the order of sending, with what became of it."""
    result: list[Arrow] = []
    waiting: dict[bytes, deque[Arrow]] = defaultdict(deque)
    segments: dict[int, Segment] = {}
    owners: dict[bytes, str] = {}
    for event in events:
        if isinstance(event, Segment):
            segments[event.id] = event
        elif isinstance(event, FrameSent):
            cause = segments.get(event.cause)
            arrow = Arrow(
                sent_at=event.at,
                src=machine(event.where),
                packet=read(event.octets),
                note=cause.note if cause is not None else "",
                event=event.id,
                dst_mac=bytes(event.octets[:6]),
            )
            owners.setdefault(bytes(event.octets[6:12]), arrow.src)
            result.append(arrow)
            waiting[_key(event.octets)].append(arrow)
        elif isinstance(event, FrameReceived):
            _arrive(waiting, owners, event)
        elif isinstance(event, Signal) and event.lost and (queue := waiting.get(_key(event.octets))):
            arrow = next((a for a in queue if not a.lost and a.arrived_at is None), queue[0])
            arrow.lost = event.lost
            arrow.dst_mac = bytes(event.octets[:6])
    for arrow in result:
        if not arrow.dst:
            arrow.dst = owners.get(arrow.dst_mac, "")
    return result


def _key(octets: bytes) -> bytes:
    """What makes a frame the same frame with and without the padding that it has on the line."""
    return octets.ljust(_PADDED, b"\0")


def _arrive(waiting: dict[bytes, deque[Arrow]], owners: dict[bytes, str], event: FrameReceived) -> None:
    queue = waiting.get(_key(event.octets))
    if not queue:
        return
    arrow = next((a for a in queue if a.arrived_at is None and not a.lost), queue[0])
    if arrow.arrived_at is None:
        arrow.arrived_at = event.at
        if not is_group_mac(arrow.dst_mac):
            arrow.dst = machine(event.where)
            owners.setdefault(arrow.dst_mac, arrow.dst)


def _bases(chosen: Iterable[Arrow]) -> Callable[[Arrow], str]:
    """Labels with sequence numbers counted from each direction's first one, as Wireshark shows them."""
    first: dict[tuple[str, str, tuple[int, int]], int] = {}
    for arrow in chosen:
        packet = arrow.packet
        if packet.segment is not None:
            first.setdefault((packet.src, packet.dst, packet.ports), packet.segment.seq)

    def label(arrow: Arrow) -> str:
        packet = arrow.packet
        if packet.segment is None or (packet.src, packet.dst, packet.ports) not in first:
            return packet.summary
        back = (packet.dst, packet.src, (packet.ports[1], packet.ports[0]))
        return tcp_words(
            packet.segment, first[packet.src, packet.dst, packet.ports], first.get(back, packet.segment.ack)
        )

    return label


def draw(
    chosen: Sequence[Arrow],
    machines: Sequence[str],
    *,
    width: int = 80,
    numbers_from: Sequence[Arrow] = (),
    note: Callable[[str], str] = str,
    lost: str = "lost",
    start: int | None = None,
) -> list[str]:
    """The diagram as lines of text.

    Args:
        chosen: the frames, in order.
        machines: the lifelines, from left to right; frames of others are left out.
        width: columns.
        numbers_from: count sequence numbers from the first of each direction in these frames; none: as on the wire.
        note: translates the note of a retransmission.
        lost: the word in front of the rule that took a frame.
        start: the instant called 0; the first frame's if None.
    """
    label = _bases(numbers_from) if numbers_from else lambda arrow: arrow.packet.summary
    shown = [a for a in chosen if a.src in machines]
    zero = start if start is not None else shown[0].sent_at if shown else 0
    columns = _columns(machines, width)
    lines = [_heads(machines, columns, width)]
    for arrow in shown:
        time = f"{(arrow.sent_at - zero) / 1e6:>10.3f}  "
        text = label(arrow)
        tail = f"{lost}: {arrow.lost}" if arrow.lost else note(arrow.note) if arrow.note else ""
        lines += [time + line for line in _arrow_lines(arrow, machines, columns, text, tail)[:1]]
        lines += [
            " " * _TIME_COLUMNS + line for line in _arrow_lines(arrow, machines, columns, text, tail)[1:]
        ]
    return [clip(line.rstrip(), width) for line in lines]


def _columns(machines: Sequence[str], width: int) -> list[int]:
    room = width - _TIME_COLUMNS
    margin = 4
    if len(machines) == 1:
        return [room // 2]
    step = (room - 2 * margin) / (len(machines) - 1)
    return [round(margin + index * step) for index in range(len(machines))]


def _heads(machines: Sequence[str], columns: Sequence[int], width: int) -> str:
    line = f"{'ms':>10}  "
    for name, column in zip(machines, columns, strict=True):
        begin = max(cells(line), _TIME_COLUMNS + column - cells(name) // 2)
        begin = min(begin, width - cells(name))
        line += " " * (begin - cells(line)) + name
    return line


def _rails(columns: Sequence[int]) -> list[str]:
    row = [" "] * (columns[-1] + 1)
    for column in columns:
        row[column] = "│"
    return row


def _arrow_lines(
    arrow: Arrow, machines: Sequence[str], columns: Sequence[int], text: str, tail: str
) -> list[str]:
    """The arrow with its words in it if they fit, else with a line of words above it; then what became of it."""
    begin = columns[machines.index(arrow.src)]
    if arrow.dst in machines and arrow.dst != arrow.src:
        end = columns[machines.index(arrow.dst)]
    else:  # to all, or to somebody who is not shown: the longer way
        end = columns[-1] if begin < columns[-1] - begin else columns[0]
        end = columns[-1] if begin == columns[0] else end
    low, high = min(begin, end), max(begin, end)
    room = high - low - 1
    lines: list[str] = []
    words = f" {text} "
    if cells(words) > room - 4:
        above = _rails(columns)
        lines.append(_overlay(above, low + 2, clip(text, max(8, columns[-1] - low + 4))))
        words = ""
    shaft = _shaft(words, room, to_right=end > begin, lost=bool(arrow.lost))
    lines.append(_overlay(_rails(columns), low + 1, shaft))
    if tail:
        lines.append(_overlay(_rails(columns), low + 2, clip("^ " + tail, columns[-1] - low + 4)))
    return lines


def _shaft(words: str, room: int, *, to_right: bool, lost: bool) -> str:
    if not lost:
        return centre(words, room - 1, "─") + "▶" if to_right else "◀" + centre(words, room - 1, "─")
    length = max(cells(words) + 4, room * 3 // 4)
    length = min(length, room - 1)
    if to_right:
        return centre(words, length - 1, "─") + "X"
    return " " * (room - length) + "X" + centre(words, length - 1, "─")


def _overlay(row: list[str], column: int, text: str) -> str:
    """The row with text written over it from a column on; wide letters take two places."""
    row = [*row, *[" "] * max(0, column + cells(text) - len(row))]
    return "".join(row[:column]) + text + "".join(row[column + cells(text) :])
