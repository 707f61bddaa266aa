"""Licences as SPDX has them; which of them are told is in the cases of test_problems."""

from __future__ import annotations

from importlib import import_module, reload
from typing import Any

import pytest

from atpub.engine.desired import licenses


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
    assert [check(text) is None for text in ("MIT", "CC0-1.0", "mti", "MIT")] == [True, True, False, True]
    assert len(made) == 1
