"""Every deliberate error that zoo raises.

An error says four things: what happened, what was received, the nearest valid choices, and the fix. The command line
prints the message as one paragraph on stderr and exits with code 2.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping


class ZooError(Exception):
    """Base class: catch this to catch everything that zoo raises on purpose."""

    def __reduce__(self) -> tuple[Any, ...]:  # worker processes send errors, and some constructors take no message
        return _restored, (type(self), self.args, self.__dict__)


class UnknownName(ZooError, KeyError):
    """A name that no registry, catalog or record knows.

    Example:
        >>> raise UnknownName("backbone", "pocket/resnet1", ["pocket/resnet10"])  # doctest: +IGNORE_EXCEPTION_DETAIL
        Traceback (most recent call last):
        UnknownName: unknown backbone 'pocket/resnet1'. Nearest: pocket/resnet10.
    """

    def __init__(self, kind: str, received: str, known: Iterable[str], fix: str = "") -> None:
        near = nearest(received, known)
        hint = f"Nearest: {', '.join(near)}." if near else ""
        self.message = " ".join(part for part in (f"unknown {kind} {received!r}.", hint, fix) if part)
        self.nearest = near
        super().__init__(self.message)

    def __str__(self) -> str:  # KeyError would print the repr
        return self.message


class InvalidRecord(ZooError, ValueError):
    """A stored record (row, spec, suite file) that cannot be read as what it claims to be.

    `field` says which entry is meant, as a path of names such as ("training", "lr"); empty where it is the whole.
    """

    def __init__(self, message: str, field: tuple[str, ...] = ()) -> None:
        super().__init__(message)
        self.field = field


class UsageError(ZooError, ValueError):
    """Arguments of a command that do not go together."""


class DataError(ZooError, ValueError):
    """Input data that cannot be used as asked: an empty class, too few labels, an unreadable file."""


class WeightsError(ZooError, RuntimeError):
    """Weights that are missing, damaged, unsafe, or made for another architecture."""


class UnsafeContent(WeightsError):
    """A file, a name or an answer of a server that could run code, write elsewhere or exhaust the machine: refused."""


class Offline(ZooError, ConnectionError):
    """What is asked for is not on this machine, and the network is down, too slow or forbidden (HF_HUB_OFFLINE)."""


class IncompatibleError(ZooError, ValueError):
    """A pairing that cannot work (backbone with objective, adaptation or task), refused before anything runs."""


class MissingDependency(ZooError, ImportError):
    """An optional library is needed for this path and is not installed."""

    def __init__(self, what: str, extra: str) -> None:
        super().__init__(f"{what} is needed here and is not installed. Fix: pip install 'transfer-zoo[{extra}]'.")


class OutOfMemory(ZooError, RuntimeError):
    """Memory ran out, and nothing more can be divided."""


class DeviceError(ZooError, RuntimeError):
    """The asked-for device is not available on this machine."""


class TrainingDiverged(ZooError, ArithmeticError):
    """The loss or the gradient became NaN or infinite; training stopped at once."""


class Interrupted(ZooError):
    """Training was stopped by the user; the message names the checkpoint from which it resumes."""


class ScratchArmError(ZooError, ValueError):
    """The scratch linter refused a from-scratch arm, because it would have been handicapped or not from scratch."""


class StoreError(ZooError, OSError):
    """The result store cannot be read or written; nothing that was stored is lost."""


class PublishError(ZooError, RuntimeError):
    """A model that is not published: a card that would mislead, a licence that forbids it, or a hub that refuses."""


class PluginError(ZooError, ImportError):
    """A third-party entry point failed to import; `zoo doctor` lists all of them."""


def nearest(received: str, known: Iterable[str], limit: int = 3) -> list[str]:
    """The up to `limit` known names most like `received`, best first; names that contain it count as near."""
    import difflib  # 3 ms, which only errors need pay

    names = sorted(set(known))
    lower = {name.lower(): name for name in reversed(names)}
    asked = received.lower()
    near = [lower[match] for match in difflib.get_close_matches(asked, lower, n=limit, cutoff=0.6)]
    near += [name for name in names if asked in name.lower() and name not in near]
    return near[:limit]


def _restored(kind: type[ZooError], arguments: tuple[object, ...], state: Mapping[str, object]) -> ZooError:
    """An unpickled error, made without its constructor."""
    error = kind.__new__(kind, *arguments)
    error.__dict__.update(state)
    return error
