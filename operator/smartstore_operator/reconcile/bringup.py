"""Which components may run yet: each after what it needs. Pure."""

from collections.abc import Mapping, Sequence

from smartstore_operator.api.reasons import Reason
from smartstore_operator.reconcile.health import Health
from smartstore_operator.render.component import Component


def lacking(components: Sequence[Component], healths: Mapping[str, Health]) -> dict[str, list[str]]:
    """By component: what it needs, directly or not, that is not ready; `components` come after their needs."""
    found: dict[str, list[str]] = {}
    for component in components:
        found[component.name] = [
            name for need in component.needs for name in (found[need] if healths[need].is_ready else [need])
        ]
    return found


def held_back(components: Sequence[Component], healths: Mapping[str, Health]) -> dict[str, Health]:
    """The components that must not be created yet, with what they wait for; `components` come after their needs.

    One that exists is never held back: what it needs may fail for a while without being a reason to take it away.
    What it needs must have what that needs in turn: topics that an earlier SmartStore left are there before brokers.
    """
    waiting: dict[str, Health] = {}
    lacks = lacking(components, healths)
    for component in components:
        missing = lacks[component.name]
        if healths[component.name].state != "Missing":
            continue
        if not missing:
            missing = [
                other for other in component.after if other in waiting or healths[other].state == "Missing"
            ]
        if missing:
            waiting[component.name] = Health(
                "Missing", Reason.WAITING, f"it waits for {', '.join(dict.fromkeys(missing))}"
            )
    return waiting
