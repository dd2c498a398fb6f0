"""What a pod's dnsPolicy, dnsConfig and hostAliases make of its resolver.

The trap is hostNetwork: with it the policy that everybody has, ClusterFirst, means the node's own servers.
"""

from __future__ import annotations

from typing import Any

from ..runtime.resolver import CLUSTER, Resolver, domains
from ..runtime.seam import CLUSTER_FIRST

Obj = dict[str, Any]

NODES = "172.18.0.1"  # what the node itself asks, which knows no Service
OF_THE_NODE = ("timeout:1", "attempts:1", "ndots:0")


def resolver_of(pod: Obj) -> Resolver:
    spec = pod["spec"]
    policy, config = spec.get("dnsPolicy", "ClusterFirst"), spec.get("dnsConfig") or {}
    if policy == "ClusterFirst" and not (config or spec.get("hostAliases") or spec.get("hostNetwork")):
        return CLUSTER_FIRST
    servers: tuple[str, ...] = (CLUSTER,)
    searches, options = domains(pod["metadata"]["namespace"]), CLUSTER_FIRST.options
    if policy == "None":
        servers, searches, options = (), (), ()
    elif policy == "Default" or (policy == "ClusterFirst" and spec.get("hostNetwork")):
        servers, searches, options = (NODES,), (), OF_THE_NODE
    chosen = dict(option.split(":") for option in options)
    chosen |= {one["name"]: one.get("value") or "" for one in config.get("options") or ()}
    return Resolver(
        tuple(dict.fromkeys((*servers, *(config.get("nameservers") or ())))),
        tuple(dict.fromkeys((*searches, *(config.get("searches") or ())))),
        tuple(f"{name}:{value}" if value else name for name, value in chosen.items()),
        tuple((one["ip"], tuple(one.get("hostnames") or ())) for one in spec.get("hostAliases") or ()),
    )
