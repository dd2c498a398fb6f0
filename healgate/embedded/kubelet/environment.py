"""The environment of a container, assembled as a kubelet does it, with the texts of what is missing.

Secrets and ConfigMaps are read here, at container start, and never again: changing one restarts nothing. The
trap is precedence: services come last and only fill gaps, `env` wins over `envFrom`, and `$(VAR)` sees only what
stands before it.
"""

from __future__ import annotations

import re
from collections import ChainMap
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from .fields import FieldError, field_value
from .images import StartFailed
from .volumes import contents

if TYPE_CHECKING:
    from ..store import Store

Obj = dict[str, Any]

_REFERENCE = re.compile(r"\$(\$|\([^()]*\)|\()")


def expand(text: str, values: Mapping[str, str]) -> str:
    """Kubernetes' own `$(NAME)`: `$$` is a dollar, an unknown name stays as it is."""
    if "$" not in text:
        return text

    def one(match: re.Match[str]) -> str:
        inner = match[1]
        if inner == "$":
            return "$"
        name = inner[1:-1] if inner.endswith(")") else ""
        return values[name] if name in values else match[0]

    return _REFERENCE.sub(one, text)


def _config_error(message: str) -> StartFailed:
    return StartFailed("CreateContainerConfigError", message)


class EnvironmentMaker:
    """Reads what environment variables refer to."""

    def __init__(self, store: Store) -> None:
        self._store = store
        # By uid: a service, and the variables that were made of it. Every start of a container asks for all of them.
        self._made: dict[str, tuple[Obj, dict[str, str]]] = {}

    def make(self, pod: Obj, container: Obj, ip: str) -> dict[str, str]:
        """Name -> value, in order; StartFailed if a reference leads nowhere."""
        namespace = pod["metadata"]["namespace"]
        links = pod["spec"].get("enableServiceLinks", True)
        services = self.services(namespace, bool(links))
        env: dict[str, str] = {}
        for source in container.get("envFrom") or ():
            env.update(self._all_of(namespace, source))
        for variable in container.get("env") or ():
            if variable.get("valueFrom"):
                value = self._value_from(pod, container, variable["valueFrom"], ip)
                if value is None:
                    continue
            else:
                value = expand(str(variable.get("value") or ""), ChainMap(env, services))
            env[variable["name"]] = value
        return {**env, **services, **env}  # its own first, and they win

    def services(self, namespace: str, links: bool) -> dict[str, str]:
        """The variables that every container gets about services; the API server's always."""
        found: dict[str, str] = {}
        own = self._store.list("services", namespace) if links else []
        api = self._store.get("services", "default", "kubernetes")
        for service in [*([api] if api is not None and namespace != "default" else []), *own]:
            found.update(self._variables(service))
        if api is not None and not links:
            found.update(self._variables(api))
        return found

    def _variables(self, service: Obj) -> dict[str, str]:
        uid = service["metadata"]["uid"]
        known = self._made.get(uid)
        if known is None or known[0] is not service:
            known = self._made[uid] = service, _service_variables(service)
        return known[1]

    def _all_of(self, namespace: str, source: Obj) -> dict[str, str]:
        prefix = source.get("prefix") or ""
        for key, resource, kind in (
            ("secretRef", "secrets", "secret"),
            ("configMapRef", "configmaps", "configmap"),
        ):
            reference = source.get(key)
            if not reference:
                continue
            found = self._store.get(resource, namespace, reference.get("name", ""))
            if found is None:
                if reference.get("optional"):
                    return {}
                raise _config_error(f'{kind} "{reference.get("name", "")}" not found')
            data = contents(resource, found)
            return {prefix + name: data[name].decode(errors="replace") for name in sorted(data)}
        return {}

    def _value_from(self, pod: Obj, container: Obj, source: Obj, ip: str) -> str | None:
        """None if the reference is optional and leads nowhere."""
        if "fieldRef" in source or "resourceFieldRef" in source:
            try:
                return field_value(self._store, pod, source, container, ip)
            except FieldError as error:
                raise _config_error(str(error)) from None
        if "secretKeyRef" in source:
            return self._key(pod, "secrets", "secret", "Secret", source["secretKeyRef"])
        if "configMapKeyRef" in source:
            return self._key(pod, "configmaps", "configmap", "ConfigMap", source["configMapKeyRef"])
        raise _config_error("invalid valueFrom")

    def _key(self, pod: Obj, resource: str, word: str, kind: str, reference: Obj) -> str | None:
        namespace, name, key = pod["metadata"]["namespace"], reference.get("name", ""), reference["key"]
        found = self._store.get(resource, namespace, name)
        if found is None:
            if reference.get("optional"):
                return None
            raise _config_error(f'{word} "{name}" not found')
        data = contents(resource, found)
        if key not in data:
            if reference.get("optional"):
                return None
            raise _config_error(f"couldn't find key {key} in {kind} {namespace}/{name}")
        return data[key].decode(errors="replace")


def _service_variables(service: Obj) -> dict[str, str]:
    """As docker links were, which is what images still expect."""
    spec = service.get("spec") or {}
    address = spec.get("clusterIP")
    ports = spec.get("ports") or ()
    if not address or address == "None" or not ports:
        return {}
    name = service["metadata"]["name"].upper().replace("-", "_")
    first = ports[0]["port"]
    found = {f"{name}_SERVICE_HOST": address, f"{name}_SERVICE_PORT": str(first)}
    for port in ports:
        if port.get("name"):
            found[f"{name}_SERVICE_PORT_{port['name'].upper().replace('-', '_')}"] = str(port["port"])
    found[f"{name}_PORT"] = f"{(ports[0].get('protocol') or 'TCP').lower()}://{address}:{first}"
    for port in ports:
        protocol = port.get("protocol") or "TCP"
        prefix = f"{name}_PORT_{port['port']}_{protocol}"
        found[prefix] = f"{protocol.lower()}://{address}:{port['port']}"
        found[f"{prefix}_PROTO"] = protocol.lower()
        found[f"{prefix}_PORT"] = str(port["port"])
        found[f"{prefix}_ADDR"] = address
    return found
