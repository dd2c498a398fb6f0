"""Values that a field's type does not have are refused as a real server refuses them, in its words."""

from __future__ import annotations

import pytest

from .conftest import STRATEGIC, Api
from .enumerated import EPHEMERAL, Kind, Line, Obj, merged, read

KINDS, LINES = read()
STATEFUL = "apps/v1 StatefulSet"


@pytest.fixture(scope="module")
def api() -> Api:
    """One for all: everything is a dry run, but for the pod that gets ephemeral containers."""
    api = Api()
    api.post(KINDS[EPHEMERAL].url, KINDS[EPHEMERAL].body)
    return api


def answer(api: Api, kind: Kind, patch: Obj, value: str) -> object:
    method, url, body = kind.request(patch, value)
    headers = {"content_type": STRATEGIC} if method == "PATCH" else {}
    found = api.send(method, url, body, **headers)
    return kind.answer(found.status, found.json())


@pytest.mark.parametrize("line", LINES, ids=str)
def test_values(api: Api, line: Line) -> None:
    for name in line.kinds:
        kind = KINDS[name]
        for value in line.accepted:
            status = 200 if name == EPHEMERAL else 201
            assert answer(api, kind, line.patch, value) == [status], (name, value)
        for value, refused in line.refused.items():
            assert answer(api, kind, line.patch, value) == refused, (name, value)


def test_the_status_of_a_claim_in_a_template_is_not_looked_at(api: Api) -> None:
    claim = KINDS["v1 PersistentVolumeClaim"].body
    template = {**claim, "metadata": {"name": "data"}, "status": {"phase": "x", "accessModes": ["x"]}}
    kind = KINDS[STATEFUL]
    api.post(f"{kind.url}?dryRun=All", merged(kind.body, {"spec": {"volumeClaimTemplates": [template]}}))
    refused = {"spec": {"volumeClaimTemplates": [merged(template, {"spec": {"volumeMode": "x"}})]}}
    api.expect(422, "POST", f"{kind.url}?dryRun=All", merged(kind.body, refused))
