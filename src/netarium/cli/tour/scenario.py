"""The world of the tour: browser, DNS server, web server, mailer and mail server on a switch; and the run through it.

The programs are real and unmodified: `urllib.request`, `http.server`, dnslib's DNS server, `smtplib`, aiosmtpd.
The cables are 10BASE-T, so that the waveform of story 5 is what would be on them.
"""

import asyncio
import smtplib
import time
import urllib.request
from email.message import EmailMessage
from http.server import BaseHTTPRequestHandler, HTTPServer
from importlib.util import find_spec
from types import SimpleNamespace
from typing import Any, Final

from netarium.base.addr import parse_ip
from netarium.base.errors import UsageError
from netarium.base.trace import Congestion, Event, RttSampled, SocketEvent, StateChanged, Trace
from netarium.cli.tour.run import Outcome, Run, Settings, Shot
from netarium.host.snapshot import snapshot
from netarium.host.tables import Tables
from netarium.link.rules import Drop, Loss
from netarium.link.selector import Selector, nth
from netarium.sim.host import Host
from netarium.sim.world import EPOCH, World

HOSTS: Final = ("browser", "dns", "web", "mailer", "mail")
EPOCH_NS: Final = EPOCH * 1_000_000_000  # when the simulated world began
_DOMAIN: Final = "example"
_URL: Final = f"http://web.{_DOMAIN}/"
_PAGE_OCTETS: Final = 9_000  # some segments more than the three that must follow a lost one (RFC 5681 §3.2)
PIECE_OCTETS: Final = 500  # of the page that the web server writes at once
_LOST_PIECE: Final = 3  # which data segment of the web server is lost on purpose
_TURNING_POINTS: Final = (SocketEvent, StateChanged, Congestion, RttSampled)  # when the tables are looked at
_LIMIT: Final = "1h"  # of virtual time; only a very bad cable needs more
_AFTERWARDS: Final = 61  # s to wait at the end: TIME-WAIT takes 60


class Stage:
    """The world while the play is on: keeps every event, and the tables at every change of a socket."""

    def __init__(self, settings: Settings) -> None:
        self.events: list[Event] = []
        self.shots: list[Shot] = []
        self.settings = settings
        self.world = World(seed=settings.seed, trace=Trace(self._watch))
        self.hosts = dict(zip(HOSTS, self.world.hosts(*HOSTS), strict=True))
        self.world.switch("lan", *self.hosts.values(), rate="10mbit")
        self.world.dns(self.hosts["dns"])
        self.names = {parse_ip(host.address): name for name, host in self.hosts.items()}
        self._add_faults()

    def _add_faults(self) -> None:
        """One piece of the page is lost on purpose; more if the user wants."""
        cable = self.world.cables["web-lan"]
        pieces = Selector(protocol="tcp", src=parse_ip(self.hosts["web"].address), src_port=80, payload=True)
        cable.add_rule(Drop(pieces, nth(_LOST_PIECE)))
        if self.settings.loss:
            cable.add_rule(Loss(self.settings.loss))

    def _watch(self, event: Event) -> None:
        self.events.append(event)
        if isinstance(event, _TURNING_POINTS) and event.where in self.hosts:
            self.shots.append(Shot(event, self.tables(event.where, event.at)))

    def look_around(self) -> int:
        """Look at the tables of all machines once more; returns the number of the last event so far."""
        last = self.events[-1]
        self.shots += [Shot(last, self.tables(name, self.world.now)) for name in self.hosts]
        return last.id

    def tables(self, name: str, now: int) -> Tables:
        """The tables of one machine."""
        return snapshot(self.hosts[name].machine, now, lambda address: self.names.get(address, ""))


# --- the programs ---------------------------------------------------------------------------------------------------


def _page() -> bytes:
    """What the web server serves: numbered lines, so that one sees what went where."""
    lines = (f"<p>{number:04d} netarium: a TCP/IP stack behind glass</p>\n" for number in range(1_000))
    return "".join(lines).encode()[:_PAGE_OCTETS]


def _serve_pages(page: bytes) -> None:
    """The web server."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(200)
            self.send_header("Content-Type", "text/html")
            self.send_header("Content-Length", str(len(page)))
            self.end_headers()
            for start in range(
                0, len(page), PIECE_OCTETS
            ):  # many small writes: Nagle's algorithm has work to do
                self.wfile.write(page[start : start + PIECE_OCTETS])

        def log_message(self, *_: Any) -> None:
            """The trace tells more."""

    with HTTPServer(("", 80), Handler) as server:
        server.serve_forever()


def _serve_names(zone: str) -> None:
    """The DNS server."""
    from dnslib.server import DNSLogger, DNSServer  # type: ignore[import-untyped]
    from dnslib.zoneresolver import ZoneResolver  # type: ignore[import-untyped]

    quiet = DNSLogger("-request,-reply", prefix=False)
    DNSServer(ZoneResolver(zone), port=53, logger=quiet).start()


async def _serve_mail(received: list[str]) -> None:
    """The mail server."""
    from aiosmtpd.smtp import SMTP

    async def handle(_server: SMTP, _session: Any, envelope: Any) -> str:
        received.append(envelope.content.decode())
        return "250 OK"

    handler = SimpleNamespace(handle_DATA=handle)
    loop = asyncio.get_running_loop()
    server = await loop.create_server(lambda: SMTP(handler, hostname=f"mail.{_DOMAIN}"), "0.0.0.0", 25)  # noqa: S104 - the simulated machine's
    await server.serve_forever()


def _fetch(url: str) -> bytes:
    """The browser."""
    with urllib.request.urlopen(url) as response:  # noqa: S310 - the URL is the scenario's
        body: bytes = response.read()
        return body


def _send_mail() -> str:
    """The mailer."""
    letter = EmailMessage()
    letter["From"], letter["To"] = f"kim@mailer.{_DOMAIN}", f"lee@mail.{_DOMAIN}"
    letter["Subject"] = "netarium"
    letter.set_content("소켓에서 전기신호까지. From the socket to the signal.\n")
    with smtplib.SMTP(f"mail.{_DOMAIN}", local_hostname=f"mailer.{_DOMAIN}") as client:
        client.send_message(letter)
    return letter.as_string()


# --- the run --------------------------------------------------------------------------------------------------------


def _zone(hosts: dict[str, Host]) -> str:
    lines = [f"{name}.{_DOMAIN}. 300 IN A {host.address}" for name, host in hosts.items()]
    return "\n".join([*lines, f"{_DOMAIN}. 300 IN MX 10 mail.{_DOMAIN}."])


def _play(stage: Stage, outcome: Outcome) -> None:
    """The main program: start the servers, let browser and mailer do their work, wait until all is over."""
    hosts = stage.hosts
    hosts["dns"].run(_serve_names, _zone(hosts), name="named")
    hosts["web"].run(_serve_pages, outcome.page, name="httpd")
    hosts["mail"].run(_serve_mail, outcome.received, name="smtpd")
    time.sleep(0.01)  # they listen now
    outcome.fetched = hosts["browser"].run(_fetch, outcome.url, name="browser").join()
    outcome.mail = hosts["mailer"].run(_send_mail, name="mailer").join()
    time.sleep(_AFTERWARDS)
    outcome.last_event = stage.look_around()


def run(settings: Settings) -> Run:
    """Play the whole scenario.

    Raises:
        UsageError: a package that the servers are made of is missing; or so much was lost that a program gave up.
    """
    require_servers()
    stage = Stage(settings)
    outcome = Outcome(url=_URL, page=_page())
    try:
        stage.world.run(_play, stage, outcome, timeout=_LIMIT)
    except OSError as fault:  # TimeoutError is one
        if not settings.loss:
            raise
        what = str(fault).partition("\n")[0]
        raise UsageError(
            f"with {settings.loss:.0%} loss a program gave up ({what}): choose a lower --loss or another --seed"
        ) from None
    addresses = {name: host.address for name, host in stage.hosts.items()}
    return Run(settings, addresses, stage.events, stage.shots, outcome, stage.world.now)


def require_servers() -> None:
    """The DNS server and the mail server are packages of others.

    Raises:
        UsageError: one is not installed.
    """
    for package in ("dnslib", "aiosmtpd"):
        if find_spec(package) is None:
            raise UsageError(f"the tour needs the package {package}: pip install 'netarium[all]'")


def demo(name: str) -> Tables:
    """The tables of one machine of the scenario, while the browser's connection is busiest.

    Raises:
        UsageError: no machine has that name.
    """
    if name not in HOSTS:
        raise UsageError(f"the demo has no machine {name!r}: there are {', '.join(HOSTS)}")
    played = run(Settings())
    shots = [shot.tables for shot in played.shots if shot.tables.machine == name]
    return max(
        shots, key=lambda tables: (sum(row.state == "ESTABLISHED" for row in tables.sockets), tables.now)
    )
