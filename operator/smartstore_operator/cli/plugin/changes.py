"""`kubectl smartstore diff`: which objects and fields differ from what a SmartStore is rendered to."""

import base64
import json
from collections.abc import Collection, Iterable
from pathlib import Path

from smartstore_operator.api.load import load_smartstore, validate_smartstore
from smartstore_operator.api.smartstore import SmartStore
from smartstore_operator.cli import exits
from smartstore_operator.cli.exits import CommandFailed
from smartstore_operator.cli.plugin.kubectl import Kubectl, Object
from smartstore_operator.reconcile.credentials import CLUSTER_ID, value_of
from smartstore_operator.reconcile.credentials import secret_names as copies_of
from smartstore_operator.reconcile.drift import differences
from smartstore_operator.reconcile.kinds import CHILDREN, KINDS, OF_OPERATORS
from smartstore_operator.reconcile.placing import demanded
from smartstore_operator.reconcile.rollback import record_of
from smartstore_operator.render import secret_names
from smartstore_operator.render.context import KAFKA_CA
from smartstore_operator.render.kubernetes import Images, manifests, monitoring, place
from smartstore_operator.render.kubernetes.metadata import MANAGED, selector
from smartstore_operator.render.kubernetes.monitoring import OPTIONAL


def diff(kubectl: Kubectl, name: str, file: Path | None, images: Images) -> int:
    """Print a line for each object that would change; exit code 0 if none would, else 1."""
    live = kubectl.smartstore(name)
    smartstore = load_smartstore(file) if file else validate_smartstore(live)
    if smartstore.name != name:
        raise CommandFailed(f"{file} is about {smartstore.name}, not {name}")
    namespace = live["metadata"]["namespace"]
    secrets = _secrets(kubectl, name) | _given(kubectl, smartstore)
    optional = _optional(kubectl)
    wanted = [
        item
        for item in _wanted(smartstore, namespace, secrets, images)
        if item["kind"] not in OPTIONAL or item["kind"] in optional
    ]
    kinds = [_full_name(kind) for kind in _listed({item["kind"] for item in wanted} | optional)]
    lines = list(changes(wanted, kubectl.list(kinds, selector(name)), _kept(name)))
    print("\n".join(lines) or "nothing would change")
    return exits.FAILED if lines else exits.OK


def changes(wanted: Iterable[Object], found: Iterable[Object], kept: Collection[str]) -> Iterable[str]:
    """`+` an object that is missing, `~` one that differs and where, `-` one that is not wanted any more.

    `kept` are objects of the operator's own, which are not rendered.
    """
    there = {(item["kind"], item["metadata"]["name"]): item for item in found}
    names = set()
    for manifest in wanted:
        key = manifest["kind"], manifest["metadata"]["name"]
        names.add(key)
        if key not in there:
            yield f"+ {'/'.join(key)}"
        elif fields := differences(manifest, there[key]):
            yield f"~ {'/'.join(key)}: {', '.join(fields)}"
    for key, item in there.items():
        managed = MANAGED.items() <= item["metadata"].get("labels", {}).items()
        if managed and key not in names and "/".join(key) not in kept:
            yield f"- {'/'.join(key)}"


def _listed(wanted: Collection[str]) -> list[str]:
    """The kinds to look for; those of another operator only where it is used, since it may not be installed."""
    foreign = {*OPTIONAL, *(kind for kinds in OF_OPERATORS.values() for kind in kinds)}
    return [kind for kind in CHILDREN if kind not in foreign or kind in wanted]


def _kept(name: str) -> list[str]:
    """Passwords, and what ran before."""
    return [
        *(f"Secret/{secret}" for secret in copies_of(name)),
        f"ConfigMap/{record_of(name)['metadata']['name']}",
    ]


def _optional(kubectl: Kubectl) -> set[str]:
    """The optional kinds that the cluster has."""
    group = monitoring.API_VERSION.partition("/")[0]
    names = kubectl.run("api-resources", f"--api-group={group}", "--output=name").split()
    return {kind for kind in OPTIONAL if _full_name(kind) in names}


def _full_name(kind: str) -> str:
    """What kubectl cannot take for another operator's resource of the same name."""
    version, plural = KINDS[kind]
    group = version.rpartition("/")[0]
    return f"{plural}.{group}" if group else plural


def _wanted(smartstore: SmartStore, namespace: str, secrets: dict[str, str], images: Images) -> list[Object]:
    values = {name: secrets.get(name, "") for name in secret_names(smartstore)}
    kafka_ca = secrets.get(KAFKA_CA, "")
    platform = place(smartstore, namespace, values, secrets.get(CLUSTER_ID, ""), kafka_ca)
    return [dict(manifest) for manifest in manifests(smartstore, platform, namespace, images)]


def _given(kubectl: Kubectl, smartstore: SmartStore) -> dict[str, str]:
    """What the user's own Secrets have for External systems; what is missing there the operator tells."""
    found = {}
    for name, _, wanted in demanded(smartstore.spec):
        if wanted is not None:
            answer = kubectl.run("get", "secret", wanted.name, "--ignore-not-found", "--output=json")
            found[name] = value_of(json.loads(answer or "{}"), wanted.key) or ""
    return found


def _secrets(kubectl: Kubectl, name: str) -> dict[str, str]:
    found = json.loads(kubectl.run("get", "secret", copies_of(name)[0], "--output=json"))
    return {key: base64.b64decode(value).decode() for key, value in found["data"].items()}
