"""Builders that keep the extracts of the recorded data for the whole test run."""

from collections.abc import Callable
from pathlib import Path

import pytest

from smartstore.contracts.settings import RunSettings
from smartstore.world.model import build_world
from smartstore.world.physical.estate import Estate


@pytest.fixture(scope="session")
def cache_dir(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where the extracts of the recorded data are kept for this test run."""
    return tmp_path_factory.mktemp("recordings")


@pytest.fixture(scope="session")
def build(cache_dir: Path) -> Callable[[RunSettings], Estate]:
    """Builds a world, with the extracts kept for the test run."""

    def build(settings: RunSettings) -> Estate:
        world = build_world(settings, cache_dir)
        assert isinstance(world, Estate)
        return world

    return build
