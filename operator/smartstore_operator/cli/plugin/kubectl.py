"""kubectl, as the plugin uses it: the same kubeconfig, context and namespace as every other command of its user."""

import json
import subprocess
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from smartstore_operator.cli.exits import CommandFailed

Object = dict[str, Any]
KIND = "smartstores.smartstore.io"


@dataclass(frozen=True)
class Kubectl:
    """Calls of kubectl with the options that its user gave."""

    options: tuple[str, ...] = ()

    def run(self, *arguments: str, stdin: str | None = None) -> str:
        """The output of one call.

        Raises:
            CommandFailed: kubectl is missing or failed, with its own words.
        """
        try:
            done = subprocess.run(
                ["kubectl", *self.options, *arguments],
                capture_output=True,
                text=True,
                check=False,
                input=stdin,
            )
        except OSError as error:
            raise CommandFailed(f"kubectl cannot be run: {error.strerror}") from error
        if done.returncode != 0:
            raise CommandFailed(done.stderr.strip() or f"kubectl ended with {done.returncode}")
        return done.stdout

    def show(self, *arguments: str) -> int:
        """One call whose output goes to the terminal; its exit code."""
        return subprocess.call(["kubectl", *self.options, *arguments])

    def smartstore(self, name: str) -> Object:
        """The SmartStore of this name."""
        found: Object = json.loads(self.run("get", KIND, name, "--output=json"))
        return found

    def list(self, kinds: Sequence[str], labels: Mapping[str, str]) -> list[Object]:
        """All objects of these kinds with these labels."""
        chosen = ",".join(f"{name}={value}" for name, value in labels.items())
        found = json.loads(self.run("get", ",".join(kinds), f"--selector={chosen}", "--output=json"))
        return list(found["items"])

    def patch(self, name: str, spec: Mapping[str, Any]) -> None:
        """Change fields of a SmartStore's spec."""
        self.run("patch", KIND, name, "--type=merge", f"--patch={json.dumps({'spec': spec})}")
