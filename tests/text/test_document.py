from __future__ import annotations

import subprocess
import sys
import time
from pathlib import Path

import pytest

from atpub.errors import AtpubError, InvalidInput
from atpub.problems import Place
from atpub.text.document import Document, parse
from atpub.text.spans import Part, Steps, Value

EXAMPLE = """\
# a comment
atpub: 1
project:  "lab-data"
defaults: {datasets: {license: CC-BY-4.0, tags: [vision, é😀]}}
datasets:
  digits:
    schema: image
    tags:
    - one
    - 'two'
    description: |
      Text
  cats:   &cats
    id: felines
  copy: *cats
  empty:
? long
: - - nested
"""

VALUES: list[tuple[str, Value]] = [
    ("", None),
    ("# only a comment\n", None),
    ("---\n", None),
    ("--- # one document\na: 1\n...\n", {"a": 1}),
    ("%YAML 1.2\n---\na: 1", {"a": 1}),
    ("\ufeffa: 1", {"a": 1}),
    ("a: 1\r\nb: |\r\n  x\r\n  y\r\n", {"a": 1, "b": "x\ny\n"}),
    ("a: no\nb: 2024-01-01\nc: 1:30\nd: 010\ne: on", {"a": "no", "b": "2024-01-01", "c": "1:30", "d": 10, "e": "on"}),
    ("a: 'no'\nb: \"1\"\nc: '~'\nd: \"\"\ne: |-\n 1\nf: >-\n true", {
        "a": "no", "b": "1", "c": "~", "d": "", "e": "1", "f": "true",
    }),
    ("a:\nb: ~\nc: null", {"a": None, "b": None, "c": None}),
    ('{"a":1,"b":[true,null,"x\\u00e9\\/"]}', {"a": 1, "b": [True, None, "xé/"]}),
    ("a: &x {b: [1]}\nc: *x\nd: [*x, *x]", {
        "a": {"b": [1]}, "c": {"b": [1]}, "d": [{"b": [1]}, {"b": [1]}],
    }),
    ("a: &x 1\nb: &x 2\nc: *x", {"a": 1, "b": 2, "c": 2}),
    ("a: &x [&x 1, *x]\nb: *x", {"a": [1, 1], "b": 1}),
    ("&k key: *k\nb: &e\nc: *e", {"key": "key", "b": None, "c": None}),
    ("a: &k key\n*k : 2", {"a": "key", "key": 2}),
    ("'<<': 1\na: <<", {"<<": 1, "a": "<<"}),
    ("'1': a\n\"true\": b\n'': c\nno: d", {"1": "a", "true": "b", "": "c", "no": "d"}),
    ("a: {$ref: $x, b: $strongRef}", {"a": {"$ref": "$x", "b": "$strongRef"}}),
    ("- a\n-\n- - b\n  - c", ["a", None, ["b", "c"]]),
    ("plain", "plain"),
    ("a:\t1", {"a": 1}),
    ("a: https://cdn.example/{00..63}.tar", {"a": "https://cdn.example/{00..63}.tar"}),
    ('a: "x\\\n  \\ y\n\n  z"', {"a": "x y\nz"}),
    ('a: "\\u2028\\x85\\0"', {"a": "\u2028\x85\0"}),
]  # fmt: skip


@pytest.mark.parametrize(("text", "value"), VALUES)
def test_values(text: str, value: Value) -> None:
    document = parse(text, "x.yaml")
    assert document.problems == ()
    assert document.value == value


PLACES: list[tuple[Steps, Part, int, int]] = [
    ((), "value", 2, 1),
    ((), "key", 2, 1),
    (("atpub",), "key", 2, 1),
    (("atpub",), "value", 2, 8),
    (("project",), "value", 3, 11),
    (("defaults",), "value", 4, 11),
    (("defaults", "datasets", "license"), "key", 4, 23),
    (("defaults", "datasets", "tags", 0), "value", 4, 50),
    (("defaults", "datasets", "tags", 1), "value", 4, 58),
    (("datasets", "digits"), "key", 6, 3),
    (("datasets", "digits"), "value", 7, 5),
    (("datasets", "digits", "tags"), "value", 9, 5),
    (("datasets", "digits", "tags", 1), "value", 10, 7),
    (("datasets", "digits", "tags", 1), "key", 10, 7),
    (("datasets", "digits", "description"), "value", 11, 18),
    (("datasets", "cats"), "value", 13, 11),
    (("datasets", "copy"), "value", 15, 9),
    (("datasets", "copy", "id"), "value", 14, 9),
    (("datasets", "empty"), "value", 16, 9),
    (("long",), "key", 17, 3),
    (("long", 0, 0), "value", 18, 7),
    # What is not there: the nearest parent's key.
    (("project", "x"), "value", 3, 1),
    (("nope",), "value", 2, 1),
    (("nope", "deeper", 3), "key", 2, 1),
    (("datasets", "digits", "urls"), "value", 6, 3),
    (("datasets", "digits", "tags", 2), "value", 8, 5),
    (("datasets", "digits", "tags", -1), "value", 8, 5),
    (("datasets", "digits", "tags", "0"), "value", 8, 5),
    (("datasets", 0), "value", 5, 1),
    (("long", 0, 5), "key", 18, 5),
]


@pytest.mark.parametrize("newline", ["\n", "\r\n", "\r"])
@pytest.mark.parametrize(("steps", "of", "line", "column"), PLACES)
def test_places(steps: Steps, of: Part, line: int, column: int, newline: str) -> None:
    document = parse(EXAMPLE.replace("\n", newline), "./folder/x.yaml")
    assert document.place(steps, of=of) == Place("./folder/x.yaml", line, column, EXAMPLE.split("\n")[line - 1])


def test_has() -> None:
    document = parse(EXAMPLE, "x.yaml")
    assert document.has(("datasets", "copy", "id"))
    assert document.has(())
    assert not document.has(("datasets", "copy", "name"))
    assert not document.has(("datasets", "digits", "tags", 2))


def test_an_empty_file_has_a_place() -> None:
    assert parse("", "x.yaml").place(("project",)) == Place("x.yaml", 1, 1, "")
    assert parse("\n\n# x\n", "x.yaml").place(()) == Place("x.yaml", 1, 1, "")


def test_a_document_s_repr_does_not_hold_the_text() -> None:
    assert len(repr(parse("a: " + "x" * 10_000, "x.yaml"))) < 200


def merges(count: int) -> str:
    """Maps that each merge the one before twice, and hold it once more."""
    first = "a0: &a0 {x: 1}\n"
    return first + "".join(f"a{n}: &a{n} {{<<: *a{n - 1}, k{n}: *a{n - 1}}}\n" for n in range(1, count))


def laughs(levels: int) -> str:
    return "l0: &l0 x\n" + "".join(f"l{n}: &l{n} [{', '.join([f'*l{n - 1}'] * 10)}]\n" for n in range(1, levels))


# text, code, line, column, words of the message, words of the hint
FATAL: list[tuple[str, str, int, int, str, str]] = [
    ("a:\n\tb: 1", "yaml-syntax", 2, 1, "a tab", "YAML does not allow tabs for indentation: use spaces"),
    ("a:\n  \tb: 1", "yaml-syntax", 2, 3, "a tab", "use spaces"),
    ("a:\n  b: 1\n\tc: 2", "yaml-syntax", 3, 1, "a tab", "use spaces"),
    ("a: |\n x\n\ty", "yaml-syntax", 3, 1, "a tab", "use spaces"),
    ("é: ü: c", "yaml-syntax", 1, 5, "`:` where no key", "in quotes"),
    ("😀: x\nb: y: z", "yaml-syntax", 2, 5, "`:` where no key", "in quotes"),
    ("a: 1\n b: 2", "yaml-syntax", 2, 3, "`:` where no key", "the line before"),
    ("key:value\nb: 1", "yaml-syntax", 2, 2, "`:` where no key", "the line before"),
    ("a: [1, 2\nb: 3", "yaml-syntax", 2, 2, "the list is not closed: it begins at x.yaml:1:4", "`]`"),
    ("a: 1\nb: [1, 2\n\n", "yaml-syntax", 2, 4, "the list is not closed", "`]`"),
    ("a:\n  b: {c: 1", "yaml-syntax", 2, 6, "the map is not closed", "`}`"),
    ("a: 1\nb: 'x\nc: 2\n", "yaml-syntax", 2, 4, "the quote is never closed", "close"),
    ("a: \"x\n--- y", "yaml-syntax", 1, 4, "the quote is never closed", "close"),
    ('a: "x\\q"', "yaml-syntax", 1, 6, "unknown escape", "single quotes"),
    ('a: "\\ud83d\\ude00"', "yaml-syntax", 1, 7, "Unicode", "the character itself"),
    ("blobs: *.tar", "yaml-syntax", 1, 8, "`*`", "quotes"),
    ("a: & x", "yaml-syntax", 1, 4, "`&`", "quotes"),
    ("a: @x", "yaml-syntax", 1, 4, "begin with this character", "quotes"),
    ("a: `x`", "yaml-syntax", 1, 4, "begin with this character", "quotes"),
    ("a: %x", "yaml-syntax", 1, 4, "begin with this character", "quotes"),
    ("a: {00..63}.tar", "yaml-syntax", 1, 12, "after the end of the value", "whole value in quotes"),
    ("a: 'it's'", "yaml-syntax", 1, 8, "after the end of the value", "whole value in quotes"),
    ("a: 'b' 'c'", "yaml-syntax", 1, 8, "after the end of the value", "whole value in quotes"),
    ("a:\n  b: 1\n c: 2", "yaml-syntax", 3, 2, "a key should stand here", "same column"),
    ("a: 1\n- b", "yaml-syntax", 2, 1, "a key should stand here", "same column"),
    ("- a\nb: c", "yaml-syntax", 2, 1, "an item of the list", "same column"),
    ("a: 1\nb\nc: 2", "yaml-syntax", 2, 1, "`:` is missing", "key: value"),
    ("a: [1,,2]", "yaml-syntax", 1, 7, "a value should stand here", "remove"),
    ("a: ]", "yaml-syntax", 1, 4, "a value should stand here", "remove"),
    ("a: |0\n x", "yaml-syntax", 1, 5, "indentation indicator", "check"),
    ("'a'\n'b': 1", "yaml-syntax", 2, 1, "after the end of the document", "remove"),
    ("%YAML 2.0\n---\na: 1", "yaml-syntax", 1, 1, "incompatible", "%YAML"),
    ("%FOO\n---\na: 1", "yaml-syntax", 1, 1, "directive", "remove"),
    ("a: !x!y z", "yaml-tag", 1, 4, "tag", "quotes"),
    ("a: b\nc: \0", "bad-character", 2, 4, "U+0000", "UTF-8"),
    ("é: \x1b[31m", "bad-character", 1, 4, "U+001B", "\\u001B"),
    ("a: \x7f", "bad-character", 1, 4, "U+007F", "\\u007F"),
    ("a: b\ufeff", "bad-character", 1, 5, "U+FEFF", "\\uFEFF"),
    ("a: \ud800", "bad-character", 1, 4, "U+D800", "remove"),
    ("a: 1 # x\u2028b: 2", "bad-character", 1, 9, "line break to some", "\\u2028"),
    ("a: x\x85y", "bad-character", 1, 5, "line break to some", "\\u0085"),
    ("[" * 10_000, "too-deep", 1, 101, "100", "flatten"),
    ("{a: " * 10_000, "too-deep", 1, 401, "100", "flatten"),
    ("- " * 10_000, "too-deep", 1, 201, "100", "flatten"),
    ("? " * 10_000, "too-deep", 1, 201, "100", "flatten"),
    ("".join(f"{' ' * n}a:\n" for n in range(1000)), "too-deep", 101, 101, "100", "flatten"),
    ("a: &a " + "[" * 60 + "]" * 60 + "\nb: " + "[" * 40 + "*a" + "]" * 40, "too-deep", 2, 44, "alias", "flatten"),
    (laughs(10), "alias-bomb", 7, 45, "1,000,000", "fewer"),
    ("a: &a " + "x" * 160_000 + "\nb: [" + "*a, " * 1000 + "]", "alias-bomb", 2, 401, "1,000,000", "fewer"),
    (merges(40), "alias-bomb", 18, 27, "1,000,000", "fewer"),
    ("a: &a {" + "x" * 1000 + ": 1}\nb: [" + "*a, " * 100_000 + "]", "alias-bomb", 2, 61541, "1,000,000", "fewer"),
]  # fmt: skip


@pytest.mark.parametrize(("text", "code", "line", "column", "message", "hint"), FATAL)
def test_what_stops_the_file(text: str, code: str, line: int, column: int, message: str, hint: str) -> None:
    with pytest.raises(InvalidInput) as caught:
        parse(text, "x.yaml")
    (problem,) = caught.value.problems
    assert problem.place is not None
    assert (problem.code, problem.place.line, problem.place.column) == (code, line, column), problem
    assert message in problem.message
    assert hint in problem.hint
    assert problem.place.file == "x.yaml"


USABLE: list[tuple[str, str, int, int, str, str, Value]] = [
    ("a: 1\nb: 2\na: 3", "duplicate-key", 3, 1, "'a' is given twice: it is first given at x.yaml:1:1", "rename", {
        "a": 1, "b": 2,
    }),
    ("x: {é: 1, é: 2}", "duplicate-key", 1, 11, "x.yaml:1:5", "rename", {"x": {"é": 1}}),
    ('a: 1\n"a": 2', "duplicate-key", 2, 1, "x.yaml:1:1", "rename", {"a": 1}),
    ("a: !foo 1", "yaml-tag", 1, 4, "!foo", "quotes", {"a": "1"}),
    ("a: &x !!str 1", "yaml-tag", 1, 7, "!!str", "quotes", {"a": "1"}),
    ("a: !!set {x}", "yaml-tag", 1, 4, "!!set", "remove", {"a": {"x": None}}),
    ("!a b: c", "yaml-tag", 1, 1, "!a", "remove", {"b": "c"}),
    ("a: ! 1", "yaml-tag", 1, 4, "!", "remove", {"a": 1}),
    ("1: a", "key-not-a-string", 1, 1, "1 without quotes", 'quote it: "1"', {}),
    ("a:\n  010: a", "key-not-a-string", 2, 3, "010 without quotes", 'quote it: "010"', {"a": {}}),
    ("true: a", "key-not-a-string", 1, 1, "true", 'quote it: "true"', {}),
    ("a: {1.5: b}", "key-not-a-string", 1, 5, "1.5", 'quote it: "1.5"', {"a": {}}),
    ("~: a", "key-not-a-string", 1, 1, "~", 'quote it: "~"', {}),
    ("a: 1\n? \n: 2", "key-not-a-string", 2, 2, "missing", "before the colon", {"a": 1}),
    ("? [a]\n: b", "key-not-a-string", 1, 3, "not a list", "quotes", {}),
    ("a: {{ x }}", "key-not-a-string", 1, 5, "not a map", "quotes", {"a": {}}),
    ("a: &a 1\nb: {*a : 2}", "key-not-a-string", 2, 5, "", "", {"a": 1, "b": {}}),
    ("c:\n  <<: a\n  d: 1", "merge-key", 2, 7, "merges a map", "<<: *anchor", {"c": {"d": 1}}),
    ("c:\n  <<: [{a: 1}, 2]\n  d: 1", "merge-key", 2, 7, "list of maps", "<<: *anchor", {"c": {"d": 1}}),
    ("c: &c\n  <<: *c\n  d: 1", "alias-cycle", 2, 7, "own anchor", "remove", {"c": {"d": 1}}),
    ("c:\n  <<: *x\n  d: 1", "undefined-alias", 2, 7, "&x", "anchor", {"c": {"d": 1}}),
    ("<<: {a: 1}\n<<: {b: 1}", "duplicate-key", 2, 1, "first given at x.yaml:1:1", "<<: [*one", {"a": 1}),
    ("a: *b", "undefined-alias", 1, 4, "&b", "quotes", {"a": None}),
    ("a: *bold\nb: &bold 1", "undefined-alias", 1, 4, "&bold", "before its aliases", {"a": None, "b": 1}),
    ("{*a : 1}", "undefined-alias", 1, 2, "&a", "quotes", {}),
    ("a: &a [x, *a]", "alias-cycle", 1, 11, "inside its own anchor", "remove", {"a": ["x", None]}),
    ("a: 1\n---\nb: 2", "several-documents", 2, 1, "second document", "a file of its own", {"a": 1}),
    ("a: " + "1" * 1001, "number-too-long", 1, 4, "digits", "quotes", {"a": "1" * 1001}),
]  # fmt: skip


@pytest.mark.parametrize(("text", "code", "line", "column", "message", "hint", "value"), USABLE)
def test_what_leaves_the_rest_usable(
    text: str, code: str, line: int, column: int, message: str, hint: str, value: Value
) -> None:
    document = parse(text, "x.yaml")
    (problem,) = document.problems
    assert problem.place is not None
    assert (problem.code, problem.place.line, problem.place.column) == (code, line, column), problem
    assert message in problem.message
    assert hint in problem.hint
    assert document.value == value


MERGES: list[tuple[str, Value]] = [
    ("a: &a {x: 1, y: 2}\nb: {<<: *a, y: 3}", {"x": 1, "y": 3}),
    ("a: &a {x: 1, y: 2}\nb: {y: 3, <<: *a}", {"x": 1, "y": 3}),
    ("a: [&a {x: 1, y: 2}, &b {y: 3, z: 4}]\nb: {<<: [*a, *b], w: 0}", {"x": 1, "y": 2, "z": 4, "w": 0}),
    ("a: [&a {x: {k: 1}}, &b {<<: *a, y: 2}]\nb: {<<: *b}", {"x": {"k": 1}, "y": 2}),
    ("a: &a {x: {k: 1}}\nb: {<<: *a, x: {l: 2}}", {"x": {"l": 2}}),
    ("b: {<<: {x: 1}, <<<: 2}", {"x": 1, "<<<": 2}),
    ("b: {<<: []}", {}),
    ("b: {'<<': 1}", {"<<": 1}),
]


@pytest.mark.parametrize(("text", "value"), MERGES)
def test_merge_keys(text: str, value: Value) -> None:
    document = parse(text, "x.yaml")
    assert document.problems == ()
    assert isinstance(document.value, dict)
    assert document.value["b"] == value


def test_a_merged_field_stands_where_it_is_written() -> None:
    document = parse("a: &a\n  x: 1\n  y: {k: [1, 2]}\nb:\n  <<: *a\n  x: 2\n", "x.yaml")
    assert str(document.place(("b", "y", "k", 1))) == "x.yaml:3:14"
    assert str(document.place(("b", "y"), of="key")) == "x.yaml:3:3"
    assert str(document.place(("b", "x"))) == "x.yaml:6:6"
    assert str(document.place(("a", "x"))) == "x.yaml:2:6"


def test_all_problems_are_found_at_once() -> None:
    text = "a: 1\na: 2\n1: x\nb: !t y\nc: *no\nd: {e: 1, e: 2}\n"
    found = [(problem.code, str(problem.place)) for problem in parse(text, "x.yaml").problems]
    assert found == [
        ("duplicate-key", "x.yaml:2:1"),
        ("key-not-a-string", "x.yaml:3:1"),
        ("yaml-tag", "x.yaml:4:4"),
        ("undefined-alias", "x.yaml:5:4"),
        ("duplicate-key", "x.yaml:6:11"),
    ]


def test_what_was_found_before_a_syntax_error_is_reported_with_it() -> None:
    with pytest.raises(InvalidInput) as caught:
        parse("a: 1\na: 2\nb: 'x", "x.yaml")
    assert [problem.code for problem in caught.value.problems] == ["duplicate-key", "yaml-syntax"]


def test_no_place_shows_what_a_terminal_would_act_on() -> None:
    with pytest.raises(InvalidInput) as caught:
        parse("a: \x1b[2Jx", "x.yaml")
    place = caught.value.problems[0].place
    assert place is not None
    assert place.text == "a: �[2Jx"


def test_aliases_below_the_limit_are_fine() -> None:
    document = parse(laughs(6), "x.yaml")
    assert document.problems == ()
    assert isinstance(document.value, dict)
    assert document.value["l2"] == [["x"] * 10] * 10


def test_anchors_inside_anchors_are_measured_once() -> None:
    depth = 90
    text = "".join(f"&a{n} [" for n in range(depth)) + "1, " * 20_000 + "]" * depth
    started = time.process_time()
    parse(text + "\n", "x.yaml")
    assert time.process_time() - started < 2


def test_many_anchors_nest_no_deeper_than_the_limit() -> None:
    text = "a0: &a0 []\n" + "".join(f"a{n}: &a{n} [[*a{n - 1}]]\n" for n in range(1, 1000))
    with pytest.raises(InvalidInput) as caught:
        parse(text, "x.yaml")
    assert [(problem.code, str(problem.place)) for problem in caught.value.problems] == [("too-deep", "x.yaml:51:13")]


def test_without_libyaml_the_error_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "yaml._yaml", None)
    with pytest.raises(AtpubError, match="libyaml") as caught:
        parse("a: 1", "x.yaml")
    assert "pip install" in caught.value.hint


def ten_thousand_entries() -> str:
    return "datasets:\n" + "".join(
        f"  dataset-{n:05d}:\n    schema: image\n    name: Handwritten digits, part {n} of a long series\n"
        f"    description: 'It says what is in the set: {n}, and how it was made.'\n"
        f'    urls: "https://cdn.lab.example/dataset-{n:05d}-{{000000..000009}}.tar"\n'
        f"    checksums: sums/dataset-{n:05d}.sha256\n    tags: [vision, digits]\n    license: CC-BY-4.0\n"
        f"    protect: false\n"
        for n in range(10_000)
    )


@pytest.mark.slow
def test_the_last_of_ten_thousand_entries_has_a_place() -> None:
    document = parse(ten_thousand_entries(), "x.yaml")
    assert document.place(("datasets", "dataset-09999", "protect")).line == 90_001


@pytest.mark.slow
@pytest.mark.skipif(not Path("/proc/self/status").exists(), reason="the system does not say how much memory is used")
def test_ten_thousand_entries_fit_in_250_mb() -> None:
    # Not getrusage: what it says of a new process begins with what the one that started it had.
    script = (
        "import sys; from pathlib import Path; from atpub.text.document import parse; "
        "document = parse(sys.stdin.read(), 'x.yaml'); document.place(('datasets', 'dataset-09999')); "
        "print(Path('/proc/self/status').read_text().partition('VmHWM:')[2].split()[0])"
    )
    done = subprocess.run([sys.executable, "-c", script], input=ten_thousand_entries(), text=True, capture_output=True)
    assert done.returncode == 0, done.stderr
    assert int(done.stdout) < 250_000


def test_a_document_is_frozen() -> None:
    document: Document = parse("a: 1", "x.yaml")
    with pytest.raises(AttributeError):
        document.value = None  # type: ignore[misc]
