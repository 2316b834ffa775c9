import json

import pytest
from synthetic import digits, digits_rows

from zoo.benchmarking.summary import summarise
from zoo.benchmarking.summary_records import Comparison, Summary
from zoo.errors import InvalidRecord


def test_round_trip_through_strict_json():
    summary = summarise(digits(), digits_rows())
    text = json.dumps(summary.to_json(), allow_nan=False)
    assert Summary.from_json(json.loads(text)) == summary


def test_unknown_field_is_refused():
    data = summarise(digits(), digits_rows()).comparisons[0].to_json()
    with pytest.raises(InvalidRecord, match="Nearest: verdict"):
        Comparison.from_json({**data, "verdit": "helps"})
