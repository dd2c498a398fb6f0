"""`kubectl exec` over a websocket: the one stream besides watches that a healer is likely to open.

The command has run by the time that anything is sent, since it takes no time on the simulated node; so there is
nothing to read from its standard input. The trap is that a failure before the upgrade must be an ordinary answer, and
one after it a Status on the error channel.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from aiohttp import web

from ..api import errors
from ..api.messages import ApiAnswer, ApiRequest
from ..store.encoded import dumps

if TYPE_CHECKING:
    from ..api.server import Server
    from ..runtime.seam import ExecResult

PROTOCOLS = ("v5.channel.k8s.io", "v4.channel.k8s.io")
STDOUT, ERROR = b"\x01", b"\x03"

_PATH = re.compile(r"/api/v1/namespaces/([^/]+)/pods/([^/]+)/exec")


def is_exec(request: ApiRequest) -> bool:
    upgrade = request.headers.get("upgrade", "").lower()
    return upgrade == "websocket" and _PATH.fullmatch(request.path) is not None


def run_command(server: Server, request: ApiRequest) -> ExecResult:
    """Authorize and run it, and tell the observers as `Server.handle` does. Raises ApiError."""
    status = 101
    try:
        server.authorize(request)
        return _run(server, request)
    except errors.ApiError as error:
        status = error.status
        raise
    finally:
        for observer in server.observers:
            observer(request, ApiAnswer(status, {}, b""), None)


def _run(server: Server, request: ApiRequest) -> ExecResult:
    found = _PATH.fullmatch(request.path)
    assert found is not None
    namespace, name = found.groups()
    pod = server.registry.get("pods", namespace, name)
    argv = tuple(request.params("command"))
    if not argv:
        raise errors.bad_request("you must specify at least 1 command for the container")
    if not pod["spec"].get("nodeName") or server.node is None:
        raise errors.bad_request(f"pod {name} does not have a host assigned")
    return server.node.exec(pod, _container(pod, request.param("container")), argv)


def _container(pod: dict[str, Any], asked: str) -> str:
    name, names = pod["metadata"]["name"], [one["name"] for one in pod["spec"]["containers"]]
    if asked:
        return asked
    if len(names) > 1:
        raise errors.bad_request(
            f"a container name must be specified for pod {name}, choose one of: [{' '.join(names)}]"
        )
    return str(names[0])


async def send_result(request: web.BaseRequest, result: ExecResult) -> web.WebSocketResponse:
    channel = web.WebSocketResponse(protocols=PROTOCOLS)
    await channel.prepare(request)
    if result.output and result.code >= 0:
        await channel.send_bytes(STDOUT + result.output.encode())
    await channel.send_bytes(ERROR + dumps(_status(result)))
    await channel.close()
    return channel


def _status(result: ExecResult) -> dict[str, Any]:
    if result.code == 0:
        return {"metadata": {}, "status": "Success"}
    if result.code < 0:
        return errors.internal(f"error executing command in container: {result.output}").status_object()
    cause = {"reason": "ExitCode", "message": str(result.code)}
    return {
        "metadata": {},
        "status": "Failure",
        "message": f"command terminated with non-zero exit code: exit status {result.code}",
        "reason": "NonZeroExitCode",
        "details": {"causes": [cause]},
    }
