from zoo.benchmarking.collection_records import Average, CollectionSummary, Gap, MemberState, Reuse


def test_a_summary_survives_json():
    summary = CollectionSummary(
        "two", "1", "quick", "Two", (MemberState("a", "a", "vision", 1, 2, 0, 1, 3),),
        (Gap("vision", "a", "a", "P", "glyphs", 0, 1, "helps", difference=1.5),),
        (Average("vision", "P", "glyphs", 0, 1, 1, z=0.5),),
        (Reuse("vision", "P", "glyphs", 0, None, {"a": "2.0"}),), 4, 1, 0.95,
    )  # fmt: skip
    assert CollectionSummary.from_json(summary.to_json()) == summary
