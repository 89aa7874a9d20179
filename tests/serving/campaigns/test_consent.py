"""The file of who agreed to mails."""

from pathlib import Path

import pytest

from recommender.errors import InvalidInput
from serving.campaigns.consent import read_consent


def written(folder: Path, text: str) -> Path:
    """The file with that content."""
    path = folder / "consent.csv"
    path.write_bytes(text.encode("utf-8-sig"))
    return path


def test_what_each_status_means(tmp_path: Path) -> None:
    """Who subscribed is written to, who said no is not, and who is not in the file never said yes."""
    rows = 'User_ID,email,STATUS\r\na,a@x.example,Subscribed\r\n"b,c",,unsubscribed\nd,d@x.example,\ne,,yes\n\nf,,no\n'
    consent = read_consent(written(tmp_path, rows))
    reasons = {user: consent.why_not(user) for user in ("a", "b,c", "d", "e", "f", "z")}
    assert reasons == {
        "a": "",
        "b,c": "unsubscribed",
        "d": "no_consent",
        "e": "",
        "f": "no_consent",
        "z": "no_consent",
    }
    assert consent.addresses == {"a": "a@x.example", "d": "d@x.example"}


def test_the_later_line_counts(tmp_path: Path) -> None:
    """Who unsubscribed after they subscribed is not written to."""
    consent = read_consent(written(tmp_path, "user_id,status\na,subscribed\na,unsubscribed\n"))
    assert consent.why_not("a") == "unsubscribed"


def test_a_no_counts_without_the_blanks_around_it(tmp_path: Path) -> None:
    """Blanks are part of an id; who said no is not mailed for them, and who did not say yes neither."""
    rows = "user_id,status\n1,subscribed\n 1,unsubscribed\n2 ,subscribed\n"
    consent = read_consent(written(tmp_path, rows))
    reasons = {user: consent.why_not(user) for user in ("1", " 1", "2", "2 ")}
    assert reasons == {"1": "unsubscribed", " 1": "unsubscribed", "2": "no_consent", "2 ": ""}


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "no column 'user_id'; the header is empty"),
        ("id,status\n", "no column 'user_id'; the header is id, status"),
        ("user_id,state\n", "no column 'status'"),
        ("user_id,status\na,perhaps\n", "line 2: 'perhaps' is no status of consent; known are subscribed"),
        ('user_id,status\na,"yes\n', "cannot be read"),
        ("user_id,status,Status\na,yes,no\n", "there are 2 columns 'status'"),
        ("user_id,status,user_id\na,yes,b\n", "there are 2 columns 'user_id'"),
        ("status,user_id\nyes,a\nyes\n", "line 3: the row ends before its user_id"),
        ('user_id,status,email\na,yes,"a@x.example\r\nBcc: b@x.example"\n', "is no email address"),
    ],
)
def test_what_is_unclear_is_refused(tmp_path: Path, text: str, said: str) -> None:
    """Nobody is mailed on a guess."""
    with pytest.raises(InvalidInput) as refusal:
        read_consent(written(tmp_path, text))
    assert said in str(refusal.value)


def test_a_missing_file_is_refused(tmp_path: Path) -> None:
    """A consent file that is not there does not mean that everybody agreed."""
    with pytest.raises(InvalidInput, match=r"campaign\.consent .* cannot be read"):
        read_consent(tmp_path / "nope.csv")
