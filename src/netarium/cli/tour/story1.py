"""Story 1, create the socket 소켓 만들기: a row appears, and the application gets its number."""

from dataclasses import asdict, dataclass

from netarium.cli.tour.page import Say, Story
from netarium.cli.tour.run import Run, ms
from netarium.host.tables import DetailedRow
from netarium.inspect import lsof, netstat
from netarium.inspect.glossary import word
from netarium.inspect.korean import josa


@dataclass(slots=True)
class Created:
    """The facts of story 1."""

    process: str
    pid: int
    descriptor: int
    socket: int
    at: int
    before: list[DetailedRow]
    after: list[DetailedRow]

    @property
    def row(self) -> DetailedRow:
        """The new row."""
        return next(row for row in self.after if row.id == self.socket)


def gather(run: Run) -> Created:
    """Find the moment at which the browser's TCP socket came to be."""
    event = run.opened
    tables = run.shot(event)
    row = next(row for row in tables.sockets if row.id == event.socket)
    return Created(
        process=row.process,
        pid=row.pid,
        descriptor=row.fd,
        socket=event.socket,
        at=event.at,
        before=[row for row in tables.sockets if row.id != event.socket],
        after=tables.sockets,
    )


def figures(facts: Created) -> dict[str, object]:
    """For --json."""
    return asdict(facts)


def tell(facts: Created, run: Run) -> Story:
    """The chapter."""
    row = facts.row
    story = Story(1, Say("소켓을 만든다", "Create the socket"))
    story.say(
        f"브라우저에 {run.outcome.url} 페이지를 열라고 했다. 주소를 알아낸 뒤(그 일은 이야기 6), 브라우저는 소켓 라이브러리의 "
        f"socket()을 부른다. 시뮬레이션이 시작되고 {ms(facts.at)} 지난 때다. 프로토콜 스택은 메모리를 한 칸 잡아 "
        "거기에 제어 정보를 적는다. 이 한 줄이 소켓의 실체다.",
        f"The browser is asked to open {run.outcome.url}. Once it knows the address (that is story 6) it calls socket() "
        f"of the Socket library, {ms(facts.at)} after the simulation began. The protocol stack sets aside a piece of "
        "memory and writes control information into it. That row is what a socket really is.",
    )
    story.show(
        lambda language: (
            netstat.book(facts.before) if facts.before else [f"  ({word('no_sockets', language)})"]
        ),
        "socket()을 부르기 전, 브라우저 컴퓨터의 netstat -ano",
        "netstat -ano of the browser's machine before socket()",
    )
    story.show(
        netstat.book(facts.after),
        "부른 뒤: 줄이 하나 생겼다",
        "and after it: one row more",
        [f" {row.kind.upper()} "],
    )
    story.say(
        f"아직 통신은 시작되지 않았다. 그래서 주소는 {row.local[0]}, 포트는 {row.local[1]}, 상태는 {row.state}: "
        "상대도 자기 주소도 정해지지 않은 처음 상태. 스택은 앞으로 무엇을 하든 이 줄을 보고 정하고, 한 일은 이 줄에 적는다.",
        f"Communication has not begun. So the address is {row.local[0]}, the port {row.local[1]}, the state {row.state}: "
        "neither the peer nor its own address is decided. Whatever the stack does from now on, it consults this row "
        "and writes into it what it has done.",
    )
    story.say(
        f"애플리케이션에는 디스크립터 {facts.descriptor}번만 돌려준다. 브라우저는 소켓을 여러 개 가질 수 있으니, 그다음부터는 "
        f"이 번호로 어느 소켓인지 말한다. lsof는 거꾸로 보여 준다: PID {facts.pid}인 {josa(facts.process, '이/가')} 어느 소켓을 쥐고 있는지.",
        f"All that the application gets is the descriptor {facts.descriptor}. A browser may have many sockets; by this "
        f"number it says which one it means. lsof shows it from the other side: what {facts.process}, PID {facts.pid}, holds.",
    )
    story.show(lsof.sockets(facts.after), "lsof -i", "lsof -i", [f"{facts.pid}"])
    story.words("socket", "control_information", "descriptor", "protocol_stack", "socket_library")
    return story
