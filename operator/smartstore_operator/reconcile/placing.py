"""Where a SmartStore runs, with the passwords that it needs: made, kept, or given by its user."""

from smartstore_operator.api.problems import Problem, SpecError
from smartstore_operator.api.smartstore import SmartStore
from smartstore_operator.reconcile import credentials
from smartstore_operator.reconcile.children import belonging, marked, owners_of, version_of
from smartstore_operator.reconcile.cluster import Cluster, Object
from smartstore_operator.reconcile.drift import differences
from smartstore_operator.render import secret_names
from smartstore_operator.render.context import POSTGRES_PASSWORD, REDIS_PASSWORD
from smartstore_operator.render.kubernetes import place
from smartstore_operator.render.platform import Platform


async def placed(cluster: Cluster, smartstore: SmartStore, live: Object) -> tuple[Platform, list[Object]]:
    """Where it runs, and the Secrets with its passwords, which are written before anything uses them.

    Raises:
        SpecError: a password of somebody else's system is not there.
    """
    namespace = live["metadata"]["namespace"]
    names = credentials.secret_names(smartstore.name)
    kept = [await cluster.get("Secret", namespace, name) for name in names]
    given = await _given(cluster, smartstore, namespace)
    made = [name for name in secret_names(smartstore) if name not in given]
    values = credentials.completed(credentials.read(kept), made)
    platform = place(smartstore, namespace, {**values, **given}, values[credentials.CLUSTER_ID])
    own = [
        marked(credentials.manifest(smartstore.name, namespace, copy, values)) for copy in credentials.COPIES
    ]
    # They stay as long as the volumes.
    if smartstore.spec.deletion_policy == "Delete":
        own = [belonging(each, live) for each in own]
    for secret, there in zip(own, kept, strict=True):
        is_wrong = differences(secret, there or {}) or owners_of(there) != owners_of(secret)
        if is_wrong and not smartstore.spec.paused:
            await _keep(cluster, secret, there)
    return platform, own


async def _keep(cluster: Cluster, secret: Object, there: Object | None) -> None:
    """Write one of the copies, over nothing else than what was read.

    A request of an operator that was killed may still be on its way; its passwords open nothing that ours have made.
    """
    meta = secret["metadata"]
    if there is None:  # creating is refused where there is one, applying is not
        name = {"name": meta["name"], "namespace": meta["namespace"]}
        there = await cluster.create({**secret, "metadata": name})
    version = {"resourceVersion": version_of(there)}
    await cluster.apply({**secret, "metadata": {**meta, **version}}, force=True)


async def _given(cluster: Cluster, smartstore: SmartStore, namespace: str) -> dict[str, str]:
    """The passwords of systems that are not ours, from their users' Secrets.

    Raises:
        SpecError: one is not named, or not there.
    """
    found: dict[str, str] = {}
    problems: list[Problem] = []
    spec = smartstore.spec
    for name, block, system in (
        (REDIS_PASSWORD, "redis", spec.redis),
        (POSTGRES_PASSWORD, "postgres", spec.postgres),
    ):
        if system.type != "External":
            continue
        path, wanted = f"spec.{block}.passwordSecret", system.password_secret
        if wanted is None:
            problems.append(Problem(path=path, message="type External needs it in a cluster"))
            continue
        value = credentials.read([await cluster.get("Secret", namespace, wanted.name)]).get(wanted.key)
        if value is None:
            text = f"there is no Secret {wanted.name} with a key {wanted.key}"
            problems.append(Problem(path=path, message=text))
        else:
            found[name] = value
    if problems:
        raise SpecError(problems)
    return found
