"""Licences as SPDX has them; which of them are told is in the cases of test_problems."""

from __future__ import annotations

from importlib import import_module, reload
from typing import Any

import pytest

from atpub.engine.desired import licenses


@pytest.mark.slow
def test_the_list_of_licences_is_made_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """It takes a tenth of a second, and a manifest may have thousands of datasets."""
    made: list[object] = []
    spdx: Any = import_module("license_expression")
    make = spdx.get_spdx_licensing

    def counted() -> object:
        made.append(make())
        return made[-1]

    monkeypatch.setattr(spdx, "get_spdx_licensing", counted)
    check = reload(licenses).check_license  # nothing is known yet
    assert [check(text) is None for text in ("MIT", "0BSD", "mti", "Zlib")] == [True, True, False, True]
    assert len(made) == 1


def test_common_licences_are_written_as_spdx_writes_them(monkeypatch: pytest.MonkeyPatch) -> None:
    common = licenses.COMMON
    monkeypatch.setattr(licenses, "COMMON", frozenset[str]())
    assert [name for name in sorted(common) if licenses.check_license.__wrapped__(name)] == []


def test_a_common_licence_is_known_without_the_list(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delattr(licenses, "_spdx")
    assert [name for name in sorted(licenses.COMMON) if licenses.check_license.__wrapped__(name)] == []
