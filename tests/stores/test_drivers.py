"""Tests of what the drivers make of errors; with real servers they are tried in tests/real."""

from __future__ import annotations

import psycopg
import pymysql
from pymysql.constants import CR, ER
from twisted.trial.unittest import SynchronousTestCase

from hmacfs.stores.drivers import Driver
from hmacfs.stores.mysql import INACTIVE, KILLED, Mysql
from hmacfs.stores.postgresql import Postgresql


class LostTests(SynchronousTestCase):
    """After which errors a connection is made anew."""

    def lost(self, driver: Driver, error: Exception) -> bool:
        """Tell whether that is so."""
        failure = driver.failure(error)
        assert failure is not None
        return failure.lost

    def test_postgresql(self) -> None:
        """PostgreSQL has ended it, is a copy by now, or says nothing; else it is kept."""
        codes = ["57P01", "57P02", "57P05", "25P03", "08006", "25006"]
        for error in (*(psycopg.errors.lookup(code) for code in codes), psycopg.OperationalError):
            self.assertTrue(self.lost(Postgresql(), error("why")), error)
        for code in ("42501", "53100", "40P01", "23505"):
            self.assertFalse(self.lost(Postgresql(), psycopg.errors.lookup(code)("why")), code)

    def test_mysql(self) -> None:
        """MySQL has ended it, or is a copy by now; else it is kept."""
        ended = (CR.CR_SERVER_LOST, ER.SERVER_SHUTDOWN, KILLED, INACTIVE)
        for code in (*ended, ER.OPTION_PREVENTS_STATEMENT):
            error = pymysql.OperationalError(code, "why")
            self.assertTrue(self.lost(Mysql(), error), code)
        for code in (ER.DISK_FULL, ER.LOCK_DEADLOCK, ER.TABLEACCESS_DENIED_ERROR):
            error = pymysql.OperationalError(code, "why")
            self.assertFalse(self.lost(Mysql(), error), code)
