"""The one opener of file systems: from a path or URI to PyArrow's file system and the path in it.

Secrets come from the environment, under the names that PyArrow reads itself. So does an endpoint
that is not given (``AWS_ENDPOINT_URL``); it is looked up each time, and file systems are kept.
"""

import os
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pyarrow.fs import FileSystem

ENDPOINT = "AWS_ENDPOINT_URL"
AZURE_ACCOUNT = "AZURE_STORAGE_ACCOUNT_NAME"


def filesystem_of(
    uri: str | Path, *, endpoint: str | None = None, region: str | None = None
) -> tuple["FileSystem", str]:
    """The ``pyarrow.fs`` file system of a local path or URI, and the path within it.

    A relative path is made absolute. ``endpoint`` and ``region`` are of an object store; a bucket
    without either is asked where it lies. Raises ``OSError`` for one that cannot be reached,
    ``pyarrow.ArrowInvalid`` for a scheme that PyArrow does not know.
    """
    scheme, found, rest = str(uri).partition("://")
    if not found or scheme == "file":
        from pyarrow.fs import LocalFileSystem

        return LocalFileSystem(), str(Path(rest if found else str(uri)).absolute())
    if scheme == "s3":
        endpoint = endpoint or os.environ.get(ENDPOINT)
    bucket, _, path = rest.partition("/")
    files, root = _filesystem(scheme, bucket, endpoint, region)
    return files, f"{root}/{path}".rstrip("/")


@lru_cache
def _filesystem(
    scheme: str, bucket: str, endpoint: str | None, region: str | None
) -> "tuple[FileSystem, str]":
    from pyarrow import fs

    match scheme:
        case "s3" if endpoint or region:
            options = {"region": region} if region else {}
            if endpoint:
                options["endpoint_override"] = endpoint
            return fs.S3FileSystem(**options), bucket
        case "gs":
            return fs.GcsFileSystem(endpoint_override=endpoint), bucket
        case "az":
            return fs.AzureFileSystem(account_name=os.environ[AZURE_ACCOUNT]), bucket
    return fs.FileSystem.from_uri(f"{scheme}://{bucket}")
