"""Draw docs/tour.svg: one page of the tour's run, from its own trace, for README.

Left the browser's connection with the web server: every frame with its true slant (time is stretched where much
happens), the lost one, the retransmission, the states. Right the socket's row as it changes. Below the first bits of
the SYN frame on a 10BASE-T cable.

Usage: python tools/picture.py
"""

import sys
from collections.abc import Iterator
from html import escape
from pathlib import Path

from netarium.base.trace import FrameSent, StateChanged
from netarium.cli.tour.run import Run, Settings
from netarium.cli.tour.scenario import run
from netarium.inspect.packet import tcp_words
from netarium.inspect.sequence import Arrow
from netarium.signal.framing import PREAMBLE_LENGTH, line_octets
from netarium.signal.manchester import HIGH, bits_of, encode

TARGET = Path(__file__).resolve().parent.parent / "docs" / "tour.svg"
WIDTH = 960
LEFT, RIGHT, TABLE = 150, 520, 640  # lifelines, and where the table begins
TOP = 84
BITS = 26  # of the waveform
INK, FAINT, BLUE, RED, ORANGE, GREEN = "#1f2937", "#9ca3af", "#2563eb", "#dc2626", "#d97706", "#059669"


def text(x: float, y: float, words: str, *, colour: str = INK, size: int = 11, anchor: str = "start") -> str:
    """One line of text."""
    place = f'x="{x:.1f}" y="{y:.1f}" font-size="{size}" text-anchor="{anchor}"'
    halo = 'paint-order="stroke" stroke="#ffffff" stroke-width="3"'
    return f'<text {place} fill="{colour}" {halo}>{escape(words)}</text>'


def line(x1: float, y1: float, x2: float, y2: float, colour: str, extra: str = "") -> str:
    """One stroke."""
    return f'<line x1="{x1:.1f}" y1="{y1:.1f}" x2="{x2:.1f}" y2="{y2:.1f}" stroke="{colour}" stroke-width="1.4" {extra}/>'


class Clock:
    """Where an instant is drawn: later ones lower, a wait longer than a moment, and no two of one side too near."""

    def __init__(self, arrows: list[Arrow], changes: list[StateChanged]) -> None:
        moments = {(a.sent_at, 1, a.event) for a in arrows}
        moments |= {(a.arrived_at, 0, a.event) for a in arrows if a.arrived_at is not None}
        moments |= {(change.at, 2, change.id) for change in changes}
        self._rows: dict[tuple[int, int, int], float] = {}
        y, before = float(TOP), 0
        for at, kind, event in sorted(moments):
            gap = at - before if before else 0
            y += (13 if kind == 1 else 3) + 16 * min(1.0, gap / 1e6)
            self._rows[at, kind, event] = y
            before = at
        self.bottom = y + 16

    def sent(self, arrow: Arrow) -> float:
        """Of the sender's end."""
        return self._rows[arrow.sent_at, 1, arrow.event]

    def arrived(self, arrow: Arrow) -> float:
        """Of the receiver's end; where a lost frame would have been."""
        if arrow.arrived_at is None:
            return self.sent(arrow) + 20
        return self._rows[arrow.arrived_at, 0, arrow.event]

    def changed(self, change: StateChanged) -> float:
        """Of a change of state."""
        return self._rows[change.at, 2, change.id]


def label(arrow: Arrow, base: dict[str, int]) -> str:
    """What the segment says, numbers counted from the first."""
    segment = arrow.packet.segment
    assert segment is not None
    other = "web" if arrow.src == "browser" else "browser"
    return tcp_words(segment, base[arrow.src], base.get(other, 0)).split(" sack")[0]


def connection(arrows: list[Arrow], clock: Clock) -> Iterator[str]:
    """Lifelines, arrows, and above them all their words."""
    for x, name in ((LEFT, "browser"), (RIGHT, "web server")):
        yield line(x, TOP - 8, x, clock.bottom, FAINT)
        yield text(x, TOP - 16, name, size=14, anchor="middle")
    above: list[str] = []
    base: dict[str, int] = {}
    for arrow in arrows:
        assert arrow.packet.segment is not None
        base.setdefault(arrow.src, arrow.packet.segment.seq)
        x1, x2 = (LEFT, RIGHT) if arrow.src == "browser" else (RIGHT, LEFT)
        y1, y2 = clock.sent(arrow), clock.arrived(arrow)
        colour = RED if arrow.lost else ORANGE if arrow.note else BLUE
        words = label(arrow, base)
        if arrow.lost:
            x2, y2 = x1 + 0.6 * (x2 - x1), y1 + 0.6 * (y2 - y1)
            above.append(text(x2, y2 + 5, "✕", colour=RED, size=16, anchor="middle"))
            words += "  lost"
        elif arrow.note:
            words += "  " + arrow.note
        yield line(x1, y1, x2, y2, colour, "" if arrow.lost else 'marker-end="url(#tip)"')
        side = 6 if arrow.src == "browser" else -6
        above.append(
            text(x1 + side, y1 - 2, words, colour=colour, size=9, anchor="start" if side > 0 else "end")
        )
    yield from above


def states(changes: list[StateChanged], clock: Clock) -> Iterator[str]:
    """The states of both ends, in the margins."""
    lowest = {"browser": 0.0, "web": 0.0}
    for change in changes:
        y = lowest[change.where] = max(clock.changed(change) + 3, lowest[change.where] + 12)
        if change.where == "browser":
            yield text(LEFT - 8, y, change.new, colour=GREEN, size=10, anchor="end")
        else:
            yield text(RIGHT + 8, y, change.new, colour=GREEN, size=10)


def table(played: Run, changes: list[StateChanged], clock: Clock) -> Iterator[str]:
    """The browser's row of the socket table, each time that it changes."""
    yield text(TABLE, TOP - 16, "the browser's row of the socket table", size=12)
    y = float(TOP)
    for change in changes:
        if change.where != "browser":
            continue
        row = next((r for r in played.shot(change).sockets if r.id == change.socket), None)
        if row is None:
            continue
        y = max(y + 36, clock.changed(change))
        ends = f"{row.local[0]}:{row.local[1]} → {row.remote[0]}:{row.remote[1]}"
        yield f'<rect x="{TABLE}" y="{y - 13:.1f}" width="304" height="31" rx="4" fill="#f3f4f6"/>'
        yield text(TABLE + 8, y, f"tcp  {ends}", size=10)
        yield text(
            TABLE + 8, y + 13, f"{row.state}  Send-Q {row.send_q}  pid {row.pid}", colour=GREEN, size=10
        )


def waveform(octets: bytes, top: float) -> Iterator[str]:
    """The first bits behind the preamble, as voltage."""
    on_line = line_octets(octets)
    first = 8 * (PREAMBLE_LENGTH - 1)
    bits = bits_of(on_line.octets)[first : first + BITS]
    levels = encode(on_line.octets)[2 * first : 2 * (first + BITS)]
    step = (WIDTH - 80) / BITS
    yield text(
        40,
        top,
        "the SYN frame on the cable: SFD, then the destination's MAC address, in Manchester code",
        size=12,
    )
    points = []
    for index, level in enumerate(levels):
        y = top + 40 - 16 * (1 if level == HIGH else -1)
        points += [f"{40 + index * step / 2:.1f},{y:.1f}", f"{40 + (index + 1) * step / 2:.1f},{y:.1f}"]
    yield f'<polyline points="{" ".join(points)}" fill="none" stroke="{BLUE}" stroke-width="1.6"/>'
    for index, bit in enumerate(bits):
        x = 40 + index * step
        yield line(x, top + 18, x, top + 62, "#e5e7eb")
        yield text(x + step / 2, top + 74, str(bit), colour=FAINT, anchor="middle")


def picture(played: Run) -> str:
    """The whole SVG."""
    arrows = played.web
    ends = {arrows[0].event, arrows[-1].event}
    sockets = {
        change.socket
        for change in played.all(StateChanged, lambda c: c.id > played.syn.id, new="ESTABLISHED")
    }
    last = max(a.arrived_at or a.sent_at for a in arrows)
    changes = list(
        played.all(
            StateChanged,
            lambda c: (
                c.where in {"browser", "web"}
                and c.socket in sockets
                and arrows[0].sent_at - 10**6 < c.at <= last
            ),
        )
    )
    clock = Clock(arrows, changes)
    syn = next(event for event in played.all(FrameSent) if event.id in ends)
    bottom = clock.bottom + 36  # the last rows of the table need some room
    height = bottom + 110
    parts = [
        *connection(arrows, clock),
        *states(changes, clock),
        *table(played, changes, clock),
        *waveform(syn.octets, bottom + 10),
    ]
    head = (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {height:.0f}" '
        'font-family="ui-monospace, SFMono-Regular, Menlo, Consolas, monospace" role="img" '
        'aria-label="A connection of the tour: handshake, data, a lost segment, its retransmission, the end">'
    )
    tip = (
        '<defs><marker id="tip" viewBox="0 0 8 8" refX="8" refY="4" markerWidth="7" markerHeight="7" orient="auto">'
        f'<path d="M0 0L8 4L0 8z" fill="{BLUE}"/></marker></defs>'
    )
    title = text(
        40, 34, f"GET {played.outcome.url}: what really happened in one run of netarium tour", size=16
    )
    back = f'<rect width="{WIDTH}" height="{height:.0f}" fill="#ffffff"/>'
    return "\n".join([head, tip, back, title, *parts, "</svg>"]) + "\n"


def main() -> int:
    """Write the picture."""
    TARGET.write_text(picture(run(Settings())), encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
