"""``/users`` of the interface for administrators."""

from __future__ import annotations

from attrs import frozen

from hmacfs.base.errors import Unknown
from hmacfs.library.inventory import Inventory
from hmacfs.rules.quota import Quotas
from hmacfs.web import admin_documents, private
from hmacfs.web import admin_questions as questions
from hmacfs.web.documents import Document
from hmacfs.web.request import StreamingRequest


@frozen
class AdminUsers:
    """Tells who has files, how many, and how many more there may be."""

    inventory: Inventory
    quotas: Quotas

    async def list(self, request: StreamingRequest) -> None:
        """Tell a page of those who have files."""
        paging = questions.paging(request)
        survey = self.inventory.survey
        found = await survey.uploaders(paging.offset, paging.limit)
        total = await survey.count_uploaders()
        users = [admin_documents.user(each) for each in found]
        private.document(request, {"users": users, **paging.told(total)})

    async def show(self, request: StreamingRequest, name: str) -> None:
        """Tell what somebody has."""
        questions.check_parameters(request)
        found = await self.inventory.survey.uploader(name)
        if found is None:
            raise Unknown("nobody of this name has files")
        document = {**admin_documents.user(found), "quota": await self._quota(name)}
        private.document(request, document)

    async def quota(self, request: StreamingRequest, name: str) -> None:
        """Tell what somebody may have, also if there are no files yet."""
        questions.check_parameters(request)
        private.document(request, {"jid": name, **await self._quota(name)})

    async def _quota(self, owner: str) -> Document:
        standing = await self.quotas.standing(owner)
        return {
            **admin_documents.size("used_bytes", standing.used),
            "limit_bytes": standing.limit,
            "custom": standing.is_custom,
            "sent_today_bytes": standing.today,
            "daily_limit_bytes": standing.daily,
        }
