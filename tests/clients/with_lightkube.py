"""What a script with lightkube does: typed objects, patches, apply, watch, logs, custom resources."""

from gadgets import Gadget, define
from lightkube import ApiError, Client
from lightkube.models.core_v1 import Container, PodSpec
from lightkube.models.meta_v1 import ObjectMeta
from lightkube.resources.core_v1 import ConfigMap, Pod
from lightkube.types import PatchType

client = Client(field_manager="me")
spec = PodSpec(containers=[Container("main", image="busybox:1.36", command=["sh", "-c", "echo hello; sleep 3600"])])
client.create(Pod(metadata=ObjectMeta(name="web", namespace="default"), spec=spec))
for _, pod in client.watch(Pod, namespace="default"):
    if pod.status and pod.status.phase == "Running":
        break
print("ok watch")
client.wait(Pod, "web", for_conditions=["Ready"])
print("ok wait")
assert list(client.log("web", namespace="default")) == ["hello\n"]
print("ok log")
client.patch(Pod, "web", {"metadata": {"labels": {"x": "y"}}}, patch_type=PatchType.MERGE)
assert [one.metadata.name for one in client.list(Pod, labels={"x": "y"})] == ["web"]
print("ok patch")
settings = ConfigMap(metadata=ObjectMeta(name="s", namespace="default"), data={"a": "1"})
settings.apiVersion, settings.kind = "v1", "ConfigMap"
client.apply(settings)
client.apply(ConfigMap("v1", data={"a": "2"}, kind="ConfigMap", metadata=ObjectMeta(name="s", namespace="default")))
assert client.get(ConfigMap, "s").data == {"a": "2"}
print("ok apply")
refusal = None
try:
    client.get(Pod, "absent")
except ApiError as error:
    refusal = error.status
assert (refusal.reason, refusal.details.name) == ("NotFound", "absent")
print("ok errors")
define(client)
client.create(Gadget(metadata=ObjectMeta(name="g", namespace="default"), spec={"size": 1}))
assert client.get(Gadget, "g").spec == {"size": 1}
client.patch(Gadget, "g", {"spec": {"size": 2}}, patch_type=PatchType.MERGE)
print("ok generic resource")
client.delete(Pod, "web", grace_period=0)
print("ok delete")
