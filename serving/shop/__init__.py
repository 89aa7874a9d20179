"""The demo shop: a small grocer's around the engine, in which every shelf and every effect can be seen.

Its pages are rendered here and work without JavaScript; the widget puts the shelves into them, as into any shop's
pages. What a visitor does goes straight into the event log, and their next slate reflects it. It sells nothing.

It shows what people bought and lets everybody sign in as anybody, so it is off unless the settings want it, answers
to this machine alone unless they say otherwise, and is shut as soon as the API asks for keys (`serving.shop.door`).
"""

from __future__ import annotations
