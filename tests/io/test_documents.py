import json

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from zoo.errors import UnsafeContent
from zoo.io import documents
from zoo.io.documents import check_document, search


def gate(value, name="config.json"):
    return search(value if isinstance(value, bytes) else json.dumps(value).encode(), name)


@pytest.mark.parametrize(
    "value",
    [
        {"auto_map": {"AutoModel": "modeling.Evil"}},
        {"auto_map": "other/repo--modeling.Evil"},
        {"a": [{"b": {"auto_map": {"AutoTokenizer": ["t.Evil", None]}}}]},
        {"model_cfg": {"text_cfg": {"tokenizer_kwargs": {"trust_remote_code": True}}}},
        {"trust_remote_code": 1},
        {"trust_remote_code": "true"},
        {"custom_pipelines": {"evil": {"impl": "evil.Pipeline"}}},
        {"custom_pipeline": "org/pipeline"},
        {"custom_generate": "org/generate"},
        {"_attn_implementation": "org/kernel"},
        {"text_config": {"attn_implementation": {"": "org/kernel@v1:attention"}}},
        {"_attn_implementation_internal": "sdpa", "_experts_implementation": "org/experts"},
        {"use_kernels": True},
        {"kernel_config": {"MLP": "org/mlp:Layer"}},
        {"_target_": "os.system"},
        {"py/object": "os.system"},
        {"py/reduce": [{"py/type": "os.system"}]},
        {"auto_mapping": {"base_model_class": "X", "parent_library": "evil"}},
        {"AUTO_MAP": {"AutoModel": "m.E"}},
        {" auto_map": {"AutoModel": "m.E"}},
        b'{"auto_map": {"A": "m.E"}, "auto_map": {}}',
        b'{"\\u0061uto_map": {"A": "m.E"}}',
        [{"x": 1}, {"trust_remote_code": True}],
    ],
)
def test_requests_for_code(value):
    with pytest.raises(UnsafeContent, match=r"config\.json is refused: .* asks for .* Fix: "):
        gate(value)


@pytest.mark.parametrize(
    "value",
    [
        {"auto_map": None},
        {"auto_map": {}},
        {"trust_remote_code": False},
        {"_attn_implementation": "flash_attention_2"},
        {"attn_implementation": {"text": "sdpa", "vision": "eager"}},
        {"auto_mapping": {"base_model_class": "Wav2Vec2Model", "parent_library": "transformers.models.wav2vec2"}},
        {"auto_mapping": None},
        {"vocab": {"auto_map_": 1, "the auto_map key": 2}, "merges": ["auto_map x"]},
        {"weight_map": {"a": "model-00001-of-00002.safetensors", "b": "model-00002-of-00002.safetensors"}},
        [1, 2.5, None, "trust_remote_code"],
        "text",
        {},
    ],
)
def test_ordinary_configurations_pass(value):
    assert gate(value) == ()


@pytest.mark.parametrize(
    ("value", "why"),
    [
        ({"weight_map": {"a": "../../model.safetensors"}}, "leads out of its folder"),
        ({"weight_map": {"a": "/etc/passwd"}}, "leads out of its folder"),
        ({"weight_map": {"a": "pytorch_model.bin"}}, "which is no .safetensors file"),
        ({"weight_map": {"a": {"b": "c.safetensors"}}}, "must be text"),
        ({"weight_map": {"a": ["c.safetensors"]}}, "must be text"),
        ({"weight_map": "model.safetensors"}, "not a table"),
        ({"weight_map": None}, "not a table"),
        (b'{"weight_map": {"a": "../x.safetensors"}, "weight_map": {}}', "leads out of its folder"),
        (b"\xff\xfe{\x00}\x00", "not UTF-8"),
        ("{}".encode("utf-16"), "not UTF-8"),
        (b"\xef\xbb\xbf{}", "not JSON"),
        (b"", "not JSON"),
        (b"{'a': 1}", "not JSON"),
        (b'{"a":' * 100_000, "nested too deeply"),
        (b"[" * 100_000, "nested too deeply"),
    ],
)
def test_documents_that_are_refused_for_other_reasons(value, why):
    with pytest.raises(UnsafeContent) as caught:
        gate(value, "model.safetensors.index.json")
    assert why in str(caught.value)


def test_an_index_of_pickles_is_left_alone():
    assert gate({"weight_map": {"a": "pytorch_model-1.bin"}}, "pytorch_model.bin.index.json") == ()


def test_lines():
    assert gate(b'{"a": 1}\n\n{"base_model_name_or_path": "org/base"}\n', "data.jsonl") == ("org/base",)
    with pytest.raises(UnsafeContent, match="auto_map"):
        gate(b'{"a": 1}\n{"auto_map": {"a": "b.C"}}\n', "data.JSONL")


def test_other_repositories_are_told_once():
    value = {"text_cfg": {"hf_tokenizer_name": "org/t", "hf_model_name": "org/m"}, "x": {"hf_tokenizer_name": "org/t"}}
    assert gate(value) == ("org/t", "org/m")


def test_a_file_that_is_too_large_is_not_read(tmp_path, monkeypatch):
    monkeypatch.setattr(documents, "SIZE_LIMIT", 10)
    (tmp_path / "config.json").write_bytes(b'{"a":      1}')
    with pytest.raises(UnsafeContent, match="no configuration needs more"):
        check_document(tmp_path / "config.json")


keys = st.sampled_from(
    [*documents._CODE, *documents._ATTENTION, "auto_mapping", "weight_map", "hf_model_name"]
) | st.text(max_size=4)
values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=6),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(keys, inner, max_size=3),
    max_leaves=15,
)


def asked(value):
    """The slow, obvious search: whether a key of the list has a value that is not empty."""
    if isinstance(value, dict):
        mine = any(key in documents._CODE and inner not in (None, False, {}, [], "") for key, inner in value.items())
        return mine or any(map(asked, value.values()))
    return isinstance(value, list) and any(map(asked, value))


@settings(max_examples=400, deadline=None)
@given(values)
def test_fuzzed_values(value):
    try:
        gate(value)
    except UnsafeContent:
        return
    assert not asked(value)


@settings(max_examples=300, deadline=None)
@given(st.binary(max_size=60), st.sampled_from(["config.json", "data.jsonl"]))
def test_fuzzed_bytes_raise_nothing_else(data, name):
    try:
        gate(data, name)
    except UnsafeContent:
        return
    if name.endswith(".json"):
        json.loads(data)
