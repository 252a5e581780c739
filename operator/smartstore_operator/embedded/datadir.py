"""The data directory of one system: configuration, secrets, state, logs, and who runs in it.

config/<component>/   files rendered at each start; files with secrets are readable by the owner only
state/<component>/    what survives restarts
logs/<component>.log  rotated by size
run/                  lock, control socket, processes
secrets.json          generated once
ports.json            chosen once
"""

import contextlib
import fcntl
import json
import os
import secrets
import shutil
from collections.abc import Callable, Iterable, Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from smartstore_operator.embedded.errors import PreflightError

if TYPE_CHECKING:  # what renders is heavy, and most commands do not
    from smartstore_operator.render.component import Component

MARKER = "smartstore.json"
"""The file that tells a data directory from any other directory."""


class DataDir:
    """Paths and small files of one data directory; nothing is created before `create`."""

    def __init__(self, root: Path) -> None:
        self.root = root.absolute()

    def config(self, component: str) -> Path:
        """Where the component's rendered files are."""
        return self.root / "config" / component

    def state(self, component: str) -> Path:
        """Where the component keeps what survives restarts."""
        return self.root / "state" / component

    @property
    def savepoints(self) -> Path:
        """Where the savepoints of the stock jobs are, by name."""
        return self.state("savepoints")

    def log(self, component: str) -> Path:
        """The component's log file."""
        return self.root / "logs" / f"{component}.log"

    @property
    def run(self) -> Path:
        """What belongs to the running instance only."""
        return self.root / "run"

    @property
    def record(self) -> Path:
        """The processes of the running, or last, instance."""
        return self.run / "processes.json"

    @property
    def client_file(self) -> Path:
        """Variables for clients of the running instance, passwords among them."""
        return self.run / "client.json"

    @property
    def is_ours(self) -> bool:
        """Whether this directory was made by `create`."""
        return (self.root / MARKER).is_file()

    def create(self, name: str) -> None:
        """Make the directory, or check that it belongs to the SmartStore `name`. Idempotent.

        Raises:
            PreflightError: it cannot be written, holds something else, or belongs to another SmartStore.
        """
        known = read_json(self.root / MARKER)
        if known and known.get("name") != name:
            raise PreflightError(
                f"the data directory belongs to the SmartStore {known.get('name')!r}, not to {name!r}",
                self.root,
                "choose another one by --data-dir",
            )
        if not known and self.root.is_dir() and any(self.root.iterdir()):
            raise PreflightError(
                "the data directory holds something else", self.root, "choose an empty one by --data-dir"
            )
        try:
            for part in ("config", "state", "logs", "run"):
                (self.root / part).mkdir(parents=True, exist_ok=True)
            self.run.chmod(0o700)
            if not known:
                write_json(self.root / MARKER, {"name": name})
        except OSError as error:
            raise PreflightError(
                f"the data directory cannot be written, {(error.strerror or str(error)).lower()}",
                self.root,
                "choose a directory that you may write by --data-dir",
            ) from error

    @contextlib.contextmanager
    def locked(self) -> Iterator[None]:
        """Hold the directory for this process; the kernel lets go of it when the process ends, however it ends.

        Raises:
            PreflightError: another instance runs in it; says its pid.
        """
        descriptor = os.open(self.run / "lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            try:
                fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except OSError:
                pid = os.pread(descriptor, 32, 0).decode() or "?"
                raise PreflightError(
                    f"another instance is running here, pid {pid}",
                    self.root,
                    "stop it by `smartstore down`, or choose another --data-dir",
                ) from None
            os.ftruncate(descriptor, 0)
            os.pwrite(descriptor, str(os.getpid()).encode(), 0)
            yield
        finally:
            os.close(descriptor)

    def secret(self, name: str) -> str:
        """A password of 32 letters and digits, generated at its first use and kept."""
        path = self.root / "secrets.json"
        known = read_json(path)
        if name not in known:
            known[name] = secrets.token_hex(16)
            write_json(path, known, mode=0o600)
        return str(known[name])

    def remember(self, name: str, make: Callable[[], Any]) -> Any:
        """A fact about this directory: made at its first use and kept."""
        path = self.root / MARKER
        known = read_json(path)
        if name not in known:
            known[name] = make()
            write_json(path, known)
        return known[name]

    def fact(self, name: str) -> Any:
        """What `note` or `remember` has kept under a name; None if nothing."""
        return read_json(self.root / MARKER).get(name)

    def note(self, name: str, value: Any) -> None:
        """Keep a fact about this directory, instead of an earlier one."""
        write_json(self.root / MARKER, read_json(self.root / MARKER) | {name: value})

    def write_files(self, components: "Iterable[Component]") -> None:
        """Write the rendered files of all components; what an earlier render left behind goes away."""
        shutil.rmtree(self.root / "config", ignore_errors=True)
        for component in components:
            directory = self.config(component.name)
            directory.mkdir(parents=True)
            _write_all(directory, component.files, 0o644)
            _write_all(directory, component.secret_files, 0o600)
            if component.state_dir is not None:
                Path(component.state_dir).mkdir(mode=0o700, parents=True, exist_ok=True)

    def replace_files(self, components: "Iterable[Component]") -> None:
        """Replace the rendered files that have changed, each in one step, while their components run."""
        for component in components:
            for name, text in component.files.items():
                path = self.config(component.name) / name
                if path.read_text() != text:
                    write_text(path, text, 0o644)

    def delete(self) -> None:
        """Remove the directory and all data in it."""
        shutil.rmtree(self.root)


def read_json(path: Path) -> dict[str, Any]:
    """The JSON object in a file; empty when there is none or it cannot be read."""
    try:
        value = json.loads(path.read_text())
    except (OSError, ValueError):
        return {}
    return value if isinstance(value, dict) else {}


def write_json(path: Path, value: Mapping[str, Any], mode: int = 0o644) -> None:
    """Replace a file by this object in one step, so that no reader sees half of it."""
    write_text(path, json.dumps(value), mode)


def write_text(path: Path, text: str, mode: int) -> None:
    """Replace a file by this text in one step."""
    draft = path.with_name(f"{path.name}.new")
    _write(draft, text, mode)
    draft.replace(path)


def _write_all(directory: Path, files: Mapping[str, str], mode: int) -> None:
    for name, text in files.items():
        path = directory / name
        path.parent.mkdir(parents=True, exist_ok=True)
        _write(path, text, mode)


def _write(path: Path, text: str, mode: int) -> None:
    path.unlink(missing_ok=True)
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, mode)
    with os.fdopen(descriptor, "w") as handle:
        handle.write(text)
