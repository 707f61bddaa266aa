"""Which records a plan is made from: those around its own, and those that inventories list."""

from tests.repository.samples import at

from atpub.atproto.data import JsonObject, cid_of
from atpub.atproto.syntax import Nsid, RecordPath
from atpub.engine.inventory import COLLECTION
from atpub.engine.owned_records import listed_records, records_around
from atpub.repository.filter import RecordFilter
from atpub.repository.model import Record

ENTRY, LEXICON = Nsid("science.alt.dataset.entry"), Nsid("com.atproto.lexicon.schema")


def test_what_others_of_its_collection_decide_is_read_with_them() -> None:
    found = records_around([at("a", ENTRY), at("org.example.note", LEXICON), at("a")])
    assert found == RecordFilter(frozenset([ENTRY, LEXICON]), frozenset([at("a")]))


def records(*values: tuple[RecordPath, JsonObject]) -> dict[RecordPath, Record]:
    return {path: Record(path, cid_of(value), value) for path, value in values}


def test_what_inventories_list_is_read_as_far_as_it_can_be() -> None:
    one: JsonObject = {"id": "one", "collection": ENTRY, "rkey": "one", "cid": cid_of({})}
    two: JsonObject = {"id": "two", "collection": ENTRY, "rkey": "two", "cid": cid_of({})}
    sound: JsonObject = {"$type": COLLECTION, "project": "ours", "entries": [one]}
    damaged: JsonObject = {"$type": COLLECTION, "entries": [two, {"id": "lost"}]}
    found = listed_records(records((at("ours", COLLECTION), sound), (at("theirs", COLLECTION), damaged)))
    assert found == RecordFilter(paths=frozenset([at("one", ENTRY), at("two", ENTRY)]))
    assert listed_records(records((at("note"), {"entries": [one]}))) == RecordFilter()
