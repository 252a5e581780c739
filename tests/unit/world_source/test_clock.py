"""The clock: an upper bound for the speed, and the lead over what is acknowledged."""

import pytest

from smartstore.world.clock import Clock

pytestmark = pytest.mark.unit

TICK = 300_000


class Hand:
    """A clock that the test moves."""

    now = 100.0

    def __call__(self) -> float:
        return self.now


def clock(hand: Hand, speed: float = 600.0, max_lead: int = 5) -> Clock:
    return Clock(speed=speed, tick_ms=TICK, max_lead=max_lead, start_ms=0, now=hand)


def test_speed_is_an_upper_bound_without_catching_up() -> None:
    """Five minutes at 600 take half a second; time lost is lost."""
    hand = Hand()
    subject = clock(hand)
    assert subject.seconds_until_due() <= 0
    subject.emitted(TICK)
    assert subject.seconds_until_due() == pytest.approx(0.5)
    hand.now += 0.6
    subject.emitted(2 * TICK)
    assert subject.seconds_until_due() == pytest.approx(0.4)
    hand.now += 30
    subject.emitted(3 * TICK)
    assert subject.seconds_until_due() <= 0
    subject.emitted(4 * TICK)
    assert subject.seconds_until_due() == pytest.approx(0.5)


def test_unbounded_speed_is_always_due() -> None:
    """Speed 0 leaves the pace to the acknowledgements."""
    subject = clock(Hand(), speed=0)
    subject.emitted(TICK)
    assert subject.seconds_until_due() <= 0


@pytest.mark.parametrize(
    ("max_lead", "acknowledged", "furthest"), [(0, None, 1), (0, 1, 2), (5, None, 6), (5, 10, 16)]
)
def test_lead(max_lead: int, acknowledged: int | None, furthest: int) -> None:
    """With `max_lead` 0, tick T only when T - 1 is acknowledged; before the first acknowledgement, the start counts."""
    subject = clock(Hand(), max_lead=max_lead)
    acknowledged_ms = None if acknowledged is None else acknowledged * TICK
    assert subject.may_lead(furthest * TICK, acknowledged_ms)
    assert not subject.may_lead((furthest + 1) * TICK, acknowledged_ms)


def test_achieved_speed() -> None:
    """Simulated over real seconds, over the last ten seconds."""
    hand = Hand()
    subject = clock(hand)
    for tick in range(1, 101):
        subject.emitted(tick * TICK)
        hand.now += 1.0
    assert subject.achieved_speed() == pytest.approx(300, rel=0.1)
