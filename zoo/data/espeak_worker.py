"""The process that speaks with espeak-ng: its shared library (GPL-3) is loaded here, and nowhere else in zoo.

It is run as a file, with nothing but the standard library. On stdin it takes one JSON object a line with `voice`,
`variant`, `rate`, `pitch` and `text`. On stdout it gives one JSON line with the version of espeak-ng and its rate in
Hz, and then for each line the number of bytes (4 of them, little-endian) and the sound, whole numbers of 16 bits. Exit
code 1 and the last lines on stderr say what went wrong.

The library remembers: the same text said twice sounds different, and a second instance takes the first one's sound. So
every clip is said by a fork of a process in which nothing was said before, with the same seed: what a clip sounds like
depends on its own line only.
"""

from __future__ import annotations

import ctypes
import json
import os
import signal
import struct
import sys
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable

SECONDS = 20  # that one clip may take; it takes about a hundredth of one
SYNCHRONOUS = 2  # no thread of its own, no sound device
RATE, PITCH = 1, 3  # numbers of espeak_SetParameter: words a minute, and 0 to 99
TEXT = 0x1 | 0x100  # UTF-8, in which [[...]] are phonemes
HEARD = ctypes.CFUNCTYPE(ctypes.c_int, ctypes.c_void_p, ctypes.c_int, ctypes.c_void_p)


def main() -> int:
    """Say what stdin asks for; the exit code."""
    answers = os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)  # what the library prints must not stand among the sound
    try:
        with answers:
            library, folder, rate = _opened()
            version = library.espeak_Info(None).decode()
            answers.write(json.dumps({"version": version, "rate": rate}).encode() + b"\n")
            for line in sys.stdin:
                sound = apart(partial(_said, library, folder, json.loads(line)))
                answers.write(struct.pack("<I", len(sound)) + sound)
    except (ImportError, OSError, LookupError, ValueError, RuntimeError) as error:
        print(f"{type(error).__name__}: {error}", file=sys.stderr)
        return 1
    return 0


def apart(work: Callable[[], bytes], seconds: int = SECONDS) -> bytes:
    """What `work` gives in a fork of this process, which ends with it.

    Raises:
        RuntimeError: it raised, was killed, or took longer.

    Example:
        >>> apart(lambda: b"said")
        b'said'
    """
    reading, writing = os.pipe()
    sys.stderr.flush()
    child = os.fork()
    if not child:
        code = 1
        try:
            os.close(reading)
            signal.signal(signal.SIGALRM, signal.SIG_DFL)
            signal.alarm(seconds)
            with os.fdopen(writing, "wb") as pipe:
                pipe.write(work())
            code = 0
        except Exception as error:  # it goes on stderr: a fork has nobody to raise to
            print(f"{type(error).__name__}: {error}", file=sys.stderr, flush=True)
        finally:
            os._exit(code)
    os.close(writing)
    with os.fdopen(reading, "rb") as pipe:
        found = pipe.read()
    code = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
    if code == -signal.SIGALRM:
        raise RuntimeError(f"it took more than {seconds} s")
    if code < 0:
        raise RuntimeError(f"it was killed by {signal.Signals(-code).name}")
    if code:
        raise RuntimeError("it cannot be said, for the reason above")
    return found


def _opened() -> tuple[Any, Path, int]:
    """The library, begun; the folder of its data; its rate in Hz."""
    import espeakng_loader

    library = ctypes.CDLL(espeakng_loader.get_library_path())
    library.espeak_Info.restype = ctypes.c_char_p
    folder = Path(espeakng_loader.get_data_path())
    rate = library.espeak_Initialize(SYNCHRONOUS, 0, str(folder).encode(), 0)
    if rate <= 0:
        raise RuntimeError(f"espeak-ng cannot read its data in {folder}")
    return library, folder, rate


def _said(library: Any, folder: Path, asked: dict[str, Any]) -> bytes:
    """The sound of one line, in 16 bits. To be called once in a process."""
    voice, variant, text = asked["voice"], asked["variant"], asked["text"].encode()
    if not (folder / "voices" / "!v" / variant).is_file():  # the library would take none, and say nothing
        raise LookupError(f"espeak-ng has no variant {variant!r}")
    heard: list[bytes] = []

    def keep(wave: int | None, samples: int, _: int | None) -> int:
        if wave and samples > 0:
            heard.append(ctypes.string_at(wave, 2 * samples))
        return 0

    callback = HEARD(keep)
    library.espeak_SetSynthCallback(callback)
    ctypes.CDLL(None).srand(1)  # noise of the breath is drawn with it
    library.espeak_ng_SetRandSeed(ctypes.c_long(1))
    if library.espeak_SetVoiceByName(f"{voice}+{variant}".encode()):
        raise LookupError(f"espeak-ng has no voice {voice!r}")
    for name, value in ((RATE, asked["rate"]), (PITCH, asked["pitch"])):
        if library.espeak_SetParameter(name, int(value), 0):
            raise ValueError(f"espeak-ng does not take {value!r} as rate or pitch")
    if library.espeak_Synth(text, len(text) + 1, 0, 1, 0, TEXT, None, None):
        raise RuntimeError("espeak-ng did not take the text")
    library.espeak_Synchronize()
    return b"".join(heard)


if __name__ == "__main__":
    sys.exit(main())
