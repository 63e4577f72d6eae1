"""Installs the package, the script ``hmac-file-server`` and the twistd plugin ``hmacfs``."""

from __future__ import annotations

import pathlib
import re

from setuptools import find_packages, setup

HERE = pathlib.Path(__file__).parent


def version() -> str:
    """Return the version that hmacfs/base/version.py states, without importing the package."""
    text = (HERE / "hmacfs/base/version.py").read_text(encoding="utf-8")
    found = re.search(r'^VERSION: Final = "([^"]+)"$', text, re.MULTILINE)
    if found is None:
        raise ValueError("hmacfs/base/version.py states no VERSION")
    return found.group(1)


def requirements() -> list[str]:
    """Return the run-time requirements, which the lock is made from too."""
    lines = (HERE / "requirements/run.in").read_text(encoding="utf-8").splitlines()
    return [line for line in lines if line and not line.startswith("#")]


setup(
    name="hmacfs",
    version=version(),
    description="HMAC File Server: stores and serves the files that an XMPP server signed for",
    license="MIT",
    license_files=["LICENSE"],
    author="the hmacfs authors",
    python_requires=">=3.11",
    # twisted.plugins is Twisted's own package, which our file joins: an __init__.py of ours beside
    # it would hide Twisted itself.
    packages=[*find_packages(include=["hmacfs", "hmacfs.*"]), "twisted.plugins"],
    package_data={"hmacfs": ["py.typed", "**/*.sql", "**/*.html", "**/*.json"]},
    install_requires=requirements(),
    entry_points={"console_scripts": ["hmac-file-server = hmacfs.cli.main:main"]},
    zip_safe=False,
    classifiers=[
        "Development Status :: 4 - Beta",
        "Environment :: No Input/Output (Daemon)",
        "Framework :: Twisted",
        "Operating System :: POSIX :: Linux",
        "Programming Language :: Python :: 3 :: Only",
        "Programming Language :: Python :: 3.11",
        "Topic :: Communications :: File Sharing",
        "Typing :: Typed",
    ],
)
