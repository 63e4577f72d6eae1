"""The stores in a database server, which several hosts may share."""

from __future__ import annotations

from twisted.internet.interfaces import IReactorFromThreads, IReactorTime

from hmacfs.stores.drivers import Driver
from hmacfs.stores.pair import Deadline, Pair
from hmacfs.stores.places import Place
from hmacfs.stores.server import ServerReader, ServerWriter
from hmacfs.stores.survey import SqlSurvey
from hmacfs.stores.threads import BatchThread


def server_pair(
    driver: Driver,
    place: Place,
    reactor: IReactorFromThreads,
    clock: IReactorTime,
    patience: float,
    name: str,
) -> Pair:
    """
    Make the threads of a store in a database server.

    :param patience: seconds after which a server that does not answer has failed; its
        connections are then broken, which frees the threads.
    :param name: what is stored, for the names of the threads.
    """
    writer = ServerWriter(driver, place, patience)
    reader = ServerReader(driver, place, patience)

    def interrupt() -> None:
        writer.interrupt()
        reader.interrupt()

    def write() -> ServerWriter:
        writer.open()
        return writer

    def read() -> ServerReader:
        reader.open()
        return reader

    return Pair(
        BatchThread(reactor, f"{name} writer", write),
        BatchThread(reactor, f"{name} reader", read),
        Deadline(clock, patience, interrupt, f"{driver.name} at {place}"),
    )


def server_survey(
    driver: Driver,
    place: Place,
    reactor: IReactorFromThreads,
    clock: IReactorTime,
    patience: float,
) -> SqlSurvey:
    """Make what surveys an index in a database server; see :func:`server_pair`."""
    reader = ServerReader(driver, place, patience)

    def read() -> ServerReader:
        reader.open()
        return reader

    deadline = Deadline(clock, patience, reader.interrupt, f"{driver.name} at {place}")
    return SqlSurvey(BatchThread(reactor, "survey", read), deadline)
