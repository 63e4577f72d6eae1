"""Who may do how much: ``[bans]``, ``[rate_limit]``, ``[quotas]``, ``[admin]``."""

from __future__ import annotations

from typing import Final

from hmacfs.config.kinds import Choice, Duration, Size, Switch, Text, Whole
from hmacfs.config.lists import SizeTable, TextList
from hmacfs.config.network import NETWORKS, Address, OptionalAddress
from hmacfs.config.option import Alias, Combine, Generation, Option
from hmacfs.config.secrets import Secret

GB: Final = 1024**3

BANS_ENABLED: Final = Option(
    key="bans.enabled",
    since=Generation.V4,
    kind=Switch(),
    default=True,
    summary="Whether addresses of which many credentials are refused are shut out for a while; "
    "never this machine and trusted proxies. Without it they are.",
    example=False,
    reloadable=True,
    in_effect=True,
)
BANS_BLOCK_AFTER_FAILS: Final = Option(
    key="bans.block_after_fails",
    since=Generation.V4,
    kind=Whole(1, 1_000_000),
    default=30,
    summary="How many requests with a wrong credential, or changes without one, lead to a ban "
    "when they come within the window. Without it 30.",
    example=5,
    aliases=(Alias(Generation.V1_0_5, "BlockAfterFails"),),
    reloadable=True,
    in_effect=True,
)
BANS_WINDOW: Final = Option(
    key="bans.window",
    since=Generation.V4,
    kind=Duration(1),
    default=600.0,
    summary="Over what time refused requests are counted. Without it 10 minutes.",
    example=3600.0,
    reloadable=True,
    in_effect=True,
)
BANS_DURATION: Final = Option(
    key="bans.duration",
    since=Generation.V4,
    kind=Duration(1),
    default=300.0,
    summary="How long a ban lasts. Without it 5 minutes. Of several names of this setting the "
    "longest time rules.",
    example=3600.0,
    aliases=(
        Alias(Generation.V1_0_5, "BlockDuration"),
        Alias(Generation.V1_0_5, "AutoBanTime", only_if="AutoUnban"),
    ),
    combine=Combine.LARGEST,
    reloadable=True,
    in_effect=True,
)
BANS_AUTO_UNBAN: Final = Option(
    key="bans.auto_unban",
    since=Generation.V4,
    kind=Switch(),
    default=True,
    summary="Whether AutoBanTime of old files counts beside BlockDuration. Without it it does "
    "where it is given with this switch.",
    example=False,
    aliases=(Alias(Generation.V1_0_5, "AutoUnban"),),
    in_effect=True,
)
RATE_LIMIT_ENABLED: Final = Option(
    key="rate_limit.enabled",
    kind=Switch(),
    default=False,
    summary="Whether the number of uploads that begin in a minute is limited. Without it it is "
    "not.",
    example=True,
    reloadable=True,
    in_effect=True,
)
RATE_LIMIT_REQUESTS_PER_MINUTE: Final = Option(
    key="rate_limit.requests_per_minute",
    kind=Whole(1, 1_000_000),
    default=60,
    summary="How many uploads a minute are taken in the long run. Without it 60.",
    example=10,
    reloadable=True,
    in_effect=True,
)
RATE_LIMIT_BURST_SIZE: Final = Option(
    key="rate_limit.burst_size",
    kind=Whole(1, 1_000_000),
    default=30,
    summary="How many uploads may come at once after a pause. Without it 30.",
    example=5,
    reloadable=True,
    in_effect=True,
)
RATE_LIMIT_BY_IP: Final = Option(
    key="rate_limit.by_ip",
    kind=Switch(),
    default=True,
    summary="Whether each client address is limited, of IPv6 each network of 64 bits. Without it "
    "it is.",
    example=False,
    reloadable=True,
    in_effect=True,
)
RATE_LIMIT_BY_JID: Final = Option(
    key="rate_limit.by_jid",
    kind=Switch(),
    default=True,
    summary="Whether each uploader is limited, where the signature tells who it is. Without it "
    "it is.",
    example=False,
    reloadable=True,
    in_effect=True,
)
RATE_LIMIT_CLEANUP_INTERVAL: Final = Option(
    key="rate_limit.cleanup_interval",
    kind=Duration(1),
    default=300.0,
    summary="How often counts that nobody needs any more are thrown away. Without it every 5 "
    "minutes.",
    example=60.0,
    in_effect=True,
)
RATE_LIMIT_WHITELISTED_IPS: Final = Option(
    key="rate_limit.whitelisted_ips",
    kind=NETWORKS,
    default=(),
    summary="Addresses and networks that are not limited. Without it none.",
    example=("192.0.2.0/24",),
    reloadable=True,
    in_effect=True,
)
RATE_LIMIT_WHITELISTED_JIDS: Final = Option(
    key="rate_limit.whitelisted_jids",
    kind=TextList("list of JIDs"),
    default=(),
    summary="Uploaders that are not limited. Without it none.",
    example=("admin@example.org",),
    reloadable=True,
    in_effect=True,
)
QUOTAS_ENABLED: Final = Option(
    key="quotas.enabled",
    kind=Switch(),
    default=False,
    summary="Whether the space of each uploader is limited. Without it it is not.",
    example=True,
    reloadable=True,
    in_effect=True,
)
QUOTAS_DEFAULT: Final = Option(
    key="quotas.default",
    kind=Size(),
    default=100 * 1024**2,
    summary="How much each uploader may store; 0 means any amount. Without it 100 MB.",
    example=GB,
    reloadable=True,
    in_effect=True,
)
QUOTAS_DAILY: Final = Option(
    key="quotas.daily",
    since=Generation.V4,
    kind=Size(),
    default=0,
    summary="How much each uploader may send in a day; 0 means any amount. Without it any amount.",
    example=GB,
    reloadable=True,
    in_effect=True,
)
QUOTAS_CUSTOM: Final = Option(
    key="quotas.custom",
    kind=SizeTable(),
    default=(),
    summary="How much single uploaders may store, in place of the default; 0 means any amount.",
    example=(("admin@example.org", 10 * GB),),
    reloadable=True,
    in_effect=True,
)
QUOTAS_POLICY: Final = Option(
    key="quotas.policy",
    since=Generation.V4,
    kind=Choice(("refuse", "drop_oldest")),
    default="refuse",
    summary="What happens to an upload over the quota: it is refused, or the uploader's oldest "
    "files are deleted for it. Without it it is refused.",
    example="drop_oldest",
    reloadable=True,
    in_effect=True,
)
QUOTAS_TRACKING: Final = Option(
    key="quotas.tracking",
    kind=Choice(("auto", "redis", "memory")),
    default="auto",
    summary="Where it is counted what each uploader sends in a day: with Redis for all servers "
    "that share it, or in the memory of this one until it is restarted. Without it in Redis where "
    "that is on, else in a file.",
    example="redis",
    in_effect=True,
)
ADMIN_ENABLED: Final = Option(
    key="admin.enabled",
    kind=Switch(),
    default=False,
    summary="Whether the interface for administrators is served. Without it it is not.",
    example=True,
    in_effect=True,
)
ADMIN_BIND: Final = Option(
    key="admin.bind",
    kind=OptionalAddress(),
    default=None,
    summary="Where the interface listens: an address, or a port, which is for this machine only. "
    "Without it on the listener of the metrics.",
    example=Address("127.0.0.1", 9091),
    in_effect=True,
)
ADMIN_PATH_PREFIX: Final = Option(
    key="admin.path_prefix",
    kind=Text(noun="path of a URL", pattern=r"/[A-Za-z0-9._~/-]*", expected='a path from "/"'),
    default="/admin",
    summary="The first part of the interface's URLs. Without it /admin.",
    example="/internal/admin",
    in_effect=True,
)
ADMIN_AUTH_TYPE: Final = Option(
    key="admin.auth.type",
    kind=Choice(("bearer", "basic")),
    default="bearer",
    summary="How administrators prove who they are. Without it by a token.",
    example="basic",
    in_effect=True,
)
ADMIN_AUTH_TOKEN: Final = Option(
    key="admin.auth.token",
    kind=Secret(),
    default="",
    summary="The token of administrators. Without it the interface cannot be enabled, unless its "
    "type is basic.",
    example="",
    reloadable=True,
    secret=True,
    in_effect=True,
)
ADMIN_AUTH_USERNAME: Final = Option(
    key="admin.auth.username",
    kind=Text(noun="name of a user"),
    default="admin",
    summary="The name of the administrator. Without it admin.",
    example="root",
    in_effect=True,
)
ADMIN_AUTH_PASSWORD: Final = Option(
    key="admin.auth.password",
    kind=Secret(),
    default="",
    summary="The password of the administrator, for the type basic.",
    example="",
    reloadable=True,
    secret=True,
    in_effect=True,
)
