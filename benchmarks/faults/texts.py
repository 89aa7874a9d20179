"""What docs/faults.md says of each fault beside its figures: how they are measured, what a broken goal would
mean, and where it is said what an operator sees and does.

By the name of the fault, in the order in which faults are tried; a test holds the names to those of the modules.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Text:
    """Two sentences or so each, in Markdown."""

    how: str
    """How the rows are measured."""
    broken: str
    """What it means for a shop when a goal is not kept."""
    part: str
    """The part of docs/operations.md about it."""


TEXTS: Mapping[str, Text] = {
    "Redis killed 5 × under 1,000 req/s": Text(
        "Slates of different users are due 1,000 times a second while Redis is killed, stays away for three "
        "seconds and comes back, five times. *Fresh again* is the time from its first PONG to the last degraded "
        "answer; the share of degraded answers is of all answers, those of the peace between included.",
        "5xx or unfinished: shoppers see an empty shelf when Redis dies. p99: pages wait for a Redis that is not "
        "there. Fresh again: shelves stay poorer than they need be.",
        "Redis is gone",
    ),
    "Redis hangs, is slow, resets, sends sliced or garbage bytes": Text(
        "Between server and Redis stands a proxy that delays, breaks off, slices or spoils what passes, one "
        "trouble after the other, six seconds each with peace between; *hangs* is a real Redis that was sent "
        "SIGSTOP. For *mixed-up replies* a million reads go through such connections, and each reply is compared "
        "with what was asked.",
        "5xx or unfinished: a Redis that is there but no help empties shelves. Mixed-up replies: somebody was "
        "shown what was meant for another user, which must never happen.",
        "Redis hangs, is slow or sends garbage",
    ),
    "Redis absent at start": Text(
        "The server is started while nobody is at the address of Redis. *Degraded-ready* is the time from the "
        "command to the first 200 of `/readyz`, libraries and model included; then slates are asked for, and Redis "
        "is started.",
        "A restart while Redis is away takes the shelves down, or an operator has to restart servers again when it "
        "is back.",
        "Redis is away when a server starts",
    ),
    "publisher killed at random points with readers reading": Text(
        "200 publishers are killed after a random share of the time that one takes undisturbed, while other "
        "processes read users of the served version. Every record names its version, so a mixture shows; the last "
        "publisher is followed by nobody, and a running server has to remove what it left.",
        "Mixing or missing: a stopped publish is seen by shoppers. Half versions left: Redis fills up.",
        "A publisher was stopped half-way",
    ),
    "500 corrupted artifacts": Text(
        "Copies of an artifact are damaged in seventeen ways in turn, and each is loaded; memory is the most that one "
        "refusal added to the process. One of each way is then published before the eyes of a running server.",
        "Not refused: a damaged model is served, or brings the process down. Without the place: nobody knows which "
        "file to restore. Old version: a bad publish takes shelves away.",
        "An artifact is damaged",
    ),
    "Redis out of memory during publish": Text(
        "`maxmemory` is set half a version above what is in use, with `noeviction`, and a version is published "
        "five times; readers read all the while. Then the limit is lifted, and it is published once more.",
        "Mixing, missing or refused: a full Redis is seen by shoppers. Gone, left: half a version stays, and Redis "
        "with it full.",
        "Redis is full",
    ),
    "5,000 events/s, 20 kills each of API, worker, Redis": Text(
        "Batches of events are due at a steady rate while the main process, one of its workers and Redis are "
        "killed in turn. In the end all is brought back, and the event files are compared with what was answered "
        "with 202. *Accepted per second* has two rows: the seconds before the first kill, and all of it.",
        "Lost, twice or left: purchases are missing from, or count double in, the next training. Accepted before "
        "the first kill: the machine, shared with the generator and Redis, cannot take that many events; none of "
        "them is lost by it, storefronts send what was not accepted again.",
        "A process dies",
    ),
    "rolling restart × 10 under load (SIGTERM)": Text(
        "A second server starts on the same port, and when it is ready the first gets SIGTERM; ten times, while "
        "slates are asked for on connections that are kept open. *Sent twice* are requests whose connection was "
        "closed in the moment in which they were sent.",
        "Failed requests: an upgrade is seen by shoppers. Not in order: a process had to be killed, or ended with "
        "an error.",
        "A server is stopped or replaced",
    ),
    "five times overload": Text(
        "A closed loop first finds what the server can answer; then five times that is due on many connections. "
        "The *admitted* are answers of 200, their time counted from when they were sent; the rest must be 429 or "
        "503 with `Retry-After`.",
        "Other answers: clients are not told to come back later. p99 of the admitted: too many are let in, and all "
        "wait. Memory: a rush could end the process.",
        "More requests than can be answered",
    ),
    "disk full while training, publishing, spooling events": Text(
        "The data folder lies on a small disk of its own that is filled while a version is trained, published, and "
        "while events arrive with Redis there and away; then there is room again. Rows without a unit are counts, "
        "those of *says* and *works* 1 for yes.",
        "Says: the operator does not learn what is wrong. Half-written, lost or twice: the full disk damaged data. "
        "Works: something has to be repaired by hand.",
        "The disk is full",
    ),
    "embedded Valkey: parent killed, stale socket, corrupt AOF": Text(
        "Programs that hold an embedded Valkey are killed twenty times; a socket file is left that nobody listens "
        "on; garbage is appended to its file 24 times, and written into its middle 20 times, and each time it is "
        "started.",
        "Left over: servers pile up that nobody stops. Keys lost: what users did is forgotten. Middle: a damaged "
        "file is opened, or changed, before anybody could restore it.",
        "The embedded Valkey dies, or its file is damaged",
    ),
    "ten-minute soak with a publish every minute": Text(
        "100 slates and 100 events a second for ten minutes, while two versions are published in turn, one every "
        "minute. The slope is a line fitted by least squares through the workers' memory, sampled twice a second "
        "from the second publishing on.",
        "5xx or unfinished: a publish is seen by shoppers. Slope: servers have to be restarted every so often.",
        "Memory grows",
    ),
}
