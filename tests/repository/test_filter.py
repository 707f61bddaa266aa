"""What is to be read of a repository, as values."""

from hypothesis import given
from hypothesis import strategies as st
from tests.repository.samples import NOTE, OTHER, at

from atpub.atproto.syntax import Nsid
from atpub.repository.filter import INVENTORIES, RecordFilter, completed

ENTRY, SCHEMA = Nsid("science.alt.dataset.entry"), Nsid("science.alt.dataset.schema")
LEXICON = Nsid("com.atproto.lexicon.schema")
PATHS = [at(rkey, collection) for rkey in ("a", "b") for collection in (NOTE, OTHER, ENTRY, SCHEMA)]

wanted = st.builds(
    RecordFilter,
    st.frozensets(st.sampled_from([NOTE, OTHER, ENTRY])),
    st.frozensets(st.sampled_from(PATHS)),
)


def test_what_others_of_its_collection_decide_is_read_with_them() -> None:
    found = RecordFilter.around([at("a", ENTRY), at("org.example.note", LEXICON), at("a")])
    assert found == RecordFilter(frozenset([ENTRY, LEXICON]), frozenset([at("a")]))


@given(wanted, wanted)
def test_one_holds_another_if_it_holds_every_path(one: RecordFilter, other: RecordFilter) -> None:
    paths = [*PATHS, *(at("more", collection) for collection in (NOTE, OTHER, ENTRY))]
    held = {path for path in paths if path in one} <= {path for path in paths if path in other}
    assert (one <= other) == held


def test_every_inventory_is_read() -> None:
    assert completed(RecordFilter(), []) == INVENTORIES
