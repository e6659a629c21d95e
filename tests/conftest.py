"""What all tests share: where the repository and, when present, the real data lie."""

import os
import signal
from pathlib import Path

import pytest

REPOSITORY = Path(__file__).resolve().parent.parent

if "PYTEST_XDIST_WORKER" in os.environ:  # one thread each: the workers share the cores
    os.environ["OMP_NUM_THREADS"] = "1"
    os.environ["MKL_NUM_THREADS"] = "1"


if (
    signal.getsignal(signal.SIGINT) is signal.SIG_IGN
):  # as a shell leaves it for what runs in the background: children would not hear Ctrl-C
    signal.signal(signal.SIGINT, signal.default_int_handler)


@pytest.fixture(scope="session")
def repository() -> Path:
    """The root of the checkout."""
    return REPOSITORY


@pytest.fixture(scope="session")
def shared() -> Path:
    """The folder of real images and trained models beside the checkout."""
    folder = REPOSITORY.parent / "shared"
    if not (folder / "data").is_dir():
        pytest.skip("the real data lie beside the maintainers' checkout only (shared/data)")
    return folder
