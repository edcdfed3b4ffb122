from hypothesis import given
from hypothesis import strategies as st

from netarium.inspect.width import cells, centre, clip, left, right, wrap


def test_korean_letters_take_two_columns() -> None:
    assert cells("소켓 socket") == 11
    assert left("소켓", 6) == "소켓  "
    assert right("소켓", 6) == "  소켓"
    assert centre("소켓", 8, "-") == "--소켓--"


@given(st.text(alphabet="ab 가나 é", max_size=30), st.integers(1, 20))
def test_clip_never_exceeds(text: str, columns: int) -> None:
    assert cells(clip(text, columns)) <= columns


def test_clip_shows_that_something_is_missing() -> None:
    assert clip("소켓 라이브러리", 7) == "소켓 …"


@given(st.lists(st.text(alphabet="ab가나", min_size=1, max_size=5), max_size=20))
def test_wrap_keeps_the_words_and_the_width(words: list[str]) -> None:
    lines = wrap(" ".join(words), 12)
    assert " ".join(lines).split() == words
    assert all(cells(line) <= 12 for line in lines)
