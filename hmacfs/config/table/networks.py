"""Clients and servers whose network changes: ``[network_resilience]`` and its kin."""

from __future__ import annotations

from typing import Final

from hmacfs.config.kinds import Duration, Number, Switch, Whole
from hmacfs.config.lists import TextList
from hmacfs.config.option import Alias, Generation, Option

SERVER_NETWORKEVENTS: Final = Option(
    key="server.networkevents",
    since=Generation.V2_X,
    kind=Switch(),
    default=False,
    summary="Whether this machine's interfaces and addresses are watched, and what changes is "
    "logged, counted and acted on: connections to an address that is gone are ended at once, so "
    "that their uploads can go on from elsewhere, and an address to listen on that is not there "
    "is waited for. Without it they are not, and such an address is an error.",
    example=True,
    in_effect=True,
    aliases=(
        Alias(Generation.V2_X, "NetworkChangeMonitoring"),
        Alias(Generation.V3_2, "network_resilience.enabled"),
        Alias(Generation.V3_2, "uploads.networkevents"),
    ),
)
NETWORK_RESILIENCE_FAST_DETECTION: Final = Option(
    key="network_resilience.fast_detection",
    kind=Switch(),
    default=False,
    summary="Whether a change of the network is believed when it has lasted for one second, where "
    "detection_interval does not say how long. Without it 5 seconds.",
    example=True,
    in_effect=True,
)
NETWORK_RESILIENCE_QUALITY_MONITORING: Final = Option(
    key="network_resilience.quality_monitoring",
    kind=Switch(),
    default=False,
    summary="Whether round-trip times of connections, and losses of what is sent by them, are "
    "measured and told as metrics; networkevents has to be on. Without it they are not.",
    example=True,
    in_effect=True,
)
NETWORK_RESILIENCE_PREDICTIVE_SWITCHING: Final = Option(
    key="network_resilience.predictive_switching",
    kind=Switch(),
    default=False,
    summary="Whether silent clients are asked whether they are there (TCP keep-alive), and "
    "given up after 3 questions without an answer, quality_check_interval apart and at "
    "least a second, so that their uploads can go on by another network; networkevents has "
    "to be on. Without it a connection is given up after readtimeout or writetimeout.",
    example=True,
    in_effect=True,
)
NETWORK_RESILIENCE_MOBILE_OPTIMIZATIONS: Final = Option(
    key="network_resilience.mobile_optimizations",
    kind=Switch(),
    default=False,
    summary="Whether thresholds that are not given are those of mobile networks, 500 ms and 3 "
    "seconds, 5 and 20 percent, and silent clients are given up after twice as many "
    "questions. Without it they are not.",
    example=True,
    in_effect=True,
)
NETWORK_RESILIENCE_DETECTION_INTERVAL: Final = Option(
    key="network_resilience.detection_interval",
    kind=Duration(0.1),
    default=1.0,
    summary="How long a change of the network has to last to be believed: what has become what "
    "it was before, in this time, has not changed. Without it one second with fast_detection, and "
    "5 seconds without that.",
    example=0.5,
    in_effect=True,
    aliases=(Alias(Generation.V3_2, "network_resilience.switch_detection_interval"),),
)
NETWORK_RESILIENCE_QUALITY_CHECK_INTERVAL: Final = Option(
    key="network_resilience.quality_check_interval",
    kind=Duration(0.1),
    default=5.0,
    summary="How often connections are looked at with quality_monitoring or predictive_switching. "
    "Without it every 5 seconds.",
    example=2.0,
    in_effect=True,
)
NETWORK_RESILIENCE_MAX_DETECTION_INTERVAL: Final = Option(
    key="network_resilience.max_detection_interval",
    kind=Duration(0.1),
    default=10.0,
    summary="How seldom everything is looked at while nothing changes, should a message of the "
    "kernel have been lost; after a change that begins with detection_interval, and doubles. "
    "Without it every 10 seconds.",
    example=30.0,
    in_effect=True,
)
NETWORK_RESILIENCE_NETWORK_CHANGE_THRESHOLD: Final = Option(
    key="network_resilience.network_change_threshold",
    kind=Whole(1, 1000),
    default=1,
    summary="For how many times detection_interval a change has to last to be believed. Without "
    "it once.",
    example=3,
    in_effect=True,
)
NETWORK_RESILIENCE_INTERFACE_STABILITY_TIME: Final = Option(
    key="network_resilience.interface_stability_time",
    kind=Duration(),
    default=30.0,
    summary="How long an interface that came up has to be up to count as stable, and as better "
    "than one that is not. Without it 30 seconds.",
    example=10.0,
    in_effect=True,
)
NETWORK_RESILIENCE_RTT_WARNING_THRESHOLD: Final = Option(
    key="network_resilience.rtt_warning_threshold",
    kind=Duration(),
    default=0.2,
    summary="From which round-trip time a connection counts as poor. Without it 200 ms.",
    example=0.5,
    in_effect=True,
    aliases=(Alias(Generation.V3_2, "network_resilience.switch_threshold_latency"),),
)
NETWORK_RESILIENCE_RTT_CRITICAL_THRESHOLD: Final = Option(
    key="network_resilience.rtt_critical_threshold",
    kind=Duration(),
    default=1.0,
    summary="From which round-trip time a connection counts as bad. Without it one second.",
    example=2.0,
    in_effect=True,
)
NETWORK_RESILIENCE_PACKET_LOSS_WARNING_THRESHOLD: Final = Option(
    key="network_resilience.packet_loss_warning_threshold",
    kind=Number(0, 100),
    default=2.0,
    summary="From which loss, in percent, a connection counts as poor. Without it 2.",
    example=5.0,
    in_effect=True,
    aliases=(
        Alias(Generation.V3_2, "network_resilience.packet_loss_warning"),
        Alias(Generation.V3_2, "network_resilience.switch_threshold_packet_loss"),
    ),
)
NETWORK_RESILIENCE_PACKET_LOSS_CRITICAL_THRESHOLD: Final = Option(
    key="network_resilience.packet_loss_critical_threshold",
    kind=Number(0, 100),
    default=10.0,
    summary="From which loss, in percent, a connection counts as bad. Without it 10.",
    example=20.0,
    in_effect=True,
    aliases=(Alias(Generation.V3_2, "network_resilience.packet_loss_critical"),),
)
NETWORK_RESILIENCE_MULTI_INTERFACE_ENABLED: Final = Option(
    key="network_resilience.multi_interface_enabled",
    kind=Switch(),
    default=False,
    summary="Whether the quality is told of each interface by itself, and which interface is the "
    "best. Without it of all together.",
    example=True,
    in_effect=True,
)
NETWORK_RESILIENCE_INTERFACE_PRIORITY: Final = Option(
    key="network_resilience.interface_priority",
    kind=TextList("list of interfaces"),
    default=(),
    summary="Which interfaces count as better than all others, the best first. Without it cables "
    "before wireless networks before mobile ones, as their names tell.",
    example=("eth0", "wlan0"),
    in_effect=True,
)
NETWORK_RESILIENCE_AUTO_SWITCH_ENABLED: Final = Option(
    key="network_resilience.auto_switch_enabled",
    kind=Switch(),
    default=False,
    summary="Whether an interface most of whose connections are bad counts as worse than all "
    "others, whatever its priority. Without it it does not.",
    example=True,
    in_effect=True,
)
NETWORK_RESILIENCE_QUALITY_DEGRADATION_THRESHOLD: Final = Option(
    key="network_resilience.quality_degradation_threshold",
    kind=Number(0, 100),
    default=0.3,
    summary="By how much the share of good connections by an interface, of 1, has to fall to be "
    "logged; of poor ones half counts. Without it 0.3.",
    example=0.5,
    in_effect=True,
)
NETWORK_RESILIENCE_MAX_SWITCH_ATTEMPTS: Final = Option(
    key="network_resilience.max_switch_attempts",
    kind=Whole(0, 1000),
    default=3,
    summary="How often in a minute another interface may become the best; then the next has to "
    "wait. 0 means any number. Without it 3.",
    example=5,
    in_effect=True,
)
CLIENT_NETWORK_SUPPORT_ALLOW_IP_CHANGES: Final = Option(
    key="client_network_support.allow_ip_changes",
    kind=Switch(),
    default=True,
    summary="Whether an upload may be taken up from another address; in IPv6 the network of 64 "
    "bits counts as one. Without it it may.",
    example=False,
    reloadable=True,
    in_effect=True,
    aliases=(
        Alias(Generation.V3_2, "client_network.allow_ip_changes"),
        Alias(Generation.V3_2, "network_resilience.allow_ip_changes"),
        Alias(Generation.V3_2, "uploads.allow_ip_changes"),
    ),
)
CLIENT_NETWORK_SUPPORT_MAX_IP_CHANGES_PER_SESSION: Final = Option(
    key="client_network_support.max_ip_changes_per_session",
    kind=Whole(0, 1_000_000),
    default=0,
    summary="From how many other addresses one upload may be taken up; 0 means any number. "
    "Without it any number.",
    example=20,
    reloadable=True,
    in_effect=True,
    aliases=(
        Alias(Generation.V3_2, "client_network.max_ip_changes_per_session"),
        Alias(Generation.V3_2, "network_resilience.max_ip_changes_per_session"),
    ),
)
CLIENT_NETWORK_SUPPORT_CLIENT_CONNECTION_DETECTION: Final = Option(
    key="client_network_support.client_connection_detection",
    kind=Switch(),
    default=False,
    summary="Whether requests are counted by whether they come from mobile devices, as far as "
    "Sec-CH-UA-Mobile or User-Agent tell. Without it they are not.",
    example=True,
    reloadable=True,
    in_effect=True,
    aliases=(Alias(Generation.V3_2, "client_network.client_connection_detection"),),
)
CLIENT_NETWORK_SUPPORT_ADAPT_TO_CLIENT_NETWORK: Final = Option(
    key="client_network_support.adapt_to_client_network",
    kind=Switch(),
    default=False,
    summary="Whether mobile devices are proposed chunks of 256 KiB, where chunk_size is more. "
    "Without it every client is proposed chunk_size.",
    example=True,
    reloadable=True,
    in_effect=True,
    aliases=(Alias(Generation.V3_2, "client_network.adapt_to_client_network"),),
)
