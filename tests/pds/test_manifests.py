"""Manifests that merge well, on the reference PDS: merge keys, extensions, environments, pipes, several projects."""

import io
import sys

import pytest
from tests.cli.lab import Lab
from tests.pds.reference import VERSIONS, Account, ReferencePds

pytestmark = [pytest.mark.pds, pytest.mark.slow, pytest.mark.parametrize("reference_pds", VERSIONS[:1], indirect=True)]

LAYERED = """\
atpub: 1
project: layered
account: local
x-shared: &shared {schema: image, license: CC-BY-4.0, checksums: none, x-team: vision}
schemas:
  image: {nsid: org.lab.image, version: 1.0.0, fields: {label: integer}}
datasets:
  cats: {<<: *shared, urls: "https://cdn.lab.example/cats-{0..2}.tar"}
  dogs: {<<: *shared, license: MIT, urls: "https://cdn.lab.example/dogs-{0..2}.tar"}
environments:
  production:
    account: ACCOUNT
    policy: {max_delete: 0}
    schemas: {image: {description: Production.}}
    datasets:
      cats: {description: Cats of production., tags: [cats]}
      birds: {<<: *shared, urls: "https://cdn.lab.example/birds-{0..2}.tar"}
"""


def test_an_environment_through_pipes(
    pds_lab: Lab, reference_pds: ReferencePds, pds_account: Account, monkeypatch: pytest.MonkeyPatch
) -> None:
    def stdin(text: str) -> None:
        monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(text.encode())))

    manifest = LAYERED.replace("ACCOUNT", pds_account.did)
    stdin(manifest)
    planned = pds_lab.run("plan", "-m", "-", "--env", "production", "--out", "-")
    assert planned.code == 0, planned.err
    stdin(planned.out)
    applied = pds_lab.run("apply", "-", "--account", pds_account.did)
    assert applied.code == 0, applied.err

    values = {item["value"].get("name"): item["value"] for item in reference_pds.content(pds_account.did)}
    assert {name: values[name]["license"] for name in ("cats", "dogs", "birds")} == {
        "cats": "CC-BY-4.0",
        "dogs": "MIT",
        "birds": "CC-BY-4.0",
    }
    assert (values["cats"]["description"], values["cats"]["tags"]) == ("Cats of production.", ["cats"])
    assert values["Image"]["description"] == "Production."
    assert not any(key.startswith("x-") for value in values.values() for key in value)

    stdin(manifest)
    assert pds_lab.run("plan", "-m", "-", "--env", "production", "--detailed-exitcode").code == 0
    stdin(manifest.replace("      birds: {<<: *shared, urls", "      fish: {<<: *shared, urls"))
    assert "[max-delete]" in pds_lab.run("plan", "-m", "-", "--env", "production").out


def test_one_project_that_is_refused_leaves_the_other_whole(
    pds_lab: Lab, reference_pds: ReferencePds, pds_account: Account
) -> None:
    lab, names = pds_lab, ("-m", "atpub.yaml", "-m", "other.yaml")
    other = lab.manifest.replace("project: lab", "project: other").replace("org.lab.image", "org.other.image")
    other = other.replace("  digits:", "  numbers:").replace("dataset: digits,", "dataset: numbers,")
    other = other.replace("{name: digits,", "{name: numbers,")
    (lab.folder / "other.yaml").write_text(other)  # its datasets/cats would be the record of the first project
    ran = lab.run("apply", "--yes", "--json", *names)
    assert ran.code == 7
    assert [item.get("error", {}).get("code") for item in ran.json["projects"]] == [None, "refused"]
    listed = reference_pds.cids(pds_account.did)
    assert len(listed) == 5  # with the inventory of the first: of the other, nothing was written

    (lab.folder / "other.yaml").write_text(other.replace("  cats:", "  dogs:"))
    lab.change(("version: 1.0.0\n    description", "version: one\n    description"))
    ran = lab.run("apply", "--yes", "--json", *names)
    assert ran.code == 3
    assert [item.get("error", {}).get("code") for item in ran.json["projects"]] == ["invalid-input", None]
    both = reference_pds.cids(pds_account.did)
    assert listed.items() < both.items()
    assert len(both) == 10

    lab.change(("version: one", "version: 1.0.0"))
    (dogs,) = (item for item in reference_pds.content(pds_account.did) if item["value"].get("name") == "dogs")
    repo, collection, rkey = dogs["uri"].removeprefix("at://").split("/")
    body = {"repo": repo, "collection": collection, "rkey": rkey}
    reference_pds.xrpc("com.atproto.repo.deleteRecord", body, token=pds_account.access_jwt)
    ran = lab.run("drift", "--json", *names)
    assert ran.code == 2
    assert [[item["kind"] for item in found["changes"]] for found in ran.json["projects"]] == [[], ["deleted"]]
    assert lab.run("apply", "--yes", *names).code == 0
    assert reference_pds.cids(pds_account.did).keys() == both.keys()
