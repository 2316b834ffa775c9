"""Speech by espeak-ng, an optional second synthesiser: what it makes is SYNTHETIC, as what zoo's own makes.

Its library is under GPL-3 and is never loaded here: a fresh process of `zoo/data/espeak_worker.py` speaks, and this
one reads the sound. The same utterance gives the same numbers each time, whatever is said beside it.
"""

from __future__ import annotations

import dataclasses
import importlib.util
import json
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from zoo.errors import DataError, MissingDependency

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    Sound = NDArray[np.int16]

WORKER = Path(__file__).with_name("espeak_worker.py")
SYNTHETIC = "synthetic speech: every clip was made by espeak-ng {}, and no human voice is among them"


@dataclass(frozen=True)
class Utterance:
    """What is said, and by whom.

    Attributes:
        text: in the spelling of the language; between [[ and ]] in phonemes of espeak-ng.
        voice: a language or dialect of espeak-ng, such as `en-gb-scotland`.
        variant: one of its voices, such as `f1`.
        rate: words a minute, 80 to 450.
        pitch: 0 to 99; 50 is the variant's own.
    """

    text: str
    voice: str = "en"
    variant: str = "m1"
    rate: int = 175
    pitch: int = 50


@dataclass(frozen=True, eq=False)
class Spoken:
    """The sound of each utterance, [T] of 16 bits with T of its own, at `rate` Hz, by that version of espeak-ng."""

    version: str
    rate: int
    waves: tuple[Sound, ...]


def speak(utterances: Sequence[Utterance], seconds: float | None = None) -> Spoken:
    """All utterances, said by a process of their own; about a hundredth of a second each.

    Args:
        utterances: what is said.
        seconds: after which the process is stopped; None gives it a minute, and a second for each utterance.

    Raises:
        MissingDependency: espeakng-loader, which carries espeak-ng, is not installed.
        DataError: the process died or took too long, or does not know a voice; the message says at which utterance.

    Example:
        >>> speak([Utterance("hello")]).rate                                            # doctest: +SKIP
        22050
    """
    if importlib.util.find_spec("espeakng_loader") is None:
        raise MissingDependency("espeak-ng (espeakng-loader)", "espeak")
    asked = "".join(json.dumps(dataclasses.asdict(one)) + "\n" for one in utterances)
    limit = 60 + len(utterances) if seconds is None else seconds
    try:
        ran = subprocess.run(  # -P: the folder of the file, where zoo's modules lie, is none to import from
            [sys.executable, "-P", str(WORKER)], input=asked.encode(), capture_output=True, timeout=limit, check=False
        )
    except subprocess.TimeoutExpired as error:
        raise DataError(
            f"espeak-ng took more than {limit:g} s for {len(utterances)} utterances. Fix: try again while the machine "
            "has less to do, or give it more seconds."
        ) from error
    version, rate, waves = _read(ran.stdout)
    if ran.returncode or len(waves) != len(utterances):
        told = "; ".join(ran.stderr.decode(errors="replace").strip().splitlines()[-2:]) or "it said nothing"
        at = f"utterance {len(waves)} of {len(utterances)}"
        if len(waves) < len(utterances):
            at += f", {utterances[len(waves)]}"
        raise DataError(
            f"espeak-ng stopped with exit code {ran.returncode} at {at}: {told}. Fix: correct that utterance, or "
            "install it anew: pip install --force-reinstall espeakng-loader."
        )
    for said, wave in zip(utterances, waves, strict=True):
        if not wave.any():
            raise DataError(f"espeak-ng made no sound of {said}. Fix: give text or phonemes that its voice knows.")
    return Spoken(version, rate, waves)


def _read(stream: bytes) -> tuple[str, int, tuple[Sound, ...]]:
    """Version, rate and the whole clips of what the worker wrote; nothing of a last clip that is cut short."""
    head, _, rest = stream.partition(b"\n")
    try:
        begun = json.loads(head)
        version, rate = str(begun["version"]), int(begun["rate"])
    except (ValueError, LookupError, TypeError):
        return "", 0, ()
    waves: list[Sound] = []
    at = 0
    while at + 4 <= len(rest):
        begin, at = at + 4, at + 4 + int.from_bytes(rest[at : at + 4], "little")
        if at <= len(rest):
            waves.append(np.frombuffer(rest[begin:at], dtype=np.int16))
    return version, rate, tuple(waves)
