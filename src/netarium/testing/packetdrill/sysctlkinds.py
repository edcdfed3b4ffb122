"""Kinds of sysctls: what a row of the tables does with a value."""

from collections.abc import Callable
from dataclasses import fields, replace
from typing import Any

from netarium.base.config import IpConfig, MachineConfig

Setter = Callable[[MachineConfig, str], MachineConfig]


def changed(config: MachineConfig, attribute: str, value: Any) -> MachineConfig:
    """The same but for one field of TCP's configuration."""
    return replace(config, tcp=replace(config.tcp, **{attribute: value}))


def number(value: str) -> int:
    """A number as the shell writes them.

    Raises:
        ValueError: it is none.
    """
    return int(value, 0) if value.lstrip("-").startswith("0x") else int(value)


def number_of(attribute: str, unit: int = 1, *, most: int | None = None) -> Setter:
    """A number that becomes a field of TCP's configuration, in units of `unit`; with `most`, from 0 to that."""

    def change(config: MachineConfig, value: str) -> MachineConfig:
        if most is not None and not 0 <= number(value) <= most:
            raise ValueError(f"a number from 0 to {most} is expected")
        return changed(config, attribute, number(value) * unit)

    return change


def truth(attribute: str) -> Setter:
    """0 or something else."""
    return lambda config, value: changed(config, attribute, number(value) != 0)


def falsehood(attribute: str) -> Setter:
    """The other way round."""
    return lambda config, value: changed(config, attribute, number(value) == 0)


def only(*values: str) -> Setter:
    """What the stack always does may be said; anything else would be a lie."""

    def check(config: MachineConfig, value: str) -> MachineConfig:
        if value not in values:
            raise ValueError(f"only {' or '.join(values)} describes the stack")
        return config

    return check


def harmless(config: MachineConfig, value: str) -> MachineConfig:
    """Nothing that a script could see depends on it."""
    if not value:
        raise ValueError("a value is missing")
    return config


def ip_field(attribute: str, unit: int = 1) -> Setter:
    """A number that becomes a field of IP's configuration."""
    assert any(field.name == attribute for field in fields(IpConfig))

    def change(config: MachineConfig, value: str) -> MachineConfig:
        fresh: Any = number(value) * unit
        return replace(config, ip=replace(config.ip, **{attribute: fresh}))

    return change


def congestion(config: MachineConfig, value: str) -> MachineConfig:
    """The name of a congestion control."""
    from netarium.transport.tcp.congestion import ALGORITHMS

    if value not in ALGORITHMS:
        raise ValueError(f"there are {', '.join(sorted(ALGORITHMS))}")
    return changed(config, "congestion_control", value)
