"""What a library says only to its log, such as which tensors it did not use: heard, so that it can be said aloud."""

from __future__ import annotations

import logging
from contextlib import contextmanager
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator


@contextmanager
def heard(name: str) -> Iterator[list[str]]:
    """The messages, from the level INFO on, of a logger and of those below it within the block.

    Args:
        name: of the logger; "" for the root, through which some libraries log (that would set it up; here it does not).

    Example:
        >>> with heard("library") as said:
        ...     logging.getLogger("library.part").info("2 tensors not used")
        >>> said
        ['2 tensors not used']
    """
    said: list[str] = []

    class Keep(logging.Handler):
        def emit(self, record: logging.LogRecord) -> None:
            said.append(record.getMessage())

    logger, keep = logging.getLogger(name or None), Keep()
    level, silenced = logger.level, logging.root.manager.disable
    logger.addHandler(keep)
    logger.setLevel(min(level or logging.INFO, logging.INFO))
    logging.disable(logging.NOTSET)  # another library may have silenced all of them
    try:
        yield said
    finally:
        logging.disable(silenced)
        logger.removeHandler(keep)
        logger.setLevel(level)
