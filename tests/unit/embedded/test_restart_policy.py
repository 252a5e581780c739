"""Back-off between restarts."""

from smartstore_operator.embedded.runner import RestartPolicy


def test_delays_double_up_to_the_longest() -> None:
    policy = RestartPolicy()
    assert [policy.delay(failures) for failures in range(1, 9)] == [0.5, 1, 2, 4, 8, 16, 30, 30]
    assert policy.delay(10_000) == 30
