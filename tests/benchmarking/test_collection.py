"""Reading a collection's file: what it gives, and what it refuses, by line."""

import re
from pathlib import Path

import pytest
from tiny_collection import files, suite_text, text

from zoo.benchmarking.collection import (
    Collection,
    Member,
    check_member,
    collection_file,
    load_collection,
    member_suite,
)
from zoo.benchmarking.suite import load_suite
from zoo.errors import InvalidRecord, UnknownName


def test_the_shipped_collection():
    quick, whole = load_collection("pocket"), load_collection("pocket", "default")
    assert [member.suite for member in quick.members] == ["digits", "areas", "words"]
    assert quick.modalities == ("vision", "text", "speech")
    assert len(whole.members) == 9
    assert all(member.reference == 100.0 for member in whole.members)
    assert Collection.from_json(whole.to_json()) == whole


def test_names_and_paths(tmp_path):
    path = files(tmp_path, "one")
    assert collection_file(path) == path
    assert collection_file(tmp_path / "one.toml") is None  # a suite
    assert collection_file(tmp_path / "no.toml") is None
    assert collection_file("no such name") is None
    with pytest.raises(UnknownName, match="Known: pocket"):
        load_collection("pockt")


def test_members_lie_beside_the_file_or_come_with_zoo(tmp_path):
    path = files(tmp_path, "one")
    assert member_suite(path, "one", "quick").seeds == (0, 1)
    assert member_suite(path, "digits", "quick").name == "digits"
    (tmp_path / "two.toml").write_text(suite_text("other"), encoding="utf-8")
    with pytest.raises(InvalidRecord, match="calls itself 'other'"):
        member_suite(path, "two", "quick")


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ("schema = 1", "schema = 2", "line 1: schema must be 1, received 2. Fix: update zoo"),
        ('suites = ["one"]', 'suites = ["on"]', "line 9: level 'quick' names 'on', which is no member. Nearest: one."),
        ('suites = ["one"]', "suites = []", "line 9: level 'quick' must list its suites"),
        ('suites = ["one"]', 'suites = ["one", "one"]', "line 9: level 'quick' names a suite twice"),
        ('suites = ["one"]', 'suites = ["one"]\nsteps = 3', "line 10: level 'quick' has 'steps'"),
        ('modality = "vision"', 'modality = "visoin"', "line 15: member 'one' has modality 'visoin'. Nearest: vision"),
        ('task = "one"', 'taks = "one"', "line 16: Member has no field 'taks'. Nearest: task."),
        ('task = "one"', 'task = "one"\nsuite = "two"', "line 17: member 'one' has a suite 'two', and the name of"),
        ("schema = 1", 'schema = 1\nlevel = "quick"', "line 2: a file has levels, and no level of its own. Fix"),
        ('task = "one"', 'task = ""', "line 14: member 'one' has no task label"),
        ('task = "one"', 'task = "one"\nreference = 0.0', "line 17: reference of member 'one' must lie above 0"),
        ("vision = [", "speech = [", "line 12: rows lists 'speech', which no member has"),
        ('vision = ["glyphs"]', 'vision = "glyphs"', "line 12: rows.vision must list sources"),
        ('vision = ["glyphs"]', 'vision = ["glyphs", "glyphs"]', "line 12: rows.vision must list sources, each once"),
        ("[members.one]", "[mebmers.one]", "lacks its section [members]. Nearest: mebmers."),
    ],
)
def test_what_is_wrong_is_named_with_its_line(tmp_path, old, new, said):
    path = tmp_path / "small.toml"
    whole = text("one")
    assert old in whole
    path.write_text(whole.replace(old, new, 1), encoding="utf-8")
    with pytest.raises(InvalidRecord) as caught:
        load_collection(path)
    assert str(path) in str(caught.value)
    assert said in str(caught.value)


def test_the_file_of_the_how_to(tmp_path):
    page = (Path(__file__).parents[2] / "docs" / "how-to" / "collections.md").read_text(encoding="utf-8")
    path = tmp_path / "mine.toml"
    path.write_text(page.split("```toml\n")[1].split("```")[0], encoding="utf-8")
    for member in load_collection(path, "default").members:
        check_member(member, member_suite(path, member.suite, "default"))


@pytest.mark.parametrize("name", ["../one", "/one", "", ".one", "a b"])
def test_no_member_leads_out_of_the_folder(tmp_path, name):
    path = tmp_path / "small.toml"
    path.write_text(text("one").replace("members.one", f'members."{name}"').replace('["one"]', f'["{name}"]'))
    with pytest.raises(InvalidRecord, match=rf"line 14: member '{name}' is no plain name\. Fix: "):
        load_collection(path)
    with pytest.raises(InvalidRecord, match="no plain name"):
        Member.from_json({**Member("one", "vision", "one").to_json(), "suite": name})


def test_two_members_with_one_task_label(tmp_path):
    path = tmp_path / "small.toml"
    path.write_text(text("one", "two").replace('task = "two"', 'task = "one"'), encoding="utf-8")
    with pytest.raises(InvalidRecord, match=r"line 20: members 'one' and 'two' both have the task label 'one'\. Fix"):
        load_collection(path)


def test_a_level_that_it_lacks(tmp_path):
    with pytest.raises(UnknownName, match="has: quick"):
        load_collection(files(tmp_path, "one"), "full")


@pytest.mark.parametrize(
    ("member", "field", "said"),
    [
        (Member("digits", "text", "digits"), "modality", 'Fix: modality = "vision"'),
        (Member("digits", "vision", "digits", 10.0), "reference", "guessing scores 10"),
    ],
)
def test_a_member_that_its_suite_contradicts(member, field, said):
    with pytest.raises(InvalidRecord, match=re.escape(said)) as caught:
        check_member(member, load_suite("digits"))
    assert caught.value.field == ("members", "digits", field)


def test_every_shipped_member_agrees_with_its_suite():
    for member in load_collection("pocket", "default").members:
        check_member(member, member_suite("pocket", member.suite, "default"))
