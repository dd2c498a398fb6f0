"""A node with its runtime and nothing above it: containers are started by hand, Services are put into a store."""

from __future__ import annotations

import base64
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import yaml

from healgate.embedded.clock import Clock
from healgate.embedded.runtime.container import Container
from healgate.embedded.runtime.names import StoreNames
from healgate.embedded.runtime.runtime import SimulatedRuntime
from healgate.embedded.runtime.seam import ContainerRun, Process, Pulled
from healgate.embedded.runtime.shelf import ImageShelf
from healgate.embedded.store import Store

MANIFESTS = Path(__file__).parents[2] / "manifests"
MI = 1024**2
PULLER = b'{"auths":{"registry.shop.example":{"username":"puller","password":"Wj4uT8-pull"}}}'


class Bench:
    def __init__(self, seed: str = "0") -> None:
        self.clock = Clock(seed)
        self.store = Store(self.clock)
        shelf = ImageShelf(MANIFESTS / "images")
        self.registries = shelf.registries()
        self.runtime = SimulatedRuntime(self.clock, StoreNames(self.store), shelf, self.registries)
        self.ended: dict[str, float] = {}
        self._pods = 0

    @property
    def now(self) -> float:
        return self.clock.now() - self.clock.epoch

    def after(self, seconds: float) -> None:
        self.clock.run_for(seconds)

    def new_ip(self) -> str:
        self._pods += 1
        return f"10.244.0.{self._pods + 9}"

    def start(
        self,
        image: str = "busybox:1.36",
        *command: str,
        args: tuple[str, ...] = (),
        env: Mapping[str, str] | None = None,
        files: Mapping[str, str] | None = None,
        writable: tuple[str, ...] = (),
        volumes: Mapping[str, str] | None = None,
        read_only_root: bool = False,
        working_dir: str = "",
        limit: int | None = None,
        pod: str = "app",
        ip: str = "",
        user: int | None = None,
        group: int | None = None,
        groups: tuple[int, ...] = (),
        cpus: int = 0,
        on_exit: Callable[[Process], None] = lambda _: None,
    ) -> Container:
        pulled = self.runtime.present(image) or self.runtime.pull(image, (PULLER,))
        assert isinstance(pulled, Pulled), pulled
        run = ContainerRun(
            namespace="default",
            pod=pod,
            pod_uid=f"uid-{pod}",
            pod_ip=ip or self.new_ip(),
            pod_labels={},
            hostname=pod,
            service_account="default",
            container="main",
            attempt=0,
            image=image,
            command=command,
            args=args,
            env=env or {},
            files={path: text.encode() for path, text in (files or {}).items()},
            writable=writable,
            read_only_root=read_only_root,
            working_dir=working_dir,
            memory_limit=limit,
            volumes=volumes or {},
            user=user,
            group=group,
            groups=groups,
            cpus=cpus,
        )

        def ended(process: Process) -> None:
            self.ended[pod] = self.now
            on_exit(process)

        process = self.runtime.start(run, ended)
        assert isinstance(process, Container)
        return process

    def sh(self, script: str, **more: Any) -> Container:
        return self.start("busybox:1.36", "sh", "-c", script, **more)

    def service(self, name: str, port: int, target: int, *ips: str, cluster_ip: str = "10.96.0.20") -> None:
        meta = {"name": name, "namespace": "default"}
        self.store.put("services", {"metadata": meta, "spec": {"clusterIP": cluster_ip, "ports": [{"port": port}]}})
        self.store.put(
            "endpointslices.discovery.k8s.io",
            {
                "metadata": {**meta, "name": f"{name}-abc12", "labels": {"kubernetes.io/service-name": name}},
                "endpoints": [{"addresses": [ip], "conditions": {"ready": True}} for ip in ips],
                "ports": [{"port": target}],
            },
        )


def said(process: Process) -> str:
    return "".join(f"{line.text}\n" for line in process.log)


def workload(name: str) -> list[dict[str, Any]]:
    """All objects of a workload's folder, in order."""
    return [
        document
        for file in sorted((MANIFESTS / name).glob("*.yaml"))
        for document in yaml.safe_load_all(file.read_text())
        if document
    ]


class Deployed:
    """A workload's pods on a bench: one replica each, started as a kubelet would, Services leading to them."""

    def __init__(self, bench: Bench, name: str, edit: Callable[[dict[str, Any]], None] = lambda _: None) -> None:
        self.bench = bench
        self.objects = workload(name)
        for each in self.objects:
            edit(each)
        self.containers: dict[str, Container] = {}
        self.ips: dict[str, str] = {}
        for each in self._of("Deployment"):
            self.ips[each["metadata"]["name"]] = bench.new_ip()
        for number, each in enumerate(self._of("Service")):
            self._serve(each, f"10.96.1.{number + 1}")
        for each in (*self._of("Deployment"), *self._of("Job")):
            self.start(each)

    def _of(self, kind: str) -> list[dict[str, Any]]:
        return [each for each in self.objects if each["kind"] == kind]

    def _data(self, kind: str, name: str) -> dict[str, str]:
        found = next(each for each in self._of(kind) if each["metadata"]["name"] == name)
        plain = {**found.get("data", {}), **found.get("stringData", {})}
        if kind == "Secret" and "data" in found:
            plain.update({key: base64.b64decode(value).decode() for key, value in found["data"].items()})
        return plain

    def _serve(self, service: dict[str, Any], cluster_ip: str) -> None:
        name = service["metadata"]["name"]
        ports = {
            port["name"]: port["containerPort"]
            for each in self._of("Deployment")
            for container in each["spec"]["template"]["spec"]["containers"]
            for port in container.get("ports", [])
            if "name" in port
            and each["spec"]["template"]["metadata"]["labels"]["app"] == service["spec"]["selector"]["app"]
        }
        owner = next(
            each["metadata"]["name"]
            for each in self._of("Deployment")
            if each["spec"]["template"]["metadata"]["labels"]["app"] == service["spec"]["selector"]["app"]
        )
        port = service["spec"]["ports"][0]
        target = ports.get(port["targetPort"], port["targetPort"])
        self.bench.service(name, port["port"], target, self.ips[owner], cluster_ip=cluster_ip)

    def start(self, owner: dict[str, Any]) -> None:
        pod = owner["spec"]["template"]["spec"]
        name = owner["metadata"]["name"]
        ip = self.ips.get(name) or self.bench.new_ip()
        for container in pod["containers"]:
            limit = container["resources"]["limits"]["memory"]
            self.containers[f"{name}/{container['name']}"] = self.bench.start(
                container["image"],
                *container.get("command", []),
                args=tuple(container.get("args", [])),
                env=self._env(container),
                files=self._files(pod, container),
                writable=tuple(
                    mount["mountPath"]
                    for mount in container.get("volumeMounts", [])
                    if {"emptyDir", "persistentVolumeClaim"} & set(self._volume(pod, mount["name"]))
                ),
                read_only_root=container.get("securityContext", {}).get("readOnlyRootFilesystem", False),
                limit=int(limit.removesuffix("Mi")) * MI,
                pod=f"{name}/{container['name']}",
                ip=ip,
            )

    def _env(self, container: dict[str, Any]) -> dict[str, str]:
        env: dict[str, str] = {}
        for source in container.get("envFrom", []):
            env.update(self._data("ConfigMap", source["configMapRef"]["name"]))
        for entry in container.get("env", []):
            if "value" in entry:
                env[entry["name"]] = entry["value"]
                continue
            kind, reference = next(iter(entry["valueFrom"].items()))
            data = self._data("Secret" if kind == "secretKeyRef" else "ConfigMap", reference["name"])
            env[entry["name"]] = data[reference["key"]]
        return env

    @staticmethod
    def _volume(pod: dict[str, Any], name: str) -> dict[str, Any]:
        return next(volume for volume in pod["volumes"] if volume["name"] == name)

    def _files(self, pod: dict[str, Any], container: dict[str, Any]) -> dict[str, str]:
        files: dict[str, str] = {}
        for mount in container.get("volumeMounts", []):
            volume = self._volume(pod, mount["name"])
            if "configMap" in volume:
                data = self._data("ConfigMap", volume["configMap"]["name"])
            elif "secret" in volume:
                data = self._data("Secret", volume["secret"]["secretName"])
            else:
                continue
            files.update({f"{mount['mountPath']}/{key}": value for key, value in data.items()})
        return files

    def get(self, service: str, path: str, port: int, method: str = "GET") -> tuple[int, str]:
        found = self.bench.store.get("services", "default", service)
        assert found is not None
        answer = self.bench.runtime.network.fetch(
            next(iter(self.containers.values())).origin, service, port, _request(method, path), 5.0
        )
        return answer.status, answer.body or answer.problem


def _request(method: str, path: str) -> Any:
    from healgate.actor.host import Request

    return Request(method, path)
