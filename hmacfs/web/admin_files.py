"""``/files`` of the interface for administrators."""

from __future__ import annotations

from http import HTTPStatus

from attrs import frozen

from hmacfs.base.errors import NameRefused, Unknown
from hmacfs.base.names import StoredName
from hmacfs.library.inventory import Inventory
from hmacfs.web import admin_documents, private
from hmacfs.web import admin_questions as questions
from hmacfs.web.request import StreamingRequest

OWNER = "owner"


@frozen
class AdminFiles:
    """Lists files, tells what is known of one, and removes one."""

    inventory: Inventory

    async def list(self, request: StreamingRequest) -> None:
        """Tell a page of all files, or of those of an owner."""
        paging = questions.paging(request, "sort", OWNER)
        await self._list(request, paging, request.target.parameters.get(OWNER))

    async def list_of(self, request: StreamingRequest, name: str) -> None:
        """Tell a page of somebody's files."""
        await self._list(request, questions.paging(request, "sort"), name)

    async def show(self, request: StreamingRequest, name: str) -> None:
        """Tell what is known of a file."""
        questions.check_parameters(request)
        file = await self.inventory.find(_name(name))
        private.document(request, admin_documents.file(file))

    async def remove(self, request: StreamingRequest, name: str) -> None:
        """Remove a file."""
        questions.check_parameters(request)
        await self.inventory.take_down(_name(name))
        private.reply(request, HTTPStatus.NO_CONTENT, {})

    async def _list(
        self, request: StreamingRequest, paging: questions.Paging, owner: str | None
    ) -> None:
        order = questions.order(request)
        survey = self.inventory.survey
        files = await survey.listed(order, paging.offset, paging.limit, owner)
        total = await survey.count(owner)
        told = [admin_documents.file(file) for file in files]
        private.document(request, {"files": told, **paging.told(total)})


def _name(text: str) -> StoredName:
    try:
        return StoredName.parse(text.encode())
    except NameRefused:
        raise Unknown("there is no such file") from None
