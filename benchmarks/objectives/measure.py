"""Does an objective help? The probe's accuracy before, after, and after a broken control, over seeds.

.venv/bin/python benchmarks/objectives/measure.py ROW [...] [--seeds 5] [--out benchmarks/objectives/results]
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import tempfile
import time
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

os.environ.update(OMP_NUM_THREADS="1", HF_HUB_OFFLINE="1", TOKENIZERS_PARALLELISM="false", ZOO_FEATURES="off")


@dataclass(frozen=True)
class Case:
    """What is tried; `labels` of each class are what the probe is fitted on."""

    modality: str
    network: str
    steps: int
    labels: int
    lr: float = 1e-3
    batch_size: int = 32
    options: dict[str, Any] = field(default_factory=dict)


SOUNDS = {"clusters": 50, "clips": 128}
HEAD = {"prototypes": 256, "hidden": 256, "bottleneck": 64}
CASES = {
    "supervised": Case("vision", "resnet", 100, 10),
    "simclr": Case("vision", "resnet", 100, 10, options={"temperature": 0.5}),
    "simmim": Case("vision", "pocket/resnet10", 100, 10),
    "mae": Case("vision", "vit_mean", 600, 10, options={"decoder_width": 64, "decoder_depth": 1, "patch_norm": False}),
    "dino": Case(
        "vision", "resnet", 450, 10, options=HEAD | {"momentum": 0.99, "teacher_temperature": 0.02, "local_crops": 2}
    ),
    "distillation": Case("vision", "vit8", 300, 10, options={"teacher": "pocket/resnet10.glyphs"}),
    "mlm": Case("text", "bert", 200, 50, lr=2e-3),
    "causal": Case("text", "gpt2", 200, 50, lr=2e-3),
    "sentence_pairs": Case("text", "bert", 200, 50, lr=2e-3),
    "masked_prediction": Case("speech", "wav2vec2", 400, 50, options=SOUNDS),
    "wav2vec2": Case("speech", "wav2vec2", 200, 50, options={"others": 20}),
    "clip": Case("image-text", "open_clip", 200, 10),
    "siglip": Case("image-text", "open_clip", 200, 10),
}
OTHERS = {  # the same objectives on other networks: OBJECTIVE-NETWORK
    "supervised-inception": Case("vision", "inception", 100, 10),
    "dino-vit4": Case("vision", "vit4", 100, 10, options=HEAD | {"local_crops": 0}),
    "mae-vit_mae": Case("vision", "vit_mae", 300, 10),
    "simmim-convnext": Case("vision", "convnext", 200, 10),
    "mlm-roberta": Case("text", "roberta", 200, 50, lr=2e-3),
    "masked_prediction-hubert": Case("speech", "hubert", 400, 50, options=SOUNDS),
}


def network_of(case: Case, folder: Path, unlabelled: Any) -> str:
    """The network of a case, its name or a folder; a tokenizer is made from what is pre-trained on."""
    import networks

    if "/" in case.network:
        return case.network
    folder.mkdir()
    if case.network == "vit_mae":
        networks.vit_mae_folder(folder)
    elif case.modality == "vision":
        networks.timm_folder(folder, case.network)
    elif case.modality == "text":
        networks.text_folder(folder, case.network, unlabelled)
    elif case.modality == "speech":
        networks.speech_folder(folder, case.network)
    else:
        networks.pair_folder(folder)
    return str(folder)


def probe(backbone: Any, data: Any, case: Case, seed: int) -> float:
    """Accuracy in percent on the test part of a linear probe."""
    import zoo

    fitted = zoo.finetune(
        backbone, data, method="linear_probe", labels_per_class=case.labels, seed=seed, device="cpu", quiet=True
    )
    return float(fitted.spec.scores["accuracy"])


def one_seed(name: str, case: Case, seed: int) -> dict[str, Any]:
    """Accuracy before, after and with the control, from the same weights, and what became of the losses."""
    from data import DATA, halves

    import zoo

    data, unlabelled = DATA[case.modality](seed)
    given = [halves(text) for text in unlabelled] if name == "sentence_pairs" else unlabelled
    found: dict[str, Any] = {}
    with tempfile.TemporaryDirectory() as place:
        network = network_of(case, Path(place) / "net", unlabelled)
        found["before"] = probe(zoo.load(network, pretrained=False, seed=seed), data, case, seed)
        for side, objective in (("after", name), ("control", f"{name}_control")):
            before = time.process_time()
            made = zoo.pretrain(
                network, Path(place) / side, data=given, objective=objective, options=case.options,
                steps=case.steps, batch_size=case.batch_size, lr=case.lr, seed=seed, device="cpu", workers=0,
                probe_every=0, quiet=True,
            )  # fmt: skip
            seconds = time.process_time() - before
            losses = json.loads((Path(place) / side / "history.json").read_text())["losses"]
            tenth = max(1, len(losses) // 10)
            found[side] = probe(made, data, case, seed)
            found[f"{side}_loss"] = [sum(part) / tenth for part in (losses[:tenth], losses[-tenth:])]
            found[f"{side}_cpu_seconds"] = seconds
    return found


def measured(row: str, seeds: list[int], out: Path | None = None) -> None:
    """Try a row, and store it anew after each seed: what was done is kept when it is stopped."""
    case, name, runs = (CASES | OTHERS)[row], row.partition("-")[0], []
    for seed in seeds:
        run = one_seed(name, case, seed)
        runs.append({"seed": seed, **{key: rounded(value) for key, value in run.items()}})
        print(f"{row}: {runs[-1]}", flush=True)
        if out:
            out.mkdir(parents=True, exist_ok=True)
            text = json.dumps(kept(name, case, runs), indent=1, ensure_ascii=False) + "\n"
            (out / f"{row}.json").write_text(text, encoding="utf-8")


def kept(name: str, case: Case, runs: list[dict[str, Any]]) -> dict[str, Any]:
    """A row as it is stored."""
    from data import DATA, places

    data, unlabelled = DATA[case.modality](runs[0]["seed"])
    return {
        "objective": name, **asdict(case), "runs": runs,
        "samples": {"pre-trained on": len(unlabelled), "test": len(places(data, "test")), "classes": len(data.classes)},
        "versions": versions(), "threads": 1,
    }  # fmt: skip


def rounded(value: Any) -> Any:
    """Numbers as they are stored."""
    return [round(one, 4) for one in value] if isinstance(value, list) else round(value, 3)


def versions() -> dict[str, str]:
    from importlib.metadata import version

    from zoo.version import __version__

    libraries = ("torch", "timm", "transformers", "open_clip_torch", "numpy", "scipy", "scikit-learn")
    return {"python": platform.python_version(), "zoo": __version__, **{each: version(each) for each in libraries}}


def main() -> None:
    parser = argparse.ArgumentParser(description="The probe's accuracy before and after pre-training.")
    parser.add_argument("rows", nargs="+", choices=[*CASES, *OTHERS])
    parser.add_argument("--seeds", type=int, default=5)
    parser.add_argument("--first", type=int, default=0, help="the first seed; stored runs begin at 0")
    parser.add_argument("--out", type=Path)
    chosen = parser.parse_args()
    import controls
    import torch
    from transformers.utils import logging

    logging.set_verbosity_error()
    logging.disable_progress_bar()
    torch.set_num_threads(1)
    controls.register()
    for row in chosen.rows:
        measured(row, list(range(chosen.first, chosen.first + chosen.seeds)), chosen.out)


if __name__ == "__main__":
    main()
