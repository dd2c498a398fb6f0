"""What pods want of each other's places: to be together, to be apart, to be spread.

The trap is that it goes both ways: a pod that wants nobody beside it keeps others away that say nothing of it.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from ..api.selectors import selects
from ..store.store import Obj, Store
from .objects import being_deleted, is_terminal, labels_of

REQUIRED = "requiredDuringSchedulingIgnoredDuringExecution"

APART = "node(s) didn't match pod anti-affinity rules"
TOGETHER = "node(s) didn't match pod affinity rules"
KEPT_AWAY = "node(s) didn't satisfy existing pods anti-affinity rules"
SPREAD = "node(s) didn't match pod topology spread constraints"
NO_LABEL = f"{SPREAD} (missing required label)"

# Which of these evicting others could help.
RESOLVABLE = (APART, KEPT_AWAY)


class Neighbours:
    """Who is where, as far as somebody may care."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._pods: dict[str, Obj] = {}  # uid -> pod that has a node
        self._shy: dict[str, Obj] = {}  # those that want some others away

    def note(self, pod: Obj, *, gone: bool) -> None:
        uid = pod["metadata"]["uid"]
        if gone or is_terminal(pod) or not pod["spec"].get("nodeName"):
            self._pods.pop(uid, None)
            self._shy.pop(uid, None)
            return
        if uid not in self._pods and _terms(pod, "podAntiAffinity"):
            self._shy[uid] = pod  # what it wants does not change
        self._pods[uid] = pod

    def refusal(self, pod: Obj, node: Obj, nodes: Mapping[str, Obj]) -> str:
        """Why this pod may not be there, or nothing."""
        spec = pod["spec"]
        if not self._shy and not spec.get("affinity") and not spec.get("topologySpreadConstraints"):
            return ""
        return self._spread(pod, node, nodes) or self._company(pod, node, nodes)

    def _company(self, pod: Obj, node: Obj, nodes: Mapping[str, Obj]) -> str:
        wanted = _terms(pod, "podAffinity")
        if wanted and not self._together(pod, wanted, node, nodes):
            return TOGETHER
        for term in _terms(pod, "podAntiAffinity"):
            if any(self._matches(term, pod, other) for other in self._beside(node, term["topologyKey"], nodes)):
                return APART
        for shy in self._shy.values():
            for term in _terms(shy, "podAntiAffinity"):
                near = _same_place(node, nodes.get(shy["spec"]["nodeName"]), term["topologyKey"])
                if near and self._matches(term, shy, pod):
                    return KEPT_AWAY
        return ""

    def _together(self, pod: Obj, terms: list[Obj], node: Obj, nodes: Mapping[str, Obj]) -> bool:
        def fits(other: Obj) -> bool:
            return all(self._matches(term, pod, other) for term in terms)

        if any(term["topologyKey"] not in labels_of(node) for term in terms):
            return False
        if all(any(map(fits, self._beside(node, term["topologyKey"], nodes))) for term in terms):
            return True
        # The first of those that belong together has to begin somewhere.
        return fits(pod) and not any(map(fits, self._pods.values()))

    def _beside(self, node: Obj, key: str, nodes: Mapping[str, Obj]) -> Iterator[Obj]:
        for other in self._pods.values():
            if _same_place(node, nodes.get(other["spec"]["nodeName"]), key):
                yield other

    def _matches(self, term: Obj, owner: Obj, other: Obj) -> bool:
        if term.get("labelSelector") is None or not selects(term["labelSelector"], labels_of(other)):
            return False
        names, by_labels = term.get("namespaces") or (), term.get("namespaceSelector")
        space = other["metadata"]["namespace"]
        if by_labels is not None:
            found = self._store.get("namespaces", "", space)
            if found is not None and selects(by_labels, labels_of(found)):
                return True
        return space in names or (not names and by_labels is None and space == owner["metadata"]["namespace"])

    def _spread(self, pod: Obj, node: Obj, nodes: Mapping[str, Obj]) -> str:
        for rule in pod["spec"].get("topologySpreadConstraints") or ():
            if rule.get("whenUnsatisfiable") != "DoNotSchedule":
                continue
            key = rule["topologyKey"]
            if key not in labels_of(node):
                return NO_LABEL
            counts = {labels_of(one)[key]: 0 for one in nodes.values() if key in labels_of(one)}
            for other in self._counted(pod, rule):
                where = nodes.get(other["spec"]["nodeName"])
                if where is not None and key in labels_of(where):
                    counts[labels_of(where)[key]] += 1
            fewest = 0 if len(counts) < int(rule.get("minDomains") or 1) else min(counts.values())
            own = _counts_itself(pod, rule)
            if counts[labels_of(node)[key]] + own - fewest > int(rule["maxSkew"]):
                return SPREAD
        return ""

    def _counted(self, pod: Obj, rule: Obj) -> Iterator[Obj]:
        selector = _narrowed(pod, rule)
        for other in self._pods.values():
            near = other["metadata"]["namespace"] == pod["metadata"]["namespace"]
            if near and not being_deleted(other) and selector is not None and selects(selector, labels_of(other)):
                yield other


def _narrowed(pod: Obj, rule: Obj) -> Obj | None:
    """The rule's selector, with the pod's own values of the labels that it names beside."""
    selector: Obj | None = rule.get("labelSelector")
    own = {key: labels_of(pod)[key] for key in rule.get("matchLabelKeys") or () if key in labels_of(pod)}
    if selector is None or not own:
        return selector
    return {**selector, "matchLabels": {**(selector.get("matchLabels") or {}), **own}}


def _counts_itself(pod: Obj, rule: Obj) -> bool:
    selector = _narrowed(pod, rule)
    return selector is not None and selects(selector, labels_of(pod))


def _terms(pod: Obj, kind: str) -> list[Obj]:
    affinity: Mapping[str, Any] = pod["spec"].get("affinity") or {}
    found: Iterable[Obj] = (affinity.get(kind) or {}).get(REQUIRED) or ()
    return list(found)


def _same_place(node: Obj, other: Obj | None, key: str) -> bool:
    value = labels_of(node).get(key)
    return other is not None and value is not None and labels_of(other).get(key) == value
