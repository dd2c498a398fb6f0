"""A trial's numbers as JUnit properties, for whoever reads junit.xml and nothing else. pytest writes the file."""

from __future__ import annotations

import json

from ..record import TrialRecord


def properties(row: TrialRecord) -> list[tuple[str, str]]:
    """Name and value; what did not happen has no property."""
    pairs: list[tuple[str, object]] = [
        ("scenario", row.scenario),
        ("trial", row.trial),
        ("class", row.crash_class),
        ("verdict", row.verdict),
        ("reason", row.reason),
        ("detect-seconds", row.times.detect),
        ("classify-seconds", row.times.classify),
        ("recover-seconds", row.times.recover),
        ("seed", row.seed),
        ("healer", row.healer),
        ("cluster", f"{row.cluster}, Kubernetes {row.kubernetes}, {row.timing}"),
        ("parameters", json.dumps(row.parameters, sort_keys=True)),
        ("evidence", row.evidence),
    ]
    return [(f"healgate.{name}", str(value)) for name, value in pairs if value not in (None, "")]
