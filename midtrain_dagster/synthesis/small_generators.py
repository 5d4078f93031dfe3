"""Who asks a small generator, whose pairs it learnt, and what does not fit between the two."""

from collections.abc import Iterator, Mapping

from midtrain_dagster.core.problems import Problem, undeclared
from midtrain_dagster.inference.generator import small_generator
from midtrain_dagster.synthesis.assembly import Assembly
from midtrain_dagster.synthesis.method import Method


def asked(method: Method | Assembly) -> str | None:
    """The small generator that a method asks; None: none."""
    generator = None if isinstance(method, Assembly) else method.generator
    return None if generator is None else small_generator(generator)


def problems(
    synthesis: Mapping[str, Method | Assembly], teachers: Mapping[str, str]
) -> Iterator[Problem]:
    """A teacher that is none or has no pairs, a generator that nobody trains, and a circle."""
    for name, teacher in teachers.items():
        place = ("generators", name, "pairs_of")
        method = synthesis.get(teacher)
        if method is None:
            yield place, undeclared("method of synthesis", teacher, synthesis)
        elif isinstance(method, Assembly) or method.generator is None:
            yield place, f"{teacher!r} asks no generator, so it has no pairs of prompt and answer"
        elif method.draw == "towards_unknown":
            yield (
                place,
                f"{teacher!r} draws towards what the probe finds, and its student would be asked "
                "about the same documents again: have the teacher draw evenly",
            )
        elif _is_circle(name, synthesis, teachers):
            yield place, f"a circle: {teacher!r} asks what {name!r} is trained for before it is"
    for name, method in synthesis.items():
        generator = asked(method)
        if generator is not None and generator not in teachers:
            asking = ("synthesis", name, "generator", "generator")
            yield asking, undeclared("small generator", generator, teachers)


def _is_circle(
    name: str, synthesis: Mapping[str, Method | Assembly], teachers: Mapping[str, str]
) -> bool:
    """Whether a generator's pairs are, over its teachers' teachers, its own."""
    seen, at = {name}, name
    while (method := synthesis.get(teachers.get(at, ""))) is not None:
        after = asked(method)
        if after is None:
            return False
        if after in seen:
            return True
        seen.add(after)
        at = after
    return False
