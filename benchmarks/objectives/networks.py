"""Small networks as folders that `zoo.load` reads; `pretrained=False` and a seed draw their weights."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path

WORDS, CONTEXT = 2000, 64
GREY = {"input_size": [1, 32, 32], "mean": [0.5], "std": [0.5], "interpolation": "bilinear", "crop_pct": 1.0}
TIMM = {
    "vit4": ("vit_tiny_patch16_224", {"img_size": 32, "patch_size": 4, "embed_dim": 64, "depth": 4, "num_heads": 4}),
    "vit8": ("vit_tiny_patch16_224", {"img_size": 32, "patch_size": 8, "embed_dim": 64, "depth": 4, "num_heads": 4}),
    "vit_mean": (
        "vit_tiny_patch16_224",
        {"img_size": 32, "patch_size": 4, "embed_dim": 64, "depth": 4, "num_heads": 4, "global_pool": "avg"},
    ),
    "resnet": ("test_resnet", {}),
    "convnext": ("test_convnext", {"output_stride": 8}),
    "inception": ("inception_next_atto", {}),
}
SPEECH = {
    "hidden_size": 64, "num_hidden_layers": 2, "num_attention_heads": 4, "intermediate_size": 128,
    "conv_dim": (32, 32, 32), "conv_kernel": (10, 8, 8), "conv_stride": (5, 4, 4), "num_feat_extract_layers": 3,
    "num_conv_pos_embeddings": 16, "num_conv_pos_embedding_groups": 4, "initializer_range": 0.125, "vocab_size": 32,
    "feat_extract_norm": "layer", "conv_bias": True, "do_stable_layer_norm": True,
}  # fmt: skip
CODES = {"num_codevectors_per_group": 32, "num_codevector_groups": 2, "codevector_dim": 64, "proj_codevector_dim": 64}
PAIRS = {
    "embed_dim": 32,
    "vision_cfg": {"image_size": 32, "layers": 2, "width": 64, "head_width": 16, "patch_size": 8},
    "text_cfg": {"context_length": 16, "vocab_size": 49408, "width": 32, "heads": 2, "layers": 1},
}


def timm_folder(folder: Path, kind: str) -> None:
    """A ViT of 4 layers of 64 on patches of 4 or 8 pixels, or a small network of timm's; grey images of 32 pixels."""
    import timm
    from safetensors.torch import save_file

    arch, options = TIMM[kind]
    options = {**options, "in_chans": 1}
    network = timm.create_model(arch, num_classes=0, **options)
    images = {**GREY, "num_classes": 0}
    config = {"architecture": arch, "num_classes": 0, "model_args": options, "pretrained_cfg": images}
    (folder / "config.json").write_text(json.dumps(config))
    save_file({name: value.contiguous() for name, value in network.state_dict().items()}, folder / "model.safetensors")


def vit_mae_folder(folder: Path) -> None:
    """ViT-MAE of transformers with 4 layers of 64 on patches of 4 pixels, and a decoder of one layer of 32."""
    from transformers import ViTImageProcessor, ViTMAEConfig, ViTMAEForPreTraining

    config = ViTMAEConfig(
        hidden_size=64, num_hidden_layers=4, num_attention_heads=4, intermediate_size=128, image_size=32, patch_size=4,
        decoder_hidden_size=32, decoder_num_hidden_layers=1, decoder_num_attention_heads=1,
        decoder_intermediate_size=128,
    )  # fmt: skip
    ViTMAEForPreTraining(config).save_pretrained(folder)
    images = ViTImageProcessor(size={"height": 32, "width": 32}, image_mean=[0.5] * 3, image_std=[0.5] * 3)
    images.save_pretrained(folder)


def text_folder(folder: Path, kind: str, texts: list[str]) -> None:
    """A BERT, RoBERTa or GPT-2 of 2 layers of 64, and a tokenizer for which a word is a token, made from `texts`."""
    import transformers
    from tokenizers import Tokenizer, models, normalizers, pre_tokenizers, processors, trainers

    special = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"]
    made = Tokenizer(models.WordLevel(unk_token="[UNK]"))
    made.normalizer, made.pre_tokenizer = normalizers.Lowercase(), pre_tokenizers.WhitespaceSplit()
    made.train_from_iterator(texts, trainers.WordLevelTrainer(vocab_size=WORDS, special_tokens=special))
    made.post_processor = processors.TemplateProcessing(
        single="[CLS] $A [SEP]", special_tokens=[("[CLS]", 2), ("[SEP]", 3)]
    )
    transformers.PreTrainedTokenizerFast(
        tokenizer_object=made, pad_token="[PAD]", unk_token="[UNK]", cls_token="[CLS]", sep_token="[SEP]",
        mask_token="[MASK]", model_max_length=CONTEXT,
    ).save_pretrained(folder)  # fmt: skip
    if kind == "bert":
        config = transformers.BertConfig(
            vocab_size=WORDS, hidden_size=64, num_hidden_layers=2, num_attention_heads=4, intermediate_size=128,
            max_position_embeddings=CONTEXT,
        )  # fmt: skip
        transformers.BertModel(config).save_pretrained(folder)
    elif kind == "roberta":  # its positions begin after the id of padding
        config = transformers.RobertaConfig(
            vocab_size=WORDS, hidden_size=64, num_hidden_layers=2, num_attention_heads=4, intermediate_size=128,
            max_position_embeddings=CONTEXT + 2, pad_token_id=0, bos_token_id=2, eos_token_id=3, type_vocab_size=1,
        )  # fmt: skip
        transformers.RobertaModel(config).save_pretrained(folder)
    else:
        transformers.GPT2Model(
            transformers.GPT2Config(
                vocab_size=WORDS, n_positions=CONTEXT, n_embd=64, n_layer=2, n_head=4,
                pad_token_id=0, bos_token_id=2, eos_token_id=3,
            )
        ).save_pretrained(folder)  # fmt: skip


def speech_folder(folder: Path, kind: str) -> None:
    """A wav2vec 2.0 or HuBERT of 2 layers of 64 over three convolutions: a frame every 5 ms."""
    from transformers import HubertConfig, HubertModel, Wav2Vec2Config, Wav2Vec2FeatureExtractor, Wav2Vec2ForPreTraining

    if kind == "hubert":
        HubertModel(HubertConfig(**SPEECH)).save_pretrained(folder)
    else:
        Wav2Vec2ForPreTraining(Wav2Vec2Config(**SPEECH, **CODES)).save_pretrained(folder)
    Wav2Vec2FeatureExtractor(do_normalize=True).save_pretrained(folder)


def pair_folder(folder: Path) -> None:
    """An open_clip network of a ViT of 2 layers of 64 and a text tower of one layer of 32."""
    import open_clip
    from safetensors.torch import save_file

    network = open_clip.CLIP(**PAIRS)
    images = {"mean": [0.5] * 3, "std": [0.5] * 3, "interpolation": "bilinear", "resize_mode": "squash"}
    (folder / "open_clip_config.json").write_text(json.dumps({"model_cfg": PAIRS, "preprocess_cfg": images}))
    weights = {name: value.contiguous() for name, value in network.state_dict().items()}
    save_file(weights, folder / "open_clip_model.safetensors")
