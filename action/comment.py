"""Put a plan into a comment on a pull request: the comment of an earlier run is replaced.

Uses the standard library alone, and the API of GitHub's issue comments, which Forgejo and Gitea have, too. It reads
MARKDOWN (a file whose first line marks the comment), PENDING (false: no comment is made where there is none),
COMMENT_AUTHOR, GITHUB_TOKEN, GITHUB_API_URL, GITHUB_REPOSITORY and GITHUB_EVENT_PATH.
"""

from __future__ import annotations

import json
import os
import sys
import time
import urllib.request
from collections.abc import Iterator
from email.message import Message
from pathlib import Path
from typing import IO, Any
from urllib.error import HTTPError

LIMIT = 65_536
"""The maximum number of characters of a comment."""
PAGE, MOST_PAGES = 100, 30
TIMEOUT = 30
ATTEMPTS = 2
FORBIDDEN = (401, 403, 404)


class NoRedirects(urllib.request.HTTPRedirectHandler):
    """Follows no redirect: the token is for one server."""

    def redirect_request(
        self, req: urllib.request.Request, fp: IO[bytes], code: int, msg: str, headers: Message, newurl: str
    ) -> None:
        """Return no request."""


class Comments:
    """The comments of a pull request."""

    def __init__(self, api: str, repository: str, number: int, token: str) -> None:
        self._issues = f"{api.rstrip('/')}/repos/{repository}/issues"
        self._number = number
        self._token = token
        self._opener = urllib.request.build_opener(NoRedirects)

    def find(self, marker: str, author: str) -> int | None:
        """Return the id of the author's (or any bot's) comment that begins with a line."""
        for comment in self._all():
            user: dict[str, Any] = comment.get("user") or {}
            is_ours = user.get("login") == author if author else user.get("type") == "Bot"
            if is_ours and str(comment.get("body")).partition("\n")[0].strip() == marker:
                return int(comment["id"])
        return None

    def write(self, found: int | None, body: str) -> str:
        """Replace a comment, or make one; return its URL."""
        if found is None:
            made = self._request("POST", f"{self._number}/comments", {"body": body})
        else:
            made = self._request("PATCH", f"comments/{found}", {"body": body})
        return str(made.get("html_url", ""))

    def _all(self) -> Iterator[dict[str, Any]]:
        seen: set[int] = set()
        for page in range(1, MOST_PAGES + 1):
            found = self._request("GET", f"{self._number}/comments?per_page={PAGE}&page={page}")
            new = [comment for comment in found if comment["id"] not in seen]
            yield from new
            seen.update(comment["id"] for comment in new)
            if len(found) < PAGE or not new:  # some servers have no pages, and answer with all comments each time
                return

    def _request(self, method: str, path: str, body: object = None) -> Any:
        """Return the answer as JSON; try again after a failure of the server, unless that might comment twice."""
        data = None if body is None else json.dumps(body).encode()
        headers = {"Authorization": f"Bearer {self._token}", "Accept": "application/json"}
        request = urllib.request.Request(f"{self._issues}/{path}", data, headers, method=method)
        for attempt in range(1, ATTEMPTS + 1):
            try:
                with self._opener.open(request, timeout=TIMEOUT) as response:
                    return json.load(response)
            except HTTPError as error:
                if error.code < 500 or method == "POST" or attempt == ATTEMPTS:
                    raise
                time.sleep(attempt)
        raise AssertionError


def shorten(text: str) -> str:
    """Return a text that fits into a comment; of a longer one the head, which has the numbers of changes."""
    if len(text) <= LIMIT:
        return text
    head = text.partition("<details")[0]
    return f"{head}The plan is too long for a comment: it is in the job's summary.\n"


def pull_request(event: Path) -> int | None:
    """Return the number of the pull request that started the run; None where another event did."""
    found: dict[str, Any] = json.loads(event.read_text("utf-8")).get("pull_request") or {}
    return found.get("number")


def main() -> int:
    """Write the comment; a token that may not (in a fork) is no failure, as the plan is in the job's summary, too."""
    number = pull_request(Path(os.environ["GITHUB_EVENT_PATH"]))
    if number is None:
        print("no pull request: no comment")
        return 0
    text = Path(os.environ["MARKDOWN"]).read_text("utf-8")
    environ = os.environ
    comments = Comments(environ["GITHUB_API_URL"], environ["GITHUB_REPOSITORY"], number, environ["GITHUB_TOKEN"])
    try:
        found = comments.find(text.partition("\n")[0], environ.get("COMMENT_AUTHOR", ""))
        if found is None and environ.get("PENDING") == "false":
            print("nothing to do: no comment")
            return 0
        print(f"comment: {comments.write(found, shorten(text))!a}")
    except HTTPError as error:
        if error.code in FORBIDDEN:
            print(f"::notice::no comment: the token may not comment here ({error.code}); see the job's summary")
            return 0
        print(f"::error::no comment: the server answers with {error.code}")
        return 1
    except OSError as error:
        print(f"::error::no comment: {type(error).__name__}: no answer from the server")
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
