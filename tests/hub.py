"""A hub on loopback: data sets of the Hugging Face hub, as its client asks for them."""

import json
from collections.abc import Mapping
from hashlib import sha1
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import unquote, urlsplit

COMMIT = "0" * 40


class Hub(ThreadingHTTPServer):
    """Speaks what ``huggingface_hub`` needs to list a data set and to read its files."""

    def __init__(self, files: Mapping[str, bytes]) -> None:
        """``files`` are those of all data sets: OWNER/NAME/FILE."""
        super().__init__(("127.0.0.1", 0), _Handler)
        self.files = dict(files)

    @property
    def address(self) -> str:
        return f"http://127.0.0.1:{self.server_port}"


class _Handler(BaseHTTPRequestHandler):
    server: Hub

    def do_GET(self) -> None:
        self._answer(body=True)

    def do_HEAD(self) -> None:
        self._answer(body=False)

    def do_POST(self) -> None:
        asked = json.loads(self.rfile.read(int(self.headers["Content-Length"])) or b"{}")
        dataset = self._parts()[2:4]
        found = [each for each in self._tree(*dataset) if each["path"] in asked.get("paths", ())]
        self._send(json.dumps(found).encode(), "application/json", body=True)

    def _parts(self) -> list[str]:
        return unquote(urlsplit(self.path).path).strip("/").split("/")

    def _tree(self, owner: str, name: str) -> list[dict]:
        prefix = f"{owner}/{name}/"
        files = {
            path.removeprefix(prefix): data
            for path, data in self.server.files.items()
            if path.startswith(prefix)
        }
        folders = {
            "/".join(path.split("/")[:depth])
            for path in files
            for depth in range(1, path.count("/") + 1)
        }
        return [
            *({"type": "directory", "path": each, "oid": COMMIT, "size": 0} for each in folders),
            *(
                {"type": "file", "path": path, "oid": sha1(data).hexdigest(), "size": len(data)}
                for path, data in files.items()
            ),
        ]

    def _answer(self, *, body: bool) -> None:
        parts = self._parts()
        if parts[:2] == ["api", "datasets"]:
            tree = self._tree(*parts[2:4])
            if not tree:
                self._send(b"{}", "application/json", body=body, status=404)
                return
            reply: object = {"id": "/".join(parts[2:4]), "sha": COMMIT, "siblings": []}
            if "tree" in parts:
                below = "/".join(parts[6:])
                reply = [each for each in tree if not below or each["path"].startswith(f"{below}/")]
            self._send(json.dumps(reply).encode(), "application/json", body=body)
            return
        if parts[:1] == ["datasets"] and "resolve" in parts:
            path = "/".join([*parts[1:3], *parts[5:]])
            if path in self.server.files:
                self._send(self.server.files[path], "application/octet-stream", body=body)
                return
        self._send(b"{}", "application/json", body=body, status=404)

    def _send(self, data: bytes, kind: str, *, body: bool, status: int = 200) -> None:
        asked = self.headers.get("Range", "")
        if asked.startswith("bytes=") and status == 200:
            first, _, last = asked.removeprefix("bytes=").partition("-")
            data, status = data[int(first) : int(last or len(data)) + 1], 206
        self.send_response(status)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(data)))
        self.send_header("X-Repo-Commit", COMMIT)
        self.send_header("ETag", f'"{sha1(data).hexdigest()}"')
        self.end_headers()
        if body:
            self.wfile.write(data)

    def log_message(self, *_: object) -> None: ...
