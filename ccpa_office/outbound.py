"""Where the office may call out: named hosts alone, and no private address that is not named."""

import ipaddress
from collections.abc import Callable
from dataclasses import dataclass

from django.conf import settings

Address = ipaddress.IPv4Address | ipaddress.IPv6Address
Network = ipaddress.IPv4Network | ipaddress.IPv6Network
NAT64 = ipaddress.IPv6Network("64:ff9b::/96")


class HostNotAllowed(Exception):
    """The host is not on the list of OUTBOUND_ALLOWED_HOSTS, or stands at a private address."""


@dataclass(frozen=True)
class Outbound:
    """The list, read: names of hosts, addresses and networks; ``loopback`` is for tests alone."""

    names: frozenset[str] = frozenset()
    networks: tuple[Network, ...] = ()
    loopback: bool = False

    @classmethod
    def of(cls, entries: list[str], *, loopback: bool = False) -> "Outbound":
        """Read a list of host names, addresses and networks (``10.2.0.0/16``)."""
        names: set[str] = set()
        networks: list[Network] = []
        for entry in filter(None, (each.strip() for each in entries)):
            try:
                networks.append(ipaddress.ip_network(entry, strict=False))
            except ValueError:
                names.add(_plain(entry))
        return cls(frozenset(names), tuple(networks), loopback)

    def names_host(self, host: str) -> bool:
        """Whether a host, as it stands in an address, is on the list."""
        found = _address(host)
        if found is None:
            return _plain(host) in self.names or (self.loopback and _plain(host) == "localhost")
        return any(found in network for network in self.networks) or (
            self.loopback and found.is_loopback
        )

    def may_reach(self, text: str) -> bool:
        """Whether the office may connect to an address that a listed name stands for."""
        found = _address(text)
        if found is None:
            return False
        found = _carried(found)
        if any(found in network for network in self.networks):
            return True
        if found.is_loopback:
            return self.loopback
        return found.is_global and not found.is_multicast


def _carried(found: Address) -> Address:
    """The address behind one that only carries it: mapped, or for a translator (RFC 6052)."""
    if isinstance(found, ipaddress.IPv4Address):
        return found
    if found in NAT64:
        return ipaddress.IPv4Address(int(found) & 0xFFFFFFFF)
    return found.ipv4_mapped or found.sixtofour or found


def _plain(host: str) -> str:
    return host.rstrip(".").casefold()


def _address(text: str) -> Address | None:
    try:
        return ipaddress.ip_address(text.strip("[]").partition("%")[0])
    except ValueError:
        return None


def allowed() -> Outbound:
    """The list of this office, from its settings."""
    return Outbound.of(settings.OUTBOUND_ALLOWED_HOSTS, loopback=settings.ALLOW_LOOPBACK_CALLBACKS)


def stores() -> Callable[[str], bool] | None:
    """Whether a database may stand on a host; None where the office keeps no list of hosts."""
    return allowed().names_host if settings.OUTBOUND_ALLOWED_HOSTS else None
