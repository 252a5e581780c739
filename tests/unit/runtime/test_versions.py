"""When an event needs no look at the API server."""

import pytest

from smartstore_operator.runtime.versions import Watched

pytestmark = pytest.mark.unit

SERVICE, SECRET = ("Service", "demo-hot"), ("Secret", "demo-credentials")


class Moment:
    """A clock that stands."""

    seconds = 0.0

    def __call__(self) -> float:
        return self.seconds


def _settled(clock: Moment | None = None) -> Watched[str]:
    watched = Watched[str](300, clock or Moment())
    watched.told("demo", *SERVICE, "7")
    watched.settled("demo", watched.now("demo"), {SERVICE: "7"})
    return watched


def test_nothing_known_is_not_settled() -> None:
    assert not Watched[str](300).is_settled("demo")


def test_settled_until_something_changes_or_comes_or_goes() -> None:
    for kind, item, version in ((*SERVICE, "8"), (*SECRET, "1"), (*SERVICE, None)):
        watched = _settled()
        watched.told("demo", *SERVICE, "7")
        assert watched.is_settled("demo")
        watched.told("demo", kind, item, version)
        assert not watched.is_settled("demo")


def test_what_the_look_did_not_see_yet_is_not_settled() -> None:
    watched = Watched[str](300)
    watched.told("demo", *SERVICE, "8")
    watched.settled("demo", watched.now("demo"), {SERVICE: "7"})  # what it was shown was old
    assert not watched.is_settled("demo")


def test_what_the_look_saw_before_the_watch_told_it_needs_no_other_look() -> None:
    watched = _settled()
    watched.settled("demo", watched.now("demo"), {SERVICE: "8"})
    assert not watched.is_settled("demo")
    watched.told("demo", *SERVICE, "8")
    assert watched.is_settled("demo")


def test_what_was_known_and_is_not_found_is_gone() -> None:
    watched = _settled()
    watched.told("demo", *SECRET, "1")
    watched.settled("demo", watched.now("demo"), {SERVICE: "7"})
    assert watched.now("demo") == {SERVICE: "7"}
    assert watched.is_settled("demo")


def test_what_is_told_during_a_look_is_not_gone() -> None:
    watched = Watched[str](300)
    before = watched.now("demo")
    watched.told("demo", *SERVICE, "7")
    watched.settled("demo", before, {})
    assert watched.now("demo") == {SERVICE: "7"}
    assert not watched.is_settled("demo")


def test_it_is_looked_at_again_after_a_while_whatever_the_watches_say() -> None:
    moment = Moment()
    watched = _settled(moment)
    moment.seconds = 299
    assert watched.is_settled("demo")
    moment.seconds = 300
    assert not watched.is_settled("demo")


def test_one_that_is_gone_is_forgotten() -> None:
    watched = _settled()
    watched.forget("demo")
    assert not watched.is_settled("demo")
    assert watched.now("demo") == {}
