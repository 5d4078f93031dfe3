from midtrain_dagster.collection.docstring_pairs import instructions, questions
from midtrain_dagster.tokens.transcript import LAYOUT, restored

LONG = (
    "Give back what it was given, which is of use where a function is asked for and none is needed."
)
CODE = f'''
if True:
    def hidden(): "{LONG}"
class Same:
    def given(self, x):
        """{LONG}"""
        return x
def bare(x): return x
def short(x): "Too little."
async def given(x, *, y=1):
    """{LONG}"""
    return x
def given(x, y=2):
    """{LONG}"""
    return x
'''


def test_each_documented_function_is_a_question() -> None:
    found = {each.locator: each.text for each in questions("a/a/b.py", CODE, {"licence": "MIT"})}
    assert found == {
        f"a/a/b.py:a.b.{name}": f"Question: What does `a.b.{name}` do in Python?\nAnswer: {LONG}"
        for name in ("Same.given", "given")
    }


def test_each_short_function_is_an_instruction() -> None:
    method, function = instructions("a/a/__init__.py", CODE, {"distribution": "a"})
    assert function.metadata["distribution"] == "a"
    assert restored(method.text, method.metadata[LAYOUT]) == {
        "messages": [
            {
                "role": "user",
                "content": f"Write the Python function `a.Same.given(self, x)`.\n\n{LONG}",
            },
            {
                "role": "assistant",
                "content": f'```python\ndef given(self, x):\n    """{LONG}"""\n    return x\n```',
            },
        ]
    }
    asked = restored(function.text, function.metadata[LAYOUT])["messages"][0]["content"]
    assert asked.startswith("Write the Python function `a.given(x, y=2)`.")
    long = CODE + "def long(x):\n" + f'    "{LONG}"\n' + "    x\n" * 80
    assert [each.locator for each in instructions("a/a/__init__.py", long, {})] == [
        method.locator,
        function.locator,
    ]
