"""The end of the tour: the mailer did the same as the browser; and what the whole run came to."""

from dataclasses import asdict, dataclass

from netarium.base.trace import Call, FrameSent
from netarium.cli.tour.page import Say, Story
from netarium.cli.tour.run import Run
from netarium.inspect.sequence import Arrow
from netarium.inspect.width import clip, wrap


@dataclass(slots=True)
class Ending:
    """The facts of the epilogue."""

    calls: dict[str, list[str]]
    dialogue: list[tuple[str, str]]
    mail_received: int
    events: int
    frames: int
    seconds: float


def _mail(run: Run) -> list[Arrow]:
    return [a for a in run.arrows if a.packet.kind == "tcp" and {a.src, a.dst} == {"mailer", "mail"}]


def gather(run: Run) -> Ending:
    """Compare what browser and mailer asked of the Socket library, and listen to the mail dialogue."""
    calls: dict[str, list[str]] = {}
    for machine in ("browser", "mailer"):
        names = ["socket"]
        names += [
            e.call.replace("_real_close", "close")
            for e in run.all(Call, lambda e: e.result is None, where=machine)
        ]
        calls[machine] = [f"{name}()" for name in dict.fromkeys(names)]
    dialogue = []
    for arrow in _mail(run):
        payload = bytes(arrow.packet.segment.payload) if arrow.packet.segment is not None else b""
        if payload:
            dialogue.append((arrow.src, payload.partition(b"\r\n")[0].decode("utf-8", "replace")))
    return Ending(
        calls=calls,
        dialogue=dialogue,
        mail_received=len(run.outcome.received),
        events=len(run.events),
        frames=sum(1 for _ in run.all(FrameSent)),
        seconds=run.ended_at / 1e9,
    )


def figures(facts: Ending) -> dict[str, object]:
    """For --json."""
    return asdict(facts)


def tell(facts: Ending) -> Story:
    """The last page."""
    story = Story(0, Say("다른 데이터, 같은 방법", "Other data, the same way"))
    story.say(
        "메일러도 메일 서버에 메일을 맡겼다. 주고받는 데이터는 다르지만, 보내고 받는 방법은 같다.",
        "The mailer has handed a mail to the mail server. The data differ; the way of sending and receiving does not.",
    )
    story.show(
        [
            f"  {machine if number == 0 else '':<8} {line}"
            for machine, names in facts.calls.items()
            for number, line in enumerate(wrap(", ".join(names), 68))
        ],
        "두 애플리케이션이 소켓 라이브러리에 부탁한 일",
        "what the two applications asked of the Socket library",
    )
    story.show(
        [clip(f"  {src:<7} {line}", 80) for src, line in facts.dialogue],
        "메일러와 메일 서버의 대화",
        "mailer and mail server in conversation",
    )
    story.say(
        f"이 탐험에서 프레임 {facts.frames}개가 나갔고 사건 {facts.events}개가 기록되었다. 가상 시간으로 {facts.seconds:.3f}초. "
        "--pcap FILE로 저장하면 Wireshark로 열 수 있고, 같은 --seed로 다시 돌리면 한 바이트도 다르지 않다.",
        f"On this tour {facts.frames} frames were sent and {facts.events} events recorded in {facts.seconds:.3f} virtual "
        "seconds. Save it with --pcap FILE and open it in Wireshark; run it again with the same --seed and not one byte "
        "will differ.",
    )
    return story
