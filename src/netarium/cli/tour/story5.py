"""Story 5, IP and Ethernet: route, ARP cache, headers byte by byte, FCS, and the signal on the cable."""

from dataclasses import asdict, dataclass

from netarium.base.trace import FrameSent, RouteChosen, Signal
from netarium.cli.tour.page import Say, Story
from netarium.cli.tour.run import Run, ms
from netarium.host.tables import NeighborRow, RouteRow, Tables
from netarium.inspect import arp, netstat
from netarium.inspect.korean import josa
from netarium.inspect.width import clip, left, wrap
from netarium.signal import manchester
from netarium.signal.fcs import FCS_LENGTH
from netarium.signal.framing import PREAMBLE_LENGTH, LineFrame, line_octets, without_fcs
from netarium.signal.waveform import draw
from netarium.wire.dissect import Field, dissect

_BITS_SHOWN = 19  # four columns each
_MEANING_COLUMNS = 32


@dataclass(slots=True)
class Octets:
    """One field of one header: which octets, what they say; `shown` is the octets, or the field's bits of them."""

    layer: str
    name: str
    start_bit: int
    bits: int
    octets: str
    shown: str
    meaning: str


@dataclass(slots=True)
class Hop:
    """The frame on one cable: its first bit sent, its last bit sent, its last bit arrived."""

    cable: str
    begins_at: int
    ends_at: int
    arrived_at: int


@dataclass(slots=True)
class Carried:
    """The facts of story 5."""

    routes: list[RouteRow]
    route: dict[str, str | None] | None
    neighbors: list[NeighborRow]
    frame: str
    fields: list[Octets]
    parts: list[tuple[str, int, int]]  # name, first and last octet + 1 on the line
    preamble: str
    fcs: str
    line_octets: int
    waveform: list[str]
    waveform_from_bit: int
    samples: int
    decoded: str
    decoded_equal: bool
    bit_rate: int
    hops: list[Hop]


def _fields(frame: bytes) -> list[Octets]:
    return [
        Octets(
            layer=layer.name, name=field.name, start_bit=field.start_bit, bits=field.bits,
            octets=frame[field.start_bit // 8 : -(-(field.start_bit + field.bits) // 8)].hex(),
            shown=field.raw(frame), meaning=_meaning(field),
        )
        for layer in dissect(frame)
        for field in layer.fields
    ]  # fmt: skip


def _meaning(field: Field) -> str:
    value = str(field.value) if isinstance(field.value, int) else ""
    return field.text or value


def _through_the_signal(line: LineFrame) -> tuple[int, bytes]:
    """Make the waveform of the whole frame, and read it as a receiver does: samples, and the octets that came out."""
    samples = manchester.waveform(manchester.encode(line.octets))
    return len(samples), without_fcs(manchester.decode(samples))


def gather(run: Run) -> Carried:
    """Follow the frame of the browser's first SYN down to the signal."""
    sent = next(e for e in run.all(FrameSent) if e.id == run.web[0].event)
    route = next(
        (e for e in run.all(RouteChosen, where="browser") if e.destination == run.addresses["web"]), None
    )
    line = line_octets(sent.octets)
    samples, decoded = _through_the_signal(line)
    first_bit = 8 * (PREAMBLE_LENGTH - 1)
    tables: Tables = next(s.tables for s in reversed(run.shots) if s.tables.machine == "browser")
    hops = [
        Hop(cable=e.cable, begins_at=e.at, ends_at=e.ends_at, arrived_at=e.arrives_at + e.ends_at - e.at)
        for e in run.all(Signal, lambda e: e.id > sent.id and e.octets.startswith(sent.octets))
    ]
    return Carried(
        routes=tables.routes,
        route={
            "destination": route.destination, "prefix": route.prefix, "gateway": route.gateway, "device": route.device,
            "source": route.source,
        } if route is not None else None,
        neighbors=tables.neighbors,
        frame=sent.octets.hex(),
        fields=_fields(sent.octets),
        parts=[(part.name, part.start, part.stop) for part in line.parts],
        preamble=line.octets[:PREAMBLE_LENGTH].hex(" "),
        fcs=line.octets[-FCS_LENGTH:].hex(" "),
        line_octets=len(line.octets),
        waveform=draw(line, first_bit=first_bit, width=4 * _BITS_SHOWN),
        waveform_from_bit=first_bit,
        samples=samples,
        decoded=decoded.hex(),
        decoded_equal=decoded == line.octets[PREAMBLE_LENGTH:-FCS_LENGTH],
        bit_rate=manchester.BIT_RATE,
        hops=hops[:2],
    )  # fmt: skip


def figures(facts: Carried) -> dict[str, object]:
    """For --json."""
    return asdict(facts)


def _table(facts: Carried) -> list[str]:
    """Every field of every header: position, octets (or bits), name, meaning."""
    lines: list[str] = []
    layer = ""
    for row in facts.fields:
        if row.layer != layer:
            layer = row.layer
            lines.append(f"  {layer}")
        octet, bit = divmod(row.start_bit, 8)
        if bit or row.bits % 8:
            position, value = f"{octet:>3}.{bit}", row.shown
        else:
            position, value = f"{octet:>3}", clip(row.octets, 13)
        first, *more = wrap(row.meaning, _MEANING_COLUMNS) or [""]
        lines.append(f"    {left(position, 6)}{left(value, 14)}{left(clip(row.name, 22), 23)}{first}")
        lines += [" " * 47 + line for line in more]
    return lines


def tell(facts: Carried, run: Run) -> Story:
    """The chapter."""
    story = Story(5, Say("IP와 이더넷이 패킷을 나른다", "IP and Ethernet carry the packet"))
    story.say(
        "TCP는 만든 세그먼트를 IP에 맡긴다. 브라우저가 처음 보낸 SYN을 따라 내려가 보자. IP는 먼저 경로표에서 "
        f"{josa(run.addresses['web'], '으로/로')} 가는 길을 찾는다.",
        "TCP hands its segments to IP. Let us follow the browser's first SYN down. IP looks into the routing table for the "
        f"way to {run.addresses['web']}.",
    )
    story.show(netstat.routes(facts.routes), "netstat -r", "netstat -r")
    if facts.route is not None:
        through = facts.route["gateway"]
        story.say(
            f"{facts.route['prefix']} 줄이 맞는다: {josa(facts.route['device'], '으로/로')} 내보내되, "
            + (f"게이트웨이 {through}에 넘긴다." if through else "같은 네트워크이니 상대에게 바로 보낸다.")
            + f" 보내는 주소는 {facts.route['source']}.",
            f"The row {facts.route['prefix']} matches: out through {facts.route['device']}, "
            + (
                f"handed to the gateway {through}"
                if through
                else "straight to the peer, for it is on the same network"
            )
            + f"; the source address is {facts.route['source']}.",
        )
    story.show(
        arp.bsd(facts.neighbors),
        "arp -a: 물어서 알아낸 MAC 주소는 캐시에 남는다",
        "arp -a: the MAC addresses that were found stay in the cache",
    )
    story.say(
        "그리고 헤더를 앞에 붙인다: TCP, IP, 이더넷. 아래는 회선에 나간 바로 그 바이트들이다 (위치, 16진수, 이름, 뜻).",
        "And the headers go in front: TCP, IP, Ethernet. These are the very octets that went out on the line (position, "
        "hex, name, meaning).",
    )
    story.show(_table(facts), "프레임의 모든 바이트", "every octet of the frame")
    _tell_signal(facts, story)
    story.words("routing_table", "arp_cache", "mac_address", "preamble", "sfd", "fcs", "manchester", "switch")
    return story


def _tell_signal(facts: Carried, story: Story) -> None:
    story.say(
        f"LAN 어댑터는 앞에 프리앰블과 SFD ({facts.preamble}), 뒤에 FCS ({facts.fcs})를 붙인다. 회선에 나가는 것은 모두 "
        f"{facts.line_octets}바이트다.",
        f"The LAN adapter puts preamble and SFD in front ({facts.preamble}) and the FCS behind ({facts.fcs}): "
        f"{facts.line_octets} octets on the line.",
    )
    story.show(
        [f"  {name:<24} octets {start:>4} … {stop - 1}" for name, start, stop in facts.parts],
        "회선 위의 순서",
        "the order on the line",
    )
    story.show(
        ["  " + line for line in facts.waveform],
        f"그리고 전기신호가 된다: 10BASE-T 맨체스터 부호, {facts.waveform_from_bit}번째 비트부터",
        f"and it becomes a signal: 10BASE-T, Manchester code, from bit {facts.waveform_from_bit} on",
        ["┌", "┘", "└", "┐"],
    )
    story.say(
        "비트마다 가운데에서 올라가면 1, 내려가면 0이다. 수신 측은 이 변화에서 클록을 되찾는다. 이 프레임 전체의 파형 "
        f"{facts.samples}점을 만들어 다시 복호했더니 보낸 바이트와 {'같았다' if facts.decoded_equal else '달랐다'}.",
        "A rise in the middle of a bit is a 1, a fall a 0; from these the receiver recovers the clock. The waveform of the "
        f"whole frame, {facts.samples} samples, was made and decoded: the octets are "
        f"{'the same' if facts.decoded_equal else 'not the same'}.",
    )
    if len(facts.hops) == 2:
        one, two = facts.hops
        story.say(
            f"첫 비트는 {ms(one.begins_at)}에 나가 마지막 비트가 {ms(one.arrived_at)}에 스위치에 닿고, 스위치는 MAC 주소를 보고 "
            f"서버 쪽 포트로만 내보내 {ms(two.arrived_at)}에 서버의 어댑터에 도착한다. 거기서 모든 일이 거꾸로 일어난다: FCS를 "
            "확인하고, 헤더를 하나씩 벗기고, 포트로 소켓을 찾는다.",
            f"The first bit leaves at {ms(one.begins_at)}, the last one is at the switch at {ms(one.arrived_at)}; the switch "
            f"looks at the MAC address and sends the frame out of the server's port only, where its adapter has it at "
            f"{ms(two.arrived_at)}. There everything happens in reverse: the FCS is checked, the headers come off one by one, "
            "and the port leads to the socket.",
        )
