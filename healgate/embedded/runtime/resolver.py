"""How the programs of a pod find an address by a name: which server they ask, what they append, what they know already.

Cluster DNS is a server like any other. The trap is a pod that does not ask it: for that one, no Service exists.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property

CLUSTER = "10.96.0.10"
DOMAIN = "cluster.local"
HOSTS = """\
# Kubernetes-managed hosts file.
127.0.0.1\tlocalhost
::1\tlocalhost ip6-localhost ip6-loopback
fe00::0\tip6-localnet
fe00::0\tip6-mcastprefix
fe00::1\tip6-allnodes
fe00::2\tip6-allrouters
"""


def domains(namespace: str) -> tuple[str, ...]:
    """What is appended to a short name, in turn."""
    return (f"{namespace}.svc.{DOMAIN}", f"svc.{DOMAIN}", DOMAIN)


@dataclass(frozen=True)
class Resolver:
    """Where a server does not answer the next one is asked, and here none but the cluster's answers."""

    servers: tuple[str, ...] = (CLUSTER,)
    searches: tuple[str, ...] | None = None  # None: those of the pod's namespace
    options: tuple[str, ...] = ("ndots:5",)
    aliases: tuple[tuple[str, tuple[str, ...]], ...] = ()  # addresses with their names, which nobody is asked for

    @cached_property
    def hosts(self) -> Mapping[str, str]:
        """Of two addresses with one name the first counts."""
        return {name: address for address, names in reversed(self.aliases) for name in names}

    def finds(self, namespace: str, name: str) -> bool:
        """Whether it is the cluster that is asked for this name of a Service, as far as it is written out."""
        if CLUSTER not in self.servers:
            return False
        if self.searches is None or name.rstrip(".").endswith(f".svc.{DOMAIN}"):
            return True
        return any(domain in self.searches for domain in domains(namespace))

    def resolv_conf(self, namespace: str) -> str:
        searches = domains(namespace) if self.searches is None else self.searches
        lines = [f"search {' '.join(searches)}"] if searches else []
        lines += [f"nameserver {server}" for server in self.servers]
        lines += [f"options {' '.join(self.options)}"] if self.options else []
        return "".join(f"{line}\n" for line in lines)

    def hosts_file(self, address: str, hostname: str) -> str:
        added = "".join("\t".join((ip, *names)) + "\n" for ip, names in self.aliases)
        also = f"\n# Entries added by HostAliases.\n{added}" if added else ""
        return f"{HOSTS}{address}\t{hostname}\n{also}"
