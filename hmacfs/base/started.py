"""
What the process was started with.

Twisted's endpoints take out of the environment what systemd says of its sockets, as soon as they
are imported; this module is imported before anything that could do so.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from typing import Final

ENVIRON: Final[Mapping[str, str]] = dict(os.environ)
