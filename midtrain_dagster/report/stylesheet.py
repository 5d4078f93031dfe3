"""The page's style sheet: quiet, light or dark as the reader likes, and light on paper."""

from collections.abc import Mapping

from midtrain_dagster.report.style import (
    BAD,
    BAND,
    BLUE,
    FONTS,
    GOOD,
    INK,
    MUTED,
    PAPER,
    RULE,
    VERMILION,
)

LIGHT = {
    "color-scheme": "light",
    "--ink": INK,
    "--muted": MUTED,
    "--rule": RULE,
    "--band": BAND,
    "--paper": PAPER,
    "--blue": BLUE,
    "--good": GOOD,
    "--bad": BAD,
    "--crossing": VERMILION,
    "--good-band": "#e4f3ef",
    "--tag": "#e8ebef",
    "--dropped": "#aab3be",
}

DARK = {
    "color-scheme": "dark",
    "--ink": "#e3e7ec",
    "--muted": "#98a3b0",
    "--rule": "#323a44",
    "--band": "#20262d",
    "--paper": "#191919",
    "--blue": "#5db0e6",
    "--good": "#4fc3a1",
    "--bad": "#ee8a66",
    "--crossing": "#f08c4a",
    "--good-band": "#17332c",
    "--tag": "#2c343d",
    "--dropped": "#5a6572",
}
"""The paper is what white becomes when the figures are inverted by nine tenths."""


def _variables(selector: str, values: Mapping[str, str]) -> str:
    told = " ".join(f"{name}: {value};" for name, value in values.items())
    return f"{selector} {{ {told} }}"


STYLESHEET = f"""
{_variables(":root", LIGHT)}
@media screen and (prefers-color-scheme: dark) {{
  {_variables(":root", DARK)}
  /* The figures are drawn for white paper. */
  figure svg {{ filter: invert(.9) hue-rotate(180deg); }}
}}
* {{ box-sizing: border-box; }}
html {{ scroll-behavior: smooth; }}
body {{
  margin: 0 auto; max-width: 1240px; padding: 56px 40px 96px;
  display: grid; grid-template-columns: 168px minmax(0, 1fr); column-gap: 48px;
  font: 15px/1.55 {FONTS}; color: var(--ink); background: var(--paper);
  -webkit-font-smoothing: antialiased; font-variant-numeric: tabular-nums;
}}
header {{ grid-column: 2; margin-bottom: 12px; }}
.eyebrow {{
  margin: 0 0 6px; color: var(--blue); font-size: 12px; font-weight: 600;
  letter-spacing: .09em; text-transform: uppercase;
}}
h1 {{ margin: 0 0 10px; font-size: 38px; line-height: 1.15; letter-spacing: -.02em; }}
.description {{ margin: 0; max-width: 70ch; color: var(--muted); font-size: 17px; }}
nav {{ grid-column: 1; grid-row: 2; font-size: 13.5px; }}
nav ol {{ position: sticky; top: 32px; margin: 42px 0 0; padding: 0; list-style: none; }}
nav a {{ display: block; padding: 4px 0; color: var(--muted); text-decoration: none; }}
nav a:hover, nav a:focus-visible {{ color: var(--blue); }}
main {{ grid-column: 2; min-width: 0; }}
section {{ padding: 36px 0 20px; border-top: 1px solid var(--rule); margin-top: 28px; }}
section:first-child {{ border-top: 0; margin-top: 0; padding-top: 24px; }}
h2 {{ margin: 0 0 8px; font-size: 23px; line-height: 1.25; letter-spacing: -.01em; }}
h3 {{ margin: 32px 0 10px; font-size: 15.5px; }}
.lead {{ max-width: 74ch; margin: 0 0 20px; }}
#summary .lead {{ font-size: 17px; line-height: 1.6; }}
.note, figcaption {{ max-width: 84ch; color: var(--muted); font-size: 13.5px; line-height: 1.5; }}
.note {{ margin: 10px 0 0; }}
.nothing {{ color: var(--muted); font-style: italic; }}
figure {{ margin: 24px 0 34px; }}
figure svg {{ display: block; width: 100%; height: auto; font-family: {FONTS}; }}
figcaption {{ margin-top: 12px; }}
.scroll {{ overflow-x: auto; margin: 14px 0 0; }}
table {{ width: 100%; border-collapse: collapse; font-size: 13.5px; line-height: 1.4; }}
th {{
  padding: 6px 14px 6px 0; border-bottom: 1px solid var(--ink); text-align: left;
  vertical-align: bottom; font-size: 12px; font-weight: 600; color: var(--muted);
  white-space: nowrap;
}}
td {{ padding: 7px 14px 7px 0; border-bottom: 1px solid var(--rule); vertical-align: top; }}
th:last-child, td:last-child {{ padding-right: 0; }}
.number {{ text-align: right; white-space: nowrap; }}
.before-after {{ font-size: 14.5px; }}
.before-after td {{ padding-top: 9px; padding-bottom: 9px; }}
.before-after small, .two-line small {{ display: block; color: var(--muted); font-size: 12.5px; }}
.before-after small.better, .better {{ color: var(--good); font-weight: 600; }}
.before-after small.worse, .worse {{ color: var(--bad); font-weight: 600; }}
.same, .before-after small.same {{ color: var(--muted); }}
.chance, .before-after small.chance {{ color: var(--muted); font-style: italic; }}
.passed, .failed, .dropped-tag {{
  display: inline-block; padding: 1px 9px 2px; border-radius: 9px; font-size: 12px;
  font-weight: 600; color: var(--good); background: var(--good-band);
}}
.failed {{ color: #fff; background: var(--bad); }}
.dropped-tag {{ color: var(--ink); background: var(--tag); }}
.figures {{
  display: grid; grid-template-columns: repeat(5, 1fr); gap: 24px;
  margin: 34px 0 8px; padding: 20px 0; border-top: 1px solid var(--rule);
  border-bottom: 1px solid var(--rule);
}}
.figures div {{ display: flex; flex-direction: column-reverse; justify-content: flex-end; }}
.figures dd {{ margin: 0; font-size: 25px; line-height: 1.2; letter-spacing: -.01em; }}
.figures dt {{ color: var(--muted); font-size: 13px; }}
.aside {{ margin: 28px 0 0; padding: 16px 22px 18px; background: var(--band); border-radius: 6px; }}
.aside h3 {{ margin: 0 0 4px; }}
.aside p {{ margin: 0; max-width: 80ch; }}
.aside ul {{ margin: 8px 0 0; padding-left: 18px; font-size: 13.5px; }}
.bar {{ display: block; width: 140px; height: 9px; margin-top: 5px; background: var(--band); }}
.bar span {{ display: block; height: 100%; background: var(--dropped); }}
.bar .kept {{ background: var(--blue); }}
.cards {{ columns: 2; column-gap: 16px; }}
.card {{
  break-inside: avoid; margin: 0 0 16px; padding: 14px 18px;
  border: 1px solid var(--rule); border-radius: 6px; font-size: 13.5px;
}}
.card p {{ margin: 0 0 8px; }}
.card b {{ color: var(--muted); font-weight: 600; }}
.labels span {{ margin-right: 8px; color: var(--muted); font-size: 12px; overflow-wrap: anywhere; }}
.labels code {{ font-size: 11.5px; }}
.labels .passed {{ color: var(--good); }}
.labels .dropped-tag {{ color: var(--ink); }}
blockquote {{
  margin: 0; padding-left: 12px; border-left: 2px solid var(--rule); color: var(--muted);
  overflow-wrap: anywhere;
}}
.folded, .border details {{ font-size: 13.5px; }}
.folded {{ margin-top: 22px; }}
summary {{ color: var(--blue); cursor: pointer; }}
.folded > summary {{ font-size: 15.5px; font-weight: 600; }}
.distributions {{ min-width: 640px; table-layout: fixed; }}
.distributions thead th {{
  padding-right: 8px; color: var(--ink); white-space: normal; overflow-wrap: anywhere;
}}
.distributions thead th:first-child {{ width: 232px; color: var(--muted); }}
.distributions tbody th {{
  padding: 9px 14px 3px 0; border: 0; color: var(--ink); white-space: normal; vertical-align: top;
}}
.distributions tbody th code {{ display: block; font-weight: 600; overflow-wrap: anywhere; }}
.distributions tbody th span, .distributions tbody th small {{
  display: block; font-size: 12px; font-weight: 400; line-height: 1.45;
}}
.distributions tbody th i, .distributions small, .none {{
  color: var(--muted); font-style: normal;
}}
.distributions tr:first-child td {{ padding: 9px 10px 3px 0; border: 0; }}
.distributions svg {{
  display: block; width: 100%; height: 34px; border-bottom: 1px solid var(--rule);
}}
.distributions td small {{
  display: block; min-height: 18px; font-size: 12px; text-align: right;
}}
.distributions .in {{ fill: var(--blue); opacity: .72; }}
.distributions .out {{ fill: var(--crossing); opacity: .85; }}
.distributions .bare {{ fill: var(--muted); opacity: .3; }}
.distributions .line {{ stroke: var(--ink); stroke-width: 1; vector-effect: non-scaling-stroke; }}
.crossing {{ color: var(--crossing); font-weight: 600; }}
.without {{ margin-left: 4px; }}
.distributions tbody .border td {{ padding: 0 0 9px; border-bottom: 1px solid var(--rule); }}
.border summary {{ font-size: 12.5px; }}
.of-bound {{ margin: 14px 0 6px; color: var(--muted); }}
.of-bound b {{ color: var(--ink); }}
.sides {{ display: grid; grid-template-columns: 1fr 1fr; gap: 0 28px; }}
.sides h4 {{ margin: 0 0 6px; font-size: 12px; color: var(--muted); }}
.sides .labels {{ margin: 10px 0 3px; }}
.sides .labels b {{ margin-right: 8px; }}
.sides blockquote {{ font-size: 13px; line-height: 1.5; }}
.ask pre {{ margin: 10px 0; padding: 0; background: none; }}
code, pre {{ font: 12.5px/1.55 ui-monospace, SFMono-Regular, Menlo, 'Liberation Mono', monospace; }}
pre {{ padding: 18px 22px; background: var(--band); border-radius: 6px; overflow-x: auto; }}
@media (max-width: 900px) {{
  body {{ display: block; padding: 28px 20px 64px; }}
  nav {{ display: none; }}
  .figures {{ grid-template-columns: repeat(2, 1fr); }}
  .cards {{ columns: 1; }}
  .sides {{ grid-template-columns: 1fr; }}
}}
@media print {{
  @page {{ size: A4; margin: 16mm 14mm; }}
  body {{ display: block; max-width: none; padding: 0; font-size: 10.5pt; }}
  nav {{ display: none; }}
  section {{ margin-top: 12px; padding-top: 18px; }}
  figure, .card, tr, .aside, .figures {{ break-inside: avoid; }}
  h2, h3, .lead {{ break-after: avoid; }}
  pre {{ white-space: pre-wrap; overflow-wrap: anywhere; }}
  .scroll {{ overflow: visible; }}
  table {{ font-size: 8.5pt; }}
  * {{ -webkit-print-color-adjust: exact; print-color-adjust: exact; }}
}}
"""
