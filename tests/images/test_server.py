"""The registry, asked over loopback as containerd asks it."""

from __future__ import annotations

import base64
import http.client
import json
import shutil
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from healgate.images.base import read_base
from healgate.images.server import DEAF_PORT, Content, Handler, Registry, main
from healgate.images.store import Store
from healgate.scenario.workloads import shipped

from .some_base import digest, saved_image

HOST = "registry.shop.example"
INDEX = "application/vnd.oci.image.manifest.v1+json"


class Asked:
    """An answer, read."""

    def __init__(self, response: http.client.HTTPResponse) -> None:
        self.status = response.status
        self.headers = response.headers
        self.body = response.read()

    @property
    def error(self) -> dict[str, object]:
        (error,) = json.loads(self.body)["errors"]
        return dict(error)


class Client:
    def __init__(self, registry: Registry) -> None:
        self.registry = registry
        self.port = registry.server_address[1]

    def __call__(self, path: str, *, as_: str = "", method: str = "GET", host: str = HOST) -> Asked:
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=10)
        headers = {"Authorization": "Basic " + base64.b64encode(as_.encode()).decode()} if as_ else {}
        try:
            connection.request(method, f"/v2/{path}?ns={host}", headers=headers)
            return Asked(connection.getresponse())
        finally:
            connection.close()


@pytest.fixture(scope="module")
def content(tmp_path_factory: pytest.TempPathFactory) -> Path:
    place = tmp_path_factory.mktemp("content")
    store = Store(place / "registry")
    saved_image(place / "base.tar")
    store.fill(shipped() / "images", read_base(place / "base.tar", store.blobs), None)
    return store.folder


@pytest.fixture
def ask(content: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Client]:
    monkeypatch.setattr(Handler, "log_message", lambda *_: None)
    folder = tmp_path / "registry"
    shutil.copytree(content, folder)
    registry = Registry(folder, "127.0.0.1", 0)
    serving = threading.Thread(target=registry.serve_forever, args=(0.01,))
    serving.start()
    yield Client(registry)
    registry.shutdown()
    registry.server_close()
    serving.join()


def test_a_public_image_is_pulled_layer_by_layer(ask: Client) -> None:
    head = ask("base/postgres/manifests/16.3", method="HEAD")
    assert (head.status, head.headers["Content-Type"], head.body) == (200, INDEX, b"")
    manifest = ask(f"base/postgres/manifests/{head.headers['Docker-Content-Digest']}")
    assert digest(manifest.body) == head.headers["Docker-Content-Digest"]
    content = json.loads(manifest.body)
    for part in (content["config"], *content["layers"]):
        got = ask(f"base/postgres/blobs/{part['digest']}")
        assert (got.status, digest(got.body)) == (200, part["digest"])


def test_a_tag_that_does_not_exist(ask: Client) -> None:
    answer = ask("base/postgres/manifests/9.9.9")
    assert (answer.status, answer.error["code"]) == (404, "MANIFEST_UNKNOWN")
    assert answer.error["detail"] == {"Tag": "9.9.9"}


@pytest.mark.parametrize(
    ("path", "code"),
    [
        ("base/nobody/manifests/1.0", "NAME_UNKNOWN"),
        ("base/postgres/blobs/sha256:" + "0" * 64, "BLOB_UNKNOWN"),
        ("base/postgres/blobs/sha256:..%2faccess", "BLOB_UNKNOWN"),
        ("../../../manifests/access.json", "NAME_UNKNOWN"),
        ("base/postgres/manifests/..", "MANIFEST_UNKNOWN"),
        ("base/postgres/tags/list", "UNSUPPORTED"),
    ],
)
def test_what_is_not_there(ask: Client, path: str, code: str) -> None:
    answer = ask(path)
    assert (answer.status, answer.error["code"]) == (404, code)


def test_the_same_repository_of_another_registry(ask: Client) -> None:
    assert ask("base/postgres/manifests/16.3", host="quay.io").status == 404
    assert ask("library/busybox/manifests/1.36", host="docker.io").status == 200


@pytest.mark.parametrize("account", ["", "puller:wrong", "other:Wj4uT8-pull", "puller.shop-1:wrong"])
def test_a_private_image_wants_credentials(ask: Client, account: str) -> None:
    for tag in ("2.4.1", "9.9.9"):  # who may not pull is not told what there is
        answer = ask(f"shop/backend/manifests/{tag}", as_=account)
        assert (answer.status, answer.error["code"]) == (401, "UNAUTHORIZED")
        assert answer.headers["WWW-Authenticate"].startswith("Basic ")


@pytest.mark.parametrize(
    "account", ["puller:Wj4uT8-pull", "puller.shop-1:Wj4uT8-pull", "puller.shop-1.5be1:Wj4uT8-pull"]
)
def test_the_right_credentials_of_a_user_or_of_one_of_its_teams(ask: Client, account: str) -> None:
    assert ask("shop/backend/manifests/2.4.1", as_=account).status == 200
    assert ask("shop/backend/manifests/9.9.9", as_=account).status == 404


def test_who_is_cut_off_is_sent_where_nobody_listens_and_nobody_else_is(ask: Client) -> None:
    path = "shop/backend/manifests/2.4.2"
    ask.registry.content.cut_off(HOST, "puller.shop-1", 3600)
    away = ask(path, as_="puller.shop-1.5be1:Wj4uT8-pull", method="HEAD")
    assert away.status == 307
    assert away.headers["Location"] == f"http://127.0.0.1:{DEAF_PORT}/v2/{path}?ns={HOST}"
    assert ask(path, as_="puller.shop-1:Wj4uT8-pull", method="HEAD").status == 307
    assert ask(path, as_="puller.shop-2.5be1:Wj4uT8-pull").status == 200
    assert ask("library/busybox/manifests/1.36", host="docker.io", as_="puller.shop-1:x").status == 200


def test_a_cut_off_is_over_by_itself(ask: Client) -> None:
    ask.registry.content.cut_off(HOST, "puller.shop-1", -0.001)
    assert ask("shop/backend/manifests/2.4.2", as_="puller.shop-1:Wj4uT8-pull").status == 200


def test_the_command_cuts_off(ask: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = ask.registry.content.folder
    monkeypatch.setattr("healgate.images.server.__file__", str(folder / "server.py"))
    assert main([HOST, "puller.shop-1", "60"]) == 0
    assert not Content(folder).reaches(HOST, "puller.shop-1")
    assert Content(folder).reaches(HOST, "puller.shop-2")
