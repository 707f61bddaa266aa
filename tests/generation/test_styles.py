"""The style of a package: what it has of atpub's own lexicons, and which packages it may refer to."""

import importlib
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from tests.generation.test_external import BASE, STRONG, folder, generated, record, settings

from atpub.errors import Usage
from atpub.generation.package import generate_package
from atpub.generation.settings import read_settings
from atpub_codegen import STYLES

__all__ = ["folder"]


def test_models_need_nothing_of_atpub(folder: Path) -> None:
    """The lexicons of atpub's that they refer to are in the package; it runs where atpub is not."""
    lab = [record("org.lab.note", about="com.atproto.repo.strongRef")]
    made = settings(folder, "external_lab", lab, style="pydantic")
    assert generated(made) == ["com/atproto/repo/strong_ref.py", "org/lab/note.py"]
    value = {"$type": "org.lab.note", "about": STRONG}
    program = f"""
import sys
sys.modules["atpub"] = sys.modules["libipld"] = None
import external_lab
assert external_lab.load({value}).to_json() == {value}
"""
    subprocess.run([sys.executable, "-c", program], env={"PYTHONPATH": str(folder / "src")}, check=True)


def test_models_refer_to_models(folder: Path) -> None:
    generated(settings(folder, "external_base", BASE, style="pydantic"))
    lab = [*BASE, record("org.lab.note", whole="org.base.whole")]
    made = settings(folder, "external_lab", lab, "org.base.*=external_base", style="pydantic")
    assert generated(made) == ["org/lab/note.py"]
    note: Any = importlib.import_module("external_lab.org.lab.note")
    whole: Any = importlib.import_module("external_base.org.base.whole")
    value = {"$type": "org.lab.note", "whole": {"$type": "org.base.whole", "part": {"$type": "org.base.part"}}}
    loaded = note.Note.model_validate(value)
    assert type(loaded.whole) is whole.Whole
    assert loaded.to_json() == value


@pytest.mark.parametrize("styles", [("classes", "pydantic"), ("pydantic", "classes")])
def test_styles_are_not_mixed(folder: Path, styles: tuple[str, str]) -> None:
    generated(settings(folder, "external_base", BASE, style=styles[0]))
    lab = [record("org.lab.note", whole="org.base.whole")]
    with pytest.raises(Usage, match=f"external_base is not of the style {styles[1]}"):
        generate_package(settings(folder, "external_lab", lab, "org.base.*=external_base", style=styles[1]), {})


def test_a_package_changes_its_style(folder: Path) -> None:
    lab = [record("org.lab.note", about="com.atproto.repo.strongRef")]
    for style in ("pydantic", "classes", "pydantic"):
        made = settings(folder, "external_lab", lab, style=style)
        generated(made)
        assert (made.out / "_runtime.py").exists() == (style == "pydantic")
        assert (made.out / "com").exists() == (style == "pydantic")


def test_the_settings_take_every_style(folder: Path) -> None:
    destination = {"out": str(folder / "lab"), "package": "lab"}
    assert [read_settings({**destination, "style": name}).style for name in STYLES] == [*STYLES]
    with pytest.raises(Usage) as caught:
        read_settings({**destination, "style": "none"})
    assert caught.value.hint == f"choose {' or '.join(STYLES)}"
