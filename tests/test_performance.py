"""The page of measured speed: its tables say what the file of measurements has, and the file is whole."""

import json

import pytest
from pages import ROOT

from lib import performance

found = performance.measured()
PARTS = ("descent", "sweep", "step", "training")


def test_every_comparison_is_complete():
    assert {made["part"] for made in found["comparisons"]} == {*PARTS}
    for made in found["comparisons"]:
        ours, *peers = made["rows"]
        assert "Downhill" in ours["name"] and ours["ratio"] is None and peers
        for row in made["rows"]:
            assert 0 < row["seconds"][0] <= row["seconds"][1] <= row["seconds"][2]
        for row in peers:
            assert row["ratio"][1] == pytest.approx(ours["seconds"][1] / row["seconds"][1], rel=0.5)


def test_nothing_is_faster_than_its_bytes_can_be_moved():
    for made in found["comparisons"]:
        if made["limit"] and (made["part"] != "step" or made["size"] > 10**6):  # what is smaller stays in a cache
            assert min(row["seconds"][1] for row in made["rows"]) > 0.7 * made["limit"], made["title"]


def test_the_machine_and_the_versions_are_said():
    assert {"processor", "system", "python", "date", "packages"} == found["machine"].keys()
    assert found["machine"]["packages"]["numpy"] and found["bandwidth"] > 1e8


@pytest.mark.parametrize("part", PARTS)
def test_a_table_has_a_line_for_each_peer_under_what_is_compared(part):
    lines = iter(str(performance.comparisons(part)).split("\n")[2:])
    for made in (made for made in found["comparisons"] if made["part"] == part):
        assert next(lines) == f"| **{made['title']}** |  |  |"
        for row in made["rows"]:
            assert next(lines).startswith(f"| {row['name']} | {performance.amount(row['seconds'][1])} | ")
        assert not made["limit"] or next(lines).startswith("| *moving the bytes alone* | ")
    assert not [*lines]


def test_the_other_tables():
    assert len(str(performance.pages()).split("\n")) == 2 + len(found["pages"]) > 15
    assert all(page["loaded"] <= page["scrolled"] <= 250_000 for page in found["pages"].values())
    assert len(str(performance.memory()).split("\n")) > 3


def rows(table):
    return [[cell.strip() for cell in line.strip("|").split("|")] for line in str(table).split("\n")[2:]]


def percent(text):
    return float(text.removesuffix("\N{NO-BREAK SPACE}%"))


def test_nearly_every_change_is_noticed_and_what_is_not_is_explained():
    record = json.loads((ROOT / "benchmarks" / "mutants.json").read_text(encoding="utf-8"))
    assert record.keys() == found["mutants"].keys()
    for name, made in record.items():
        lines = [line.strip() for line in (ROOT / "lib" / f"{name}.py").read_text(encoding="utf-8").splitlines()]
        assert [each["change"] for each in made["alive"] if each["change"][0] not in lines] == [], name
        explained = [each for each in made["alive"] if each["reason"]]
        alive = made["mutants"] - found["mutants"][name]["noticed"]
        assert alive == len(made["alive"]) == len(explained) == found["mutants"][name]["explained"], name
    *modules, every = rows(performance.mutants())
    assert [row[0] for row in modules] == [f"`{name}`" for name in record] and percent(every[3]) >= 95
    assert [sum(int(row[column]) for row in modules) for column in (1, 2, 4)] == [int(every[column]) for column in (1, 2, 4)]


def test_nearly_every_line_and_branch_is_reached():
    *lowest, others, every = rows(performance.coverage())
    assert percent(every[1]) >= 98 and others[0] == f"{len(found['coverage']) - 6} other modules"
    shares = [percent(row[1]) for row in (*lowest, others)]
    assert shares == sorted(shares) and all(made["reached"] <= made["there"] for made in found["coverage"].values())
    assert performance._share(999_999, 10**6) == "99.9\N{NO-BREAK SPACE}%" and percent(performance._share(3, 3)) == 100


def test_all_releases_passed():
    table = rows(performance.releases())
    assert {(row[0], row[1].rsplit(".", 1)[0]) for row in table} == {
        (which, python) for which in ("oldest", "newest") for python in ("3.11", "3.12", "3.13")
    }
    assert all(int(row[-2]) > 3000 and row[-1] == "0" for row in table)


def test_times_of_parts_are_all_there():
    table, times = rows(performance.times()), found["times"]
    assert [row[0] for row in table if row[0].startswith("**")] == ["**building the book from nothing**, with installation", "**all tests**"]
    for kind, what in (("notebooks", "notebooks"), ("files", "files of tests")):
        others = next(row for row in table if row[0] == f"{len(times[kind]) - 6} other {what}")
        seconds = [float(row[1].removesuffix(" s")) for row in table[table.index(others) - 6 : table.index(others) + 1]]
        assert seconds[:6] == sorted(seconds[:6], reverse=True) and sum(seconds) == pytest.approx(sum(times[kind].values()), abs=4)


def test_slopes_are_those_of_the_last_two_points():
    for name, pairs in found["growth"].items():
        (x, seconds), (x_last, seconds_last) = pairs[-2:]
        assert seconds_last / seconds == pytest.approx((x_last / x) ** performance.slopes()[name])
    axes = performance.growth().axes
    assert [axis.get_xlabel() for axis in axes] == [*found["growth"]] == ["steps", "runs", "parameters"]
    assert [len(axis.lines[0].get_xdata()) for axis in axes] == [len(pairs) for pairs in found["growth"].values()]


@pytest.mark.parametrize("seconds, words", [
    (3.2e-7, "0.32 µs"), (1.234e-4, "123 µs"), (9.996e-4, "1 ms"), (0.0321, "32.1 ms"), (1.5, "1.5 s"), (1234.0, "1230 s"),
])  # fmt: skip
def test_amounts(seconds, words):
    assert performance.amount(seconds) == words.replace(" ", "\N{NO-BREAK SPACE}")
