"""Story 2, connect 접속: ARP, SYN, SYN+ACK, ACK; the row fills."""

from dataclasses import asdict, dataclass

from netarium.base.trace import Call, RttSampled, StateChanged
from netarium.cli.tour import connection
from netarium.cli.tour.connection import Sent
from netarium.cli.tour.page import Say, Story
from netarium.cli.tour.run import Run, ms
from netarium.host.tables import DetailedRow
from netarium.inspect import netstat
from netarium.inspect.glossary import word
from netarium.inspect.korean import josa
from netarium.inspect.sequence import Arrow, draw


@dataclass(slots=True)
class Connected:
    """The facts of story 2."""

    call: str
    server: str
    server_port: int
    client: str
    client_port: int
    arp: list[str]
    syn: Sent
    syn_ack: Sent
    ack: Sent
    client_states: list[str]
    server_states: list[str]
    rtt: int | None
    during: list[DetailedRow]
    after: list[DetailedRow]
    server_after: list[DetailedRow]


def _handshake(rows: list[Sent]) -> tuple[Sent, Sent, Sent]:
    """The three segments that arrived; earlier ones that were lost are part of the diagram, not of the story."""
    syn = next(row for row in rows if row.flags == "SYN" and row.arrived_at is not None)
    syn_ack = next(row for row in rows if row.flags == "SYN,ACK" and row.arrived_at is not None)
    ack = next(
        row for row in rows if row.src == "browser" and row.event > syn_ack.event and row.flags == "ACK"
    )
    return syn, syn_ack, ack


def _opening(run: Run, until: int) -> list[Arrow]:
    """What is in the diagram: the web server's ARP and the handshake."""
    frames = {a.event for a in run.web}
    address = run.addresses["web"]
    begin = run.opened.id
    return [
        a
        for a in run.arrows
        if begin < a.event <= until
        and (a.event in frames or (a.packet.kind == "arp" and address in a.packet.summary))
    ]


def _states(run: Run, where: str, until: str) -> list[str]:
    """The states that one end's socket went through, up to one."""
    found = run.first(StateChanged, lambda e: e.new == until and e.id > run.syn.id, where=where)
    path: list[str] = []
    if found is not None:
        for event in run.all(StateChanged, lambda e: e.id <= found.id, where=where, socket=found.socket):
            path = path or [event.old]
            path.append(event.new)
    return path


def gather(run: Run) -> Connected:
    """Find call, ARP, handshake, and the tables during and after."""
    rows = connection.sent(run)
    syn, syn_ack, ack = _handshake(rows)
    call = run.first(
        Call, lambda e: e.call == "connect" and e.id < run.syn.id and "80" in e.args, where="browser"
    )
    established = run.first(StateChanged, lambda e: e.id > run.syn.id, where="browser", new="ESTABLISHED")
    answered = run.first(StateChanged, lambda e: e.id > run.syn.id, where="web", new="ESTABLISHED")
    assert established is not None, "the page was fetched, so the connection was established"
    sample = run.first(RttSampled, lambda e: e.id > run.syn.id, where="browser", socket=run.syn.socket)
    client, _, client_port = run.syn.local.rpartition(":")
    server, _, server_port = run.syn.remote.rpartition(":")
    return Connected(
        call=f"connect({call.args})" if call is not None else "connect()",
        server=server,
        server_port=int(server_port),
        client=client,
        client_port=int(client_port),
        arp=[a.packet.summary for a in _opening(run, syn_ack.event) if a.packet.kind == "arp"],
        syn=syn,
        syn_ack=syn_ack,
        ack=ack,
        client_states=_states(run, "browser", "ESTABLISHED"),
        server_states=_states(run, "web", "ESTABLISHED"),
        rtt=sample.sample if sample is not None else None,
        during=run.before("browser", established.id),
        after=run.shot(established).sockets,
        server_after=run.shot(answered).sockets if answered is not None else [],
    )


def figures(facts: Connected) -> dict[str, object]:
    """For --json."""
    return asdict(facts)


def tell(facts: Connected, run: Run) -> Story:
    """The chapter."""
    story = Story(2, Say("서버에 접속한다", "Connect to the server"))
    story.say(
        f"브라우저가 {facts.call} 을 부른다. 접속이란 케이블을 꽂는 일이 아니다. 케이블은 늘 꽂혀 있다. 상대의 IP 주소 "
        f"{josa(facts.server, '과/와')} 포트 {josa(facts.server_port, '을/를')} 스택에 알려 주고, 서버에는 통신을 시작하겠다고 알리고, 양쪽이 버퍼를 "
        "준비하는 일이다.",
        f"The browser calls {facts.call}. To connect is not to plug in a cable: that is in all the time. It means to tell "
        f"the stack the peer's address {facts.server} and port {facts.server_port}, to tell the server that communication "
        "begins, and for both to make their buffers ready.",
    )
    if facts.arp:
        story.say(
            "첫 패킷을 내보내려면 상대의 MAC 주소가 필요하다. ARP가 모두에게 묻고, 주인이 답한다.",
            "The first packet cannot leave without the peer's MAC address. ARP asks everybody, and its owner answers.",
        )
    _tell_handshake(facts, story, run)
    _tell_rows(facts, story)
    story.words("connect", "handshake", "initial_sequence_number", "port", "arp")
    return story


def _tell_handshake(facts: Connected, story: Story, run: Run) -> None:
    chosen = _opening(run, facts.ack.event)
    story.show(
        lambda language: draw(
            chosen,
            ["browser", "web"],
            note=lambda note: word(note, language),
            lost=word("lost", language),
        ),
        "실제로 오간 프레임 (시각은 ms, 시퀀스 번호는 회선에 실린 그대로)",
        "the frames that really went (time in ms, sequence numbers as on the wire)",
        ["SYN"],
    )
    story.say(
        f"① 브라우저: SYN 비트를 세우고 초기 시퀀스 번호 {josa(facts.syn.seq, '을/를')} 알린다. 이 번호는 비밀 값과 주소, 포트로 계산해 "
        f"남이 맞힐 수 없다. 보내는 포트 {josa(facts.client_port, '은/는')} 비어 있는 것 가운데 고른 것이다. 데이터는 {facts.syn.length}바이트: "
        f"헤더뿐이다. ② 서버: SYN과 ACK를 세우고 자기 번호 {josa(facts.syn_ack.seq, '을/를')} 알리며, ACK 번호 {facts.syn_ack.ack} = "
        f"{facts.syn.seq} + 1로 잘 받았다고 답한다. ③ 브라우저: ACK 번호 {facts.ack.ack} = {facts.syn_ack.seq} + 1로 마무리한다.",
        f"(1) The browser sets the SYN bit and tells its initial sequence number {facts.syn.seq}, computed from a secret, "
        f"addresses and ports so that nobody can guess it. Its own port, {facts.client_port}, is one that was free. There are "
        f"{facts.syn.length} octets of data: nothing but headers. (2) The server sets SYN and ACK, tells its number "
        f"{facts.syn_ack.seq}, and says with ACK number {facts.syn_ack.ack} = {facts.syn.seq} + 1 that it got the first. "
        f"(3) The browser closes the circle with ACK number {facts.ack.ack} = {facts.syn_ack.seq} + 1.",
    )
    story.show(
        [
            f"  SYN      {facts.syn.options}; window {facts.syn.window}",
            f"  SYN,ACK  {facts.syn_ack.options}; window {facts.syn_ack.window}",
        ],
        "핸드셰이크가 실어 나른 옵션: 받을 수 있는 최대 조각(MSS), 윈도우의 배율, 선택 확인",
        "the options that the handshake carried: largest segment (MSS), window scale, selective acknowledgment",
    )


def _tell_rows(facts: Connected, story: Story) -> None:
    story.show(netstat.book(facts.during), "SYN을 보낸 뒤의 소켓", "the socket after the SYN", ["SYN_SENT"])
    story.show(
        netstat.book(facts.after),
        "접속된 뒤: 빈칸이 모두 채워졌다",
        "connected: every field has been filled",
        ["ESTABLISHED"],
    )
    rtt = f" 왕복 시간은 {ms(facts.rtt)}로 쟀다." if facts.rtt is not None else ""
    rtt_en = f" The round trip was measured: {ms(facts.rtt)}." if facts.rtt is not None else ""
    story.say(
        f"상태는 {' → '.join(facts.client_states)} 순으로 바뀌었고, 서버 쪽은 {' → '.join(facts.server_states)} 였다.{rtt} "
        "이제 끊을 때까지 이 연결은 존재한다.",
        f"The state went {' → '.join(facts.client_states)}; at the server {' → '.join(facts.server_states)}.{rtt_en} From now "
        "on until somebody ends it, the connection exists.",
    )
