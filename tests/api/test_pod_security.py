from __future__ import annotations

from typing import Any

from healgate.embedded.api.podsecurity import violations

from .conftest import Api, pod

HARDENED = {"metadata": {"name": "hard", "labels": {"pod-security.kubernetes.io/enforce": "restricted"}}}
URL = "/api/v1/namespaces/hard/pods"


def test_a_hardened_namespace_refuses_in_the_servers_words(api: Api) -> None:
    api.post("/api/v1/namespaces", HARDENED)
    refused = api.expect(403, "POST", URL, pod())
    assert refused["message"] == (
        'pods "web" is forbidden: violates PodSecurity "restricted:latest": '
        'allowPrivilegeEscalation != false (container "main" must set securityContext.allowPrivilegeEscalation=false), '
        'unrestricted capabilities (container "main" must set securityContext.capabilities.drop=["ALL"]), '
        'runAsNonRoot != true (pod or container "main" must set securityContext.runAsNonRoot=true), '
        'seccompProfile (pod or container "main" must set securityContext.seccompProfile.type to "RuntimeDefault" or '
        '"Localhost")'
    )


def test_it_admits_what_is_careful(api: Api) -> None:
    api.post("/api/v1/namespaces", HARDENED)
    careful = pod()
    careful["spec"]["securityContext"] = {"runAsNonRoot": True, "seccompProfile": {"type": "RuntimeDefault"}}
    own = {"allowPrivilegeEscalation": False, "capabilities": {"drop": ["ALL"]}}
    careful["spec"]["containers"][0]["securityContext"] = own
    api.post(URL, careful)
    assert [stored["metadata"]["name"] for stored in api.get(URL)["items"]] == [careful["metadata"]["name"]]


def test_the_baseline_minds_what_reaches_the_node() -> None:
    main: dict[str, Any] = {"name": "main", "ports": [{"hostPort": 80}]}
    main["securityContext"] = {"privileged": True, "capabilities": {"add": ["SYS_ADMIN"]}}
    spec = {"hostPID": True, "containers": [main], "volumes": [{"name": "root", "hostPath": {"path": "/"}}]}
    assert violations(spec, "baseline") == [
        (
            "non-default capabilities",
            'container "main" must not include "SYS_ADMIN" in securityContext.capabilities.add',
        ),
        ("host namespaces", "hostPID=true"),
        ("hostPath volumes", 'volume "root"'),
        ("hostPort", 'container "main" uses hostPort 80'),
        ("privileged", 'container "main" must not set securityContext.privileged=true'),
    ]
    assert violations({"containers": [{"name": "main"}]}, "baseline") == []
