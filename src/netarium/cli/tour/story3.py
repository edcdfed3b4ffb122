"""Story 3, send and receive 데이터 송·수신: buffer, MSS, Nagle, one segment lost, noticed and sent again."""

import hashlib
from dataclasses import asdict, dataclass

from netarium.base.trace import Decision, Segment
from netarium.cli.tour import connection
from netarium.cli.tour.connection import Sent
from netarium.cli.tour.page import Say, Story
from netarium.cli.tour.run import Run, ms
from netarium.host.tables import DetailedRow
from netarium.inspect import netstat
from netarium.inspect.glossary import word
from netarium.inspect.sequence import Arrow, draw
from netarium.inspect.width import clip


@dataclass(slots=True)
class Recovery:
    """One lost segment: how its loss was noticed, and when it was sent again."""

    lost: Sent
    again: Sent
    duplicate_acks: int
    how: str
    waited: int
    rows: list[DetailedRow]  # the sender's table at that moment


@dataclass(slots=True)
class Exchanged:
    """The facts of story 3."""

    request: str
    request_octets: int
    response_octets: int
    page_octets: int
    mtu: int
    smss: int
    sizes: list[int]
    segments: list[Sent]
    decisions: list[dict[str, object]]
    recovery: Recovery | None
    sha256_sent: str
    sha256_received: str


def _data(rows: list[Sent], src: str) -> list[Sent]:
    return [row for row in rows if row.src == src and row.length]


def _total(rows: list[Sent]) -> int:
    """Octets of the stream that these segments cover."""
    return max((row.offset + row.length for row in rows), default=0)


def _recovery(run: Run, rows: list[Sent]) -> Recovery | None:
    """The first loss of data of the web server, and what mended it."""
    data = _data(rows, "web")
    losses = sorted((row for row in data if row.lost), key=lambda row: not _on_purpose(row))
    if not losses:
        return None
    lost = losses[0]
    again = next(
        (
            row
            for row in data
            if row.event > lost.event and row.offset <= lost.offset < row.offset + row.length
        ),
        None,
    )
    if again is None:
        return None
    acks = [
        segment
        for segment in run.all(Segment, where="web", direction="received", length=0)
        if lost.event < segment.id < again.event and segment.ack == lost.seq
    ]
    return Recovery(
        lost=lost,
        again=again,
        duplicate_acks=_duplicates(acks),
        how=again.note,
        waited=again.sent_at - lost.sent_at,
        rows=run.before("web", again.event),
    )


def _on_purpose(row: Sent) -> bool:
    """Taken by the rule of the scenario, and not by bad luck (--loss)."""
    return row.lost.startswith("drop")


def _duplicates(acks: list[Segment]) -> int:
    """How many of the ACKs that stood still told of a gap: by SACK, or (RFC 5681 §2) by saying the same again."""
    with_sack = sum("sack" in segment.options for segment in acks)
    return with_sack or max(0, len(acks) - 1)


def gather(run: Run) -> Exchanged:
    """Follow the request, the response, and what was lost of it."""
    rows = connection.sent(run)
    request, response = _data(rows, "browser"), _data(rows, "web")
    first = next(a for a in run.web if a.event == request[0].event)
    line = bytes(connection.segment_of(first).payload).partition(b"\r\n")[0].decode("ascii", "replace")
    sizes = sorted({row.offset: row.length for row in reversed(response)}.items())
    info = _server_info(run)
    decisions = run.all(Decision, lambda e: e.id > run.syn.id, where="web", subject="nagle")
    return Exchanged(
        request=line,
        request_octets=_total(request),
        response_octets=_total(response),
        page_octets=len(run.outcome.page),
        mtu=int(info["pmtu"]),
        smss=int(info["snd_mss"]),
        sizes=[length for _, length in sizes],
        segments=[row for row in rows if row.length],
        decisions=[{"at": e.at, "verdict": e.verdict, **e.numbers} for e in decisions],
        recovery=_recovery(run, rows),
        sha256_sent=hashlib.sha256(run.outcome.page).hexdigest(),
        sha256_received=hashlib.sha256(run.outcome.fetched).hexdigest(),
    )


def _server_info(run: Run) -> dict[str, int | str]:
    """The inside of the web server's connection, from the last snapshot that has it."""
    for shot in reversed(run.shots):
        if shot.tables.machine == "web":
            for row in shot.tables.sockets:
                if row.info and row.state not in {"SYN_RECV", "LISTEN"}:
                    return row.info
    raise LookupError("no snapshot of the web server has a connection")


def figures(facts: Exchanged) -> dict[str, object]:
    """For --json."""
    return asdict(facts)


def tell(facts: Exchanged, run: Run) -> Story:
    """The chapter."""
    story = Story(3, Say("데이터를 주고받는다", "Send and receive"))
    story.say(
        f"브라우저가 요청을 write()한다: “{facts.request}” 줄로 시작하는 {facts.request_octets}바이트. 스택은 그 내용을 모른다. "
        "바이트가 차례로 늘어섰을 뿐이다. 먼저 송신 버퍼에 담고, 얼마나 모아서 보낼지는 스택이 정한다.",
        f"The browser writes its request: {facts.request_octets} octets that begin with “{facts.request}”. The stack does "
        "not know what they mean: they are octets in a row. It puts them into the send buffer, and decides itself how "
        "many to send at once.",
    )
    _tell_mss(facts, story)
    _tell_nagle(facts, story)
    _tell_recovery(facts, story, run)
    same = facts.sha256_sent == facts.sha256_received
    story.say(
        f"브라우저는 {facts.page_octets}바이트를 모두 차례대로 읽었다. 서버의 SHA-256은 {facts.sha256_sent[:16]}…, 브라우저의 것은 "
        f"{facts.sha256_received[:16]}…: {'같다' if same else '다르다!'}. 애플리케이션은 아무것도 눈치채지 못했다.",
        f"The browser has read all {facts.page_octets} octets, in order. SHA-256 at the server: {facts.sha256_sent[:16]}…, at "
        f"the browser: {facts.sha256_received[:16]}…: {'equal' if same else 'different!'}. The applications noticed nothing.",
    )
    story.words(
        "send_buffer", "mss", "nagle", "sequence_number", "ack_number", "duplicate_ack", "retransmission"
    )
    return story


def _tell_mss(facts: Exchanged, story: Story) -> None:
    headers = facts.mtu - facts.smss
    story.say(
        f"서버의 응답은 {facts.response_octets}바이트라 한 패킷에 들어가지 않는다. MTU는 {facts.mtu}바이트, 거기서 IP와 TCP의 "
        f"헤더와 옵션 {headers}바이트를 뺀 {facts.smss}바이트가 한 세그먼트에 담을 수 있는 양이다. 그래서 이렇게 나뉜다: "
        f"{' + '.join(map(str, facts.sizes))} = {sum(facts.sizes)}.",
        f"The server's response, {facts.response_octets} octets, does not fit into one packet. The MTU is {facts.mtu} octets; "
        f"less {headers} octets of IP and TCP headers with their options, {facts.smss} remain for the data of one segment. "
        f"So it is split: {' + '.join(map(str, facts.sizes))} = {sum(facts.sizes)}.",
    )


def _tell_nagle(facts: Exchanged, story: Story) -> None:
    if not facts.decisions:
        return
    story.show(
        [
            f"  {d['verdict']!s:<5} waiting {d['waiting']}, room {d['room']}, "
            f"mss {d['smss']}, unacknowledged {d['unacknowledged']}"
            for d in facts.decisions[:6]
        ],
        "작은 조각을 두고 네이글 알고리즘이 내린 결정",
        "what Nagle's algorithm decided about small pieces",
        ["held"],
    )
    held = sum(d["verdict"] == "held" for d in facts.decisions)
    story.say(
        "MSS를 채운 조각은 곧바로 나간다. 덜 찬 조각은 앞서 보낸 작은 조각이 아직 확인되지 않았으면 기다린다: 자잘한 패킷이 "
        f"회선을 채우지 않도록. 이번에는 {held}번 기다리게 했다. 애플리케이션은 TCP_NODELAY 옵션으로 바로 보내라고 할 수 있다.",
        "A full segment leaves at once. A smaller one waits while an earlier small one is not yet acknowledged, lest tiny "
        f"packets fill the line. Here that held one back {held} times. With the option TCP_NODELAY an application can ask to "
        "send at once.",
    )


def _around(run: Run, recovery: Recovery) -> list[Arrow]:
    """The frames from shortly before the loss until shortly after it was mended."""
    begin = next(i for i, a in enumerate(run.web) if a.event == recovery.lost.event)
    end = next(i for i, a in enumerate(run.web) if a.event == recovery.again.event)
    return run.web[max(0, begin - 1) : end + 2]


def _tell_recovery(facts: Exchanged, story: Story, run: Run) -> None:
    recovery = facts.recovery
    if recovery is None:
        return
    lost = recovery.lost
    story.say(
        f"{'일부러 한 조각을 잃어버리게 했다' if _on_purpose(lost) else '한 조각을 잃어버렸다'}: 데이터의 {lost.offset}번째 바이트부터 {lost.length}바이트, 시퀀스 번호 {lost.seq}. "
        "케이블에서 사라졌고, 아무도 서버에게 알려 주지 않는다.",
        f"One piece was lost{' on purpose' if _on_purpose(lost) else ''}: {lost.length} octets from octet {lost.offset} of the data on, sequence number "
        f"{lost.seq}. It vanished on the cable, and nobody tells the server.",
    )
    chosen = _around(run, recovery)
    story.show(
        lambda language: draw(
            chosen,
            ["browser", "web"],
            numbers_from=run.web,
            note=lambda note: word(note, language),
            lost=word("lost", language),
            start=run.web[0].sent_at,
        ),
        "잃어버린 조각 앞뒤 (번호는 처음부터 센 것)",
        "around the lost piece (numbers counted from the beginning)",
        [" X", "X─", "^ "],
    )
    fast = "fast" in recovery.how
    story.say(
        f"뒤의 조각은 도착하지만 브라우저의 ACK 번호는 {lost.seq}에서 나아가지 않는다. "
        + (
            f"그런 ACK가 {recovery.duplicate_acks}개 오자 서버는 알아챘다"
            if fast
            else "재전송 타이머가 다 되자 서버는 알아챘다"
        )
        + f": 첫 송신에서 {ms(recovery.waited)} 뒤, 송신 버퍼에 남아 있던 것을 다시 보낸다. 확인받지 못한 데이터를 버리지 않는 것은 이 때문이다.",
        f"What comes behind it arrives, but the browser's ACK number stays at {lost.seq}. "
        + (
            f"From such ACKs, {recovery.duplicate_acks} by now, the server understands"
            if fast
            else "When its retransmission timer runs out the server understands"
        )
        + f", and {ms(recovery.waited)} after the first time it sends the piece again, out of the send buffer. That is why "
        "nothing is thrown away before it is acknowledged.",
    )
    story.show(
        [clip(line, 80) for line in netstat.sockets(recovery.rows, timers=False, programs=False)[1:]],
        "그때 서버의 소켓: Send-Q가 아직 확인받지 못한 바이트다",
        "the server's sockets then: Send-Q is what is not yet acknowledged",
        ["ESTABLISHED", "FIN_WAIT"],
    )
