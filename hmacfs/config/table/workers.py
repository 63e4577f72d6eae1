"""How much is done at once: ``[workers]`` and its switches in ``[server]``."""

from __future__ import annotations

from typing import Final

from hmacfs.config.kinds import AutoCount, Size, Switch, Whole
from hmacfs.config.option import Alias, Generation, Option, times

MB: Final = 1024**2


WORKERS_NUMWORKERS: Final = Option(
    key="workers.numworkers",
    since=Generation.V2_X,
    kind=Whole(1, 256),
    default=4,
    summary="How many threads read and write files. Without it 4.",
    example=8,
    in_effect=True,
)
WORKERS_UPLOADQUEUESIZE: Final = Option(
    key="workers.uploadqueuesize",
    since=Generation.V2_X,
    kind=Whole(1, 1_000_000),
    default=100,
    summary="How many uploads may be under way beyond the threads; more are asked to come back "
    "later. Without it 100.",
    example=500,
    reloadable=True,
    in_effect=True,
)
WORKERS_PROCESSES: Final = Option(
    key="workers.processes",
    since=Generation.V4,
    kind=AutoCount(256),
    default=1,
    summary='How many processes share the work; "auto" is one for each core. Without it one.',
    example=4,
    aliases=(Alias(Generation.V1_0_5, "NumCores"),),
)
WORKERS_MAX_WORKERS: Final = Option(
    key="workers.max_workers",
    since=Generation.V4,
    kind=AutoCount(1024),
    default=None,
    summary='Up to how many threads the pool grows when it adjusts itself; "auto" is four times '
    "numworkers. Without it auto.",
    example=32,
    aliases=(Alias(Generation.V2_0, "MaxWorkers"),),
    in_effect=True,
)
WORKERS_MAX_MEMORY: Final = Option(
    key="workers.max_memory",
    since=Generation.V4,
    kind=Size(),
    default=0,
    summary="At how much resident memory the server takes no more uploads for now (503); 0 means "
    "any amount. Without it any amount.",
    example=4096 * MB,
    aliases=(Alias(Generation.V2_0, "MaxMemoryMB", convert=times(MB)),),
    in_effect=True,
)
SERVER_ENABLE_DYNAMIC_WORKERS: Final = Option(
    key="server.enable_dynamic_workers",
    kind=Switch(),
    default=False,
    summary="Whether the number of threads follows the queue of uploads. Without it it is "
    "numworkers.",
    example=True,
    aliases=(
        Alias(Generation.V2_X, "server.autoadjustworkers"),
        Alias(Generation.V3_2, "workers.autoscaling"),
    ),
    in_effect=True,
)
SERVER_WORKER_SCALE_UP_THRESH: Final = Option(
    key="server.worker_scale_up_thresh",
    kind=Whole(1, 100),
    default=40,
    summary="How full the queue is, in percent, when threads are added. Without it 40.",
    example=60,
    in_effect=True,
)
SERVER_WORKER_SCALE_DOWN_THRESH: Final = Option(
    key="server.worker_scale_down_thresh",
    kind=Whole(0, 99),
    default=10,
    summary="How full the queue is, in percent, when threads are taken away. Without it 10.",
    example=20,
    in_effect=True,
)
