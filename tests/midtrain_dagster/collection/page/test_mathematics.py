# ruff: noqa: E501 - pages as programs write them
import re
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from trafilatura import load_html

from midtrain_dagster.collection.page.mathematics import PageMathematics
from midtrain_dagster.collection.readers.html import read_page
from midtrain_dagster.collection.record import Document

PARAGRAPH = (
    "The sea otter keeps a favourite stone in a pocket of loose skin under its arm, and opens "
    "mussels with it while it floats on its back among the kelp. "
) * 3
CODE = "<pre>def f(x):\n    return {x}\n</pre>"
ROW = "<mrow><mi>E</mi><mo>=</mo><mi>m</mi><msup><mi>c</mi><mn>2</mn></msup></mrow>"
TEX = '<annotation encoding="application/x-tex">E = mc^2</annotation>'
MATHML = f'<math xmlns="http://www.w3.org/1998/Math/MathML">{ROW}</math>'
ANNOTATED = f"<math><semantics>{ROW}{TEX}</semantics></math>"
KATEX = (
    f'<span class="katex"><span class="katex-mathml">{ANNOTATED}</span><span class="katex-html" '
    'aria-hidden="true"><span class="mord">E</span><span class="mrel">=</span>mc2</span></span>'
)
MATHJAX_2 = (
    '<span class="MathJax_Preview">E=mc2</span><span class="MathJax" id="MathJax-Element-1-Frame">'
    "<nobr>E=mc2</nobr></span>"
)
WIKIPEDIA = "https://wikimedia.org/api/rest_v1/media/math/render/svg/9f73"


def read(body: str) -> Document:
    """The document of a page with the body between two paragraphs."""
    markup = (
        "<!doctype html><html><head><title>Otters</title></head><body><nav><a href=/>Home</a></nav>"
        f"<main><article><h1>Sea otters</h1><p>{PARAGRAPH}</p>{body}<p>{PARAGRAPH}</p></article>"
        "</main></body></html>"
    )
    document = read_page("page", markup.encode(), None, {"url": "u"})
    assert isinstance(document, Document), document
    return document


def between(document: Document) -> str:
    """What the page says between its two paragraphs."""
    return document.text.split(PARAGRAPH.strip())[1].strip()


@pytest.mark.parametrize(
    ("markup", "text"),
    [
        ("10<sup>6</sup>", "10^6"),
        ("10<sup>-12</sup> and 10<sup>\u22126</sup>", "10^{-12} and 10^{\u22126}"),
        ("H<sub>2</sub>O, C<sub>12</sub>H<sub>22</sub>", "H_2O, C_{12}H_{22}"),
        ("x<sub>i,j</sub><sup>2</sup>", "x_{i,j}^2"),
        ("e<sup>x<sup>2</sup></sup>", "e^{x^2}"),
        ("2<sup>n + <b>1</b></sup>", "2^{n + 1}"),
        ("Na<sup>+</sup>, <sup>14</sup>C", "Na^+, ^{14}C"),
        ('x<span style="color: red; vertical-align: super; font-size: 8px">2</span>', "x^2"),
        ('x<span style="vertical-align:sub">0</span>', "x_0"),
        ("the 1<sup>st</sup> and n<sup>th</sup> otter", "the 1st and nth otter"),
        ("la 2<sup>e</sup> fois, M<sup>me</sup> Loutre", "la 2e fois, Mme Loutre"),
        ("Otter<sup>TM</sup>, Otter<sup>\u00ae</sup>, free<sup>*</sup>", "OtterTM, Otter\u00ae, free*"),
        ("<sup>1</sup>&frasl;<sub>2</sub> cup, <sup>3</sup>/<sub>4</sub>", "1\u20442 cup, 3/4"),
        ("<sup>a</sup>/<sup>b</sup>", "^a/^b"),
        ('otters<sup><a href="#note3">3</a></sup> sleep', "otters[3] sleep"),
        ('otters<a href="#fn"><sup>3</sup></a> sleep', "otters[3] sleep"),
        ('otters<a href="/post#fn3"><sup>3</sup></a> sleep', "otters[3] sleep"),
        ('<a href="/unit">m<sup>2</sup></a>', "m^2"),
        ("au XIX<sup>e</sup>, le I<sup>er</sup>", "au XIXe, le Ier"),
        ('au <abbr><span class="romain">XIX</span><sup>e</sup></abbr> si\u00e8cle', "au XIXe si\u00e8cle"),
        ("les 2<sup>es</sup>, n<sup>o</sup> 5, N<sup>os</sup> 6", "les 2es, no 5, Nos 6"),
        ("e<sup>x</sup>, x<sup>e</sup>, in<sup>o</sup>, 2<sup>n</sup>", "e^x, x^e, in^o, 2^n"),
        ("30<sup>o</sup>C or 86 <sup>o</sup>F", "30\u00b0C or 86 \u00b0F"),
        ("SO<span><sup>2\u2212</sup><br><sub>4</sub></span> ions", "SO^{2\u2212}_4 ions"),
        ('otters<sup class="reference"><a href="#cite">[3]</a></sup> sleep', "otters[3] sleep"),
        ('10<sup><a href="/wiki/Power">6</a></sup>', "10^6"),
        ("x<sup></sup>y<sub> </sub>z", "xyz"),
        (f"<sup>{'Small print of some length. ' * 2}</sup>", ("Small print of some length. " * 2).strip()),
        (ANNOTATED, "$E = mc^2$"),
        (MATHML, "$E=mc^2$"),
        ("<mml:math><mml:msup><mml:mi>c</mml:mi><mml:mn>2</mml:mn></mml:msup></mml:math>", "$c^2$"),
        ('<math alttext="{\\displaystyle E=mc^{2}}"><mi>E</mi></math>', "$E=mc^{2}$"),
        ('<math alttext="E equals m c squared"><mi>E</mi></math>', "$E$"),
        ('<script type="math/tex">E = % mass\n mc^2</script>', "$E = mc^2$"),
        ('<script type="math/tex; mode=display">% <![CDATA[\nx<y %]]></script>', "$$x<y$$"),
        ('<script type="math/asciimath">sum_i x^2</script>', "`sum_i x^2`"),
        (f'<script type="math/mml">{MATHML}</script>', "$E=mc^2$"),
        (KATEX, "$E = mc^2$"),
        (f'<span class="katex-display">{KATEX}</span>', "$$E = mc^2$$"),
        (f'{MATHJAX_2}<script type="math/tex" id="MathJax-Element-1">E=mc^2</script>', "$E=mc^2$"),
        (f"<span class='MathJax' data-mathml='{MATHML}'><nobr>E=mc2</nobr></span>", "$E=mc^2$"),
        (f'<span class="MathJax_SVG"><svg></svg><span class="MJX_Assistive_MathML">{MATHML}</span></span>', "$E=mc^2$"),
        (f'<mjx-container class="MathJax" jax="CHTML" display="true"><mjx-math><mjx-mi></mjx-mi></mjx-math><mjx-assistive-mml>{MATHML}</mjx-assistive-mml></mjx-container>', "$$E=mc^2$$"),
        ('<mjx-container jax="SVG"><mjx-math data-latex="E=mc^2"></mjx-math></mjx-container>', "$E=mc^2$"),
        (f'<span class="mwe-math-element"><span style="display: none">{ANNOTATED}</span><img src="{WIKIPEDIA}" class="mwe-math-fallback-image-inline" alt="E=mc^2"></span>', "$E = mc^2$"),
        (f'<img src="{WIKIPEDIA}" class="mwe-math-fallback-image-display" alt="{{\\displaystyle E=mc^{{2}}}}">', "$$E=mc^{2}$$"),
        ('<img class="tex" alt="x^2 + 1" src="/images/math/9/d.png">', "$x^2 + 1$"),
        ('<img class="latex" alt="n" src="https://s0.wp.com/latex.php?latex=n">', "$n$"),
        ('<img src="https://s0.wp.com/latex.php?latex=E%3Dmc%5E2&#038;bg=ffffff&#038;fg=000">', "$E=mc^2$"),
        ('<img src="https://latex.codecogs.com/gif.latex?E%3Dmc%5E2">', "$E=mc^2$"),
        (
            '<img src="https://latex.codecogs.com/gif.latex?%5Cinline%20%5Cdpi%7B150%7D%20E%3Dmc%5E2">',
            "$E=mc^2$",
        ),
        ('<img class="ql-img-inline-formula" alt="\\frac{1}{2}" src="q.png">', "$\\frac{1}{2}$"),
        ('<img src="f.png" alt="$E=mc^2$"> <img src="g.png" alt="\\[x\\]">', "$E=mc^2$ $$x$$"),
        ('<img src="e.png" alt="E = mc^2"> <img src="f.png" alt="\\frac{a}{b} \\le 1">', "$E = mc^2$ $\\frac{a}{b} \\le 1$"),
        ('<img src="C.png" alt="C:\\\\Users\\\\otter"> <img src="a.png" alt="Otters ^ and kelp"> on', "on"),
        ('<amp-mathml layout="container" inline data-formula="\\[E=mc^2\\]"></amp-mathml>', "$E=mc^2$"),
        ('<span class="ql-formula" data-value="E=mc^2"><span>x</span></span>', "$E=mc^2$"),
        ('<span class="math inline">\\(E=mc^2\\)</span>, $x$ and $5', "\\(E=mc^2\\), $x$ and $5"),
        ('<img src="otter.jpg" alt="An otter, 2_000 of them"> swims', "swims"),
    ],
)  # fmt: skip
def test_every_form_of_mathematics_comes_through(markup: str, text: str) -> None:
    document = read(f"<p>Here: {markup} and on.</p>")
    assert between(document) == f"Here: {text} and on."
    assert document.metadata == {"url": "u"}
    code = read(f"{CODE}<p>Here: {markup} and on.</p>")
    assert code.format == "markdown"
    if not re.search(r"\\\(E=|>\*<|>\[", markup):  # the page's own is Trafilatura's to escape
        assert f"Here: {text} and on." in code.text


@pytest.mark.parametrize(
    "outer", ["<p>Before.</p>{}<p>After.</p>", "<p>Before.</p><div>{}</div><p>After.</p>"]
)
@pytest.mark.parametrize(
    "formula",
    [
        ANNOTATED.replace("<math>", '<math display="block">'),
        f'<span class="katex-display">{KATEX}</span>',
        f'<div class="MathJax_Display">{MATHJAX_2}</div><script type="math/tex; mode=display">E = mc^2</script>',
        '<mjx-container display="true" data-latex="E = mc^2"></mjx-container>',
        '<div class="katex-display" data-tex="E = mc^2"></div>',
    ],
)  # fmt: skip
def test_displayed_formulas_stand_alone(outer: str, formula: str) -> None:
    assert between(read(outer.format(formula))) == "Before.\n$$E = mc^2$$\nAfter."


def test_mathematics_stands_in_headings_lists_tables_and_links() -> None:
    body = (
        f"<h2>On x<sup>2</sup></h2><ul><li>{KATEX}</li><li>H<sub>2</sub>O</li></ul>"
        f"<table><tr><td>{MATHML}</td><td>10<sup>6</sup></td></tr><tr><td>a</td><td>b</td></tr></table>"
        '<p>See <a href="/x">x<sup>2</sup></a>.</p>'
    )
    assert between(read(body)) == (
        "On x^2\n- $E = mc^2$\n- H_2O\n| $E=mc^2$ | 10^6 | \n| a | b | \nSee x^2."
    )


@pytest.mark.parametrize(
    "markup",
    [
        "<math><apply><plus/><ci>x</ci><cn>2</cn></apply></math>",
        '<span class="katex"><span class="katex-html" aria-hidden="true">x2</span></span>',
        '<mjx-container jax="SVG"><svg><path d="M0"></path></svg></mjx-container>',
        '<img class="equation" src="eq1.gif" alt="Equation 1">',
        '<img class="latex" src="eq1.gif">',
        '<script type="math/tex"> </script>',
    ],
)
def test_what_cannot_be_told_is_counted(markup: str) -> None:
    document = read(f"<p>Here: {markup} and on, {markup}.</p><footer>{markup}</footer>")
    assert between(document) == "Here: and on,."
    assert document.metadata == {"url": "u", "lost_formulas": 2}


def test_pages_may_hold_what_marks_stand_ins() -> None:
    body = "<p>Here: \ua66e0x\ua66e is x<sup>2</sup>.</p>"
    assert between(read(body)) == "Here: \ua66e0x\ua66e is x^2."


WHAT = [
    *("<sup>", "</sup>", "<sub>", "</sub>", "<math>", "</math>", "<mi>x</mi>", "<msup>", "</msup>"),
    *('<span class="katex">', '<span class="MathJax_Preview">', "</span>", "<p>", "</p>", "<div>"),
    *(
        '<script type="math/tex">',
        "</script>",
        '<img class="tex" alt="$x$">',
        '<img class="latex">',
    ),
    *(
        '<span data-mathml="<math>">',
        '<div class="MathJax" data-latex="$$">',
        "<mjx-container>",
        "a ",
        "/",
    ),
    *(
        '<annotation encoding="TeX">',
        "</annotation>",
        '<a href="#x">',
        "</a>",
        "<math alttext='y^2'>",
    ),
]


@given(st.lists(st.sampled_from(WHAT), max_size=30))
def test_other_text_of_any_page_stays_as_it_is(pieces: list[str]) -> None:
    markup = f"<html><body><p>before</p><p>{''.join(pieces)}</p><p>after</p></body></html>"
    tree = load_html(markup)
    mathematics = PageMathematics(markup)
    mathematics.put_aside(tree)
    text, lost = mathematics.put_back("".join(tree.itertext()))
    assert text.startswith("before")
    assert lost >= 0
    assert not any(mark in text for mark in "\ua66e\ua668")


@pytest.mark.parametrize(
    "unit",
    [
        *("<sup>", "<sup>2</sup>", "<span class=katex>", "<span class=katex></span>", "<math>"),
        *(
            '<div data-latex="$$">',
            "<math><mi>x</mi></math>",
            "<mrow>",
            "<sup>1</sup>/<sub>2</sub>",
        ),
        *(
            '<script type="math/tex">%</script>',
            "<img class=latex alt=x>",
            '<span class="MathJax">',
        ),
    ],
)
def test_hostile_pages_come_through(unit: str) -> None:
    markup = f"<html><body><p>before</p><div>math {unit * 10_000}</div><p>after</p></body></html>"
    tree: Any = load_html(markup)
    mathematics = PageMathematics(markup)
    mathematics.put_aside(tree)
    text, _ = mathematics.put_back("".join(tree.itertext()))
    assert text.startswith("before")


def test_long_addresses_take_no_time() -> None:
    # Where time is quadratic, this takes minutes.
    image = '<img src="https://latex.codecogs.com/{}" alt="">'
    for repeated in ("cht=tx&", "latex.php?&", "&eq", "?"):
        read(f"<p>otters {image.format(repeated * 50_000)} sleep</p>")


@pytest.mark.parametrize(
    "markup",
    [
        "<div>$$a = b$$</div>",
        "<center>$$a = b$$.</center>",
        '<div class="math">\\[a = b\\]</div>',
        '<div class="equation"><div><span>$$a = b$$</span></div><div>(1)</div></div>',
        "<div>\\begin{align*} a = b \\end{align*}</div>",
    ],
)
def test_displayed_formulas_stay_where_their_text_stands_in_a_block(markup: str) -> None:
    assert "a = b" in between(read(markup))


def test_images_of_formulas_are_counted_by_the_class_of_mathworld() -> None:
    image = '<p>otters <img class="inlineformula" src="Inline1.svg" alt="(a)/(b)"> sleep</p>'
    assert read(image).metadata["lost_formulas"] == 1
