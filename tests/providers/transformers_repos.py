"""Small repositories of transformers in the library's own format, for tests: saved by it, with their heads."""

import torch
import transformers

from zoo.conformance.tiny import tiny
from zoo.upkeep.transformers_padding import perturbed

WORDS = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", "a", "cat", "dog", "and", "the", "runs", "far", "##s"]


def save(folder, arch, head, seed=0, **changes):
    """A checkpoint with moved weights; returns the network with its head."""
    torch.manual_seed(seed)
    network = perturbed(getattr(transformers, head)(tiny(arch, **changes)), seed)
    network.save_pretrained(folder)
    return network


def save_words(folder, most=512):
    """A WordPiece tokenizer of a few words."""
    vocab = {word: index for index, word in enumerate(WORDS)}
    tokenizer = transformers.BertTokenizer(vocab=vocab, model_max_length=most)
    tokenizer.save_pretrained(folder)
    return tokenizer


def files_of(folder):
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}
