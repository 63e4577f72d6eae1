"""Settings become what is measured of connections."""

from __future__ import annotations

from typing import Final

from hmacfs.config import options
from hmacfs.config.option import Option
from hmacfs.config.settings import Settings, Source
from hmacfs.netwatch.measuring import Measures
from hmacfs.netwatch.quality import Thresholds
from hmacfs.netwatch.ranking import Preferences

LIVES: Final = 3
"""Questions that a client may leave unanswered; of mobile networks twice as many."""

MOBILE: Final = {
    options.NETWORK_RESILIENCE_RTT_WARNING_THRESHOLD: 0.5,
    options.NETWORK_RESILIENCE_RTT_CRITICAL_THRESHOLD: 3.0,
    options.NETWORK_RESILIENCE_PACKET_LOSS_WARNING_THRESHOLD: 5.0,
    options.NETWORK_RESILIENCE_PACKET_LOSS_CRITICAL_THRESHOLD: 20.0,
}
"""The thresholds of mobile networks, where none are given."""


def preferences(settings: Settings) -> Preferences | None:
    """Tell what makes an interface good, if they are told apart."""
    is_watched = settings[options.SERVER_NETWORKEVENTS]
    if not is_watched or not settings[options.NETWORK_RESILIENCE_MULTI_INTERFACE_ENABLED]:
        return None
    return Preferences(
        settings[options.NETWORK_RESILIENCE_INTERFACE_PRIORITY],
        settings[options.NETWORK_RESILIENCE_AUTO_SWITCH_ENABLED],
        settings[options.NETWORK_RESILIENCE_INTERFACE_STABILITY_TIME],
        settings[options.NETWORK_RESILIENCE_QUALITY_DEGRADATION_THRESHOLD],
        settings[options.NETWORK_RESILIENCE_MAX_SWITCH_ATTEMPTS],
    )


def measures(settings: Settings) -> Measures | None:
    """Tell what is measured, if anything is."""
    tells = settings[options.NETWORK_RESILIENCE_QUALITY_MONITORING]
    gives_up = settings[options.NETWORK_RESILIENCE_PREDICTIVE_SWITCHING]
    if not settings[options.SERVER_NETWORKEVENTS] or not (tells or gives_up):
        return None
    is_mobile = settings[options.NETWORK_RESILIENCE_MOBILE_OPTIMIZATIONS]

    def threshold(option: Option[float]) -> float:
        is_given = settings.origin(option).source is not Source.DEFAULT
        return MOBILE[option] if is_mobile and not is_given else settings[option]

    return Measures(
        settings[options.NETWORK_RESILIENCE_QUALITY_CHECK_INTERVAL],
        tells,
        settings[options.NETWORK_RESILIENCE_MULTI_INTERFACE_ENABLED],
        Thresholds(
            threshold(options.NETWORK_RESILIENCE_RTT_WARNING_THRESHOLD),
            threshold(options.NETWORK_RESILIENCE_RTT_CRITICAL_THRESHOLD),
            threshold(options.NETWORK_RESILIENCE_PACKET_LOSS_WARNING_THRESHOLD) / 100,
            threshold(options.NETWORK_RESILIENCE_PACKET_LOSS_CRITICAL_THRESHOLD) / 100,
        ),
        (2 * LIVES if is_mobile else LIVES) if gives_up else 0,
    )
