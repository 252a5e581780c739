"""A supervisor over fake components, as a process that tests can kill: `python fake_system.py DATA_DIR COMPONENTS`.

COMPONENTS is a JSON list of `Component` fields. Changes of state go to standard output, one JSON object a line.
"""

import asyncio
import json
import sys
from dataclasses import asdict
from pathlib import Path

from smartstore_operator.embedded.datadir import DataDir
from smartstore_operator.embedded.errors import StartFailure
from smartstore_operator.embedded.runner import Change, RestartPolicy
from smartstore_operator.embedded.supervisor import Supervisor
from smartstore_operator.render.component import Component, Probe

POLICY = RestartPolicy(first_delay=0.1, longest_delay=0.4, failing_after=3)


def component(fields: dict[str, object]) -> Component:
    """A component from JSON."""
    probe = fields.pop("probe", None)
    tuples = {key: tuple(value) if isinstance(value, list) else value for key, value in fields.items()}
    return Component(**tuples, probe=Probe(**probe) if probe else None)  # type: ignore[arg-type]


def say(change: Change) -> None:
    """Tell the test."""
    print(json.dumps(asdict(change)), flush=True)


async def run(data: DataDir, components: list[Component]) -> int:
    """Start, wait for a stop, stop."""
    try:
        async with Supervisor(components, data, policy=POLICY, listener=say) as supervisor:
            await supervisor.start()
            await supervisor.wait()
    except StartFailure as failure:
        print(json.dumps({"failure": str(failure), "tail": failure.tail}), flush=True)
        return 1
    return 0


def main() -> int:
    """Run in the given directory."""
    data = DataDir(Path(sys.argv[1]))
    components = [component(fields) for fields in json.loads(sys.argv[2])]
    data.create("fake")
    with data.locked():
        data.write_files(components)
        return asyncio.run(run(data, components))


if __name__ == "__main__":
    sys.exit(main())
