from pathlib import Path

import pytest

from midtrain_dagster.synthesis.tools.openapi import NoDescriptionError, openapi_tools

LIBRARY = """
openapi: 3.0.3
info: {title: library, version: 2024-05-01}
paths:
  /books/{isbn}:
    parameters:
      - {name: isbn, in: path, required: true, schema: {type: string}, description: its number}
      - {name: X-Trace, in: header, schema: {type: string}}
    get:
      operationId: getBook
      summary: Finds a book. It may be lent.
      parameters: [{$ref: '#/components/parameters/Fields'}]
    put:
      operationId: "put book!"
      description: Changes a book.
      requestBody: {content: {application/json: {schema: {$ref: '#/components/schemas/Book'}}}}
    delete: {operationId: removeBook}
    patch:
      summary: Mends a book.
      requestBody: {content: {text/plain: {schema: {type: string}}}}
  /books:
    post:
      summary: Adds a book.
      requestBody: {content: {application/json: {schema: {$ref: 'other.yaml#/Book'}}}}
    get: {summary: Lists what is lent., parameters: [{name: since, in: query,
          schema: {type: string, format: date, example: 2024-05-01}}]}
  /shelves: {get: {summary: Shelves., parameters: [{$ref: '#/components/parameters/None'}]}}
  /trees:
    post:
      summary: Plants a tree.
      requestBody: {content: {application/json: {schema: {$ref: '#/components/schemas/Tree'}}}}
  /broken: 7
components:
  parameters:
    Fields: {name: fields, in: query, schema: {type: array, items: {type: string}}}
  schemas:
    Tree: {type: object, properties: {left: {$ref: '#/components/schemas/Tree'}}}
    Titled: {type: object, required: [title], properties: {title: {type: string}}}
    Book:
      allOf:
        - {$ref: '#/components/schemas/Titled'}
        - {type: object, required: [pages], properties: {
            pages: {type: integer, minimum: 0, exclusiveMinimum: true}}}
"""


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "library.yaml"
    path.write_text(LIBRARY)
    return path


def test_each_operation_is_a_tool_and_a_bad_one_costs_itself(file: Path) -> None:
    found = openapi_tools(file)
    assert [(tool.name, tool.description, tool.origin) for tool in found.tools] == [
        ("getBook", "Finds a book.", "library.yaml:get /books/{isbn}"),
        ("put_book", "Changes a book.", "library.yaml:put /books/{isbn}"),
        ("get_books", "Lists what is lent.", "library.yaml:get /books"),
    ]
    assert [(each.origin.partition(":")[2], each.reason) for each in found.refused] == [
        ("delete /books/{isbn}", "no_documentation"),
        ("patch /books/{isbn}", "no_json"),
        ("post /books", "refers_elsewhere"),
        ("get /shelves", "broken_reference"),
        ("post /trees", "nested"),
    ]


def test_parameters_are_those_of_path_query_and_body(file: Path) -> None:
    get, put, listing = (tool.parameters for tool in openapi_tools(file).tools)
    isbn = {"type": "string", "description": "its number"}
    assert get == {
        "type": "object",
        "properties": {"isbn": isbn, "fields": {"type": "array", "items": {"type": "string"}}},
        "required": ["isbn"],
    }
    assert put == {
        "type": "object",
        "properties": {
            "isbn": isbn,
            "title": {"type": "string"},
            "pages": {"type": "integer", "exclusiveMinimum": 0},
        },
        "required": ["isbn", "title", "pages"],
    }
    assert listing["properties"] == {"since": {"type": "string", "format": "date"}}


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("{", "neither JSON nor YAML"),
        ("[]", "does not say"),
        ("swagger: '2.0'", "does not say"),
        ("a: !!python/object:os.system x", "neither JSON nor YAML"),
    ],
)
def test_another_file_is_refused(tmp_path: Path, text: str, said: str) -> None:
    path = tmp_path / "it.yaml"
    path.write_text(text)
    with pytest.raises(NoDescriptionError, match=said):
        openapi_tools(path)
