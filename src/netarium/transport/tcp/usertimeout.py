"""The user timeout: how long what was sent may stay unacknowledged, and the option by which two ends tell each other.

RFC 9293 §3.9.1.1, RFC 5482. The option is advice: it is sent in SYNs, in the first segment behind them and whenever
the timeout changes, is not resent, and is looked at only if the application asked for that (TCP_UTO).

Duties: MUST-21 of RFC 9293.
"""

from typing import Final

from netarium.base.config import TcpConfig
from netarium.base.units import SECOND
from netarium.transport.options import SocketOptions
from netarium.transport.tcp.hearsay import NOTHING, Hearsay
from netarium.transport.tcp.state import CLOSE_WAIT, CLOSING, ESTABLISHED, FIN_WAIT_1, FIN_WAIT_2, LAST_ACK
from netarium.transport.tcp.tcb import Tcb
from netarium.wire.tcp_options import MAX_LENGTH, pack_user_timeout, parse_user_timeout

_SYNCHRONIZED: Final = frozenset({ESTABLISHED, FIN_WAIT_1, FIN_WAIT_2, CLOSE_WAIT, CLOSING, LAST_ACK})
_LENGTH: Final = 4
_MANY: Final = (
    2  # SYNs that were lost with the option: perhaps somebody on the way cannot bear it (RFC 5482 §4.1)
)


def retry_time(config: TcpConfig, options: SocketOptions, retries: int) -> int:
    """How long so many retransmissions take at the least RTO, each timeout twice the one before, ns."""
    least = options.rto_min_ns or config.min_rto_ns
    most = options.rto_max_ns or config.max_rto_ns
    doublings = min(retries, (most // least).bit_length() - 1)
    return ((2 << doublings) - 1) * least + (retries - doublings) * most


def add_to_syn(packed: bytes, config: TcpConfig, options: SocketOptions, timeouts: int) -> bytes:
    """The options of a SYN with ours behind them, if it is asked for, fits, and does not seem to be what is lost."""
    if not options.uto or timeouts >= _MANY or len(packed) + _LENGTH > MAX_LENGTH:
        return packed
    return packed + _option(config, options)


def add(tcb: Tcb, packed: bytes, octets: int) -> bytes:
    """The options of a segment with ours behind them, if there is room beside so many octets of text.

    Spec: RFC 5482 §3: in the first segment without SYN, and in the next possible one after the timeout has changed.
    """
    if len(packed) + _LENGTH > MAX_LENGTH or octets + _LENGTH > tcb.smss:
        return packed
    tcb.uto_due = False
    tcb.hearsay = tcb.hearsay or Hearsay()
    tcb.hearsay.uto_told_ns = _advertised(tcb.config, tcb.options)
    return packed + _option(tcb.config, tcb.options)


def _option(config: TcpConfig, options: SocketOptions) -> bytes:
    return pack_user_timeout(max(1, -(-_advertised(config, options) // SECOND)))


def _advertised(config: TcpConfig, options: SocketOptions) -> int:
    """ADV_UTO: what the application says, or what is in force here without the peer's word."""
    return (
        options.uto_advertised_ns
        or options.user_timeout_ns
        or retry_time(config, options, config.data_retries)
    )  # fmt: skip


def suggested(octets: bytes) -> int:
    """REMOTE_UTO: what the options of a segment suggest, ns; 0: nothing."""
    return (parse_user_timeout(octets) or 0) * SECOND


def begin(tcb: Tcb, now: int) -> None:
    """The connection exists: tell our timeout once more (what a SYN said may not have been kept), and follow theirs."""
    tcb.uto_due = True
    adopt(tcb, now)


def received(tcb: Tcb, octets: bytes, now: int) -> None:
    """An acceptable segment has options, and the application cares for the one about user timeouts."""
    remote = suggested(octets)
    if remote and remote != (tcb.hearsay or NOTHING).uto_remote_ns:
        tcb.hearsay = tcb.hearsay or Hearsay()
        tcb.hearsay.uto_remote_ns = remote
        adopt(tcb, now)


def adopt(tcb: Tcb, now: int) -> None:
    """USER_TIMEOUT = min(U_LIMIT, max(ADV_UTO, REMOTE_UTO, L_LIMIT)), unless the application decided by itself.

    Spec: RFC 5482 §3.1; §3.3: states before ESTABLISHED have the timeouts of their own.
    """
    config, options = tcb.config, tcb.options
    timeout = options.user_timeout_ns
    follows = options.uto and options.uto_changeable and tcb.state in _SYNCHRONIZED
    remote = (tcb.hearsay or NOTHING).uto_remote_ns
    if follows and (remote or options.uto_advertised_ns):
        least = max(config.user_timeout_least_ns, tcb.rtt.rto + SECOND)
        timeout = max(_advertised(config, options), remote, least)
        timeout = min(timeout, config.user_timeout_most_ns)
    if timeout != tcb.user_timeout_ns:
        tcb.user_timeout_ns = timeout
        tcb.uto_due = options.uto and tcb.state in _SYNCHRONIZED
        rearm(tcb, now)


def rearm(tcb: Tcb, now: int) -> None:
    """It has changed: it counts for what is waiting already."""
    if not tcb.user_timeout_ns:
        tcb.user_timeout_at = 0
    elif tcb.scoreboard or tcb.persist_at or tcb.syn_pending:
        tcb.user_timeout_at = (tcb.unacked_since or now) + tcb.user_timeout_ns


def options_changed(tcb: Tcb, now: int) -> None:
    """The application set an option."""
    changed = _advertised(tcb.config, tcb.options) != (tcb.hearsay or NOTHING).uto_told_ns
    tcb.uto_due = tcb.options.uto and tcb.state in _SYNCHRONIZED and (changed or tcb.uto_due)
    adopt(tcb, now)
    rearm(tcb, now)


def keepalive_idle(tcb: Tcb) -> int:
    """Silence before the first keep-alive, ns: longer than a timeout that was agreed on (RFC 5482 §4.2)."""
    idle = tcb.options.keepidle_ns or tcb.config.keepalive_idle_ns
    return max(idle, tcb.user_timeout_ns + SECOND) if tcb.options.uto and tcb.user_timeout_ns else idle
