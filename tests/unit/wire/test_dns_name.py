"""Names of DNS messages: text, compression, and every trick of RFC 9267."""

import pytest

from netarium.base.errors import UsageError, WireError
from netarium.wire.dns_name import NameReader, NameWriter, fold, to_labels, to_text

HEADER = bytes(12)
LONGEST = ".".join(["a" * 63] * 3 + ["b" * 61])  # 255 octets on the wire


def read(octets: bytes, offset: int = 12) -> tuple[str, int]:
    return NameReader(HEADER + octets).read(offset)


def written(*names: str, compress: bool = True) -> bytes:
    message = bytearray(HEADER)
    writer = NameWriter(message)
    for name in names:
        writer.write(name, compress=compress)
    return bytes(message[12:])


@pytest.mark.parametrize(
    ("name", "labels"),
    [
        (".", ()), ("", ()), ("com", (b"com",)), ("www.example.com.", (b"www", b"example", b"com")),
        (r"a\.b.c", (b"a.b", b"c")), (r"a\\.c", (b"a\\", b"c")), (r"\000\255", (b"\0\xff",)), (r"\032x", (b" x",)),
        (r"\w\w\w", (b"www",)), (r"a\.", (b"a.",)), (LONGEST, tuple(label.encode() for label in LONGEST.split("."))),
    ],
)  # fmt: skip
def test_text_to_labels(name: str, labels: tuple[bytes, ...]) -> None:
    assert to_labels(name) == labels
    assert to_labels(to_text(labels)) == labels


@pytest.mark.parametrize(
    "name",
    [".com", "a..b", "..", "a" * 64, LONGEST + "c", "é.com", "a\\", r"\256", r"\25", "\u4e2d", "a\\\u00e9"],
)
def test_what_is_no_name(name: str) -> None:
    with pytest.raises(UsageError):
        to_labels(name)


@pytest.mark.attack("DNS-02")
def test_odd_octets_are_escaped() -> None:
    assert read(b"\x05a.b\\c\x03\x00\xff\x20\x00")[0] == r"a\.b\\c.\000\255\032"


def test_fold() -> None:
    assert fold("WWW.Example.COM.") == fold("www.example.com") == "www.example.com"
    assert fold(".") == fold("") == "."
    assert fold("a\\.") == "a\\."


def test_root_and_end() -> None:
    assert read(b"\x00rest") == (".", 13)
    assert read(b"\x03www\x07example\x03com\x00rest") == ("www.example.com", 29)


def test_tails_become_pointers() -> None:
    octets = written("www.example.com", "mail.example.com", "example.com", ".", "com")
    assert octets == b"\x03www\x07example\x03com\x00\x04mail\xc0\x10\xc0\x10\x00\xc0\x18"
    reader, offset, names = NameReader(HEADER + octets), 12, []
    while offset < 12 + len(octets):
        name, offset = reader.read(offset)
        names.append(name)
    assert names == ["www.example.com", "mail.example.com", "example.com", ".", "com"]


def test_letter_case_survives() -> None:
    octets = written("www.Example.com", "www.example.com")
    assert read(octets, 12)[0] == "www.Example.com"
    assert read(octets, 29)[0] == "www.example.com"


def test_without_compression() -> None:
    assert written("a.b", "a.b", compress=False) == b"\x01a\x01b\x00" * 2


def test_no_pointer_beyond_its_14_bits() -> None:
    message = bytearray(HEADER + bytes(0x4000))
    writer = NameWriter(message)
    writer.write("example.com")
    writer.write("example.com")
    assert NameReader(bytes(message)).read(len(message) - 13) == ("example.com", len(message))


@pytest.mark.attack("DNS-01")
@pytest.mark.parametrize(
    "octets",
    [
        b"\xc0\x0c",  # itself
        b"\xc0\x0e\xc0\x0c",  # each other
        b"\xc0\x0e\x01a\x00",  # forward
        b"\xc0\x00",  # into the header
        b"\xc0\x0b",
        b"\xff\xff",  # past the end
        b"\x01a\xc0\x0c",  # back to its own start
        b"\xc0",  # half a pointer
        b"\x01a",
    ],
)
def test_pointers_that_do_not_lead_back(octets: bytes) -> None:
    with pytest.raises(WireError):
        read(octets)


def chain(hops: int) -> bytes:
    """A name at 12, and `hops` pointers behind it, each to the one before."""
    octets = b"\x01a\x00"
    for hop in range(hops):
        octets += (0xC000 | (12 if hop == 0 else 15 + 2 * (hop - 1))).to_bytes(2, "big")
    return octets


@pytest.mark.attack("DNS-01")
def test_long_chain_of_pointers() -> None:
    assert read(chain(127), 15 + 2 * 126)[0] == "a"
    with pytest.raises(WireError):
        read(chain(128), 15 + 2 * 127)


@pytest.mark.attack("DNS-01")
def test_chain_is_judged_alike_when_remembered() -> None:
    """What a name may be does not depend on which names were read before it."""
    octets = chain(128)
    reader = NameReader(HEADER + octets)
    for hop in range(127):
        assert reader.read(15 + 2 * hop)[0] == "a"
    with pytest.raises(WireError):
        reader.read(15 + 2 * 127)


@pytest.mark.attack("DNS-02")
@pytest.mark.rfc("1035", "01")
def test_labels_and_names_too_long() -> None:
    for length in (0x40, 0x80, 0xBF):
        with pytest.raises(WireError):
            read(bytes([length]) + bytes(200))
    assert read(written(LONGEST))[0] == LONGEST
    with pytest.raises(WireError):
        read(b"\x01x" + written(LONGEST))
    with pytest.raises(WireError):
        read(written(LONGEST) + b"\x01x\xc0\x0c", 12 + 255)


@pytest.mark.attack("DNS-03")
def test_cut_at_every_octet() -> None:
    octets = b"\x03www\x07example\x03com\x00"
    for length in range(len(octets)):
        with pytest.raises(WireError):
            read(octets[:length])
