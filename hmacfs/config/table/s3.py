"""Where bytes are shared: a bucket that speaks S3."""

from __future__ import annotations

import pathlib
from typing import Final

from hmacfs.config.kinds import OptionalPath, Switch, Text
from hmacfs.config.network import OptionalURL
from hmacfs.config.option import Generation, Option
from hmacfs.config.secrets import Password

S3_ENABLED: Final = Option(
    key="s3.enabled",
    since=Generation.V4,
    kind=Switch(),
    default=False,
    summary="Whether files are stored in a bucket that speaks S3. Without it they lie in "
    "storage_path.",
    example=True,
)
S3_ENDPOINT: Final = Option(
    key="s3.endpoint",
    since=Generation.V4,
    kind=OptionalURL(),
    default="",
    summary="The URL of the S3 service. Without it that of AWS for the region.",
    example="https://s3.example.org",
)
S3_REGION: Final = Option(
    key="s3.region",
    since=Generation.V4,
    kind=Text(noun="name of a region"),
    default="us-east-1",
    summary="The region of the bucket. Without it us-east-1.",
    example="eu-central-1",
)
S3_BUCKET: Final = Option(
    key="s3.bucket",
    since=Generation.V4,
    kind=Text(noun="name of a bucket"),
    default="",
    summary="The bucket of the files.",
    example="uploads",
)
S3_ACCESS_KEY: Final = Option(
    key="s3.access_key",
    since=Generation.V4,
    kind=Text(noun="name of an access key"),
    default="",
    summary="The name of the access key. Without it the surroundings are asked, as AWS tools do.",
    example="AKIAEXAMPLE",
)
S3_SECRET_KEY: Final = Option(
    key="s3.secret_key",
    since=Generation.V4,
    kind=Password(),
    default="",
    summary="The secret of the access key.",
    example="",
    secret=True,
)
S3_CA_FILE: Final = Option(
    key="s3.ca_file",
    since=Generation.V4,
    kind=OptionalPath(),
    default=None,
    summary="Who may vouch for the certificate of the service, in PEM. Without it whom the "
    "system trusts.",
    example=pathlib.Path("/etc/ssl/s3-ca.pem"),
)
