"""The meaning of the API without HTTP: what a create, an update or a delete of any kind does to the store.

Controllers and the kubelet come in here just as requests do, so defaults, generations, conflicts and finalizers
cannot differ between the two. Every write ends in `_commit`: it keeps the resourceVersion of what did not change,
counts the generation, and removes a deleted object whose last finalizer went.

The trap is cost: a kubelet writes thousands of statuses a minute. Nothing is copied that did not change, and
what did not change is not validated again.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from ..clock import Clock, stamp
from ..store import Store
from . import conversion, deletion, errors, limitranges
from .admission import Admission
from .defaults import apply_defaults
from .definitions import Definitions
from .lacking import whole_status
from .managed import entry, forget_missing, owned, track
from .manifests import Manifest
from .metadata import carried_metadata, check_metadata, check_name, generated_name, new_metadata
from .objects import clean_copy, without
from .patching import JSON, patched
from .podspec import default_pod, pod_of_template
from .resources import Resource, Resources
from .schema import schema
from .validation import validate

Obj = dict[str, Any]

NAME_ATTEMPTS = 8
# Whose status a client may send along when it creates the object.
_STATUS_ON_CREATE = {"nodes"}


class Registry:
    """All resources of one cluster."""

    def __init__(self, store: Store, clock: Clock) -> None:
        self.store = store
        self.clock = clock
        self.resources = Resources()
        self._draw = clock.random("generated-names")
        self._admission = Admission(store, clock)
        Definitions(self)

    def resource(self, resource: str | Resource) -> Resource:
        if isinstance(resource, Resource):
            return resource
        found = self.resources.keys.get(resource)
        if found is None:
            raise errors.no_such_path()
        return found

    # -- reading

    def find(self, resource: str | Resource, namespace: str | None, name: str) -> Obj | None:
        res = self.resource(resource)
        found = self._stored(res, namespace, name)
        return None if found is None else conversion.view(res, found)

    def get(self, resource: str | Resource, namespace: str | None, name: str) -> Obj:
        res = self.resource(resource)
        found = self._stored(res, namespace, name)
        if found is None:
            raise errors.not_found(res.key, name)
        return conversion.view(res, found)

    def list(self, resource: str | Resource, namespace: str | None = None) -> list[Obj]:
        res = self.resource(resource)
        return [conversion.view(res, obj) for obj in self.store.list(res.storage, namespace or None)]

    def _stored(self, res: Resource, namespace: str | None, name: str) -> Obj | None:
        return self.store.get(res.storage, (namespace or "") if res.namespaced else "", name)

    # -- creating

    def create(
        self,
        resource: str | Resource,
        obj: Obj,
        *,
        namespace: str | None = None,
        manager: str = "",
        dry_run: bool = False,
        operation: str = "Update",
        manifest: Manifest | None = None,
        from_template: bool = False,
    ) -> Obj:
        """Raises ApiError. A manifest that was created before, here or elsewhere, is not read again.

        Nor is a pod's template that is stored, and so was filled in and found right when it came: what the namespace
        adds to it is looked at alone.
        """
        res = self.resource(resource)
        known = manifest.made if manifest is not None else None
        if known is not None:
            new = dict(known)
        else:
            new = conversion.stored(res, pod_of_template(obj) if from_template else clean_copy(obj))
        meta: Obj = new.get("metadata") or {}
        said = meta
        new["metadata"] = meta = dict(meta)
        if meta.pop("resourceVersion", ""):
            raise errors.ApiError(500, "", "resourceVersion should not be set on objects to be created")
        self._place(res, meta, namespace)
        if res.namespaced:
            self._admission.namespace(res, meta)
        if known is None and "status" in res.subresources and res.key not in _STATUS_ON_CREATE:
            new.pop("status", None)
        applied = meta.get("managedFields")
        base = meta.get("generateName", "") if not meta.get("name") else ""
        if not base and not meta.get("name"):
            cause = errors.required("metadata.name", "name or generateName is required")
            raise errors.invalid(res.kind, "", [cause], res.group)
        counted = res.generation or res.custom is not None
        meta = new_metadata(meta, uid=self.store.new_uid(), now=self.clock.now(), counted=counted)
        new["metadata"] = meta
        self._admission.mutate(res, new)
        if base:
            meta["name"] = self._free_name(res, meta, base)
        if known is None:
            if from_template:
                default_pod(new)
            else:
                self._fill(res, new)
            as_stored = from_template and not limitranges.has_filled(new)
            self._check(res, new, None, spec=not as_stored)
            if manifest is not None and manifest.lasts:
                manifest.made = {**new, "metadata": said}
        self._admission.finish(res, new)
        if self._stored(res, meta.get("namespace"), meta["name"]) is not None:
            raise errors.already_exists(res.key, meta["name"])
        self._admission.validate(res, new)
        if operation == "Apply":
            meta["managedFields"] = forget_missing(res, applied, new)
        elif manager:
            fields = manifest.fields if manifest is not None else None
            if fields is None:
                fields = owned(res, new)
                if manifest is not None and manifest.lasts:
                    manifest.fields = fields
            meta["managedFields"] = [entry(res, manager, "Update", "", fields, self.clock.now())]
        if not dry_run:
            self.store.put(res.storage, new)
        return conversion.view(res, new)

    def add(self, resource: str | Resource, obj: Obj, *, checks_name: bool = False) -> Obj:
        """Store what a trusted part made whole, defaults and all, and gives away; else as `create`.

        A name that was made of another object's may have become too long, which is for the server to say.
        """
        res = self.resource(resource)
        meta: Obj = obj["metadata"]
        if checks_name:
            texts = check_name(res.storage, res.custom is not None, meta["name"])
            if texts:
                causes = [errors.wrong("metadata.name", meta["name"], text) for text in texts]
                raise errors.invalid(res.kind, meta["name"], causes, res.group)
        if res.namespaced:
            self._admission.namespace(res, meta)
        meta["uid"] = self.store.new_uid()
        meta["creationTimestamp"] = stamp(self.clock.now())
        if res.generation:
            meta["generation"] = 1
        if self._stored(res, meta.get("namespace"), meta["name"]) is not None:
            raise errors.already_exists(res.key, meta["name"])
        self._admission.validate(res, obj)
        return self.store.put(res.storage, obj)

    def _place(self, res: Resource, meta: Obj, namespace: str | None) -> None:
        """Settle the namespace between the body and the URL."""
        if not res.namespaced:
            meta.pop("namespace", None)
            return
        if namespace and meta.get("namespace") and meta["namespace"] != namespace:
            text = "the namespace of the provided object does not match the namespace sent on the request"
            raise errors.bad_request(text)
        meta["namespace"] = namespace or meta.get("namespace") or "default"

    def _free_name(self, res: Resource, meta: Obj, base: str) -> str:
        for _ in range(NAME_ATTEMPTS):
            name = generated_name(base, self._draw)
            if self._stored(res, meta.get("namespace"), name) is None:
                return name
        raise errors.already_exists(res.key, name)

    def _fill(self, res: Resource, new: Obj) -> None:
        if res.custom is None:
            apply_defaults(res.storage, new)
        else:
            Definitions.conform(res, new)

    def _check(self, res: Resource, new: Obj, old: Obj | None, *, spec: bool = True) -> None:
        causes = check_metadata(res.storage, res.custom is not None, new["metadata"], old["metadata"] if old else None)
        if spec:
            causes += validate(res, new, old)
        if causes:
            raise errors.invalid(res.kind, new["metadata"].get("name", ""), causes, res.group)

    # -- changing

    def update(
        self,
        resource: str | Resource,
        obj: Obj,
        *,
        namespace: str | None = None,
        subresource: str = "",
        manager: str = "",
        dry_run: bool = False,
        operation: str = "Update",
    ) -> Obj:
        res = self.resource(resource)
        new = conversion.stored(res, clean_copy(_unmanaged(obj) if operation == "Update" else obj))
        meta: Obj = new.setdefault("metadata", {})
        if not res.namespaced:
            meta.pop("namespace", None)
        name = meta.get("name", "")
        old = self._stored(res, meta.get("namespace") or namespace or "default", name)
        if old is None:
            raise errors.not_found(res.key, name)
        version = meta.get("resourceVersion")
        if version and version != old["metadata"]["resourceVersion"]:
            raise errors.conflict(res.key, name)
        if not version and (res.locked or res.custom) and operation == "Update":
            text = "must be specified for an update"
            raise errors.invalid(res.kind, name, [errors.wrong("metadata.resourceVersion", 0, text)], res.group)
        uid = meta.get("uid")
        if uid and uid != old["metadata"]["uid"]:
            mine = old["metadata"]["uid"]
            why = f"Precondition failed: UID in precondition: {uid}, UID in object meta: {mine}"
            raise errors.conflict(res.key, name, why)
        new = self._merged(res, old, new, subresource)
        if operation == "Update" and "managedFields" in old["metadata"]:
            new["metadata"].pop("managedFields", None)
            new["metadata"]["managedFields"] = old["metadata"]["managedFields"]
        if not _same(old, new):
            if subresource != "status" and _beyond_status(old) != _beyond_status(new):
                self._fill(res, new)
            self._check_update(res, new, old, subresource)
        if operation == "Update" and manager:
            track(res, old, new, manager, subresource, self.clock.now())
        elif operation == "Apply":
            new["metadata"]["managedFields"] = forget_missing(res, new["metadata"].get("managedFields"), new)
        return conversion.view(res, self._commit(res, old, new, dry_run=dry_run))

    def _check_update(self, res: Resource, new: Obj, old: Obj, subresource: str) -> None:
        if subresource in ("resize", "ephemeralcontainers"):
            validate_sub = validate(res, new, old, subresource)
            if validate_sub:
                raise errors.invalid(res.kind, new["metadata"]["name"], validate_sub, res.group)
            return
        if subresource == "":
            self._admission.update(res, new, old)
        if subresource in ("", "status"):
            self._check(res, new, old)

    def _merged(self, res: Resource, old: Obj, new: Obj, subresource: str) -> Obj:
        """What a write through this door may change, over what is stored."""
        meta = carried_metadata(old["metadata"], new["metadata"])
        if subresource == "":
            kept = {"status": old["status"]} if "status" in old else {}
            body = without(new, "status") if "status" in res.subresources else new
            kept = kept if "status" in res.subresources else {}
            return {**body, **kept, "metadata": meta}
        if subresource == "status":
            passed: tuple[str, ...] = () if res.custom else ("annotations",)
            if res.key == "pods":
                passed = ("annotations", "labels", "finalizers")
            meta = without(old["metadata"], *passed)
            meta.update((key, new["metadata"][key]) for key in passed if new["metadata"].get(key))
            if "managedFields" in new["metadata"]:
                meta["managedFields"] = new["metadata"]["managedFields"]
            kind = schema().type_of(res.api_version, res.kind)
            return {**old, "metadata": meta, "status": whole_status(kind, new.get("status"))}
        return {**old, "metadata": dict(old["metadata"]), "spec": new.get("spec", {})}

    def _commit(self, res: Resource, old: Obj, new: Obj, *, dry_run: bool = False) -> Obj:
        """Store the new state if it is one."""
        if _same(old, new):
            return old
        meta = new["metadata"]
        if meta is old["metadata"]:
            meta = dict(meta)
        new = {
            "apiVersion": old["apiVersion"],
            "kind": old["kind"],
            **without(new, "apiVersion", "kind", "metadata"),
        }
        new["metadata"] = meta
        if "generation" in old["metadata"] and self._counts(res, old, new):
            meta["generation"] = old["metadata"]["generation"] + 1
        if dry_run:
            return new
        if deletion.finished(res, new):
            return self.store.remove(res.storage, meta.get("namespace", ""), meta["name"])
        return self.store.put(res.storage, new)

    @staticmethod
    def _counts(res: Resource, old: Obj, new: Obj) -> bool:
        if res.whole or (res.custom and not res.custom.status):
            return without(old, "metadata") != without(new, "metadata")
        if res.custom:
            return _beyond_status(old) != _beyond_status(new)
        return bool(old.get("spec") != new.get("spec"))

    def set_status(
        self,
        resource: str | Resource,
        namespace: str | None,
        name: str,
        status: Obj,
        *,
        only_if_uid: str | None = None,
    ) -> Obj | None:
        """Replace the status; the given dictionary belongs to the store afterwards. None if the object is gone."""
        res = self.resource(resource)
        old = self._stored(res, namespace, name)
        if old is None or (only_if_uid is not None and old["metadata"]["uid"] != only_if_uid):
            return None
        if old.get("status") == status:
            return old
        new = {**old, "metadata": dict(old["metadata"]), "status": status}
        return self.store.put(res.storage, new, status_only=True)

    def amend(self, resource: str | Resource, namespace: str | None, name: str, changes: Obj) -> bool:
        """Store the object with other members at its top, which must differ; False if it is gone.

        For what is written all the time and has neither generation nor finalizers: nothing is compared.
        """
        res = self.resource(resource)
        old = self._stored(res, namespace, name)
        if old is None:
            return False
        self.store.put(res.storage, {**old, "metadata": dict(old["metadata"]), **changes})
        return True

    def change(
        self, resource: str | Resource, namespace: str | None, name: str, edit: Callable[[Obj], Obj]
    ) -> Obj | None:
        """Store what `edit` makes of the object, spec and status alike; for parts that are trusted."""
        res = self.resource(resource)
        old = self._stored(res, namespace, name)
        if old is None:
            return None
        new = edit(old)
        return old if new is old else self._commit(res, old, new)

    def patch(
        self,
        resource: str | Resource,
        namespace: str | None,
        name: str,
        body: Any,
        content_type: str,
        *,
        subresource: str = "",
        manager: str = "",
        force: bool = False,
        dry_run: bool = False,
        check: Callable[[Obj, Obj | None], None] | None = None,
    ) -> Obj:
        """Any of the four kinds of patch; server-side apply creates what is not there.

        `check` sees the result, and what was there.
        """
        res = self.resource(resource)
        apply = content_type.startswith("application/apply-patch")
        operation = "Apply" if apply else "Update"
        old = self._stored(res, namespace, name)
        if old is None:
            if not apply or subresource:
                raise errors.not_found(res.key, name)
            fresh = {"apiVersion": res.api_version, "kind": res.kind, "metadata": {"name": name}}
            new = patched(res, fresh, body, content_type, manager, subresource, force, self.clock.now())
            if check is not None:
                check(new, None)
            if new["metadata"].get("uid"):
                why = "uid mismatch: the provided object specified uid {}, and no existing object was found"
                raise errors.conflict(res.key, name, why.format(new["metadata"]["uid"]))
            return self.create(res, new, namespace=namespace, manager=manager, dry_run=dry_run, operation=operation)
        shown = conversion.view(res, old)
        base = shown if apply or content_type.startswith(JSON) else _unmanaged(shown)
        new = patched(res, base, body, content_type, manager, subresource, force, self.clock.now())
        if check is not None:
            check(new, shown)
        self._same_identity(res, shown, new)
        return self.update(res, new, subresource=subresource, manager=manager, dry_run=dry_run, operation=operation)

    @staticmethod
    def _same_identity(res: Resource, old: Obj, new: Obj) -> None:
        before, after = old["metadata"], new.get("metadata", {})
        # Where there are no namespaces, one that is named is passed over.
        for key in ("name", "namespace", "uid") if res.namespaced else ("name", "uid"):
            if after.get(key, before.get(key)) != before.get(key):
                text = errors.wrong(f"metadata.{key}", after.get(key), "field is immutable")
                raise errors.invalid(res.kind, before["name"], [text], res.group)
            if key in before and key not in after:
                after[key] = before[key]

    def bind(self, namespace: str, name: str, node: str) -> Obj:
        """Put a pod on a node; unlike any other write of the spec it does not count as a generation."""
        pod = self.get("pods", namespace, name)
        if "deletionTimestamp" in pod["metadata"]:
            raise errors.conflict("pods", name, f"pod {name} is being deleted, cannot be assigned to a host")
        if current := pod["spec"].get("nodeName"):
            raise errors.conflict("pods/binding", name, f'pod {name} is already assigned to node "{current}"')
        conditions = [one for one in pod["status"].get("conditions", ()) if one["type"] != "PodScheduled"]
        now = stamp(self.clock.now())
        conditions.append({"type": "PodScheduled", "status": "True", "lastProbeTime": None, "lastTransitionTime": now})
        status = {**pod["status"], "conditions": conditions}
        spec = {**pod["spec"], "nodeName": node}
        return self.store.put("pods", {**pod, "metadata": dict(pod["metadata"]), "spec": spec, "status": status})

    # -- deleting

    def delete(
        self,
        resource: str | Resource,
        namespace: str | None,
        name: str,
        *,
        grace: int | None = None,
        propagation: str | None = None,
        uid: str | None = None,
        version: str | None = None,
        dry_run: bool = False,
    ) -> Obj:
        """The object as marked, or its last state if it went at once (`find` tells which)."""
        res = self.resource(resource)
        obj = self._stored(res, namespace, name)
        if obj is None:
            raise errors.not_found(res.key, name)
        self._preconditions(res, obj, uid, version)
        if res.key == "namespaces" and name in ("default", "kube-system", "kube-public"):
            raise errors.forbidden(res.key, name, "this namespace may not be deleted")
        verdict = deletion.begin(res, obj, self.clock.now(), grace, propagation)
        if dry_run:
            return conversion.view(res, verdict.marked or obj)
        if verdict.marked is not None:
            obj = self.store.put(res.storage, verdict.marked)
        if verdict.gone:
            obj = self.store.remove(res.storage, obj["metadata"].get("namespace", ""), name)
        return conversion.view(res, obj)

    @staticmethod
    def _preconditions(res: Resource, obj: Obj, uid: str | None, version: str | None) -> None:
        meta = obj["metadata"]
        for word, asked, mine in (
            ("UID", uid, meta["uid"]),
            ("ResourceVersion", version, meta["resourceVersion"]),
        ):
            if asked and asked != mine:
                why = f"Precondition failed: {word} in precondition: {asked}, {word} in object meta: {mine}"
                raise errors.conflict(res.key, meta["name"], why)


def _unmanaged(obj: Obj) -> Obj:
    """Without what is the server's alone to say: who owns which field, which is as long as the object itself."""
    meta = obj.get("metadata")
    if not isinstance(meta, dict) or "managedFields" not in meta:
        return obj
    return {**obj, "metadata": without(meta, "managedFields")}


def _beyond_status(obj: Obj) -> Obj:
    return without(obj, "metadata", "status")


def _same(old: Obj, new: Obj) -> bool:
    """Equal but for the version and the times in managedFields."""
    if old is new:
        return True
    if without(old, "metadata") != without(new, "metadata"):
        return False
    before, after = old["metadata"], new["metadata"]
    ignored = ("managedFields", "resourceVersion")
    if without(before, *ignored) != without(after, *ignored):
        return False
    mine, theirs = before.get("managedFields", ()), after.get("managedFields", ())
    return mine is theirs or [without(one, "time") for one in mine] == [without(one, "time") for one in theirs]
