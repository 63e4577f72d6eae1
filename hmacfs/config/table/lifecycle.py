"""How connections are timed, and how the server starts and stops."""

from __future__ import annotations

import pathlib
from typing import Final

from hmacfs.config.kinds import Duration, OptionalPath, Size, Switch, Whole
from hmacfs.config.option import Alias, Combine, Generation, Option

TIMEOUTS_READTIMEOUT: Final = Option(
    key="timeouts.readtimeout",
    since=Generation.V2_X,
    kind=Duration(1),
    default=120.0,
    summary="The longest silence of a client in the middle of an upload. Without it 120 seconds.",
    example=600.0,
    aliases=(
        Alias(Generation.V1_0_5, "ReadTimeout"),
        Alias(Generation.V3_2, "timeouts.read"),
    ),
    reloadable=True,
    in_effect=True,
)
TIMEOUTS_WRITETIMEOUT: Final = Option(
    key="timeouts.writetimeout",
    since=Generation.V2_X,
    kind=Duration(1),
    default=120.0,
    summary="The longest time in which a client takes nothing of a download. Without it 120 "
    "seconds.",
    example=600.0,
    aliases=(
        Alias(Generation.V1_0_5, "WriteTimeout"),
        Alias(Generation.V3_2, "timeouts.write"),
    ),
    reloadable=True,
    in_effect=True,
)
TIMEOUTS_IDLETIMEOUT: Final = Option(
    key="timeouts.idletimeout",
    since=Generation.V2_X,
    kind=Duration(1),
    default=75.0,
    summary="How long a connection without a request is kept open. Without it 75 seconds. Of "
    "several names of this setting the shortest time rules.",
    example=30.0,
    aliases=(
        Alias(Generation.V3_2, "timeouts.idle"),
        Alias(Generation.V3_2, "timeouts.keep_alive_timeout"),
        Alias(Generation.V3_2, "server.idle_conn_timeout"),
    ),
    combine=Combine.SMALLEST,
    reloadable=True,
    in_effect=True,
)
SERVER_HEADER_TIMEOUT: Final = Option(
    key="server.header_timeout",
    since=Generation.V4,
    kind=Duration(1),
    default=20.0,
    summary="How long the headers of a request may take to arrive. Without it 20 seconds.",
    example=5.0,
    reloadable=True,
    in_effect=True,
)
SERVER_MIN_UPLOAD_RATE: Final = Option(
    key="server.min_upload_rate",
    since=Generation.V4,
    kind=Size(),
    default=1024,
    summary="How many bytes a second an upload must bring at least, averaged over a minute; 0 "
    "means any. Without it 1 KB.",
    example=4096,
    reloadable=True,
    in_effect=True,
)
SERVER_CLIENT_TIMEOUT: Final = Option(
    key="server.client_timeout",
    kind=Duration(1),
    default=300.0,
    summary="How long the answer to a request that carries no file may take to begin; then it is "
    "503. Without it 5 minutes.",
    example=60.0,
    reloadable=True,
    in_effect=True,
)
SERVER_MAX_IDLE_CONNS_PER_HOST: Final = Option(
    key="server.max_idle_conns_per_host",
    kind=Whole(0, 100_000),
    default=0,
    summary="How many connections one address may keep open for a next request, but a trusted "
    "proxy; 0 means any number. Without it any number.",
    example=5,
    reloadable=True,
    in_effect=True,
)
SERVER_DISABLE_KEEP_ALIVES: Final = Option(
    key="server.disable_keep_alives",
    kind=Switch(),
    default=False,
    summary="Whether every connection is closed after one request. Without it connections are "
    "used again.",
    example=True,
    reloadable=True,
    in_effect=True,
)
SERVER_GRACEFUL_SHUTDOWN_TIMEOUT: Final = Option(
    key="server.graceful_shutdown_timeout",
    since=Generation.V2_0,
    kind=Duration(),
    default=45.0,
    summary="The longest time from the signal to stop until the process ends. Without it 45 "
    "seconds.",
    example=300.0,
    aliases=(
        Alias(Generation.V3_2, "timeouts.shutdown"),
        Alias(Generation.V3_2, "timeouts.shutdown_timeout"),
    ),
    in_effect=True,
)
SERVER_CONNECTION_DRAIN_TIMEOUT: Final = Option(
    key="server.connection_drain_timeout",
    kind=Duration(),
    default=0.0,
    summary="How long transfers under way may go on after the signal to stop, within "
    "graceful_shutdown_timeout; resumable ones can be taken up again after that. 0 means as long "
    "as that allows. Without it as long as that allows.",
    example=120.0,
    in_effect=True,
)
SERVER_RESTART_GRACE_PERIOD: Final = Option(
    key="server.restart_grace_period",
    kind=Duration(),
    default=60.0,
    summary="How long after a start the uploads that were interrupted before keep their claim on "
    "name and quota. Without it 60 seconds.",
    example=300.0,
    reloadable=True,
    in_effect=True,
)
SERVER_CLEAN_UPON_EXIT: Final = Option(
    key="server.clean_upon_exit",
    kind=Switch(),
    default=False,
    summary="Whether unfinished uploads are thrown away at a stop. Without it they can be "
    "resumed after the next start.",
    example=True,
    reloadable=True,
    in_effect=True,
)
SERVER_PID_FILE: Final = Option(
    key="server.pid_file",
    kind=OptionalPath(),
    default=None,
    summary="A file that holds the number of the process while it runs. Without it none is "
    "written; systemd needs none.",
    example=pathlib.Path("/run/hmac-file-server/pid"),
    aliases=(Alias(Generation.V2_X, "server.pidfilepath"),),
    in_effect=True,
)
