"""Several questions at once: the shelves of a page, or one shelf for each recipient of a mailing."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import replace

import orjson

from serving.questions import Question
from serving.service import Service
from serving.shelves.counter import Reply


async def answer_all(service: Service, questions: Sequence[Question], *, distinct: bool) -> list[Reply]:
    """Answer in order, by one model, reading each user once and all of them in one round trip.

    With `distinct`, no item is on two shelves of one user, nor on two of nobody: the earlier one keeps it.

    Raises
    ------
    Problem
        As `Service.reply`.
    """
    here = await service.having_read(name for question in questions for name in (question.guest, question.visitor))
    shown: dict[str | None, tuple[str, ...]] = {}
    replies = []
    for question in questions:
        seen = shown.get(question.visitor, ())
        reply = await here.reply(replace(question, exclude=(*question.exclude, *seen)))
        replies.append(reply)
        # Other requests get their turn between two shelves.
        await asyncio.sleep(0)
        if distinct:
            shown[question.visitor] = (*seen, *(item["item_id"] for item in orjson.loads(reply.body)["items"]))
    return replies
