"""Shared by the tests of open_clip: tiny repositories in its own format, with a tokenizer where one is needed."""

import copy
import json

from safetensors.torch import save_file
from vision import disturbed

from zoo.providers import open_clip as provider

CONFIG = {
    "embed_dim": 24,
    "quick_gelu": True,
    "vision_cfg": {"image_size": 32, "layers": 2, "width": 32, "head_width": 16, "patch_size": 16},
    "text_cfg": {"context_length": 16, "vocab_size": 49408, "width": 32, "heads": 2, "layers": 2},
}
IMAGES = {"mean": [0.5, 0.4, 0.3], "std": [0.2, 0.3, 0.4], "interpolation": "bilinear", "resize_mode": "squash"}
WORDS = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "a", "cat", "two", "dogs", "sleep"]


def repository(folder, kind="", images=IMAGES):
    """A folder with a configuration, weights and what else its kind needs."""
    folder.mkdir(parents=True)
    config = copy.deepcopy(CONFIG)
    if kind == "resnet":
        config["vision_cfg"] = {"image_size": 64, "layers": [1, 1, 1, 1], "width": 16, "head_width": 64}
    if kind == "timm":
        config["vision_cfg"] = {"image_size": 64, "timm_model_name": "test_convnext"}
        config["vision_cfg"] |= {"timm_pool": "avg", "timm_proj": "linear"}
    if kind == "coca":
        config["text_cfg"] |= {"embed_cls": True, "output_tokens": True}
        config["vision_cfg"] |= {"attentional_pool": True, "attn_pooler_heads": 2, "output_tokens": True}
        config["custom_text"] = True
        config["multimodal_cfg"] = {"context_length": 16, "vocab_size": 49408, "width": 32, "heads": 2, "layers": 1}
        config["multimodal_cfg"] |= {"attn_pooler_heads": 2}
    if kind == "huggingface":
        tokenizer_folder(folder)
        config["text_cfg"] = {
            "hf_model_name": "me/roberta",
            "hf_tokenizer_name": "me/roberta",
            "context_length": 16,
            "hf_proj_type": "mlp",
            "hf_pooler_type": "mean_pooler",
        }
    (folder / "open_clip_config.json").write_text(json.dumps({"model_cfg": config, "preprocess_cfg": images}))
    if kind != "huggingface":
        module = disturbed(provider._build(copy.deepcopy(config)))
        save_file({n: t.contiguous() for n, t in module.state_dict().items()}, folder / "open_clip_model.safetensors")
    return folder


def tokenizer_folder(folder, pad="[PAD]", end="[SEP]"):
    """A word-level tokenizer of transformers that ends every text with `end` and pads with `pad`."""
    from tokenizers import Tokenizer, models, pre_tokenizers, processors
    from transformers import PreTrainedTokenizerFast

    inner = Tokenizer(models.WordLevel({word: number for number, word in enumerate(WORDS)}, unk_token="[UNK]"))
    inner.pre_tokenizer = pre_tokenizers.Whitespace()
    inner.post_processor = processors.TemplateProcessing(single=f"$A {end}", special_tokens=[(end, WORDS.index(end))])
    tokenizer = PreTrainedTokenizerFast(tokenizer_object=inner, pad_token=pad, eos_token=end, unk_token="[UNK]")
    tokenizer.save_pretrained(folder)
    return folder
