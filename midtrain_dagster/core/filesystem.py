"""The one opener of file systems: from a path or URI to PyArrow's file system and the path in it.

Secrets come from the environment, under the names that the providers' own programs read. So does an
endpoint that is not given; it is looked up each time, and file systems are kept.
"""

import json
import os
import threading
from collections.abc import Callable
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar
from urllib.parse import unquote

if TYPE_CHECKING:
    from pyarrow.fs import FileSystem

Seen = TypeVar("Seen")

ENDPOINTS = {
    "s3": "AWS_ENDPOINT_URL",
    "gs": "STORAGE_EMULATOR_HOST",
    "az": "AZURE_STORAGE_ENDPOINT",
}
"""Where the address of a server stands that is not the provider's own: MinIO's, an emulator's."""

AZURE_ACCOUNT = "AZURE_STORAGE_ACCOUNT_NAME"
AZURE_KEY = "AZURE_STORAGE_ACCOUNT_KEY"

ANSWER_SECONDS = 20.0
"""How long a store may take to answer a first look; Google's client alone would try for minutes."""

WHAT_TO_SET = {
    "s3": "set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, AWS_REGION where the bucket is not "
    f"found by itself, and {ENDPOINTS['s3']} for a store that is not Amazon's",
    "gs": "set GOOGLE_APPLICATION_CREDENTIALS to the file of a key, or log in with "
    "`gcloud auth application-default login`",
    "az": f"set {AZURE_ACCOUNT}, and {AZURE_KEY}, or AZURE_CLIENT_ID, AZURE_TENANT_ID and "
    "AZURE_CLIENT_SECRET, or log in with `az login`",
    "hf": "set HF_TOKEN or log in with `hf auth login`; or fetch it before with "
    "`hf download OWNER/NAME --repo-type dataset --local-dir FOLDER`, and name the files",
}
WHAT_TO_SET["abfs"] = WHAT_TO_SET["az"]
"""What opens a store, by its scheme. These are the schemes that are read."""


class AccessError(OSError):
    """A URI that cannot be read: one line that says which, why, and what to set."""


def located(path: str, folder: str | Path) -> str:
    """A path that a person has written, as it is to be opened: a URI as it is, of ``file://`` the
    path; others from ``folder``, ``~`` as a shell has it (a name of nobody's is a name).

    ``%20`` in a ``file://`` is a space, unless there is a file that is called so.
    """
    scheme, found, rest = path.partition("://")
    if found and scheme != "file":
        return path
    if found:
        rest = rest.removeprefix("localhost")
        return rest if Path(rest).exists() else unquote(rest)
    return str(Path(folder) / os.path.expanduser(path))  # noqa: PTH111 (pathlib's raises)


def filesystem_of(
    uri: str | Path, *, endpoint: str | None = None, region: str | None = None
) -> tuple["FileSystem", str]:
    """The ``pyarrow.fs`` file system of a local path or URI, and the path within it.

    A relative path is made absolute. ``endpoint`` and ``region`` are of an object store; a bucket
    without either is asked where it lies. Raises ``OSError`` for one that cannot be reached, and
    :class:`AccessError` for a scheme that is not read.
    """
    scheme, found, rest = str(uri).partition("://")
    if not found or scheme == "file":
        from pyarrow.fs import LocalFileSystem

        return LocalFileSystem(), str(Path(rest if found else str(uri)).absolute())
    if scheme in ("http", "https", "ftp"):
        raise AccessError(
            f"{uri}: URLs are not read; fetch it first (`curl --location --remote-name {uri}`) and "
            "name the file here"
        )
    if scheme not in WHAT_TO_SET:
        known = ", ".join(f"{each}://" for each in WHAT_TO_SET)
        raise AccessError(f"{uri}: {scheme}:// is not read; a folder, a file, {known} are")
    if scheme == "az" and AZURE_ACCOUNT not in os.environ:
        raise AccessError(f"{uri}: no storage account is named: {WHAT_TO_SET['az']}")
    endpoint = endpoint or endpoint_of(scheme)
    bucket, _, path = rest.partition("/")
    files, root = _filesystem(scheme, bucket, endpoint, region)
    return files, f"{root}/{path}".rstrip("/")


def endpoint_of(scheme: str) -> str | None:
    """The address that the environment names for a kind of store; None: the provider's own."""
    return os.environ.get(ENDPOINTS.get(scheme, "")) or None


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
        case "gs" if endpoint:
            protocol, _, server = _with_protocol(endpoint).partition("://")
            opened = fs.GcsFileSystem(anonymous=True, endpoint_override=server, scheme=protocol)
            return opened, bucket
        case "az":
            return fs.AzureFileSystem(**_azure(endpoint)), bucket
    return fs.FileSystem.from_uri(f"{scheme}://{bucket}")


def server_options(scheme: str, endpoint: str) -> dict[str, str]:
    """What Polars has to be told of a server that is not the provider's own."""
    plain = str(endpoint.startswith("http://")).lower()
    match scheme:
        case "s3":
            return {"aws_endpoint_url": endpoint, "aws_allow_http": plain}
        case "az":
            return {"azure_endpoint": endpoint, "azure_allow_http": plain}
        case _:
            key = {"gcs_base_url": _with_protocol(endpoint), "disable_oauth": True}
            unused = dict.fromkeys(("client_email", "private_key", "private_key_id"), "")
            return {
                "google_service_account_key": json.dumps(key | unused),
                "allow_http": "true",
            }


def _with_protocol(endpoint: str) -> str:
    """Google's variable may say HOST:PORT alone."""
    return endpoint if "://" in endpoint else f"http://{endpoint}"


def _azure(endpoint: str | None) -> dict[str, str]:
    """Account, key and server; an ``endpoint`` is ``http://HOST:PORT/ACCOUNT``, or
    ``https://ACCOUNT.HOST`` as a cloud of another country has it."""
    options = {"account_name": os.environ[AZURE_ACCOUNT]}
    if key := os.environ.get(AZURE_KEY):
        options["account_key"] = key
    if endpoint:
        protocol, _, server = endpoint.partition("://")
        host = server.partition("/")[0]
        authority = host.removeprefix(options["account_name"])
        for service in ("blob", "dfs"):
            options[f"{service}_storage_authority"] = authority.replace(".blob.", f".{service}.")
            options[f"{service}_storage_scheme"] = protocol
    return options


def looked_at(
    uri: str, look: Callable[["FileSystem", str], Seen], *, seconds: float = ANSWER_SECONDS
) -> Seen:
    """What ``look`` sees of a path or URI, given its file system and the path within it.

    Raises :class:`AccessError` where a remote store refuses, or does not answer in time, and
    whatever ``look`` raises of a local one. What does not answer is left behind in a thread, so
    ``look`` asks for little: a listing may take as long as it takes.
    """
    if "://" not in uri:
        return look(*filesystem_of(uri))
    found: list[Seen] = []
    wrong: list[Exception] = []

    def looking() -> None:
        try:
            found.append(look(*filesystem_of(uri)))
        except Exception as error:  # handed to the thread that waits for it
            wrong.append(error)

    thread = threading.Thread(target=looking, name=f"a look at {uri}", daemon=True)
    thread.start()
    thread.join(seconds)
    if found:
        return found[0]
    if not wrong:
        raise AccessError(f"{uri}: no answer within {seconds:g} s: {_advice(uri)}")
    if type(wrong[0]).__module__.startswith("midtrain_dagster."):
        raise wrong[0]
    raise AccessError(f"{uri}: {_why(wrong[0])}: {_advice(uri)}") from wrong[0]


def _why(error: Exception) -> str:
    """The first line of a client's complaint, without the request that it was about."""
    line = next(iter(str(error).splitlines()), "") or type(error).__name__
    return line.partition("operation: ")[2] or line


def _advice(uri: str) -> str:
    return WHAT_TO_SET[uri.partition("://")[0]]
