"""The sample files load; what kubectl prints of an object loads too."""

from datetime import date, timedelta
from pathlib import Path

import pytest

from smartstore_operator.api.load import load_smartstore, validate_smartstore

SAMPLES = Path(__file__).parents[3] / "manifests" / "samples"


@pytest.mark.parametrize("path", sorted(SAMPLES.glob("*.yaml")), ids=lambda path: path.stem)
def test_a_sample_loads_and_is_named_like_its_file(path: Path) -> None:
    # the one that the documents begin with is called demo there
    assert load_smartstore(path).name == {"minimal": "demo"}.get(path.stem, path.stem)


def test_the_replay_sample_is_what_make_run_promises() -> None:
    spec = load_smartstore(SAMPLES / "replay.yaml").spec
    assert (spec.stores, spec.source.type, spec.source.speed) == (5, "Replay", 600)
    assert spec.source.replay.start == date(2017, 11, 13)
    assert spec.source.effective_tick() == timedelta(minutes=5)


def test_the_simulation_sample_runs_three_stores_at_a_minute_a_second() -> None:
    spec = load_smartstore(SAMPLES / "simulation.yaml").spec
    assert (spec.stores, spec.source.type, spec.source.speed) == (3, "Simulation", 60)


def test_what_the_api_server_adds_is_ignored() -> None:
    document = {
        "apiVersion": "smartstore.io/v1alpha1",
        "kind": "SmartStore",
        "metadata": {
            "name": "demo",
            "namespace": "default",
            "uid": "x",
            "generation": 3,
            "managedFields": [],
        },
        "spec": {"stores": 7},
        "status": {"stores": 7},
    }
    assert validate_smartstore(document).spec.stores == 7
