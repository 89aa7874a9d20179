"""The examples of docs/api.md: each command is answered, and each answer has the fields and types of the real one.

Ids, versions and scores belong to the demo's model and are not compared. Where the page says `…`, something is left
out: a value, or the rest of an object's fields.
"""

from __future__ import annotations

import json
import re
import shlex
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import anyio
import httpx
import pytest

from recommender.artifact import save_artifact
from serving.app import create_app
from serving.settings import AppSettings, RedisSettings
from serving.stores.memory import MemoryStores
from tests.models import PROVENANCE, shop_model
from tests.pages import text_of

Json = dict[str, Any]

DOCUMENT: Json = create_app(AppSettings(redis=RedisSettings(url="redis://localhost"))).openapi()
LEFT_OUT = "…"
TYPES: dict[str, tuple[type, ...]] = {
    "object": (dict,),
    "array": (list,),
    "string": (str,),
    "boolean": (bool,),
    "integer": (int,),
    "number": (int, float),
    "null": (type(None),),
}
EXAMPLE = re.compile(r"^```console\n([^`]*)^```\n(?:(?:(?!```|## ).*\n)*^```json\n([^`]*)^```\n)?", re.MULTILINE)
"""A block of commands, and the first block of answers behind it under the same heading."""


@dataclass(frozen=True, slots=True)
class Asked:
    """One `curl` of the page."""

    method: str
    address: str
    headers: tuple[tuple[str, str], ...]
    body: str | None
    shown: Any
    """The answer as the page has it; None if it has none."""

    @property
    def operation(self) -> Json:
        """What the OpenAPI document says of it."""
        path = self.address.partition("?")[0]
        for template, methods in DOCUMENT["paths"].items():
            if re.fullmatch(re.sub(r"\{\w+\}", "[^/]+", template), path) and self.method.lower() in methods:
                found: Json = methods[self.method.lower()]
                return found
        raise AssertionError(f"{self.method} {path}: the OpenAPI document has no such operation")

    @property
    def status(self) -> str:
        """The status that is to be expected."""
        is_problem = isinstance(self.shown, dict) and "detail" in self.shown
        return str(self.shown["status"]) if is_problem else next(code for code in self.operation["responses"])

    @property
    def schema(self) -> Json | None:
        """What the answer's body looks like; None if it is no JSON."""
        content = self.operation["responses"][self.status].get("content", {})
        found = [told["schema"] for media_type, told in content.items() if media_type.endswith("json")]
        return found[0] if found else None


def asked(line: str, shown: Any = None) -> Asked:
    """Read a command as `curl` does."""
    words, headers, method, body, address = shlex.split(line)[1:], [], None, None, ""
    while words:
        word = words.pop(0)
        if word == "-H":
            name, _, value = words.pop(0).partition(":")
            headers.append((name, value.strip()))
        elif word == "-X":
            method = words.pop(0)
        elif word == "-d":
            body = words.pop(0)
        else:
            address = word.removeprefix("http://127.0.0.1:8000")
    return Asked(method or ("GET" if body is None else "POST"), address, tuple(headers), body, shown)


def documents(text: str) -> Iterator[Any]:
    """Read one JSON document after the other."""
    decoder = json.JSONDecoder()
    while text := text.strip():
        document, end = decoder.raw_decode(text)
        yield document
        text = text[end:]


def examples() -> Iterator[Asked]:
    """Every command of the page that needs no key; what is shown behind several answers the last of them, in order."""
    for commands, answers in EXAMPLE.findall(text_of("docs/api.md")):
        lines = [line for line in commands.splitlines() if line.startswith("curl") and LEFT_OUT not in line]
        shown, speaking = list(documents(answers)), [line for line in lines if asked(line).schema is not None]
        assert len(shown) <= len(speaking), commands
        silent = len(speaking) - len(shown)
        found = dict(zip(speaking[silent:], shown, strict=True))
        yield from (asked(line, found.get(line)) for line in lines)


EXAMPLES = tuple(examples())


def differences(value: Any, schema: Json, where: str = "") -> Iterator[str]:
    """Say in what a value is not as the OpenAPI document has it."""
    if value == LEFT_OUT:
        return
    if "$ref" in schema:
        schema = DOCUMENT["components"]["schemas"][schema["$ref"].rpartition("/")[2]]
    if "anyOf" in schema:
        found = [list(differences(value, choice, where)) for choice in schema["anyOf"]]
        yield from min(found, key=len)
        return
    kinds = TYPES[schema["type"]] if "type" in schema else (object,)
    if not isinstance(value, kinds) or (isinstance(value, bool) and bool not in kinds and object not in kinds):
        yield f"{where}: {value!r} is no {schema['type']}"
    elif value not in schema.get("enum", [value]):
        yield f"{where}: {value!r} is none of {schema['enum']}"
    elif isinstance(value, dict) and "properties" in schema:
        yield from _differences_of_fields(value, schema, where)
    elif isinstance(value, list):
        for number, each in enumerate(value):
            yield from differences(each, schema["items"], f"{where}[{number}]")


def _differences_of_fields(value: Json, schema: Json, where: str) -> Iterator[str]:
    fields = schema["properties"]
    yield from (f"{where}: there is no {name!r}" for name in value if name not in fields and name != LEFT_OUT)
    if LEFT_OUT not in value:
        yield from (f"{where}: {name!r} is missing" for name in schema.get("required", ()) if name not in value)
    for name in value.keys() & fields.keys():
        yield from differences(value[name], fields[name], f"{where}.{name}")


def name_of(example: Asked) -> str:
    """How a test calls it."""
    return f"{example.method} {example.address}"


@pytest.mark.parametrize("example", [each for each in EXAMPLES if each.shown is not None], ids=name_of)
def test_answers_on_the_page_have_the_real_shape(example: Asked) -> None:
    """No field that there is not, none missing, and each of the right type."""
    assert example.schema is not None
    assert list(differences(example.shown, example.schema)) == []


def test_every_json_answer_is_shown() -> None:
    """Whatever answers with JSON has an example with its answer, health under `/v1` apart."""
    shown = {example.operation["operationId"] for example in EXAMPLES if example.shown is not None}
    speaking = {
        operation["operationId"]
        for path, methods in DOCUMENT["paths"].items()
        for operation in methods.values()
        if "application/json" in next(iter(operation["responses"].values())).get("content", {})
        and not path.startswith("/v1/healthz")
    }
    assert speaking - shown == set()


def test_a_wrong_example_is_noticed() -> None:
    """A field that is gone, one that is new, a wrong type and a wrong word each count; what is left out does not."""
    schema = {"$ref": "#/components/schemas/SlateBody"}
    example = next(each for each in EXAMPLES if each.shown and "slate_id" in each.shown)
    for change in ({"degraded": "no"}, {"placement": "roof"}, {"shelf": 1}, {"items": [{"rank": "1", LEFT_OUT: ""}]}):
        assert len(list(differences(example.shown | change, schema))) == 1, change
    short = {name: value for name, value in example.shown.items() if name != "user_id"}
    assert list(differences(short, schema)) == [": 'user_id' is missing"]
    assert list(differences(short | {LEFT_OUT: LEFT_OUT}, schema)) == []


async def answers(folder: Path) -> list[tuple[str, str, str, list[str]]]:
    """Ask a small shop everything that the page asks; return each status beside the documented one."""
    settings = AppSettings(data_dir=folder)
    version = save_artifact(shop_model(), PROVENANCE, settings.artifacts_dir).version
    (settings.artifacts_dir / "CURRENT").write_text(version, encoding="utf-8")
    app = create_app(settings, store=MemoryStores())
    found = []
    async with (
        app.router.lifespan_context(app),
        httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://shop.example") as client,
    ):
        for each in EXAMPLES:
            got = await client.request(each.method, each.address, headers=list(each.headers), content=each.body)
            wrong = [] if each.schema is None else list(differences(got.json(), each.schema))
            found.append((name_of(each), str(got.status_code), each.status, wrong))
    return found


def test_every_command_on_the_page_is_answered(tmp_path: Path) -> None:
    """Sent to a small shop as they stand, all have the status that is documented, and a body of that shape."""
    found = anyio.run(answers, tmp_path)
    assert len(found) > 15
    assert [row for row in found if row[1] != row[2] or row[3]] == []
