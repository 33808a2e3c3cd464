"""One table of names: in code, as a symbol, in words, in the sources and in the libraries.

Whatever prints a name (equations, figures, error messages, the ``notation`` page) takes it from here.
"""

from dataclasses import dataclass


@dataclass(frozen=True)
class Name:
    """One quantity of the book.

    ``symbol`` is LaTeX without a time index; ``indexed`` says whether it gets one; ``allowed`` is the
    interval of a hyper-parameter as ``(low, high)``, closed below and open above.
    """

    name: str
    symbol: str
    meaning: str
    kind: str
    indexed: bool = True
    allowed: tuple[float, float] | None = None


STATE, WITHIN, HYPER = "state", "within a step", "hyper-parameter"
RATE, SHARE = (0.0, float("inf")), (0.0, 1.0)

TABLE = (
    Name("theta", r"\theta", "parameters", "argument"),
    Name("g", "g", "gradient at the parameters", "argument"),
    Name("t", "t", "number of the step, from 1", "argument", False),
    Name("m", "m", "momentum: decaying sum or average of gradients", STATE),
    Name("m_slow", r"m^{\mathrm{slow}}", "slower momentum beside the other (AdEMAMix)", STATE),
    Name("delta", r"\Delta", "velocity: the last change of the parameters", STATE),
    Name("theta_prev", r"\theta^{\mathrm{prev}}", "parameters one step ago", STATE),
    Name("s", "s", "sum of squared gradients", STATE),
    Name("v", "v", "second moment: moving average of squared gradients", STATE),
    Name("w", "w", "moving average of squared updates", STATE),
    Name("u", "u", "decaying maximum of gradient sizes", STATE),
    Name("v_max", r"v^{\max}", "largest second moment so far", STATE),
    Name("q", "q", "one minus the product of momentum coefficients", STATE),
    Name("z", "z", "sequence of plain steps (Schedule-Free)", STATE),
    Name("x", "x", "average of that sequence: the model to keep", STATE),
    Name("m_hat", r"\hat{m}", "momentum, corrected for its zero start", WITHIN),
    Name("v_hat", r"\hat{v}", "second moment, corrected for its zero start", WITHIN),
    Name("g_reg", r"\tilde{g}", "gradient of the loss with its L2 penalty", WITHIN),
    Name("g_hat", r"\hat{g}", "rescaled gradient", WITHIN),
    Name("c", "c", "momentum with the newest gradient counted again", WITHIN),
    Name("lr_t", r"\alpha_t", "learning rate with the bias corrections in it", WITHIN, False),
    Name("bound", r"b_t", "largest rescaled gradient that is let through (ADOPT)", WITHIN, False),
    Name("mu_t", r"\mu_t", "momentum coefficient of this step", WITHIN, False),
    Name("mu_next", r"\mu_{t+1}", "momentum coefficient of the next step", WITHIN, False),
    Name("rho_inf", r"\rho_\infty", "longest average that the second moment can take", WITHIN, False),
    Name("rho_t", r"\rho_t", "length of the average that it has taken", WITHIN, False),
    Name("r", "r", "rectification of the rescaling", WITHIN),
    Name("ell", r"\ell", "rectified rescaling by the second moment", WITHIN),
    Name("lr", r"\alpha", "learning rate", HYPER, False, RATE),
    Name("mu", r"\mu", "momentum coefficient", HYPER, False, SHARE),
    Name("rho", r"\rho", "decay rate of the average of squares (RMSProp, AdaDelta)", HYPER, False, SHARE),
    Name("beta1", r"\beta_{1}", "decay rate of the momentum (Adam)", HYPER, False, SHARE),
    Name("beta2", r"\beta_{2}", "decay rate of the second moment (Adam)", HYPER, False, SHARE),
    Name("beta3", r"\beta_{3}", "decay rate of the slower momentum (AdEMAMix)", HYPER, False, SHARE),
    Name("gamma", r"\gamma", "weight of the slower momentum (AdEMAMix)", HYPER, False, RATE),
    Name("eps", r"\epsilon", "small constant added to a denominator", HYPER, False, RATE),
    Name("eps_hat", r"\hat{\epsilon}", "the same, in the paper's cheaper order of computation", HYPER, False, RATE),
    Name("eps_root", r"\bar{\epsilon}", "the same, inside the root", HYPER, False, RATE),
    Name("weight_decay", r"\lambda", "weight decay, or strength of an L2 penalty", HYPER, False, RATE),
    Name("momentum_decay", r"\psi", "speed of NAdam's momentum warm-up", HYPER, False, RATE),
    Name("dampening", "d", "share that is taken off every gradient but the first", HYPER, False, SHARE),
    Name("lr_decay", r"\eta", "speed at which AdaGrad's learning rate falls by itself", HYPER, False, RATE),
    Name("start", "a", "value from which a sum or average of squares starts", HYPER, False, RATE),
    Name("threshold", r"\rho_{\min}", "length of the average from which RAdam rescales", HYPER, False, RATE),
)

SOURCES = (
    "Adam paper", "DL book", "Cevher", "Boyd-Graber", "Adam review",
    "PyTorch", "Keras", "optax", "tinygrad", "autograd", "scikit-learn",
)  # fmt: skip

# The name here, then what each of SOURCES calls it.
_CALLED = r"""
theta | $θ$ | $θ$ | $θ$ | $β$ | $θ$ | `params` | `variables` | `params` | `params` | `x` | `params`
g | $g$ | $g$ | $\hat g$ | $\nabla_β\mathcal{L}$ | $g$, $∇_θJ$ | `grad` | `gradients` | `updates` | `grads` | `g` | `grads`
t | $t$ | $t$ | $t$ (from 0) | $t$ | $t$ | `step` | `iterations` | `count` | | `i` (from 0) | `t`
m | $m$ | | $m$, $m_1$ | $v$ | $m$ | `momentum_buffer`, `exp_avg` | `momentums` | `trace`, `mu` | `b`, `m` | −`velocity`, `m` | `ms`
delta | $Δ$ | $v$ | | | $-v$ | | `velocity`, `momentums` | | −`b` (`classic`) | | `velocities`
s | | $r$ | $r$ | $\operatorname{diag}(G)$ | $G$ | `sum` | `accumulators` | `sum_of_squares` | | |
v | $v$ | $r$, $s$ | $r$, $m_2$ | $E[g^2]$, $v$ | $G$, $v$ | `square_avg`, `exp_avg_sq` | `velocities` | `nu` | `v` | `avg_sq_grad`, `v` | `vs`
w | | | | | | `acc_delta` | `accumulated_delta_vars` | `e_x` | | |
u | $u$ | | | | | `exp_inf` | `u` | `nu` | | |
v_max | | | | $\hat v^{max}$ | | `max_exp_avg_sq` | `velocity_hats` | `nu_max` | | |
q | | | | | | 1 − `mu_product` | 1 − `u_product` | | | |
m_hat | $\hat m$ | $\hat s$ | $\hat m_1$ | $\hat v$ | $\hat m$ | | | | `m_hat` | `mhat` |
v_hat | $\hat v$ | $\hat r$ | $\hat m_2$ | $\widehat{E[g^2]}$ | $\hat v$ | | | | `v_hat` | `vhat` |
g_reg | | | | | | `grad` | | | | |
lr_t | $α_t$ | | | | | | | | | | `learning_rate`
mu_t | | | | | | `mu` | `u_t` | | | |
mu_next | | | | | | `mu_next` | `u_t_1` | | | |
rho_inf | | | | | | `rho_inf` | | `ro_inf` | | |
rho_t | | | | | | `rho_t` | | `ro` | | |
r | | | | | | `rect` | | | | |
ell | | | | | | `adaptive` | | | | |
lr | $α$ | $ϵ$ | $γ$ | $η$, $τ$ | $α$ | `lr` | `learning_rate` | `learning_rate` | `lr` | `step_size` | `learning_rate_init`
mu | | $α$ | $ρ$ | $τ$ | $γ$ | `momentum` | `momentum` | `momentum`, `decay` | `momentum` | `mass` | `momentum`
rho | | $ρ$ | $τ$ | $γ$ | $γ$ | `alpha`, `rho` | `rho` | `decay`, `rho` | | `gamma` |
beta1 | $β_1$ | $ρ_1$ | $β_1$ | $γ_1$ | $β_1$ | `betas[0]` | `beta_1` | `b1` | `b1` | `b1` | `beta_1`
beta2 | $β_2$ | $ρ_2$ | $β_2$ | $γ_2$ | $β_2$ | `betas[1]` | `beta_2` | `b2` | `b2` | `b2` | `beta_2`
eps | $ϵ$ | $δ$ | $δ$ | $ϵ$ | $ϵ$ | `eps` | `epsilon` | `eps` | `eps` | `eps` |
eps_hat | $\hat ϵ$ | | | | | `eps` (RAdam) | `epsilon` | | | | `epsilon`
eps_root | | $δ$ | | | $ϵ$ | | `epsilon` | `eps`, `eps_root` | | |
weight_decay | | | | $λ$ | | `weight_decay` | `weight_decay` | `weight_decay` | `weight_decay` | | `alpha` (L2)
momentum_decay | | | | | | `momentum_decay` | | | | |
dampening | | | | | | `dampening` | | | | |
lr_decay | | | | | | `lr_decay` | | | | |
start | | | | | | `initial_accumulator_value` | `initial_accumulator_value` | `initial_accumulator_value`, `initial_scale` | | |
threshold | | | | | | | | `threshold` | | |
m_slow | | | | | | | | `m2` | | |
z | | | | | | | | `z` | | |
beta3 | | | | | | | | `b3` | | |
gamma | | | | | | | | `alpha` | | |
"""
ALIASES = {
    name: dict(zip(SOURCES, called))
    for name, *called in ([cell.strip() for cell in row.split("|")] for row in _CALLED.strip().split("\n"))
}

NAMES = {row.name: row for row in TABLE}


def symbol(name):
    """LaTeX of a name in code; a name that the table does not have is spelled out upright.

    ``symbol("beta1")`` gives ``\\beta_{1}``; ``symbol("warmup")`` gives ``\\mathrm{warmup}``; a single
    letter stays as it is. Returns a string. Raises ``ValueError`` for what is no name in code.
    """
    if not isinstance(name, str) or not name.isidentifier():
        raise ValueError(f"name must be a name in code, got {name!r}.")
    if name in NAMES:
        return NAMES[name].symbol
    return name if len(name) == 1 else r"\mathrm{%s}" % name.replace("_", r"\_")


COLOURS = {
    "theta": ("#6A3FB0", "#C0A2FF"),
    "g": ("#00704D", "#4CD0A0"),
    "m": ("#0066A8", "#6CB8F5"),
    "delta": ("#4A5A00", "#B8CC50"),
    "s": ("#8A5A00", "#E0B050"),
    "v": ("#B04300", "#FF9A5C"),
    "w": ("#00707A", "#4CC8D4"),
    "u": ("#A8326E", "#F58FBE"),
    "q": ("#7A4A2A", "#D6A27E"),
    "c": ("#3F51B5", "#9FAEFF"),
    "r": ("#9C2A2A", "#FF8A80"),
    "ell": ("#5A5A5A", "#BDBDBD"),
    "z": ("#2F6B1F", "#8FD07A"),
    "x": ("#8B3A8B", "#E09AE0"),
}


def colour(name):
    """The colour of a quantity in equations and figures, as text on a light and on a dark page.

    It goes by the letter, so that ``v``, ``v_hat`` and ``v_max`` share one. Returns two hexadecimal colours, or None
    for what has none: hyper-parameters and names that the table does not have.
    """
    return COLOURS.get(name.partition("_")[0]) if name in NAMES else None


class _Table(str):
    """Text that a notebook shows as a Markdown table."""

    def _repr_markdown_(self):
        return str(self)


def symbols():
    """The table of names, symbols, meanings and allowed values, as Markdown that a notebook renders."""
    rows = [(f"`{row.name}`", _tex(row), row.meaning, row.kind, _interval(row)) for row in TABLE]
    return markdown(("in code", "symbol", "meaning", "what it is", "allowed"), rows)


def aliases():
    """The table of what the sources and the libraries call each name, as Markdown that a notebook renders."""
    rows = [(_tex(NAMES[name]), *(called.get(source, "") for source in SOURCES)) for name, called in ALIASES.items()]
    return markdown(("here", *SOURCES), rows)


def _tex(row):
    return f"${row.symbol}_t$" if row.indexed else f"${row.symbol}$"


def _interval(row):
    return f"$[{row.allowed[0]:g}, {row.allowed[1]:g})$".replace("inf", r"\infty") if row.allowed else ""


def markdown(head, rows):
    """A table with a head and rows of cells, as Markdown; ``ValueError`` for a row of another length."""
    lines = [head, ["---"] * len(head), *rows]
    for row in rows:
        if len(row) != len(head):
            raise ValueError(f"a row of this table has {len(head)} cells, got {row!r}.")
    return _Table("\n".join(f"| {' | '.join(cells)} |" for cells in lines))
