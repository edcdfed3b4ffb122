"""`netarium plot` as a user meets it."""

from pathlib import Path

import pytest

from netarium.cli.main import main

SEGMENT = (
    '{"kind":"segment","id":1,"at":%d,"where":"us","cause":0,"socket":1,"direction":"sent","local":"a:%d","remote":"b:2",'
    '"flags":"ACK","seq":1,"ack":1,"window":9,"length":%d,"options":"","note":""}\n'
)


@pytest.fixture
def trace(tmp_path: Path) -> Path:
    file = tmp_path / "run.trace"
    file.write_text(
        '{"netarium-trace": 1}\n' + SEGMENT % (5, 1, 10) + SEGMENT % (6, 2, 99) + SEGMENT % (7, 3, 7)
    )
    return file


def test_list(trace: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["plot", str(trace), "--list"]) == 0
    assert capsys.readouterr().out.splitlines() == [
        "  1  us: a:1 > b:2, 10 octets",
        "  2  us: a:2 > b:2, 99 octets",
        "  3  us: a:3 > b:2, 7 octets",
    ]
    assert [file.name for file in trace.parent.iterdir()] == ["run.trace"]


def test_the_one_that_carried_most_beside_the_trace(trace: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["plot", str(trace)]) == 0
    file = trace.with_suffix(".svg")
    assert capsys.readouterr().out == f"{file}: a:2 > b:2, 99 octets\n"
    assert "a:2" in file.read_text()


def test_the_one_that_was_asked_for(trace: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = trace.parent / "x.png"
    assert main(["plot", str(trace), "--connection", "3", "--kind", "cwnd", "--output", str(file)]) == 0
    assert "a:3" in capsys.readouterr().out
    assert file.stat().st_size > 1_000


@pytest.mark.parametrize("number", ["0", "4"])
def test_a_connection_that_is_not_there(trace: Path, number: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["plot", str(trace), "--connection", number]) == 2
    assert f"--connection {number}: there are 1 to 3" in capsys.readouterr().err


def test_a_trace_without_a_connection(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = tmp_path / "x.trace"
    file.write_text('{"netarium-trace": 1}\n' + SEGMENT % (5, 1, 0))
    assert main(["plot", str(file)]) == 2
    assert "no TCP connection in it has carried data" in capsys.readouterr().err
    assert main(["plot", str(tmp_path / "nothing")]) == 1
