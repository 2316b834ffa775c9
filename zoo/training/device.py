"""Devices: chosen by name, refused with a reason when absent, never changed without the user seeing it."""

from __future__ import annotations

from zoo.errors import DeviceError, UnknownName

DEVICES = ("cpu", "cuda", "mps")


def choose_device(name: str = "auto") -> str:
    """`auto` takes cuda, then mps, then cpu; a named device must be there.

    Raises:
        UnknownName: not a device name.
        DeviceError: the device is not available here.

    Example:
        >>> choose_device("cpu")
        'cpu'
    """
    import torch

    available = {
        "cpu": True,
        "cuda": torch.cuda.is_available(),
        "mps": torch.backends.mps.is_available(),
    }
    if name == "auto":
        return next(device for device in ("cuda", "mps", "cpu") if available[device])
    if name not in available:
        raise UnknownName("device", name, available, f"Known: auto, {', '.join(DEVICES)}.")
    if not available[name]:
        present = ", ".join(device for device, there in available.items() if there)
        raise DeviceError(
            f"device {name!r} was asked for and torch {torch.__version__} does not find it here. Available: {present}. "
            "Fix: choose one of these, or install the driver and a torch build for it."
        )
    return name


def check_precision(device: str, precision: str) -> None:
    """Refuse bfloat16 on hardware that has none: it would be imitated, slower than float32 and less exact.

    Raises:
        DeviceError: the device has no bfloat16.

    Example:
        >>> check_precision("cpu", "no")
    """
    import torch

    if precision != "bf16":
        return
    has = True  # mps has it from the first chip on
    if device == "cuda":
        has = torch.cuda.is_bf16_supported(including_emulation=False)
    elif device == "cpu":
        with_onednn: bool = torch.backends.mkldnn.is_available()  # type: ignore[no-untyped-call]
        has = with_onednn and bool(torch.ops.mkldnn._is_mkldnn_bf16_supported())
    if not has:
        raise DeviceError(
            f"precision bf16 was asked for, and this {device} has no instructions for it. Fix: precision no, or fp16 "
            "on a GPU."
        )
