"""Regenerate `images/jars.lock`: resolve the roots below with their dependencies, hash what came, write the lock.

    python -m smartstore_operator.embedded.toolchain.lock

Needs the network and about two minutes. Change a version here, run it, read the diff.
"""

import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path

from smartstore_operator.embedded.toolchain import ivy, lockfile, seal
from smartstore_operator.embedded.toolchain.errors import ToolchainError
from smartstore_operator.embedded.toolchain.lockfile import Artifact, Coordinate

KAFKA = "4.3.1"
DEBEZIUM = "3.6.0.Final"  # the JDBC sink has no newer release; one Debezium for both keeps one set of quirks
SPARK = "4.2.0"
DELTA = "4.4.0"
AWS = "2.57.8"
# What S3 needs of AWS's library: all of it together is half a gigabyte. HTTP clients and JSON are Spark's own.
AWS_PARTS = (
    *("annotations", "apache-client", "arns", "auth", "aws-core", "aws-query-protocol", "aws-xml-protocol"),
    *("checksums", "checksums-spi", "crt-core", "endpoints-spi", "eventstream", "http-auth", "http-auth-aws"),
    *("http-auth-aws-eventstream", "http-auth-spi", "http-client-spi", "identity-spi", "json-utils"),
    *(
        "metrics-spi",
        "netty-nio-client",
        "profiles",
        "protocol-core",
        "regions",
        "retries",
        "retries-spi",
        "s3",
    ),
    *("s3-transfer-manager", "sdk-core", "sts", "third-party-jackson-core", "utils", "utils-lite"),
)
# Kafka and Connect ask only for the logging interface; without this binding they log nothing at all.
LOGGING = "org.apache.logging.log4j:log4j-slf4j-impl:2.25.4"


@dataclass(frozen=True)
class Root:
    """What a set starts from, and whether its dependencies belong to the set."""

    coordinates: tuple[str, ...]
    transitive: bool


ROOTS = {
    "kafka": Root((f"org.apache.kafka:kafka_2.13:{KAFKA}", LOGGING), transitive=True),
    "connect": Root(
        (
            *(f"org.apache.kafka:connect-{part}:{KAFKA}" for part in ("runtime", "json", "transforms")),
            LOGGING,
        ),
        transitive=True,
    ),
    "debezium-jdbc": Root(
        (f"io.debezium:debezium-connector-jdbc:{DEBEZIUM}:plugin:tar.gz",), transitive=False
    ),
    "debezium-postgres": Root(
        (f"io.debezium:debezium-connector-postgres:{DEBEZIUM}:plugin:tar.gz",), transitive=False
    ),
    # Exact: the POMs of Spark's connectors name a repository that cannot be reached from everywhere, and everything
    # else they ask for is in the pyspark wheel. kafka-clients must be the connector's, never the broker's.
    "spark": Root(
        (
            f"org.apache.spark:spark-sql-kafka-0-10_2.13:{SPARK}",
            # The connector asks for 4.2.0, which the registry does not serve everywhere; 4.0.0 has all that the
            # connector refers to. Only Kerberos delegation tokens differ, and SmartStore does not use them.
            "org.apache.spark:spark-token-provider-kafka-0-10_2.13:4.0.0",
            "org.apache.kafka:kafka-clients:3.9.2",
            "org.apache.commons:commons-pool2:2.13.1",
            f"io.delta:delta-spark_4.2_2.13:{DELTA}",
            f"io.delta:delta-storage:{DELTA}",
            # Tables in a bucket; of the version of Hadoop that the pyspark wheel has.
            "org.apache.hadoop:hadoop-aws:3.5.0",
            "software.amazon.s3.analyticsaccelerator:analyticsaccelerator-s3:1.3.1",
            "org.reactivestreams:reactive-streams:1.0.4",
            *(f"software.amazon.awssdk:{part}:{AWS}" for part in AWS_PARTS),
        ),
        transitive=False,
    ),
}


def resolve(name: str, root: Root) -> tuple[Artifact, ...]:
    """Fetch a set into scratch space and return what is to be locked.

    Raises:
        ToolchainError: no network or no such artifact.
    """
    with tempfile.TemporaryDirectory(prefix=f"smartstore-lock-{name}-") as scratch:
        coordinates = [Coordinate.parse(text) for text in root.coordinates]
        files = ivy.download(coordinates, Path(scratch), transitive=root.transitive)
        return tuple(
            Artifact(coordinate, seal.sha256(path), path.stat().st_size)
            for coordinate, path in sorted(files.items())
        )


def main() -> int:
    """Write the lock; exit code 1 and one line when something cannot be had."""
    try:
        lock: dict[str, tuple[Artifact, ...]] = {}
        for name, root in ROOTS.items():
            lock[name] = resolve(name, root)
            print(f"{name}: {len(lock[name])} files", flush=True)
        path = lockfile.lock_path()
        path.write_text(lockfile.dump(lock))
    except ToolchainError as error:
        print(error, file=sys.stderr)
        return 1
    print(f"written: {path}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
