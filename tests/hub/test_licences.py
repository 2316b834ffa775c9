import pytest

import zoo
from zoo.errors import PublishError, UnknownName
from zoo.hub.licences import licence_of
from zoo.hub.vocabulary import words


@pytest.mark.parametrize("base", ["apache-2.0", "mit", "cc-by-nc-4.0", "gpl-3.0", "gemma", "unknown"])
def test_the_licence_of_the_base_is_carried_over(base):
    found = licence_of(base)
    assert found.identifier == base
    assert licence_of(base, base) == found
    assert found.why


def test_a_licence_that_the_hub_has_no_word_for_keeps_its_name():
    found = licence_of("dinov3-license", base_name="org/dino")
    assert (found.identifier, found.name) == ("other", "dinov3-license")
    assert "org/dino" in found.why


@pytest.mark.parametrize(
    ("base", "asked"),
    [
        ("mit", "apache-2.0"),
        ("apache-2.0", "gpl-3.0"),
        ("mit", "cc-by-nc-4.0"),
        ("cc0-1.0", "mit"),
        ("bsd-3-clause", "mit"),
    ],
)
def test_a_stricter_or_equal_licence_may_be_asked_for(base, asked):
    assert licence_of(base, asked).identifier == asked
    assert base in licence_of(base, asked).why


@pytest.mark.parametrize(
    ("base", "asked", "reason"),
    [
        ("cc-by-nc-4.0", "mit", "forbids commercial use"),
        ("cc-by-nc-sa-4.0", "cc-by-4.0", "forbids commercial use"),
        ("unknown", "mit", "nobody said"),
        ("gpl-3.0", "apache-2.0", "asks for the same licence"),
        ("mit", "cc0-1.0", "notice"),
        ("apache-2.0", "unlicense", "notice"),
        ("dinov3-license", "mit", "terms zoo does not know"),
        ("llama2", "apache-2.0", "terms zoo does not know"),
        ("mit", "gemma", "how they compare"),
    ],
)
def test_a_licence_that_allows_more_is_refused_with_the_reason(base, asked, reason):
    with pytest.raises(PublishError, match=reason) as told:
        licence_of(base, asked, base_name="org/base")
    assert "org/base" in str(told.value)
    assert "Fix:" in str(told.value)


def test_no_changed_weights_where_derivatives_are_forbidden():
    with pytest.raises(PublishError, match="no changed weights"):
        licence_of("cc-by-nc-nd-4.0")
    assert licence_of("cc-by-nc-nd-4.0", derived=False).identifier == "cc-by-nc-nd-4.0"


def test_without_a_base_the_publisher_says_it_or_nobody_does():
    assert licence_of("").identifier == "unknown"
    assert "--licence" in licence_of("").why
    assert licence_of("", "MIT").identifier == "mit"


def test_a_word_that_is_no_licence():
    with pytest.raises(UnknownName, match=r"Nearest: apache-2\.0"):
        licence_of("mit", "apache-2")


def test_every_licence_of_the_catalog_can_be_carried_over():
    for licence in {spec.licence for spec in zoo.find(pretrained=True)}:
        assert licence_of(licence, derived=False).identifier in words("licences")


def test_a_base_under_other_gets_a_name_beside_it():
    found = licence_of("other", base_name="org/Net")
    assert (found.identifier, found.name) == ("other", "org-net-licence")
    assert licence_of("other", "other", base_name="org/Net") == found


@pytest.mark.parametrize("base", ["", "mit", "unknown"])
def test_other_cannot_be_asked_for(base):
    with pytest.raises(PublishError, match="name and a text of its own"):
        licence_of(base, "other")
