"""Equations of the documentation as MathML, from the plain text of docstrings.

An indented block of text is an equation, written as the docstrings of ``devices/`` write it:
``G(t) = G_0 (t / t_0)^-nu``. Words of several letters are text, Greek letters are named, ``_`` and
``^`` set what follows lower and higher, two spaces or more divide the parts of a line. MathML
needs no script and no other host; browsers draw it by themselves.
"""

import html
import re
from xml.etree.ElementTree import Element, SubElement

from latex2mathml.converter import convert
from markdown import Markdown
from markdown.blockprocessors import CodeBlockProcessor
from markdown.extensions import Extension

GREEK = {
    "alpha", "beta", "gamma", "delta", "epsilon", "eta", "theta", "kappa", "lambda", "mu", "nu",
    "rho", "sigma", "tau", "phi", "chi", "psi", "omega", "Gamma", "Delta", "Phi", "Psi", "Omega",
}  # fmt: skip
FUNCTIONS = {"ln", "log", "exp", "sinh", "cosh", "tanh", "min", "max"}
OPERATORS = {
    "<=": r"\le", ">=": r"\ge", "!=": r"\ne", "->": r"\to", "=:": r"=:", "~": r"\propto",
    "|": "|", "*": r"\cdot", "-": "-", "²": "^{2}",
}  # fmt: skip
_TOKEN = re.compile(
    r"(?P<sum>sum (?:over (?P<over>\w+) )?of\b)"
    r"|(?P<name>[^\W\d_]+(?P<prime>'?)(?:_(?P<low>[^\W_]+(?:_[^\W_]+)*(?:\+[1nk]\b)?))?)"
    r"|(?P<number>\d+(?:\.\d+)?(?:e-?\d+)?)"
    r"|(?P<operator><=|>=|!=|->|=:|\S)"
)
_RELATION = re.compile(r"[=~]|<=|>=")


def latex(text: str) -> str:
    r"""LaTeX of one equation in plain text.

    >>> latex("G(t) = G_0 (t / t_0)^-nu")
    'G ( t ) = G_{0} \\, ( t / t_{0} )^{-\\nu}'
    >>> latex("x = sum of n exp(-1/T_ref)")
    'x = \\sum n \\, \\exp ( - 1 / T_{\\mathrm{ref}} )'
    """
    text = re.sub(r"\blog10\b", "log_10", text)
    out, place, glued = "", 0, True
    while place < len(text):
        if text[place] == " ":
            place, glued = place + 1, False
            continue
        if text[place] == "^":
            inside, place = _argument(text, place + 1)
            out += f"^{{{inside}}}"
            continue
        if text.startswith("sqrt(", place):
            end = _closing(text, place + 4)
            piece, place = rf"\sqrt{{{latex(text[place + 5 : end])}}}", end + 1
        else:
            match = _TOKEN.match(text, place)
            piece, place = _token(match), match.end()
        out += _between(out, piece, glued) + piece
        glued = True
    return out


def _between(before: str, piece: str, glued: bool) -> str:
    """Space between two pieces: thin for a product, none beside operators."""
    if not before:
        return ""
    factor = re.match(r"[A-Za-z\d(\[]|\\(?!le|ge|ne|to|propto|cdot)", piece)
    closed = re.search(r"[\w)\]}']$", before) and not re.search(r"\\[a-z]+$", before)
    greek = re.search(r"\\(\w+)$", before)
    product = factor and (closed or (greek and greek[1] in GREEK))
    if not product or glued:
        return " "
    return (
        r" \; " if piece.startswith(r"\mathrm") or re.search(r"\\mathrm{\w+}$", before) else r" \, "
    )


def _argument(text: str, place: int) -> tuple[str, int]:
    """What a ^ raises: a bracket, or a sign with one name or number; and where it ends."""
    if text[place] == "(":
        end = _closing(text, place)
        return latex(text[place + 1 : end]), end + 1
    sign = "-" if text[place] == "-" else ""
    match = _TOKEN.match(text, place + len(sign))
    return sign + _token(match), match.end()


def _closing(text: str, opening: int) -> int:
    depth = 0
    for place in range(opening, len(text)):
        depth += (text[place] == "(") - (text[place] == ")")
        if not depth:
            return place
    raise ValueError(f"no closing bracket: {text}")


def _token(match: re.Match) -> str:
    if match["sum"]:
        return r"\sum" + (f"_{{{_head(match['over'])}}}" if match["over"] else "")
    if match["number"]:
        return match["number"]
    if match["operator"]:
        return OPERATORS.get(match["operator"], match["operator"])
    head, prime, low = match["name"].partition("_")[0].rstrip("'"), match["prime"], match["low"]
    if low and len(head) > 2 and len(low) > 2 and head not in GREEK:  # a name of the code
        return rf"\mathtt{{{match['name'].replace('_', chr(92) + '_')}}}"
    if head == "Ea":
        head, low = "E", "a"
    return _head(head) + prime + (f"_{{{_low(low)}}}" if low else "")


def _head(word: str) -> str:
    if word in FUNCTIONS or word in GREEK:
        return "\\" + word
    return word if len(word) == 1 else rf"\mathrm{{{word}}}"


def _low(text: str) -> str:
    parts = re.split(r"(\+)", text.replace("_", ","))
    return "".join(_head(p) if p.isalpha() else p for p in parts)


def mathml(text: str) -> str:
    """HTML of a block of equations: a line each, parts of a line in a row that wraps."""
    lines = []
    for line in text.strip("\n").splitlines():
        aligned = re.sub(r" {2,}(?=[=~])", " ", line.strip())
        parts = re.split(r",? {2,}", aligned)
        shown = (
            convert(latex(part)) if "`" not in part else _prose(part) for part in parts if part
        )
        lines.append(f"<div>{' '.join(shown)}</div>")
    return "".join(lines)


def _prose(text: str) -> str:
    return "<span>" + re.sub(r"`([^`]+)`", r"<code>\1</code>", html.escape(text)) + "</span>"


class _Equations(CodeBlockProcessor):
    """Indented blocks with a relation in them."""

    def run(self, parent: Element, blocks: list[str]) -> None:
        block, rest = self.detab(blocks[0])
        if not _RELATION.search(block) or ">>>" in block:
            return super().run(parent, blocks)
        blocks.pop(0)
        if rest:
            blocks.insert(0, rest)
        holder = SubElement(parent, "div", {"class": "equation"})
        holder.text = self.parser.md.htmlStash.store(mathml(block))
        return None


class PlainEquations(Extension):
    """Markdown extension that draws indented equations."""

    def extendMarkdown(self, md: Markdown) -> None:
        md.parser.blockprocessors.register(_Equations(md.parser), "code", 80)


def on_config(config):
    """Add the extension to those of the pages and docstrings."""
    config.markdown_extensions.append(PlainEquations())
    return config
