"""The workloads' images as files: what is in them, and what must not be."""

from __future__ import annotations

import hashlib
import io
import json
import re
import subprocess
import sys
import tarfile
from pathlib import Path
from typing import Any

import pytest

from healgate.images.base import read_base
from healgate.images.store import Store, access, hosts, profiled
from healgate.problems import HarnessError
from healgate.scenario.catalogue import default_roots
from healgate.scenario.workloads import shipped

from .some_base import digest, saved_image, tar

IMAGES = shipped() / "images"
BACKEND = "registry.shop.example/shop/backend"


def made(place: Path, *, packed: bool = False, kafka: bool = False) -> Store:
    store = Store(place / "registry")
    saved_image(place / "base.tar", packed=packed)
    base = read_base(place / "base.tar", store.blobs)
    store.fill(IMAGES, base, base if kafka else None)
    return store


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> Store:
    return made(tmp_path_factory.mktemp("store"))


def manifest_of(store: Store, image: str) -> dict[str, Any]:
    name, _, tag = image.rpartition(":")
    return json.loads(blob(store, (store.folder / "tags" / name / tag).read_text()))  # type: ignore[no-any-return]


def blob(store: Store, name: str) -> bytes:
    content = (store.blobs / name.removeprefix("sha256:")).read_bytes()
    assert digest(content) == name
    return content


def files_of(store: Store, image: str, seen: set[str] | None = None) -> dict[str, bytes]:
    """What the image has beyond its base, and beyond the layers that were seen before."""
    files: dict[str, bytes] = {}
    for layer in manifest_of(store, image)["layers"][2:]:
        if seen is not None:
            if layer["digest"] in seen:
                continue
            seen.add(layer["digest"])
        with tarfile.open(fileobj=io.BytesIO(blob(store, layer["digest"]))) as archive:
            for entry in archive:
                content = archive.extractfile(entry)
                assert content is not None, f"{entry.name} is no file"
                files[entry.name] = content.read()
    return files


def tags(store: Store) -> list[str]:
    root = store.folder / "tags"
    return [
        f"{file.parent.relative_to(root).as_posix()}:{file.name}"
        for file in sorted(root.glob("**/*"))
        if file.is_file()
    ]


def test_every_profile_is_an_image(store: Store) -> None:
    assert {str(image.reference) for image in profiled(IMAGES)} <= set(tags(store))


def test_every_image_that_a_manifest_or_scenario_names_and_that_should_exist_does(store: Store) -> None:
    named = set()
    scenarios = [file for root in default_roots() for file in root.glob("*/*.yaml")]
    for file in [*shipped().glob("*/*.yaml"), *scenarios]:
        named |= set(re.findall(r"image: \"?([a-z][\w./-]+:[\w.]+)", file.read_text()))
    assert len(named) > 10
    there = {name.removeprefix("docker.io/library/") for name in tags(store)}
    assert sorted(named - there) == []


def test_each_tag_has_an_image_id_of_its_own(store: Store) -> None:
    ids = [manifest_of(store, tag)["config"]["digest"] for tag in tags(store)]
    assert len(set(ids)) == len(ids)


def test_a_manifest_adds_up(store: Store) -> None:
    manifest = manifest_of(store, f"{BACKEND}:2.4.1")
    config = json.loads(blob(store, manifest["config"]["digest"]))
    assert [layer["size"] for layer in manifest["layers"]] == [
        len(blob(store, layer["digest"])) for layer in manifest["layers"]
    ]
    assert config["rootfs"]["diff_ids"] == [layer["digest"] for layer in manifest["layers"]]
    assert config["config"]["Entrypoint"] == ["/usr/local/bin/backend"]
    assert config["config"]["Env"] == ["PATH=/usr/bin:/bin"]
    assert "Cmd" not in config["config"]


def test_the_same_bytes_every_time(tmp_path: Path) -> None:
    (tmp_path / "a").mkdir()
    (tmp_path / "b").mkdir()
    first, second = made(tmp_path / "a"), made(tmp_path / "b")
    assert sorted(path.name for path in first.blobs.iterdir()) == sorted(path.name for path in second.blobs.iterdir())


def test_compressed_layers_keep_both_their_names(tmp_path: Path) -> None:
    store = made(tmp_path, packed=True)
    manifest = manifest_of(store, f"{BACKEND}:2.4.1")
    config = json.loads(blob(store, manifest["config"]["digest"]))
    packed = manifest["layers"][1]
    assert packed["mediaType"].endswith("tar+gzip")
    assert packed["digest"] != config["rootfs"]["diff_ids"][1]


def test_files_go_where_the_links_of_the_base_lead_and_no_folder_is_named(store: Store) -> None:
    files = files_of(store, "registry.shop.example/shop/exporter:0.9.2")
    assert "usr/bin/exporter" in files
    assert not [name for name in files if name.startswith("bin/")]


def test_tools_are_there_beside_the_program(store: Store) -> None:
    files = files_of(store, "registry.shop.example/base/kafka:3.7.1")
    assert {"opt/bitnami/scripts/kafka/entrypoint.sh", "opt/bitnami/kafka/bin/kafka-topics.sh"} <= set(files)


TELLING = re.compile(rb"healgate|\bactor|simulat|scenario|healer|\btrial|embedded|\bfault\b", re.IGNORECASE)


def test_nothing_in_an_image_says_what_it_is_for(tmp_path: Path) -> None:
    store = made(tmp_path, kafka=True)
    (tmp_path / "played").mkdir()
    for place in (store, made(tmp_path / "played")):
        seen: set[str] = set()
        for tag in tags(place):
            files = {"config": blob(place, manifest_of(place, tag)["config"]["digest"]), **files_of(place, tag, seen)}
            for name, content in files.items():
                found = TELLING.search(content) or TELLING.search(name.encode())
                assert found is None, f"{tag} {name}: {found}"
        assert len(seen) > 40


@pytest.mark.parametrize("left_out", [".pyc", ".py"])
def test_a_program_runs_from_its_files_alone(store: Store, tmp_path: Path, left_out: str) -> None:
    """From its sources where another Python runs, and from what was compiled without a look at them."""
    for name, content in files_of(store, "registry.shop.example/shop/exporter:0.10.0").items():
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        if "/program/" in name and path.suffix == left_out:
            content = b"raise SystemExit('not this one')" if left_out == ".py" else b""
        if path.suffix != ".pyc":
            content = content.replace(b"/usr/lib/service", str(tmp_path / "usr/lib/service").encode())
        if content:
            path.write_bytes(content)
    ended = subprocess.run(
        ["sh", str(tmp_path / "usr/bin/exporter")],
        env={"SCRAPE_ADDRESS": "x:1", "PATH": f"{Path(sys.executable).parent}:/usr/bin:/bin"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert (ended.returncode, ended.stderr) == (1, 'error: unknown collector "wal_stats"\n')


def test_a_broker_is_built_on_the_real_one(tmp_path: Path) -> None:
    store = made(tmp_path, kafka=True)
    for tag in ("3.7.1", "4.1.0"):
        files = files_of(store, f"registry.shop.example/base/kafka:{tag}")
        assert b"org.apache.kafka.tools.TopicCommand" in files["opt/bitnami/kafka/bin/kafka-topics.sh"]
        assert b"HEAP_SIZE_MB" in files["opt/bitnami/scripts/kafka/entrypoint.sh"]
    assert "usr/lib/service/kafka/wire.py" not in files_of(store, "registry.shop.example/ingest/consumer:3.2.0")


def test_who_may_pull_is_what_the_manifests_say() -> None:
    assert access(IMAGES) == {"registry.shop.example": {"shop/": ["puller:Wj4uT8-pull"]}}
    assert hosts(IMAGES) == ("docker.io", "registry.access.redhat.com", "registry.shop.example")


def test_something_else_than_a_saved_image(tmp_path: Path) -> None:
    (tmp_path / "other.tar").write_bytes(tar(("index.html", b"")))
    with pytest.raises(HarnessError, match="expected what `docker save` writes"):
        read_base(tmp_path / "other.tar", tmp_path)


def test_blobs_are_named_by_their_content(store: Store) -> None:
    blobs = list(store.blobs.iterdir())
    assert blobs
    for path in blobs:
        assert hashlib.sha256(path.read_bytes()).hexdigest() == path.name


def test_a_brokers_log_is_configured_by_files_that_are_there(tmp_path: Path) -> None:
    files = files_of(made(tmp_path, kafka=True), "registry.shop.example/base/kafka:3.7.1")
    tool = files["opt/bitnami/kafka/bin/kafka-topics.sh"].decode()
    (named,) = re.findall(r"configurationFile=/(\S+)", tool)
    assert b'level="WARN"' in files[named]
    assert b"log4j2-broker.xml" in files["usr/lib/service/kafka/__main__.py"]
    assert b'level="INFO"' in files["usr/lib/service/log4j2-broker.xml"]


def test_an_image_for_another_processor_is_one_that_no_node_of_ours_can_start(tmp_path: Path) -> None:
    folder = tmp_path / "images" / "registry.shop.example" / "shop" / "app"
    folder.mkdir(parents=True)
    (tmp_path / "images" / "registries.yaml").write_text("{}")
    profile = "entrypoint: [/usr/bin/app]\narchitecture: arm64\nprogram: {name: app}\n"
    (folder / "1.yaml").write_text(profile)
    (folder / "2.yaml").write_text(profile + "index: true\n")
    store = Store(tmp_path / "registry")
    saved_image(tmp_path / "base.tar", packed=False)
    store.fill(tmp_path / "images", read_base(tmp_path / "base.tar", store.blobs), None)
    single, listed = (manifest_of(store, f"registry.shop.example/shop/app:{tag}") for tag in "12")
    assert json.loads(blob(store, single["config"]["digest"]))["architecture"] == "arm64"
    assert files_of(store, "registry.shop.example/shop/app:1")["usr/bin/app"].startswith(b"\x7fELF")
    assert [one["platform"]["architecture"] for one in listed["manifests"]] == ["arm64"]
    assert listed["manifests"][0]["digest"].startswith("sha256:")
