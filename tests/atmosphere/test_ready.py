"""Plans of calls and of manifests: looked at, shown, and applied."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from pathlib import Path

import pytest
from tests.atmosphere.samples import DIGESTS, SCHEMA, URL, Events, MySample, head, shard
from tests.cli.playground import tree
from tests.pds.reference import VERSIONS
from tests.repository.pds_servers import Servers, new_account

from atpub import apply, load_manifest, plan
from atpub.atmosphere import AtmosphereClient, Dataset, DatasetPublisher, LabelPublisher
from atpub.cli.main import run
from atpub.errors import InvalidArgument, InvalidInput, OSFailure, Refused, StalePlan, Usage
from atpub.manifest.model import Manifest

NOW = datetime(2024, 5, 1, 12, tzinfo=UTC)
MANIFEST = """
atpub: 1
project: lab
schemas: {image: {nsid: org.lab.image, version: 1.0.0, fields: {text: string, label: integer}}}
datasets: {cats: {schema: image, blobs: data/*.tar, description: "<b>old</b>"}}
"""


@pytest.fixture
def file(tmp_path: Path) -> Path:
    (tmp_path / "data").mkdir()
    for number in range(3):
        (tmp_path / f"data/{number}.tar").write_bytes(shard(f"{number}"))
    (tmp_path / "atpub.yaml").write_text(MANIFEST, "utf-8")
    return tmp_path / "atpub.yaml"


def test_a_plan_writes_nothing_and_is_what_publish_does(client: AtmosphereClient) -> None:
    publisher = DatasetPublisher(client)
    before = head(client)
    ready = publisher.plan(Dataset[MySample](URL), name="cats", checksums=DIGESTS)
    assert head(client) == before
    assert [change.action for change in ready.changes] == ["create", "create"]
    assert ready.pending
    uri = publisher.publish(Dataset[MySample](URL), name="cats", checksums=DIGESTS)
    assert ready.changes[-1].uri == uri
    again = publisher.plan(publisher.publish, Dataset[MySample](URL), name="cats", checksums=DIGESTS)
    assert not again.pending
    assert again.summary["unchanged"] == 2
    published = head(client)
    assert [outcome.status for outcome in again.apply()] == ["unchanged", "unchanged"]
    assert head(client) == published != before


def test_a_plan_of_blobs_is_applied(client: AtmosphereClient) -> None:
    publisher, events = DatasetPublisher(client), Events()
    ready = publisher.plan(publisher.publish_with_blobs, [shard("a"), shard("b")], SCHEMA, name="cats")
    assert [upload.size for upload in ready.uploads] == [len(shard("a"))] * 2
    outcomes = ready.apply(on_event=events)
    assert [outcome.status for outcome in outcomes] == ["applied"]
    assert events.commits == [1]
    assert len(client.list_datasets()) == 1


def test_plans_of_other_publishers(local: AtmosphereClient) -> None:
    publisher = LabelPublisher(local)
    ready = publisher.plan(publisher.publish, "mnist", SCHEMA, version="1.0.0")
    assert [change.address for change in ready.changes] == ["labels/mnist:1.0.0"]
    assert head(local) is None


def test_stale(client: AtmosphereClient) -> None:
    publisher = DatasetPublisher(client)
    ready = publisher.plan(publisher.publish_with_urls, [URL], SCHEMA, name="cats", checksums=DIGESTS)
    publisher.publish_with_urls([URL], SCHEMA, name="cats", tags=["other"], checksums=DIGESTS)
    with pytest.raises(StalePlan, match="modified outside this run"):
        ready.apply()


def test_a_plan_is_for_the_account_that_the_client_had(local: AtmosphereClient, file: Path, tmp_path: Path) -> None:
    publisher = DatasetPublisher(local)
    plans = [
        plan(file, client=local),
        publisher.plan(publisher.publish_with_urls, [URL], SCHEMA, name="cats", checksums=DIGESTS),
    ]
    local.login(f"local:{tmp_path / 'other'}", "")
    for ready in plans:
        with pytest.raises(Usage, match="has logged in anew, or was closed, since this was planned for local") as late:
            ready.apply()
        assert late.value.hint == "plan again"
    assert head(local) is None
    assert not (tmp_path / "other").exists()


def test_no_batch_goes_to_two_accounts(local: AtmosphereClient, tmp_path: Path) -> None:
    def publish() -> None:
        with local.batch():
            DatasetPublisher(local).publish_with_urls([URL], SCHEMA, name="cats", checksums=DIGESTS)
            local.login(f"local:{tmp_path / 'other'}", "")

    with pytest.raises(Usage, match="since this was planned"):
        publish()
    assert head(local) is None


@pytest.mark.parametrize("stated", ["", "account: local:first\n"])
def test_a_plan_is_for_the_account_that_it_was_made_for(
    file: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, stated: str
) -> None:
    first, second = tmp_path / "here/first", tmp_path / "here/second"
    file.write_text(MANIFEST + stated, "utf-8")
    if not stated:
        monkeypatch.setenv("ATPUB_ACCOUNT", "local:first")
    ready = plan(file)
    monkeypatch.setenv("ATPUB_ACCOUNT", "local:second")
    monkeypatch.chdir(tmp_path)
    assert {outcome.status for outcome in ready.apply()} == {"applied"}
    assert (first / "repo.sqlite").is_file()
    assert not second.exists()


@pytest.mark.pds
@pytest.mark.parametrize("version", VERSIONS)
def test_a_plan_for_an_account_on_a_server(
    version: str, servers: Servers, file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    server = servers(version)
    account, other = new_account(server), new_account(server)
    monkeypatch.setenv("ATPUB_ACCOUNT", account.handle)
    monkeypatch.setenv("ATPUB_PDS", server.url)
    ready = plan(file)
    monkeypatch.setenv("ATPUB_ACCOUNT", other.handle)
    monkeypatch.setenv("ATPUB_PDS", "http://127.0.0.1:9")
    monkeypatch.setenv("ATPUB_PASSWORD", account.password)
    assert ready.plan.account == account.handle
    assert {outcome.status for outcome in ready.apply()} == {"applied"}
    with AtmosphereClient(server.url) as client:
        assert (len(client.list_datasets(account.did)), len(client.list_datasets(other.did))) == (1, 0)


def html(shown: object) -> str:
    """What Jupyter shows."""
    method = "_repr_html_"
    return str(getattr(shown, method)())


def test_html(local: AtmosphereClient, file: Path) -> None:
    made = plan(file, client=local)
    assert "2 to create" in html(made)
    assert "3 blobs to upload" in html(made)
    made.apply()
    file.write_text(MANIFEST.replace("<b>old</b>", "<i>new</i>"), "utf-8")
    changed = html(plan(file, client=local))
    assert "<del>&quot;&lt;b&gt;old" in changed
    assert "<ins>&quot;&lt;i&gt;new" in changed
    assert "<i>" not in changed
    file.write_text(MANIFEST.replace("project: lab", "project: other").replace("<b>old", "x"), "utf-8")
    assert ">refused</b>: " in html(plan(file, client=local))
    shown = html(Dataset[MySample]("https://a.test/<b>{0..1}.tar", metadata={"<i>": "<u>"}))
    assert "2 shards" in shown
    assert "&lt;i&gt;" in shown
    assert not {"<i>", "<u>", "/<b>"} & set(shown.replace("><", "> <").split())


def test_the_same_as_the_commands(
    file: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SOURCE_DATE_EPOCH", str(int(NOW.timestamp())))
    assert run(["plan", "-m", str(file), "--account", "local", "--json", "--reproducible"]) == 0
    told = json.loads(capsys.readouterr().out)
    ready = plan(file, account="local", now=NOW)
    assert ready.digest == told["digest"]
    assert json.loads(json.dumps(ready.to_json())) == told
    events = Events()
    outcomes = apply(ready, on_event=events)
    assert events.commits == [2]
    assert {outcome.status for outcome in outcomes} == {"applied"}
    assert run(["plan", "-m", str(file), "--account", "local", "--detailed-exitcode"]) == 0
    assert "Nothing to do" in str(plan(file, account="local"))
    assert (file.parent / ".atpub/local/repo.sqlite").is_file()


def test_a_part_of_a_manifest(file: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for flags, ready in (
        (["--only", "schemas/*"], plan(file, account="local", only=["schemas/*"])),
        (["--exclude", "datasets/cats"], plan(file, account="local", exclude=["datasets/cats"])),
    ):
        assert run(["plan", "-m", str(file), "--account", "local", "--json", *flags]) == 0
        assert [change.address for change in ready.changes] == ["schemas/image"]
        assert ready.digest == json.loads(capsys.readouterr().out)["digest"]
    with pytest.raises(Usage, match="there is no such entry"):
        plan(file, account="local", only=["datasets/dogs"])
    with pytest.raises(InvalidArgument, match=r"plan\(exclude=…\): expected a list of addresses, found a str"):
        plan(file, account="local", exclude="datasets/cats")


def test_on_an_account(client: AtmosphereClient, file: Path) -> None:
    manifest = load_manifest(file)
    assert isinstance(manifest, Manifest)
    before = tree(file.parent)
    ready = plan(manifest, client=client)
    assert ready.cost.writes == 3
    assert {outcome.status for outcome in apply(ready, history=False)} == {"applied"}
    assert not plan(manifest, client=client).pending
    assert {name: value for name, value in tree(file.parent).items() if not name.startswith("repository")} == before


def test_the_command_line_undoes_an_apply(file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(file.parent)
    file.write_text(f"account: local{MANIFEST}", "utf-8")
    (*_, first) = apply(plan())
    file.write_text(f"account: local{MANIFEST.replace('<b>old</b>', 'new')}", "utf-8")
    apply(plan())
    (changed,) = (change for change in plan(file).changes if change.path == first.change.path)
    assert changed.before_cid != first.cid
    assert run(["undo", "--yes"]) == 0
    (change,) = (change for change in plan(file).changes if change.path == first.change.path)
    assert (change.action, change.before_cid) == ("update", first.cid)


def test_a_record_that_is_published_again_keeps_its_time(file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(file.parent)
    (*_, first) = apply(plan(account="local", now=NOW))
    assert run(["destroy", "--yes", "--account", "local"]) == 0
    (*_, again) = apply(plan(account="local"))
    assert again.cid == first.cid


def test_a_history_that_cannot_be_written(file: Path) -> None:
    (file.parent / ".atpub").write_text("in the way", "utf-8")
    ready = plan(file, account=f"local:{file.parent / 'repository'}")
    with pytest.raises(OSFailure, match=r"cannot write .*history"):
        ready.apply()
    ready.apply(history=False)


def test_what_is_wrong(file: Path, local: AtmosphereClient, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(Usage, match="no account is given"):
        plan(file)
    with pytest.raises(Usage, match="an account of its own"):
        plan(file, client=local, account="local")
    with pytest.raises(Usage, match=r"there is no atpub\.yaml"):
        plan(account="local")
    monkeypatch.setenv("ATPUB_PLC", "nowhere")
    with pytest.raises(Usage, match="ATPUB_PLC: 'nowhere' is not the address of a server"):
        plan(file, account="did:plc:aaaaaaaaaaaaaaaaaaaaaaaa")
    file.write_text(MANIFEST.replace("blobs: data", "blobs: nowhere"), "utf-8")
    with pytest.raises(InvalidInput, match="nowhere"):
        plan(file, account="local")
    file.write_text(f"{MANIFEST}\ndid: did:web:lab.example\n", "utf-8")
    with pytest.raises(Refused, match=r"and not did:web:lab\.example as the manifest"):
        plan(file, client=local)
