from zoo.data.docstring_texts import described, opening, plain, prose, runs, runs_of, without_marks

NUMPY = """Add the values of :func:`~numpy.add` along an axis.

A second paragraph that says more.

Parameters
----------
a : array_like
    The values that are added,
    all of them.
b, c : int
    Two at once, which nobody can tell apart.
axis : {int, tuple}, optional
    Along it.
    >>> add(1)
    2
**kwargs
    Whatever else.

Returns
-------
total : float
    Their sum.
"""


def test_prose_is_what_a_person_wrote():
    assert prose(NUMPY)[:2] == ["Add the values of add along an axis.", "A second paragraph that says more."]
    assert prose("too short") == []
    assert prose("0.1 0.2 0.3 0.4 0.5 0.6 0.7 0.8 0.9 1.0") == []
    code = "Here is an example of it:\n\n>>> f(1)\na line of output of some length\n\nAnd then more words follow."
    assert prose(code) == ["Here is an example of it:", "And then more words follow."]
    assert prose(".. note:: not this line, it is markup\n\n=====================\nbut this line is read") == []


def test_the_opening_ends_before_the_first_section():
    assert opening(NUMPY) == "Add the values of add along an axis. A second paragraph that says more."
    assert opening("Load weights into a model.\n\nArgs:\n    path: where the weights lie on the disk") == (
        "Load weights into a model."
    )


def test_parameters_are_those_that_stand_alone():
    assert described(NUMPY) == [
        ("array_like", "The values that are added, all of them."),
        ("{int, tuple}, optional", "Along it."),
    ]
    assert described("No section at all.") == []
    assert described("x\n\nParameters\n----------") == []


def test_marks_are_taken_out():
    assert without_marks("a :py:class:`Title <a.b>`, :meth:`!go` and **bold** [`~x.Y`](link)") == (
        "a Title, go and bold Y"
    )


def test_copies_are_found_by_eight_words():
    text = "the quick brown fox jumps over the lazy dog"
    assert runs(text) & runs(f"See: {text.upper()}!")
    assert not runs(text) & runs(text.replace("over", "above"))
    assert runs("only seven words stand in this text") == set()
    assert runs_of([text, "x"]) == runs(text)
    assert plain("A_b 3 C") == "a b c"
