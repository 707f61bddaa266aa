"""Lexicons to be published and the DNS: what plans say, and `atpub lex status`."""

import json
from collections.abc import Callable, Mapping
from pathlib import Path

import dns.rcode
import pytest
from tests.atproto.identity.dns_server import Said, dns_server
from tests.cli.playground import Ran, write_files
from tests.engine.apply.publishing import NOW
from tests.lexicon_resolution.network import ALICE, BOB, cid, lexicon, lock_of, record

from atpub.atproto.data import JsonObject, cid_of
from atpub.atproto.identity.dns import Unresolved
from atpub.atproto.identity.lexicons import PublisherLookup, txt_name
from atpub.atproto.syntax import Did, Nsid, RecordPath, Rkey, Tid
from atpub.engine.desired.build import build_desired
from atpub.engine.plan.build import plan_manifest
from atpub.engine.plan.model import Plan
from atpub.engine.plan.serialize import read_plan, saved_document
from atpub.errors import InvalidInput
from atpub.lexicon_resolution.closure import HeldLexicon
from atpub.lexicon_resolution.files import read_found
from atpub.lexicon_resolution.publishers import check_publishers
from atpub.lexicon_resolution.status import compare
from atpub.manifest.lexicon_lock import COLLECTION
from atpub.manifest.load import load_manifest
from atpub.repository.model import Head, Live, Record
from atpub.shards.facts import gather
from atpub.text.source import Source

Atpub = Callable[..., Ran]
DID = Did(ALICE)
MANIFEST = "atpub: 1\nproject: lab\naccount: local\nlexicons: {path: lexicons/, publish: true}\n"
NOTE, NAME = Nsid("org.lab.note"), "_lexicon.lab.org"


@pytest.mark.parametrize(
    ("nsid", "name"),
    [
        ("org.lab.note", "_lexicon.lab.org"),
        ("org.lab.deep.er.note", "_lexicon.er.deep.lab.org"),
        ("Org.LAB.note", "_lexicon.lab.org"),
    ],
)
def test_the_authority_is_all_but_the_name(nsid: str, name: str) -> None:
    assert txt_name(Nsid(nsid)) == name


@pytest.mark.parametrize(
    ("says", "found"),
    [
        ([f"did={ALICE}"], ALICE),
        (["v=spf1 -all", f"did={ALICE}"], ALICE),
        (["did=nonsense"], Unresolved(f"the TXT record of {NAME} names no DID")),
        ([f"did={ALICE}", f"did={BOB}"], Unresolved(f"the TXT records of {NAME} name several DIDs: {BOB}, {ALICE}")),
        ([], Unresolved(f"DNS has no TXT record of {NAME}")),
        (dns.rcode.NXDOMAIN, Unresolved(f"DNS has no {NAME}")),
    ],
)
def test_each_authority_is_asked_for_once(says: Said, found: Did | Unresolved) -> None:
    with dns_server({NAME: says}) as names:
        lookup = PublisherLookup(names.address)
        assert [lookup(NOTE), lookup(Nsid("org.lab.other"))] == [found, found]
        assert names.asked == [NAME]


def write_project(folder: Path, *lexicons: JsonObject) -> None:
    files = {f"lexicons/{item['id']}.json": json.dumps(item) for item in lexicons}
    write_files(folder, {"atpub.yaml": MANIFEST, **files})


def plan(folder: Path, live: Mapping[RecordPath, Record]) -> Plan:
    manifest = load_manifest([str(folder / "atpub.yaml")], environ={})
    desired, _ = build_desired(manifest, gather(manifest), DID)
    state = Live(DID, Head(cid_of("head"), Tid.of(0)), live)
    return plan_manifest(desired, state, project="lab", account="lab.example", now=NOW, policy=manifest.policy)


def published(*lexicons: JsonObject) -> dict[RecordPath, Record]:
    paths = [RecordPath(COLLECTION, Rkey(str(item["id"]))) for item in lexicons]
    return {path: Record(path, cid(item), record(item)) for path, item in zip(paths, lexicons, strict=True)}


def test_another_account_is_refused(tmp_path: Path) -> None:
    write_project(tmp_path, lexicon(NOTE), lexicon("org.other.link"))
    made = plan(tmp_path, {})
    found = check_publishers(made, lambda nsid: Did(BOB) if nsid == NOTE else DID)
    assert [(item.address, item.code) for item in found.refusals] == [(f"lexicons/{NOTE}", "lexicon-publisher")]
    assert BOB in found.refusals[0].message
    assert f'{NAME}. TXT "did={ALICE}"' in found.refusals[0].hint
    assert found.warnings == made.warnings
    assert read_plan(json.dumps(saved_document(found, None)).encode(), "plan.json")[0].refusals == found.refusals


def test_a_missing_record_is_told_once(tmp_path: Path) -> None:
    write_project(tmp_path, lexicon(NOTE), lexicon("org.lab.link"))
    found = check_publishers(plan(tmp_path, {}), lambda _: Unresolved(f"DNS has no {NAME}"))
    assert [item.code for item in found.warnings] == ["lexicon-dns"]
    assert found.warnings[0].hint == f'set the record: {NAME}. TXT "did={ALICE}"'
    assert found.refusals == ()


def test_only_what_is_written_is_asked_for(tmp_path: Path) -> None:
    write_project(tmp_path, lexicon(NOTE), lexicon("org.lab.link", description="new"))
    asked: list[Nsid] = []

    def ask(nsid: Nsid) -> Did:
        asked.append(nsid)
        return DID

    live = published(lexicon(NOTE))
    assert check_publishers(plan(tmp_path, live), ask).refusals == ()
    assert asked == ["org.lab.link"]
    made = plan(tmp_path, published(lexicon(NOTE), lexicon("org.lab.link", description="new")))
    assert check_publishers(made, ask) is made
    assert asked == ["org.lab.link"]


def test_pulled_lexicons_are_not_published(tmp_path: Path) -> None:
    write_project(tmp_path, lexicon(NOTE, "org.other.link"), lexicon("org.other.link"))
    write_files(tmp_path, {"lexicons.lock.json": lock_of(BOB, lexicon("org.other.link"), roots=("org.other.link",))})
    assert [change.address for change in plan(tmp_path, {}).changes] == [f"lexicons/{NOTE}"]
    (tmp_path / "lexicons.lock.json").rename(tmp_path / "lexicons.json")
    assert [change.address for change in plan(tmp_path, {}).changes] == [f"lexicons/{NOTE}"]
    write_files(tmp_path, {"lexicons.lock.json": "{}"})
    with pytest.raises(InvalidInput, match=r"\[lexicon-lock\]"):
        plan(tmp_path, {})


def held(*lexicons: JsonObject) -> dict[Nsid, HeldLexicon]:
    names = [Nsid(str(item["id"])) for item in lexicons]
    sources = [Source(f"{name}.json", json.dumps(item)) for name, item in zip(names, lexicons, strict=True)]
    return {
        name: HeldLexicon(source.file, read_found(name, source, ""))
        for name, source in zip(names, sources, strict=True)
    }


def test_the_status_of_each() -> None:
    files = held(*(lexicon(f"org.lab.{name}") for name in ("a", "b", "c")), lexicon("org.bad.d"), lexicon("org.no.e"))
    live = published(
        lexicon("org.lab.a"), lexicon("org.lab.b", description="x"), lexicon("org.lab.z"), lexicon("org.far.y")
    )
    answers: dict[str, Did | Unresolved] = {"lab": DID, "bad": Did(BOB), "no": Unresolved("DNS has no such name")}
    records = {Nsid(path.rkey): item for path, item in live.items()}
    invalid = {Nsid("org.lab.f"): HeldLexicon("f.json", None)}
    found = compare({**files, **invalid}, records, DID, lambda nsid: answers[nsid.segments[1]])
    assert [(item.nsid, item.record, item.dns, item.is_well) for item in found] == [
        ("org.bad.d", "not-published", "other-account", False),
        ("org.lab.a", "same", "account", True),
        ("org.lab.b", "differs", "account", False),
        ("org.lab.c", "not-published", "account", False),
        ("org.lab.f", "invalid", "account", False),
        ("org.lab.z", "no-file", "not-asked", True),
        ("org.no.e", "not-published", "missing", False),
    ]
    assert BOB in found[0].reason
    assert f'_lexicon.no.org. TXT "did={ALICE}"' in found[-1].reason


def test_the_status_in_a_folder(folder: Path, atpub: Atpub) -> None:
    write_project(folder, lexicon(NOTE), lexicon("org.other.link"))
    write_files(folder, {"lexicons.lock.json": lock_of(BOB, lexicon("org.other.link"), roots=("org.other.link",))})
    assert atpub("apply", "--yes").code == 0
    ran = atpub("lex", "status")
    assert (ran.code, ran.err) == (0, "")
    assert ran.out.splitlines() == [
        "LEXICON       RECORD  FILE",
        f"{NOTE}  same    lexicons/{NOTE}.json",
        "1 lexicon, all as published.",
    ]
    write_project(folder, lexicon(NOTE, description="new"))
    ran = atpub("lex", "status", "--json")
    assert (ran.code, [item["record"] for item in ran.json["lexicons"]]) == (2, ["differs"])
