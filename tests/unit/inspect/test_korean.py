import pytest

from netarium.inspect.korean import josa


@pytest.mark.parametrize(
    ("word", "particle", "text"),
    [
        ("소켓", "을/를", "소켓을"),
        ("브라우저", "이/가", "브라우저가"),
        (80, "을/를", "80을"),
        (25, "을/를", "25를"),
        ("10.0.1.3", "과/와", "10.0.1.3과"),
        (1448, "으로/로", "1448로"),
        (6, "으로/로", "6으로"),
        ("서울", "으로/로", "서울로"),
        ("MSL", "은/는", "MSL은"),
        ("browser", "이/가", "browser가"),
        ("connect(('10.0.1.3', 80))", "을/를", "connect(('10.0.1.3', 80))을"),
        ("TCP", "은/는", "TCP는"),
    ],
)
def test_particles(word: object, particle: str, text: str) -> None:
    assert josa(word, particle) == text
