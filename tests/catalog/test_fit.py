"""What fits a backbone is declared beside the names, and the declarations are true."""

import pytest

from zoo import adaptations, objectives, tasks
from zoo.catalog.fit import KNOWN_WHEN_BUILT, Needs, fits
from zoo.catalog.query import CAPABILITIES, MODALITIES
from zoo.specs import BackboneSpec

ROOMS = [
    (objectives.OBJECTIVES, objectives.NEEDS),
    (adaptations.ADAPTATIONS, adaptations.NEEDS),
    (tasks.TASKS, tasks.NEEDS),
]


@pytest.mark.parametrize(("registry", "needs"), ROOMS, ids=["objectives", "adaptations", "tasks"])
def test_every_built_in_declares_its_needs_in_known_words(registry, needs):
    assert set(needs) == set(registry.builtins)
    for need in needs.values():
        assert set(need.can) <= set(CAPABILITIES)
        assert set(need.modalities) <= set(MODALITIES)


def test_what_an_objective_declares_is_what_it_needs():
    for name, needs in objectives.NEEDS.items():
        assert objectives.OBJECTIVES.get(name).needs == set(needs.can)


def test_reasons():
    text = BackboneSpec("a/net", "a", "net", modality="text", can=("pooled", "tokens"))
    assert Needs(modalities=("vision", "speech")).unmet(text) == "is for vision or speech"
    assert Needs(can=("pooled", "maps")).unmet(text) == "needs maps"
    assert Needs().unmet(text) == Needs(("tokens",), ("text",)).unmet(text) == ""
    assert fits(text, ["a", "plug-in"], {"a": Needs(("maps",))}) == {"a": "needs maps", "plug-in": KNOWN_WHEN_BUILT}


def test_a_network_of_two_towers_has_no_last_blocks():
    pair = BackboneSpec("a/clip", "a", "clip", modality="image-text", can=("pooled",))
    found = fits(pair, adaptations.ADAPTATIONS.names(), adaptations.NEEDS)
    assert found["top_k"] == "is for vision or text or speech"
    assert not any(reason for name, reason in found.items() if name != "top_k")
