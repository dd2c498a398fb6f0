"""helm: install, upgrade and roll back a chart that has a Job, and wait for each."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from .conftest import Served

CHART = {
    "Chart.yaml": "apiVersion: v2\nname: shop\nversion: 1.0.0\n",
    "values.yaml": "replicas: 1\nimage: busybox:1.36\n",
    "templates/web.yaml": """
apiVersion: apps/v1
kind: Deployment
metadata: {name: "{{ .Release.Name }}-web"}
spec:
  replicas: {{ .Values.replicas }}
  selector: {matchLabels: {app: web}}
  template:
    metadata: {labels: {app: web}}
    spec:
      containers:
        - name: main
          image: "{{ .Values.image }}"
          command: ["sh", "-c", "sleep 3600"]
          resources: {limits: {memory: 64Mi}}
---
apiVersion: v1
kind: Service
metadata: {name: "{{ .Release.Name }}-web"}
spec: {selector: {app: web}, ports: [{port: 80}]}
""",
    "templates/migrate.yaml": """
apiVersion: batch/v1
kind: Job
metadata: {name: "{{ .Release.Name }}-migrate-{{ .Release.Revision }}"}
spec:
  template:
    spec:
      restartPolicy: Never
      containers: [{name: main, image: "busybox:1.36", command: [sh, -c, "echo migrated"]}]
""",
    "templates/hook.yaml": """
apiVersion: batch/v1
kind: Job
metadata:
  name: "{{ .Release.Name }}-check"
  annotations: {"helm.sh/hook": "post-install,post-upgrade", "helm.sh/hook-delete-policy": before-hook-creation}
spec:
  template:
    spec:
      restartPolicy: Never
      containers: [{name: main, image: "busybox:1.36", command: [sh, -c, "exit 0"]}]
""",
}


@pytest.fixture
def chart(tmp_path: Path) -> str:
    for name, text in CHART.items():
        path = tmp_path / "shop" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    return str(tmp_path / "shop")


def test_install_upgrade_and_roll_back(served: Served, helm: str, kubectl: str, chart: str) -> None:
    def replicas() -> str:
        return served.run(kubectl, "get", "deploy", "shop-web", "-o", "jsonpath={.spec.replicas}").stdout

    waited = ("--wait", "--timeout=60s")
    assert "STATUS: deployed" in served.run(helm, "install", "shop", chart, *waited).stdout
    assert replicas() == "1"
    served.run(helm, "upgrade", "shop", chart, *waited, "--set", "replicas=2")
    assert replicas() == "2"
    assert served.run(kubectl, "get", "pods", "-l", "app=web", "-o", "name").stdout.count("pod/shop-web-") == 2
    served.run(helm, "upgrade", "shop", chart, "--wait", "--timeout=5s", "--set", "image=busybox:none", fails=True)
    served.run(helm, "rollback", "shop", "2", *waited)
    history = json.loads(served.run(helm, "history", "shop", "-o", "json").stdout)
    assert [one["status"] for one in history] == ["superseded", "superseded", "failed", "deployed"]
    jobs = served.run(kubectl, "get", "jobs", "-o", "name").stdout.split()
    assert jobs == ["job.batch/shop-check", "job.batch/shop-migrate-2"]
    served.run(helm, "uninstall", "shop", *waited)
    assert "No resources found" in served.run(kubectl, "get", "deploy,svc", "-l", "app=web").stderr
