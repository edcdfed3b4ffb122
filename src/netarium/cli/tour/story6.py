"""Story 6, UDP: the DNS query; no connection, no resending, eight octets of header."""

from dataclasses import asdict, dataclass

from netarium.base.trace import FrameSent, SocketEvent
from netarium.cli.tour.page import Say, Story
from netarium.cli.tour.run import Run, ms
from netarium.host.tables import DetailedRow
from netarium.inspect import netstat
from netarium.inspect.sequence import Arrow, draw
from netarium.inspect.width import clip, left
from netarium.wire.dissect import dissect


@dataclass(slots=True)
class Asked:
    """The facts of story 6."""

    server: str
    question: str
    answer: str
    ports: tuple[int, int]
    query_octets: int
    answer_octets: int
    took: int
    header: list[tuple[str, str, str]]  # octets, name, meaning
    message: list[tuple[str, str, str]]
    fresh: list[DetailedRow]
    server_rows: list[DetailedRow]
    udp_frames: int
    tcp_frames: int


def _dns(run: Run) -> list[Arrow]:
    return [a for a in run.arrows if a.packet.kind == "udp" and {a.src, a.dst} == {"browser", "dns"}]


def _rows(octets: bytes, name: str) -> list[tuple[str, str, str]]:
    """The fields of the layers of that name."""
    rows = []
    for layer in dissect(octets):
        if layer.name.split(" ")[0] == name:
            for field in layer.fields:
                value = str(field.value) if isinstance(field.value, int) else ""
                rows.append((field.raw(octets), field.name, field.text or value))
    return rows


def gather(run: Run) -> Asked:
    """Find query, answer, and the sockets of both."""
    frames = _dns(run)
    query = next(a for a in frames if a.src == "browser")
    answer = next(a for a in frames if a.src == "dns" and a.packet.ports == query.packet.ports[::-1])
    octets = next(e.octets for e in run.all(FrameSent) if e.id == query.event)
    created = run.first(
        SocketEvent,
        lambda e: e.row["kind"] == "udp" and e.id < query.event,
        where="browser",
        change="created",
    )
    listening = [
        shot.tables for shot in run.shots if shot.tables.machine == "dns" and shot.event.id < query.event
    ]
    return Asked(
        server=run.addresses["dns"],
        question=query.packet.summary,
        answer=answer.packet.summary,
        ports=query.packet.ports,
        query_octets=query.packet.length,
        answer_octets=answer.packet.length,
        took=(answer.arrived_at or answer.sent_at) - query.sent_at,
        header=_rows(octets, "UDP"),
        message=_rows(octets, "DNS"),
        fresh=run.shot(created).sockets if created is not None else [],
        server_rows=listening[-1].sockets if listening else [],
        udp_frames=len(frames),
        tcp_frames=len(run.web),
    )


def figures(facts: Asked) -> dict[str, object]:
    """For --json."""
    return asdict(facts)


def _lines(rows: list[tuple[str, str, str]]) -> list[str]:
    return [
        clip(f"    {left(clip(octets, 20), 21)}{left(clip(name, 24), 25)}{meaning}", 80)
        for octets, name, meaning in rows
    ]


def tell(facts: Asked, run: Run) -> Story:
    """The chapter."""
    story = Story(6, Say("UDP: 묻고 답하면 끝", "UDP: ask, be answered, done"))
    story.say(
        "사실 이 일은 맨 먼저 일어났다. 브라우저는 이름만 알았다. 소켓 라이브러리의 리졸버가 DNS 서버 "
        f"{facts.server}에 물었다. 이런 짧은 제어용 데이터에는 접속도 재전송도 필요 없다: 답이 오지 않으면 다시 물으면 된다.",
        "In truth this came first of all: the browser knew only a name. The resolver of the Socket library asked the DNS "
        f"server {facts.server}. Such short control data need neither connection nor resending by the stack: if no answer "
        "comes, ask again.",
    )
    if facts.fresh:
        story.show(
            netstat.book(facts.fresh),
            "리졸버의 소켓: 상대가 없으므로 *:*",
            "the resolver's socket: it has no peer, hence *:*",
            ["UDP"],
        )
    if facts.server_rows:
        story.show(
            netstat.book(facts.server_rows), "DNS 서버 쪽의 소켓", "the sockets of the DNS server", [":53 "]
        )
    chosen = _dns(run)
    story.show(
        draw(chosen[:6], ["browser", "dns"], start=0),
        f"{len(chosen[:6])}개의 프레임이 전부다",
        f"{len(chosen[:6])} frames, and that is all",
    )
    story.show(
        _lines(facts.header),
        "UDP 헤더: 8바이트",
        "the UDP header: 8 octets",
    )
    story.show(_lines(facts.message), "그 뒤의 DNS 메시지", "and the DNS message behind it")
    story.say(
        f"질문 {facts.query_octets}바이트, 답 {facts.answer_octets}바이트, 걸린 시간 {ms(facts.took)}. UDP로는 프레임 "
        f"{facts.udp_frames}개면 되었고, TCP로 문서를 가져오는 데는 {facts.tcp_frames}개가 오갔다. 확인도, 순서도, 재전송도 UDP에는 없다. "
        "필요하면 애플리케이션이 한다.",
        f"{facts.query_octets} octets of question, {facts.answer_octets} of answer, {ms(facts.took)} in all. UDP took "
        f"{facts.udp_frames} frames; fetching the document by TCP took {facts.tcp_frames}. UDP confirms nothing, orders nothing, "
        "resends nothing: whoever needs that does it himself.",
    )
    story.words("udp", "resolver", "dns_server", "datagram")
    return story
