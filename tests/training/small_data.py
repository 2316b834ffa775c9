"""Small labelled data of every kind that zoo fits, and backbones for it that are built in a second."""

import dataclasses

import numpy as np
import transformers
from PIL import Image
from transformers_repos import save, save_words

import zoo
from zoo.data.splits import split_data
from zoo.training.finetuning import task_of
from zoo.training.inputs import Inputs
from zoo.training.jobs import Job

INPUTS = ("image", "text", "text_pair", "audio")
ANSWERS = ("classification", "multi_label", "regression")
WORDS = ("cat", "dog")


def backbone_for(inputs, folder):
    """A backbone that takes such samples; of texts and sounds from a repository that is made in `folder`."""
    if inputs == "image":
        return zoo.load("pocket/resnet10.glyphs")
    if inputs == "audio":
        save(folder, "wav2vec2", "Wav2Vec2Model", conv_dim=[16] * 7, num_conv_pos_embeddings=16)
        transformers.Wav2Vec2FeatureExtractor(do_normalize=True).save_pretrained(folder)
        return zoo.load(str(folder))
    save(folder, "bert", "BertModel")
    save_words(folder)
    return zoo.load(str(folder))


def samples_for(inputs, count, folder):
    """`count` samples of two kinds in turn: dark and bright, cat and dog, low and high. Images and sounds are files."""
    rng = np.random.default_rng(0)
    folder.mkdir(parents=True, exist_ok=True)
    found = []
    for index in range(count):
        kind = index % 2
        more = " ".join(rng.choice(["a", "the", "runs", "far", "and"], size=1 + index % 5))
        if inputs == "text":
            found.append(f"{more} {WORDS[kind]} {index % 7}")
        elif inputs == "text_pair":
            found.append((more, f"the {WORDS[kind]} {index % 7}"))
        elif inputs == "image":
            pixels = rng.integers(0, 60, (10 + index % 3, 12), dtype=np.uint8) + 150 * kind
            found.append(str(folder / f"{index}.png"))
            Image.fromarray(pixels.astype(np.uint8)).save(found[-1])
        else:
            found.append(str(folder / f"{index}.wav"))
            sound(found[-1], tone=300 + 900 * kind + index, length=2000 + 100 * (index % 4))
    return found


def labels_for(answer, count):
    """What goes with these samples: names, lists of names, or numbers."""
    kinds = [index % 2 for index in range(count)]
    if answer == "classification":
        return [("low", "high")[kind] for kind in kinds]
    if answer == "multi_label":
        return [[("low", "high")[kind], *(["third"] if index % 3 == 0 else [])] for index, kind in enumerate(kinds)]
    return [10.0 * kind + index % 3 for index, kind in enumerate(kinds)]


def sound(path, tone=440, rate=16_000, length=2000, channels=1):
    """Write a file of sound."""
    import soundfile

    wave = np.sin(2 * np.pi * tone * np.arange(length) / rate).astype(np.float32)
    soundfile.write(path, np.stack([wave] * channels, 1), rate)


def labelled(inputs, answer, folder, count=24):
    """Samples and labels, read by zoo."""
    pair = samples_for(inputs, count, folder), labels_for(answer, count)
    return zoo.read_data(pair, inputs=inputs, answer=answer)


def job_of(backbone, data, method="full", **changes):
    """A fit of these data, without augmentation and on the CPU."""
    parts, _ = split_data(data)
    made = Job(
        backbone, data, Inputs(data.samples, backbone.preprocess, backbone.spec.padding), parts,
        parts.train, task_of(data), method, "cpu", "none", "none", None, None, True,
    )  # fmt: skip
    return dataclasses.replace(made, **changes)
