from together import stored

from zoo.benchmarking.collection_status import collection_status
from zoo.benchmarking.collection_store import write_problems


def test_cells_of_all_members_are_counted(tmp_path):
    stored(tmp_path, without=("digits",), lost=4)
    write_problems(tmp_path, {"digits": "a package is missing"})
    found = collection_status(tmp_path)
    digits, letters = found.members
    assert digits.status is None
    assert letters.status.total("missing") == found.total("missing") > 0
    text = str(found)
    assert "nothing is stored" in text
    assert "did not run: a package is missing" in text
    assert text.splitlines()[-1].startswith(f"{tmp_path}: collection two, level quick: {found.total('finished')} cells")
    assert found.to_json()["members"][0] == {"suite": "digits", "status": None, "problem": "a package is missing"}
    assert found.problems == ()
