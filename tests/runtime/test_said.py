"""What real shells answer to many lines, right and wrong ones: the same here, or refused by name.

The lines were given to real shells and their answers written down (`said/`). The trap is an answer that is made up:
a script that is understood wrongly shows a crash that no cluster would show.
"""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from healgate.actor.effects import Unsupported
from healgate.embedded.cluster import EmbeddedCluster

SAID = Path(__file__).parent / "said"


@pytest.fixture(scope="module")
def cluster() -> EmbeddedCluster:
    cluster = EmbeddedCluster()
    for name, image in (("ash", "busybox:1.36"), ("dash", "debian:12"), ("bash", "debian:12")):
        container = {"name": "main", "image": image, "command": ["sleep", "36000"]}
        pod = {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": name}, "spec": {"containers": [container]}}
        cluster.registry.create("pods", pod, namespace="default")
    cluster.run_for(120)
    return cluster


# How many lines are refused: not one more, so that nothing that was known is forgotten.
@pytest.mark.parametrize(("shell", "refused"), [("ash", 75), ("dash", 61), ("bash", 133)])
def test_a_line_is_answered_as_a_real_shell_does_or_refused(cluster: EmbeddedCluster, shell: str, refused: int) -> None:
    pod = cluster.registry.get("pods", "default", shell)
    wrong, unknown = [], []
    for line, output, code in json.loads((SAID / f"{shell}.json").read_text())["cases"]:
        try:
            found = cluster.kubelet.exec(pod, "main", ("bash" if shell == "bash" else "sh", "-c", line))
        except Unsupported as problem:
            unknown.append(f"{line!r}: {problem}")
            continue
        if (_lines(found.output), found.code) != (_lines(output), code):
            wrong.append(f"{line!r}\n  expected {code} {output!r}\n  found    {found.code} {found.output!r}")
    assert not wrong, "\n".join(wrong)
    assert len(unknown) <= refused, "\n".join(unknown)


def _lines(text: str) -> list[str]:
    """Without their order: stdout and stderr were written down apart."""
    return sorted(filter(None, text.split("\n")))
