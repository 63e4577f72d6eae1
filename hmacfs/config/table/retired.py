"""Keys of old files that have no meaning here: they load, and a warning says why."""

from __future__ import annotations

from typing import Final

from attrs import frozen


@frozen
class Retired:
    """
    A key, or with ``.*`` at its end a whole section, that does nothing.

    :ivar spelling: as in :class:`~hmacfs.config.option.Alias`.
    :ivar reason: one clause that says why.
    """

    spelling: str
    reason: str


_TUNED = "this server has nothing to tune there"
_INTERNAL = "its place is inside of storage_path"
_NOTE = "it was a note of the old server for itself"
_EXACT = "a signature is good for its own time and no longer"
_LOGGED = "what is logged depends on level alone"
_MEASURED = "metrics have one switch, metrics_enabled"
_MODULE = "the XMPP server decides it"
_ONE_COUNT = "every listener is limited by [rate_limit]"
_ONE_HOST = "an unfinished upload rests on the host that has its bytes"
_BY_SESSION = "an upload is always known by its session"
_KEPT = "unfinished uploads are kept for as long as sessiontimeout says"
_REDIS = "Redis is described in [redis]"

RETIRED: Final = (
    Retired("build.*", _NOTE),
    Retired("file.*", _NOTE),
    Retired("performance.*", _TUNED),
    Retired("streaming.*", _TUNED),
    Retired("network_interfaces.*", _TUNED),
    Retired("handoff.*", _TUNED),
    Retired("client_optimization.*", _TUNED),
    Retired("client_optimizations.*", _TUNED),
    Retired("monitoring.*", _MEASURED),
    Retired("experimental.*", _TUNED),
    Retired("ejabberd.*", _MODULE),
    Retired("admin.rate_limit.*", _ONE_COUNT),
    Retired("metadata.enabled", "what is known of files always is in the index"),
    Retired("metadata.purge_age", "what is known of a file goes with it"),
    Retired("server.temppath", _INTERNAL),
    Retired("server.client_multi_interface", _BY_SESSION),
    Retired("VersioningDirectory", _INTERNAL),
    Retired("BufferEnabled", _TUNED),
    Retired("session_store.backend", _ONE_HOST),
    Retired("session_store.redis_url", _REDIS),
    Retired("session_store.max_token_refreshes", _EXACT),
    Retired("session_store.session_recovery_enabled", "sessions always survive"),
    Retired("session_store.upload_resumption_enabled", "see resumable_uploads_enabled"),
    Retired("security.bearer_tokens_enabled", "see schemes"),
    Retired("security.hmac_enabled", "see schemes"),
    Retired("security.token_grace_period", _EXACT),
    Retired("security.mobile_grace_period", _EXACT),
    Retired("security.standby_grace_period", _EXACT),
    Retired("security.ultra_max_grace", _EXACT),
    Retired("uploads.detect_duplicate_uploads", "equal uploads are always recognised"),
    Retired("uploads.merge_duplicate_sessions", "equal uploads are always recognised"),
    Retired("uploads.upload_timeout", "see readtimeout and min_upload_rate"),
    Retired("uploads.network_change_grace_period", "see client_reconnect_window"),
    Retired("uploads.min_chunk_size", _TUNED),
    Retired("uploads.max_chunk_size", _TUNED),
    Retired("uploads.chunk_adaptation_algorithm", _TUNED),
    Retired("uploads.concurrent_chunk_uploads", _TUNED),
    Retired("uploads.upload_acceleration", _TUNED),
    Retired("uploads.network_aware_chunking", "see adapt_to_client_network"),
    Retired("uploads.adaptive_compression", _TUNED),
    Retired("uploads.compression_threshold", _TUNED),
    Retired("downloads.max_file_size", "what could be uploaded can be downloaded"),
    Retired("downloads.range_requests", "see resumable_downloads_enabled"),
    Retired("downloads.range_request_optimization", _TUNED),
    Retired("downloads.connection_multiplexing", _TUNED),
    Retired("downloads.bandwidth_estimation", _TUNED),
    Retired("downloads.quality_adaptation", _TUNED),
    Retired("downloads.progressive_download", _TUNED),
    Retired("downloads.adaptive_download_chunks", _TUNED),
    Retired("downloads.adaptive_chunk_sizing", _TUNED),
    Retired("downloads.connection_aware_buffering", _TUNED),
    Retired("downloads.cache_control_headers", "they are always sent"),
    Retired("downloads.etag_support", "see enable_get_retries"),
    Retired("downloads.last_modified_support", "see enable_get_retries"),
    Retired("timeouts.handshake_timeout", "see header_timeout"),
    Retired("timeouts.adaptive_timeouts", _TUNED),
    Retired("timeouts.min_timeout", _TUNED),
    Retired("timeouts.max_timeout", _TUNED),
    Retired("timeouts.timeout_adaptation_factor", _TUNED),
    Retired("deduplication.algorithm", "it is always SHA-256"),
    Retired("deduplication.cleanup_interval", "bytes go with the last name that needs them"),
    Retired("validation.max_peek_size", "as many bytes are read as the formats need"),
    Retired("admin.auth.password_hash", "see password_file"),
    Retired("logging.log_network_events", _LOGGED),
    Retired("logging.log_upload_sessions", _LOGGED),
    Retired("logging.log_token_refresh", _LOGGED),
    Retired("logging.log_ip_changes", _LOGGED),
    Retired("logging.log_session_recovery", _LOGGED),
    Retired("logging.log_auth_failures", _LOGGED),
    Retired("logging.log_token_validation", _LOGGED),
    Retired("metrics.expose_network_metrics", _MEASURED),
    Retired("metrics.track_session_recovery", _MEASURED),
    Retired("metrics.track_network_switches", _MEASURED),
    Retired("metrics.expose_upload_metrics", _MEASURED),
    Retired("metrics.track_network_changes", _MEASURED),
    Retired("uploads.upload_pause_timeout", _KEPT),
    Retired("network_resilience.upload_resilience", _KEPT),
    Retired("network_resilience.upload_pause_timeout", _KEPT),
    Retired(
        "network_resilience.upload_retry_timeout",
        "the signature that began an upload holds for it to its end",
    ),
    Retired("network_resilience.session_migration_timeout", _KEPT),
    Retired("client_network.session_migration_timeout", _KEPT),
    Retired("client_network_support.session_migration_timeout", _KEPT),
    Retired("network_resilience.session_based_tracking", _BY_SESSION),
    Retired("client_network.session_based_tracking", _BY_SESSION),
    Retired("client_network_support.session_based_tracking", _BY_SESSION),
    Retired("network_resilience.stability_minimum", "see interface_stability_time"),
    Retired("network_resilience.mobile_buffer_size", _TUNED),
    Retired("network_resilience.mobile_chunk_size", "see adapt_to_client_network"),
    Retired("network_resilience.mobile_retry_multiplier", _TUNED),
    Retired("network_resilience.mobile_timeout_multiplier", _TUNED),
    Retired("network_resilience.client_connection_monitoring", "see quality_monitoring"),
    Retired("network_resilience.detect_client_network_changes", _BY_SESSION),
    Retired("network_resilience.handle_client_reconnections", _BY_SESSION),
    Retired("network_resilience.connection_quality_adaptation", _TUNED),
    Retired("network_resilience.client_reconnection_grace_period", "see client_reconnect_window"),
    Retired("network_resilience.max_reconnection_attempts", "see max_upload_retries"),
    Retired("network_resilience.reconnection_backoff_multiplier", _TUNED),
)
