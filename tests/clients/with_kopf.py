"""An operator with kopf: a custom resource's life from creation to its finalizer, and a daemon of timers."""

import threading
import time

import kopf
from gadgets import Gadget, define
from lightkube import Client
from lightkube.models.meta_v1 import ObjectMeta
from lightkube.resources.core_v1 import ConfigMap, Event
from lightkube.types import PatchType

DONE = threading.Event()


@kopf.on.create("gadgets")
def created(body, spec, patch, **_):
    kopf.info(body, reason="Seen", message="it was seen")
    patch.status["seen"] = spec["size"]
    return {"said": "created"}


@kopf.on.update("gadgets", field="spec.size")
def grown(new, patch, **_):
    patch.status["seen"] = new


@kopf.on.delete("gadgets")
def deleted(**_):
    DONE.set()


@kopf.on.event("", "v1", "configmaps")
def touched(name, type, **_):
    if type == "ADDED" and name == "loud":
        print("ok event", flush=True)


def until(fine):
    end = time.monotonic() + 30
    while not fine():
        assert time.monotonic() < end
        time.sleep(0.05)


def story(client, stop):
    try:
        client.create(Gadget(metadata=ObjectMeta(name="g", namespace="default"), spec={"size": 1}))
        until(lambda: (client.get(Gadget, "g").status or {}).get("seen") == 1)
        print("ok create", flush=True)
        client.patch(Gadget, "g", {"spec": {"size": 2}}, patch_type=PatchType.MERGE)
        until(lambda: (client.get(Gadget, "g").status or {}).get("seen") == 2)
        print("ok update", flush=True)
        client.create(ConfigMap(metadata=ObjectMeta(name="loud", namespace="default")))
        client.delete(Gadget, "g")
        assert DONE.wait(30)
        until(lambda: not list(client.list(Gadget)))
        print("ok delete", flush=True)
        until(lambda: any(one.reason == "Seen" for one in client.list(Event)))
        print("ok posted events", flush=True)
    finally:
        stop.set()


def main():
    client = Client()
    define(client)
    stop, ready = threading.Event(), threading.Event()
    teller = threading.Thread(target=lambda: (ready.wait(30), story(client, stop)))
    teller.start()
    kopf.run(standalone=True, namespaces=["default"], stop_flag=stop, ready_flag=ready)
    teller.join()


main()
