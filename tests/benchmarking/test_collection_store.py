import json

import pytest
from together import collection, stored, suite_of

from zoo.benchmarking.collection import Member
from zoo.benchmarking.collection_store import (
    open_collection,
    pack_collection,
    read_collection,
    store_to_run,
    write_problems,
)
from zoo.benchmarking.store import Store, read_rows
from zoo.errors import StoreError


def test_what_is_held_of_each_member(tmp_path):
    stored(tmp_path, without=("letters",))
    write_problems(tmp_path, {"letters": "no such thing"})
    made, held = read_collection(tmp_path)
    assert made == collection()
    assert [(entry.store, entry.problem) for entry in held] == [(tmp_path / "digits", ""), (None, "no such thing")]
    write_problems(tmp_path, {})
    assert not (tmp_path / "problems.json").exists()


def test_a_folder_with_rows_keeps_its_collection(tmp_path):
    stored(tmp_path)
    open_collection(tmp_path, collection())
    with pytest.raises(StoreError, match="another collection: members"):
        open_collection(tmp_path, collection(Member("third", "vision", "third")))
    assert read_collection(tmp_path)[0] == collection()


def test_a_folder_without_rows_takes_another_collection(tmp_path):
    open_collection(tmp_path, collection())
    Store(tmp_path / "digits").create(suite_of("digits"))
    other = collection(Member("third", "vision", "third"))
    open_collection(tmp_path, other)
    assert read_collection(tmp_path)[0] == other


def test_the_store_of_one_suite_is_no_collection(tmp_path):
    Store(tmp_path).create(suite_of("digits"))
    with pytest.raises(StoreError, match="single suite"):
        open_collection(tmp_path, collection())


def test_a_damaged_file_is_named(tmp_path):
    open_collection(tmp_path, collection())
    (tmp_path / "problems.json").write_text(json.dumps([1]), encoding="utf-8")
    with pytest.raises(StoreError, match="must hold an object"):
        read_collection(tmp_path)


def test_a_folder_from_elsewhere_cannot_name_a_place_outside(tmp_path):
    """The report of a member is written below the folder of the collection; no name may lead out of it."""
    folder = stored(tmp_path / "run")
    file = folder / "collection.json"
    file.write_text(file.read_text(encoding="utf-8").replace('"suite":"digits"', '"suite":"../digits"'))
    with pytest.raises(StoreError, match="no plain name"):
        read_collection(folder)


def test_a_folder_beside_its_packed_rows_goes_on(tmp_path):
    stored(tmp_path)
    pack_collection(tmp_path, tmp_path)
    assert store_to_run(tmp_path, "digits").folder == tmp_path / "digits"


def test_packed_stores_read_like_the_folder(tmp_path):
    stored(tmp_path / "run", collection(Member("third", "vision", "third")), without=("third",))
    write_problems(tmp_path / "run", {"third": "why"})
    first = pack_collection(tmp_path / "run", tmp_path / "packed")
    assert [path.name for path in first] == ["collection.json", "digits.jsonl", "letters.jsonl"]
    assert pack_collection(tmp_path / "packed", tmp_path / "again")[1].read_bytes() == first[1].read_bytes()
    held = read_collection(tmp_path / "packed")[1]
    assert [entry.problem for entry in held] == ["", "", "why"]
    assert read_rows(held[0].store) == read_rows(tmp_path / "run" / "digits")
