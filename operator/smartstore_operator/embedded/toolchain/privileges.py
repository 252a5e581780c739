"""Start a program that refuses to run as root, when we are root and the checkout may lie in a 0700 home.

Three ways, the first that this machine allows is taken:

1. A user namespace that shows root as `nobody`: the program sees an ordinary user id, yet keeps root's access to its
   binaries and data. No file changes its owner. Containers often forbid it.
2. A real switch to `nobody` that keeps one capability, to pass directories closed to others. Docker's default set
   allows it.
3. A plain switch to `nobody`, possible when binary and data lie on a path open to all.

The returned command execs the program: its process id is the one that was started, and signals reach it directly.
A parent-death signal set by the starter survives way 1 only; pass `parent_death` to have it in all of them.
"""

import functools
import os
import pwd
import shutil
import stat
import subprocess
from collections.abc import Callable, Sequence
from pathlib import Path

from smartstore_operator.embedded.toolchain.errors import ToolchainError


def unprivileged(argv: Sequence[str], paths: Sequence[Path], parent_death: str | None = None) -> list[str]:
    """The command line that runs `argv` as somebody else than root.

    Not root: `argv` as it is. Root: existing trees in `paths` are first given to the user the program will run as
    (a no-op when they already are), because Postgres insists on owning its data.

    Args:
        argv: absolute program and its arguments.
        paths: directories and files that the program must own; create them before.
        parent_death: name of the signal to get when the starter dies, such as `INT`; needs setpriv.

    Raises:
        ToolchainError: this machine allows none of the three ways.
    """
    watch = ["setpriv", f"--pdeathsig={parent_death}", "--"] if parent_death else []
    if os.geteuid() != 0:
        return [*watch, *argv]
    way = _way()
    owner = 0
    if way is not _namespace:
        owner = _nobody().pw_uid
    if way is _plain:
        _demand_open([Path(argv[0]), *paths])
    for path in paths:
        _give(path, owner)
    return [*way(), *watch, *argv]


def _namespace() -> list[str]:
    user = _nobody()
    return ["unshare", "--user", f"--map-user={user.pw_uid}", f"--map-group={user.pw_gid}", "--"]


def _capability() -> list[str]:
    # access(2) ignores capabilities of a non-root caller unless the set-uid fix-up is off; Postgres uses access(2).
    keep = ["--securebits=+no_setuid_fixup", "--inh-caps=+dac_override", "--ambient-caps=+dac_override"]
    return [*_plain()[:-1], *keep, "--"]


def _plain() -> list[str]:
    user = _nobody()
    return ["setpriv", f"--reuid={user.pw_uid}", f"--regid={user.pw_gid}", "--clear-groups", "--"]


@functools.cache
def _way() -> Callable[[], list[str]]:
    for way in (_namespace, _capability, _plain):
        if _works(way()):
            return way
    raise ToolchainError(
        "Postgres does not run as root, and this machine lets root become nobody else",
        "unshare, setpriv (package util-linux)",
        "run as an ordinary user",
    )


def _works(prefix: list[str]) -> bool:
    true = shutil.which("true") or "/bin/true"
    try:
        return subprocess.run([*prefix, true], capture_output=True, timeout=30, check=False).returncode == 0
    except (OSError, subprocess.TimeoutExpired):
        return False


@functools.cache
def _nobody() -> pwd.struct_passwd:
    """An ordinary user that has a name: initdb looks its user id up. Fixed, so that data fits at the next start."""
    try:
        return pwd.getpwnam("nobody")
    except KeyError:
        others = (user for user in pwd.getpwall() if user.pw_uid != 0)
        user = next(others, None)
        if user is None:
            raise ToolchainError(
                "there is no user but root", "/etc/passwd", "create an ordinary user"
            ) from None
        return user


def _give(path: Path, owner: int) -> None:
    """Change the owner of a tree where it differs; the top decides, as a program owns all of its tree or nothing."""
    if not path.exists() or path.stat().st_uid == owner:
        return
    for root, directories, files in os.walk(path):
        for name in [*directories, *files]:
            os.chown(Path(root) / name, owner, -1, follow_symlinks=False)
    os.chown(path, owner, -1)  # last, so that an interrupted change is found and repeated


def _demand_open(paths: Sequence[Path]) -> None:
    for path in paths:
        closed = [p for p in path.absolute().parents if p.exists() and not p.stat().st_mode & stat.S_IXOTH]
        if closed:
            raise ToolchainError(
                "root hands Postgres to an ordinary user, who cannot pass this directory",
                closed[-1],
                "move the checkout to a place open to all, or run as an ordinary user",
            )
