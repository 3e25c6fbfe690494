"""The formulas and the citations of docstrings, on their way to the site."""

import ast
import re
import sys
import unicodedata
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

ROOT = Path(__file__).parents[2]
sys.path.append(str(ROOT / "docs"))

import docstrings  # noqa: E402
from formulas import latex  # noqa: E402

FORMULAS = {
    # layers
    "y = x Wᵀ + b": r"y = x\,W^{\top} + b",
    "db = Σ_n dy_n": r"db = \sum_{n}dy_{n}",
    "dx = f'(x) dy": r"dx = f'(x)\,dy",
    "f(x) = x where x > 0, else α (eˣ − 1)": (
        r"f(x) = x\text{ where }x > 0, \text{ else }\alpha\,(e^{x} - 1)"
    ),
    "f'' = −2 y (1 − y²)": r"f'' = -2\,y\,(1 - y^{2})",
    "σ(x) = 1 / (1 + e⁻ˣ)": r"\sigma (x) = 1/(1 + e^{-x})",
    "dy = Σ_p (∂y/∂p) dp": r"dy = \sum_{p}\,(\partial y/\partial p)\,dp",
    "y = f(x; params)": r"y = f(x; \mathrm{params})",
    "Ho = ⌊(H + 2p − d·(kh − 1) − 1) / s⌋ + 1": (
        r"\mathit{Ho} = \lfloor (H + 2p - d \cdot (\mathit{kh} - 1) - 1)/s\rfloor + 1"
    ),
    "Ho = (H − 1)·s − 2p + d·(kh − 1) + output_padding + 1": (
        r"\mathit{Ho} = (H - 1) \cdot s - 2p + d \cdot (\mathit{kh} - 1) + "
        r"\mathtt{output\_padding} + 1"
    ),
    "y[n, o] += b[o]": r"y[n, o] \mathrel{+}= b[o]",
    "x̃ = clip(x + σ ε, 0, 1)": r"\tilde{x} = \operatorname{clip}(x + \sigma\,\varepsilon, 0, 1)",
    # losses
    "value = Σ (y − t)² / M": r"\mathrm{value} = \sum\,(y - t)^{2}/M",
    "value = Σ [max(a, 0) − a t + log(1 + e^−|a|)] / M": (
        r"\mathrm{value} = \sum\,[\max (a, 0) - a\,t + \log (1 + e^{-\lvert a\rvert})]/M"
    ),
    "value = −Σ_n log softmax(a_n)[t_n] / N": (
        r"\mathrm{value} = -\sum_{n}\log \operatorname{softmax}(a_{n})[t_{n}]/N"
    ),
    "dy = dpixels + weight · J_φ(y)ᵀ · 2 (φ(y) − φ(t)) / M": (
        r"dy = \mathrm{dpixels} + \mathrm{weight} \cdot J_{\phi}(y)^{\top} \cdot "
        r"2\,(\phi (y) - \phi (t))/M"
    ),
    # penalties
    "KL(ρ ‖ ρ̂) = ρ log(ρ/ρ̂) + (1−ρ) log((1−ρ)/(1−ρ̂))": (
        r"\mathrm{KL}(\rho\,\Vert\, \hat{\rho}) = \rho\,\log (\rho/\hat{\rho}) + "
        r"(1 - \rho)\,\log ((1 - \rho)/(1 - \hat{\rho}))"
    ),
    "‖J‖²_F = Σ_i s_i² n_i": r"\lVert J\rVert_{F}^{2} = \sum_{i}s_{i}^{2}\,n_{i}",
    "mean ‖∂z/∂x‖_F / √(Σ_i Var z_i)": (
        r"\operatorname{mean}\lVert \partial z/\partial x\rVert_{F}/"
        r"\sqrt{\sum_{i}\operatorname{Var}z_{i}}"
    ),
    "Σ |z| / N": r"\sum \lvert z\rvert/N",
    # objectives
    "KL(N(μ, e^logvar) ‖ N(0, 1))": (
        r"\mathrm{KL}(\mathcal{N}(\mu, e^{\mathrm{logvar}}) \,\Vert\, \mathcal{N}(0, 1))"
    ),
    "s = e^{logvar/2} ε": r"s = e^{\mathrm{logvar}/2}\,\varepsilon",
    "value = −mean log σ(c(y))": r"\mathrm{value} = -\operatorname{mean}\log \sigma (c(y))",
    # optimizers
    "m ← β₁ m + (1−β₁) g": r"m \leftarrow \beta_{1}\,m + (1 - \beta_{1})\,g",
    "m̂ = m / (1−β₁ᵗ)": r"\hat{m} = m/(1 - \beta_{1}^{t})",
    "w ← w − lr · m̂ / (√v̂ + ε)": (
        r"w \leftarrow w - \mathit{lr} \cdot \hat{m}/(\sqrt{\hat{v}} + \varepsilon)"
    ),
    "lr · factor^⌊step / every⌋": (
        r"\mathit{lr} \cdot \mathrm{factor}^{\lfloor \mathrm{step}/\mathrm{every}\rfloor}"
    ),
    "Δ = −G⁻¹ (∂h/∂W̄) A⁻¹": r"\Delta = -G^{-1}\,(\partial h/\partial \bar{W})\,A^{-1}",
    "√(Σ g²)": r"\sqrt{\sum g^{2}}",
    # checking and applications
    "|⟨f(x), y⟩ − ⟨x, f_adjoint(y)⟩| / (‖f(x)‖ ‖y‖ + ‖x‖ ‖f_adjoint(y)‖)": (
        r"\lvert \langle f(x), y\rangle - \langle x, f_{\mathrm{adjoint}}(y)\rangle \rvert/"
        r"(\lVert f(x)\rVert\,\lVert y\rVert + \lVert x\rVert\,"
        r"\lVert f_{\mathrm{adjoint}}(y)\rVert)"
    ),
    "h_l = σ(W_l h_{l−1} + b_l)": r"h_{l} = \sigma (W_{l}\,h_{l - 1} + b_{l})",
}
CODE = """
    out=  kind=...  f(σ=1)  f(x, α=2)  Objective(code_penalty=KLSparsity(0.05),beta=3e-3)
    self.x·y  x.T·y  σ(x).mean()  w["α"]  '½'  params[key][...]  ->  corrupt(x,rng)->x̃  1-x
    plot_…  float32·x  ih·x  [0,∞)  (0,∞  √(x)²  x_i_j·y  d_dy·x  x·  ·x  Σ  σ^  a=β  *α  β₁|
""".split() + [
    "Ω, dx, grads", "μ, σ", "z, caches = encoder.forward(x)", "corrupt(x, rng) -> x̃",
    "chosen = stratified_subset(labels, 1000, rng)", "pair = real, fake", "x = x_train",
    "(4, 3, 8, 8)", "y, cache", "dy -> Jᵀ dy", "√ Σ g²", "x ^2·y", "a , = β", "y = x @ W + σ",
]  # fmt: skip


def texts():
    """Every docstring of the package, by its place."""
    for path in sorted((ROOT / "tinyae").rglob("*.py")):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef):
                line = getattr(node, "lineno", 1)
                yield f"{path.relative_to(ROOT)}:{line}", ast.get_docstring(node) or ""


TEXTS = {place: text for place, text in texts() if text}
LITERALS = {
    " ".join(literal.split())
    for text in TEXTS.values()
    for literal in docstrings.LITERAL.findall(text.split("Example:\n")[0])
}
TRANSLATED = sorted(literal for literal in LITERALS if latex(literal))
PAPERS = docstrings.labels()


def typeset(text):
    return "\n".join(docstrings.typeset(text.split("\n"), PAPERS))


def problem_of(formula):
    """What TeX would not accept, or what would look wrong."""
    depth = 0
    for bracket in re.findall(r"(?<!\\)[{}]", formula):
        depth += 1 if bracket == "{" else -1
        if depth < 0:
            return "braces"
    if depth:
        return "braces"
    if re.search(r"[_^](?!\{)", formula.replace(r"\_", "")):
        return "a script without braces"
    left = [c for c in formula if not c.isascii() or unicodedata.combining(c)]
    return f"not TeX: {left}" if left else None


@pytest.mark.parametrize("formula", FORMULAS)
def test_a_formula_of_a_docstring_becomes_latex(formula):
    assert formula in LITERALS, "take the examples from the docstrings of today"
    assert latex(formula) == FORMULAS[formula]


@pytest.mark.parametrize("text", CODE)
def test_what_is_not_surely_a_formula_stays_as_it_is(text):
    assert latex(text) is None
    assert typeset(f"A word, ``{text}``, and more.") == f"A word, ``{text}``, and more."


@pytest.mark.parametrize("literal", TRANSLATED)
def test_every_formula_of_the_package_is_sound_latex(literal):
    assert problem_of(latex(literal)) is None


def test_no_equation_of_the_package_is_left_as_code():
    """Literals with an equation sign between spaces, or a norm, a sum or a derivative."""
    left = {text for text in LITERALS if re.search(r" = |[Σ∂‖√]", text)} - set(TRANSLATED)
    code = re.compile(r"->|[\w\])]\.\w|\.\.\.|\"")
    known = {"pair = real, fake", "chosen = stratified_subset(labels, 1000, rng)"}
    assert {text for text in left if not code.search(text)} == known


@given(st.text("xydWσβΣΩ∂‖|()[]{}⟨⟩⌊⌋√ᵀ²₁'^_·−+=,; \u03021", max_size=14))
def test_whatever_the_text_is_its_latex_is_sound(text):
    found = latex(text)
    assert found is None or problem_of(found) is None


def problems(text):
    """What is wrong with the page of a docstring."""
    done = typeset(text)
    entry = r"(?m)^    (\w+(?:, \w+)*): "
    if re.findall(entry, done) != re.findall(entry, text):
        yield "another argument or error"
    for line in re.findall(r"(?m)^ *(?:Args|Returns|Raises|Warns|Example|Note):$|^ *>>>.*", text):
        if line not in done.split("\n"):
            yield f"no line {line}"
    for equation in re.findall(r"(?m)^ *\.\. math:: (.*)$", done):
        if problem_of(equation):
            yield problem_of(equation)
    if not re.search(r"[|*]", text) and typeset(done) != done:
        yield "another page after the second time"


def test_every_docstring_keeps_its_sections_and_its_examples_and_has_sound_equations():
    assert {
        place: list(problems(text)) for place, text in TEXTS.items() if any(problems(text))
    } == {}


@given(st.text("abXY 10.,:()\n=+-`", max_size=40))
def test_a_text_without_formulas_and_citations_is_unchanged(text):
    text = "\n".join(line.lstrip() for line in text.split("\n"))
    assert typeset(text) == text


def test_formulas_alone_are_displayed_and_others_stay_in_their_text():
    assert typeset("Two.\n\n    ``dx = dy W``,   ``dW = dyᵀ x``.\n\nMore.") == (
        "Two.\n\n.. math:: \\begin{aligned} dx &= dy\\,W, \\\\ "
        "dW &= dy^{\\top}\\,x. \\end{aligned}\n\nMore."
    )
    assert typeset("The map ``y = A x``\nis linear.") == "The map :math:`y = A\\,x`\nis linear."
    assert typeset("``√(Σ g²)`` of all entries.") == r":math:`\sqrt{\sum g^{2}}` of all entries."
    assert typeset("    Ω = Σ x²") == ".. math:: \\Omega = \\sum x^{2}"
    assert typeset("Code::\n\n    σ = 1 + β") == "Code::\n\n    σ = 1 + β"
    assert typeset("Args:\n    a: ``σ = 1``.") == "Args:\n    a: :math:`\\sigma = 1`."
    long = "``m ← β₁ m + (1−β₁) g``, ``v ← β₂ v + (1−β₂) g²``, ``w ← w − lr · m``\nfor t = 1."
    assert re.fullmatch(r"\.\. math:: \\begin{aligned}.*&.*\\\\.*\n\nfor t = 1\.", typeset(long))


def test_an_indented_paragraph_is_equations_columns_or_code():
    two = "    p ∝ exp(hᵀv)\n    p(h_i = 1 | v) = σ(W v)_i,      q = 1 − p"
    assert re.fullmatch(r"\.\. math:: \\begin{gathered}.* \\\\ .*, \\\\ .*", typeset(two))
    assert r"\\" not in typeset("    ε ~\n    N(0, σ²)")
    columns = typeset("    Conv   y = W · x   dx = Wᵀ · dy\n    Back   y = Wᵀ · x   dx = W · dy")
    assert columns.count("&") == 4 and r"\text{Conv} &" in columns
    code = "    model = fit(x)\n    print(model.β)"
    assert typeset(f"It is:\n\n{code}\n\nEnd.") == f"It is:\n\n::\n\n{code}\n\nEnd."
    assert typeset("- a list\n\n  goes on") == "- a list\n\n  goes on"


def test_signs_of_restructured_text_are_escaped_and_emphasis_is_not():
    assert typeset("|a| and (N, *size), *new*") == r"\|a\| and (N, \*size), *new*"


def test_every_citation_of_a_docstring_is_in_the_bibliography():
    cited = {
        f"{name}-{year}".lower()
        for text in TEXTS.values()
        for name, year in docstrings.CITATION.findall(text.split("Example:\n")[0])
    }
    assert len(cited) > 20
    assert cited <= PAPERS
    labels = re.findall(r"(?m)^- \((.*)\)=$", docstrings.BIBLIOGRAPHY.read_text("utf-8"))
    assert len(set(labels)) == len(labels) == len(PAPERS)


def test_a_citation_links_to_its_paper():
    assert typeset("Adam (Kingma &\nBa 2015, algorithm 1).") == (
        "Adam (:ref:`Kingma & Ba 2015 <kingma-2015>`, algorithm 1)."
    )
    assert ":ref:`Vincent, Larochelle, Bengio & Manzagol 2008 <vincent-2008>`" in typeset(
        "Source: Vincent, Larochelle, Bengio & Manzagol 2008."
    )
    assert ":ref:`Rifai et al. 2011b <rifai-2011b>`" in typeset("As Rifai et al. 2011b.")
    assert "<rifai-2011>" in typeset("Args:\n    a: λ (Rifai et\n        al. 2011), positive")
    assert typeset("Nobody et al. 2015") == "Nobody et al. 2015"
