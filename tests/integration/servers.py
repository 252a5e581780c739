"""The real servers for tests, as a process: `python servers.py FILE DATA_DIR`.

Renders the SmartStore of FILE as `smartstore up` does, prints the variables for clients as one JSON line, and starts
components when asked over the control socket. Ends on SIGTERM.
"""

import asyncio
import json
import sys
from pathlib import Path

from smartstore_operator.embedded.supervisor import Supervisor
from smartstore_operator.embedded.system import System, load, prepare


async def run(system: System) -> None:
    """Serve until stopped."""
    async with Supervisor(system.rendered.components, system.data, observe=system.facts) as supervisor:
        print(json.dumps(system.client_environment()), flush=True)
        await supervisor.wait()


def main() -> None:
    """Run in the given directory."""
    smartstore, data = load(Path(sys.argv[1]), Path(sys.argv[2]))
    data.create(smartstore.name)
    with data.locked():
        system = prepare(smartstore, data)
        system.write()
        asyncio.run(run(system))


if __name__ == "__main__":
    main()
