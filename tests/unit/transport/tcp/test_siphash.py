"""SipHash-2-4 against its authors' vectors: the key is 00 01 ... 0f, the input 00 01 ... of each length."""

import pytest

from netarium.transport.tcp.siphash import siphash24

KEY = bytes(range(16))


@pytest.mark.parametrize(
    ("length", "digest"),
    [
        (0, "310e0edd47db6f72"),
        (1, "fd67dc93c539f874"),
        (7, "37d1018bf50002ab"),
        (8, "6224939a79f5f593"),
        (15, "e545be4961ca29a1"),
        (63, "724506eb4c328a95"),
    ],
)
def test_vectors(length: int, digest: str) -> None:
    assert siphash24(bytes(range(length)), KEY).to_bytes(8, "little").hex() == digest
