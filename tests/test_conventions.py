"""The libraries' optimizers: the table, the recording, the translations, and what must turn red when a library changes."""

import copy
import inspect
import itertools

import numpy as np
import pytest
from every import compiled, mutants

import lib.conventions.variants
from lib.conventions import FORMS, LIBRARIES, NoEquivalent, call, examples, porting, translate
from lib.conventions.changes import RECORD, agree, called, changes, disagreements, distance, read, repeated, write
from lib.conventions.variants import VARIANTS

recorded = read()
PATHS = (np.array(recorded["start"]), np.array(recorded["gradients"]))
CASES = [pytest.param(case, id=f"{case['library']}-{case['name']}-{n}") for n, case in enumerate(recorded["cases"])]


# ---- The recording ------------------------------------------------------------------------------


@pytest.mark.parametrize("case", CASES)
def test_the_rule_takes_the_steps_of_the_library(case):
    for dtype in ("float64", "float32"):
        if dtype in case:
            assert agree(repeated(case, recorded, dtype), np.array(case[dtype], dtype), recorded), called(case)


def test_the_table_and_the_rules_are_what_was_recorded():
    assert disagreements(recorded) == [] and changes(recorded, recorded) == []


def test_the_recording_has_every_form_with_all_that_was_asked_for():
    assert {(c["library"], c["name"], *c["switches"].items()) for c in recorded["cases"]} == {
        (form.library, form.name, *form.switches.items()) for form in FORMS
    }
    assert len(recorded["gradients"]) == 200 and recorded["steps"][-1] == 200
    assert {"tiny", "zero", "sparse", "huge"} <= set(recorded["streams"])
    for form in FORMS:
        cases = [c for c in recorded["cases"] if (c["library"], c["name"], c["switches"]) == (form.library, form.name, form.switches)]
        assert any(case["drop"] for case in cases) or form.library == "autograd"
        assert "weight_decay" not in form.defaults or any(case["arguments"]["weight_decay"] for case in cases)
        assert all("float64" in case for case in cases) or form.library == "tinygrad"
    assert RECORD.stat().st_size < 400_000


def fake(change):
    """The recording after a change, which gets a copy of it."""
    other = copy.deepcopy(recorded)
    change(other)
    return other


def first(record, library, name):
    return next(case for case in record["cases"] if (case["library"], case["name"]) == (library, name))


@pytest.mark.parametrize("library, name, word, value", [
    ("torch", "RMSprop", "alpha", 0.95), ("torch", "Adam", "betas", [0.9, 0.99]), ("keras", "AdamW", "weight_decay", None),
    ("keras", "Adagrad", "initial_accumulator_value", 0.0), ("optax", "rmsprop", "eps_in_sqrt", False),
    ("tinygrad", "SGD", "lr", 0.01), ("autograd", "sgd", "mass", 0.0), ("sklearn", "SGDOptimizer", "nesterov", False),
])  # fmt: skip
def test_a_changed_default_is_noticed(library, name, word, value):
    other = fake(lambda record: record["defaults"][library][name].update({word: value}))
    sentences = disagreements(other)
    assert any(name in sentence and word in sentence for sentence in sentences), sentences
    assert [sentence for sentence in changes(recorded, other) if word in sentence and LIBRARIES[library] in sentence]


@pytest.mark.parametrize("dtype", ["float64", "float32"])
def test_a_changed_path_is_noticed(dtype):
    def bend(record):
        path = np.array(first(record, "keras", "Adam")[dtype])
        path[-1] *= 1 + (3e-12 if dtype == "float64" else 3e-5)
        first(record, "keras", "Adam")[dtype] = path.tolist()

    for sentences in (disagreements(fake(bend)), changes(recorded, fake(bend))):
        assert len(sentences) == 1 and "Keras: Adam(" in sentences[0] and dtype in sentences[0]


def test_what_is_gone_or_new_is_noticed():
    gone = fake(lambda record: record["defaults"]["keras"].pop("Nadam"))
    assert any("Nadam is gone" in sentence for sentence in disagreements(gone))
    assert any("Nadam" in sentence for sentence in changes(recorded, gone))
    new = fake(lambda record: record["defaults"]["torch"]["SGD"].update(ema=0.5))
    assert changes(recorded, new) == ["PyTorch: ema of SGD was not there, is 0.5"]
    unfinished = fake(lambda record: record["cases"].remove(first(record, "optax", "lion")))
    assert any("lion" in sentence for sentence in changes(recorded, unfinished))


def test_a_recording_is_written_as_it_is_read(tmp_path):
    write(recorded, tmp_path / "again.json")
    assert read(tmp_path / "again.json") == recorded
    assert (tmp_path / "again.json").read_bytes() == RECORD.read_bytes()


# ---- The rules of libraries ---------------------------------------------------------------------


def test_variants_are_the_module_in_source_order():
    functions = [f for _, f in inspect.getmembers(lib.conventions.variants, inspect.isfunction)]
    assert list(VARIANTS.values()) == sorted(functions, key=lambda f: f.__code__.co_firstlineno)
    assert {form.rule for form in FORMS} >= set(VARIANTS.values())
    assert all("Source: " in inspect.getdoc(rule) and "State: " in inspect.getdoc(rule) for rule in VARIANTS.values())


def survives(rule, mutant):
    """Whether a changed rule still has every recorded float64 path of the rule."""
    cases = [case for case in recorded["cases"] if called(case).form.rule is rule and "float64" in case]
    with np.errstate(all="ignore"):
        for case in cases:
            try:
                got = repeated(case, recorded, rule=mutant)
            except (ArithmeticError, TypeError, ValueError):
                return False
            if not agree(got, np.array(case["float64"]), recorded):
                return False
    return True


# Changes that no path can show: the sign of what is squared, a guard of what is not used.
SAME = {
    "rmsprop_centered_torch": ["m = rho * m - (1 - rho) * g"],
    "rmsprop_centered_keras": ["m = rho * m - (1 - rho) * g"],
    "rmsprop_centered_optax": ["m = rho * m - (1 - rho) * g"],
    "radam_optax": ["r = np.sqrt((lambda x: x)("],
}  # fmt: skip


@pytest.mark.parametrize("name", VARIANTS)
def test_every_operator_and_number_matters(name):
    changed = list(mutants(VARIANTS[name]))
    assert len(changed) > 5 and survives(VARIANTS[name], VARIANTS[name])
    alive = [source for source in changed if survives(VARIANTS[name], compiled(source))]
    unexplained = [source for source in alive if not any(known in source for known in SAME.get(name, ()))]
    assert not unexplained, "\n".join(unexplained)


# ---- Translations -------------------------------------------------------------------------------

ROWS = [
    pytest.param(source, to, id=f"{source.form.library}-{source}-{to}")
    for library in LIBRARIES for source in examples(library) for to in LIBRARIES if to != library
]  # fmt: skip
DROP = lambda t: 0.1 if t > 100 else 1


def translated(source, to):
    return translate(source.form.library, source.form.name, to=to, **source.values, **source.form.switches)


def apart(one, other, factor=None):
    return distance(one.path(*PATHS, factor), other.path(*PATHS, factor), PATHS[0]).max()


@pytest.mark.parametrize("source, to", ROWS)
def test_a_row_of_the_porting_table(source, to):
    """An equivalent takes the same steps, also when the rate drops unless it says not; a nearest one does not."""
    try:
        there = translated(source, to)
    except NoEquivalent as none:
        assert none.reasons and all(reason in str(none) for reason in none.reasons)
        if none.nearest is None:
            assert source.form.family not in {form.family for form in FORMS if form.library == to}
        else:
            assert str(none.nearest) in str(none) and apart(source, none.nearest) > 1e-9
        return
    assert there.form.library == to and apart(source, there) < 1e-12
    assert (apart(source, there, DROP) < 1e-12) == (not there.condition)


def test_translations_lead_back():
    for row in ROWS:
        source, to = row.values
        try:
            there = translated(source, to)
        except NoEquivalent:
            continue
        back = translated(there, source.form.library)
        assert apart(source, back) < 1e-12


def test_the_rows_are_not_all_of_one_kind():
    kinds = {"same": 0, "condition": 0, "no": 0, "nothing": 0}
    for row in ROWS:
        try:
            kinds["condition" if translated(*row.values).condition else "same"] += 1
        except NoEquivalent as none:
            kinds["no" if none.nearest else "nothing"] += 1
    assert len(ROWS) > 250 and min(kinds.values()) > 20, kinds


@pytest.mark.parametrize("library, text, to, expected", [
    ("keras", "RMSprop(learning_rate=1e-3, epsilon=0)", "torch", "RMSprop(lr=0.001, alpha=0.9, eps=0)"),
    ("keras", "Nadam()", "torch", "NAdam(lr=0.001, eps=1e-07, momentum_decay=1)"),
    ("keras", "Adagrad()", "torch", "Adagrad(lr=0.001, initial_accumulator_value=0.1, eps=0)"),
    ("autograd", "sgd()", "torch", "SGD(lr=0.01, momentum=0.9)"),
    ("torch", "SGD(lr=0.1, momentum=0.9)", "autograd", "sgd(step_size=1)"),
    ("autograd", "rmsprop()", "optax", "rmsprop(learning_rate=0.1, initial_scale=1, eps_in_sqrt=False)"),
    ("torch", "Adam()", "tinygrad", "Adam(lr=0.001)"),
    ("sklearn", "AdamOptimizer()", "keras", "Adam(learning_rate=0.001, epsilon=1e-08)"),
    ("keras", "SGD(weight_decay=0.01)", "torch", "SGD(lr=0.01, weight_decay=0.01)"),
    ("torch", "Adamax(eps=0)", "keras", "Adamax(learning_rate=0.002, epsilon=0)"),
    ("optax", "nadam(learning_rate=0.1)", "torch", "NAdam(lr=0.1, momentum_decay=1e+06)"),
    ("torch", "SGD(lr=0.1, momentum=0.9, nesterov=True)", "keras",
     "SGD(learning_rate=0.1, momentum=0.9, nesterov=True)  # as long as the learning rate stays the same"),
])  # fmt: skip
def test_a_translation_reads_as_one_would_write_it(library, text, to, expected):
    name, _, words = text.rstrip(")").partition("(")
    arguments = eval(f"dict({words})")
    assert str(translate(library, name, to=to, **arguments)) == expected


def test_nothing_is_translated_that_one_side_alone_computes():
    with pytest.raises(NoEquivalent, match="PyTorch has no equivalent of Keras' Adam.*not yet corrected.*nearest is Adam") as error:
        translate("keras", "Adam", to="torch")
    assert str(error.value.nearest) == "Adam(lr=0.001, eps=1e-07)"
    with pytest.raises(NoEquivalent, match="tinygrad has no equivalent .* because it has no AdaGrad") as error:
        translate("keras", "Adagrad", to="tinygrad")
    assert error.value.nearest is None


def test_dampening_without_momentum_is_ignored_as_in_pytorch():
    assert apart(call("torch", "SGD", lr=0.1, dampening=0.5), call("torch", "SGD", lr=0.1)) == 0


@pytest.mark.parametrize("wrong, error, words", [
    (lambda: call("pytorch", "Adam"), ValueError, "did you mean 'torch'"),
    (lambda: translate("torch", "Adam", to="flux"), ValueError, "no library of this table; there are torch"),
    (lambda: call("torch", "RMSProp"), ValueError, "no optimizer of PyTorch of this table; did you mean 'RMSprop'"),
    (lambda: call("torch", "Adam", beta=0.9), TypeError, "no argument 'beta' here; did you mean 'betas'"),
    (lambda: call("torch", "Adam", betas=0.9), TypeError, "betas must be a pair of numbers, got 0.9"),
    (lambda: call("optax", "adam"), TypeError, "must be given learning_rate"),
    (lambda: call("keras", "SGD", learning_rate=-1), ValueError, r"lr must be finite and lie in \[0, inf\), got -1"),
    (lambda: call("keras", "SGD", momentum="much"), TypeError, "momentum must be a number, got 'much'"),
    (lambda: call("torch", "SGD", weight_decay=-1.0), ValueError, "weight_decay must be finite and lie in"),
    (lambda: call("optax", "rmsprop", learning_rate=1, centered=True, nesterov=True), ValueError, "does not have optax"),
])  # fmt: skip
def test_what_cannot_be_meant_is_refused(wrong, error, words):
    with pytest.raises(error, match=words):
        wrong()


@pytest.mark.parametrize("library", LIBRARIES)
def test_a_porting_table_answers_for_every_other_library(library):
    lines = [line.strip("| ").split(" | ") for line in str(porting(library)).split("\n")[2:]]
    others = [title for key, title in LIBRARIES.items() if key != library]
    shown = dict.fromkeys(line[0] for line in lines)
    for source in shown:
        assert sorted(", ".join(line[1] for line in lines if line[0] == source).split(", ")) == sorted(others)
    assert [*shown] == [f"`{one}`" for one in examples(library) if f"`{one}`" in shown]
    assert {one.form.name for one in examples(library)} == {form.name for form in FORMS if form.library == library}
    assert {form.name for form in FORMS if form.library == library} == {source.strip("`").split("(")[0] for source in shown}


def test_a_path_keeps_its_type_and_its_start():
    for made, dtype in itertools.product((call("torch", "AdamW"), call("keras", "SGD", weight_decay=0.1)), ("float32", "float64")):
        path = made.path(PATHS[0].astype(dtype), PATHS[1].astype(dtype))
        assert path.dtype == dtype and path.shape == (201, 8) and (path[0] == PATHS[0].astype(dtype)).all()
