"""A client of the language server that editors use for YAML and JSON: LSP over the standard streams."""

import json
import queue
import subprocess
import threading
from collections.abc import Generator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO, Any

from tests.pds.reference import install_in, node

YAML_SERVER = "yaml-language-server/bin/yaml-language-server"
JSON_SERVER = "vscode-langservers-extracted/bin/vscode-json-language-server"
NPM = Path(__file__).parent / "npm"
CURSOR = "‸"
_SECONDS = 60


@dataclass
class LanguageServer:
    """A running server; `settings` are those of an editor."""

    to: IO[bytes]
    received: queue.Queue[Any]
    settings: dict[str, Any]
    asked: int = 0
    diagnostics: dict[str, list[Any]] = field(default_factory=dict[str, list[Any]])

    def diagnose(self, file: Path, text: str) -> list[str]:
        """Open a file, and return what the server says of it as `line:column message`, counted from 1."""
        uri = self._open(file, text)
        while uri not in self.diagnostics:
            self._take(self.received.get(timeout=_SECONDS))
        found = sorted(
            (item["range"]["start"]["line"], item["range"]["start"]["character"], item["message"])
            for item in self.diagnostics[uri]
        )
        return [f"{line + 1}:{column + 1} {message}" for line, column, message in found]

    def complete(self, file: Path, text: str) -> dict[str, Any]:
        """Return what is offered at the cursor: label → item."""
        found = self._at_cursor("textDocument/completion", file, text)
        return {item["label"]: item for item in found["items"]}

    def hover(self, file: Path, text: str) -> str:
        """Return what is shown at the cursor, in the form of the server."""
        found = self._at_cursor("textDocument/hover", file, text)
        return str(found["contents"]) if found else ""

    def _at_cursor(self, method: str, file: Path, text: str) -> Any:
        before, _, after = text.partition(CURSOR)
        uri = self._open(file, before + after)
        position = {"line": before.count("\n"), "character": len(before) - before.rfind("\n") - 1}
        return self.request(method, {"textDocument": {"uri": uri}, "position": position})

    def _open(self, file: Path, text: str) -> str:
        file.write_text(text, "utf-8")
        language = "json" if file.suffix == ".json" else "yaml"
        document = {"uri": file.as_uri(), "languageId": language, "version": 1, "text": text}
        self._send({"method": "textDocument/didOpen", "params": {"textDocument": document}})
        return file.as_uri()

    def request(self, method: str, params: Any) -> Any:
        """Send a request and return its result."""
        self.asked += 1
        self._send({"id": self.asked, "method": method, "params": params})
        while True:
            message = self.received.get(timeout=_SECONDS)
            if message.get("id") == self.asked and "method" not in message:
                assert "error" not in message, message["error"]
                return message["result"]
            self._take(message)

    def notify(self, method: str, params: Any) -> None:
        """Send what has no result."""
        self._send({"method": method, "params": params})

    def _take(self, message: Any) -> None:
        """Answer a request of the server, and keep diagnostics."""
        match message:
            case {"method": "workspace/configuration", "id": asked, "params": {"items": items}}:
                self._send(
                    {"id": asked, "result": [self.settings if item["section"] == "yaml" else {} for item in items]}
                )
            case {"method": _, "id": asked}:
                self._send({"id": asked, "result": None})
            case {"method": "textDocument/publishDiagnostics", "params": {"uri": uri, "diagnostics": found}}:
                self.diagnostics[uri] = found
            case _:
                pass

    def _send(self, message: dict[str, Any]) -> None:
        body = json.dumps({"jsonrpc": "2.0", **message}).encode()
        self.to.write(b"Content-Length: %d\r\n\r\n%b" % (len(body), body))
        self.to.flush()


def _read(stream: IO[bytes], received: queue.Queue[Any]) -> None:
    while header := stream.readline():
        length = int(header.partition(b":")[2])
        while stream.readline().strip():
            pass
        received.put(json.loads(stream.read(length)))


@contextmanager
def serve(program: str, settings: dict[str, Any]) -> Generator[LanguageServer]:
    """Run a server until the context ends; raises Unreachable where it cannot be installed."""
    command = [str(node()), str(install_in(NPM, "yaml-language-server") / program), "--stdio"]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as process:
        assert process.stdin
        assert process.stdout
        server = LanguageServer(process.stdin, queue.Queue(), settings)
        threading.Thread(target=_read, args=(process.stdout, server.received), daemon=True).start()
        try:
            server.request("initialize", _CLIENT)
            server.notify("initialized", {})
            server.notify("workspace/didChangeConfiguration", {"settings": settings})
            yield server
        finally:
            process.kill()


_ITEMS = {"documentationFormat": ["plaintext"], "snippetSupport": True}
_CLIENT: dict[str, Any] = {
    "processId": None,
    "rootUri": None,
    "capabilities": {
        "workspace": {"configuration": True},
        "textDocument": {"completion": {"completionItem": _ITEMS}},
    },
}
