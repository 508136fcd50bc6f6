"""``/docs``: the schema as one plain page, made on the server. No script, no style from elsewhere, nothing to load."""

from __future__ import annotations

import json
from collections.abc import Iterator
from html import escape

from ..errors import ServiceError
from ..wire import Json

STYLE = """
:root { color-scheme: light dark; background: Canvas; color: CanvasText }
body { font: 16px/1.5 system-ui, sans-serif; max-width: 60rem; margin: 2rem auto; padding: 0 1rem }
h2 { border-top: 1px solid #8886; padding-top: 1.5rem } table { border-collapse: collapse; width: 100% }
td, th { text-align: left; vertical-align: top; padding: .3rem .6rem; border-bottom: 1px solid #8883 }
code, pre { font: 14px/1.45 ui-monospace, monospace } pre { overflow-x: auto; padding: .8rem; background: #8881 }
.method { font-weight: 700 } nav ul { columns: 16rem; padding-left: 1.2rem }
"""
LOGGED_ONLY = 499
"""Status of a client that left before its answer."""


def page(schema: Json) -> str:
    """HTML of an OpenAPI schema."""
    parts = [
        _operation(path, method, operation)
        for path, item in schema["paths"].items()
        for method, operation in item.items()
    ]
    links = "".join(f"<li><a href='#{escape(name)}'><code>{escape(name)}</code></a>" for name in schema["paths"])
    title = escape(schema["info"]["title"])
    return (
        "<!doctype html>\n<html lang=en><head><meta charset=utf-8><meta name=viewport content='width=device-width'>"
        f"<title>{title}</title><link rel=stylesheet href=docs/style.css><link rel=icon href=static/icon.svg></head>"
        f"<body><h1>{title} {escape(schema['info']['version'])}</h1>"
        f"<p>{escape(schema['info'].get('description', ''))}</p>"
        "<p>The same for machines: <a href=openapi.json>/openapi.json</a>. To try it: <a href=./>the web page</a>.</p>"
        f"<nav><ul>{links}<li><a href='#errors'>Errors</a></ul></nav>"
        f"{''.join(parts)}{_errors()}</body></html>\n"
    )


def _operation(path: str, method: str, operation: Json) -> str:
    head = (
        f"<h2 id='{escape(path)}'><span class=method>{escape(method.upper())}</span> <code>{escape(path)}</code></h2>"
    )
    return head + f"<p>{escape(operation.get('description', ''))}</p>" + _request(path, operation) + _answers(operation)


def _request(path: str, operation: Json) -> str:
    body: Json = operation.get("requestBody", {})
    content: Json = body.get("content", {})
    if not content:
        return ""
    properties: Json = {}
    for kind in content.values():
        properties.update(kind["schema"].get("properties", {}))
    rows = "".join(_parameter(name, schema) for name, schema in properties.items())
    kinds = ", ".join(f"<code>{escape(kind)}</code>" for kind in content)
    table = f"<table><tr><th>parameter<th>type, range<th>default<th>meaning</tr>{rows}</table>"
    return f"<p>Body: {kinds}</p>{table}{_examples(path, content.get('application/json', {}))}"


def _parameter(name: str, schema: Json) -> str:
    default = json.dumps(schema["default"]) if "default" in schema else ""
    cells = (
        f"<code>{escape(name)}</code>",
        escape(_kind(schema)),
        f"<code>{escape(default)}</code>",
        escape(schema.get("description", "")),
    )
    return "<tr>" + "".join(f"<td>{cell}" for cell in cells) + "</tr>"


def _kind(schema: Json) -> str:
    if "anyOf" in schema:
        return " or ".join(_kind(option) for option in schema["anyOf"] if option.get("type") != "null")
    if "enum" in schema:
        return ", ".join(str(value) for value in schema["enum"])
    if "const" in schema:
        return str(schema["const"])
    if schema.get("type") == "array":
        return f"list of {_kind(schema.get('items', {}))}"
    low, high = schema.get("minimum"), schema.get("maximum")
    return str(schema.get("type", "")) + (f" {low}…{high}" if low is not None and high is not None else "")


def _examples(path: str, content: Json) -> str:
    examples = content.get("examples", {})
    return "".join(
        f"<p>{escape(example['summary'])}:</p><pre>{escape(_curl(path, example['value']))}</pre>"
        for example in examples.values()
    )


def _curl(path: str, body: Json) -> str:
    return (
        f"curl -X POST http://localhost:8739{path} \\\n  -H 'Content-Type: application/json' \\\n"
        f"  -d '{json.dumps(body)}'"
    )


def _answers(operation: Json) -> str:
    rows = "".join(
        f"<tr><td><code>{escape(code)}</code><td>{escape(answer.get('description', ''))}</tr>"
        for code, answer in sorted(operation.get("responses", {}).items())
    )
    return f"<table><tr><th>status<th>meaning</tr>{rows}</table>"


def _errors() -> str:
    """Every error by its code: what clients branch on."""
    rows = "".join(
        f"<tr><td><code>{escape(kind.code)}</code><td>{kind.status}<td>{escape(kind.default_detail)}</tr>"
        for kind in sorted(_kinds(ServiceError), key=lambda kind: (kind.status, kind.code))
    )
    words = (
        "Each is <code>application/problem+json</code> with <code>code</code>, <code>detail</code>, "
        "<code>request_id</code>."
    )
    table = f"<table><tr><th>code<th>status<th>meaning</tr>{rows}</table>"
    return f"<h2 id=errors>Errors</h2><p>{words}</p>{table}"


def _kinds(base: type[ServiceError]) -> Iterator[type[ServiceError]]:
    """The class and those below it that are sent with a code of their own."""
    if "code" in vars(base) and base.status != LOGGED_ONLY:
        yield base
    for kind in base.__subclasses__():
        yield from _kinds(kind)
