"""An image registry: what OCI distribution asks of one for pulling, and nothing else.

It runs in a container of its own and is copied there as it stands, so it needs nothing but Python. Its folder:

    blobs/<hex>                     by digest; manifests are blobs too
    tags/<host>/<repository>/<tag>  the digest of a manifest
    access.json                     {host: {prefix of repositories: [user:password, ...]}}
    cut-off/<host>/<account>        until when an account does not reach the host, seconds since 1970

Containerd names the host that it was asked for in `ns`, so one server plays all of them. Accounts `user.team` and
`user.team.member` have the rights of `user`: each namespace is a team, and a cut-off meets one team and not its
neighbours. Whoever is cut off is sent to a port at which nobody listens, so that what he reports is the real thing.
"""

from __future__ import annotations

import base64
import json
import os
import shutil
import sys
import time
from collections.abc import Sequence
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

PORT = 5000
DEAF_PORT = 5001  # nobody listens there
PROTECTED = 'Basic realm="registry"'


class Content:
    """What a registry has, and who may have it."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.access: dict[str, dict[str, list[str]]] = json.loads((folder / "access.json").read_text())

    def blob(self, digest: str) -> Path | None:
        kind, _, name = digest.partition(":")
        path = self.folder / "blobs" / name
        return path if kind == "sha256" and name.isalnum() and path.is_file() else None

    def tagged(self, host: str, repository: str, tag: str) -> str:
        """The digest behind a tag; "" if there is none."""
        path = self.folder / "tags" / host / repository / tag
        return path.read_text().strip() if ".." not in path.parts and path.is_file() else ""

    def has_repository(self, host: str, repository: str) -> bool:
        path = self.folder / "tags" / host / repository
        return ".." not in path.parts and path.is_dir()

    def admits(self, host: str, repository: str, account: str, password: str) -> bool:
        prefixes = [prefix for prefix in self.access.get(host, {}) if repository.startswith(prefix)]
        if not prefixes:
            return True
        return f"{account.partition('.')[0]}:{password}" in self.access[host][max(prefixes, key=len)]

    def cut_off(self, host: str, account: str, seconds: float) -> None:
        folder = self.folder / "cut-off" / host
        folder.mkdir(parents=True, exist_ok=True)
        fresh = folder / f".{os.getpid()}"
        fresh.write_text(str(time.time() + seconds))
        fresh.replace(folder / account)

    def reaches(self, host: str, account: str) -> bool:
        team = ".".join(account.split(".")[:2])
        try:
            until = float((self.folder / "cut-off" / host / team).read_text())
        except OSError:
            return True
        return time.time() >= until


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: Registry

    def do_GET(self) -> None:
        url = urlsplit(self.path)
        parts = url.path.strip("/").split("/")
        host = parse_qs(url.query).get("ns", [""])[0]
        if url.path in ("/v2", "/v2/"):
            self._say(200, b"{}")
        elif len(parts) < 4 or parts[0] != "v2" or parts[-2] not in ("manifests", "blobs"):
            self._refuse(404, "UNSUPPORTED", "the operation is unsupported")
        else:
            self._pull(host, "/".join(parts[1:-2]), parts[-2], parts[-1])

    do_HEAD = do_GET  # noqa: N815

    def _pull(self, host: str, repository: str, kind: str, name: str) -> None:
        content = self.server.content
        account, password = self._account()
        if account and not content.reaches(host, account):
            here = (self.headers.get("Host") or "127.0.0.1").partition(":")[0]
            self._say(307, b"", {"Location": f"http://{here}:{DEAF_PORT}{self.path}"})
        elif not content.admits(host, repository, account, password):
            self._refuse(401, "UNAUTHORIZED", "authentication required", {"WWW-Authenticate": PROTECTED})
        elif not content.has_repository(host, repository):
            self._refuse(404, "NAME_UNKNOWN", "repository name not known to registry", detail={"name": repository})
        elif kind == "manifests":
            digest = name if ":" in name else content.tagged(host, repository, name)
            self._send(digest, "MANIFEST_UNKNOWN", "manifest unknown", {"Tag": name})
        else:
            self._send(name, "BLOB_UNKNOWN", "blob unknown to registry", {"digest": name})

    def _account(self) -> tuple[str, str]:
        scheme, _, given = (self.headers.get("Authorization") or "").partition(" ")
        if scheme.lower() != "basic":
            return "", ""
        try:
            account, _, password = base64.b64decode(given).decode().partition(":")
        except ValueError:
            return "", ""
        return (account, password) if "/" not in account else ("", "")

    def _send(self, digest: str, code: str, message: str, detail: dict[str, str]) -> None:
        path = self.server.content.blob(digest)
        if path is None:
            self._refuse(404, code, message, detail=detail)
            return
        size = path.stat().st_size
        kind = "application/octet-stream"
        if code == "MANIFEST_UNKNOWN":
            kind = json.loads(path.read_bytes())["mediaType"]
        self._head(200, size, {"Content-Type": kind, "Docker-Content-Digest": digest})
        if self.command != "HEAD":
            with path.open("rb") as source:
                shutil.copyfileobj(source, self.wfile, 1 << 20)

    def _refuse(
        self, status: int, code: str, message: str, headers: dict[str, str] | None = None, detail: Any = None
    ) -> None:
        body = {"errors": [{"code": code, "message": message, "detail": detail}]}
        self._say(status, json.dumps(body).encode(), headers or {})

    def _say(self, status: int, body: bytes, headers: dict[str, str] | None = None) -> None:
        self._head(status, len(body), {"Content-Type": "application/json", **(headers or {})})
        if self.command != "HEAD":
            self.wfile.write(body)

    def _head(self, status: int, size: int, headers: dict[str, str]) -> None:
        self.send_response(status)
        for name, value in {**headers, "Content-Length": str(size)}.items():
            self.send_header(name, value)
        self.send_header("Docker-Distribution-Api-Version", "registry/2.0")
        self.end_headers()

    def version_string(self) -> str:
        return "registry"


class Registry(ThreadingHTTPServer):
    daemon_threads = True

    def __init__(self, folder: Path, address: str = "", port: int = PORT) -> None:
        super().__init__((address, port), Handler)
        self.content = Content(folder)


def main(args: Sequence[str]) -> int:
    """Serve; or `HOST ACCOUNT SECONDS`: cut an account off."""
    here = Path(__file__).parent
    if args:
        host, account, seconds = args
        Content(here).cut_off(host, account, float(seconds))
        return 0
    Registry(here).serve_forever()
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
