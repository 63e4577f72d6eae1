"""
What may become of a session, as a state machine.

:data:`TRANSITIONS` is the whole of it; ``docs/operate-sessions.rst`` draws the same.
"""

from __future__ import annotations

import enum
from typing import Final, Protocol

from attrs import define
from automat import NoTransition, TypeMachineBuilder


class State(enum.Enum):
    """Where a session stands (decisions: V3 and sessions)."""

    OPEN = "open"
    COMPLETE = "complete"
    STORED = "stored"
    FAILED = "failed"
    CANCELLED = "cancelled"
    EXPIRED = "expired"

    @property
    def takes_bytes(self) -> bool:
        """Tell whether bytes are kept for it."""
        return self in (State.OPEN, State.COMPLETE)


class Course(Protocol):
    """What happens to a session."""

    def fill(self) -> None:
        """The last byte has come."""

    def publish(self) -> None:
        """Its bytes have become a stored file."""

    def fail(self) -> None:
        """Its bytes are refused for good."""

    def cancel(self) -> None:
        """Its client wants it no more."""

    def expire(self) -> None:
        """Nobody came back for it in time."""


TRANSITIONS: Final = (
    (State.OPEN, Course.fill, State.COMPLETE),
    (State.OPEN, Course.fail, State.FAILED),
    (State.OPEN, Course.cancel, State.CANCELLED),
    (State.OPEN, Course.expire, State.EXPIRED),
    (State.COMPLETE, Course.publish, State.STORED),
    (State.COMPLETE, Course.fail, State.FAILED),
    (State.COMPLETE, Course.cancel, State.CANCELLED),
    (State.COMPLETE, Course.expire, State.EXPIRED),
)
"""From which state what leads to which; nothing else can happen."""

_WAYS: Final[dict[State, tuple[str, ...]]] = {
    State.OPEN: (),
    State.COMPLETE: ("fill",),
    State.STORED: ("fill", "publish"),
    State.FAILED: ("fail",),
    State.CANCELLED: ("cancel",),
    State.EXPIRED: ("expire",),
}


@define
class _Place:
    state: State = State.OPEN


def _build() -> TypeMachineBuilder[Course, _Place]:
    builder: TypeMachineBuilder[Course, _Place] = TypeMachineBuilder(Course, _Place)
    states = {state: builder.state(state.value) for state in State}
    for before, what, after in TRANSITIONS:

        def move(course: Course, place: _Place, after: State = after) -> None:
            place.state = after

        states[before].upon(what).to(states[after])(move)
    return builder


_MACHINE: Final = _build().build()


def after(state: State, what: str) -> State:
    """
    Tell where a session stands after ``what``, the name of a method of :class:`Course`.

    :raises ValueError: if that cannot happen to a session that stands there.
    """
    place = _Place()
    course = _MACHINE(place)
    # A session that rested on the disk is led to where it was.
    for step in (*_WAYS[state], what):
        try:
            getattr(course, step)()
        except NoTransition as error:
            raise ValueError(f"{what} cannot happen to a session that is {state.value}") from error
    return place.state
