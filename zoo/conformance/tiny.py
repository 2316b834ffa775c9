"""Small configurations of transformers' model types: the same classes, two layers of 64, a vocabulary of 320."""

from __future__ import annotations

from typing import Any

_SMALL = {
    64: "hidden_size d_model n_embd n_embed emb_dim dim embedding_size word_embed_proj_dim projection_dim",
    96: "intermediate_size ffn_dim d_ff d_inner hidden_dim encoder_ffn_dim decoder_ffn_dim ffn_hidden_size",
    32: "moe_intermediate_size shared_expert_intermediate_size q_lora_rank expert_ffn_hidden_size",
    2: "num_hidden_layers num_layers n_layer n_layers encoder_layers decoder_layers num_decoder_layers "
    "num_encoder_layers num_key_value_heads num_kv_heads num_experts_per_tok",
    4: "num_attention_heads num_heads n_head n_heads encoder_attention_heads decoder_attention_heads num_experts "
    "n_routed_experts num_local_experts moe_num_experts",
    16: "head_dim d_kv kv_channels kv_lora_rank v_head_dim",
    8: "qk_rope_head_dim qk_nope_head_dim rotary_dim",
    1: "n_group topk_group",
    320: "vocab_size",
}
SMALL = {name: size for size, names in _SMALL.items() for name in names.split()}
_DEPTH = ("num_hidden_layers", "num_layers", "n_layer", "n_layers", "encoder_layers")
_PARTS = ("text_config", "vision_config", "audio_config", "encoder", "decoder", "qformer_config")
_HEADS = ("num_key_value_heads", "num_kv_heads")
# Types whose sizes hang together in their own way.
_OWN: dict[str, dict[str, Any]] = {
    "funnel": {"block_sizes": [1, 1], "num_decoder_layers": 1, "d_model": 64, "n_head": 4, "d_head": 16, "d_inner": 96},
    "reformer": {"axial_pos_embds_dim": [32, 32], "axial_pos_shape": [16, 16], "attn_layers": ["lsh", "local"]},
    "mamba2": {"num_heads": 8, "head_dim": 16, "n_groups": 1},
    "neomme": {"layer_types": ["full_attention", "full_attention"]},
    "luke": {"entity_vocab_size": 20, "entity_emb_size": 32},
    "gemma4_text": {"vocab_size_per_layer_input": 320},
    "esm": {"vocab_size": 33, "pad_token_id": 1, "mask_token_id": 32},
    "xlm": {"n_heads": 4, "n_langs": 1},
}


def tiny(arch: str, **changes: Any) -> Any:
    """A small configuration of a model type.

    Raises:
        Exception: whatever the type raises of sizes that it does not take.

    Example:
        >>> config = tiny("bert")
        >>> config.hidden_size, config.num_hidden_layers
        (64, 2)
    """
    from transformers import AutoConfig

    default = AutoConfig.for_model(arch).to_dict()
    values = shrunk(default) | _OWN.get(arch, {}) | changes
    try:
        return AutoConfig.for_model(arch, **values)
    except Exception:  # some types want as many key heads as heads
        values = {name: default[name] if name in ("layer_types",) else value for name, value in values.items()}
        return AutoConfig.for_model(arch, **(values | {name: 4 for name in _HEADS if name in values} | changes))


def shrunk(values: dict[str, Any]) -> dict[str, Any]:
    """The values of a configuration, as a dict, that have to be smaller.

    Example:
        >>> found = shrunk({"hidden_size": 768, "num_hidden_layers": 3, "layer_types": ["a", "b", "c"]})
        >>> sorted(found.items())
        [('hidden_size', 64), ('layer_types', ['a', 'b']), ('num_hidden_layers', 2)]
    """
    found: dict[str, Any] = {}
    depth = next((values[name] for name in _DEPTH if isinstance(values.get(name), int)), 0)
    for name, value in values.items():
        if name.endswith("token_id") and isinstance(value, int) and value >= SMALL["vocab_size"]:
            found[name] = 1
        elif isinstance(value, list) and depth > 2 and len(value) == depth:
            kinds = list(dict.fromkeys(value)) if all(isinstance(item, str) for item in value) else []
            found[name] = (kinds + value)[:2] if len(kinds) > 1 else value[:2]
        elif name in _PARTS and isinstance(value, dict):
            inner = shrunk(value)
            found[name] = inner | ({"model_type": value["model_type"]} if value.get("model_type") else {})
    sizes = {
        name: size
        for name, size in SMALL.items()
        if isinstance(values.get(name), int) and not isinstance(values[name], bool) and values[name] > size
    }
    return found | sizes
