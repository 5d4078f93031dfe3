"""Roff, the language of manual pages: what of it is text.

A formatter's work in small (groff(7) and groff_char(7) are the reference): comments, macro
definitions and tables go, conditions are decided as for a terminal, strings and special characters
become what they stand for. Macros that a page defines for itself are not expanded; their arguments
are taken for text. Registers count as 0, which decides the rare conditions on them.
"""

import re
from collections.abc import Iterator

from roff_text.characters import character, special_character

_CONTROL = re.compile(r"[.'][ \t]*([^\s\\]*)[ \t]*(.*)")
_COMMENT = re.compile(r"(?<!\\)((?:\\\\)*)\\[\"#].*")
_ARGUMENT = re.compile(r'"((?:[^"]|"")*)(?:"|$)|((?:\\[ \\"]|[^ \t])+)')
_NAME = r"(?:\[([^\]]*)\]|\((..)|(.))"
_STRING = re.compile(rf"\\\*{_NAME}", re.DOTALL)
_CONDITION = re.compile(
    r"(!?)[ \t]*(?:(?P<quote>['\"])(.*?)(?P=quote)(.*?)(?P=quote)|([dmrcFS][ \t]*\S+)|([note])"
    r"|(\S+))[ \t]*(.*)"
)
_ESCAPE = re.compile(
    r"\\(?:"
    r"(?P<move>h'\s*\+?0*[1-9][^']*')"
    r"|(?P<number>N'\d+')"
    r"|o'(?P<overstruck>(?:\\.|[^\\'])).*?'"
    r"|[hvwlLDoxbZSHRABXN]'[^']*'"
    r"|[fFmMgknVY](?:\[[^\]]*\]|\(..|[+-]?.)"
    r"|s(?:[+-]?\(\d\d|\([+-]?\d\d|[+-]?\[[^\]]*\]|[+-]?'[^']*'|[1-3]\d|[+-]?\d)"
    r"|\[(?P<long>[^\]]*)\]"
    r"|\((?P<short>..)"
    r"|(?P<space>[ ~0t])"
    r"|(?P<backslash>[\\eE])"
    r"|[|^&)%:/,cpudrz{}!?]"
    r"|(?P<itself>.)"
    r"|$)",
    re.DOTALL,
)
_UNSEEN = {"TS": "TE", "EQ": "EN", "PS": "PE", "GS": "GE", "ig": ".", "de": ".", "am": "."}
"""What starts and ends what is not shown: tables, formulas, pictures, definitions."""

_STRINGS = {"R": "\u00ae", "Tm": "\u2122", "lq": "\u201c", "rq": "\u201d", "Aq": "'"}


def shown_lines(source: str) -> Iterator[str]:
    """The lines of a page that are text or macros, strings in them replaced.

    Conditions, definitions, comments and tables are dealt with.
    """
    strings = dict(_STRINGS)
    pending = source.replace("\\\n", "").split("\n")[::-1]
    decided = [True]
    while pending:
        line = _COMMENT.sub(r"\1", pending.pop())
        match = _CONTROL.fullmatch(line)
        if match is None:
            line = line.replace("\\{", "").replace("\\}", "")
            yield _STRING.sub(lambda found: strings.get(_name(found), ""), line)
            continue
        name, rest = match.groups()
        if name in ("if", "ie", "el"):
            if name == "el":
                holds = not decided.pop() if decided else False
            else:
                rest = _STRING.sub(lambda found: strings.get(_name(found), ""), rest)
                holds, rest = _condition(rest)
            if name == "ie":
                decided.append(holds)
            if holds:
                pending.append(rest.replace("\\{", "", 1).lstrip())
            else:
                _skip_block(rest, pending)
        elif name in ("ds", "ds1", "as"):
            key, _, value = rest.partition(" ")
            value = value.strip().removeprefix('"')
            strings[key] = (strings.get(key, "") if name == "as" else "") + value
        elif name.rstrip("1i") in _UNSEEN or name in _UNSEEN:
            end = _UNSEEN.get(name) or _UNSEEN[name.rstrip("1i")]
            words = rest.split()
            own = words[-1] if name[:2] in ("de", "am") and len(words) > 1 else end
            _skip_to(own if name != "ig" or not words else words[0], pending)
        elif name:
            rest = _STRING.sub(lambda found: strings.get(_name(found), ""), rest)
            yield f".{name} {rest}".replace("\\}", "").rstrip()


def _name(match: re.Match[str]) -> str:
    return str(next(group for group in match.groups() if group is not None))


def _condition(rest: str) -> tuple[bool, str]:
    """Whether a condition holds on a terminal, under groff; and what it governs."""
    match = _CONDITION.fullmatch(rest)
    if match is None:
        return False, rest
    negated, quote, left, right, _, letter, other, governed = match.groups()
    if quote:
        holds = left == right
    elif letter:
        holds = letter in "no"
    else:
        # A number: groff says that it is groff, all other registers count as 0.
        number = re.sub(r"\\n(?:\(\.g|\[\.g\])", "1", other or "0")
        holds = number.isdecimal() and int(number) > 0
    return holds != bool(negated), governed


def _skip_block(rest: str, pending: list[str]) -> None:
    """Pass over what a condition that fails governs: the rest of the line, or a block."""
    depth = rest.count("\\{") - rest.count("\\}")
    while depth > 0 and pending:
        line = pending.pop()
        depth += line.count("\\{") - line.count("\\}")


def _skip_to(end: str, pending: list[str]) -> None:
    while pending:
        match = _CONTROL.match(pending.pop())
        if match and match.group(1) == end:
            return


def arguments(rest: str) -> list[str]:
    """A macro's arguments, quotes taken off; escapes stay as they are."""
    return [
        quoted.replace('""', '"') if quoted or not bare else bare
        for quoted, bare in _ARGUMENT.findall(rest)
    ]


def plain(text: str) -> str:
    """Text without escapes: fonts, sizes and motions go, special characters are themselves."""
    return _ESCAPE.sub(_unescaped, text) if "\\" in text else text


def _unescaped(match: re.Match[str]) -> str:
    found = match.groupdict()
    name = found["long"] if found["long"] is not None else found["short"]
    if name is not None:
        return special_character(name)
    if found["move"] or found["space"]:
        return " "
    if found["backslash"]:
        return "\\"
    if found["number"]:
        return character(int(found["number"][2:-1]))
    return found["overstruck"] or found["itself"] or ""
