"""`kubectl rollout undo` by ControllerRevisions: it is the client that applies an old one."""

from __future__ import annotations

from typing import Any

import pytest
import yaml

from .conftest import Served


def workload(kind: str, image: str) -> dict[str, Any]:
    labels = {"app": "db"}
    container = {"name": "main", "image": image, "command": ["sh", "-c", "sleep 3600"]}
    spec: dict[str, Any] = {
        "selector": {"matchLabels": labels},
        "template": {
            "metadata": {"labels": labels},
            "spec": {"containers": [container], "terminationGracePeriodSeconds": 1},
        },
    }
    if kind == "StatefulSet":
        spec |= {"serviceName": "db", "replicas": 2}
    return {"apiVersion": "apps/v1", "kind": kind, "metadata": {"name": "db"}, "spec": spec}


@pytest.mark.parametrize("kind", ["StatefulSet", "DaemonSet"])
def test_an_undo_brings_the_template_back_under_a_new_number(served: Served, kubectl: str, kind: str) -> None:
    def ask(*words: str, fails: bool = False) -> str:
        done = served.run(kubectl, *words, fails=fails)
        return done.stdout + done.stderr

    def pods() -> set[tuple[str, str]]:
        """Those that stay: a new one comes as soon as the old one has ended, while its object is still there."""
        told = "{.spec.containers[0].image} {.metadata.labels.controller-revision-hash} {.metadata.deletionTimestamp}"
        path = r"{range .items[*]}" + told + r'{"\n"}{end}'
        found = [line.split() for line in ask("get", "pods", "-l", "app=db", "-o", f"jsonpath={path}").splitlines()]
        return {(image, revision) for image, revision, *leaves in found if not leaves}

    name = f"{kind.lower()}/db"
    (served.kubeconfig.parent / "db.yaml").write_text(yaml.safe_dump(workload(kind, "busybox:1.36")))
    ask("create", "-f", "db.yaml")
    ask("rollout", "status", name, "--timeout=60s")
    ((_, first),) = pods()
    ask("set", "image", name, "main=busybox:1.35")
    ask("rollout", "status", name, "--timeout=60s")
    assert [image for image, _ in pods()] == ["busybox:1.35"]

    assert "busybox:1.36" in ask("rollout", "history", name, "--revision=1")
    assert "busybox:1.36" in ask("rollout", "undo", name, "--dry-run=client")
    assert ask("rollout", "undo", name).strip() == f"{kind.lower()}.apps/db rolled back"
    ask("rollout", "status", name, "--timeout=60s")
    # The old revision itself is in force again, and is now the newest.
    assert pods() == {("busybox:1.36", first)}
    history = ask("rollout", "history", name).splitlines()
    assert [line.split()[0] for line in history if line[:1].isdigit()] == ["2", "3"]

    ask("rollout", "undo", name, "--to-revision=2")
    ask("rollout", "status", name, "--timeout=60s")
    assert [image for image, _ in pods()] == ["busybox:1.35"]
    assert "skipped rollback (current template already matches revision 4)" in ask(
        "rollout", "undo", name, "--to-revision=4"
    )
    assert "unable to find specified revision 99 in history" in ask(
        "rollout", "undo", name, "--to-revision=99", fails=True
    )
