"""The configuration: what wins, and what is said of what is wrong."""

import re
from pathlib import Path

import pytest

from recommender.errors import ConfigError
from regulars.config import KEYS, Config, load
from regulars.setting_keys import Key


def written(folder: Path, text: str = "") -> Path:
    """A configuration file."""
    path = folder / "regulars.toml"
    path.write_text(text, encoding="utf-8")
    return path


def refusal(path: Path, *overrides: str, **environ: str) -> str:
    """What is said of a configuration that is wrong."""
    with pytest.raises(ConfigError) as caught:
        load(path, overrides=overrides, environ=environ)
    return str(caught.value)


def origins(config: Config) -> dict[str, str]:
    """Who set what."""
    return {s.key.dotted: s.origin for s in config.settings() if s.origin is not None}


def test_empty_file_gives_the_defaults(tmp_path: Path) -> None:
    """Nothing has to be written; relative paths begin at the file's folder."""
    config = load(written(tmp_path))
    assert config.training.als.factors == 64
    assert config.app.data_dir == tmp_path / "data"
    assert origins(config) == {}


def test_later_layers_win(tmp_path: Path) -> None:
    """The file is overruled by the environment, and that by --set; each value names who set it."""
    path = written(tmp_path, "[als]\nfactors = 1\niterations = 1\nseed = 1\n")
    environ = {"REGULARS_ALS_FACTORS": "2", "REGULARS_ALS_ITERATIONS": "2", "HOME": "/"}
    config = load(path, overrides=["als.factors=3"], environ=environ)
    als = config.training.als
    assert (als.factors, als.iterations, als.seed) == (3, 2, 1)
    assert origins(config) == {
        "als.factors": "--set als.factors",
        "als.iterations": "REGULARS_ALS_ITERATIONS",
        "als.seed": f"{path}, line 4",
    }


def test_shop_reaches_serving(tmp_path: Path) -> None:
    """What both sides need is written once."""
    config = load(written(tmp_path, '[shop]\nname = "Häus"\ncurrency = "EUR"\n[data]\ndir = "elsewhere"\n'))
    assert (config.app.shop_name, config.app.currency) == ("Häus", "EUR")
    assert config.app.data_dir == tmp_path / "elsewhere" == config.training.data_dir


@pytest.mark.parametrize("key", [key for key in KEYS if not key.open and not key.is_named], ids=lambda key: key.dotted)
def test_every_key_has_a_variable_and_an_override(key: Key) -> None:
    """Each key is found by its path and by its variable, and only one key has that variable."""
    assert KEYS.get(key.path) == key
    assert KEYS.by_variable(key.variable) == key
    assert key.description, f"{key.dotted} has no description for the settings page"


@pytest.mark.parametrize("key", list(KEYS), ids=lambda key: key.dotted)
def test_the_demo_configuration_shows_every_key(key: Key) -> None:
    """Each key of training and serving is in regulars.toml with a comment, set or commented out."""
    text = (Path(__file__).parents[2] / "regulars.toml").read_text(encoding="utf-8")
    section = re.escape(".".join(key.path[:-1])).replace("<name>", r"\w+")
    table = re.search(rf"^(?:# )?\[{section}\].*?(?=^\[|^# \[|\Z)", text, re.MULTILINE | re.DOTALL)
    assert table, f"[{section}] is missing"
    assert re.search(rf"^(# )?{re.escape(key.path[-1])} = ", table[0], re.MULTILINE), f"{key.dotted} is missing"


@pytest.mark.parametrize(
    ("override", "value"),
    [
        ("shop.name=007", "007"),
        ('shop.name="007"', "007"),
        ("shop.name=true", "true"),
        ("shop.name=a = b", "a = b"),
        ("shop.name=空 %", "空 %"),
        ("shop.name=", ""),
    ],
)
def test_text_is_taken_as_it_is_written(tmp_path: Path, override: str, value: str) -> None:
    """A key that holds text takes a word for a word, however much it looks like something else."""
    assert load(written(tmp_path), overrides=[override]).training.shop.name == value


def test_values_are_toml(tmp_path: Path) -> None:
    """Numbers, switches, days, lists and tables are written as in the file."""
    overrides = [
        "confidence.alpha=2.5",
        "blend.learn=false",
        "evaluation.cut=2017-12-01",
        'serving.cors_origins=["https://a", "https://b"]',
        'items.exclude={ category = ["x y"] }',
    ]
    config = load(written(tmp_path), overrides=overrides)
    assert config.training.confidence.alpha == 2.5
    assert config.training.blend.learn is False
    assert str(config.training.evaluation.cut) == "2017-12-01"
    assert config.app.serving.cors_origins == ("https://a", "https://b")
    assert config.training.items.exclude == {"category": ("x y",)}


def test_one_entry_of_an_open_table(tmp_path: Path) -> None:
    """One weight set from outside leaves the others; a table written in the file replaces the default."""
    config = load(written(tmp_path), overrides=["confidence.event_weights.click=0.2"])
    assert config.training.confidence.event_weights == {"purchase": 1.0, "add_to_cart": 0.3, "click": 0.2}
    path = written(tmp_path, "[confidence.event_weights]\npurchase = 2\n")
    config = load(path, environ={"REGULARS_CONFIDENCE_EVENT_WEIGHTS_ADD_TO_CART": "0.5"})
    assert config.training.confidence.event_weights == {"purchase": 2.0, "add_to_cart": 0.5}


EXPERIMENT = "[experiments.holdout]\nvariants = { usual = 0.4, plain = 0.5 }\n"


def test_named_sections(tmp_path: Path) -> None:
    """Sections with a name of the shop's own are read, set from outside and shown like any other."""
    path = written(tmp_path, f"{EXPERIMENT}[experiments.holdout.changes.plain]\nreasons = false\n")
    config = load(path, overrides=["experiments.holdout.control=0.05", "experiments.holdout.variants.usual=0.45"])
    holdout = config.app.experiments["holdout"]
    assert (holdout.control, dict(holdout.variants)) == (0.05, {"usual": 0.45, "plain": 0.5})
    assert holdout.changes["plain"].reasons is False
    shown = {setting.key.dotted: (setting.value, setting.origin) for setting in config.settings()}
    assert shown["experiments.holdout.control"] == (0.05, "--set experiments.holdout.control")
    assert shown["experiments.holdout.changes.plain.reasons"] == (False, f"{path}, line 4")
    assert not any("<" in dotted for dotted in shown)


def test_nested_table(tmp_path: Path) -> None:
    """Tables below a section are reached by file, variable and --set."""
    path = written(tmp_path, '[purchases]\npaths = "log.csv"\n[purchases.columns]\nuser = "who"\n')
    config = load(path, overrides=["purchases.columns.item=what"], environ={"REGULARS_PURCHASES_COLUMNS_TIME": "at"})
    columns = config.training.purchases.columns
    assert (columns.user, columns.item, columns.time) == ("who", "what", "at")
    assert config.training.purchases.paths == ("log.csv",)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("[als]\nfactor = 3", 'line 2: [als] has no key "factor"; did you mean "als.factors"?'),
        ("[sreving]\nport = 1", 'line 2: there is no section "sreving"; did you mean "serving"?'),
        ("[als]\nhalf_life_days = 3", 'did you mean "confidence.half_life_days"?'),
        (
            "[purchases.column]\nuser = 'u'",
            'line 2: [purchases] has no key "column"; did you mean "purchases.columns"?',
        ),
        ("\n[als]\n\nfactors = 'many'", "line 4: als.factors is 'many'; it should be a valid integer"),
        ("[als]\nfactors = 0", "line 2: als.factors is 0; it should be greater than or equal to 1"),
        ("[confidence.event_weights]\nimpression = 1", "line 2: [confidence]: event_weights.impression"),
        ("[serving]\nclock = 'sun'", "line 2: serving.clock is 'sun'; it should be 'wall' or 'data'"),
        ("als = 3", "line 1: als is 3; it should be a valid dictionary"),
        ("[experiments.a]\ncontrl = 1", 'line 2: [experiments.a] has no key "contrl"; did you mean "experiments.a.co'),
        ("[experiments.a]\ncontrol = 2", "line 2: experiments.a.control is 2; it should be less than or equal to 1"),
        ("[experiments.a]\nvariants = { b = 0.95 }", "its shares come to 1.05, more than everybody"),
        ("[experiments.a]\nvariants = { control = 0.5 }", '"control" is the group without personal picks'),
        ("[experiments.'A b']\ncontrol = 0.5", "'A b' is no name for this experiment"),
        ("[experiments.a]\nvariants = { 'x y' = 0.5 }", "'x y' is no name for this variant"),
        (
            "[experiments.a.changes.b]\nreasons = false",
            "for 'b', which is no variant; there are: none",
        ),
        ("[experiments.a.changes.b]\ndiversity = 0.9", "diversity cannot differ between visitors"),
        ("[experiments.a.changes.b]\nmodel_version = 'x'", "model_version is called version here"),
        ("[experiments.a.changes.b]\nversion = 'newest'", "a version is called something like 20180101-3f9c0a1b2c3d"),
        (
            "[experiments.a.changes.b]\nversion = '20180101-3f9c0a1b2c3d'\npersonal = false",
            "version says who picks, personal = false that nobody does",
        ),
        (
            "[experiments.a]\ncontrol = 1\n[experiments.b]\ncontrol = 0.1",
            "experiment 'b' gets nobody: 'a', which stands before it",
        ),
        ("factors = 3", 'line 1: there is no section "factors"; did you mean "als.factors"?'),
    ],
)
def test_mistakes_in_the_file(tmp_path: Path, text: str, message: str) -> None:
    """A mistake names file, line, key, value and rule."""
    path = written(tmp_path, text)
    said = refusal(path)
    assert said.startswith(f"{path}, line ")
    assert message in said


def test_every_mistake_is_named_at_once(tmp_path: Path) -> None:
    """Three mistakes take one run to find."""
    path = written(tmp_path, "[als]\nfactors = 'x'\nseeds = 1\n[redis]\ntimeout_ms = 0\n[foo]\n")
    assert len(refusal(path).splitlines()) == 4


@pytest.mark.parametrize(
    ("text", "place"),
    [("[als\nfactors = 3", "line 1"), ("[als]\nfactors = ]", "line 2"), ("a = [1,\n2", "at its end")],
)
def test_broken_toml(tmp_path: Path, text: str, place: str) -> None:
    """A file that is no TOML is named with the line."""
    path = written(tmp_path, text)
    assert refusal(path).startswith(f"{path}, {place}")


def test_file_that_cannot_be_read(tmp_path: Path) -> None:
    """A missing file, a folder and bytes that are not UTF-8 are each said to be that."""
    assert "there is no such file" in refusal(tmp_path / "none.toml")
    assert "cannot be read" in refusal(tmp_path)
    path = tmp_path / "latin.toml"
    path.write_bytes("[shop]\nname = 'Häus'".encode("latin-1"))
    assert "byte 16 is not UTF-8" in refusal(path)


def test_byte_order_mark_and_crlf(tmp_path: Path) -> None:
    """A file from Windows is read like any other."""
    path = tmp_path / "regulars.toml"
    path.write_bytes(b"\xef\xbb\xbf[als]\r\nfactors = 3\r\n")
    assert origins(load(path)) == {"als.factors": f"{path}, line 2"}


def test_line_of_a_value_that_spans_lines(tmp_path: Path) -> None:
    """A value has the line it begins on, after comments and values of several lines too."""
    items = '# one\n[items]\nexclude = { category = ["a", \'b\'] }\ntitle = """\nx = 1\n"""\n'
    text = items + '\n[purchases]\npaths = [\n "a",\n]\n'
    path = written(tmp_path, text)
    assert origins(load(path)) == {
        "items.exclude": f"{path}, line 3",
        "items.title": f"{path}, line 4",
        "purchases.paths": f"{path}, line 9",
    }


@pytest.mark.parametrize(
    ("override", "message"),
    [
        ("als.factors", "write it as section.key=value"),
        ("als.factor=3", '[als] has no key "factor"; did you mean "als.factors"?'),
        ("alz.factors=3", 'there is no section "alz"; did you mean "als.factors"?'),
        ("=3", "is no dotted key"),
        ("a b=3", "is no dotted key"),
        ("als=3", "names a section"),
        ("items.exclude=[3", "is not a TOML value"),
    ],
)
def test_mistakes_in_overrides(tmp_path: Path, override: str, message: str) -> None:
    """A wrong --set is quoted, with what would be right."""
    said = refusal(written(tmp_path), override)
    assert said.startswith("--set ")
    assert message in said


def test_mistakes_in_the_environment(tmp_path: Path) -> None:
    """A variable with our prefix that sets nothing is a mistake, except the documented few."""
    path = written(tmp_path)
    said = refusal(path, REGULARS_ALS_FACTOR="3")
    assert "REGULARS_ALS_FACTOR names no setting; did you mean REGULARS_ALS_FACTORS?" in said
    assert refusal(path, REGULARS_ALS_FACTORS="x").startswith("REGULARS_ALS_FACTORS: als.factors is 'x'")
    load(path, environ={"REGULARS_CONFIG": "x", "REGULARS_REQUIRE_BROWSER": "1", "REGULARSX": "1"})


def test_secrets_are_masked(tmp_path: Path) -> None:
    """A password is shown neither by `config show` nor in a complaint."""
    config = load(written(tmp_path), overrides=["redis.url=redis://shop:hunter2@cache:6379/0"])
    shown = {setting.key.dotted: setting.value for setting in config.settings()}
    assert shown["redis.url"] == "redis://shop:***@cache:6379/0"
    assert config.app.redis.url == "redis://shop:hunter2@cache:6379/0"
    assert "hunter2" not in refusal(tmp_path / "regulars.toml", "redis.url=http://shop:hunter2@cache")


def test_what_breaks_programs_is_refused(tmp_path: Path) -> None:
    """Brackets without end and the null character are refused with their place."""
    assert "nested too deeply" in refusal(written(tmp_path, "a = " + "[" * 5000))
    assert "data.dir holds the character U+0000" in refusal(written(tmp_path), 'data.dir="a\\u0000"')
