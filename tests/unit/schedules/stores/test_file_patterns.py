"""Which files a pattern means."""

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from contactfold.file_patterns import Pattern, leads_out, lies_in


@pytest.mark.parametrize(
    ("pattern", "names", "others"),
    [
        ("*", ["a.csv", "B", "ü.csv"], ["x/a.csv"]),
        ("*.csv", ["a.csv", "A.CSV", "a b.csv"], ["a.csvx", "a.txt", "x/a.csv"]),
        ("people-?.csv", ["people-1.csv"], ["people-12.csv", "people-.csv"]),
        ("people-[0-9].csv", ["people-1.csv"], ["people-a.csv"]),
        ("[!a]*", ["b.csv"], ["a.csv"]),
        ("*.{csv,tsv,xlsx}", ["a.csv", "a.TSV", "a.xlsx"], ["a.txt", "a.{csv,tsv,xlsx}"]),
        ("{a,b}/*.csv", ["a/x.csv", "b/x.csv"], ["c/x.csv", "x.csv"]),
        ("**/*.csv", ["a.csv", "x/a.csv", "x/y/z/a.csv"], ["a.txt", "x/a.txt"]),
        ("x/**/a.csv", ["x/a.csv", "x/y/a.csv", "x/y/z/a.csv"], ["a.csv", "y/a.csv", "x/a.csv/b"]),
        ("**/x/**/*.csv", ["x/a.csv", "y/x/z/a.csv"], ["a.csv", "y/a.csv"]),
        ("a+b(1).csv", ["a+b(1).csv"], ["aab1.csv", "aab(1).csv"]),
        ("100%.csv", ["100%.csv"], ["100.csv"]),
    ],
)
def test_a_pattern_means_the_files_it_says_and_no_others(pattern: str, names: list[str], others: list[str]) -> None:
    read = Pattern(pattern)
    assert [name for name in names if not read.matches(name)] == []
    assert [name for name in others if read.matches(name)] == []


@pytest.mark.parametrize(
    "name",
    [".a.csv", ".git/a.csv", "x/.a.csv", "a.csv.part", "a.csv.PART", "a.csv.filepart", "a.tmp", "~$a.xlsx", "a.csv~",
     "x//a.csv", "../a.csv", "a\ud800.csv", "a\n.csv", ""],
)  # fmt: skip
def test_hidden_and_unfinished_files_are_never_meant(name: str) -> None:
    assert not Pattern("**/*").matches(name)


@pytest.mark.parametrize(
    ("pattern", "entered", "left"),
    [
        ("*.csv", [], ["x", "a.csv"]),
        ("x/*.csv", ["x"], ["y", "x/y"]),
        ("**/*.csv", ["x", "x/y"], [".git", "x/.git"]),
        ("x/**/y/*.csv", ["x", "x/a", "x/a/b"], ["a"]),
    ],
)
def test_only_folders_that_can_hold_what_is_meant_are_entered(
    pattern: str, entered: list[str], left: list[str]
) -> None:
    read = Pattern(pattern)
    assert [folder for folder in entered if not read.enters(folder)] == []
    assert [folder for folder in left if read.enters(folder)] == []
    assert read.descends == ("/" in pattern)


@pytest.mark.parametrize(
    ("pattern", "sentence"),
    [
        ("", "must not be empty"),
        ("  ", "must not be empty"),
        ("/", "must not be empty"),
        ("/in/*.csv", "must be a name in the folder"),
        ("x//*.csv", "must be a name in the folder"),
        ("../*.csv", "must be a name in the folder"),
        ("./*.csv", "must be a name in the folder"),
        ("x/", "must be a name in the folder"),
        ("**.csv", "has `**` beside other characters"),
        ("**", "has `**` beside other characters"),
        ("x/**", "has `**` beside other characters"),
        ("a\0b", "holds a character"),
        ("a\ud800b", "holds a character"),
        ("a" * 301, "must have 300 characters or fewer"),
        ("{a,b,c,d}" * 4, "stands for more than 64 alternatives"),
    ],
)
def test_what_is_no_pattern_is_told(pattern: str, sentence: str) -> None:
    with pytest.raises(ValueError, match=re.escape(sentence)):
        Pattern(pattern)


def test_a_pattern_of_many_stars_takes_no_time() -> None:
    assert not Pattern("*a" * 100 + "b").matches("a" * 255)
    assert not Pattern("/".join(["**", "a"] * 60)).matches("/".join("a" * 32) + "/b")


@given(st.text(max_size=40), st.text(max_size=40))
def test_any_text_is_a_pattern_or_a_sentence(pattern: str, name: str) -> None:
    try:
        read = Pattern(pattern)
    except ValueError:
        return
    assert read.matches(name) in {True, False}
    assert read.enters(name) in {True, False}


@given(st.lists(st.sampled_from(["a", "b", "cc"]), min_size=1, max_size=5))
def test_every_folder_above_a_file_that_is_meant_is_entered(parts: list[str]) -> None:
    name = "/".join(parts)
    for pattern in ("**/*", "a/**/*", "**/b/*", "*/*", "**/a/**/cc"):
        read = Pattern(pattern)
        if read.matches(name):
            assert all(read.enters("/".join(parts[:place])) for place in range(1, len(parts)))


def test_a_folder_holds_what_lies_in_it_and_not_what_begins_like_it() -> None:
    assert lies_in("done/a.csv", "done")
    assert lies_in("done/x/a.csv", "done/")
    assert not lies_in("done.csv", "done")
    assert not lies_in("donec/a.csv", "done")
    assert not lies_in("done/a.csv", None)


@pytest.mark.parametrize("name", ["../a", "a/../b", "/etc/passwd", "a//b", "./a", "", "a\0b", ".."])
def test_a_name_that_leads_out_of_its_folder_is_seen(name: str) -> None:
    assert leads_out(name)
    assert not leads_out("a/b.csv")
