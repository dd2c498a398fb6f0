"""Who a process is, and what it runs on: id, whoami, nproc.

A pod says whom its containers run as. The trap is what an image adds to it, its users, groups and their names: only
what all tags of an image agree about is answered.
"""

from __future__ import annotations

from ....actor.effects import Unsupported
from ..container import Proc
from .filetools import Tool, options, plain

# The groups that root is in.
_ALPINE_ROOT = {
    0: "root",
    1: "bin",
    2: "daemon",
    3: "sys",
    4: "adm",
    6: "disk",
    10: "wheel",
    11: "floppy",
    20: "dialout",
    26: "tape",
    27: "video",
}
_BUSYBOX_ROOT = {0: "root", 10: "wheel"}
# Images that run as somebody else by themselves.
_OWN_USER = ("docker.io/curlimages/", "registry.access.redhat.com/ubi9/python-")


def _user(proc: Proc) -> int:
    run = proc.box.run
    if run.user is None and proc.box.image.reference.startswith(_OWN_USER):
        raise Unsupported("the user of an image that brings its own")
    return run.user or 0


def _name(proc: Proc, number: int) -> str:
    """A user's or group's name; "" if nobody has this number."""
    if number == 0:
        return "root"
    taken = "ubuntu" in proc.box.image.reference and number == 1000
    if number < 1000 or number > 60000 or taken or proc.box.image.reference.startswith(_OWN_USER):
        raise Unsupported(f"the name of user or group {number}")
    return ""


def _groups(proc: Proc) -> dict[int, str]:
    """All groups with their names, lowest number first, as the kernel keeps them."""
    run, image = proc.box.run, proc.box.image
    group = run.group or 0
    found = {group: _name(proc, group)}
    if _user(proc) == 0 and plain(proc):
        names = _BUSYBOX_ROOT if image.reference.startswith("docker.io/library/busybox:") else _ALPINE_ROOT
        found.update(names)
    found.update({each: _name(proc, each) for each in run.groups})
    return dict(sorted(found.items()))


def _shown(number: int, name: str) -> str:
    return f"{number}({name})" if name else str(number)


def whoami(proc: Proc, args: list[str]) -> int:
    if args:
        raise Unsupported(f"whoami {' '.join(args)}")
    user = _user(proc)
    name = _name(proc, user)
    if name:
        proc.emit(f"{name}\n")
        return 0
    proc.emit(f"whoami: {'unknown uid' if plain(proc) else 'cannot find name for user ID'} {user}\n", True)
    return 1


def id_(proc: Proc, args: list[str]) -> int:
    found, names = options("id", args, "ugGn")
    user, group = _user(proc), proc.box.run.group or 0
    asked = [letter for letter in "ugG" if letter in found]
    if names or len(asked) > 1 or ("n" in found and not asked) or (asked == ["G"] and "n" in found):
        raise Unsupported(f"id {' '.join(args)}")
    groups = _groups(proc)
    if not plain(proc):
        groups = {group: groups[group], **groups}
    if not asked:
        listed = ",".join(_shown(number, name) for number, name in groups.items())
        proc.emit(f"uid={_shown(user, _name(proc, user))} gid={_shown(group, _name(proc, group))} groups={listed}\n")
        return 0
    if asked == ["G"]:
        proc.emit(" ".join(map(str, groups)) + "\n")
        return 0
    number, kind = (user, "user") if asked == ["u"] else (group, "group")
    name = _name(proc, number) if "n" in found else ""
    if "n" in found and not name:
        proc.emit(f"id: {'unknown' if plain(proc) else f'cannot find name for {kind}'} ID {number}\n", True)
        proc.emit(f"{number}\n")
        return 1
    proc.emit(f"{name or number}\n")
    return 0


def nproc(proc: Proc, args: list[str]) -> int:
    if args not in ([], ["--all"]) or not proc.box.run.cpus:
        raise Unsupported(f"nproc {' '.join(args)}".rstrip())
    proc.emit(f"{proc.box.run.cpus}\n")
    return 0


IDENTITY_TOOLS: dict[str, Tool] = {"id": id_, "nproc": nproc, "whoami": whoami}
