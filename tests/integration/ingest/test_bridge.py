"""What the bridge makes of good, bad, repeated and old records."""

import json
from datetime import timedelta

import pytest

from smartstore.contracts.topics import LINES
from smartstore.contracts.wire import partition_of
from tests.integration.ingest.conftest import (  # noqa
    PARTITIONS,
    START,
    Feed,
    Read,
    Start,
    header,
    position_of,
    shelf_event,
)
