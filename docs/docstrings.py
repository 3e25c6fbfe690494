"""What happens to a docstring on its way to the site, before Sphinx reads it.

Formulas become mathematics (``formulas``), citations become links to the bibliography, and what
reStructuredText would take for its own signs gets a backslash. Examples and code stay as they are.
"""

from __future__ import annotations

import re
from itertools import groupby
from pathlib import Path

from formulas import latex  # docs/formulas.py

BIBLIOGRAPHY = Path(__file__).with_name("bibliography.md")
LITERAL = re.compile(r"``([^`]+)``")
SIGN = re.compile(r"([,.;]?)\s*")  # behind a formula
WORDS = re.compile(r"\s+([a-z]{2,}(?: [a-z]{2,})*)([,.;]?)\s*")  # such as: for every example
SPECIAL = re.compile(r"(?<!\w)\*\w[\w\s]*\*(?!\w)|[|*]")  # *emphasis* stays
RELATION = re.compile(r" (=|\\leftarrow|\\mathrel\{\+\}=) ")
SHORT = 50  # characters of formulas that fit into a text
# Kingma & Ba 2015; Rifai et al. 2011; Vincent, Larochelle & Bengio 2008; Hutchinson 1990
CITATION = re.compile(
    r"\b([A-Z][a-z]+)(?:(?:,\s+[A-Z][a-z]+)*\s+&\s+[A-Z][a-z]+|\s+et\s+al\.)?\s+((?:19|20)\d\db?)\b"
)


def process(app, what, name, obj, options, lines: list[str]) -> None:
    """For Sphinx's event autodoc-process-docstring, which wants ``lines`` changed in place."""
    lines[:] = typeset(lines, labels())
    if lines and what in ("attribute", "data", "property"):
        # Or else napoleon takes all that is in front of a colon in the first line for a type
        lines[:1] = lines[0].split(" ", 1)


def labels() -> set[str]:
    """The labels of the bibliography, such as "kingma-2015"."""
    return set(re.findall(r"\((\w+-\d{4}b?)\)=", BIBLIOGRAPHY.read_text(encoding="utf-8")))


def typeset(lines: list[str], papers: set[str]) -> list[str]:
    """The lines of a docstring as reStructuredText."""
    done: list[str] = []
    in_section = False  # from "Args:", or a list, to the next paragraph without indentation
    code = None  # the indentation of a paragraph that ends with "::"
    for empty, group in groupby(lines, key=lambda line: not line.strip()):
        paragraph = list(group)
        indent = len(paragraph[0]) - len(paragraph[0].lstrip())
        if empty or (code is not None and indent > code):
            done += paragraph
            continue
        code = indent if paragraph[-1].rstrip().endswith("::") else None
        if indent == 0:
            in_section = bool(re.match(r"[A-Z][a-z]+:\s*$|[-*] |\d+\. ", paragraph[0]))
        prompts = (i for i, line in enumerate(paragraph) if line.lstrip().startswith(">>>"))
        example = next(prompts, len(paragraph))
        only_text = in_section or example < len(paragraph)
        done += (inline if only_text else with_equations)(paragraph[:example], papers)
        done += paragraph[example:]
    return done


def with_equations(paragraph: list[str], papers: set[str]) -> list[str]:
    """A paragraph whose first formulas, or formulas alone on a line, are displayed equations."""
    equation, rest = display(paragraph)
    done = [equation, *[""] * bool(rest)] if equation else []
    if not paragraph[0].startswith(" "):
        return done + inline(rest, papers)
    if not equation and "`" not in "".join(paragraph):
        return table(paragraph)
    for alone, lines in groupby(rest, key=lambda line: "``" in line and not display([line])[1]):
        if alone:
            equation, rest = display(list(lines))
            done += ["", equation, ""]
        else:
            text = list(lines)
            done += inline([line.strip() for line in text] if equation else text, papers)
    return done


def display(paragraph: list[str]) -> tuple[str | None, list[str]]:
    """The equations at the beginning of a paragraph, as a directive, and the rest of it. A short
    equation with a text behind it stays in the text."""
    text = "\n".join(line.strip() for line in paragraph)
    before, *parts = LITERAL.split(text)
    if not parts and paragraph[0].startswith(" "):
        before, parts = "", without_backticks(paragraph)
    equations, rest, length = [], before, 0
    while parts and not rest:
        formula, behind, *parts = parts
        found = latex(" ".join(formula.split()))
        words = WORDS.fullmatch(behind) if paragraph[0].startswith(" ") else None
        sign = SIGN.match(behind)
        if not found or (words and parts):
            rest = f"``{formula}``{behind}"
            break
        length += len(formula)
        if words:
            equations.append(rf"{found}\quad\text{{{words[1]}}}{words[2]}")
        else:
            equations.append(found + sign[1])
            rest = behind[sign.end() :]
    for formula, behind in zip(parts[::2], parts[1::2], strict=True):
        rest += f"``{formula}``{behind}"
    if not equations or rest.startswith(":") or (rest and length <= SHORT):
        return None, paragraph
    kind = "aligned" if all(map(RELATION.search, equations)) else "gathered"
    sign = r" &\1 " if kind == "aligned" else r" \1 "
    rows = r" \\ ".join(RELATION.sub(sign, row, count=1) for row in equations)
    shown = rf"\begin{{{kind}}} {rows} \end{{{kind}}}" if len(equations) > 1 else equations[0]
    return f".. math:: {shown}", rest.split("\n") if rest else []


def without_backticks(paragraph: list[str]) -> list[str]:
    """The equations of an indented paragraph, and what is behind each: one or more a line, or one
    that goes on in the next line. Empty if there is anything else."""
    for lines in (paragraph, [" ".join(line.strip() for line in paragraph)]):
        cells = [re.split(r"(?<=,)\s{3,}", line.strip()) for line in lines]
        found = [re.fullmatch(r"(.*?)([,.]?)", cell) for line in cells for cell in line]
        if all(match and latex(match[1]) for match in found):
            return [part for match in found for part in match.groups()]
    return []


def table(paragraph: list[str]) -> list[str]:
    """An indented paragraph that is no text: columns of formulas, or else code."""
    cells = [re.split(r"\s{3,}", line.strip()) for line in paragraph]
    rows = [[latex(cell) or rf"\text{{{cell}}}" for cell in line if cell] for line in cells]
    formulas = all(latex(cell) for line in cells for cell in line[1:])
    if formulas and all(line[0].isalnum() and len(line) == len(cells[0]) > 1 for line in cells):
        body = r" \\ ".join(" & ".join(row) for row in rows)
        return [rf".. math:: \begin{{array}}{{{'l' * len(cells[0])}}} {body} \end{{array}}"]
    return ["::", "", *paragraph]


def inline(paragraph: list[str], papers: set[str]) -> list[str]:
    """Formulas, citations and signs inside of a text."""

    def math(match: re.Match[str]) -> str:
        found = latex(" ".join(match[1].split()))
        return f":math:`{found}`" if found else match[0]

    def link(match: re.Match[str]) -> str:
        label = f"{match[1]}-{match[2]}".lower()
        return f":ref:`{' '.join(match[0].split())} <{label}>`" if label in papers else match[0]

    def escape(match: re.Match[str]) -> str:
        return match[0] if len(match[0]) > 1 else rf"\{match[0]}"

    parts = re.split(r"(`+[^`]*`*)", LITERAL.sub(math, "\n".join(paragraph)))
    parts[::2] = [CITATION.sub(link, SPECIAL.sub(escape, part)) for part in parts[::2]]
    return "".join(parts).split("\n")
