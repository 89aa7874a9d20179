"""`regulars tune`: search for better settings."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from regulars.commands.options import DEFAULT_CONFIG, AsJson, ConfigPath, Overrides, configuration, examples

if TYPE_CHECKING:
    from pathlib import Path

    from recommender.purpose import Purpose
    from regulars.config import Config
    from training.tuning import Findings

SHOWN = 10
"""Trials in the terminal; the page has all."""

EXAMPLES = examples(
    "regulars tune",
    "regulars tune --trials 20 --minutes 10",
    "regulars tune --search als.factors --search als.regularization",
    "regulars tune --mix all=0.3,new=0.7 --apply",
)


def run(
    *,
    trials: Annotated[int, typer.Option(min=1, help="Trials altogether, those of earlier runs included.")] = 30,
    minutes: Annotated[float | None, typer.Option(help="Begin no trial after this time; above 0.")] = None,
    patience: Annotated[int, typer.Option(min=1, help="Stop when so many trials brought nothing better.")] = 15,
    search: Annotated[
        list[str] | None, typer.Option(metavar="KEY", help="Vary this setting only. May be repeated.")
    ] = None,
    mix: Annotated[str, typer.Option(help="What the score is made of: purposes and shares.")] = "all=0.5,new=0.5",
    seed: Annotated[int | None, typer.Option(min=0, help="Of proposals and halves; without it, als.seed.")] = None,
    apply: Annotated[bool, typer.Option("--apply", help="Write the best settings into the configuration.")] = False,
    config: ConfigPath = DEFAULT_CONFIG,
    set_: Overrides = None,
    json: AsJson = False,
) -> None:
    """Search for better settings on a window in the past.

    Tries settings of als, confidence, neighbours and blend on the window before
    that of the test, beginning with those you have. The test window is not read:
    the next training measures there. Ctrl-C stops it, and the same command goes on.
    """
    from regulars.progress import TerminalProgress
    from regulars.terminal import write
    from training.mlflow_log import log_search, require_mlflow
    from training.tuning import Budget, Request, tune
    from training.tuning.search import tuning_folder

    require_time(minutes)
    settings = configuration(config, set_)
    request = Request(
        budget=Budget(trials=trials, minutes=minutes, patience=patience),
        keys=tuple(search or ()),
        mix=parse_mix(mix),
        seed=settings.training.als.seed if seed is None else seed,
    )
    require_mlflow(settings.training.mlflow)
    progress = TerminalProgress()
    found = tune(settings.training, request, progress=progress)
    refuse_without_trials(found)
    page, fragment = written(found, tuning_folder(settings.training))
    log_search(settings.training.mlflow, found, files=[page, *([fragment] if fragment else [])], progress=progress)
    if json:
        write(as_json(found))
    else:
        show(found)
        if fragment is not None:
            say_next(found, settings, page, fragment, applied=apply)
    if apply and found.best is not None:
        apply_best(found, settings)
    if found.interrupted:
        raise typer.Exit(130)


def require_time(minutes: float | None) -> None:
    """Refuse a limit within which no trial could begin.

    Raises
    ------
    ConfigError
        If it is not above 0.
    """
    from recommender.errors import ConfigError

    if minutes is not None and not minutes > 0:
        raise ConfigError(f"--minutes {minutes:g}: it has to be a positive number; without it there is no limit")


def parse_mix(text: str) -> dict[Purpose, float]:
    """Return the shares of ``all=0.5,new=0.5``.

    Raises
    ------
    ConfigError
        If it has another form, names no purpose, or names one twice.
    """
    from recommender.errors import ConfigError
    from recommender.purpose import Purpose

    mix: dict[Purpose, float] = {}
    for part in text.split(","):
        name, _, share = part.partition("=")
        try:
            purpose, weight = Purpose(name.strip()), float(share)
        except ValueError:
            known = ", ".join(one.value for one in Purpose)
            raise ConfigError(f"--mix {text}: write it as all=0.5,new=0.5; the purposes are {known}") from None
        if purpose in mix:
            raise ConfigError(f"--mix {text}: {purpose.value} has two shares; give it one")
        mix[purpose] = weight
    return mix


def refuse_without_trials(found: Findings) -> None:
    """End the command if there is nothing to show: nothing is written then.

    Raises
    ------
    RecommenderError
        If no trial was finished, though nobody interrupted.
    """
    from recommender.errors import RecommenderError

    if found.trials:
        return
    if found.interrupted:
        raise typer.Exit(130)
    raise RecommenderError(f"no trial was finished: {found.why_ended}; give it more with --minutes")


def written(found: Findings, folder: Path) -> tuple[Path, Path | None]:
    """Write the page (if anything is new) and the settings, and return where they are."""
    from training.tuning.fragment import write_fragment
    from training.tuning.page import write_page

    page = folder / f"{found.name}.html"
    if found.n_new or not page.is_file():
        page = write_page(found, folder)
    return page, None if found.best is None else write_fragment(found, folder)


def show(found: Findings) -> None:
    """Print the best trials and their settings."""
    from regulars.terminal import RIGHT, plain, results, table
    from training.tuning.page import answer

    out = results()
    done = f"{found.n_new} new trials" if found.n_new else "nothing to do"
    out.print(plain(f"\nStudy {found.name}: {done}; {found.why_ended}\n", style="bold"), soft_wrap=True)
    purposes = list(found.mix)
    headings = ["trial", f"{RIGHT}score", *(f"{RIGHT}nDCG {purpose}" for purpose in purposes), f"{RIGHT}seconds", ""]
    rows = [
        [
            str(trial.number),
            f"{trial.score:.4f}",
            *(f"{trial.ndcg[purpose]:.4f}" if purpose in trial.ndcg else "–" for purpose in purposes),
            f"{trial.seconds:.1f}",
            "← now" if trial is found.reference else "",
        ]
        for trial in found.ranked[:SHOWN]
    ]
    out.print(table(headings, rows))
    if found.best is not None:
        out.print(table(["setting", f"{RIGHT}now", f"{RIGHT}best", f"{RIGHT}explains"], _settings(found)))
    for gain in found.gains:
        line = f"  {gain.purpose}: nDCG@{found.k} {round(gain.best - gain.before, 4) + 0.0:+.4f} ({gain.verdict}"
        interval = "" if gain.low is None else f", {gain.low:+.4f} to {gain.high:+.4f}"
        out.print(plain(f"{line}{interval}; {gain.n_users:,} users)"), soft_wrap=True)
    out.print(plain(f"{answer(found)}"))


def _settings(found: Findings) -> list[list[str]]:
    assert found.best is not None
    shares = found.importances
    return [
        [
            dimension.key,
            f"{dimension.current:g}",
            f"{found.best.values[dimension.key]:g}",
            f"{shares[dimension.key]:.0%}" if dimension.key in shares else "–",
        ]
        for dimension in found.space
    ]


def say_next(found: Findings, settings: Config, page: Path, fragment: Path, *, applied: bool) -> None:
    """Say where everything is, and how to go on."""
    from regulars.hints import hint
    from regulars.terminal import say
    from training.tuning.fragment import options

    say(f"The search as a page: {page}\nThe best settings: {fragment}")
    if found.interrupted:
        say("The same command goes on where it stopped.")
    say("The test window was not read. It is opened by the next training, once.")
    if found.changed() and not applied:
        sure = any(gain.verdict == "better" for gain in found.gains)
        say(f"{'Next' if sure else 'To train with them all the same'}: {hint('train')} {options(found.changed())}")
        say(f"Or write them into {settings.path}: the same command with --apply")
    elif found.changed():
        say(f"Next: {hint('train')}")


def apply_best(found: Findings, settings: Config) -> None:
    """Write the best settings into the configuration file."""
    from regulars.terminal import say
    from regulars.toml_edit import set_values

    changed = found.changed()
    if not changed:
        say(f"{settings.path} has them already.")
        return
    set_values(settings.path, changed)
    say(f"{settings.path}: {', '.join(f'{key} = {value!r}' for key, value in changed.items())}")


def as_json(found: Findings) -> str:
    """Return every trial, without the figures of single users."""
    import json
    from dataclasses import asdict

    content = asdict(found)
    for trial in content["trials"]:
        del trial["per_user"]
    return json.dumps(content, indent=2, ensure_ascii=False)
