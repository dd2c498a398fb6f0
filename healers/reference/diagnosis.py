"""From a symptom to a class and a cause: the classification table.

The order is the rule: what Kubernetes itself says (a reason, an event) comes before what a log says, and a log is
only asked about things that Kubernetes cannot know. Words in logs mislead; an application that prints "out of memory"
and exits with 1 was not killed for memory.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from typing import Any

from .access import Access
from .symptoms import Symptom, seconds

Obj = dict[str, Any]


@dataclass(frozen=True)
class Diagnosis:
    """What kind of crash it is, and what the cause names: a Secret, a host, a local address."""

    crash_class: str
    cause: str  # image, unreachable, credentials, secret, config, memory, probe, address, election, partitions, exit...
    names: str = ""
    note: str = ""
    # Somebody stopped it, and who did may be told a little later than that it ended.
    unexplained: bool = False


NO_CREDENTIALS = re.compile(r"401 Unauthorized|authorization failed|no basic auth|insufficient_scope|403 Forbidden")
UNREACHABLE = re.compile(r"no such host|connection refused|i/o timeout|registry is unavailable|context deadline", re.I)
SECRET = re.compile(
    r'secret "(?P<name>[^"]+)" not found|find key \S+ in Secret \S+/(?P<of>\S+)|non-existent secret key'
)
CONFIG = re.compile(r'configmap "(?P<name>[^"]+)" not found|in ConfigMap \S+/(?P<of>\S+)|non-existent config key')
FAILED_TO_CREATE = ("FailedMount", "FailedAttachVolume", "FailedCreatePodSandBox")
OBJECT_OF_VOLUME = re.compile(r'failed for volume "(?P<volume>[^"]+)"')

ELECTION = re.compile(r"leader ?election lost|error retrieving resource lock|failed to renew lease", re.I)
ADDRESS = re.compile(r"(?P<host>\d+\.\d+\.\d+\.\d+):(?P<port>\d+)")
FEWER_PARTITIONS = re.compile(r"InvalidPartitions|higher than the requested|would not be an increase", re.I)
BROKER = re.compile(r"bootstrap|broker|kafka", re.I)
NO_BROKER = re.compile(r"no resolvable bootstrap|bootstrap broker .* disconnected|could not be established", re.I)
CANNOT_REACH = re.compile(
    r"(?<![\w.-])(?P<host>[a-z][a-z0-9.-]*)(?::| port )(?P<port>\d{2,5}).*"
    r"(?:refused|no such host|timed? ?out|unreachable|couldn't connect|failed to connect|name or service not known)"
    r"|(?:connect to|reach|connecting to)\s+(?P<host2>[a-z][a-z0-9.-]*)(?::| port )(?P<port2>\d{2,5})",
    re.I,
)
MISSING_SETTING = re.compile(
    r"(?P<name>[A-Z][A-Z0-9_]{2,}).{0,40}(?:not set|is required|missing|undefined|must be set)"
    r"|(?:missing|required|undefined)\D{0,40}?(?P<name2>[A-Z][A-Z0-9_]{2,})"
)


def diagnose(access: Access, symptom: Symptom) -> Diagnosis:
    """The first row that applies."""
    return TABLE[symptom.what](access, symptom)


def _pull(access: Access, symptom: Symptom) -> Diagnosis:
    said = " ".join(
        [symptom.message, *(e["message"] for e in access.events_about(symptom.pod) if e["type"] == "Warning")]
    )
    if NO_CREDENTIALS.search(said):
        secrets = [s["name"] for s in symptom.pod["spec"].get("imagePullSecrets", [])]
        return Diagnosis("missing-secret", "credentials", ",".join(secrets))
    if UNREACHABLE.search(said) and "not found" not in said:
        return Diagnosis("bad-image", "unreachable")
    return Diagnosis("bad-image", "image")


def _configure(_access: Access, symptom: Symptom) -> Diagnosis:
    return _missing(symptom.message) or Diagnosis("cannot-start", "config", note=symptom.message)


def _missing(text: str) -> Diagnosis | None:
    for pattern, crash_class, cause in ((SECRET, "missing-secret", "secret"), (CONFIG, "missing-config", "config")):
        if found := pattern.search(text):
            groups = found.groupdict()
            return Diagnosis(crash_class, cause, (groups["name"] or groups["of"] or "").rstrip(":,."))
    return None


def only_slow(access: Access, symptom: Symptom) -> bool:
    """A pod that is still being created, and nobody says that anything failed: a busy node takes minutes."""
    return symptom.what == "mount" and not _failures_to_create(access, symptom.pod)


def _failures_to_create(access: Access, pod: Obj) -> list[Obj]:
    return [event for event in access.events_about(pod) if event["reason"] in FAILED_TO_CREATE]


def _mount(access: Access, symptom: Symptom) -> Diagnosis:
    for event in reversed(_failures_to_create(access, symptom.pod)):
        found = _missing(event["message"])
        if found and not found.names and (volume := OBJECT_OF_VOLUME.search(event["message"])):
            return Diagnosis(found.crash_class, found.cause, _source_of(symptom.pod, volume["volume"]))
        if event["reason"] != "FailedCreatePodSandBox":
            return found or Diagnosis("storage", "mount", note=event["message"])
    return Diagnosis("cannot-start", "mount")


def _source_of(pod: Obj, volume: str) -> str:
    for candidate in pod["spec"].get("volumes", []):
        if candidate["name"] == volume:
            return candidate.get("secret", {}).get("secretName") or candidate.get("configMap", {}).get("name") or ""
    return ""


def _start(_access: Access, symptom: Symptom) -> Diagnosis:
    return Diagnosis("cannot-start", "start", note=symptom.message)


def _unready(access: Access, symptom: Symptom) -> Diagnosis:
    if wanting := _for_want_of(access, symptom):
        return wanting
    for event in reversed(access.events_about(symptom.pod)):
        if event["reason"] == "Unhealthy":
            return Diagnosis("failing-probe", "readiness", note=event["message"])
    return Diagnosis("failing-probe", "readiness")


def _crash(access: Access, symptom: Symptom) -> Diagnosis:
    if symptom.reason == "OOMKilled" and symptom.exit_code == 137:
        return Diagnosis("oom", "memory", note="killed for memory")
    if _killed_by_probe(access, symptom):
        return _for_want_of(access, symptom) or Diagnosis("failing-probe", "liveness")
    if symptom.exit_code == 137:
        return Diagnosis("oom", "memory", note="killed before the runtime could say why", unexplained=True)
    if symptom.reason == "StartError":
        return Diagnosis("cannot-start", "start", note=symptom.message)
    found = _from_log(access.log(symptom.pod, symptom.container))
    return replace(found, unexplained=found.cause == "exit" and _told_to_end(symptom))


def _killed_by_probe(access: Access, symptom: Symptom) -> bool:
    """Did the kubelet say that it killed this container for a probe?

    Equal events are one object that knows its last time, and of many the later ones are dropped. So an old one still
    speaks for whoever was told to end; for an end by the program's own will only if the run had begun by then.
    """
    return any(
        event["reason"] == "Killing"
        and "probe" in event["message"]
        and event["involvedObject"].get("fieldPath") == f"spec.containers{{{symptom.container}}}"
        and (_told_to_end(symptom) or seconds(event["lastTimestamp"]) >= symptom.began)
        for event in access.events_about(symptom.pod)
    )


def _told_to_end(symptom: Symptom) -> bool:
    """A program that is killed says so by its code; one that hears the signal ends in peace, with 0."""
    return symptom.exit_code == 0 or (symptom.exit_code or 0) > 128


def _for_want_of(access: Access, symptom: Symptom) -> Diagnosis | None:
    """Whoever waits for another may fail its probes meanwhile. That counts only while the other really is away."""
    said = _from_log(access.log(symptom.pod, symptom.container))
    host = said.names.partition(":")[0].split(".")[0]
    away = said.cause == "address" and access.nobody_serves(symptom.pod["metadata"]["namespace"], host)
    return said if away else None


def _from_log(log: str) -> Diagnosis:
    lines = [line for line in log.splitlines() if line.strip()]
    tail = "\n".join(lines[-12:])
    last = lines[-1] if lines else ""
    if ELECTION.search(tail):
        address = ADDRESS.search(tail)
        return Diagnosis("dependency", "election", address[0] if address else "", last)
    for line in lines[-12:]:
        if FEWER_PARTITIONS.search(line):
            return Diagnosis("kafka", "partitions", note=line)
    for line in reversed(lines[-12:]):
        if found := CANNOT_REACH.search(line):
            host = (found["host"] or found["host2"]).rstrip(".")
            port = found["port"] or found["port2"]
            return Diagnosis("kafka" if BROKER.search(tail) else "dependency", "address", f"{host}:{port}", line)
    if NO_BROKER.search(tail):
        return Diagnosis("kafka", "broker", note=last)
    for line in reversed(lines[-12:]):
        if found := MISSING_SETTING.search(line):
            return Diagnosis("missing-config", "setting", found["name"] or found["name2"], line)
    return Diagnosis("exit", "exit", note=last)


TABLE = {"pull": _pull, "config": _configure, "mount": _mount, "start": _start, "crash": _crash, "unready": _unready}
