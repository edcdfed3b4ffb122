import re

from netarium.inspect.glossary import glossary, word


def test_every_term_is_whole() -> None:
    for key, term in glossary().items():
        assert len(term) == 4, key
        assert term.ko, key
        assert term.en, key
        assert bool(term.about_ko) == bool(term.about_en), key


def test_korean_explanations_are_korean() -> None:
    for key, term in glossary().items():
        assert not term.about_ko or re.search("[가-힣]", term.about_ko), key
        assert not re.search("[가-힣]", term.en + term.about_en), key


def test_words() -> None:
    assert (word("socket", "ko"), word("socket", "en"), word("no such", "ko")) == (
        "소켓",
        "socket",
        "no such",
    )
