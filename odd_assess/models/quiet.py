"""Silence around other people's code: its warnings and log lines are not messages of ours."""

from __future__ import annotations

import logging
import warnings
from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def quiet() -> Iterator[None]:
    """No Python warning and no log line reaches the user from inside; errors pass as exceptions."""
    before = logging.root.manager.disable
    logging.disable(logging.CRITICAL)
    try:
        with no_warnings():
            yield
    finally:
        logging.disable(before)


@contextmanager
def no_warnings() -> Iterator[None]:
    """No Python warning reaches the user from inside. Cheap enough for every batch."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        yield
