"""What a `kubectl logs` asks, in all the ways in which it can be written."""

from __future__ import annotations

from dataclasses import dataclass


class NotUnderstood(Exception):
    """A way to ask that is not known here; the text is the command."""


@dataclass(frozen=True)
class Question:
    pod: str
    container: str  # "": whichever the pod has
    previous: bool
    tail: int | None

    def query(self) -> list[tuple[str, str]]:
        found = [("container", self.container)] if self.container else []
        if self.previous:
            found.append(("previous", "true"))
        if self.tail is not None:
            found.append(("tailLines", str(self.tail)))
        return found


def asked(words: list[str]) -> Question:
    """The question of the words behind `logs`."""
    pod, container, previous, tail = "", "", False, None
    rest = list(words)
    while rest:
        word = rest.pop(0)
        name, equals, value = word.partition("=")
        if word in ("-p", "--previous") or (name == "--previous" and value == "true"):
            previous = True
        elif name in ("-c", "--container", "--tail") and (equals or rest):
            value = value if equals else rest.pop(0)
            if name == "--tail":
                tail = int(value) if int(value) >= 0 else None
            else:
                container = value
        elif pod or word.startswith(("-", "deployment/", "deploy/", "job/", "sts/", "rs/")):
            raise NotUnderstood(f"logs {' '.join(words)}")
        else:
            pod = word.removeprefix("pod/").removeprefix("pods/")
    if not pod:
        raise NotUnderstood(f"logs {' '.join(words)}")
    return Question(pod, container, previous, tail)
