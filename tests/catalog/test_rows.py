import json

from zoo.catalog.rows import rows, spec_of
from zoo.specs import BackboneSpec


def test_every_row_makes_a_whole_record():
    for name, row in rows().items():
        spec = spec_of(row)
        assert spec.name == name
        assert name.startswith(f"{spec.provider}/")
    assert len(rows()) > 3000


def test_fast_records_equal_ordinary_ones():
    """`spec_of` fills a record without its constructor; nobody must be able to tell."""
    for row in list(rows().values())[::200]:
        spec = spec_of(row)
        ordinary = BackboneSpec.from_json(json.loads(json.dumps(spec.to_json())))
        assert spec == ordinary
        assert hash(spec) == hash(ordinary)
        assert repr(spec) == repr(ordinary)


def test_tags_know_their_architecture():
    spec = spec_of(rows()["timm/resnet50.a1_in1k"])
    assert (spec.arch, spec.tag) == ("resnet50", "a1_in1k")
    assert spec.pretrained
    assert not spec_of(rows()["timm/resnet50"]).pretrained
