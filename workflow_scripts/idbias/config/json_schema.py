"""config.schema.json, written from the models that check config.yaml: for editors and other programs.

PYTHONPATH=workflow_scripts python -m idbias.config.json_schema > config.schema.json
"""

import json

from idbias.config.schema import Config

DIALECT = "https://json-schema.org/draft/2020-12/schema"


def json_schema():
    """Return the JSON Schema of config.yaml, a dict.

    It says which keys and values there are, and their meaning. What only several keys together decide
    (min_steps up to max_steps; names that must stand elsewhere in the file) idbias itself checks.
    """
    schema = Config.model_json_schema()
    return {
        "$schema": DIALECT,
        "title": "idbias: config.yaml",
        **_closed({key: value for key, value in schema.items() if key != "title"}),
    }


def _closed(schema):
    """Return a schema in which names that fit no pattern are refused, as the models refuse them."""
    if isinstance(schema, list):
        return [_closed(part) for part in schema]
    if not isinstance(schema, dict):
        return schema
    closed = {key: _closed(value) for key, value in schema.items()}
    if "patternProperties" in closed and "additionalProperties" not in closed:
        closed["additionalProperties"] = False
    return closed


if __name__ == "__main__":
    print(json.dumps(json_schema(), indent=1, ensure_ascii=False))
