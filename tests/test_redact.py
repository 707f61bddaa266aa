"""What is shown holds no secret, whatever text it stands in."""

import pytest

from atpub.atproto.xrpc.transport import base_url
from atpub.errors import AtpubError, Usage
from atpub.problems import Place, Problem
from atpub.redact import find_url_secret, hide, redact

SECRET = "hunter2"
TEXTS = [
    f"https://me:{SECRET}@lab.example/x is not there",
    f"'https://{SECRET}@lab.example' is not a server",
    f"GET https://lab.example/a?X-Amz-Signature={SECRET}&b=1 failed",
    f"urls: [s3://K:{SECRET}@b/a.tar]",
    f"see #access_token={SECRET}",
    f"  urls: \"pipe:curl -H 'Authorization: Bearer {SECRET}' https://x\"",
    f"https://a.example/?u=https%3A%2F%2Fme%3A{SECRET}%40b.example%2F",
    f"https://me:{SECRET}%40lab.example/a",
    *(
        f"{start}me:{SECRET}@lab.example/a"
        for start in ("", "https:", "https:/", "https:///", "https//", "//", "s3:\\\\")
    ),
    f"https://me:x/{SECRET}@lab.example/a",
    f"'me:{SECRET}@localhost:8000/a' is not a server",
    f"pds: 'me:{SECRET}@localhost' is not of the right form",
    f"pds: me:{SECRET}@lab.example:8000",
]


@pytest.mark.parametrize("text", TEXTS)
def test_urls_are_redacted_wherever_they_are_shown(text: str) -> None:
    shown = [redact(text), str(AtpubError(text, hint=text)), AtpubError(text, hint=text).hint]
    problem = Problem("x", text, Place("f", 1, 1, text), text)
    assert SECRET not in "".join([*shown, problem.message, problem.hint, str(problem.place), repr(problem)])
    assert redact(redact(text)) == redact(text)


@pytest.mark.parametrize(
    "text",
    [
        "me@lab.example",
        "mailto:me@lab.example",
        "mailto:me@lab.example, or by telephone",
        "https://lab.example:8000/a@2.tar",
        "at://did:plc:x/a.b.c/d@e",
        "write to: me@lab.example/x, or image:1@sha256:ab",
        "at://did:plc:x/a.b.c/d",
        "https://lab.example/@me/a?page=2&design=3#part=1",
        "list local files, not `pipe:` commands",
        "abfss://box@lab.dfs.core.windows.net/a",
        "token = x; pipe: a",
    ],
)
def test_other_texts_stay(text: str) -> None:
    assert redact(text).startswith(text[:10])
    assert find_url_secret(text) is None


def test_registered_secrets_are_redacted() -> None:
    hide('a"b')
    assert redact('x a"b y a\\"b z a%22b') == "x (secret) y (secret) z (secret)"


@pytest.mark.parametrize(
    "text",
    [
        "://" + "a" * 100_000,
        "?" * 100_000,
        "?a=" * 50_000,
        "a" * 100_000 + "://",
        "a." * 50_000 + "://",
        "?" + "a_" * 20_000 + "=b",
        "a:" * 50_000 + "@",
        "/" * 100_000 + "a:b@",
        "a://b:c" * 10_000 + "@",
    ],
)
def test_long_texts_take_no_time(text: str) -> None:
    redact(text)


def test_the_address_of_a_server_is_not_repeated_with_its_password() -> None:
    with pytest.raises(Usage) as raised:
        base_url(f"https://me:{SECRET}@pds.example")
    assert SECRET not in str(raised.value) + raised.value.hint
