"""What people and machines are told about a run."""

from xml.etree import ElementTree as ET

import pytest

from netarium.base.errors import UsageError
from netarium.cli.main import main
from netarium.testing.packetdrill.runner import Options
from netarium.testing.packetdrill.suite import find, profile_of, run_all

GOOD = "0 socket(..., SOCK_STREAM, IPPROTO_TCP) = 3\n"
BAD = "0 < S 0:0(0) win 1\n+0 > S. 0:0(0) ack 1\n"
ODD = "0 frob(1) = 0\n"


@pytest.fixture
def scripts(tmp_path):
    for name, text in (("a", GOOD), ("b", BAD), ("c", ODD)):
        (tmp_path / f"{name}.pkt").write_text(text)
    return tmp_path


def test_command_tells_tap_and_writes_junit(scripts, capsys) -> None:
    assert main(["packetdrill", "--junit", str(scripts / "j.xml"), str(scripts)]) == 1
    lines = capsys.readouterr().out.splitlines()
    assert lines[0] == "1..3"
    assert f"ok 1 - {scripts / 'a.pkt'}" in lines
    assert f"not ok 2 - {scripts / 'b.pkt'}" in lines
    assert f"# {scripts / 'b.pkt'}:2: +0 > S. 0:0(0) ack 1" in lines
    assert "# expected: S. 0:0(0) ack 1" in lines
    assert any(line.startswith("# got:      R. 0:0(0) ack 1") for line in lines)
    assert any("S 0:0(0) win 1 ---" in line for line in lines)
    assert any(line.startswith("# refused:") and "c.pkt:1: the system call frob()" in line for line in lines)
    suite = ET.parse(scripts / "j.xml").getroot()
    assert (suite.get("tests"), suite.get("failures"), suite.get("errors")) == ("3", "1", "1")
    assert [case[0].tag if len(case) else "" for case in suite] == ["", "failure", "error"]


def test_command_with_good_scripts(scripts, capsys) -> None:
    (scripts / "a.pkt").write_text("0 socket(..., KIND, IPPROTO_TCP) = 3\n")
    assert main(["packetdrill", "-v", "-D", "KIND=SOCK_STREAM", str(scripts / "a.pkt")]) == 0
    assert "script" in capsys.readouterr().out
    assert main(["packetdrill", "-D", "KIND", str(scripts / "a.pkt")]) == 2
    assert main(["packetdrill", "--jobs", "0", str(scripts / "a.pkt")]) == 2


def test_find(tmp_path) -> None:
    with pytest.raises(UsageError, match="no such file"):
        find([tmp_path / "x"])
    with pytest.raises(UsageError, match=r"no \.pkt"):
        find([tmp_path])


def test_side_by_side_is_as_one_after_the_other(scripts) -> None:
    for number in range(9):
        (scripts / f"d{number}.pkt").write_text(GOOD)
    paths = find([scripts])
    alone = [(each.path, each.passed, each.refused) for each in run_all(paths, Options())]
    assert alone == [(each.path, each.passed, each.refused) for each in run_all(paths, Options(), jobs=2)]
    assert [passed for _, passed, _ in alone] == [True, False, False] + 9 * [True]


def test_profile_is_that_of_the_directory_or_as_told(tmp_path, capsys) -> None:
    path = tmp_path / "freebsd" / "tcp" / "a.pkt"
    path.parent.mkdir(parents=True)
    path.write_text(GOOD + "+0 fcntl(3, F_SETFL, O_RDWR|O_NONBLOCK) = 0\n+0 fcntl(3, F_GETFL) = 0x6\n")
    assert profile_of(path) == "freebsd"
    assert main(["packetdrill", str(path)]) == 0
    assert main(["packetdrill", "--profile", "linux", str(path)]) == 1
    assert "got:      2050" in capsys.readouterr().out


def test_options_of_scripts_may_be_given_on_the_command_line(scripts, capsys) -> None:
    path = str(scripts / "b.pkt")
    assert main(["packetdrill", "--dry_run", "--ip_version=ipv4", "--tolerance_usecs", "14000", path]) == 0
    assert main(["packetdrill", "--non_fatal=packet", path]) == 0
    assert main(["packetdrill", "--wire_client", path]) == 1
    assert "no packet ever leaves" in capsys.readouterr().out
    with pytest.raises(SystemExit, match="2"):
        main(["packetdrill", "--frob", path])
