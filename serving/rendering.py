"""A slate of the engine as JSON: the one shape of every answer (its documentation is `serving.schemas.SlateBody`)."""

from __future__ import annotations

from recommender.slate import Reason, Slate, SlateItem
from serving.clock import moment_json
from serving.live_catalogue import LiveCatalogue
from serving.shelves import pieces
from serving.shelves.ready import Ready


class Renderer:
    """Writes slates, with each item as it is now."""

    def __init__(self, catalogue: LiveCatalogue) -> None:
        self._catalogue = catalogue

    def slate(
        self, slate: Slate, ready: Ready, *, reasons: bool, degraded: str | None, withheld: str | None = None
    ) -> bytes:
        """Return the body of an answer."""
        return pieces.slate_body(
            b"".join(piece for item in slate.items for piece in self._item(item, ready, reasons=reasons)),
            slate_id=slate.slate_id.encode(),
            user_id=slate.user_id,
            placement=slate.placement,
            source=slate.source,
            version=ready.version,
            created_at=moment_json(slate.created_at),
            degraded=degraded,
            withheld=withheld,
        )

    def _item(self, placed: SlateItem, ready: Ready, *, reasons: bool) -> tuple[bytes, bytes, bytes]:
        index = ready.engine.model.items.index(placed.item_id)
        place = pieces.place_piece(placed.rank, float(placed.score))
        if not reasons:
            return ready.cutter.item(index), place, pieces.bare_piece(placed.source)
        return ready.cutter.item(index), place, self._reason(placed, placed.reason, ready)

    def _reason(self, placed: SlateItem, reason: Reason, ready: Ready) -> bytes:
        title = None
        if reason.item_id is not None:
            title = self._catalogue.item(reason.item_id, ready.engine.model).item.title
        return pieces.reason_piece(
            placed.source, reason.code, item_id=reason.item_id, item_title=title, due=reason.due_on
        )
