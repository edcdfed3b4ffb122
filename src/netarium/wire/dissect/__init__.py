"""Dissection for people: every bit of a frame gets a name, a value and a meaning. Off the hot path; never raises.

The parsers of this floor refuse what is malformed; a dissection shows it. It is therefore its own reading of the
same RFCs, and tests hold the two against each other.
"""

from netarium.base.checksum import Buffer
from netarium.base.errors import WireError
from netarium.wire.dissect.internet import ip
from netarium.wire.dissect.layer import Field, Layer, Pen, Scope, Step
from netarium.wire.dissect.link import ethernet

__all__ = ["Field", "Layer", "dissect"]


def dissect(octets: Buffer, *, link: str = "ethernet") -> list[Layer]:
    """Name every octet of a frame.

    Args:
        octets: a frame without preamble and FCS, or a packet.
        link: what it begins with: "ethernet" or "ip".

    Returns:
        Layers from the outermost header to the payload, then trailers. They follow each other without a gap from
        0 to the end, and so do the fields in each. What cannot be read as what it should be is called malformed, in a
        field of that name if octets are left, and in the name of its layer.
    """
    frame = bytes(octets)
    layers: list[Layer] = []
    enclosing: list[tuple[str, int]] = []  # layers that go on behind what they enclose, and their ends
    scope = Scope()
    step: Step | None = ethernet if link == "ethernet" else ip
    offset, stop = 0, len(frame)
    while step is not None and offset < stop:
        pen = Pen(frame, offset, stop, scope)
        try:
            following = step(pen)
        except WireError as fault:
            pen.rest("malformed", str(fault))
            pen.name += " (malformed)"
            following = None
        layers.append(pen.layer())
        offset = pen.offset
        if following is None:
            break
        step = following.step
        if following.stop is not None and following.stop < stop:
            enclosing.append((layers[-2].name if len(layers) > 1 else pen.name, stop))
            stop = following.stop
    for name, outer in [("", stop), *reversed(enclosing)]:
        if offset < outer:
            layers.append(_remainder(frame, offset, outer, name, scope))
            offset = outer
    return layers


def _remainder(frame: bytes, start: int, stop: int, outer: str, scope: Scope) -> Layer:
    """Octets that no step names: the payload, or what an outer layer carries behind its inner one."""
    pen = Pen(frame, start, stop, scope)
    if outer:
        pen.name = f"{outer} trailer"
        pen.rest("trailer" if any(frame[start:stop]) else "padding")
    else:
        pen.name = "Payload"
        pen.rest("data")
    return pen.layer()
