"""When an event needs no look at the API server."""

import pytest

from smartstore_operator.runtime.versions import Watched

pytestmark = pytest.mark.unit


class Moment:
    """A clock that stands."""

    seconds = 0.0

    def __call__(self) -> float:
        return self.seconds


def test_nothing_known_is_not_settled() -> None:
    assert not Watched[str](300).is_settled("demo")


def test_settled_until_something_changes_or_comes_or_goes() -> None:
    for kind, item, version in (
        ("Service", "demo-hot", "8"),
        ("Secret", "new", "1"),
        ("Service", "demo-hot", None),
    ):
        watched = Watched[str](300)
        watched.told("demo", "Service", "demo-hot", "7")
        watched.settled("demo", watched.now("demo"))
        watched.told("demo", "Service", "demo-hot", "7")  # a watch that begins anew tells everything again
        assert watched.is_settled("demo")
        watched.told("demo", kind, item, version)
        assert not watched.is_settled("demo")


def test_what_is_told_during_a_look_is_looked_at() -> None:
    watched = Watched[str](300)
    before = watched.now("demo")
    watched.told("demo", "Service", "demo-hot", "7")
    watched.settled("demo", before)
    assert not watched.is_settled("demo")


def test_it_is_looked_at_again_after_a_while_whatever_the_watches_say() -> None:
    moment = Moment()
    watched = Watched[str](300, moment)
    watched.settled("demo", watched.now("demo"))
    moment.seconds = 299
    assert watched.is_settled("demo")
    moment.seconds = 300
    assert not watched.is_settled("demo")


def test_one_that_is_gone_is_forgotten() -> None:
    watched = Watched[str](300)
    watched.told("demo", "Service", "demo-hot", "7")
    watched.settled("demo", watched.now("demo"))
    watched.forget("demo")
    assert not watched.is_settled("demo")
    assert watched.now("demo") == {}
