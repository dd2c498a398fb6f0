"""A node that runs short of memory: who is stopped, what is said, and who is kept away."""

from __future__ import annotations

from typing import Any

import pytest

from healgate.embedded.controllers.nodelife import NodeLifecycle

from .scripted import COMPLETES, Bench, Program, container

Obj = dict[str, Any]
MI = 1024**2
ROOM = 4096 * MI  # the node's; 640 Mi of it are its own, 100 Mi must be left


class Node(Bench):
    """One whose programs hold what their container's name says, in Mi."""

    def __init__(self) -> None:
        super().__init__()
        kinds = (("MemoryPressure", "False"), ("Ready", "True"))
        conditions = [{"type": kind, "status": value, "lastTransitionTime": None} for kind, value in kinds]
        body = {"metadata": {"name": "node-1"}, "spec": {}}
        self.registry.create("nodes", body)
        status = {"capacity": {"memory": f"{ROOM // 1024}Ki"}, "conditions": conditions}
        self.registry.set_status("nodes", None, "node-1", status)
        NodeLifecycle(self.registry, self.clock).start()

    def holds(self, name: str, size: int, request: int = 0, **spec: Any) -> None:
        self.runtime.programs[name] = Program(memory=size * MI, on_term=None)
        resources = {"resources": {"requests": {"memory": f"{request}Mi"}}} if request else {}
        self.pod(name, containers=[container(name, **resources)], **spec)
        self.runtime.memory_grows(float("inf"))

    def node(self) -> Obj:
        return self.registry.get("nodes", None, "node-1")

    def pressure(self) -> Obj:
        found: Obj = next(one for one in self.node()["status"]["conditions"] if one["type"] == "MemoryPressure")
        return found

    def about_the_node(self) -> list[tuple[str, str, str]]:
        found = self.registry.list("events", "default")
        return [
            (one["type"], one["reason"], one["message"]) for one in found if one["involvedObject"]["kind"] == "Node"
        ]


@pytest.fixture
def node() -> Node:
    return Node()


def test_enough_memory_is_no_pressure(node: Node):
    node.holds("small", 3300)
    node.until(120)
    assert node.status("small")["phase"] == "Running"
    assert node.pressure()["status"] == "False"
    assert not node.about_the_node()


def test_the_pod_that_is_furthest_over_its_request_goes(node: Node):
    node.holds("modest", 1000, request=1200)
    node.holds("greedy", 1500, request=100)
    node.holds("over", 900, request=200)
    node.until(20)
    status = node.status("greedy")
    message = (
        "The node was low on resource: memory. Threshold quantity: 100Mi, available: 56Mi. "
        "Container greedy was using 1500Mi, request is 100Mi, has larger consumption of memory. "
    )
    assert (status["phase"], status["reason"], status["message"]) == ("Failed", "Evicted", message)
    condition = node.condition("DisruptionTarget", "greedy")
    assert (condition["status"], condition["reason"]) == ("True", "TerminationByKubelet")
    assert condition["message"] == message
    assert node.event("Evicted")["message"] == message
    assert node.event("Evicted")["type"] == "Warning"
    assert {node.status(name)["phase"] for name in ("modest", "over")} == {"Running"}
    assert ("Warning", "EvictionThresholdMet", "Attempting to reclaim memory") in node.about_the_node()


def test_who_keeps_to_its_request_goes_last_whatever_it_holds(node: Node):
    node.holds("large", 3000, request=3000)
    node.holds("tiny", 400, request=10)
    node.until(20)
    assert node.status("tiny")["reason"] == "Evicted"
    assert node.status("large")["phase"] == "Running"


def test_what_was_asked_for_before_the_others_started_counts(node: Node):
    setup = container("setup", resources={"requests": {"memory": "2500Mi"}})
    node.runtime.programs["setup"] = Program(lasts=0.5, ends=COMPLETES)
    node.holds("large", 2000, initContainers=[setup])
    node.holds("other", 1500)
    node.until(20)
    assert node.status("other")["reason"] == "Evicted"
    assert node.status("large")["phase"] == "Running"


def test_the_less_important_goes_first(node: Node):
    important = {"apiVersion": "scheduling.k8s.io/v1", "kind": "PriorityClass", "value": 1000}
    node.registry.create("priorityclasses.scheduling.k8s.io", {**important, "metadata": {"name": "important"}})
    node.holds("important", 2500, priorityClassName="important")
    node.holds("other", 1000)
    node.until(20)
    assert node.status("other")["reason"] == "Evicted"
    assert node.status("important")["phase"] == "Running"


def test_what_the_system_needs_stays(node: Node):
    node.holds("dns", 3390, priorityClassName="system-node-critical")
    node.until(60)
    assert node.status("dns")["phase"] == "Running"
    assert node.pressure()["status"] == "True"


def test_one_after_another_until_there_is_enough(node: Node):
    for name, size in (("a", 1300), ("b", 1200), ("c", 1100)):
        node.holds(name, size)
    node.until(6)
    node.holds("d", 1290)
    node.until(60)
    gone = [name for name in "abcd" if node.status(name).get("reason") == "Evicted"]
    assert gone == ["a", "d"]


def test_the_node_says_so_for_five_minutes_and_keeps_others_away(node: Node):
    node.holds("greedy", 3400)
    node.until(25)
    shown = node.pressure()
    assert (shown["status"], shown["reason"]) == ("True", "KubeletHasInsufficientMemory")
    assert shown["message"] == "kubelet has insufficient memory available"
    (taint,) = node.node()["spec"]["taints"]
    assert (taint["key"], taint["effect"]) == ("node.kubernetes.io/memory-pressure", "NoSchedule")
    node.until(280)
    assert node.pressure()["status"] == "True"
    node.until(330)
    shown = node.pressure()
    assert (shown["status"], shown["reason"]) == ("False", "KubeletHasSufficientMemory")
    assert "taints" not in node.node()["spec"]
    told = [(reason, message) for _, reason, message in node.about_the_node() if reason.startswith("NodeHas")]
    assert told == [
        ("NodeHasInsufficientMemory", "Node node-1 status is now: NodeHasInsufficientMemory"),
        ("NodeHasSufficientMemory", "Node node-1 status is now: NodeHasSufficientMemory"),
    ]


def test_a_pod_without_requests_that_is_bound_to_it_all_the_same_is_rejected(node: Node):
    node.holds("greedy", 3400)
    node.until(25)
    node.pod("late")
    node.pod("sized", containers=[container(resources={"requests": {"memory": "10Mi"}})])
    node.pod("patient", tolerations=[{"key": "node.kubernetes.io/memory-pressure", "operator": "Exists"}])
    node.until(40)
    status = node.status("late")
    assert (status["phase"], status["reason"]) == ("Failed", "Evicted")
    assert status["message"] == "Pod was rejected: The node had condition: [MemoryPressure]. "
    assert {node.status(name)["phase"] for name in ("sized", "patient")} == {"Running"}
