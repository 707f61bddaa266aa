"""Records of the account that a manifest names by URIs: a plan warns where they are not there."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from tests.cli.playground import Ran

from atpub.repository.model import LOCAL_DID

OWN = f"at://{LOCAL_DID}/science.alt.dataset.schema"
MANIFEST = f"""\
atpub: 1
project: lab
account: local
schemas: {{image: {{nsid: org.lab.image, version: 1.0.0, fields: {{label: integer}}}}}}
datasets:
  a: {{schema: "{OWN}/org.lab.image:1.0.0", urls: "https://a.example/a-0.tar", checksums: none}}
  b: {{schema: "{OWN}/org.lab.none:1.0.0", urls: "https://a.example/b-0.tar", checksums: none}}
  c:
    schema: at://did:plc:ewvi7nxzyoun6zhxrhs64oiz/science.alt.dataset.schema/org.lab.none:1.0.0
    urls: https://a.example/c-0.tar
    checksums: none
labels:
  d: {{dataset: "at://{LOCAL_DID}/science.alt.dataset.entry/3jzfcijpj2z2a", version: 1.0.0}}
"""


def test_what_is_not_there_is_told(folder: Path, atpub: Callable[..., Ran]) -> None:
    Path("atpub.yaml").write_text(MANIFEST)
    plan = atpub("plan")
    assert plan.code == 0
    assert plan.err.count("not-found]") == 2
    assert f"atpub.yaml:7:15: warning: there is no schema at {OWN}/org.lab.none:1.0.0 [schema-not-found]" in plan.err
    assert "atpub.yaml:13:" in plan.err
    assert "[dataset-not-found]" in plan.err
    assert "not-found" not in atpub("validate").err  # it reads no repository
    assert atpub("apply", "--yes").err.count("not-found]") == 2
    Path("atpub.yaml").write_text(
        MANIFEST.replace("org.lab.none", "org.lab.image").replace("schemas:", "defaults: {}\n#")
    )
    assert atpub("plan").err.count("not-found]") == 1
