"""The line of every entry, against a parser-independent search for values that occur once."""

import tomllib

import pytest

from zoo.benchmarking.suite import shipped
from zoo.benchmarking.toml_lines import line_of, toml_lines

TRICKY = '''# [comment]
a = "x = 1 [b] # no"      # [nor] here
long = """
[not.a.table]
key = "no"
"""
raw = \'\'\'
[[nor.this]]
\'\'\'
list = [
  1, # one ]
  [2, 3],
  "]",
]
[b]
"quoted key" = 1
c.d = 2
[b.e]
f = { g = 1, h = [1, 2] }
[[t]]
x = 1
[t.sub]
y = 2
[[t]]
x = 3
[[t.deep]]
z = 4
'''


def test_every_entry_of_a_tricky_file():
    assert toml_lines(TRICKY) == {
        ("a",): 2, ("long",): 3, ("raw",): 7, ("list",): 10, ("b",): 15, ("b", "quoted key"): 16, ("b", "c", "d"): 17,
        ("b", "e"): 18, ("b", "e", "f"): 19, ("t", "0"): 20, ("t", "0", "x"): 21, ("t", "0", "sub"): 22,
        ("t", "0", "sub", "y"): 23, ("t", "1"): 24, ("t", "1", "x"): 25, ("t", "1", "deep", "0"): 26,
        ("t", "1", "deep", "0", "z"): 27,
    }  # fmt: skip
    tomllib.loads(TRICKY)  # it is valid


def follow(data, path):
    for part in path:
        data = data[int(part)] if isinstance(data, list) else data[part]
    return data


@pytest.mark.parametrize("file", shipped().values(), ids=str)
def test_shipped_suites(file):
    text = file.read_text(encoding="utf-8")
    data, lines = tomllib.loads(text), toml_lines(text)
    assert {path[0] for path in lines} == set(data)  # nothing is missed at the top
    for path, number in lines.items():
        value = follow(data, path)
        written = text.splitlines()[number - 1]
        assert written.lstrip().startswith("[" if isinstance(value, dict) and "=" not in written else path[-1]), path


def test_the_nearest_entry_above():
    lines = toml_lines(TRICKY)
    assert line_of(lines, ("t", "1", "nothing", "more")) == 24
    assert line_of(lines, ("nothing",)) is None
    assert line_of(lines, ()) is None
