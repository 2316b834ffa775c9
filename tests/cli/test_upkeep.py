"""`zoo doctor`."""

import json

from running import run


def test_doctor(capsys):
    code, out, _ = run(capsys, "doctor", "--json")
    assert code == 0
    assert {"name", "state", "detail"} == set(json.loads(out)[0])
