"""What each component of the replay sample is, and the gateway of the external one, word by word.

After a wanted change: SMARTSTORE_UPDATE_GOLDEN=1 pytest tests/unit/render, and read the diff.
"""

import dataclasses
import json
import os
from pathlib import Path
from typing import Any

import pytest

from smartstore_operator.api.load import load_smartstore
from smartstore_operator.render import Component, Platform, render

GOLDEN = Path(__file__).parent / "golden"
SAMPLES = Path(__file__).parents[3] / "manifests" / "samples"
SAMPLE = SAMPLES / "replay.yaml"
EXTERNAL = SAMPLES / "external.yaml"
NAMES = (
    *("kafka", "valkey", "postgres", "connect"),
    *("topics", "migrate", "connectors", "bridge", "hot", "world", "lake"),
)


def _as_json(component: Component) -> str:
    """A component as JSON; files as lists of lines, so that a diff is readable."""
    value: dict[str, Any] = dataclasses.asdict(component)
    for kind in ("files", "secret_files"):
        value[kind] = {name: text.splitlines() for name, text in value[kind].items()}
    return json.dumps(value, indent=2, ensure_ascii=False) + "\n"


@pytest.mark.parametrize("name", [*NAMES, "gateway"])
def test_a_component_is_as_recorded(name: str, platform: Platform) -> None:
    sample = EXTERNAL if name == "gateway" else SAMPLE
    actual = _as_json(render(load_smartstore(sample), platform).component(name))
    file = GOLDEN / f"{name}.json"
    if os.environ.get("SMARTSTORE_UPDATE_GOLDEN"):
        file.write_text(actual)
    assert actual == file.read_text()


def test_every_component_is_recorded(platform: Platform) -> None:
    names = [component.name for component in render(load_smartstore(SAMPLE), platform).components]
    assert names == list(NAMES)
    outside = [component.name for component in render(load_smartstore(EXTERNAL), platform).components]
    assert outside == [*NAMES[:-1], "gateway", NAMES[-1]]
    assert sorted(file.stem for file in GOLDEN.iterdir()) == sorted(outside)
