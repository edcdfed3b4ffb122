"""Korean particles that fit the word before them, where that word is only known at run time: 80을, 443을, 25를.

A particle depends on whether the last syllable ends in a consonant. Digits are read as Sino-Korean numbers, Latin
capital letters by their names.
"""

from typing import Final

# How the last digit is read: 영 일 이 삼 사 오 육 칠 팔 구. 1, 7 and 8 end in ㄹ.
_DIGITS_WITH_CONSONANT: Final = frozenset("013678")
# The letters 엘 엠 엔 알 end in a consonant; of a word read as one ("browser"), those that end in l, m or n.
_LETTERS_WITH_CONSONANT: Final = frozenset("LMNRlmn")
_RIEUL_DIGITS: Final = frozenset("178")
_RIEUL_LETTERS: Final = frozenset("LRl")
_FIRST_SYLLABLE: Final = 0xAC00
_FINALS: Final = 28  # of each initial and vowel; number 0 is none, 8 is ㄹ
_RIEUL: Final = 8


def _final(text: str) -> tuple[bool, bool]:
    """Whether the last sound is a consonant, and whether that is ㄹ."""
    last = text.rstrip(")”\"' ")[-1:]
    if "가" <= last <= "힣":
        final = (ord(last) - _FIRST_SYLLABLE) % _FINALS
        return final != 0, final == _RIEUL
    consonants = _DIGITS_WITH_CONSONANT | _LETTERS_WITH_CONSONANT
    return last in consonants, last in _RIEUL_DIGITS | _RIEUL_LETTERS


def josa(word: object, particle: str) -> str:
    """The word with its particle.

    Args:
        word: what stands before.
        particle: both forms, that behind a consonant first: "은/는", "이/가", "을/를", "과/와", "으로/로".
    """
    text = str(word)
    with_consonant, _, with_vowel = particle.partition("/")
    consonant, rieul = _final(text)
    if with_consonant == "으로" and rieul:  # 서울로, 길로
        consonant = False
    return text + (with_consonant if consonant else with_vowel)
