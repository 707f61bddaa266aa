"""The lexicons that the lexrpc package ships as models of pydantic: imported, built, and compared with the classes."""

from itertools import islice
from typing import Any

import pytest
from tests.codegen.edges import edges, named
from tests.codegen.packages import GeneratedPackage, generated, read
from tests.codegen.test_generated_verdicts import model_of, name_of
from tests.codegen.test_published import OTHERS
from tests.codegen.test_pydantic_models import check, model

from atpub.atproto.runtime import RecordBase

pytestmark = pytest.mark.slow

SOME = 29
"""Of so many values, one is looked at; all of them take a minute."""
FEW = 3
"""Of so many classes, one is built."""


@pytest.fixture(scope="module")
def packages(tmp_path_factory: pytest.TempPathFactory) -> tuple[GeneratedPackage, GeneratedPackage]:
    """The classes and the models."""
    folder = tmp_path_factory.mktemp("published")
    lexicons = read(OTHERS)
    classes = generated(lexicons, "published_classes", folder)
    return classes, generated(lexicons, "published_models", folder, style="pydantic")


def test_all_can_be_imported_and_agree(packages: tuple[GeneratedPackage, GeneratedPackage]) -> None:
    classes, models = packages
    verdicts: list[bool] = []
    for number, kind in enumerate(classes.classes):
        counterpart: Any = model(models, kind)
        assert counterpart.NSID == kind.NSID
        if number % FEW:
            continue
        name = name_of(kind)
        is_record = issubclass(kind, RecordBase)
        values = named(name, classes.lexicons) if is_record else edges(model_of(classes, kind), classes.lexicons)
        verdicts += [check(models, kind, value) for value in islice(values, number % SOME, None, SOME)]
    assert verdicts.count(True) > 300
    assert verdicts.count(False) > 1500
