"""The two bits of the IP header that ECN uses (RFC 3168 §5; RFC 8311 on ECT(1))."""

from typing import Final

NOT_ECT: Final = 0
ECT_1: Final = 1
ECT_0: Final = 2
CE: Final = 3
FIELD: Final = 3
