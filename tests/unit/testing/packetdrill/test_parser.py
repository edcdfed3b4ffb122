"""The language: what is understood, and that everything else is refused with its line."""

import pytest

from netarium.base.units import MS
from netarium.testing.packetdrill.errors import ScriptError
from netarium.testing.packetdrill.lexer import tokens
from netarium.testing.packetdrill.parser import parse
from netarium.testing.packetdrill.runner import run
from netarium.testing.packetdrill.script import (
    ANY,
    Call,
    Code,
    IcmpPacket,
    Option,
    TcpPacket,
    UdpPacket,
    When,
)
from netarium.testing.packetdrill.settings import settings_of
from netarium.testing.packetdrill.tcpoptions import decode, describe, encode
from netarium.wire.tcp import ACE, ACK, AE, CWR, ECE, FIN, PSH, SYN

SOCKET = "0 socket(..., SOCK_STREAM, IPPROTO_TCP) = 3\n"


def one(text: str):
    (event,) = parse("x.pkt", text).events
    return event


def test_comments_and_lines() -> None:
    events = parse("x", "// a\n# b\n/* c\nd */ 0 close(3) = 0\n\n+1 close(4) = 0").events
    assert [event.line for event in events] == [4, 6]


@pytest.mark.parametrize(
    ("text", "when"),
    [
        ("0.5", When(relative=False, start=500 * MS)),
        ("+.25", When(relative=True, start=250 * MS)),
        ("*", When(relative=True, start=None)),
        ("1~2", When(relative=False, start=1_000 * MS, end=2_000 * MS)),
        ("+.1~+.3", When(relative=True, start=100 * MS, end=300 * MS)),
    ],
)
def test_times(text: str, when: When) -> None:
    assert one(f"{text} > . 1:1(0) ack 1").when == when


def test_commands_that_clean_up() -> None:
    script = parse("x", SOCKET + "`sysctl -q net.ipv4.tcp_sack=1`\n`true`\n")
    assert [(line, command.text) for line, command in script.cleanup] == [
        (2, "sysctl -q net.ipv4.tcp_sack=1"),
        (3, "true"),
    ]
    assert run(script).failure is None
    with pytest.raises(ScriptError, match="3: an event needs a time"):
        parse("x", SOCKET + "`true`\n+0 close(3) = 0")
    with pytest.raises(ScriptError, match="2: `rm x`"):
        run(parse("x", SOCKET + "`rm x`"))


def test_blocking_time() -> None:
    assert one("+0...0.2 close(3) = 0").when == When(relative=True, start=0, returns=200 * MS)


def test_tcp_packet_in_full() -> None:
    packet = one(
        "0 < [ect0,ttl 9] 40 > 80 SEW 7:10(3) win 9 urg 2 <mss 5,nop,wscale 3,sackOK,TS val 1 ecr 2,sack 3:4 5:6,eol>"
    ).action
    assert packet == TcpPacket(
        inbound=True, flags=SYN | ECE | CWR, seq=7, end=10, window=9, urgent=2, ports=(40, 80), ip=packet.ip,
        options=(("mss", 5), ("nop",), ("wscale", 3), ("sackOK",), ("TS", 1, 2), ("sack", 3, 4, 5, 6), ("eol",)),
    )  # fmt: skip
    assert (packet.ip.ecn, packet.ip.ttl, packet.ip.tos) == ((2,), 9, None)


def test_flags_and_wild_options() -> None:
    packet = one("0 > FP. 1:1(0) ack 1 <TS val ... ecr 4>").action
    assert packet.flags == FIN | PSH | ACK
    assert packet.options == (("TS", None, 4),)
    assert one("0 > - 1:1(0) <...>").action.options is None


@pytest.mark.parametrize(
    ("text", "flags"),
    [("SEWA", SYN | ACE), ("S7", SYN | ACE), ("SA.", SYN | ACK | AE), ("5.", ACK | AE | ECE), (".5", ACK | AE | ECE),
     ("P2.", PSH | ACK | CWR), ("P.0", PSH | ACK), ("0", 0), ("A", AE)],
)  # fmt: skip
def test_the_counter_of_accurate_ecn_as_letters_or_as_a_number(text: str, flags: int) -> None:
    assert one(f"0 < {text} 1:1(0) ack 1").action.flags == flags


@pytest.mark.parametrize(
    ("text", "option", "octets"),
    [
        ("ECN e1b 1 ceb 2 e0b 0xffffff", ("ECN", "e1b", 1, 2, 0xFF_FFFF), "ae0b 000001 000002 ffffff 00"),
        ("ECN e0b 3 ceb 2", ("ECN", "e0b", 3, 2), "ac08 000003 000002"),
        ("ECN e1b 16777217,nop,nop,nop", ("ECN", "e1b", 0x100_0001), "ae05 000001 010101"),
        ("ECN,nop,nop", ("ECN", "e1b"), "ae02 0101"),
        ("kind 172", ("kind 172", ""), "ac02 0000"),
        ("kind 174 0000", ("kind 174", "0000"), "ae04 0000"),
    ],
)
def test_the_option_of_accurate_ecn(text: str, option: Option, octets: str) -> None:
    options = one(f"0 < . 1:1(0) ack 1 <{text}>").action.options
    assert options is not None
    assert options[0] == option
    packed = encode(options)
    assert packed == bytes.fromhex(octets)
    assert describe(decode(packed)[:1]) == f" <{describe(options[:1])[2:-1]}>".replace(
        "16777217", "1"
    ).replace("0xffffff", "16777215")
    assert one(f"0 > . 1:1(0) ack 1 <{describe(options)[2:-1]}>").action.options == options


def test_other_packets() -> None:
    assert one("0 < udp (5)").action == UdpPacket(inbound=True, length=5)
    assert one("0 < icmp unreachable frag_needed mtu 900 [1:11(10)]").action == IcmpPacket(
        inbound=True, words="unreachable frag_needed", type=3, code=4, rest=900, quoted=6, quoted_seq=1,
        quoted_length=10,
    )  # fmt: skip


def test_call_with_every_kind_of_argument() -> None:
    call = one(
        '0 f(..., -1, POLLIN|POLLOUT, [1, 2], {fd=3, name(...)="a"}, {..., 5}) = -1 EAGAIN (Try (it) again)'
    )
    assert call.action == Call(
        "f", (ANY, -1, 5, [1, 2], {"fd": 3, "name": "a"}, {"0": ANY, "1": 5}), -1, "EAGAIN"
    )


def test_code_and_defines() -> None:
    assert one("0 %{ assert 1\n }%").action == Code(" assert 1\n ")
    (event,) = parse("x", "0 close(FD) = 0", {"FD": "3"}).events
    assert event.action.arguments == (3,)
    (event,) = parse("x", "--define=FD=4\n0 close(FD) = 0").events
    assert event.action.arguments == (4,)


def test_settings() -> None:
    settings = settings_of(
        parse("x", "--mtu=900\n--tolerance_usecs=9000\n--local_ip=10.0.0.1\n0 close(3) = 0")
    )
    assert (settings.mtu, settings.tolerance, settings.local) == (900, 9 * MS, bytes((10, 0, 0, 1)))
    assert settings_of(parse("x", "--mss=900\n0 close(3) = 0")).gso_size == 900


def test_the_command_line_wins() -> None:
    script = parse("x", "--ip_version=ipv6\n--mtu=900\n0 close(3) = 0")
    settings = settings_of(script, {"ip_version": "ipv4", "mtu": "1000"})
    assert (settings.mapped, settings.mtu) == (False, 1_000)


def test_the_version_is_what_a_script_is_refused_for() -> None:
    with pytest.raises(ScriptError, match="no IPv6 yet"):
        settings_of(parse("x", "--local_ip=fd00::1\n--ip_version=ipv6\n0 close(3) = 0"))


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        ("", "no events"),
        ("0 frobnicate(3) = 0", r"frobnicate\(\) is not understood"),
        ("0 close(3, 4) = 0", "takes 1 arguments"),
        ("0 close(NONESUCH) = 0", "no constant"),
        ("0 close(3) = -1 ENONESUCH", "no errno"),
        ("0 close(3)", "= is expected"),
        ("0 > X 1:1(0)", "no flags"),
        ("0 > . 1:1(0)", "needs the word ack"),
        ("0 > . 1:5(3) ack 1", "are not 3 octets"),
        ("0 > . 1:1(0) ack 1 <frob 3>", "no TCP option"),
        ("0 < . 1:1(0) ack 1 <...>", "needs all its options"),
        ("0 < [flowlabel 3] . 1:1(0) ack 1", "IPv6"),
        ("0 < [frob 3] . 1:1(0) ack 1", "IP header"),
        ("0 < [tos 0x100] . 1:1(0) ack 1", "one octet"),
        ("0 < SA7 0:0(0)", "says twice"),
        ("0 < S12 0:0(0)", "says twice"),
        ("0 < S8 0:0(0)", "no flags of TCP"),
        ("0 < S 0:0(0) <ECN ceb 1>", "here , is expected"),
        ("0 < S 0:0(0) <ECN e1b 1 e0b 1>", "here , is expected"),
        ("0 < S 0:0(0) <ECN e1b ...>", "needs all its options"),
        ("0 < S 0:0(0) <FO abc>", "hexadecimal"),
        ("0 < S 0:0(0) <exp-12>", "number of an experiment"),
        ("0 > . 1:1(0) ack 1 /udp(9899 > 9899)", "inside of UDP"),
        ("0 < 0 > 80 S 0:0(0)", "no ports"),
        ("0 < icmp packet_too_big mtu 1300 [1:1(0)]", "ICMPv6"),
        ("0 < icmp frobbed", "icmp frobbed is not"),
        ("0 < icmp unreachable frobbed [1:1(0)]", "no code of icmp unreachable"),
        ("0 < icmp echo_request mtu 3", "tells no mtu"),
        ("0 < icmp echo_request [udp (3)]", "quotes nothing"),
        ("0 > gre 1.2.3.4 > 5.6.7.8", "inside of packets"),
        ("0 > mpls (label 3)", "inside of packets"),
        ("0 > ipv4 1.2.3.4 > 5.6.7.8", "inside of packets"),
        ("0...1 > . 1:1(0) ack 1", "only a system call"),
        ("0~1 < . 1:1(0) ack 1", "needs one time"),
        ("2~1 > . 1:1(0) ack 1", "before it begins"),
        ("0 `rm -rf /tmp/nothing`", "the command"),
        ("`sysctl -q net.ipv4.tcp_nonesuch=1`\n0 close(3) = 0", "the sysctl"),
        ("`sysctl net.ipv4.tcp_sack=maybe`\n0 close(3) = 0", "no value"),
        ("--frob=3\n0 close(3) = 0", "option --frob"),
        ("--ip_version=ipv6\n0 close(3) = 0", "no IPv6 yet"),
        ("0 %{ import os }%", "the import of os is not understood"),
        ("0 %{ math.__loader__ }%", "is not understood"),
        ("0 %{ __builtins__ }%", "is not understood"),
        ("0 %{\nwhile 1:\n  pass\n}%", "While is not understood"),
        ("0 %{ range(9**9) }%", "Pow"),
        ("0 %{ (1).real }%", "Attribute"),
        ("0 %{ (lambda: 3)() }%", "may be called"),
        ("--mss=70000\n0 close(3) = 0", "a size of 0 to 65535"),
        ("--code_command=/bin/sh\n0 close(3) = 0", "without another program"),
        ("0 %{ assert }%", "code"),
        ("0 %{ open('x') }%", "may be called"),
        ("0 %{ x.y }%", r"x\.y is not"),
        ("0 %{ assert 1", "has no end"),
        ("0 close(3) = 0 /* and", "has no end"),
        ("0 %{ assert tcpi_nonesuch == 1 }%", "tcpi_nonesuch"),
        ("0 close(...) = 0", "a number as argument 1"),
        (SOCKET + "+0 connect(3, {sin_frob = 5}, 16) = 0", "struct sockaddr_in"),
        (SOCKET + "+0 setsockopt(3, SOL_TCP, TCP_NODELAY, {frob=1}, 4) = 0", "no value of an option"),
        (SOCKET + "+0 sendmsg(3, {msg_frob=[]}, 0) = 0", "struct msghdr"),
        (SOCKET + "+0 writev(3, [5], 1) = 0", "struct iovec"),
        (SOCKET + "+0 write(3, [5], 1) = 0", "as a buffer"),
        (SOCKET + "+0 fcntl(3, F_DUPFD, 1) = 0", r"fcntl\(\) with"),
        (SOCKET + "+0 ioctl(3, 77, 1) = 0", r"ioctl\(\) with"),
        (SOCKET + "+0 poll([{fd=3, frob=1}], 1, 0) = 0", "pollfd"),
        (SOCKET + "+0 getsockname(3, [5], ...) = 0", "struct sockaddr"),
        (SOCKET + "+0...1 fcntl(3, F_DUPFD, 1) = 0", r"fcntl\(\) with"),
    ],
)
def test_whatever_is_not_understood_is_refused(text: str, complaint: str) -> None:
    with pytest.raises(ScriptError, match=complaint) as refusal:
        run(parse("x.pkt", "\n" + text))
    assert str(refusal.value).startswith("x.pkt:")
    assert refusal.value.line in {2, 3}


def test_tokens_know_whether_they_touch() -> None:
    found = tokens("x", "P. 1")
    assert [(token.text, token.glued) for token in found] == [
        ("P", False),
        (".", True),
        ("1", False),
        ("", False),
    ]


def test_what_is_quoted_may_stand_in_front() -> None:
    behind = one("0 < icmp unreachable frag_needed mtu 1200 [1:101(100)]").action
    assert one("0 < [1:101(100)] icmp unreachable frag_needed mtu 1200").action == behind
    with pytest.raises(ScriptError, match="only icmp quotes something"):
        one("0 < [1:101(100)] . 1:1(0) ack 1")


@pytest.mark.parametrize(
    ("word", "code"), [("ttl_exceeded", 0), ("exceeded_ttl", 0), ("exceeded_fragtime", 1)]
)
def test_words_of_time_exceeded(word: str, code: int) -> None:
    packet = one(f"0 < icmp time_exceeded {word} [1:101(100)]").action
    assert (packet.type, packet.code) == (11, code)
