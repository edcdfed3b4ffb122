"""The stories are told from what happened: each figure is checked against the run, and against other judges."""

import json
import re
import shutil
import subprocess
import time
from pathlib import Path
from typing import Any

import pytest

from netarium.base.trace import FrameSent, Segment, Signal
from netarium.cli import main
from netarium.cli.commands import tour
from netarium.cli.tour import chapters, render
from netarium.cli.tour.page import Show
from netarium.cli.tour.run import Run, Settings
from netarium.cli.tour.scenario import run
from netarium.inspect.width import cells


@pytest.fixture(scope="module")
def played() -> Run:
    return run(Settings(seed=7))


@pytest.fixture(scope="module")
def figures(played: Run) -> dict[str, Any]:
    return json.loads(json.dumps(tour.figures(played)))["stories"]  # type: ignore[no-any-return]


def lines_of(played: Run, *languages: str) -> list[str]:
    lines: list[str] = []
    for chapter in chapters.all_of(played).values():
        render.story(chapter.story, languages, lambda text, _style: lines.append(text))
    return lines


def test_story_1_a_row_appears_in_its_initial_state(figures: dict[str, Any]) -> None:
    facts = figures["1"]
    new = [row for row in facts["after"] if row not in facts["before"]]
    assert len(new) == 1
    assert (new[0]["local"], new[0]["remote"], new[0]["state"]) == (["0.0.0.0", 0], ["0.0.0.0", 0], "CLOSED")
    assert (new[0]["pid"], new[0]["fd"]) == (facts["pid"], facts["descriptor"])
    assert facts["descriptor"] >= 3


def test_story_2_the_numbers_of_the_handshake_fit(figures: dict[str, Any]) -> None:
    facts = figures["2"]
    syn, syn_ack, ack = facts["syn"], facts["syn_ack"], facts["ack"]
    assert syn_ack["ack"] == (syn["seq"] + 1) % 2**32
    assert ack["ack"] == (syn_ack["seq"] + 1) % 2**32
    assert ack["seq"] == syn_ack["ack"]
    assert syn["length"] == syn_ack["length"] == ack["length"] == 0
    assert facts["arp"] == [
        f"ARP who has {facts['server']}? tell {facts['client']}",
        f"ARP {facts['server']} is at 02:00:00:00:00:03",
    ]
    assert facts["client_states"] == ["CLOSED", "SYN_SENT", "ESTABLISHED"]
    assert facts["server_states"] == ["LISTEN", "SYN_RECV", "ESTABLISHED"]
    filled = facts["after"][0]
    assert filled["local"] == [facts["client"], facts["client_port"]]
    assert filled["remote"] == [facts["server"], facts["server_port"]]


def test_story_3_one_segment_is_lost_noticed_and_sent_again(figures: dict[str, Any]) -> None:
    facts = figures["3"]
    assert sum(facts["sizes"]) == facts["response_octets"] > facts["page_octets"]
    assert facts["smss"] == facts["mtu"] - 52
    assert max(facts["sizes"]) == facts["smss"]
    recovery = facts["recovery"]
    lost, again = recovery["lost"], recovery["again"]
    assert (lost["seq"], lost["length"]) == (again["seq"], again["length"])
    assert lost["arrived_at"] is None
    assert again["arrived_at"] > again["sent_at"] > lost["sent_at"]
    assert recovery["how"] == "retransmission: fast"
    assert (
        1 <= recovery["duplicate_acks"] <= 3
    )  # time tells (RFC 8985), at the latest the third (RFC 5681 §3.2)
    assert {decision["verdict"] for decision in facts["decisions"]} == {"held", "sent"}
    assert facts["sha256_sent"] == facts["sha256_received"]


def test_story_4_the_row_goes_after_two_msl(figures: dict[str, Any]) -> None:
    facts = figures["4"]
    assert facts["first"] == "web"
    assert facts["states"]["web"] == ["ESTABLISHED", "FIN_WAIT1", "FIN_WAIT2", "TIME_WAIT", "CLOSED"]
    assert facts["states"]["browser"] == ["ESTABLISHED", "CLOSE_WAIT", "LAST_ACK", "CLOSED"]
    assert facts["wait"] == 60_000_000_000
    assert "TIME_WAIT" in {row["state"] for row in facts["waiting"]}
    assert "TIME_WAIT" not in {row["state"] for row in facts["gone"]}


def test_story_5_every_octet_has_a_name_and_the_signal_decodes(figures: dict[str, Any], played: Run) -> None:
    facts = figures["5"]
    frame = bytes.fromhex(facts["frame"])
    assert frame in {event.octets for event in played.all(FrameSent)}
    position = 0
    for field in facts["fields"]:
        assert field["start_bit"] == position
        position += field["bits"]
    assert position == 8 * len(frame)
    assert facts["decoded_equal"] is True
    assert bytes.fromhex(facts["decoded"]) == frame.ljust(60, b"\0")
    assert facts["parts"][0][0] == "preamble"
    assert facts["parts"][-1] == ["FCS", facts["line_octets"] - 4, facts["line_octets"]]
    assert facts["route"]["prefix"] == "10.0.1.0/24"
    one, two = facts["hops"]
    bits = 8 * facts["line_octets"]
    assert one["ends_at"] - one["begins_at"] == bits * 100  # 10 Mbit/s: 100 ns a bit
    assert two["begins_at"] >= one["arrived_at"]


def test_story_6_the_query_and_its_answer(figures: dict[str, Any]) -> None:
    facts = figures["6"]
    assert facts["question"] == "DNS A? web.example"
    assert facts["answer"] == "DNS web.example = 10.0.1.3"
    assert facts["udp_frames"] == 2
    assert sum(len(octets) // 2 for octets, _, _ in facts["header"]) == 8
    assert [row["remote"][1] for row in facts["fresh"] if row["kind"] == "udp"] == [0]


def test_the_socket_table_at_each_story(figures: dict[str, Any]) -> None:
    states = {
        name: {
            (host, row["state"])
            for host, rows in story["sockets"].items()
            for row in rows
            if row["kind"] == "tcp"
        }
        for name, story in figures.items()
    }
    assert ("browser", "CLOSED") in states["1"]
    assert ("browser", "ESTABLISHED") in states["2"]
    assert {("web", "FIN_WAIT1"), ("browser", "ESTABLISHED")} & states["3"]
    assert ("web", "TIME_WAIT") in states["4"]
    assert ("browser", "SYN_SENT") in states["5"]
    assert [row["kind"] for row in figures["6"]["sockets"]["browser"]] in (["udp"], [])
    assert states["end"] == {("web", "LISTEN"), ("mail", "LISTEN")}


def test_the_mail_arrived_and_both_applications_did_the_same(figures: dict[str, Any], played: Run) -> None:
    assert "소켓에서 전기신호까지" in played.outcome.received[0]
    calls = figures["end"]["calls"]
    assert {"socket()", "connect()", "sendall()", "close()"} <= set(calls["browser"]) & set(calls["mailer"])


def test_nothing_went_wrong_inside(played: Run) -> None:
    last = {shot.tables.machine: shot.tables for shot in played.shots}
    assert {name: tables.counters.get("internal_error", 0) for name, tables in last.items()} == dict.fromkeys(
        last, 0
    )
    assert [event.lost for event in played.all(Signal) if event.lost] != []
    assert any(event.note == "retransmission: fast" for event in played.all(Segment))


@pytest.mark.parametrize("languages", [("ko",), ("en",), ("ko", "en")])
def test_pages_fit_80_columns(played: Run, languages: tuple[str, ...]) -> None:
    wide = [line for line in lines_of(played, *languages) if cells(line) > 80]
    assert wide == []


def test_korean_pages_are_korean_and_english_ones_are_not(played: Run) -> None:
    assert len(re.findall("[가-힣]", " ".join(lines_of(played, "ko")))) > 1_000
    blocks = [block for chapter in chapters.all_of(played).values() for block in chapter.story.blocks]
    for block in blocks:
        if isinstance(block, Show) and block.caption is not None:
            assert not re.search("[가-힣]", block.caption.text("en"))


@pytest.mark.parametrize("seed", range(1, 7))
@pytest.mark.parametrize("loss", [0.05, 0.2])
def test_it_is_told_whatever_else_is_lost(seed: int, loss: float) -> None:
    again = run(Settings(seed=seed, loss=loss))
    assert again.outcome.fetched == again.outcome.page
    assert all(cells(line) <= 80 for line in lines_of(again, "ko", "en"))


def test_a_hopeless_cable_is_one_clear_line(capsys: pytest.CaptureFixture[str]) -> None:
    assert main.main(["tour", "--loss", "0.98"]) == 2
    assert "98% loss" in capsys.readouterr().err


def test_one_seed_one_trace(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    files = []
    for name in ("a", "b", "c"):
        seed = "8" if name == "c" else "7"
        trace, pcap = tmp_path / f"{name}.trace", tmp_path / f"{name}.pcapng"
        assert main.main(["tour", "--seed", seed, "--trace", str(trace), "--pcap", str(pcap), "--json"]) == 0
        files.append((trace.read_bytes(), pcap.read_bytes(), capsys.readouterr().out))
    assert files[0] == files[1]
    assert files[0][0] != files[2][0]


def test_tshark_has_no_complaint(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    if shutil.which("tshark") is None:
        pytest.skip("tshark is not installed")
    pcap = tmp_path / "tour.pcapng"
    assert main.main(["tour", "--pcap", str(pcap), "--json"]) == 0
    checks = [word for layer in ("ip", "tcp", "udp") for word in ("-o", f"{layer}.check_checksum:TRUE")]
    command = ["tshark", "-r", str(pcap), *checks]
    expert = subprocess.run(
        [*command, "-q", "-z", "expert"], capture_output=True, text=True, check=True
    ).stdout
    assert "Errors" not in expert
    assert "Malformed" not in expert
    wrong = "_ws.malformed or ip.checksum.status == 0 or tcp.checksum.status == 0 or udp.checksum.status == 0"
    shown = subprocess.run([*command, "-Y", wrong], capture_output=True, text=True, check=True).stdout
    assert shown == ""


def test_it_takes_less_than_two_seconds(capsys: pytest.CaptureFixture[str]) -> None:
    begin = time.process_time()  # not the clock on the wall: the machine may be busy
    assert main.main(["tour", "--lang", "both"]) == 0
    assert time.process_time() - begin < 2
    out = capsys.readouterr().out
    assert out.index("Story 1") < out.index("Story 6") < out.index("QUIT")


def test_only_one_story(capsys: pytest.CaptureFixture[str]) -> None:
    assert main.main(["tour", "--story", "5", "--lang", "en"]) == 0
    assert re.findall(r"^Story \d", capsys.readouterr().out, re.MULTILINE) == ["Story 5"]


def test_pause_needs_a_terminal(capsys: pytest.CaptureFixture[str]) -> None:
    assert main.main(["tour", "--pause", "--lang", "en"]) == 2
    assert "--pause needs a terminal" in capsys.readouterr().err
