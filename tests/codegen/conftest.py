"""The package that is generated from the lexicons of these tests."""

import pytest
from tests.codegen.packages import LEXICONS, GeneratedPackage, generated, read


@pytest.fixture(scope="session")
def everything(tmp_path_factory: pytest.TempPathFactory) -> GeneratedPackage:
    return generated(read(LEXICONS), "every_construct", tmp_path_factory.mktemp("generated"))


@pytest.fixture(scope="session")
def models(tmp_path_factory: pytest.TempPathFactory) -> GeneratedPackage:
    """The same in the style pydantic."""
    return generated(read(LEXICONS), "every_model", tmp_path_factory.mktemp("models"), style="pydantic")
