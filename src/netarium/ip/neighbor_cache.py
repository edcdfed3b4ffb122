"""Neighbours: from a next hop's IP address to its MAC address, and whether it still answers (RFC 4861 §7.3).

                      packet                 answer
        (NONE) ------------------> INCOMPLETE ------------> REACHABLE <---------------+
           ^                           | no answer             | reachable time over  | answer, or progress
           | retried                   v                       v                      | of a transport
         FAILED <------------------ (3 asked)    heard of -> STALE --packet--> DELAY --5 s--> PROBE
           ^                                                                                    | no answer to 3
           +------------------------------------------------------------------------------------+

The machine is Neighbor Discovery's; ARP fills it with its own messages (`Solicitor`), which gives it what RFC 1122
§2.3.2 asks for: no floods, a bounded cache, a queue while resolving, and dead gateways noticed (§3.3.1.4).

Two bounds face strangers. The table never exceeds `max_entries`: an entry that only a stranger's request made gives
way first, then one that has not been used lately, never one in use. And a MAC address that once was confirmed is
not given up because somebody claims another: the old one is asked by unicast, and only its silence lets the claim win.
"""

from collections import deque
from collections.abc import Callable
from random import Random
from typing import Final

from netarium.base.addr import format_ip, format_mac
from netarium.base.config import NeighborConfig
from netarium.base.counters import Counters
from netarium.base.errors import Accepted, DropReason, Fate
from netarium.base.trace import NeighborChanged, Trace
from netarium.ip.iface import Interface
from netarium.ip.neighbor import Failure, Neighbor, NeighborState, Solicitor, with_link_header
from netarium.link.device import Agenda, Timed
from netarium.link.frame import Frame

NONE: Final = NeighborState.NONE
INCOMPLETE: Final = NeighborState.INCOMPLETE
REACHABLE: Final = NeighborState.REACHABLE
STALE: Final = NeighborState.STALE
DELAY: Final = NeighborState.DELAY
PROBE: Final = NeighborState.PROBE
FAILED: Final = NeighborState.FAILED
PERMANENT: Final = NeighborState.PERMANENT

# What every packet may use at once, without a look at the state machine.
_SETTLED: Final = frozenset({REACHABLE, DELAY, PROBE, PERMANENT})


class NeighborCache:
    """The neighbours of one machine, on all of its links, of both families.

    Args:
        name: of the machine, for trace events.
        config: timers and bounds.
        random: for the reachable time (RFC 4861 §6.3.4: 0.5 ... 1.5 times the base).
        agenda: where the timers go.
        counters: the machine's.
        trace: who listens, or None.
        changed: called when a gateway died or came back.

    Attributes:
        solicitors: who asks, by the size of an address.
        failures: packets that were given up; `wake` is put on the agenda when there are some.
    """

    def __init__(
        self,
        name: str,
        config: NeighborConfig,
        random: Random,
        agenda: Agenda,
        counters: Counters,
        trace: Trace | None,
        changed: Callable[[], None],
        wake: Timed,
    ) -> None:
        self._name = name
        self._config = config
        self._random = random
        self._agenda = agenda
        self._counters = counters
        self._trace = trace
        self._changed = changed
        self._wake = wake
        self.solicitors: dict[int, Solicitor] = {}
        self.failures: deque[Failure] = deque()
        self._entries: dict[bytes, Neighbor] = {}
        # Subsets, oldest first: who gives way when there is no room.
        self._strange: dict[bytes, Neighbor] = {}  # STALE or FAILED, never confirmed
        self._idle: dict[bytes, Neighbor] = {}  # STALE or FAILED, was confirmed once
        self._incomplete: dict[bytes, Neighbor] = {}

    def __len__(self) -> int:
        return len(self._entries)

    def rows(self) -> list[Neighbor]:
        """The table, in the order in which the entries came, as `arp -a` shows it."""
        return list(self._entries.values())

    # --- for senders ------------------------------------------------------------------------------------------

    def entry(self, interface: Interface, address: bytes) -> Neighbor:
        """The row of a next hop, or a new one that enters the table with its first packet."""
        known = self._entries.get(interface.key + address)
        return Neighbor(self, interface, address) if known is None else known

    def prepare(self, neighbor: Neighbor, now: int) -> Neighbor:
        """Note that a packet is about to go there; the slow way, for a neighbour that is not `settled`.

        Returns:
            The live row (`neighbor` may have left the table since it was found): `settled`, or INCOMPLETE, and
            then `hold` takes the packet, or FAILED, and then the packet is refused.
        """
        live = self._entries.get(neighbor.key)
        if live is None:
            live = (
                neighbor if neighbor.state is NONE else Neighbor(self, neighbor.interface, neighbor.address)
            )
            live.gateway = neighbor.gateway
            if not self._make_room(now):
                live.state, live.failed_until = FAILED, now  # every entry is in use: none can be added
                self._counters["arp_table_refusals"] += 1  # not a fate: this packet is on its way out
                return live
            self._entries[live.key] = live
            self._resolve(live, now)
        elif live.state is STALE:
            # RFC 4861 §7.3.3: the first packet to a stale neighbour goes, and starts the clock.
            self._enter(live, DELAY, now)
            self._agenda.schedule(live, now + self._config.delay_first_probe_ns)
        elif live.state is FAILED and now >= live.failed_until:
            self._resolve(live, now)
        return live

    def hold(self, neighbor: Neighbor, frames: list[Frame]) -> None:
        """Keep a packet (its frames, without link header) until the neighbour answers; the latest are kept.

        Spec: RFC 1122 §2.3.2.2.
        """
        waiting, config = neighbor.waiting, self._config
        waiting.append(frames)
        octets = sum(len(frame) for packet in waiting for frame in packet)
        while len(waiting) > config.max_queued_packets or (
            octets > config.max_queued_octets and len(waiting) > 1
        ):
            octets -= sum(map(len, waiting.popleft()))
            self._counters["arp_queue_drops"] += 1

    def confirm(self, neighbor: Neighbor, now: int) -> None:
        """A transport made progress through this neighbour: it is reachable (RFC 4861 §7.3.1)."""
        neighbor.confirmed_at = now
        if neighbor.state is REACHABLE or neighbor.state is PERMANENT:
            return
        if neighbor.mac and self._entries.get(neighbor.key) is neighbor:
            self._confirmed(neighbor, now)

    def suspect(self, neighbor: Neighbor, now: int) -> None:
        """A transport gets no answer through this neighbour: ask whether it is there (RFC 1122 §3.3.1.4)."""
        if neighbor.state in {REACHABLE, STALE, DELAY} and self._entries.get(neighbor.key) is neighbor:
            self._probe(neighbor, now)

    # --- for ARP and Neighbor Discovery -----------------------------------------------------------------------

    def learn(
        self, interface: Interface, address: bytes, mac: bytes, now: int, *, answer: bool, create: bool
    ) -> Fate:
        """Somebody says that `address` is at `mac`.

        Args:
            interface: where that was heard.
            address: an IP address on its link.
            mac: an individual MAC address, not ours.
            now: monotonic ns.
            answer: it is an answer to us, and counts as one if we have asked.
            create: make an entry if there is none (RFC 826: only if we were the target).
        """
        neighbor = self._entries.get(interface.key + address)
        if neighbor is None:
            return self._create(interface, address, mac, now) if create else DropReason.ARP_UNSOLICITED
        if neighbor.state is PERMANENT:
            return Accepted.LOCAL
        if neighbor.state is INCOMPLETE or neighbor.state is FAILED:
            self._found(neighbor, mac, now, answer=answer)
        elif neighbor.mac != mac:
            self._disputed(neighbor, mac, now)
        elif answer and neighbor.state is PROBE:
            self._confirmed(neighbor, now)
        return Accepted.LOCAL

    def set_permanent(self, interface: Interface, address: bytes, mac: bytes, now: int) -> None:
        """Enter a row by hand (`arp -s`); it stays until `forget`."""
        neighbor = self.entry(interface, address)
        self._entries[neighbor.key] = neighbor
        neighbor.set_mac(mac)
        self._enter(neighbor, PERMANENT, now)
        self._agenda.schedule(neighbor, None)
        self._release(neighbor)

    def forget(self, interface: Interface, address: bytes, now: int) -> bool:
        """Delete a row by hand (`arp -d`); False if there is none. Packets that wait for it are lost."""
        neighbor = self._entries.get(interface.key + address)
        if neighbor is None:
            return False
        self._drop(neighbor, now)
        return True

    # --- the state machine ------------------------------------------------------------------------------------

    def on_timer(self, neighbor: Neighbor, now: int) -> None:
        """Do what the state of a neighbour says is due."""
        state, config = neighbor.state, self._config
        if state is INCOMPLETE:
            if neighbor.asked < config.max_multicast_solicit:
                self._ask(neighbor, None, now)
            else:
                self._fail(neighbor, now, now + config.failed_lifetime_ns)
        elif state is REACHABLE:
            # Confirmations only note their time; the deadline is moved when it comes up, not with every ACK.
            expires = (neighbor.confirmed_at or 0) + neighbor.lives_until
            if now < expires:
                self._agenda.schedule(neighbor, expires)
            else:
                self._grow_stale(neighbor, now)
        elif state is DELAY:
            self._probe(neighbor, now)
        elif state is PROBE:
            if neighbor.claim is not None and neighbor.asked:
                self._believe(neighbor, neighbor.claim, now)
                self._probe(neighbor, now)
            elif neighbor.asked < config.max_unicast_solicit:
                self._ask(neighbor, neighbor.mac, now)
            else:
                # Its MAC address is dead; the next packet may ask everybody at once for a new one.
                self._fail(neighbor, now, now)
        elif state in {STALE, FAILED}:
            self._drop(neighbor, now)  # RFC 1122 §2.3.2.1: out-of-date entries are flushed

    def _create(self, interface: Interface, address: bytes, mac: bytes, now: int) -> Fate:
        if not self._make_room(now):
            return DropReason.ARP_TABLE_FULL
        neighbor = Neighbor(self, interface, address)
        self._entries[neighbor.key] = neighbor
        neighbor.set_mac(mac)
        neighbor.updated_at = now
        self._grow_stale(neighbor, now)
        return Accepted.LOCAL

    def _resolve(self, neighbor: Neighbor, now: int) -> None:
        """Begin to look for it."""
        if len(self._incomplete) >= self._config.max_incomplete:
            # The oldest search gives way; its packets are reported as if the neighbour had not answered.
            oldest = next(iter(self._incomplete.values()))
            self._fail(oldest, now, now)
        neighbor.mac, neighbor.asked, neighbor.confirmed_at = b"", 0, None
        self._enter(neighbor, INCOMPLETE, now)
        self._ask_when_allowed(neighbor, None, now)

    def _ask_when_allowed(self, neighbor: Neighbor, mac: bytes | None, now: int) -> None:
        """Ask now, or when a second has passed since the last time (RFC 1122 §2.3.2.1)."""
        earliest = now if neighbor.asked_at is None else neighbor.asked_at + self._config.retrans_timer_ns
        if earliest > now:
            self._agenda.schedule(neighbor, earliest)
        else:
            self._ask(neighbor, mac, now)

    def _ask(self, neighbor: Neighbor, mac: bytes | None, now: int) -> None:
        neighbor.asked += 1
        neighbor.asked_at = now
        self._agenda.schedule(neighbor, now + self._config.retrans_timer_ns)
        self.solicitors[len(neighbor.address)].solicit(neighbor.interface, neighbor.address, mac, now)

    def _probe(self, neighbor: Neighbor, now: int) -> None:
        neighbor.asked = 0
        self._enter(neighbor, PROBE, now)
        self._ask_when_allowed(neighbor, neighbor.mac, now)

    def _found(self, neighbor: Neighbor, mac: bytes, now: int, *, answer: bool) -> None:
        """Somebody we look for, or had given up, is at `mac`."""
        asked = neighbor.state is INCOMPLETE
        was_dead = not asked
        neighbor.set_mac(mac)
        neighbor.updated_at = now
        if answer and asked:
            self._confirmed(neighbor, now)
        elif neighbor.waiting:
            self._enter(neighbor, DELAY, now)
            self._agenda.schedule(neighbor, now + self._config.delay_first_probe_ns)
        else:
            self._grow_stale(neighbor, now)
        self._release(neighbor)
        if was_dead and neighbor.gateway:
            self._changed()

    def _disputed(self, neighbor: Neighbor, mac: bytes, now: int) -> None:
        """Somebody says that a known address has moved: ask at the old place first, at most once a second."""
        self._counters["arp_entry_disputed"] += 1
        interval = self._config.retrans_timer_ns
        if neighbor.confirmed_at is None:
            self._believe(neighbor, mac, now)  # one rumour is as good as another
        elif neighbor.state is PROBE:
            neighbor.claim = mac
        elif now >= neighbor.updated_at + interval and now >= (neighbor.asked_at or 0) + interval:
            neighbor.claim = mac
            self._probe(neighbor, now)

    def _believe(self, neighbor: Neighbor, mac: bytes, now: int) -> None:
        self._counters["arp_entry_changed"] += 1
        neighbor.claim = None
        neighbor.confirmed_at = None
        neighbor.updated_at = now
        neighbor.set_mac(mac)

    def _confirmed(self, neighbor: Neighbor, now: int) -> None:
        base = self._config.reachable_time_ns
        neighbor.lives_until = self._random.randint(base // 2, base * 3 // 2)
        neighbor.confirmed_at = now
        neighbor.claim = None
        self._enter(neighbor, REACHABLE, now)
        self._agenda.schedule(neighbor, now + neighbor.lives_until)

    def _grow_stale(self, neighbor: Neighbor, now: int) -> None:
        self._enter(neighbor, STALE, now)
        self._agenda.schedule(neighbor, now + self._config.stale_lifetime_ns)

    def _fail(self, neighbor: Neighbor, now: int, until: int) -> None:
        neighbor.failed_until = until
        neighbor.claim = None
        self._enter(neighbor, FAILED, now)
        self._agenda.schedule(neighbor, now + self._config.stale_lifetime_ns)
        if neighbor.waiting:
            self.failures.append(Failure(neighbor.interface, neighbor.address, list(neighbor.waiting)))
            neighbor.waiting.clear()
            self._agenda.schedule(self._wake, now)
        if neighbor.gateway:
            self._changed()

    def _release(self, neighbor: Neighbor) -> None:
        """Send what waited."""
        while neighbor.waiting:
            for frame in neighbor.waiting.popleft():
                if not neighbor.interface.enqueue(with_link_header(frame, neighbor.link_header)):
                    self._counters["ip_out_discards"] += 1

    def _enter(self, neighbor: Neighbor, state: NeighborState, now: int) -> None:
        """The only place that changes a state."""
        key, old = neighbor.key, neighbor.state
        if self._trace is not None:
            self._emit(neighbor, old, state, now)
        self._incomplete.pop(key, None)
        self._strange.pop(key, None)
        self._idle.pop(key, None)
        neighbor.state = state
        neighbor.settled = state in _SETTLED
        if state is INCOMPLETE:
            self._incomplete[key] = neighbor
        elif state is STALE or state is FAILED:
            (self._strange if neighbor.confirmed_at is None else self._idle)[key] = neighbor

    def _make_room(self, now: int) -> bool:
        """True if one more entry fits, after somebody gave way if need be."""
        if len(self._entries) < self._config.max_entries:
            return True
        for candidates in (self._strange, self._idle):
            for neighbor in candidates.values():
                self._drop(neighbor, now)
                self._counters["arp_evicted"] += 1
                return True
        return False

    def _drop(self, neighbor: Neighbor, now: int) -> None:
        self._enter(neighbor, NONE, now)
        neighbor.waiting.clear()
        self._agenda.schedule(neighbor, None)
        del self._entries[neighbor.key]

    def _emit(self, neighbor: Neighbor, old: NeighborState, new: NeighborState, now: int) -> None:
        assert self._trace is not None
        self._trace.emit(
            NeighborChanged(
                at=now,
                where=self._name,
                device=neighbor.interface.name,
                address=format_ip(neighbor.address),
                mac=format_mac(neighbor.mac),
                old=str(old),
                new=str(new),
            )
        )
