"""Loss recovery for a peer without SACK (RFC 6582): what it would have SACKed is guessed from its duplicate ACKs.

Each duplicate says that one segment arrived out of order, so the scoreboard's sum of SACKed segments counts them; which
ones they are nobody knows.
"""

from netarium.transport.tcp.tcb import RECOVERY, Tcb


def on_duplicate(tcb: Tcb) -> int:
    """One more segment has left the network (RFC 5681 §3.2 step 4); how many of them count as delivered."""
    board = tcb.scoreboard
    before = board.segs_sacked
    board.segs_sacked += 1
    _limit(tcb, 0)
    return max(0, board.segs_sacked - before)


def on_acknowledged(tcb: Tcb, acked: int) -> int:
    """`acked` segments left the board: one filled a hole, the others are those of which duplicates told.

    Returns:
        How many of them are news: they count as delivered.
    """
    if acked <= 0:
        return 0
    board = tcb.scoreboard
    delivered = max(acked - board.segs_sacked, 1)
    board.segs_sacked = max(0, board.segs_sacked - (acked - 1))
    _limit(tcb, acked)
    return delivered


def mark_lost(tcb: Tcb, *, advanced: bool) -> None:
    """The first segment is lost: by enough duplicates, or by a partial ACK in recovery (RFC 6582 §3.2 step 3)."""
    duplicates = tcb.recovery < RECOVERY and tcb.scoreboard.segs_sacked >= tcb.reordering.degree
    if duplicates or (tcb.recovery == RECOVERY and advanced):
        mark_first_lost(tcb)


def mark_first_lost(tcb: Tcb) -> None:
    """The segment at SND.UNA is lost: that one, if the record is of a super-segment."""
    board = tcb.scoreboard
    oldest = board.oldest
    if oldest.lost:
        return
    if oldest.segs > 1 and oldest.end - oldest.seq > board.smss:
        board.divide(oldest, oldest.seq + board.smss)
    board.mark_lost(oldest)


def _limit(tcb: Tcb, acked: int) -> None:
    """At least one of those that are out has not arrived; more duplicates than that tell of reordering."""
    board = tcb.scoreboard
    holes = min(max(board.segs_lost, 1), board.segs_out)
    if board.segs_sacked + holes > board.segs_out:
        board.segs_sacked = board.segs_out - holes
        tcb.reordering.on_too_many_duplicates(board.segs_out + acked)
