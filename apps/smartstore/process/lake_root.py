"""Where the lake's tables lie: in a directory, or in a bucket (`s3a://bucket/prefix`) by the variables of AWS's tools.

All that reads or writes the lake understands these: Spark, delta-rs and Arrow.
https://docs.aws.amazon.com/sdkref/latest/guide/environment-variables.html
"""

import os
from collections.abc import Mapping
from pathlib import Path
from urllib.parse import urlsplit

from pyarrow import fs

ENDPOINT = "AWS_ENDPOINT_URL"
"""Variable with the address of a store that is not AWS's."""
REGION = "AWS_REGION"


def is_remote(root: str) -> bool:
    """Whether the tables are in a bucket."""
    return "://" in root


def location(root: str, path: str) -> str:
    """Where a table (`level/table`) lies."""
    return f"{root.rstrip('/')}/{path}"


def exists(root: str) -> bool:
    """Whether there is anything; raises `OSError` when the store does not answer."""
    files, base = _open(root)
    return bool(files.get_file_info(base).type != fs.FileType.NotFound)


def tables_below(root: str) -> list[str]:
    """All tables, as `level/table`, sorted; raises `OSError` when the store does not answer."""
    files, base = _open(root)
    directories = [table for level in _directories(files, base) for table in _directories(files, level)]
    logs = files.get_file_info([f"{directory}/_delta_log" for directory in directories])
    found = zip(directories, logs, strict=True)
    return sorted(path[len(base) + 1 :] for path, log in found if log.type == fs.FileType.Directory)


def spark_settings(root: str, variables: Mapping[str, str]) -> dict[str, str]:
    """What Spark must be told to write there; the keys it takes from the variables themselves."""
    if not is_remote(root):
        return {}
    found = {"spark.hadoop.fs.s3a.endpoint.region": variables[REGION]}
    if endpoint := variables.get(ENDPOINT):
        found["spark.hadoop.fs.s3a.endpoint"] = endpoint
        found["spark.hadoop.fs.s3a.path.style.access"] = "true"
    return found


def _open(root: str) -> tuple[fs.FileSystem, str]:
    """The file system, and the path of the root in it."""
    if not is_remote(root):
        return fs.LocalFileSystem(), str(Path(root).resolve())
    endpoint, place = urlsplit(os.environ.get(ENDPOINT, "")), urlsplit(root)
    options = {"endpoint_override": endpoint.netloc, "scheme": endpoint.scheme} if endpoint.netloc else {}
    bucket = fs.S3FileSystem(region=os.environ[REGION], **options)
    return bucket, f"{place.netloc}{place.path}".rstrip("/")


def _directories(files: fs.FileSystem, directory: str) -> list[str]:
    selector = fs.FileSelector(directory, allow_not_found=True)
    return [info.path for info in files.get_file_info(selector) if info.type == fs.FileType.Directory]
