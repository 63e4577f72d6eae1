"""Ten requests bring chunks of one session beside each other, on real threads."""

from __future__ import annotations

import hashlib
import random
from pathlib import Path
from typing import cast

from twisted.internet import reactor as global_reactor
from twisted.internet.defer import gatherResults
from twisted.internet.interfaces import IReactorFromThreads
from twisted.trial.unittest import TestCase

from hmacfs.blobs.local import LocalBlobs
from hmacfs.blobs.local_unfinished import LocalUnfinished
from hmacfs.flow.pools import ThreadedPool
from hmacfs.ingest.intake import Intake
from hmacfs.rules.space import Space
from hmacfs.stores.memory import MemoryIndex
from hmacfs.uploads.session import Draft
from hmacfs.uploads.sessions import Sessions
from hmacfs.uploads.table import Table
from tests.blobs.samples import content, named
from tests.flow.awaiting import begun
from tests.ingest.bench import Delivery

reactor = cast(IReactorFromThreads, global_reactor)

SENDERS = 10
CHUNK = 300_000
PIECE = 7_000


class ParallelTests(TestCase):
    """Chunks beside each other."""

    async def test_parallel(self) -> None:
        """Each byte lands in its place, and the digest is that of the whole."""
        path = Path(self.mktemp())
        pool = ThreadedPool(reactor, "disk", 4)
        pool.start()
        self.addCleanup(pool.stop)
        blobs, unfinished = LocalBlobs(path, pool), LocalUnfinished(path, pool)
        await blobs.start()
        await unfinished.start()
        self.addCleanup(blobs.close)
        self.addCleanup(unfinished.close)
        size = SENDERS * CHUNK
        intake = Intake(
            blobs,
            MemoryIndex(),
            Space(blobs.free_bytes, 0, lambda: 0.0),
            pool,
            size,
            1.0,
            lambda: 1.0,
            lambda: 0.0,
        )
        data = random.Random(1).randbytes(size)
        sessions = Sessions(Table(unfinished, intake.events), intake)
        session = await sessions.create(Draft("test", named("a"), size, "text/plain", "v"))
        bodies = []
        sent = []
        for number in range(SENDERS):
            start = number * CHUNK
            pieces = [data[at : at + PIECE] for at in range(start, start + CHUNK, PIECE)]
            pieces[-1] = pieces[-1][: start + CHUNK - (start + (len(pieces) - 1) * PIECE)]
            body = Delivery(*pieces, held=True)
            bodies.append(body)
            sent.append(
                begun(sessions.append(session.id, start, body, size=CHUNK, sequential=False))
            )
        chance = random.Random(2)
        while not all(each.called for each in sent):
            ready = [body for body in bodies if body.ready]
            for _ in range(min(20, len(ready))):
                body = chance.choice(ready)
                if body.ready:
                    body.come()
            await pool.run(lambda: None)
        await gatherResults(sent)
        receipt = await sessions.finish(session.id)
        self.assertEqual(receipt.file.sha256, hashlib.sha256(data).digest())
        self.assertEqual(await content(blobs, named("a")), data)
