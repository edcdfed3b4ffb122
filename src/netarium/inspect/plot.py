"""Graphs of a connection: the time-sequence graph of the field, and cwnd, ssthresh and flight; by matplotlib.

matplotlib is the extra `plot` and is loaded when something is drawn. The pictures hold no date and no random names:
the same series give the same file. What a picture cannot resolve is thinned before it is drawn.
"""

from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from importlib import import_module
from math import nan
from pathlib import Path
from typing import Any, Final

from netarium.base.errors import UsageError
from netarium.inspect.timeseries import Sending, Stretch, Window

KINDS: Final = ("sequence", "cwnd", "both")
FORMATS: Final = ("svg", "png", "pdf")
_INSTALL: Final = "graphs need matplotlib: pip install 'netarium[plot]'"
_SHARES: Final = 400  # of the time that is shown: finer than this no series is drawn
_SECOND: Final = 1e9

_DATA, _AGAIN, _ACK, _EDGE, _SACK = "#1f5fa8", "#d1242f", "#2e8540", "#9aa3ad", "#8250df"
_CWND, _SSTHRESH, _FLIGHT = "#1f5fa8", "#c2740c", "#b8c0c8"
_STYLE: Final = {
    "svg.hashsalt": "netarium",
    "svg.fonttype": "none",  # text stays text: small files that can be searched
    "font.family": "sans-serif",
    "font.size": 9.0,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.titlesize": 10.0,
    "axes.titlelocation": "left",
    "legend.frameon": False,
    "path.simplify": True,
}
_EVENTS: Final = {  # what is marked on the congestion window: marker and colour
    "fast retransmit": ("v", _AGAIN),
    "timeout": ("X", _AGAIN),
    "recovered": ("o", _ACK),
    "undo": ("^", _SACK),
}


def _matplotlib(module: str) -> Any:
    try:
        return import_module(module)
    except ImportError as fault:
        raise UsageError(f"{_INSTALL} ({fault})") from None


# --- thinning -----------------------------------------------------------------------------------------------


def thin(points: Sequence[tuple[int, int]], shares: int = _SHARES) -> list[tuple[int, int]]:
    """The same line with fewer points: of each share of the time the first, the lowest, the highest and the last.

    Args:
        points: instant and value, in the order of time.
        shares: into how many equal parts the time is cut.
    """
    if len(points) <= 4 * shares:
        return list(points)
    begin = points[0][0]
    width = max(1, (points[-1][0] - begin) // shares + 1)
    kept: list[tuple[int, int]] = []
    share: list[tuple[int, int]] = []
    number = 0
    for point in points:
        if (point[0] - begin) // width != number:
            kept += _corners(share)
            share, number = [], (point[0] - begin) // width
        share.append(point)
    return kept + _corners(share)


def _corners(share: list[tuple[int, int]]) -> list[tuple[int, int]]:
    if not share:
        return []
    values = [value for _, value in share]
    chosen = {0, len(share) - 1, values.index(min(values)), values.index(max(values))}
    return [share[index] for index in sorted(chosen)]


def merge(stretches: Sequence[Stretch], span: int, shares: int = _SHARES) -> list[Stretch]:
    """Fewer bars: those that touch and fall into the same share of the time become one, at the time of the first.

    Args:
        stretches: in the order of time.
        span: the time of the whole picture, ns.
        shares: into how many equal parts it is cut.
    """
    width = max(1, span // shares)
    merged: list[Stretch] = []
    for stretch in stretches:
        last = merged[-1] if merged else None
        if (
            last is not None
            and stretch.at // width == last.at // width
            and last.begin <= stretch.begin <= last.end
        ):
            merged[-1] = last._replace(end=max(last.end, stretch.end))
        else:
            merged.append(stretch)
    return merged


# --- axes ---------------------------------------------------------------------------------------------------


def _span(sending: Sending) -> tuple[int, int]:
    """First and last instant of what is worth a look: from the first segment to when all was acknowledged."""
    if not sending.data:
        return 0, 0
    done = max((ack for _, ack in sending.acks), default=0)
    last = next((at for at, ack in sending.acks if ack == done), 0)
    return sending.data[0].at, max(sending.data[-1].at, last)


def _range(axes: Any, bottom: int, top: int, what: str) -> None:
    """Label the axis of a value that goes from `bottom` to `top`."""
    margin = max(1.0, (top - bottom) * 0.05)
    axes.set_ylabel(what)
    axes.set_ylim(max(0, bottom - margin), top + margin)
    axes.yaxis.set_major_formatter(_matplotlib("matplotlib.ticker").EngFormatter(sep=" "))


def _bars(axes: Any, stretches: Sequence[Stretch], zero: int, colour: str, label: str, width: float) -> None:
    if not stretches:
        return
    x: list[float] = []
    y: list[float] = []
    for stretch in stretches:  # one line with gaps: a tenth of the file that a line each would make
        x += [(stretch.at - zero) / _SECOND] * 2 + [nan]
        y += [stretch.begin, stretch.end, nan]
    axes.plot(x, y, color=colour, linewidth=width, solid_capstyle="butt", label=label)


def _steps(axes: Any, points: Sequence[tuple[int, int]], zero: int, **look: Any) -> None:
    if points:
        chosen = thin(points)
        axes.plot(
            [(at - zero) / _SECOND for at, _ in chosen],
            [value for _, value in chosen],
            drawstyle="steps-post",
            **look,
        )


def sequence(axes: Any, sending: Sending, *, zero: int | None = None) -> None:
    """Draw the time-sequence graph: each segment a bar from its first to its last number, between ACK and window.

    Args:
        axes: of matplotlib.
        sending: what to draw.
        zero: the instant called 0 s; None: its first one.
    """
    begin, end = _span(sending)
    zero = begin if zero is None else zero
    lowest = min((stretch.begin for stretch in sending.data), default=0)
    _range(axes, lowest, sending.octets, "sequence number")
    _steps(axes, sending.edges, zero, color=_EDGE, linewidth=0.8, label="window")
    _steps(axes, sending.acks, zero, color=_ACK, linewidth=0.8, label="acknowledged")
    sacks = merge(sorted(sending.sacks), end - begin)
    _bars(axes, sacks, zero, _SACK, "SACK", 0.6)
    new = merge([stretch for stretch in sending.data if not stretch.again], end - begin)
    _bars(axes, new, zero, _DATA, "sent", 1.0)
    again = merge([stretch for stretch in sending.data if stretch.again], end - begin)
    _bars(axes, again, zero, _AGAIN, "sent again", 1.6)
    _finish(axes, (end - zero) / _SECOND)


def cwnd(axes: Any, sending: Sending, *, zero: int | None = None) -> None:
    """Draw the congestion window, the slow start threshold and the flight; see `sequence` for the arguments."""
    begin, end = _span(sending)
    zero = begin if zero is None else zero
    windows = [window for window in sending.windows if window.at <= end]
    known = [(window.at, window.cwnd) for window in windows]
    top = max((value for _, value in (*sending.flight, *known)), default=1)
    _range(axes, 0, top, "octets")
    _steps(axes, sending.flight, zero, color=_FLIGHT, linewidth=0.7, label="in flight")
    _steps(axes, known, zero, color=_CWND, linewidth=1.2, label="cwnd")
    # Before the first loss it is as good as infinite: not to be drawn.
    thresholds = [(window.at, window.ssthresh) for window in windows if window.ssthresh <= 4 * top]
    _steps(axes, thresholds, zero, color=_SSTHRESH, linewidth=1.0, linestyle="--", label="ssthresh")
    for why, (marker, colour) in _EVENTS.items():
        _marks(axes, [window for window in windows if window.why == why], zero, marker, colour)
    _finish(axes, (end - zero) / _SECOND)


def _marks(axes: Any, windows: list[Window], zero: int, marker: str, colour: str) -> None:
    if windows:
        axes.plot(
            [(window.at - zero) / _SECOND for window in windows],
            [window.cwnd for window in windows],
            linestyle="none",
            marker=marker,
            markersize=4,
            color=colour,
            label=windows[0].why,
        )


def _finish(axes: Any, seconds: float) -> None:
    axes.set_xlabel("seconds")
    axes.set_xlim(0, seconds * 1.02 or 1)
    axes.grid(visible=True, linewidth=0.3, color="#d8dde3")


def _legend(axes: Any) -> None:
    """Beside the graph, where it hides nothing."""
    if axes.get_legend_handles_labels()[0]:
        axes.legend(loc="upper left", bbox_to_anchor=(1.0, 1.0), fontsize=8)


# --- pictures -----------------------------------------------------------------------------------------------


def draw(sending: Sending, file: Path, kind: str = "both", title: str = "") -> None:
    """Draw one direction of a connection into a file, whose suffix says in which format.

    Args:
        sending: what to draw.
        file: is overwritten.
        kind: one of `KINDS`.
        title: above it; "": the connection.

    Raises:
        UsageError: matplotlib is missing, or the suffix is none of `FORMATS`.
    """
    graphs: list[Callable[..., None]] = [
        graph for name, graph in (("sequence", sequence), ("cwnd", cwnd)) if kind in {name, "both"}
    ]
    _check(file)
    with _style():
        figure = _matplotlib("matplotlib.figure").Figure(figsize=(9, 3.6 * len(graphs)), layout="constrained")
        for number, graph in enumerate(graphs, 1):
            axes = figure.add_subplot(len(graphs), 1, number)
            graph(axes, sending)
            _legend(axes)
            if number == 1:
                axes.set_title(title or str(sending))
        _save(figure, file)


def side_by_side(
    sendings: Sequence[tuple[str, Sending]],
    file: Path,
    kinds: Sequence[str] = KINDS[:2],
    *,
    same_scale: bool = True,
) -> None:
    """Draw several connections beside each other: a column for each, a row for each kind.

    Args:
        sendings: heading of the column, and what to draw in it.
        file: as in `draw`.
        kinds: of the rows, from the top: "sequence", "cwnd".
        same_scale: the graphs of a row have the same axes; else each fills its own.

    Raises:
        UsageError: as `draw`.
    """
    graphs: list[Callable[..., None]] = [{"sequence": sequence, "cwnd": cwnd}[kind] for kind in kinds]
    _check(file)
    with _style():
        figure = _matplotlib("matplotlib.figure").Figure(
            figsize=(3.8 * len(sendings), 3.0 * len(graphs)), layout="constrained"
        )
        rows = figure.subplots(
            len(graphs),
            len(sendings),
            squeeze=False,
            sharex=same_scale,
            sharey="row" if same_scale else False,
        )
        for row, graph in zip(rows, graphs, strict=True):
            limits: list[float] = []
            for axes, (_, sending) in zip(row, sendings, strict=True):
                graph(axes, sending)
                limits += axes.get_ylim()
                if same_scale:
                    axes.label_outer()
                elif axes is not row[0]:
                    axes.set_ylabel("")
            if same_scale:
                row[0].set_ylim(min(limits), max(limits))
            _legend(row[-1])
        for axes, (heading, _) in zip(rows[0], sendings, strict=True):
            axes.set_title(heading)
        _save(figure, file)


def _check(file: Path) -> None:
    if file.suffix.lower().removeprefix(".") not in FORMATS:
        raise UsageError(f"{file}: name a file that ends in .{', .'.join(FORMATS)}")


def _style() -> AbstractContextManager[None]:
    context: AbstractContextManager[None] = _matplotlib("matplotlib").rc_context(_STYLE)
    return context


def _save(figure: Any, file: Path) -> None:
    svg = file.suffix.lower() == ".svg"
    figure.savefig(file, dpi=120, metadata={"Date": None} if svg else None)
