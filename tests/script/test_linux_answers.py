"""Every state meets segments at every edge of its window, and answers what Linux answers.

`linux_answers.tsv` was asked of a Linux 6.18 kernel, segment by segment, in a network namespace: the state, whether a
process still has the socket, the segment, and the first reply within 120 ms ("-": none). Our first octet is 1, the
peer's too (behind a SYN of 0), its window was filled nowhere: the edge of ours is at 64,241.
"""

import csv
from collections.abc import Callable
from pathlib import Path

import pytest

from netarium.base.config import MachineConfig
from netarium.base.profiles import profile
from netarium.base.units import MS
from netarium.wire.tcp import ACK, FIN, PSH, RST, SYN, TcpSegment, flag_names

from .conftest import Script

LETTERS = {"S": SYN, "F": FIN, "P": PSH, "R": RST, ".": ACK}
with (Path(__file__).parent / "linux_answers.tsv").open(encoding="utf-8", newline="") as file:
    ROWS = list(csv.DictReader(file, delimiter="\t", quoting=csv.QUOTE_NONE))


def their_fin(tcp: Script, ack: int) -> None:
    tcp.inject(FIN | ACK, seq=1, ack=ack)
    tcp.advance(50 * MS)  # its ACK may be delayed


def reach(tcp: Script, state: str, process: bool) -> None:
    """A connection in `state`, that a process has or has closed."""
    end: Callable[[], None] = tcp.shutdown if process else tcp.close
    if state == "SYN-RECEIVED":
        tcp.listen()
        tcp.inject(SYN, seq=0, mss=1_000)
        tcp.learn_from_syn_ack(0)
        return
    tcp.passive(iss=0, irs=0)
    _prepare(tcp, state)
    state = state.partition(",")[0]
    if state in {"CLOSE-WAIT", "LAST-ACK"}:
        their_fin(tcp, 1)
    if state not in {"ESTABLISHED", "CLOSE-WAIT"} and not tcp.socket.tcb.fin_queued:
        end()
    if state in {"FIN-WAIT-2", "TIME-WAIT"}:
        tcp.inject(ACK, seq=1, ack=2)
    if state == "TIME-WAIT":
        their_fin(tcp, 2)
    if state == "CLOSING":
        their_fin(tcp, 1)
    tcp._collect()
    tcp.seen.clear()


def _prepare(tcp: Script, state: str) -> None:
    """What the name of a state says behind its comma."""
    if "unread" in state:
        tcp.inject(ACK | PSH, seq=1, ack=1, data=bytes(100))
        tcp.advance(50 * MS)
    if "flight" in state:
        tcp.send(bytes(3_000))
    if state.endswith("a gap"):
        tcp.inject(ACK | PSH, seq=11, ack=1, data=bytes(100))
    if state.endswith("before the FIN"):
        tcp.inject(FIN | ACK, seq=11, ack=1)
    if state.endswith("halves shut"):
        tcp.shutdown(2)
    if state.endswith("for reading"):
        tcp.shutdown(0)


def told(tcp: Script, seg: TcpSegment) -> str:
    """A reply as the table has it; numbers of the other incarnation, or of none, begin at 0."""
    letters = "".join(letter for letter, flag in LETTERS.items() if seg.flags & flag)
    foreign = seg.flags & SYN or seg.flags & (RST | ACK) == RST | ACK
    seq = 0 if foreign else tcp._ours(seg.seq)
    return f"{letters} {seq} {seg.ack}" if seg.flags & ACK else f"{letters} {seq}"


@pytest.mark.rfc("9293", "MUST-13")
@pytest.mark.rfc("5961", "01", "02", "03")
@pytest.mark.parametrize(("state", "process"), sorted({(row["state"], row["process"]) for row in ROWS}))
def test_as_linux(state: str, process: str) -> None:
    wrong, asked = [], 0
    for row in ROWS:
        if (row["state"], row["process"]) != (state, process):
            continue
        asked += 1
        tcp = Script(MachineConfig(tcp=profile("linux")))
        reach(tcp, state, process == "yes")
        tcp.advance(20 * MS)
        tcp._collect()
        assert not tcp.seen, [flag_names(seg.flags) for seg in tcp.seen]
        flags = sum(LETTERS[letter] for letter in row["flags"])
        ack = 0 if row["ack"] == "-" else int(row["ack"])
        tcp.inject(flags, seq=int(row["seq"]), ack=ack, data=bytes(int(row["len"])))
        tcp.advance(120 * MS)
        tcp._collect()
        reply = told(tcp, tcp.seen[0]) if tcp.seen else "-"
        if reply != row["reply"]:
            wrong.append(
                f"{row['flags']} {row['seq']}({row['len']}) ack {row['ack']}: {reply}, not {row['reply']}"
            )
        assert not tcp.machine.internal_errors
    assert not wrong, "\n".join(wrong)
    assert asked > 50
