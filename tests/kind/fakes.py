"""Stand-ins for docker, kind and kubectl on PATH, so that what goes wrong with them can be had at will.

Each is a shell script that says what the real program says. The trap is a test that finds the real ones: PATH holds
nothing else but the shell's own tools.
"""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path

ENGINE_IS_UP = 'case "$1" in version) echo 28.0.0 ;; *) exit 0 ;; esac'
ENGINE_IS_DOWN = (
    'echo "Cannot connect to the Docker daemon at unix:///var/run/docker.sock. Is the docker daemon running?" >&2\n'
    "exit 1"
)
KUBECONFIG = """\
apiVersion: v1
kind: Config
current-context: mine
clusters: [{name: mine, cluster: {server: "URL"}}]
users: [{name: mine, user: {token: t}}]
contexts: [{name: mine, context: {cluster: mine, user: mine}}]
"""
TOOLS = ("sh", "bash", "cat", "env", "sleep", "uname", "head", "timeout")


@dataclass
class Programs:
    """What is on PATH."""

    folder: Path
    cache: Path

    def have(self, name: str, script: str) -> None:
        path = self.folder / name
        path.write_text(f"#!/bin/sh\n{script}\n")
        path.chmod(0o755)

    def creating_says(self, text: str) -> None:
        """`kind create` fails with this."""
        self.have("kind", f'[ "$1" = create ] && {{ cat >&2 <<"END"\n{text}\nEND\nexit 1; }}\nexit 0')

    def there_is_a_cluster(self, url: str) -> None:
        """`mine`, whose API server is said to be there."""
        (self.folder / "kubeconfig").write_text(KUBECONFIG.replace("URL", url))
        self.have(
            "kind",
            'case "$1 $2" in\n'
            '"get clusters") echo mine ;;\n'
            '"get nodes") echo mine-control-plane ;;\n'
            f'"get kubeconfig") cat {self.folder}/kubeconfig ;;\n'
            "esac",
        )

    def environment(self) -> dict[str, str]:
        kept = {
            name: value
            for name, value in os.environ.items()
            if not name.startswith(("PYTEST_", "HEALGATE_", "DOCKER_", "KIND_"))
        }
        # Whatever would be fetched is not: nothing leaves the machine in a test.
        nowhere = dict.fromkeys(("HTTP_PROXY", "HTTPS_PROXY", "http_proxy", "https_proxy"), "http://127.0.0.1:9")
        return {**kept, **nowhere, "PATH": str(self.folder), "XDG_CACHE_HOME": str(self.cache), "COLUMNS": "200"}
