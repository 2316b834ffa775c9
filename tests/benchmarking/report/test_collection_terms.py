"""The words under the tables of a collection."""

from test_collection_summary import part_of
from together import collection

from zoo.benchmarking.collection_summary import summarise_collection
from zoo.benchmarking.report import collection_terms


def test_they_say_the_family_and_the_scale():
    view = summarise_collection(collection(), [part_of("digits"), part_of("letters")])
    said = dict(collection_terms.matrix_terms(view.summary))
    assert f"all {view.summary.family} comparisons" in said["Holm p"]
    assert "digits 100; letters 90" in dict(collection_terms.average_terms(view))["z"]
    assert "C_pretrain" in dict(collection_terms.reuse_terms())["Tasks to break even"]
