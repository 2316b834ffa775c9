"""What the speed scripts of frozen networks share: an encoder of the size of MiniLM, texts, and how figures are told.

The encoder has random weights, which change no time: 6 layers, hidden width 384, 12 heads, 1,536 in between. Texts are
random words; their lengths are drawn as those of real short ones are spread (log-normal, median 20 tokens, up to 128).
"""

from __future__ import annotations

import json
import os
import platform
import statistics
from pathlib import Path

WORDS, MEDIAN, SPREAD, LONGEST = 30_000, 20, 0.7, 128


def texts(count: int, seed: int = 0) -> list[str]:
    """`count` texts of random words, one token each."""
    import numpy as np

    rng = np.random.default_rng(seed)
    lengths = np.clip(np.rint(rng.lognormal(np.log(MEDIAN), SPREAD, count)), 3, LONGEST).astype(int)
    return [" ".join(f"w{word}" for word in rng.integers(0, WORDS, length)) for length in lengths]


def tokenizer():
    """A word is a token."""
    from tokenizers import Tokenizer, models, pre_tokenizers
    from transformers import PreTrainedTokenizerFast

    names = ["[PAD]", "[UNK]", *(f"w{word}" for word in range(WORDS))]
    made = Tokenizer(models.WordLevel({name: place for place, name in enumerate(names)}, unk_token="[UNK]"))
    made.pre_tokenizer = pre_tokenizers.WhitespaceSplit()
    return PreTrainedTokenizerFast(tokenizer_object=made, pad_token="[PAD]", unk_token="[UNK]")


def encoder():
    """transformers' BERT of the size of MiniLM, with weights drawn from seed 0."""
    import torch
    from transformers import BertConfig, BertModel

    torch.manual_seed(0)
    config = BertConfig(vocab_size=WORDS + 2, hidden_size=384, num_hidden_layers=6, num_attention_heads=12,
                        intermediate_size=1536)  # fmt: skip
    return BertModel(config, add_pooling_layer=False).eval().requires_grad_(False)


def backbone(network, tokens):
    """The encoder behind zoo's contract: the mean over real tokens."""
    from zoo.contracts import Backbone, Padded
    from zoo.providers.transformers_text import text_encoder
    from zoo.specs import BackboneSpec

    def preprocess(samples):
        found = tokens(list(samples), padding=True, return_tensors="pt")
        return Padded(found["input_ids"], found["attention_mask"].bool())

    spec = BackboneSpec("module/minilm-sized", "module", "minilm-sized", modality="text", padding="masked",
                        parameters=sum(weight.numel() for weight in network.parameters()), pooled_dim=384)  # fmt: skip
    return Backbone(spec, network, preprocess, text_encoder(network, "mean", 0))


def machine() -> dict[str, object]:
    """Versions, and what the processor is."""
    import torch
    import transformers

    from zoo.training.threads import usable_cores
    from zoo.version import __version__

    names = [line for line in _lines("/proc/cpuinfo") if line.startswith("model name")]
    return {
        "python": platform.python_version(),
        "torch": str(torch.__version__),
        "transformers": transformers.__version__,
        "zoo": __version__,
        "cpu": names[0].partition(":")[2].strip() if names else platform.processor(),
        "cpu_capability": torch.backends.cpu.get_cpu_capability(),
        "cores": usable_cores(),
        "threads": 1,
        "load at the start": round(os.getloadavg()[0], 1),
    }


def spread(ratios: list[float]) -> dict[str, object]:
    """Every single ratio, and their middle."""
    return {"median": round(statistics.median(ratios), 2), "all": [round(ratio, 2) for ratio in ratios]}


def stored(results: dict[str, object], out: Path | None) -> None:
    """Write the results as JSON, if a place was given."""
    if out:
        out.parent.mkdir(parents=True, exist_ok=True)
        out.write_text(json.dumps(results, indent=1) + "\n", encoding="utf-8")


def _lines(path: str) -> list[str]:
    try:
        return Path(path).read_text(encoding="utf-8").splitlines()
    except OSError:
        return []
