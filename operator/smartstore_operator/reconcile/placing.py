"""Where a SmartStore runs, with the passwords that it needs: made, kept, or given by its user."""

from collections.abc import Iterator

from smartstore_operator.api.problems import Problem, SpecError
from smartstore_operator.api.services import SecretKey
from smartstore_operator.api.smartstore import SmartStore, Spec
from smartstore_operator.reconcile import credentials
from smartstore_operator.reconcile.children import belonging, marked, owners_of, version_of
from smartstore_operator.reconcile.cluster import Cluster, Object
from smartstore_operator.reconcile.drift import differences
from smartstore_operator.render import secret_names
from smartstore_operator.render.context import (
    BUCKET_KEYS,
    KAFKA_CA,
    KAFKA_PASSWORD,
    POSTGRES_PASSWORD,
    REDIS_PASSWORD,
)
from smartstore_operator.render.kubernetes import place, strimzi
from smartstore_operator.render.platform import Platform, has_certificate


async def placed(cluster: Cluster, smartstore: SmartStore, live: Object) -> tuple[Platform, list[Object]]:
    """Where it runs, and the Secrets with its passwords, which are written before anything uses them.

    Raises:
        SpecError: a password or a certificate of somebody else's system is not there.
    """
    namespace = live["metadata"]["namespace"]
    names = credentials.secret_names(smartstore.name)
    kept = [await cluster.get("Secret", namespace, name) for name in names]
    given = await _given(cluster, smartstore, namespace)
    kafka_ca = given.pop(KAFKA_CA, "") or await _strimzi_ca(cluster, smartstore, namespace)
    made = [name for name in secret_names(smartstore) if name not in given]
    values = credentials.completed(credentials.read(kept), made)
    platform = place(smartstore, namespace, {**values, **given}, values[credentials.CLUSTER_ID], kafka_ca)
    own = [credentials.manifest(smartstore.name, namespace, copy, values) for copy in credentials.COPIES]
    # They stay as long as the volumes.
    if smartstore.spec.deletion_policy == "Delete":
        own = [belonging(each, live) for each in own]
    own = [marked(each) for each in own]
    for secret, there in zip(own, kept, strict=True):
        is_wrong = differences(secret, there or {}) or owners_of(there) != owners_of(secret)
        if is_wrong and not smartstore.spec.paused:
            await _keep(cluster, secret, there)
    return platform, own


async def _strimzi_ca(cluster: Cluster, smartstore: SmartStore, namespace: str) -> str:
    """The certificate authority that Strimzi has made for the brokers; empty until it has, and where it is not used."""
    kafka = smartstore.spec.kafka
    if kafka.type != "Strimzi" or not kafka.secured:
        return ""
    secret = await cluster.get("Secret", namespace, strimzi.ca_secret(smartstore.name))
    return credentials.value_of(secret, strimzi.CA_KEY) or ""


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
    """The passwords of systems that are not ours, and Kafka's certificate authority, from their users' Secrets.

    Raises:
        SpecError: one is not named, or not there.
    """
    found: dict[str, str] = {}
    problems: list[Problem] = []
    for name, path, wanted in demanded(smartstore.spec):
        if wanted is None:
            kind, what = ("S3", "keys") if name in BUCKET_KEYS else ("External", "password")
            text = f"type {kind} needs it in a cluster; name the Secret that has the {what}"
            problems.append(Problem(path=path, message=text))
            continue
        secret = await cluster.get("Secret", namespace, wanted.name)
        value = credentials.value_of(secret, wanted.key)
        if value is None:
            text = (
                f"there is no Secret {wanted.name} with a text at key {wanted.key} in the namespace {namespace}; "
                "create it, or name another"
            )
            problems.append(Problem(path=path, message=text))
        elif name == KAFKA_CA and not has_certificate(value):
            text = f"the key {wanted.key} of the Secret {wanted.name} holds no certificate (PEM)"
            problems.append(Problem(path=path, message=text))
        else:
            found[name] = value
    if problems:
        raise SpecError(problems)
    return found


def demanded(spec: Spec) -> Iterator[tuple[str, str, SecretKey | None]]:
    """Name, field, and what the field says, of all that users' Secrets must have."""
    kafka = spec.kafka
    if kafka.authentication is not None:
        path = "spec.kafka.authentication.passwordSecret"
        yield KAFKA_PASSWORD, path, kafka.authentication.password_secret
    if kafka.tls is not None and kafka.tls.ca_secret is not None:
        yield KAFKA_CA, "spec.kafka.tls.caSecret", kafka.tls.ca_secret
    if spec.redis.type == "External":
        yield REDIS_PASSWORD, "spec.redis.passwordSecret", spec.redis.password_secret
    if spec.postgres.type == "External":
        yield POSTGRES_PASSWORD, "spec.postgres.passwordSecret", spec.postgres.password_secret
    if spec.lake.enabled and spec.lake.bucket is not None:
        secret, path = spec.lake.bucket.credentials_secret, "spec.lake.bucket.credentialsSecret"
        for name, key in BUCKET_KEYS.items():
            yield name, path, SecretKey(name=secret.name, key=key) if secret is not None else None
