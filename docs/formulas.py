"""The formulas of docstrings, as LaTeX for the site.

In the source, a formula is Unicode in double backticks. It reads well there and with ``help()``.
``latex`` parses such a text with the small grammar of this module. A text that does not fit it
from beginning to end is code, or not surely a formula, and stays as it is.
"""

from __future__ import annotations

import re
import unicodedata
from typing import NamedTuple

FUNCTIONS = {word: rf"\{word} " for word in ("log", "exp", "max", "min", "tanh", "dim")} | {
    word: rf"\operatorname{{{word}}}"
    for word in ("clip", "mean", "onehot", "round", "sigmoid", "sign", "softmax", "Var")
}
SHORT = {word: rf"\mathit{{{word}}}" for word in ("Ho", "Wo", "kh", "kw", "lr")}
SHORT["KL"] = r"\mathrm{KL}"  # any other two letters could be a product
RELATIONS = {
    "=": "=", "+=": r"\mathrel{+}=", "<": "<", ">": ">", "<=": r"\le", ">=": r"\ge", "≤": r"\le",
    "≥": r"\ge", "≠": r"\ne", "≈": r"\approx", "∈": r"\in", "←": r"\leftarrow", "~": r"\sim",
    "‖": r"\,\Vert\,", "|": r"\mid", "∝": r"\propto",
}  # fmt: skip
SIGNS = {"+": "+", "−": "-", "±": r"\pm", "·": r"\cdot", "×": r"\times", "⊗": r"\otimes"}
SYMBOLS = {
    "∂": r"\partial ", "∇": r"\nabla ", "∞": r"\infty ", "½": r"\tfrac{1}{2}", "…": r"\dots ",
    "Σ": r"\sum ", "Π": r"\prod ", "ε": r"\varepsilon ", "λ": r"\lambda ", "Λ": r"\Lambda ",
}  # fmt: skip
ACCENTS = {"\u0302": r"\hat", "\u0303": r"\tilde", "\u0304": r"\bar"}
BRACKETS = {"(": "()", "[": "[]", "⌊": "⌊⌋", "⟨": "⟨⟩", "|": "||", "‖": "‖‖"}
EDGES = {
    "⌊⌋": (r"\lfloor ", r"\rfloor "), "⟨⟩": (r"\langle ", r"\rangle "),
    "||": (r"\lvert ", r"\rvert "), "‖‖": (r"\lVert ", r"\rVert "),
}  # fmt: skip

# Signs that only formulas have, and the words of formulas without them, as in y = f(x)
MATHEMATICS = re.compile("[α-ωΓΔΘΛΞΠΣΦΨΩᵀ-ᵡˣʸ⁰¹²³⁴-₉√‖⟨⌊·−×⊗±≤≥≠≈∈∝←∂∇∞½\u0302-\u0304]")
WORDS = {*FUNCTIONS, "encode", "decode", "params", "where", "else"}
WORD = rf"(?!(?:{'|'.join([*FUNCTIONS, *SHORT])}|d[a-z])\b)[a-z]{{2,}}"  # of English
TOKENS = re.compile(
    rf"""\s*(?:
      (?P<prose> {WORD}(?:[ ]{WORD})+(?![\w(_^']) | \b(?:where|else|if|for)\b )
    | (?P<argument> (?!d[a-z]_)[a-z]{{2,}}(?:_[a-z]{{2,}})+ )  # as in output_padding
    | (?P<name> [A-Za-z]+ )
    | (?P<letter> [α-ξπρσ-ωΓΔΘΛΞΠΣΦΨΩ∂∇∞½…] )
    | (?P<number> \d+(?:\.\d+)?(?![.\d]|e[-−\d]) )
    | (?P<operator> (?<=\s)(?:\+=|<=|>=|[<>=|‖~])(?=\s) | (?<=\w)=(?=\w) | [≤≥≠≈∈∝←+−±·×⊗/,;] )
    | (?P<open> [(\[{{⌊⟨] )
    | (?P<close> [)\]}}⌋⟩] )
    | (?P<bar> [|‖] )
    | (?P<root> √(?=[(\w]) )
    | (?P<script> [_^] | '+ | [⁰¹²³⁴-⁹⁺⁻ⁱⁿᵀᵗᵏˣʸ]+ | [₀-₉₊₋ᵢⱼₖₙₜ]+ )
    | (?P<accent> [\u0302-\u0304] )
    | (?P<end> $ ) )""",
    re.VERBOSE,
)


class NotAFormula(Exception):
    """The text does not fit the grammar."""


class Token(NamedTuple):
    kind: str
    text: str
    spaced: bool  # after white space


def latex(text: str) -> str | None:
    """A formula in LaTeX; None if the text is not surely a formula."""
    text = "".join(unicodedata.normalize("NFD", c) if c.isalpha() else c for c in text)
    if "   " in text:  # columns
        return None
    if not MATHEMATICS.search(text):
        words = {word for word in re.findall("[A-Za-z]+", text) if not re.fullmatch("d?.", word)}
        if not re.search(r" \+?= |\b[A-Za-z]_\w\b", text) or not words <= WORDS:
            return None
    try:
        found = Parser(text).sequence()
    except NotAFormula:
        return None
    # A command needs a space only before a letter
    return re.sub(r"(\\[A-Za-z]+) (?=[_^})\],/'|]|\\,|$)", r"\1", " ".join(found.split()))


class Parser:
    """One formula, read from left to right."""

    def __init__(self, text: str) -> None:
        self.tokens: list[Token] = []
        at = 0
        while not self.tokens or self.tokens[-1].kind != "end":
            match = TOKENS.match(text, at)
            if not match or not match.lastgroup:
                raise NotAFormula(text[at:])
            kind = match.lastgroup
            self.tokens.append(Token(kind, match[kind], match.start(kind) > at))
            at = match.end()
        self.tokens.reverse()  # so that pop() takes the next one

    def sequence(self, closer: str = "") -> str:
        """Up to the bracket that closes it, or to the end of the text."""
        out, last, related = "", "operator", False
        while self.tokens[-1].text != closer or self.tokens[-1].kind == "operator":
            token, before = self.tokens.pop(), last
            if token.kind == "operator":
                related = related or token.text in RELATIONS
                if token.text in ",;" and not closer and not related:
                    raise NotAFormula("a tuple")
                piece, last = self.operator(token, before, closer), "operator"
            else:
                piece, last = self.operand(token)
                product = before == "operand" and token.kind != "prose"
                if token.spaced and (product or before == "function" and token.kind == "open"):
                    piece = rf"\,{piece}"
            out += piece
        if last in ("operator", "function"):
            raise NotAFormula("nothing after it")
        self.tokens.pop()
        return out

    def operator(self, token: Token, before: str, closer: str) -> str:
        """A sign between two operands, or a minus in front of one."""
        sign = token.text
        if sign in "−±" and before != "operand":
            return SIGNS[sign] + " " * (sign == "±")
        if before != "operand" or (sign == "=" and not token.spaced and closer != "}"):
            raise NotAFormula("no operand in front of it, or a keyword argument")
        if sign in ",;":
            wide = not closer and self.tokens[-1].kind != "prose"
            return sign + (r"\quad " if wide else " " * self.tokens[-1].spaced)
        return "/" if sign == "/" else f" {RELATIONS.get(sign) or SIGNS[sign]} "

    def operand(self, token: Token) -> tuple[str, str]:
        """What a token begins, and whether that is an operand or a function in front of one."""
        kind, text = token.kind, token.text
        if text in BRACKETS:
            pair = BRACKETS[text]
            left, right = EDGES.get(pair, pair)
            return self.scripted(left + self.sequence(pair[1]) + right), "operand"
        if kind == "root":
            token = self.tokens.pop()
            inside = self.sequence(")") if token.text == "(" else self.operand(token)[0]
            if self.tokens[-1].kind == "script":
                raise NotAFormula("an exponent of a root")
            return rf"\sqrt{{{inside}}}", "operand"
        if kind == "prose":
            closed = self.tokens[-1].kind in ("close", "end")
            return rf"\text{{{' ' * token.spaced}{text}{' ' * (not closed)}}}", "prose"
        if kind == "argument":
            return r"\mathtt{" + text.replace("_", r"\_") + "}", "operand"
        if kind == "letter":
            return self.scripted(self.letter(text)), "function" if text in "ΣΠ" else "operand"
        if kind == "number":
            return self.scripted(text), "operand"
        if kind == "name":
            return self.name(text)
        raise NotAFormula(text)

    def letter(self, text: str) -> str:
        """A letter with its accent, as in x̂."""
        if text not in SYMBOLS and not text.isascii():
            _, case, _, greek = unicodedata.name(text).split()
            SYMBOLS[text] = f"\\{greek.lower() if case == 'SMALL' else greek.capitalize()} "
        piece = SYMBOLS.get(text, text)
        if self.tokens[-1].kind == "accent":
            return f"{ACCENTS[self.tokens.pop().text]}{{{piece}}}"
        return piece

    def name(self, word: str) -> tuple[str, str]:
        """A letter, a gradient such as dW, a function, or a word that is one symbol."""
        after = Token("", "", True) if self.tokens[-1].spaced else self.tokens[-1]
        if word == "N" and after.text == "(":
            return r"\mathcal{N}", "operand"
        if word == "E" and self.tokens[-1].text in ("[", "‖"):
            return r"\mathbb{E}", "function"
        if len(word) == 1 or (len(word) == 2 and word[0] == "d"):
            piece = word[:-1] + self.letter(word[-1])
            index = self.tokens.pop().text if after.kind == "number" else ""
            return self.scripted(piece, index), "operand"
        if (len(word) == 2 and word not in SHORT) or after.kind == "number":
            raise NotAFormula(word)
        if word in FUNCTIONS:
            piece = self.scripted(FUNCTIONS[word])
            if self.tokens[-1].kind in ("name", "letter", "number", "open", "bar", "root"):
                return piece, "function"
        upright = "operatorname" if after.text == "(" else "mathrm"
        return self.scripted(SHORT.get(word, rf"\{upright}{{{word}}}")), "operand"

    def scripted(self, piece: str, lower: str = "") -> str:
        """The piece with its primes, its index and its exponent."""
        primes = upper = ""
        while self.tokens[-1].kind == "script" and not self.tokens[-1].spaced:
            text = self.tokens.pop().text
            if text[0] == "'":
                occupied, primes = primes + lower + upper, text
            elif text[0] in "_₀₁₂₃₄₅₆₇₈₉₊₋ᵢⱼₖₙₜ":
                occupied, lower = lower, self.script(text)
            else:
                occupied, upper = upper, self.script(text)
            if occupied:
                raise NotAFormula("two indices or exponents")
        lower = f"_{{{lower}}}" if lower else ""
        return piece + primes + lower + (f"^{{{upper}}}" if upper else "")

    def script(self, text: str) -> str:
        """An index or exponent: small characters, or what follows _ or ^."""
        if text not in ("_", "^"):
            return unicodedata.normalize("NFKC", text).replace("T", r"\top").replace("−", "-")
        token = self.tokens.pop()
        if token.spaced or re.fullmatch("d.", token.text):
            raise NotAFormula("no index: d_dy is a name")
        if token.text == "{":
            return self.sequence("}")
        if token.text == "−" and text == "^":
            return "-" + self.script(text)
        if token.kind == "name":
            return token.text if len(token.text) < 3 else rf"\mathrm{{{token.text}}}"
        if token.kind in ("letter", "number", "open", "bar"):
            return self.operand(token)[0]
        raise NotAFormula(token.text)
