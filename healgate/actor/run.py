"""Which program a profile is."""

from __future__ import annotations

from .effects import Program
from .fetch import curl
from .host import Host
from .parts import play
from .profile import Profile
from .topics import TopicTool


def program(profile: Profile, host: Host, args: tuple[str, ...] = ()) -> Program:
    if profile.kind == "fetch":
        return curl(host, args)
    if profile.kind == "topic-tool":
        return TopicTool(profile, host, args).run()
    return play(profile, host)
