"""docs/configuration.md, written from the models that check config.yaml.

PYTHONPATH=workflow_scripts python -m idbias.config.reference > docs/configuration.md
"""

from idbias.classifiers.networks.by_name import NETWORKS
from idbias.config.schema import Config
from idbias.config.validation import OVERRIDABLE

INTRODUCTION = """# Configuration reference

<!-- Written by workflow_scripts/idbias/config/reference.py from the schema: do not edit, run `make reference`. -->

All settings are in `config.yaml` and are checked before anything runs: an unknown key, a wrong type or a value
out of range ends in one sentence that says where it is and what is allowed. A file of your own, `--configfile
mine.yaml`, is laid over `config.yaml`; single values can be given on the command line, `--config seed=1
experiments='[digits]'`.

The `overrides` of an experiment are laid over {overridable}, for this experiment only. `recipe` is laid
over the recipe of each classifier that the experiment trains.

A changed setting reruns its stage and those after it ([what reruns when](architecture.md#what-reruns-when)).
"""


def reference():
    """Return the text of docs/configuration.md."""
    schema = Config.model_json_schema()
    overridable = ", ".join(f"`{name}`" for name in OVERRIDABLE)
    parts = [INTRODUCTION.format(overridable=overridable)]
    parts += section("", schema, schema["$defs"], {})
    networks = ", ".join(f"`{name}`" for name in NETWORKS)
    parts.append(f"## Networks\n\nNames for `classifiers.NAME.network`: {networks}.")
    return "\n\n".join(part.strip() for part in parts) + "\n"


def section(path, schema, definitions, written):
    """Return headings and tables, as a list of texts, of one section and of those inside it.

    written: definition -> path where it has a table already; what is defined once is explained once.
    """
    heading = f"`{path}`" if path else "Top level"
    rows = ["| key | allowed | default | meaning |", "| --- | --- | --- | --- |"]
    inside = []
    for key, field in schema["properties"].items():
        below = f"{path}.{key}" if path else key
        reference, named = section_of(field)
        if reference:
            below += ".NAME" if named else ""
            if reference not in written:
                written[reference] = below
                inside += section(below, definitions[reference], definitions, written)
            below = written[reference]
            meaning = f"see [`{below}`](#{anchor(below)})"
            meaning = f"{field['description']}; {meaning}" if "description" in field else meaning
            kind = "sections by name" if named else "section"
        else:
            meaning, kind = field.get("description", ""), allowed(field)
        needed = key in schema.get("required", [])
        cells = (f"`{key}`", kind, "needed" if needed else default(field), meaning)
        rows.append("| " + " | ".join(cell.replace("|", r"\|") for cell in cells) + " |")
    return [f"## {heading}\n{schema['description']}", "\n".join(rows), *inside]


def anchor(heading):
    """Return the link that GitHub gives to a heading: small letters, without dots."""
    return heading.lower().replace(".", "")


def section_of(field):
    """Return (name of the section's definition, whether the user names it), or (None, False)."""
    for alternative in (field, *field.get("anyOf", [])):
        values = alternative.get("additionalProperties", alternative.get("patternProperties"))
        if isinstance(values, dict):
            values = next(iter(values.values())) if "patternProperties" in alternative else values
            if "$ref" in values:
                return values["$ref"].rsplit("/", 1)[1], True
        if "$ref" in alternative:
            return alternative["$ref"].rsplit("/", 1)[1], False
    return None, False


def allowed(field):
    """Return in words which values a field takes."""
    if "anyOf" in field:
        kinds = [
            allowed(alternative)
            for alternative in field["anyOf"]
            if alternative.get("type") != "null"
        ]
        return " or ".join(kinds)
    if "enum" in field:
        return ", ".join(code(value) for value in field["enum"])
    if "const" in field:
        return code(field["const"])
    kind = field.get("type")
    if kind in ("integer", "number"):
        bounds = " and ".join(limits(field))
        return f"{'whole number' if kind == 'integer' else 'number'} {bounds}".strip()
    if kind == "array":
        return f"list of: {allowed(field['items'])}"
    if kind == "object":
        return "keys and values"
    if kind == "boolean":
        return "`true`, `false`"
    return "name" if field.get("pattern", "").startswith("^[A-Za-z0-9]") else "text"


def limits(field):
    """Return the bounds of a number in words, as a list."""
    words = {"minimum": "≥", "exclusiveMinimum": ">", "maximum": "≤", "exclusiveMaximum": "<"}
    return [f"{sign} {field[name]:g}" for name, sign in words.items() if name in field]


def default(field):
    """Return a field's default in words."""
    value = field.get("default")
    if value is None or value == {} or value == []:
        return "left out"
    return "as below" if isinstance(value, dict) else code(value)


def code(value):
    """Return a value as one writes it in YAML, set as code."""
    text = str(value).lower() if isinstance(value, bool) else str(value)
    return f"`{text}`"


if __name__ == "__main__":
    print(reference(), end="")
