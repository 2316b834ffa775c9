import open_clip
import pytest
import torch
from open_clip.tokenizer import HFTokenizer
from open_clip_small import tokenizer_folder

from zoo.errors import DataError, MissingDependency, UnsafeContent
from zoo.providers.open_clip_texts import text_preprocess, tokenizer_files
from zoo.providers.repositories import FOLDER
from zoo.specs import BackboneSpec
from zoo.testing.hub import Hub

PLAIN = BackboneSpec("open_clip/a", "open_clip", "a")


def test_tokens_are_open_clips_own_and_the_mask_ends_with_the_text():
    texts = ["", "a cat", "!!a! !", "word " * 100]
    given = text_preprocess(PLAIN, {"context_length": 20})(texts)
    assert torch.equal(given.values, open_clip.SimpleTokenizer(context_length=20)(texts))
    assert given.mask.sum(1).tolist() == [2, 4, int((given.values[2] == 49407).int().argmax()) + 1, 20]
    assert given.values[3, -1] == 49407  # a long text keeps its beginning, and its end token
    assert (given.values[torch.arange(4), given.mask.sum(1) - 1] == 49407).all()


@pytest.mark.parametrize(("pad", "expected"), [("[PAD]", [1, 3, 5, 6]), ("[SEP]", [1, 3, 5, 6])])
def test_a_tokenizer_of_a_folder(tmp_path, pad, expected):
    """Also one that pads with its end token, as that of SigLIP does."""
    tokenizer_folder(tmp_path, pad=pad)
    spec = BackboneSpec("x", "open_clip", "x", source=f"{FOLDER}{tmp_path}")
    config = {"context_length": 6, "hf_tokenizer_name": "me/words", "tokenizer_kwargs": {"clean": "canonicalize"}}
    texts = ["", "a cat!", "two_dogs sleep A", "a cat a cat a cat"]
    given = text_preprocess(spec, config)(texts)
    own = HFTokenizer(str(tmp_path), context_length=6, clean="canonicalize")(texts)
    assert torch.equal(given.values, own)
    assert given.mask.sum(1).tolist() == expected


def test_a_tokenizer_from_its_own_repository(tmp_path, monkeypatch):
    files = {path.name: path.read_bytes() for path in tokenizer_folder(tmp_path / "words").iterdir()}
    config = {"hf_tokenizer_name": "me/words", "context_length": 6}
    with Hub() as hub:
        sha = hub.add("me/words", files | {"model.safetensors.index.json": b"{}", "pytorch_model.bin": b"no"})
        for name, value in hub.environment(token=hub.read_token, home=tmp_path / "cache").items():
            monkeypatch.setenv(name, value)
        found = tokenizer_files(PLAIN, config)
        assert found.commit == sha
        assert set(found.files) == set(files)
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    assert text_preprocess(PLAIN, config)(["a cat"]).values.tolist() == [[4, 5, 3, 0, 0, 0]]


def test_open_clips_own_tokenizer_needs_no_files():
    assert tokenizer_files(PLAIN, {}) is None


def test_what_is_no_text():
    with pytest.raises(DataError, match="a text must be a str, received bytes"):
        text_preprocess(PLAIN, {})([b"a"])


@pytest.mark.parametrize(
    "options", [{"reduction_mask": "syntax"}, {"bpe_path": "/etc/passwd"}, {"trust_remote_code": 1}]
)
def test_a_configuration_cannot_ask_for_more(options):
    with pytest.raises(UnsafeContent, match="zoo passes on clean, strip_sep_token only"):
        text_preprocess(PLAIN, {"tokenizer_kwargs": options})(["a"])


def test_without_transformers(tmp_path, monkeypatch):
    import sys

    spec = BackboneSpec("x", "open_clip", "x", source=f"{FOLDER}{tokenizer_folder(tmp_path)}")
    monkeypatch.setitem(sys.modules, "transformers", None)
    with pytest.raises(MissingDependency, match=r"transfer-zoo\[open_clip\]"):
        text_preprocess(spec, {"hf_tokenizer_name": "me/words"})(["a"])
