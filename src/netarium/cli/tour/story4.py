"""Story 4, disconnect and delete 연결 끊기와 말소: FINs, TIME-WAIT, the row goes."""

from dataclasses import asdict, dataclass

from netarium.base.trace import StateChanged
from netarium.base.units import SECOND
from netarium.cli.tour import connection
from netarium.cli.tour.connection import Sent
from netarium.cli.tour.page import Say, Story
from netarium.cli.tour.run import Run, ms
from netarium.host.tables import DetailedRow
from netarium.inspect import netstat
from netarium.inspect.glossary import word
from netarium.inspect.sequence import draw


@dataclass(slots=True)
class Closed:
    """The facts of story 4."""

    first: str  # who ends the connection first
    fins: list[Sent]
    states: dict[str, list[str]]
    waiting_event: int
    waiting_at: int
    waiting: list[DetailedRow]  # the table of the end in TIME-WAIT
    wait: int  # ns it waits
    gone_at: int | None
    gone: list[DetailedRow]


def _end_states(run: Run, where: str) -> list[str]:
    """The states of one end from ESTABLISHED on."""
    begin = run.first(StateChanged, lambda e: e.id > run.syn.id, where=where, new="ESTABLISHED")
    path: list[str] = []
    if begin is not None:
        for event in run.all(StateChanged, lambda e: e.id > begin.id, where=where, socket=begin.socket):
            path = path or [event.old]
            path.append(event.new)
    return path


def gather(run: Run) -> Closed:
    """Find the FINs, who waits, and until when."""
    rows = connection.sent(run)
    fins = [row for row in rows if "FIN" in row.flags]
    waits = run.first(StateChanged, lambda e: e.id > run.syn.id, new="TIME_WAIT")
    if waits is None or not fins:
        raise LookupError("the connection was not closed")
    table = run.shot(waits).sockets
    over = run.first(
        StateChanged,
        lambda e: e.id > waits.id and e.old == "TIME_WAIT",
        where=waits.where,
        socket=waits.socket,
    )
    return Closed(
        first=fins[0].src,
        fins=fins,
        states={end: _end_states(run, end) for end in ("browser", "web")},
        waiting_event=waits.id,
        waiting_at=waits.at,
        waiting=table,
        wait=over.at - waits.at if over is not None else 0,
        gone_at=over.at if over is not None else None,
        gone=run.shot(over).sockets if over is not None else [],
    )


def figures(facts: Closed) -> dict[str, object]:
    """For --json."""
    return asdict(facts)


def tell(facts: Closed, run: Run) -> Story:
    """The chapter."""
    story = Story(4, Say("연결을 끊고 소켓을 말소한다", "Disconnect, and delete the socket"))
    who = {"web": ("웹 서버", "the web server"), "browser": ("브라우저", "the browser")}[facts.first]
    story.say(
        f"보낼 것을 다 보낸 쪽이 먼저 끊는다. 이번에는 {who[0]}가 close()를 불렀다. 스택은 FIN 비트를 세운 세그먼트를 보내고, "
        "상대는 ACK로 답한 뒤 자기도 FIN을 보낸다. 양쪽이 모두 확인해야 끝이다.",
        f"Who has sent everything ends it. Here {who[1]} called close() first. The stack sends a segment with the FIN bit, the "
        "peer acknowledges it and sends a FIN of its own. It is over when both have confirmed.",
    )
    begin = next(i for i, a in enumerate(run.web) if a.event == facts.fins[0].event)
    chosen = run.web[begin:]
    story.show(
        lambda language: draw(
            chosen,
            ["browser", "web"],
            numbers_from=run.web,
            note=lambda note: word(note, language),
            lost=word("lost", language),
            start=run.web[0].sent_at,
        ),
        "끊는 세그먼트 (번호는 처음부터 센 것)",
        "the segments of the end (numbers counted from the beginning)",
        ["FIN"],
    )
    story.show(
        [f"  {end:<8} {' → '.join(path)}" for end, path in facts.states.items()],
        "소켓의 상태",
        "the states of the sockets",
        ["TIME_WAIT"],
    )
    _tell_waiting(facts, story)
    story.words("disconnect", "delete", "time_wait")
    return story


def _tell_waiting(facts: Closed, story: Story) -> None:
    story.say(
        f"먼저 끊은 쪽의 소켓은 바로 지워지지 않는다. {facts.wait / SECOND:.0f}초 동안 TIME_WAIT로 남는다. 마지막 ACK가 사라지면 "
        "상대가 FIN을 다시 보낼 텐데 답할 소켓이 있어야 하고, 늦게 도착한 조각이 같은 포트를 쓰는 새 통신에 섞여서는 안 되기 때문이다.",
        f"The socket of the end that closed first is not erased at once: it stays in TIME_WAIT for {facts.wait / SECOND:.0f} "
        "seconds. Should the last ACK get lost, the peer sends its FIN again and somebody must answer; and a late piece "
        "must not get into a new communication that uses the same ports.",
    )
    story.show(
        netstat.book(facts.waiting),
        f"{ms(facts.waiting_at)}의 netstat -ano",
        f"netstat -ano at {ms(facts.waiting_at)}",
        ["TIME_WAIT"],
    )
    if facts.gone_at is not None:
        story.show(
            lambda language: (
                netstat.book(facts.gone) if facts.gone else [f"  ({word('no_sockets', language)})"]
            ),
            f"{facts.gone_at / SECOND:.3f}초: 줄이 사라졌다. 소켓이 말소된 것이다 (가상 시간이라 기다릴 필요는 없었다)",
            f"at {facts.gone_at / SECOND:.3f} s the row is gone: the socket is deleted (in virtual time nobody had to wait)",
        )
