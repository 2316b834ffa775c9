import pytest

from zoo.providers.transformers_text import measured
from zoo.upkeep.transformers_padding import measure, text_types


@pytest.mark.parametrize("arch", ["bert", "gpt2", "fnet"])
def test_the_table_is_what_is_measured(arch):
    row, stored = measure(arch), measured()[arch]
    assert row["causal"] == stored["causal"]
    assert (row["padding_error"] > 1e-4) == (stored["padding_error"] > 1e-4)


def test_all_text_types_have_a_row():
    assert set(text_types()) == set(measured())
