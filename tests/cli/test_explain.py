"""`atpub explain`: one code, all codes, and codes that do not exist."""

from collections.abc import Callable

from tests.cli.playground import Ran

from atpub.explanations.table import explanations


def test_a_code(atpub: Callable[..., Ran]) -> None:
    ran = atpub("explain", "[not-owned]")
    assert (ran.code, ran.err) == (0, "")
    assert "adopt: true" in ran.out


def test_all_codes(atpub: Callable[..., Ran]) -> None:
    ran = atpub("explain")
    assert ran.code == 0
    assert all(f"  {code} " in ran.out for code in explanations())
    assert {item["code"] for item in atpub("explain", "--json").json["codes"]} == explanations().keys()


def test_a_code_that_does_not_exist(atpub: Callable[..., Ran]) -> None:
    ran = atpub("explain", "yaml-tax")
    assert ran.code == 64
    assert "did you mean 'yaml-tag'?" in ran.err
    assert "atpub explain lists all codes" in atpub("explain", "qqqqqqqq").err


def test_other_words_for_it(atpub: Callable[..., Ran]) -> None:
    assert "did you mean 'explain'?" in atpub("why").err
