"""Hostile repositories: each is refused, nothing of it runs, and nothing is written outside of the cache.

Each repository tries to make a file named `owned`: by a pickle, by Python, or by a path that leads out.
"""

import contextlib
import io
import json
import pickle
import zipfile

import pytest

import zoo
from zoo.errors import UnsafeContent, WeightsError
from zoo.io.audit import audit
from zoo.io.repository import PATTERNS, fetch_repository

NAME = "timm/resnet18.a1_in1k"


class Evil:
    """A pickle that makes a file when it is read."""

    def __init__(self, path):
        self.path = path

    def __reduce__(self):
        return (exec, (f"open({str(self.path)!r}, 'w').close()",))


def python(path):
    return f"open({str(path)!r}, 'w').close()\nclass T:\n    pass\n".encode()


def torch_file(path):
    """A checkpoint as torch.save writes it, with an evil pickle within."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        archive.writestr("archive/data.pkl", pickle.dumps({"w": Evil(path)}))
        archive.writestr("archive/version", "3")
    return buffer.getvalue()


def dump(value):
    return json.dumps(value).encode()


@pytest.fixture
def owned(tmp_path):
    return tmp_path / "owned"


@pytest.fixture
def cases(owned, weights, make_raw):
    """Files of each hostile repository, over a harmless one."""
    code = {"modeling.py": python(owned)}
    huge = {"w": {"dtype": "F32", "shape": [1 << 20, 1 << 20], "data_offsets": [0, 1 << 42]}}
    overlap = {n: {"dtype": "F32", "shape": [4], "data_offsets": [0, 16]} for n in "ab"}
    return {
        "a pickle alone": {"model.safetensors": None, "pytorch_model.bin": pickle.dumps(Evil(owned))},
        "a pickle called safetensors": {"model.safetensors": pickle.dumps(Evil(owned))},
        "a torch file called safetensors": {"model.safetensors": torch_file(owned)},
        "auto_map": {"config.json": dump({"auto_map": {"AutoModel": "modeling.T"}}), **code},
        "auto_map, deep": {"processor_config.json": dump({"a": [{"auto_map": {"AutoModel": "modeling.T"}}]}), **code},
        "auto_map, elsewhere": {"tokenizer_config.json": dump({"auto_map": {"AutoTokenizer": ["x/y--t.T", None]}})},
        "auto_map, twice": {"config.json": b'{"auto_map": {"AutoModel": "modeling.T"}, "auto_map": null}', **code},
        "auto_map, escaped": {"config.json": b'{"auto\\u005fmap": {"AutoModel": "modeling.T"}}', **code},
        "tokenizer_kwargs": {
            "open_clip_config.json": dump({"text_cfg": {"tokenizer_kwargs": {"trust_remote_code": True}}}),
            **code,
        },
        "a pipeline": {"config.json": dump({"custom_pipelines": {"x": {"impl": "modeling.T"}}}), **code},
        "a generation loop": {"generation_config.json": dump({"custom_generate": "org/evil"})},
        "a kernel": {"config.json": dump({"_attn_implementation": "org/evil-kernel"})},
        "an index of pickles": {"model.safetensors.index.json": dump({"weight_map": {"w": "evil.bin"}})},
        "an index that leads out": {"model.safetensors.index.json": dump({"weight_map": {"w": "../../w.safetensors"}})},
        "a path that leads out": {f"../../../../{owned.name}": b"x"},
        "an absolute path": {str(owned): b"x"},
        "a path with backslashes": {f"..\\..\\{owned.name}": b"x"},
        "a path into the cache": {"../../refs/main": b"0" * 40},
        "a header without end": {"model.safetensors": b"\xff" * 8 + b"{" * 100},
        "a header that is larger than the file": {"model.safetensors": b"\x00\x00\x00\x01\x00\x00\x00\x00{}"},
        "a tensor of 4 TiB": {"model.safetensors": make_raw(dump(huge), 16)},
        "tensors over each other": {"model.safetensors": make_raw(dump(overlap), 16)},
        "a header that is not UTF-8": {"model.safetensors": make_raw(b'{"\xff": 1}', 0)},
        "JSON without end": {"config.json": b"[" * 200_000},
    }


KINDS = [
    *("a pickle alone", "a pickle called safetensors", "a torch file called safetensors", "auto_map", "auto_map, deep"),
    *("auto_map, elsewhere", "auto_map, twice", "auto_map, escaped", "tokenizer_kwargs", "a pipeline", "a kernel"),
    *(
        "a generation loop",
        "an index of pickles",
        "an index that leads out",
        "a path that leads out",
        "an absolute path",
    ),
    *("a path with backslashes", "a path into the cache", "a header without end", "JSON without end"),
    *("a header that is larger than the file", "a tensor of 4 TiB", "tensors over each other"),
    "a header that is not UTF-8",
]


def test_all_cases_are_tried(cases):
    assert set(cases) == set(KINDS)


@pytest.fixture
def outside(tmp_path):
    """What there is outside of the cache, before and after."""

    def look():
        return sorted(str(path) for path in tmp_path.rglob("*") if "hf/hub" not in str(path))

    (tmp_path / "hf").mkdir(exist_ok=True)
    before = look()
    yield
    assert look() == before


@pytest.mark.parametrize("kind", KINDS)
def test_it_is_refused(hub, cases, weights, owned, outside, kind):
    files = {"model.safetensors": weights, "config.json": b"{}"} | cases[kind]
    hub.add(NAME, {name: data for name, data in files.items() if data is not None})
    with pytest.raises(WeightsError):
        fetch_repository(NAME, patterns=("*.safetensors",) if kind == "a pickle alone" else PATTERNS)
    assert not owned.exists()
    with contextlib.suppress(UnsafeContent):  # the listing itself is hostile
        assert not audit(f"hf-hub:{NAME}").loads
    assert not owned.exists()


@pytest.mark.parametrize("kind", [kind for kind in KINDS if "header" in kind or "tensor" in kind or "called" in kind])
def test_a_backbone_from_it_is_refused(hub, cases, weights, owned, outside, kind):
    files = {"model.safetensors": weights} | cases[kind]
    assert set(files) == {"model.safetensors"}
    hub.add(NAME, files)
    with pytest.raises(UnsafeContent):
        zoo.load(NAME)
    assert not owned.exists()


def test_a_pickle_that_was_named_makes_nothing_either(hub, owned, outside):
    from zoo.providers.weights import read_weights

    for data in (pickle.dumps({"w": Evil(owned)}), torch_file(owned)):
        hub.add("org/old", {"pytorch_model.bin": data})
        found = fetch_repository("org/old", patterns=(), allow_pickle="pytorch_model.bin")
        with pytest.raises(WeightsError):
            read_weights(found.folder / "pytorch_model.bin", allow_pickle="pytorch_model.bin")
        assert not owned.exists()


def test_an_etag_that_leads_out_names_nothing(hub, weights, outside):
    hub.add("org/name", {"model.safetensors": weights})
    hub.fault("lie_etag", times=None)
    found = fetch_repository("org/name")
    assert list(found.files) == ["model.safetensors"]


def test_a_link_in_the_repository_stays_a_file(hub, weights, outside):
    """Git knows links; a hub hands them out as files that hold the path."""
    hub.add("org/name", {"model.safetensors": weights, "vocab.txt": b"/etc/passwd"})
    folder = fetch_repository("org/name").folder
    assert (folder / "vocab.txt").read_bytes() == b"/etc/passwd"
