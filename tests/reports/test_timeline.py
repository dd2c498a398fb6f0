"""The drawing: well-formed, everything inside, no text on other text."""

from __future__ import annotations

from dataclasses import replace
from itertools import combinations, pairwise
from xml.etree import ElementTree

import pytest

from healgate.evidence import Claim, Evidence, Recovery
from healgate.record import Times, TrialRecord
from healgate.reports import story
from healgate.reports.axis import Axis
from healgate.reports.timeline import draw
from healgate.words import Verdict, Word

from . import made_up

SVG = "{http://www.w3.org/2000/svg}"


def busy() -> Evidence:
    """Many of everything, close together."""
    evidence = made_up.evidence(
        recoveries=[Recovery(made_up.BEGAN + 80 + n, made_up.BEGAN + 80.5 + n, "lost " * 30, True) for n in range(9)]
    )
    evidence.claims.extend(Claim(made_up.BEGAN + 79 + n / 10, Word.ESCALATED, note="x" * 200) for n in range(30))
    evidence.requests.extend(
        replace(evidence.requests[0], time=made_up.BEGAN + 90 + n, name="a-very-long-name-" * 6) for n in range(30)
    )
    evidence.timeline.extend(
        replace(seen, object=made_up.pod(f"backend-6b7c9d4f5c-{n:05}", made_up.RUNNING, ready=True))
        for n, seen in enumerate(evidence.timeline[:1] * 100)
    )
    return evidence


def never_live() -> Evidence:
    evidence = made_up.evidence(recoveries=[])
    evidence.live = None
    evidence.claims.clear()
    return evidence


def never_broken() -> Evidence:
    return Evidence("team", made_up.BEGAN, ended=made_up.BEGAN + 300, not_steady="never steady")


CASES: dict[str, tuple[Evidence, TrialRecord]] = {
    "with any characters": (made_up.evidence(), made_up.failed(parameters={"said": "a\x00\x1b[31m\ud800"})),
    "passed": (made_up.evidence(polls=50), made_up.row()),
    "relapsed": (made_up.relapsing(), made_up.failed()),
    "busy": (busy(), made_up.failed(parameters={f"parameter_{n}": "x" * 30 for n in range(20)})),
    "late": (made_up.evidence(), made_up.failed(times=Times(31.0, 61.0, 179.0))),
    "at the edge": (made_up.evidence(), made_up.row(times=Times(29.9, 640.0, 644.0))),
    "invalid": (never_live(), made_up.row(verdict=Verdict.INVALID, message="not live", times=Times())),
    "error": (never_broken(), made_up.row(verdict=Verdict.ERROR, message="<&> \x00\x1b[31m broke", times=Times())),
}


@pytest.fixture(params=CASES, ids=str)
def root(request: pytest.FixtureRequest) -> ElementTree.Element:
    evidence, row = CASES[request.param]
    return ElementTree.fromstring(draw(story.tell(evidence, made_up.plan(), row)))


Box = tuple[float, float, float, float]


def box(text: ElementTree.Element) -> Box:
    """A little narrower than the drawing assumes: half an em for a character is what a browser takes on average."""
    size, x, y = (float(text.attrib[name]) for name in ("font-size", "x", "y"))
    width = len(text.text or "") * size * 0.5
    left = x - width if text.get("text-anchor") == "end" else x
    return left, y - size * 0.72, left + width, y + size * 0.1


def test_no_text_lies_on_another(root: ElementTree.Element) -> None:
    boxes = [(box(text), text.text) for text in root.iter(f"{SVG}text")]
    for (one, said), (other, also) in combinations(boxes, 2):
        apart = one[2] <= other[0] or other[2] <= one[0] or one[3] <= other[1] or other[3] <= one[1]
        assert apart, f"{said!r} lies on {also!r}"


def test_everything_is_inside(root: ElementTree.Element) -> None:
    width, height = float(root.attrib["width"]), float(root.attrib["height"])
    for text in root.iter(f"{SVG}text"):
        left, top, right, bottom = box(text)
        assert left >= 0
        assert right <= width + 1, text.text
        assert top >= 0
        assert bottom <= height
    for rect in root.iter(f"{SVG}rect"):
        if rect.get("width", "").endswith("%"):
            continue
        assert float(rect.attrib["x"]) + float(rect.attrib["width"]) <= width
        assert float(rect.attrib["y"]) + float(rect.attrib["height"]) <= height


def test_the_background_is_light(root: ElementTree.Element) -> None:
    first = next(root.iter(f"{SVG}rect"))
    assert (first.attrib["width"], first.attrib["fill"]) == ("100%", "#ffffff")


def texts(evidence: Evidence, row: TrialRecord) -> str:
    root = ElementTree.fromstring(draw(story.tell(evidence, made_up.plan(), row)))
    return "\n".join(text.text or "" for text in root.iter(f"{SVG}text"))


def test_it_says_what_a_reader_needs() -> None:
    said = texts(*CASES["relapsed"])
    for needed in ("FAIL", "relapsed: expected", "fault live", "broken", "detect within 30s", "3.2s", "41.7s",
                   "classified as oom", "patch Deployment/backend", "→ 404", "lost after 5m12s"):  # fmt: skip
        assert needed in said, needed


def test_what_is_left_out_is_counted() -> None:
    said = texts(*CASES["busy"])
    assert "and 89 more" in said  # 103 containers in 14 lanes
    assert "patch Deployment/a-very-long-name-" in said
    assert "(30 times)" in said
    assert "and 5 others" in said  # recoveries that were lost


def test_the_crash_and_its_repair_get_most_of_the_room() -> None:
    axis = Axis.over(0.0, (60.0, 120.0), 720.0, 0.0, 1000.0)
    assert axis.x(120.0) - axis.x(60.0) > 700
    assert axis.x(0.0) == 0.0
    assert axis.x(720.0) == 1000.0


def test_the_axis_never_goes_back() -> None:
    axis = Axis.over(0.0, (60.0, 120.0), 720.0, 0.0, 1000.0)
    places = [axis.x(time) for time in range(-10, 800)]
    assert places == sorted(places)


def test_ticks_keep_their_distance() -> None:
    ticks = Axis.over(0.0, (60.0, 120.0), 720.0, 0.0, 1000.0).ticks(75.4, 56)
    assert len(ticks) > 8
    assert all(b - a >= 50 for (a, _), (b, _) in pairwise(ticks))
    assert 0.0 in [seconds for _, seconds in ticks]
