# ruff: noqa: E501, RUF001 - one formula a line; signs that look like others are what this is about
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from lxml import html

from midtrain_dagster.collection.page.mathml import UnconvertibleError, tex_of

NAMES = [
    "math",
    "mrow",
    "mi",
    "mn",
    "mo",
    "msup",
    "mfrac",
    "mtable",
    "mtr",
    "mtd",
    "munder",
    "mfenced",
    "mmultiscripts",
    "msqrt",
    "b",
]


def math(inner: str) -> Any:
    return html.fragment_fromstring(f"<math>{inner}</math>")


def x(inner: str = "x") -> str:
    return f"<mi>{inner}</mi>"


def o(inner: str) -> str:
    return f"<mo>{inner}</mo>"


# The TeX that each is what LaTeXML or MathJax make of, but for spaces and needless braces.
@pytest.mark.parametrize(
    ("markup", "tex"),
    [
        (f"<msup>{x()}<mn>2</mn></msup>{o('+')}<msub>{x('y')}<mn>10</mn></msub>", "x^2+y_{10}"),
        (f"<msubsup>{x()}{x('i')}<mrow>{x('j')}{o('+')}<mn>1</mn></mrow></msubsup>", "x_i^{j+1}"),
        (f"<mfrac>{x('a')}<mrow>{x('b')}{o('−')}<mn>1</mn></mrow></mfrac>", "\\frac{a}{b-1}"),
        (f"<msqrt>{x()}{o('+')}{x('y')}</msqrt><mroot>{x()}<mn>3</mn></mroot>", "\\sqrt{x+y}\\sqrt[3]{x}"),
        (f"<munderover>{o('∑')}<mrow>{x('i')}{o('=')}<mn>1</mn></mrow>{x('n')}</munderover>{x('i')}", "\\sum_{i=1}^ni"),
        (f"<msubsup>{o('∫')}<mn>0</mn>{x('∞')}</msubsup>{x('f')}{x('d')}{x()}", "\\int_0^{\\infty}fdx"),
        (f"<munder>{x('lim')}<mrow>{x()}{o('→')}<mn>0</mn></mrow></munder>{x('f')}", "\\lim_{x\\to 0}f"),
        (f"{x('sin')}{o('⁡')}{x('α')}", "\\sin\\alpha"),
        (f"{x('α')}{o('≤')}{x('β')}{o('≠')}{x('Ω')}{o('×')}{x('ℝ')}", "\\alpha\\le\\beta\\ne\\Omega\\times\\mathbb{R}"),
        (f"<mi mathvariant='bold'>v</mi>{x('𝐀')}{x('𝑥')}{x('𝛼')}", "\\mathbf{v}\\mathbf{A}x\\alpha"),
        (f"{x('rank')}{x('A')}", "\\operatorname{rank}A"),
        (f"<mtext>if&nbsp;</mtext>{x()}", "\\text{if }x"),
        (f"<mn>50</mn>{o('%')}{o('{')}{x()}{o('}')}", "50\\%\\{x\\}"),
        (f"<mover>{x()}{o('^')}</mover><mover>{x('v')}{o('→')}</mover>", "\\hat{x}\\vec{v}"),
        (f"<mover><mrow>{x('A')}{x('B')}</mrow>{o('¯')}</mover>", "\\overline{AB}"),
        (f"<munder><munder><mrow>{x('a')}{o('+')}{x('b')}</mrow>{o('⏟')}</munder>{x('n')}</munder>", "\\underbrace{a+b}_n"),
        (f"<mover>{o('=')}<mtext>def</mtext></mover>", "=^{\\text{def}}"),
        (f"<mover>{x()}<mtext>def</mtext></mover>", "\\overset{\\text{def}}{x}"),
        (f"<msup>{x('f')}{o('′')}</msup><msup><mrow>{x('a')}{x('b')}</mrow>{x('n')}</msup>", "f'{ab}^n"),
        (f"{o('(')}<mfrac linethickness='0'>{x('n')}{x('k')}</mfrac>{o(')')}", "\\binom{n}{k}"),
        (f"<mfenced open='['>{x()}{x('y')}</mfenced>", "[x,y)"),
        (f"<mmultiscripts>{x('C')}<none/><none/><mprescripts/><mn>6</mn><mn>14</mn></mmultiscripts>", "{}_6^{14}C"),
        (
            f"{x('A')}{o('=')}{o('(')}<mtable><mtr><mtd>{x('a')}</mtd><mtd>{x('b')}</mtd></mtr>"
            f"<mtr><mtd>{x('c')}</mtd><mtd>{x('d')}</mtd></mtr></mtable>{o(')')}{x('v')}",
            "A=\\begin{pmatrix} a & b \\\\ c & d \\end{pmatrix}v",
        ),
        (
            f"{o('{')}<mtable><mtr><mtd>{x()}</mtd><mtd>{x('y')}</mtd></mtr></mtable>",
            "\\begin{cases} x & y \\end{cases}",
        ),
        (f"{o('|')}<mtable><mtr><mtd>{x()}</mtd></mtr></mtable>{o('|')}<mtable><mtr><mtd>{x('y')}</mtd></mtr></mtable>{o('|')}",
         "\\begin{vmatrix} x \\end{vmatrix}\\begin{matrix} y \\end{matrix}|"),
        (f"<mstyle><mpadded>{x()}<mspace width='2em'/>{x('y')}</mpadded></mstyle>", "x\\quad y"),
        (f"<semantics>{x()}<annotation-xml><apply/></annotation-xml></semantics>", "x"),
        (f"<menclose notation='box'>{x()}</menclose>", "\\boxed{x}"),
        ("<m:msup><m:mi>c</m:mi><m:mn>2</m:mn></m:msup>", "c^2"),
    ],
)  # fmt: skip
def test_presentation_becomes_tex(markup: str, tex: str) -> None:
    assert tex_of(math(markup)) == tex


@pytest.mark.parametrize(
    ("markup", "message"),
    [
        ("<apply><plus/><ci>x</ci></apply>", "<apply> is not known"),
        (f"<mfrac>{x()}</mfrac>", "<mfrac> of 1 parts"),
        ("<mrow>" * 100 + x(), "nested too deep"),
        (x() * 6000, "more than 5000 elements"),
        (x("x" * 30_000), "characters of TeX"),
        ("", "0 characters"),
    ],
)
def test_what_is_no_formula_says_why(markup: str, message: str) -> None:
    with pytest.raises(UnconvertibleError, match=message):
        tex_of(math(markup))


@given(
    st.lists(
        st.one_of(
            st.sampled_from([f"<{name}>" for name in NAMES] + [f"</{name}>" for name in NAMES]),
            st.text(max_size=3).filter(lambda text: "\0" not in text),
        ),
        max_size=60,
    )
)
def test_any_markup_is_tex_or_none(pieces: list[str]) -> None:
    tree = html.document_fromstring(f"<div><math>{''.join(pieces)}</math></div>")
    try:
        tex = tex_of(next(tree.iter("math")))
    except UnconvertibleError as error:
        assert str(error)
    else:
        assert tex
