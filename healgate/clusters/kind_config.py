"""The configuration that a kind cluster is made with: a person's or CI's own, and the timing profile put on top.

    fast    a crashed container is started again after 5 s at the latest (on by default since Kubernetes 1.35)
    stock   10 s, doubled up to 5 minutes, as everywhere

HEALGATE_KIND_CONFIG names a file with whatever else a machine needs. kubeadm takes several patches of one kind, one
after the other, so nothing has to be merged.
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import yaml

from ..problems import UsageProblem

CONFIG = "HEALGATE_KIND_CONFIG"
PODS_A_NODE = 250
# Every start costs the node half a second of processor time: with less than this, a dozen crash loops are all it does.
FASTEST = "5s"
TIMINGS = ("fast", "stock")


def kind_config(timing: str) -> dict[str, Any]:
    given = os.environ.get(CONFIG)
    config = _read(Path(given)) if given else {}
    kubelet: dict[str, Any] = {
        "apiVersion": "kubelet.config.k8s.io/v1beta1",
        "kind": "KubeletConfiguration",
        "maxPods": PODS_A_NODE,
    }
    if timing == "fast":
        kubelet["crashLoopBackOff"] = {"maxContainerRestartPeriod": FASTEST}
    return {
        "kind": "Cluster",
        "apiVersion": "kind.x-k8s.io/v1alpha4",
        **config,
        "kubeadmConfigPatches": [*config.get("kubeadmConfigPatches", ()), yaml.safe_dump(kubelet)],
    }


def _read(path: Path) -> dict[str, Any]:
    try:
        found = yaml.safe_load(path.read_text())
    except (OSError, ValueError, RecursionError, yaml.YAMLError) as problem:
        raise UsageProblem(f"{CONFIG}: {path}: {problem}") from None
    if not isinstance(found, dict) or found.get("kind", "Cluster") != "Cluster":
        raise UsageProblem(f"{CONFIG}: {path}: expected a configuration of kind (kind: Cluster)")
    return found
