import sys

from zoo.data.docstrings import PACKAGES, Docstrings, docstrings_of, read_docstrings

MODULE = '''"""Of the module.

    Indented below.
"""
print("nothing is run")
raise SystemExit


class A:
    """Of the class."""

    def f(self):
        """Of the method."""

    def g(self):
        "not in triple quotes, and still a docstring"


add_docstr(A.f, r"""
    f(x) -> something that compiled code does, told in a docstring that is added from outside
""" + more)
add_docstr(A.f, """short""")
'''


def test_every_kind_is_found_and_nothing_runs(tmp_path):
    file = tmp_path / "one.py"
    file.write_text(MODULE)
    assert docstrings_of(file) == [
        "Of the module.\n\nIndented below.",
        "Of the class.",
        "Of the method.",
        "not in triple quotes, and still a docstring",
        "f(x) -> something that compiled code does, told in a docstring that is added from outside",
    ]


def test_what_cannot_be_parsed_is_left_out(tmp_path):
    for name, text in (("a", b'"""ok"""\ndef :'), ("b", b'"""\xff"""'), ("c", b'"""null\0"""'), ("d", b"x = 1")):
        (tmp_path / f"{name}.py").write_bytes(text)
        assert docstrings_of(tmp_path / f"{name}.py") == []
    assert docstrings_of(tmp_path / "none.py") == []


def test_packages_are_read_without_importing_them(tmp_path, monkeypatch):
    package = tmp_path / "freshly_made"
    (package / "tests").mkdir(parents=True)
    (package / "__init__.py").write_text(MODULE)
    (package / "b.py").write_text('"""Of the  class."""\n')  # the same but for white space
    (package / "c.py").write_text('"""Of another module."""\n')
    (package / "tests" / "d.py").write_text('"""Of a test."""\n')
    monkeypatch.syspath_prepend(str(tmp_path))
    found = read_docstrings(["freshly_made", "no_such_package"])
    assert "freshly_made" not in sys.modules
    assert [one.text for one in found.texts][-2:] == [
        "f(x) -> something that compiled code does, told in a docstring that is added from outside",
        "Of another module.",
    ]
    assert {one.module for one in found.texts} == {"freshly_made", "freshly_made.c"}
    assert {one.package for one in found.texts} == {"freshly_made"}
    assert found.versions == {"freshly_made": "unknown"}


def test_the_digest_is_of_the_texts():
    found = read_docstrings(["packaging", "safetensors"])
    assert found.digest == read_docstrings(["packaging", "safetensors"]).digest
    assert found.digest == Docstrings(found.texts, {}).digest != Docstrings(found.texts[1:], {}).digest
    assert len(found.texts) > 200
    assert list(found.versions) == ["packaging", "safetensors"]
    assert set(found.versions) < set(PACKAGES)
