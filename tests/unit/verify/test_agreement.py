"""The recomputation and the stock jobs, two codes for one set of rules, on the same random hours of a store."""

import random
from pathlib import Path

import pytest

from tests.unit.domain.test_any_cut_and_interleaving import planning, scenario
from tests.unit.verify.agreement import demand_agreement, ticks_of

pytestmark = pytest.mark.unit


def is_in_order(seed: int) -> bool:
    """Whether the ticks of a scenario rise, as those of a source do."""
    ticks = ticks_of(scenario(random.Random(seed)))
    return ticks == sorted(ticks)


@pytest.mark.parametrize("seed", [seed for seed in range(24) if is_in_order(seed)])
def test_both_come_to_the_same_records(seed: int, tmp_path: Path) -> None:
    demand_agreement(scenario(random.Random(seed)), planning(seed), tmp_path)
