"""The judge is judged: a script that says the truth passes, and each small lie in it is found where it stands."""

import pytest

from netarium.testing.packetdrill.parser import parse
from netarium.testing.packetdrill.runner import Options, run

TRUTH = """\
0 socket(..., SOCK_STREAM, IPPROTO_TCP) = 3
+0 bind(3, ..., ...) = 0
+0 listen(3, 1) = 0
+0 < S 0:0(0) win 65535 <mss 1000,sackOK,TS val 500 ecr 0,nop,wscale 7>
+0 > S. 0:0(0) ack 1 win 65160 <mss 1460,sackOK,TS val 100 ecr 500,nop,wscale 7>
+.06 < . 1:1(0) ack 1 win 1000 <nop,nop,TS val 560 ecr 100>
+0 accept(3, ..., ...) = 4
+0 write(4, ..., 1500) = 1500
+0 > P. 1:1501(1500) ack 1 <nop,nop,TS val 160 ecr 560>
+.1 < . 1:1(0) ack 1501 win 1000 <nop,nop,TS val 660 ecr 160>
+0...0.5 read(4, ..., 1000) = 0
+.5 < F. 1:1(0) ack 1501 win 1000 <nop,nop,TS val 1160 ecr 160>
+0~+.05 > . 1501:1501(0) ack 2 <nop,nop,TS val 760 ecr 1160>
+0 setsockopt(4, SOL_TCP, TCP_NODELAY, [1], 4) = 0
+0 getsockopt(4, SOL_TCP, TCP_NODELAY, [1], [4]) = 0
+0 %{ assert tcpi_state == 8 }%
+0 poll([{fd=4, events=POLLIN, revents=POLLIN}], 1, 0) = 1
+.3 close(4) = 0
+0 > F. 1501:1501(0) ack 2 <...>
"""


def judge(text: str, *, strict: bool = True):
    return run(parse("x.pkt", text), Options(strict=strict)).failure


def test_the_truth_passes() -> None:
    assert judge(TRUTH) is None


@pytest.mark.parametrize(
    ("line", "truth", "lie"),
    [
        (5, "S. 0:0(0)", "SE. 0:0(0)"),
        (5, "ack 1 win", "ack 2 win"),
        (5, "win 65160", "win 65534"),
        (5, "mss 1460", "mss 1461"),
        (5, "sackOK,TS val 100 ecr 500", "TS val 100 ecr 500,sackOK"),
        (5, "ecr 500", "ecr 501"),
        (5, ",nop,wscale 7>", ">"),
        (5, "+0 >", "+.1 >"),
        (7, "= 4", "= -1 EAGAIN"),
        (8, "= 1500", "= 1499"),
        (9, "P. 1:1501(1500)", ". 1:1501(1500)"),
        (9, "P. 1:1501(1500)", "P. 2:1502(1500)"),
        (9, "P. 1:1501(1500)", "P. 1:1601(1600)"),
        (9, "P. 1:1501(1500)", "P. 1:1401(1400)"),
        (9, "P. 1", "[ce] P. 1"),
        (9, "P. 1", "[tos 0x8] P. 1"),
        (9, "P. 1", "[ttl 3] P. 1"),
        (11, "0...0.5", "0...0.4"),
        (11, "0...0.5", "0...0.7"),
        (11, "= 0", "= 1"),
        (13, "+0~+.05", "+.2~+.3"),
        (15, "[1], [4]", "[0], [4]"),
        (16, "== 8", "== 1"),
        (17, "revents=POLLIN", "revents=POLLOUT"),
        (18, "close(4) = 0", "close(4) = -1 EBADF"),
        (19, "F. 1501", "R. 1501"),
    ],
)
def test_a_lie_is_found_where_it_stands(line: int, truth: str, lie: str) -> None:
    lines = TRUTH.splitlines()
    assert truth in lines[line - 1]
    lines[line - 1] = lines[line - 1].replace(truth, lie)
    failure = judge("\n".join(lines))
    assert failure is not None
    assert failure.line == line


def test_strict_finds_a_packet_that_nobody_expects() -> None:
    text = TRUTH.rsplit("+0 > F.", 1)[0]
    assert judge(text, strict=False) is None
    failure = judge(text)
    assert failure is not None
    assert failure.expected == "no more packets"


def test_strict_segments_are_met_one_by_one() -> None:
    failure = judge("--strict_segments\n" + TRUTH)
    assert failure is not None
    assert failure.line == 10


def test_timestamp_clock_is_looked_at_when_its_step_is_known() -> None:
    assert judge("--tcp_ts_tick_usecs=1000\n" + TRUTH) is None
    failure = judge("--tcp_ts_tick_usecs=1000\n" + TRUTH.replace("val 760", "val 910"))
    assert failure is not None
    assert failure.line == 14


def test_tolerance_is_an_eighth_of_the_gap() -> None:
    text = "0 socket(..., SOCK_STREAM, IPPROTO_TCP) = 3\n+0 fcntl(3, F_SETFL, O_NONBLOCK) = 0\n"
    text += "+0 connect(3, ..., ...) = -1 EINPROGRESS\n+0 > S 0:0(0) <...>\n"
    assert judge(text + "+1.1 > S 0:0(0) <...>") is None
    assert judge(text + "+.9 > S 0:0(0) <...>") is None
    failure = judge(text + "+1.2 > S 0:0(0) <...>")
    assert failure is not None
    assert failure.line == 5


def test_a_call_that_would_wait_for_ever_fails() -> None:
    text = "0 socket(..., SOCK_STREAM, IPPROTO_TCP) = 3\n+0 bind(3, ..., ...) = 0\n+0 listen(3, 1) = 0\n"
    failure = judge(text + "+0 accept(3, ..., ...) = 4\n")
    assert failure is not None
    assert failure.line == 4
    failure = judge(text + "+0...1 accept(3, ..., ...) = 4\n")
    assert failure is not None
    assert failure.got == "it still waiting"


def test_names_of_code_are_kept_between_blocks() -> None:
    assert judge("0 %{ x = 3 }%\n+0 %{ assert x == 3 }%") is None
    failure = judge("0 %{ x = 3 }%\n+0 %{ assert x == 4 }%")
    assert failure is not None
    assert failure.got == "x = 3"


def test_peers_with_ports_of_their_own_are_told_apart() -> None:
    text = "".join(TRUTH.splitlines(keepends=True)[:3])
    for port in (50_001, 50_002):
        text += f"+0 < {port} > 8080 S 0:0(0) win 65535 <mss 1000>\n"
        text += f"+0 > 8080 > {port} S. 0:0(0) ack 1 <mss 1460>\n"
    assert judge(text) is None


def test_one_run_is_as_the_other() -> None:
    assert run(parse("x", TRUTH)).exchange == run(parse("x", TRUTH)).exchange
