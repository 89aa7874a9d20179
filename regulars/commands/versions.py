"""`regulars versions`: what was trained, and which of it is served."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

import typer

from regulars.commands.options import DEFAULT_CONFIG, AsJson, ConfigPath, Overrides, configuration, examples

if TYPE_CHECKING:
    from training.registry import Registry

app = typer.Typer(help="List the trained versions, or show one.", invoke_without_command=True)


@app.callback(epilog=examples("regulars versions", "regulars versions list --json", "regulars versions show"))
def versions(
    context: typer.Context, config: ConfigPath = DEFAULT_CONFIG, set_: Overrides = None, json: AsJson = False
) -> None:
    """List the trained versions, or show one."""
    if context.invoked_subcommand is None:
        list_versions(config, set_, json)
    elif given := [name for name in ("config", "set_", "json") if _is_given(context, name)]:
        option = f"--{given[0].rstrip('_')}"
        raise typer.BadParameter(f"write {option} behind {context.invoked_subcommand}, which it is meant for")


@app.command("list", epilog=examples("regulars versions list", "regulars versions list --json"))
def list_versions(config: ConfigPath = DEFAULT_CONFIG, set_: Overrides = None, json: AsJson = False) -> None:
    """List the trained versions, the latest last; an arrow points to the one that is served.

    A slanted arrow points to those that are served to variants of experiments.
    """
    from regulars.hints import hint
    from regulars.terminal import say, write
    from regulars.trained import registry_of

    registry = registry_of(configuration(config, set_))
    rows = [describe(registry, version) for version in registry.versions()]
    if json:
        from json import dumps

        write(dumps(rows, indent=2, ensure_ascii=False))
    elif rows:
        _print(rows)
    else:
        say(f"Nothing was trained yet in {registry.root}. Run: {hint('train')}")


@app.command(epilog=examples("regulars versions show", "regulars versions show 20180101-3f9c0a1b2c3d --json"))
def show(
    version: Annotated[str | None, typer.Argument(help="The version; without it, the one trained last.")] = None,
    config: ConfigPath = DEFAULT_CONFIG,
    set_: Overrides = None,
    json: AsJson = False,
) -> None:
    """Show what a version was made of, how good it is, and what happened to it."""
    import json as json_format
    from dataclasses import asdict

    from recommender.artifact import MANIFEST_FILE
    from recommender.manifest import Manifest
    from regulars.terminal import results, table, write
    from regulars.trained import chosen, registry_of

    registry = registry_of(configuration(config, set_))
    version = chosen(registry, version)
    path = registry.get(version) / MANIFEST_FILE
    manifest = Manifest.from_json(path.read_text(encoding="utf-8"), where=str(path))
    history = [entry for entry in registry.journal() if entry.version == version]
    if json:
        content = {**asdict(manifest), "journal": [asdict(entry) for entry in history]}
        write(json_format.dumps(content, indent=2, ensure_ascii=False))
        return
    summary = describe(registry, version)
    facts = [(name, value) for name, value in summary.items() if name not in {"current", "challenger"}]
    facts += [(f"rows: {name}", f"{count:,}") for name, count in manifest.rows.items()]
    facts += [("program", manifest.git_commit)] if manifest.git_commit else []
    facts += [(f"library: {name}", number) for name, number in manifest.libraries.items()]
    facts += [(entry.event, entry.at) for entry in history]
    facts += [("folder", path.parent)]
    results().print(table(["", version], facts))


def describe(registry: Registry, version: str) -> dict[str, Any]:
    """Return one row of the list, as plain JSON values; figures are None where nothing was measured."""
    from recommender.artifact import MANIFEST_FILE
    from recommender.errors import InvalidArtifact
    from recommender.manifest import Manifest

    path = registry.get(version) / MANIFEST_FILE
    row: dict[str, Any] = {"version": version, "current": version == registry.current(), "registered_at": None}
    row["challenger"] = version in registry.challengers()
    row["registered_at"] = next((e.at for e in registry.journal() if e.version == version), None)
    try:
        manifest = Manifest.from_json(path.read_text(encoding="utf-8"), where=str(path))
    except InvalidArtifact as error:
        return {**row, "problem": str(error)}
    return {
        **row,
        "as_of": manifest.as_of,
        "rows": manifest.rows.get("interactions"),
        "ndcg_all": _headline(manifest, "all"),
        "ndcg_new": _headline(manifest, "new"),
    }


def _is_given(context: typer.Context, name: str) -> bool:
    source = context.get_parameter_source(name)
    return source is not None and source.name == "COMMANDLINE"


def _headline(manifest: Any, purpose: str) -> float | None:
    """Return the version's own nDCG at the longest list that was measured."""
    metrics = manifest.metrics
    figures = metrics.get("figures", {}).get(metrics.get("subject"), {}).get(purpose, {})
    names = sorted((name for name in figures if name.startswith("ndcg@")), key=lambda name: int(name[5:]))
    return figures[names[-1]] if names else None


def _print(rows: list[dict[str, Any]]) -> None:
    from regulars.terminal import RIGHT, results, table

    headings = ["", "version", "as of", f"{RIGHT}rows", f"{RIGHT}nDCG", f"{RIGHT}new", "registered"]
    results().print(table(headings, [_cells(row) for row in rows]))


def _cells(row: dict[str, Any]) -> list[str]:
    if "problem" in row:
        return ["!", row["version"], "damaged", "", "", "", ""]
    figures = ["" if row[name] is None else f"{row[name]:.4f}" for name in ("ndcg_all", "ndcg_new")]
    rows = "" if row["rows"] is None else f"{row['rows']:,}"
    when = (row["registered_at"] or "")[:10]
    arrow = "→" if row["current"] else "↗" if row["challenger"] else ""
    return [arrow, row["version"], row["as_of"][:10], rows, *figures, when]
