"""Jinja templates as every room uses them: from its folder ``templates``, strict, lines trimmed."""

from jinja2 import Environment, PackageLoader, StrictUndefined


def templates(package: str, *, autoescape: bool = False) -> Environment:
    """The templates of a package; a name that is not given is an error when it is rendered.

    With ``autoescape`` all text is escaped for HTML.
    """
    return Environment(
        loader=PackageLoader(package),
        autoescape=autoescape,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
