"""Service names (RFC 6335): the few that programs name, so that a run does not depend on a file of the machine."""

from typing import Final

_TCP_AND_UDP: Final = {
    "echo": 7, "discard": 9, "daytime": 13, "time": 37, "domain": 53, "kerberos": 88, "sunrpc": 111, "ntp": 123,
    "snmp": 161, "snmp-trap": 162, "ldap": 389, "sip": 5060, "sip-tls": 5061,
}  # fmt: skip
_TCP: Final = {
    "systat": 11, "qotd": 17, "chargen": 19, "ftp-data": 20, "ftp": 21, "ssh": 22, "telnet": 23, "smtp": 25,
    "whois": 43, "gopher": 70, "finger": 79, "http": 80, "pop3": 110, "nntp": 119, "imap": 143, "imap2": 143, "bgp": 179,
    "irc": 194, "https": 443, "submissions": 465, "login": 513, "shell": 514, "printer": 515, "submission": 587,
    "ldaps": 636, "domain-s": 853, "ftps": 990, "imaps": 993, "pop3s": 995, "socks": 1080, "mysql": 3306,
    "postgresql": 5432, "xmpp-client": 5222, "xmpp-server": 5269, "amqps": 5671, "amqp": 5672, "http-alt": 8080,
}  # fmt: skip
_UDP: Final = {
    "bootps": 67, "bootpc": 68, "tftp": 69, "syslog": 514, "openvpn": 1194, "radius": 1812, "mdns": 5353,
    "https": 443, "chargen": 19, "domain-s": 853,
}  # fmt: skip

_PORTS: Final = {"tcp": _TCP | _TCP_AND_UDP, "udp": _UDP | _TCP_AND_UDP}
_NAMES: Final = {protocol: {port: name for name, port in table.items()} for protocol, table in _PORTS.items()}


def port_of(service: str, protocol: str) -> int | None:
    """The port of a service over "tcp" or "udp"; None if it is not known."""
    return _PORTS.get(protocol, {}).get(service)


def name_of(port: int, protocol: str) -> str | None:
    """The service at a port over "tcp" or "udp"; None if it is not known."""
    return _NAMES.get(protocol, {}).get(port)
