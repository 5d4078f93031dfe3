from collections.abc import Callable
from pathlib import Path
from typing import Any

import boto3
import pytest
from moto.server import ThreadedMotoServer
from pydantic import TypeAdapter

from midtrain_dagster.collection.files import list_files
from midtrain_dagster.collection.source import Source


def test_files_of_an_object_store_are_listed_by_their_etags_and_read(
    monkeypatch: pytest.MonkeyPatch, read_whole: Callable[..., Any]
) -> None:
    server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    server.start()
    try:
        host, port = server.get_host_and_port()
        endpoint = f"http://{host}:{port}"
        for name, value in {
            "AWS_ENDPOINT_URL": endpoint,
            "AWS_ACCESS_KEY_ID": "test",
            "AWS_SECRET_ACCESS_KEY": "test",
            "AWS_DEFAULT_REGION": "us-east-1",
        }.items():
            monkeypatch.setenv(name, value)
        client = boto3.client("s3")
        client.create_bucket(Bucket="collection")
        etags = {}
        for key in ("pages/part 1.jsonl", "pages/more/part%202.jsonl", "pages/note.txt"):
            answer = client.put_object(Bucket="collection", Key=key, Body=b'{"text": "otters"}\n')
            etags[key] = answer["ETag"].strip('"')
        section = TypeAdapter(Source).validate_python(
            {
                "reader": "json_lines",
                "paths": ["s3://collection/pages/**/*.jsonl"],
                "domain": "web",
                "kind": "prose",
            }
        )
        files = list_files("web", section, Path("/nowhere"))
        assert [(file.name, file.digest) for file in files] == [
            ("more/part%202.jsonl", "etag:" + etags["pages/more/part%202.jsonl"]),
            ("part 1.jsonl", "etag:" + etags["pages/part 1.jsonl"]),
        ]
        documents = read_whole("web", section, files, max_document_bytes=100)["documents"]
        assert documents["text"].to_list() == ["otters", "otters"]
        folder = section.model_copy(update={"paths": ["s3://collection/pages"]})
        assert list_files("web", folder, Path("/nowhere")) == files
    finally:
        server.stop()
