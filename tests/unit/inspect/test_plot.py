import importlib
import re
from pathlib import Path

import pytest

from netarium.base.errors import UsageError
from netarium.inspect import plot
from netarium.inspect.timeseries import Sending, Stretch, Window


def sending(size: int = 3) -> Sending:
    """Segments of 1,000 octets, one a millisecond, the second one sent again at the end."""
    ms = 1_000_000
    return Sending(
        where="us",
        source="a:1",
        destination="b:2",
        data=[Stretch(i * ms, i * 1_000, (i + 1) * 1_000) for i in range(size)]
        + [Stretch(size * ms, 1_000, 2_000, again=True)],
        acks=[(ms, 1_000), (size * ms + ms, size * 1_000), (10**12, size * 1_000)],
        edges=[(ms, 9_000)],
        sacks=[Stretch(2 * ms, 2_000, 3_000)],
        flight=[(i * ms, 1_000 * i) for i in range(size)],
        windows=[
            Window(ms, 4_000, 1 << 31, "ack"),
            Window(2 * ms, 2_000, 2_000, "fast retransmit"),
            Window(3 * ms, 2_500, 2_000, "recovered"),
        ],
    )


def words(file: Path) -> set[str]:
    return set(re.findall(r">([^<>]+)</text>", file.read_text(encoding="utf-8")))


def test_both_graphs_with_all_that_is_in_them(tmp_path: Path) -> None:
    file = tmp_path / "x.svg"
    plot.draw(sending(), file)
    assert {"window", "acknowledged", "SACK", "sent", "sent again", "sequence number"} <= words(file)
    assert {"in flight", "cwnd", "ssthresh", "fast retransmit", "recovered", "octets", "seconds"} <= words(
        file
    )
    assert "a:1 &gt; b:2, 3,000 octets, 1 segments again" in words(file)
    assert "timeout" not in words(file)
    again = tmp_path / "y.svg"
    plot.draw(sending(), again)
    assert again.read_bytes() == file.read_bytes()


@pytest.mark.parametrize(
    ("kind", "there", "missing"), [("cwnd", "cwnd", "sent"), ("sequence", "sent", "cwnd")]
)
def test_one_graph(kind: str, there: str, missing: str, tmp_path: Path) -> None:
    file = tmp_path / "x.svg"
    plot.draw(sending(), file, kind, "the title")
    assert {there, "the title"} <= words(file)
    assert missing not in words(file)


def test_without_congestion_windows_there_is_still_the_flight(tmp_path: Path) -> None:
    file = tmp_path / "x.png"
    seen = sending()
    seen.windows.clear()
    plot.draw(seen, file)
    assert file.read_bytes().startswith(b"\x89PNG")


def test_nothing_at_all_is_an_empty_picture(tmp_path: Path) -> None:
    plot.draw(Sending(where="", source="a:1", destination="b:2"), tmp_path / "x.svg")
    assert "a:1 &gt; b:2, 0 octets" in words(tmp_path / "x.svg")


def test_side_by_side(tmp_path: Path) -> None:
    file = tmp_path / "x.svg"
    plot.side_by_side([("Reno", sending()), ("CUBIC", sending(9))], file)
    assert {"Reno", "CUBIC", "sent", "cwnd"} <= words(file)


def test_each_graph_fills_its_own_scale_if_wished(tmp_path: Path) -> None:
    columns = [("large", sending(300)), ("small", sending(3))]
    plot.side_by_side(columns, tmp_path / "same.svg", ["sequence"])
    plot.side_by_side(columns, tmp_path / "own.svg", ["sequence"], same_scale=False)
    own, same = words(tmp_path / "own.svg"), words(tmp_path / "same.svg")
    assert len(own) > len(same)  # the small one has numbers of its own


def test_many_segments_make_a_small_file(tmp_path: Path) -> None:
    file = tmp_path / "x.svg"
    plot.draw(sending(30_000), file)
    assert file.stat().st_size < 200_000


def test_thinning_keeps_what_sticks_out() -> None:
    points = [(at, at % 7) for at in range(10_000)]
    points[5_000] = (5_000, 99)
    points[6_000] = (6_000, -5)
    few = plot.thin(points, 10)
    assert len(few) <= 40
    assert {points[0], points[-1], (5_000, 99), (6_000, -5)} <= set(few)
    assert few == sorted(few)
    assert plot.thin(points[:40], 10) == points[:40]
    assert plot.thin([]) == []


def test_merging_joins_only_neighbours_of_the_same_moment() -> None:
    bars = [
        Stretch(0, 0, 10),
        Stretch(1, 10, 20),
        Stretch(2, 15, 18),
        Stretch(3, 30, 40),
        Stretch(50, 40, 50),
    ]
    assert plot.merge(bars, 100, 10) == [Stretch(0, 0, 20), Stretch(3, 30, 40), Stretch(50, 40, 50)]
    assert plot.merge([], 0) == []


def test_a_file_of_another_kind_is_refused(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=r"[.]svg, [.]png"):
        plot.draw(sending(), tmp_path / "x.bmp")


def test_without_matplotlib_it_says_how_to_get_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def missing(name: str) -> None:
        raise ModuleNotFoundError(f"No module named {name!r}")

    monkeypatch.setattr(plot, "import_module", missing)
    with pytest.raises(UsageError, match=r"pip install 'netarium\[plot\]'"):
        plot.draw(sending(), tmp_path / "x.svg")
    assert importlib.import_module("matplotlib")  # it was there all the time
