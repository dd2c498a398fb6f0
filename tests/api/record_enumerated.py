"""Asks a real API server for every value of every enumerated field, and writes `enumerated.json`.

    kubectl proxy --port 8001 & python -m tests.api.record_enumerated http://127.0.0.1:8001

The server needs no node and no controller: all is a dry run, but for one pod. It must have one family of addresses and
no admission that wants ServiceAccounts (`--disable-admission-plugins ServiceAccount`), or pods are refused for want of
one. The trap is a refusal for another reason than the value: it is recorded like any other, so look what has changed.
"""

from __future__ import annotations

import json
import sys
from dataclasses import asdict
from http.client import HTTPConnection
from typing import Any
from urllib.parse import urlsplit

from .enumerated import EPHEMERAL, RECORDING, Kind, Line, Obj
from .enumerated_questions import Question, kinds, questions


class Real:
    def __init__(self, address: str) -> None:
        self._connection = HTTPConnection(urlsplit(address).netloc)

    def ask(self, method: str, url: str, body: Obj) -> tuple[int, Obj]:
        kind = "application/strategic-merge-patch+json" if method == "PATCH" else "application/json"
        self._connection.request(method, url, json.dumps(body), {"Content-Type": kind})
        answer = self._connection.getresponse()
        return answer.status, json.loads(answer.read())


def lines(answers: list[tuple[Question, list[Any]]]) -> list[Line]:
    """Values of one patch together, and then the kinds to which they were the same."""
    fields: dict[tuple[str, str], Line] = {}
    for question, answer in answers:
        key = question.kind, json.dumps(question.patch)
        line = fields.setdefault(key, Line([question.kind], question.patch, [], {}))
        if answer[0] < 300:
            line.accepted.append(question.value)
        else:
            line.refused[question.value] = answer
    found: dict[str, Line] = {}
    for line in fields.values():
        same = found.setdefault(json.dumps([line.patch, line.accepted, line.refused]), line)
        if same is not line:
            same.kinds.extend(line.kinds)
    return list(found.values())


def written(kinds: dict[str, Kind], lines: list[Line]) -> str:
    """One kind and one line in a line, so that a difference can be read."""
    heads = ",\n".join(f"{json.dumps(name)}: {json.dumps(asdict(one))}" for name, one in kinds.items())
    rows = ",\n".join(json.dumps(asdict(one)) for one in lines)
    return f'{{"kinds": {{\n{heads}\n}},\n"lines": [\n{rows}\n]}}\n'


def main(address: str) -> None:
    real, asked = Real(address), kinds()
    there = asked[EPHEMERAL]
    real.ask("POST", there.url, there.body)
    answers: list[tuple[Question, list[Any]]] = []
    for one in questions(asked):
        kind = asked[one.kind]
        answers.append((one, kind.answer(*real.ask(*kind.request(one.patch, one.value)))))
    found = lines(answers)
    RECORDING.write_text(written(asked, found), "utf-8")
    refused = sum(answer[0] >= 400 for _, answer in answers)
    print(f"{len(asked)} kinds, {len(found)} lines, {len(answers)} values, {refused} of them refused")


if __name__ == "__main__":
    if len(sys.argv) != 2:
        sys.exit("of which server? python -m tests.api.record_enumerated http://127.0.0.1:8001")
    main(sys.argv[1])
