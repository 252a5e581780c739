"""The times of the Lease, for every length that may be set."""

import pytest

from smartstore_operator.runtime.lease import Terms

pytestmark = pytest.mark.unit


@pytest.mark.parametrize("seconds", [*range(3, 60), 600])
def test_who_holds_it_gives_up_before_another_takes_it_and_that_is_in_time(seconds: int) -> None:
    terms = Terms(namespace="x", identity="x", seconds=seconds)
    assert 3 * terms.pause < terms.patience  # one request that fails is no reason
    assert terms.pause + 10 * terms.short_pause < terms.patience  # nor are some in a row
    assert terms.patience * 1.4 < terms.duration
    # renewed, seen by the other one, not renewed any more, noticed
    assert terms.pause + terms.duration + terms.pause < seconds
