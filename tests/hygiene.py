"""What no file of the repository may hold, looked for in its text.

Each check takes the path and the text of a file and returns sentences, one a fault. Words that the
checks look for are written in pieces, so that these files pass their own checks.
"""

from __future__ import annotations

import ast
import pathlib
import re
import subprocess
from collections.abc import Iterator
from typing import Final

LARGEST: Final = 512 * 1024

# Directories of the machines that the project is worked on, and of their users.
MACHINE_PATH: Final = re.compile(
    r"(?<![\w.~$}*/-])/(?:wo" + r"rk|fa" + r"rm|ro" + r"ot|Us" + r"ers)\b(?!\.)"
)
# Where packages come from is the business of the machine, which may have a mirror.
REGISTRY_HOST: Final = re.compile(
    r"\b(?:py" + r"pi\.(?:org|python\.org)|pythonho" + r"sted\.org|np" + r"mjs\.org|"
    r"(?:deb|security|snapshot|ftp)\.deb" + r"ian\.org)\b"
)
UNFINISHED: Final = re.compile(r"\b(?:TO" + r"DO|FIX" + r"ME|XX" + r"X|HA" + r"CK)\b")
# What is silenced has to be named, so that only that is.
SILENCED: Final = re.compile(r"#\s*(?:type:\s*ig" + r"nore(?!\[)|no" + r"qa(?!:\s*[A-Z]+\d))")


def tracked(root: pathlib.Path) -> list[pathlib.Path]:
    """Return the files that git keeps, or would keep, by their paths below the checkout."""
    # Whoever runs the tests need not own the checkout.
    git = ["git", "-c", f"safe.directory={root}"]
    listing = subprocess.run(
        [*git, "ls-files", "-z", "--cached", "--others", "--exclude-standard"],
        cwd=root,
        stdout=subprocess.PIPE,
        check=True,
    ).stdout
    paths = [pathlib.Path(name.decode()) for name in listing.split(b"\0") if name]
    return sorted({path for path in paths if (root / path).is_file()})


def text_of(path: pathlib.Path) -> str | None:
    """Return the text of a file; None for one that is not text."""
    content = path.read_bytes()
    if b"\0" in content:
        return None
    try:
        return content.decode("utf-8")
    except UnicodeDecodeError:
        return None


def matches(pattern: re.Pattern[str], what: str, path: pathlib.PurePath, text: str) -> list[str]:
    """Return a sentence for each line in which a pattern is found."""
    return [
        f"{path}:{number}: {what}: {found[0]}"
        for number, line in enumerate(text.splitlines(), 1)
        if (found := pattern.search(line))
    ]


def text_faults(path: pathlib.PurePath, text: str) -> list[str]:
    """Return what is wrong with a text of any kind."""
    return [
        *matches(MACHINE_PATH, "a path of one machine", path, text),
        *matches(REGISTRY_HOST, "the host of a package registry", path, text),
        *matches(UNFINISHED, "unfinished", path, text),
    ]


def python_faults(path: pathlib.PurePath, text: str) -> list[str]:
    """Return what is wrong with a Python source that the linter does not see."""
    faults = matches(SILENCED, "silences everything", path, text)
    if path.parts[0] == "tests":
        faults += [
            f"{path}:{test.lineno}: {test.name} states no rule in a docstring of one line"
            for test in tests_in(ast.parse(text, str(path)))
            if not (rule := ast.get_docstring(test)) or "\n" in rule
        ]
    return faults


def tests_in(tree: ast.Module) -> Iterator[ast.FunctionDef | ast.AsyncFunctionDef]:
    """Yield the test methods of a module."""
    for node in ast.walk(tree):
        if isinstance(node, ast.ClassDef):
            methods = [
                m for m in node.body if isinstance(m, ast.FunctionDef | ast.AsyncFunctionDef)
            ]
            yield from (method for method in methods if method.name.startswith("test_"))
