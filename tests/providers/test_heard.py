import logging

import pytest

from zoo.providers.heard import heard


def test_levels_and_handlers_are_as_before():
    logger = logging.getLogger("zoo.test")
    logger.setLevel(logging.ERROR)
    with heard("zoo.test") as said:
        logger.info("%d tensors", 3)
        logger.debug("nothing")
    assert said == ["3 tensors"]
    with pytest.raises(ValueError, match="broken"), heard("zoo.test"):
        raise ValueError("broken")
    assert logger.level == logging.ERROR
    assert not logger.handlers


def test_the_root_is_not_set_up(capsys):
    root = logging.getLogger()
    before = list(root.handlers)
    with heard("") as said:
        logging.info("resized")
    assert "resized" in said
    assert root.handlers == before
