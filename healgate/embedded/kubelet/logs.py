"""Which run's log a request gets, and the refusals in a kubelet's words.

Judged by the status as published, not by what runs. The trap is `previous` right after a crash: the status still
names the older run as the last one, but its log is gone already, and the answer is a 200 whose body says so.
"""

from __future__ import annotations

from typing import Any

from ..api.errors import bad_request
from ..clock.clock import nano_stamp
from ..runtime.seam import LogLine
from .records import PodRecord

Obj = dict[str, Any]

_PREFIX = "containerd://"
_PULLING = {
    "ErrImagePull": "image can't be pulled",
    "ImagePullBackOff": "trying and failing to pull image",
}


def status_of(status: Obj, name: str) -> Obj | None:
    for key in ("containerStatuses", "initContainerStatuses", "ephemeralContainerStatuses"):
        for one in status.get(key) or ():
            if one["name"] == name:
                found: Obj = one
                return found
    return None


def lost(id: str) -> bytes:
    """What is said in place of a log that is gone."""
    return f"unable to retrieve container logs for {_PREFIX}{id}".encode()


def chosen_run(pod: str, name: str, status: Obj | None, previous: bool) -> str:
    """The id of the container whose log is meant; ApiError 400 if there is none."""
    if status is None:
        raise bad_request(f'container "{name}" in pod "{pod}" is not available')
    state, last = status["state"], (status.get("lastState") or {}).get("terminated") or {}
    if previous:
        if not last.get("containerID"):
            raise bad_request(f'previous terminated container "{name}" in pod "{pod}" not found')
        return _bare(last["containerID"])
    if "running" in state:
        return _bare(status["containerID"])
    if "terminated" in state:
        ended = state["terminated"].get("containerID") or last.get("containerID")
        if not ended:
            raise bad_request(f'container "{name}" in pod "{pod}" is terminated')
        return _bare(ended)
    if last.get("containerID"):
        return _bare(last["containerID"])
    reason = (state.get("waiting") or {}).get("reason")
    if not reason:
        raise bad_request(f'container "{name}" in pod "{pod}" is waiting to start - no logs yet')
    raise bad_request(f'container "{name}" in pod "{pod}" is waiting to start: {_PULLING.get(reason, reason)}')


def _bare(id: str) -> str:
    return id.removeprefix(_PREFIX)


def read(
    record: PodRecord,
    id: str,
    *,
    tail: int | None,
    since: float | None,
    timestamps: bool,
    limit_bytes: int | None,
    stream: str | None = None,
) -> bytes:
    """The log of a run: the tail first, then what is recent enough of it, then cut."""
    container = record.by_id(id)
    if container is None:
        return lost(id)
    lines: list[LogLine] = container.process.log if container.process is not None else []
    if stream is not None:
        lines = [line for line in lines if line.stream == stream]
    if tail is not None:
        lines = lines[len(lines) - tail :] if 0 < tail < len(lines) else lines if tail else []
    if since is not None:
        lines = [line for line in lines if line.time >= since]
    stamps = timestamps
    text = "".join(f"{nano_stamp(line.time)} {line.text}\n" if stamps else f"{line.text}\n" for line in lines)
    body = text.encode(errors="replace")
    return body if limit_bytes is None else body[:limit_bytes]
