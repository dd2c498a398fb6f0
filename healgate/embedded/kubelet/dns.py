"""What a pod's dnsPolicy, dnsConfig and hostAliases make of its resolver.

The trap is hostNetwork: with it the policy that everybody has, ClusterFirst, means the node's own servers.
"""

from __future__ import annotations

from typing import Any

from ..runtime.resolver import CLUSTER, Resolver, domains
from ..runtime.seam import CLUSTER_FIRST

Obj = dict[str, Any]

NODES = "172.18.0.1"  # what the node itself asks, which knows no Service


def resolver_of(pod: Obj) -> Resolver:
    spec = pod["spec"]
    policy, config = spec.get("dnsPolicy", "ClusterFirst"), spec.get("dnsConfig") or {}
    if policy == "ClusterFirst" and not (config or spec.get("hostAliases") or spec.get("hostNetwork")):
        return CLUSTER_FIRST
    servers: tuple[str, ...] = (CLUSTER,)
    searches = domains(pod["metadata"]["namespace"])
    if policy == "None":
        servers, searches = (), ()
    elif policy == "Default" or (policy == "ClusterFirst" and spec.get("hostNetwork")):
        servers, searches = (NODES,), ()
    return Resolver(
        tuple(dict.fromkeys((*servers, *(config.get("nameservers") or ())))),
        tuple(dict.fromkeys((*searches, *(config.get("searches") or ())))),
        {
            name: str(alias["ip"])
            for alias in reversed(spec.get("hostAliases") or ())  # of two that say it, the first counts
            for name in alias.get("hostnames") or ()
        },
    )
