"""What a script with kr8s does: get, create, wait, scale, logs, exec, patch, watch, delete."""

import kr8s
from kr8s.objects import ConfigMap, Deployment, Pod

SPEC = {"containers": [{"name": "main", "image": "busybox:1.36", "command": ["sh", "-c", "echo hello; sleep 3600"]}]}

api = kr8s.api()
print("ok version", api.version()["gitVersion"])
pod = Pod({"metadata": {"name": "web", "namespace": "default"}, "spec": SPEC})
pod.create()
pod.wait("condition=Ready", timeout=30)
print("ok wait")
assert list(pod.logs()) == ["hello"], list(pod.logs())
print("ok logs")
assert pod.exec(["sh", "-c", "echo from inside"]).stdout == b"from inside\n"
print("ok exec")
pod.label({"x": "y"})
pod.patch({"metadata": {"annotations": {"a": "b"}}})
[found] = list(kr8s.get("pods", label_selector="x=y", namespace="default"))
assert found.metadata.annotations["a"] == "b"
print("ok selectors")
template = {"metadata": {"labels": {"app": "shop"}}, "spec": SPEC}
spec = {"replicas": 1, "selector": {"matchLabels": {"app": "shop"}}, "template": template}
deployment = Deployment({"metadata": {"name": "shop", "namespace": "default"}, "spec": spec})
deployment.create()
deployment.scale(2)
deployment.wait("condition=Available", timeout=30)
deployment.wait("jsonpath='{.status.replicas}'=2", timeout=30)
print("ok scale")
ConfigMap({"metadata": {"name": "seen", "namespace": "default"}, "data": {"k": "v"}}).create()
for event, one in api.watch("configmaps", namespace="default"):
    if one.name == "seen":
        assert event == "ADDED"
        break
print("ok watch")
pod.delete(force=True)
pod.wait("delete", timeout=30)
print("ok delete")
