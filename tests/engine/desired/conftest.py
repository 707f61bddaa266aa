"""The folder that the manifests of these tests are in."""

import json
from pathlib import Path

import pytest
from tests.engine.apply.publishing import write_lexicons, write_tar
from tests.engine.desired.manifests import NAMED_LEXICON


@pytest.fixture(scope="session")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Lexicons, shards, files that are none, and a schema in a file; manifests come and go."""
    made = tmp_path_factory.mktemp("desired")
    write_lexicons(made)
    (made / "lexicons/org.test.named.json").write_text(json.dumps(NAMED_LEXICON), "utf-8")
    write_tar(made / "data/0.tar", "zero", "one")
    write_tar(made / "data/1.tar", "two")
    (made / "data/a.json").write_text("{}", "utf-8")
    (made / "data/b.unknown").write_text("what is it", "utf-8")
    (made / "data/empty").write_bytes(b"")
    (made / "audio.json").write_text(
        '{"type": "object",\n "properties": {"rate": {"type": "integer", "minimum": 0.5}},\n "required": ["rate"]}\n',
        "utf-8",
    )
    return made
