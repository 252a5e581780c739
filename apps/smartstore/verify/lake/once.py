"""Tables that have each record once: mirrors by its place on the topic, others by its key."""

from array import array

import numpy as np
import numpy.typing as npt

from smartstore.verify.differences import Check
from smartstore.verify.lake.tables import name_of_place

Numbers = npt.NDArray[np.int64]


class Side:
    """Records as the topic has them, or rows as the table has them; 24 bytes each."""

    def __init__(self) -> None:
        self._identities, self._contents, self._places = array("q"), array("q"), array("q")

    def add(self, identity: int, content: int, place: int) -> None:
        """`identity`: what there may be one of; `content`: its hash; `place`: where on the topic."""
        self._identities.append(identity)
        self._contents.append(content)
        self._places.append(place)

    def sorted(self) -> tuple[Numbers, Numbers, Numbers]:
        """Identities, contents and places, by identity; equal ones stay in order."""
        columns = [np.array(a, np.int64) for a in (self._identities, self._contents, self._places)]
        order = np.argsort(columns[0], kind="stable")
        return columns[0][order], columns[1][order], columns[2][order]


def compare(check: Check, topic: Side, table: Side, oldest: dict[int, int]) -> None:
    """Each record of the topic must be in the table once, with its content, and nothing else.

    `topic`: its records as far as the table goes; `oldest`: by partition the first offset that Kafka still has, since
    a table has more than that.
    """
    wanted, wanted_contents, wanted_places = topic.sorted()
    first = np.concatenate(([True], np.diff(wanted) != 0))[: len(wanted)]
    wanted, wanted_contents, wanted_places = wanted[first], wanted_contents[first], wanted_places[first]
    found, found_contents, found_places = table.sorted()
    check.compared += len(wanted)

    repeated = np.concatenate(([False], np.diff(found) == 0))[: len(found)]
    for place in found_places[repeated]:
        check.differs("is there twice", name_of_place(int(place)), "one row", "another row of it")

    slots = np.searchsorted(found, wanted)
    there = slots < len(found)
    there[there] = found[slots[there]] == wanted[there]
    for place in wanted_places[~there]:
        check.differs("is missing", name_of_place(int(place)), "a row", "none")
    unequal = wanted_contents[there] != found_contents[slots[there]]
    for place in wanted_places[there][unequal]:
        check.differs("content differs", name_of_place(int(place)), "the record", "another content")

    strangers = found_places[~np.isin(found, wanted)]
    gone = sum(_offset(place) < oldest.get(_partition(place), 0) for place in strangers.tolist())
    if gone:
        check.notes.append(f"{gone:,} rows are older than what Kafka keeps")
    for place in strangers.tolist():
        if _offset(place) >= oldest.get(_partition(place), 0):
            check.differs("is not on its topic", name_of_place(place), "no row", "a row")


def _partition(place: int) -> int:
    return place >> 48


def _offset(place: int) -> int:
    return place & (1 << 48) - 1
