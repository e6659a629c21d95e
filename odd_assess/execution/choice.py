"""Who does the work of a run, as its spec or the caller says."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from odd_assess.errors import MissingLibraryError
from odd_assess.execution.bench import Bench
from odd_assess.execution.here import Here
from odd_assess.execution.work import Workers
from odd_assess.progress import Progress
from odd_assess.records import Execution, Spec


@contextmanager
def workers_for(spec: Spec, bench: Bench, *, execution: Execution, trust_pickle: bool, tell: Progress) -> Iterator[Workers]:
    """The process that asks, or the workers of a cluster for as long as the context lasts.

    Raises: MissingLibraryError for a cluster without Ray; InputError when there is no such cluster, or when it has no room.
    """
    if execution.engine == "local":
        yield Here(bench)
        return
    try:
        from odd_assess.execution.ray_cluster import RayCluster
    except ImportError as error:
        raise MissingLibraryError(
            'execution on a cluster needs Ray, which is not installed: pip install "odd-assess[ray]"'
        ) from error
    with RayCluster(spec, bench, execution=execution, trust_pickle=trust_pickle, tell=tell) as cluster:
        yield cluster
