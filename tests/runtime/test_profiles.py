"""Profiles are read strictly, and every one that ships can be read."""

from __future__ import annotations

from typing import Any

import pytest

from healgate.actor.profile import read_profile
from healgate.actor.sections import ProfileError
from healgate.embedded.runtime.shelf import ImageShelf, resolved

from .bench import MANIFESTS, workload

BACKEND = MANIFESTS / "images" / "registry.shop.example" / "shop" / "backend"


def test_all_shipped_images() -> None:
    images = {image.reference: image for image in ImageShelf(MANIFESTS / "images").all()}
    assert len(images) > 40
    assert all(image.size > 1_000_000 for image in images.values())
    assert len({image.digest for image in images.values()}) == len(images)


@pytest.mark.parametrize("name", ["shop", "topics", "agent", "crashy"])
def test_manifests_use_images_that_exist(name: str) -> None:
    shelf = ImageShelf(MANIFESTS / "images")
    known = {image.reference for image in shelf.all()}
    used = {
        container["image"] for each in workload(name) for pod in [_pod(each)] for container in pod.get("containers", [])
    }
    assert used - known <= {"registry.access.redhat.com/ubi9/python-311:latest"}


def _pod(each: dict[str, Any]) -> dict[str, Any]:
    spec = each.get("spec", {})
    spec = spec.get("jobTemplate", {}).get("spec", spec)
    found: dict[str, Any] = spec.get("template", {}).get("spec", {})
    return found


def test_what_extends_is_laid_over_and_null_takes_away() -> None:
    moved = resolved(BACKEND / "2.6.0.yaml")
    assert moved["program"]["version"] == "2.6.0"
    assert "/healthz" not in moved["program"]["http"]["paths"]
    assert moved["program"]["http"]["paths"]["/livez"]
    assert moved["entrypoint"] == ["/usr/local/bin/backend"]


@pytest.mark.parametrize(
    ("change", "text"),
    [
        ({"memori": {}}, "x.yaml: program: unknown key memori (known: backup, broker,"),
        ({"memory": {"base": "many"}}, "x.yaml: program.memory.base: expected a size like 48Mi, found 'many'"),
        ({"memory": {"per": {"CACHE": "1Mi"}}}, "program.memory.per.CACHE: expected a setting that is a number"),
        ({"term": {"seconds": "soon"}}, "program.term.seconds: expected a duration like 10s, found 'soon'"),
        ({"ends": {"after": "1s"}}, "program.ends: the key code is missing"),
        ({"http": {"port": 8080, "paths": {"/": {"asks": {"need": "db", "path": "/"}}}}}, "a need of this profile"),
        ({"log": "xml"}, "program.log: expected one of plain, kafka, postgres, klog, found 'xml'"),
        ({"needs": {"db": {"address": "DB"}}}, "program.needs.db.address: expected a setting of this profile"),
        ({"version": 1.2}, "program.version: expected a text (numbers in quotes), found 1.2"),
        ({"settings": {"N": {"number": True}}}, "program.settings.N.default: expected a whole number in quotes"),
    ],
)
def test_errors_name_file_and_key(change: dict[str, Any], text: str) -> None:
    with pytest.raises(ProfileError) as error:
        read_profile({"name": "x", "version": "1", **change}, "x.yaml")
    assert text in str(error.value)


def test_a_missing_base(tmp_path: Any) -> None:
    (tmp_path / "2.yaml").write_text("extends: '1'\n")
    with pytest.raises(ProfileError, match="there is no tag 1 of this image"):
        resolved(tmp_path / "2.yaml")


def test_nothing_in_the_manifests_gives_it_away() -> None:
    telling = ("healgate", "scenario", "chaos", "fault", "inject", "profile", "simulat")
    files = list(MANIFESTS.glob("*/*.yaml"))
    assert files
    for file in files:
        text = file.read_text().lower()
        assert not [word for word in telling if word in text], file
