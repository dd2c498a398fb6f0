"""The embedded cluster behind the seam: a fresh one for every trial, in this process, on virtual time.

Fresh, because a trial must be a function of its seed alone, whichever worker runs it and after what. The healer's
thread and the trial's take turns on the cluster's clock, and every request of the healer's user is written down at
the API, which is the one place that it cannot get around.
"""

from __future__ import annotations

import json
import random
from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager, ExitStack, nullcontext
from typing import Any
from urllib.parse import urlencode

from ..actor.effects import Unsupported
from ..drivers.ends import where_it_raised
from ..embedded.api.messages import ApiAnswer, ApiRequest
from ..embedded.api.routing import Target, parse
from ..embedded.api.streams import Stream
from ..embedded.cluster import EmbeddedCluster
from ..embedded.door.baton import Participant, Signal
from ..embedded.door.participants import Participants
from ..embedded.door.patches import patched, rebound
from ..embedded.kubelet import STOCK, KubeletTiming
from ..embedded.runtime.seam import ContainerRun
from ..embedded.store import Change
from ..embedded.store.encoded import dumps
from ..evidence import WRITES, HealerEnd, Obj, Ref, Refusal, Request, Seen, decoded_body, is_dry_run
from .garbage import collect_seldom
from .neutral import HEALER, namespace_name
from .seam import Answer, HealerCall, Lease, Rest

# The harness is the cluster's administrator; the healer is somebody else, by whose name its requests are known.
HARNESS = ""

# How long the controllers take to give a new namespace its service account.
NAMESPACE_SETTLES = 1.0

KEPT = """\
The cluster of the last failed trial stands at {url}{pace}. In another terminal:

  export KUBECONFIG={path}
  kubectl -n {namespace} get all,events

Ctrl-C ends it."""


class Embedded:
    """`Cluster` for --cluster embedded."""

    name = "embedded"
    kubernetes = "v1.36.3"
    virtual = True

    def __init__(self, timing: KubeletTiming = STOCK) -> None:
        self.kubelet_timing = timing
        self.timing = timing.name
        # The last trial whose cluster was to be kept.
        self.standing: EmbeddedLease | None = None

    def lease(self, seed: str) -> Lease:
        return EmbeddedLease(seed, self)

    def look_into(self, say: Callable[[str], None]) -> None:
        """Serve the cluster that was kept, until Ctrl-C; its clock goes on from where the trial left it."""
        from ..embedded.door.up import serve

        if self.standing is not None:
            serve(self.standing.cluster, KEPT.replace("{namespace}", self.standing.namespace), say=say)
            self.standing = None


class EmbeddedLease:
    """One trial's cluster."""

    def __init__(self, seed: str, home: Embedded) -> None:
        collect_seldom()
        self._home = home
        self.cluster = EmbeddedCluster(seed, timing=home.kubelet_timing)
        self.namespace = namespace_name(random.Random(f"{seed}/namespace"))
        self.requests: list[Request] = []
        self.refused: list[Refusal] = []
        self.cluster.runtime.machine.refuse = self._refuse
        self.rest: Rest = _Rest(self.cluster)
        self._people = self.cluster.participants
        self._open = ExitStack()
        self._open.enter_context(patched())
        self._open.enter_context(self._people.adopt("trial"))
        self.cluster.registry.create("namespaces", {"metadata": {"name": self.namespace}})
        self.sleep(NAMESPACE_SETTLES)
        self._moved: Callable[[], bool] | None = None
        self._signal = Signal()
        self.cluster.registry.create("clusterrolebindings.rbac.authorization.k8s.io", _rights())
        self.cluster.server.observers.append(self._record)
        self._watchers: list[Callable[[Seen], None]] = []
        self.cluster.store.subscribe("*", self._changed)

    # -- time

    def now(self) -> float:
        return self.cluster.clock.now()

    def sleep(self, seconds: float) -> None:
        self._people.sleep(seconds)

    def wait(self, until: Callable[[], bool], timeout: float) -> bool:
        """Asked inside every write, so that nobody is woken for a change that does not matter."""
        if until():
            return True
        self._signal.clear()
        self._moved = until
        try:
            return self._people.wait(self._signal, max(0.0, timeout))
        finally:
            self._moved = None

    def turn(self) -> AbstractContextManager[None]:
        return nullcontext()

    def after(self, seconds: float, call: Callable[[], None]) -> None:
        self.cluster.clock.call_later(seconds, call)

    # -- seeing

    def watch(self, see: Callable[[Seen], None]) -> None:
        self._watchers.append(see)

    def _changed(self, change: Change) -> None:
        """Waiting is decided after everybody has seen the change."""
        if change.object["metadata"].get("namespace") == self.namespace:
            seen = Seen(change.time, change.type, change.object)
            for see in self._watchers:
                see(seen)
        if self._moved is not None and self._moved():
            self._signal.set()

    def _refuse(self, run: ContainerRun, problem: Unsupported) -> None:
        self.refused.append(Refusal(self.now(), Ref("Pod", run.pod), run.container, str(problem)))

    def _record(self, request: ApiRequest, answer: ApiAnswer | Stream, before: Obj | None) -> None:
        if request.user == HEALER:
            self.requests.append(self._written_down(request, answer, before))

    def _written_down(self, request: ApiRequest, answer: ApiAnswer | Stream, before: Obj | None) -> Request:
        target = parse(self.cluster.registry.resources, request.path)
        verb, body = target.verb(request) if target else request.method.lower(), decoded_body(request.body)
        return Request(
            time=self.now(),
            user=request.user,
            method=request.method,
            path=request.path,
            verb=verb,
            resource=target.resource.key if target else "",
            kind=target.resource.kind if target else "",
            subresource=target.sub if target else "",
            namespace=(target.namespace or "") if target else "",
            name=target.name if target else "",
            code=answer.status,
            body=body,
            before=before,
            after=self._left_by(target, verb, answer),
            dry_run=is_dry_run(verb, request.query, body),
        )

    def _left_by(self, target: Target | None, verb: str, answer: ApiAnswer | Stream) -> Obj | None:
        """What stands there when a write is answered; of what was named by the server, the answer."""
        if verb not in WRITES or target is None or answer.status >= 300:
            return None
        if not target.name:
            return answer.content if verb == "create" and isinstance(answer, ApiAnswer) else None
        return self.cluster.registry.store.get(target.resource.storage, target.namespace or "", target.name)

    # -- the healer

    def official_client(self) -> Any:
        return self.cluster.client(HARNESS)

    def run_python_healer(self, call: HealerCall, report: Any, pass_every: float) -> _RunningHealer:
        client = self.cluster.client(HEALER)

        def passes() -> None:
            with rebound(call):
                while True:
                    call(client, report)
                    self._people.sleep(pass_every)

        return _RunningHealer(self._people, self._people.spawn("healer", passes))

    def close(self, keep: bool = False) -> None:
        self._open.close()
        if keep:
            self._home.standing = self
        else:
            self.cluster.close()


class _RunningHealer:
    def __init__(self, people: Participants, guest: Participant) -> None:
        self._people = people
        self._guest = guest

    def end(self) -> HealerEnd:
        guest = self._guest
        if guest.refused:
            return HealerEnd("refused", guest.refused)
        if guest.error is not None:
            return HealerEnd("raised", where_it_raised(guest.error))
        if guest.lost:
            return HealerEnd("stuck", guest.lost)
        return HealerEnd("returned" if guest.finished else "running")

    def stop(self) -> HealerEnd:
        end = self.end()
        self._people.stop(self._guest)
        return end

    @property
    def cpu_seconds(self) -> float:
        return self._guest.cpu_seconds


class _Rest:
    """The harness's access, without HTTP and without a client. What it is shown is shared and nobody's to edit."""

    def __init__(self, cluster: EmbeddedCluster) -> None:
        self._cluster = cluster

    def request(
        self,
        method: str,
        path: str,
        query: Mapping[str, str] | None = None,
        body: Any = None,
        content_type: str = "application/json",
    ) -> Answer:
        data = b"" if body is None else dumps(body)
        pairs = list(query.items()) if query else []
        answer = self._cluster.server.handle(
            ApiRequest(method, path, pairs, {"content-type": content_type}, data, HARNESS)
        )
        if not isinstance(answer, ApiAnswer):
            answer.stop()
            raise TypeError(f"{path}?{urlencode(pairs)} is a watch: use Lease.watch")
        if answer.content is not None:
            return Answer(answer.status, answer.content)
        text = answer.body.decode()
        is_json = answer.headers.get("Content-Type", "").startswith("application/json")
        return Answer(answer.status, json.loads(text) if is_json and text else text)


def _rights() -> Obj:
    """A healer may do everything here, so that its own choice and not a refusal keeps it from doing harm."""
    kind, group = "ClusterRoleBinding", "rbac.authorization.k8s.io"
    return {
        "apiVersion": f"{group}/v1",
        "kind": kind,
        "metadata": {"name": "operator"},
        "roleRef": {"apiGroup": group, "kind": "ClusterRole", "name": "cluster-admin"},
        "subjects": [{"kind": "ServiceAccount", "namespace": "operators", "name": "operator"}],
    }
