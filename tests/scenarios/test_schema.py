"""The committed schema is the one that the models make, and it accepts every shipped scenario's keys."""

from __future__ import annotations

import json

from healgate.scenario import schema
from healgate.scenario.catalogue import Catalogue, default_roots


def test_the_committed_schema_is_current() -> None:
    committed = (default_roots()[0] / schema.FILE).read_text()
    assert committed == schema.text(), "run: python -m healgate.scenario.schema > scenarios/schema.json"


def test_every_key_of_a_scenario_is_in_the_schema() -> None:
    definition = schema.json_schema()
    known = definition["$defs"]["healgate"]["properties"]
    for scenario in Catalogue.load().scenarios.values():
        assert set(scenario.experiment) <= set(definition["properties"])
        for extension in scenario.experiment["extensions"]:
            assert set(extension) <= set(known)


def test_a_placeholder_may_stand_for_a_duration_and_for_a_word_of_a_list() -> None:
    definitions = schema.json_schema()["$defs"]
    placeholder = {"pattern": r"\$\{", "type": "string"}
    assert placeholder in definitions["Hold"]["properties"]["time-to-crash"]["anyOf"]
    assert placeholder in definitions["CrashClass"]["anyOf"]


def test_every_scenario_points_at_the_schema() -> None:
    for scenario in Catalogue.load().scenarios.values():
        first = scenario.path.read_text().splitlines()[0]
        assert first == f"# yaml-language-server: $schema=../{schema.FILE}"
        assert (scenario.path.parent / ".." / schema.FILE).exists()


def test_it_is_json_with_sorted_keys() -> None:
    assert json.loads(schema.text()) == schema.json_schema()
