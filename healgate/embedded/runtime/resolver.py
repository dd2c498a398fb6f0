"""How the programs of a pod find an address by a name: which server they ask, what they append, what they know already.

Cluster DNS is a server like any other. The trap is a pod that asks somebody else: to that one, no Service exists.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

CLUSTER = "10.96.0.10"
DOMAIN = "cluster.local"


def domains(namespace: str) -> tuple[str, ...]:
    """What is appended to a short name, in turn."""
    return (f"{namespace}.svc.{DOMAIN}", f"svc.{DOMAIN}", DOMAIN)


@dataclass(frozen=True)
class Resolver:
    """Of several servers the first answers, and nobody asks on when a name does not exist."""

    servers: tuple[str, ...] = (CLUSTER,)
    searches: tuple[str, ...] | None = None  # None: those of the pod's namespace
    hosts: Mapping[str, str] = field(default_factory=dict)  # names that need nobody's answer

    def finds(self, namespace: str, name: str) -> bool:
        """Whether it is the cluster that is asked for this name of a Service, as far as it is written out."""
        if self.servers[:1] != (CLUSTER,):
            return False
        if self.searches is None or name.rstrip(".").endswith(f".svc.{DOMAIN}"):
            return True
        return any(domain in self.searches for domain in domains(namespace))

    def file(self, namespace: str) -> str:
        """/etc/resolv.conf"""
        searches = domains(namespace) if self.searches is None else self.searches
        lines = [f"search {' '.join(searches)}"] if searches else []
        lines += [f"nameserver {server}" for server in self.servers]
        return "\n".join([*lines, *(["options ndots:5"] if CLUSTER in self.servers else []), ""])
