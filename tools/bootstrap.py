#!/usr/bin/env python3
"""`make setup`: from nothing but Python and make to a checkout that runs.

Steps: a fitting Python, uv, the Python packages of uv.lock in .venv, then a Java and the jars of images/jars.lock.
Needs only the standard library, parses on old Pythons (so that it can say what is wrong), asks nothing, and a second
run without changes takes a fraction of a second and no network. A problem is one line that says what to do.
"""

import hashlib
import importlib.util
import os
import re
import shutil
import subprocess
import sys

ROOT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
VENV = os.path.join(ROOT, ".venv")
TOOLS = os.path.join(ROOT, ".tools")
STAMP = os.path.join(VENV, ".smartstore-setup")
LOG = os.path.join(TOOLS, "setup.log")
OLDEST_PYTHON = (3, 11)
NEWER_PYTHONS = ("python3.14", "python3.13", "python3.12", "python3.11")
UV_PIN = "0.13.8"
UV_OLDEST = (0, 9)
VENV_BYTES = 2000000000  # 1.3 GB of packages, and what uv unpacks on the way
INPUTS = ("uv.lock", "pyproject.toml", "apps/pyproject.toml", "operator/pyproject.toml", "tools/bootstrap.py")
# uv's own words for the usual troubles -> ours; the first that matches is told.
TROUBLES = (
    ("No space left|os error 28", "the disk is full: free some space, then run `make setup` again"),
    ("Permission denied|os error 13", "a file may not be written: see who owns .venv and the cache directory of uv"),
    ("invalid peer certificate|UnknownIssuer", "the package registry's certificate is not trusted: set SSL_CERT_FILE to your CA bundle"),
    ("dns error|error sending request|Failed to fetch|Failed to download|[Cc]onnect|timed out|[Nn]ame resolution|NewConnectionError",
     "the package registry cannot be reached: check the network or proxy, then run `make setup` again"),
    ("needs to be updated", "uv.lock does not fit the pyproject files: run `uv lock`, or take uv.lock from git"),
    ("hash mismatch|Hash mismatch", "a package is not the one in uv.lock: run `make setup` again; if it stays so, do not use it"),
)


class Problem(Exception):
    """One line for the user: what is wrong and what to do."""


def say(text):
    print("setup: " + text, flush=True)


def main():
    try:
        need_python()
        if not up_to_date():
            make_venv(find_uv())
        return toolchain()
    except Problem as problem:
        print("setup: %s" % problem, file=sys.stderr)
        return 1
    except OSError as error:
        print("setup: %s: %s" % (error.filename or ROOT, error.strerror), file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print("setup: stopped; run `make setup` again to go on", file=sys.stderr)
        return 130


def need_python():
    """Go on in a newer Python of this machine if this one is too old."""
    if sys.version_info[:2] >= OLDEST_PYTHON:
        return
    for name in NEWER_PYTHONS:
        path = shutil.which(name)
        if path and subprocess.call([path, "-c", "pass"], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) == 0:
            os.execv(path, [path, os.path.abspath(__file__)])
    found = "%d.%d" % sys.version_info[:2]
    raise Problem("Python %s is too old: install Python 3.11 or newer, or run `make setup PYTHON=/path/to/python`" % found)


def fingerprint():
    """What the environment was made from; any change makes it anew."""
    digest = hashlib.sha256(("%s %s" % (base_python(), sys.version)).encode())
    for name in INPUTS:
        with open(os.path.join(ROOT, name), "rb") as handle:
            digest.update(handle.read())
    return digest.hexdigest() + "\n" + ROOT


def up_to_date():
    if not os.path.exists(os.path.join(VENV, "bin", "python")):
        return False  # also when the Python it points to was removed
    try:
        with open(STAMP) as handle:
            return handle.read() == fingerprint()
    except OSError:
        return False


def find_uv():
    """uv from the PATH if it is new enough, else the pinned one in .tools, installed by whatever Python offers."""
    on_path = shutil.which("uv")
    if on_path and uv_version(on_path) >= UV_OLDEST:
        return on_path
    places = [os.path.join(TOOLS, kind, "bin", "uv") for kind in ("uv-venv", "uv-target")]
    for place in places:
        if uv_version(place) >= UV_OLDEST:
            return place
    say("installing uv %s into .tools" % UV_PIN)
    has_venv = importlib.util.find_spec("venv") and importlib.util.find_spec("ensurepip")
    if not has_venv and not importlib.util.find_spec("pip"):
        raise Problem("this Python has neither venv nor pip: install one (Debian, Ubuntu: apt-get install python3-venv)")
    if has_venv:
        target = os.path.join(TOOLS, "uv-venv")
        shutil.rmtree(target, ignore_errors=True)
        run([base_python(), "-m", "venv", target], "making a virtual environment")
        pip = [os.path.join(target, "bin", "python"), "-m", "pip", "install"]
    else:
        target = os.path.join(TOOLS, "uv-target")
        pip = [sys.executable, "-m", "pip", "install", "--upgrade", "--target", target]
    run(pip + ["--quiet", "--disable-pip-version-check", "uv==" + UV_PIN], "installing uv")
    return os.path.join(target, "bin", "uv")


def uv_version(path):
    """(major, minor), or (0, 0) for what does not run."""
    try:
        text = subprocess.check_output([path, "--version"], stderr=subprocess.DEVNULL).decode()
    except (OSError, subprocess.CalledProcessError):
        return (0, 0)
    match = re.search(r"(\d+)\.(\d+)", text)
    return (int(match.group(1)), int(match.group(2))) if match else (0, 0)


def make_venv(uv):
    free = shutil.disk_usage(ROOT).free
    if not os.path.exists(STAMP) and free < VENV_BYTES:
        raise Problem("%s has %d MB left, %d MB are needed: free some space" % (ROOT, free // 10**6, VENV_BYTES // 10**6))
    say("Python packages of uv.lock into .venv (about 1.3 GB; minutes the first time)")
    if os.path.exists(STAMP):
        os.remove(STAMP)
    environment = dict(os.environ, UV_PROJECT_ENVIRONMENT=VENV, UV_PYTHON=base_python(), UV_PYTHON_DOWNLOADS="never")
    environment.pop("VIRTUAL_ENV", None)
    run([uv, "sync", "--locked", "--all-packages", "--all-extras"], "installing the Python packages", environment)
    with open(STAMP, "w") as handle:
        handle.write(fingerprint())


def base_python():
    """The interpreter behind this one: a virtual environment that happens to be active must not be built upon."""
    return getattr(sys, "_base_executable", None) or sys.executable


def toolchain():
    """Java and jars, by the code that verifies them at every start as well."""
    python = os.path.join(VENV, "bin", "python")
    return subprocess.call([python, "-m", "smartstore_operator.embedded.toolchain.setup"], cwd=ROOT)


def run(command, doing, environment=None):
    """Run a step, show its progress, keep everything it says in .tools/setup.log, explain its failure in one line."""
    os.makedirs(TOOLS, exist_ok=True)
    output = []
    with open(LOG, "a") as log:
        process = subprocess.Popen(
            command, cwd=ROOT, env=environment, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
            universal_newlines=True,
        )
        for line in process.stdout:
            output.append(line)
            log.write(line)
            if re.match(r"\s*(Download|Build|Built|Prepared|Installed|Resolved)", line):
                print("  " + line.strip(), flush=True)
    if process.wait() != 0:
        raise Problem(explain("".join(output), doing))


def explain(output, doing):
    for pattern, advice in TROUBLES:
        if re.search(pattern, output):
            return advice
    last = [line.strip() for line in output.splitlines() if line.strip()]
    return "%s failed (%s): details in %s" % (doing, last[-1] if last else "no message", os.path.relpath(LOG, ROOT))


if __name__ == "__main__":
    sys.exit(main())
