"""One table of names: in code, as a symbol, in words, in the sources and in the libraries.

Whatever prints a name (equations, figures, error messages, the ``notation`` page) takes it from here.
"""

from dataclasses import dataclass, field


@dataclass(frozen=True)
class Name:
    """One quantity of the book.

    ``symbol`` is LaTeX without a time index; ``indexed`` says whether it gets one; ``allowed`` is the
    interval of a hyper-parameter as ``(low, high)``, closed below and open above; ``aliases`` maps a
    source or library to what it calls the quantity.
    """

    name: str
    symbol: str
    meaning: str
    kind: str
    indexed: bool = True
    allowed: tuple[float, float] | None = None
    aliases: dict[str, str] = field(default_factory=dict)


INF = float("inf")
RATE, SHARE = (0.0, INF), (0.0, 1.0)

SOURCES = ("Adam paper", "DL book", "Cevher", "Boyd-Graber", "Adam review", "PyTorch", "Keras", "optax")


def _hyper(name, symbol, meaning, allowed, **aliases):
    return Name(name, symbol, meaning, "hyper-parameter", False, allowed, _aliases(aliases))


def _state(name, symbol, meaning, **aliases):
    return Name(name, symbol, meaning, "state", True, None, _aliases(aliases))


def _within(name, symbol, meaning, *, indexed=True, **aliases):
    return Name(name, symbol, meaning, "within a step", indexed, None, _aliases(aliases))


def _aliases(given):
    keys = dict(
        adam="Adam paper", dl="DL book", cevher="Cevher", slides="Boyd-Graber", review="Adam review",
        torch="PyTorch", keras="Keras", optax="optax",
    )  # fmt: skip
    return {keys[key]: value for key, value in given.items()}


TABLE = (
    Name("theta", r"\theta", "parameters", "argument", True, None, _aliases(dict(
        adam="$θ$", dl="$θ$", cevher="$θ$", slides="$β$", review="$θ$", torch="`params`", keras="`variables`", optax="`params`"))),
    Name("g", "g", "gradient at the parameters", "argument", True, None, _aliases(dict(
        adam="$g$", dl="$g$", cevher=r"$\hat g$", slides=r"$\nabla_β\mathcal{L}$", review="$g$, $∇_θJ$", torch="`grad`", keras="`gradients`", optax="`updates`"))),
    Name("t", "t", "number of the step, from 1", "argument", False, None, _aliases(dict(
        adam="$t$", dl="$t$", cevher="$t$ (from 0)", slides="$t$", review="$t$", torch="`step`", keras="`iterations`", optax="`count`"))),
    _state("m", "m", "momentum: decaying sum or average of gradients",
           adam="$m$", cevher="$m$, $m_1$", slides="$v$", review="$m$", torch="`momentum_buffer`, `exp_avg`", keras="`momentums`", optax="`trace`, `mu`"),
    _state("delta", r"\Delta", "velocity: the last change of the parameters",
           adam="$Δ$", dl="$v$", review="$-v$", keras="`velocity`"),
    _state("theta_prev", r"\theta^{\mathrm{prev}}", "parameters one step ago"),
    _state("s", "s", "sum of squared gradients",
           dl="$r$", cevher="$r$", slides=r"$\operatorname{diag}(G)$", review="$G$", torch="`sum`", keras="`accumulator`", optax="`sum_of_squares`"),
    _state("v", "v", "second moment: moving average of squared gradients",
           adam="$v$", dl="$r$, $s$", cevher="$r$, $m_2$", slides="$E[g^2]$, $v$", review="$G$, $v$", torch="`square_avg`, `exp_avg_sq`", keras="`velocities`", optax="`nu`"),
    _state("w", "w", "moving average of squared updates", torch="`acc_delta`", keras="`accumulated_delta_vars`", optax="`e_x`"),
    _state("u", "u", "decaying maximum of gradient sizes", adam="$u$", torch="`exp_inf`", keras="`u`", optax="`nu`"),
    _state("v_max", r"v^{\max}", "largest second moment so far", slides=r"$\hat v^{max}$", torch="`max_exp_avg_sq`", keras="`velocity_hats`", optax="`nu_max`"),
    _state("q", "q", "one minus the product of momentum coefficients", torch="1 − `mu_product`", keras="1 − `u_product`"),
    _within("m_hat", r"\hat{m}", "momentum, corrected for its zero start", adam=r"$\hat m$", dl=r"$\hat s$", cevher=r"$\hat m_1$", slides=r"$\hat v$", review=r"$\hat m$"),
    _within("v_hat", r"\hat{v}", "second moment, corrected for its zero start", adam=r"$\hat v$", dl=r"$\hat r$", cevher=r"$\hat m_2$", slides=r"$\widehat{E[g^2]}$", review=r"$\hat v$"),
    _within("g_reg", r"\tilde{g}", "gradient of the loss with its L2 penalty", torch="`grad`"),
    _within("g_hat", r"\hat{g}", "rescaled gradient"),
    _within("c", "c", "momentum with the newest gradient counted again"),
    _within("lr_t", r"\alpha_t", "learning rate with the bias corrections in it", indexed=False, adam=r"$α_t$"),
    _within("mu_t", r"\mu_t", "momentum coefficient of this step", indexed=False, torch="`mu`", keras="`u_t`"),
    _within("mu_next", r"\mu_{t+1}", "momentum coefficient of the next step", indexed=False, torch="`mu_next`", keras="`u_t_1`"),
    _within("rho_inf", r"\rho_\infty", "longest average that the second moment can take", indexed=False, torch="`rho_inf`", optax="`ro_inf`"),
    _within("rho_t", r"\rho_t", "length of the average that it has taken", indexed=False, torch="`rho_t`", optax="`ro`"),
    _within("r", "r", "rectification of the rescaling", torch="`rect`"),
    _within("ell", r"\ell", "rectified rescaling by the second moment", torch="`adaptive`"),
    _hyper("lr", r"\alpha", "learning rate", RATE,
           adam="$α$", dl="$ϵ$", cevher="$γ$", slides="$η$, $τ$", review="$α$", torch="`lr`", keras="`learning_rate`", optax="`learning_rate`"),
    _hyper("mu", r"\mu", "momentum coefficient", SHARE,
           dl="$α$", cevher="$ρ$", slides="$τ$", review="$γ$", torch="`momentum`", keras="`momentum`", optax="`momentum`, `decay`"),
    _hyper("rho", r"\rho", "decay rate of the average of squares (RMSProp, AdaDelta)", SHARE,
           dl="$ρ$", cevher="$τ$", slides="$γ$", review="$γ$", torch="`alpha`, `rho`", keras="`rho`", optax="`decay`, `rho`"),
    _hyper("beta1", r"\beta_{1}", "decay rate of the momentum (Adam)", SHARE,
           adam="$β_1$", dl="$ρ_1$", cevher="$β_1$", slides="$γ_1$", review="$β_1$", torch="`betas[0]`", keras="`beta_1`", optax="`b1`"),
    _hyper("beta2", r"\beta_{2}", "decay rate of the second moment (Adam)", SHARE,
           adam="$β_2$", dl="$ρ_2$", cevher="$β_2$", slides="$γ_2$", review="$β_2$", torch="`betas[1]`", keras="`beta_2`", optax="`b2`"),
    _hyper("eps", r"\epsilon", "small constant added to a denominator", RATE,
           adam="$ϵ$", dl="$δ$", cevher="$δ$", slides="$ϵ$", review="$ϵ$", torch="`eps`", keras="`epsilon`", optax="`eps`"),
    _hyper("eps_hat", r"\hat{\epsilon}", "the same, in the paper's cheaper order of computation", RATE,
           adam=r"$\hat ϵ$", keras="`epsilon`", torch="`eps` (RAdam)"),
    _hyper("weight_decay", r"\lambda", "weight decay, or strength of an L2 penalty", RATE,
           slides="$λ$", torch="`weight_decay`", keras="`weight_decay`", optax="`weight_decay`"),
    _hyper("momentum_decay", r"\psi", "speed of NAdam's momentum warm-up", RATE, torch="`momentum_decay`"),
)  # fmt: skip

NAMES = {row.name: row for row in TABLE}


def symbol(name):
    """LaTeX of a name in code; a name that the table does not have is spelled out upright.

    ``symbol("beta1")`` gives ``\\beta_{1}``; ``symbol("warmup")`` gives ``\\mathrm{warmup}``; a single
    letter stays as it is. Returns a string.
    """
    if name in NAMES:
        return NAMES[name].symbol
    return name if len(name) == 1 else r"\mathrm{%s}" % name.replace("_", r"\_")


class _Table(str):
    """Text that a notebook shows as a Markdown table."""

    def _repr_markdown_(self):
        return str(self)


def symbols():
    """The table of names, symbols, meanings and allowed values, as Markdown that a notebook renders."""
    rows = [(f"`{row.name}`", _tex(row), row.meaning, row.kind, _interval(row)) for row in TABLE]
    return _markdown(("in code", "symbol", "meaning", "what it is", "allowed"), rows)


def aliases():
    """The table of what the sources and the libraries call each name, as Markdown that a notebook renders."""
    rows = [(_tex(row), *(row.aliases.get(source, "") for source in SOURCES)) for row in TABLE if row.aliases]
    return _markdown(("here", *SOURCES), rows)


def _tex(row):
    return f"${row.symbol}_t$" if row.indexed else f"${row.symbol}$"


def _interval(row):
    return f"$[{row.allowed[0]:g}, {row.allowed[1]:g})$".replace("inf", r"\infty") if row.allowed else ""


def _markdown(head, rows):
    lines = [head, ["---"] * len(head), *rows]
    return _Table("\n".join(f"| {' | '.join(cells)} |" for cells in lines))
