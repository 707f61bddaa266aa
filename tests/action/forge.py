"""A stand-in for the comment API of a forge, on the loopback: it keeps comments, pages and refuses as GitHub does."""

from __future__ import annotations

import json
import re
from collections.abc import Generator
from contextlib import contextmanager
from typing import Any
from urllib.parse import parse_qs, urlsplit

from tests.servers import QuietHandler, serving

TOKEN = "ghs_token"
MOST = 65_536


class Forge:
    """The comments of one pull request, the requests that came, and the answers to give before any other."""

    def __init__(self) -> None:
        self.comments: list[dict[str, Any]] = []
        self.requests: list[str] = []
        self.faults: list[int] = []
        self.refuses_writes = False
        self.url = ""

    def add(self, body: str, login: str = "github-actions[bot]", kind: str = "Bot") -> int:
        self.comments.append({"id": len(self.comments) + 1, "body": body, "user": {"login": login, "type": kind}})
        return len(self.comments)

    def answer(
        self, method: str, path: str, query: dict[str, list[str]], body: dict[str, Any] | None
    ) -> tuple[int, Any]:
        if self.faults:
            return self.faults.pop(0), {"message": "a fault"}
        text = str(body["body"]) if body else ""
        if body and self.refuses_writes:
            return 403, {"message": "Resource not accessible by integration"}
        if len(text) > MOST:
            return 422, {"message": "too long"}
        if found := re.fullmatch(r"/repos/lab/data/issues/comments/(\d+)", path):
            self.comments[int(found[1]) - 1]["body"] = text
            return 200, self.comments[int(found[1]) - 1]
        if path != "/repos/lab/data/issues/7/comments":
            return 404, {"message": "not found"}
        if method == "POST":
            return 201, {**self.comments[self.add(text) - 1], "html_url": f"{self.url}/7"}
        size, page = int(query["per_page"][0]), int(query["page"][0])
        return 200, self.comments[(page - 1) * size : page * size]


@contextmanager
def serving_forge(forge: Forge) -> Generator[Forge]:
    class Handler(QuietHandler):
        def answer(self) -> None:
            parts = urlsplit(self.path)
            size = int(self.headers.get("Content-Length") or 0)
            body = json.loads(self.rfile.read(size)) if size else None
            forge.requests.append(f"{self.command} {parts.path}")
            is_known = self.headers.get("Authorization") == f"Bearer {TOKEN}"
            code: int
            found: Any
            code, found = forge.answer(self.command, parts.path, parse_qs(parts.query), body) if is_known else (401, {})
            data = json.dumps(found).encode()
            self.send_response(code)
            if code == 302:
                self.send_header("Location", "/elsewhere")
            self.send_header("Content-Length", str(len(data)))
            self.end_headers()
            self.wfile.write(data)

        do_GET = do_POST = do_PATCH = answer

    with serving(Handler) as forge.url:
        yield forge
