"""Every parameter of the API is an option, with the same rules and the same words."""

from __future__ import annotations

from typing import Annotated, Literal

import pytest
import typer
from pydantic import Field
from typer.testing import CliRunner

from sam_mask_service.actions.params import AnonymizeParams, CutoutParams
from sam_mask_service.cli import main
from sam_mask_service.cli.options import boolean_names, command_class, fields_of, kinds, plain_booleans, with_options
from sam_mask_service.errors import InvalidParameter
from sam_mask_service.params import MaskParams, Params, parse


class Toy(Params):
    whole_number: Annotated[int, Field(ge=-5, le=5)] = Field(1, description="A number.")
    loud: bool = Field(True, description="A switch.")
    colour: Literal["red", "blue"] | None = Field(None, description="A choice.")
    some: list[int] | None = Field(None, description="A list.")


def toy(*arguments: str) -> Toy:
    seen: list[Toy] = []
    app = typer.Typer()

    @app.command(cls=command_class(Toy))
    @with_options(Toy)
    def command(name: str = "x", *, given: dict[str, str]) -> None:
        seen.append(parse(Toy, given, textual=True))

    result = CliRunner().invoke(app, list(arguments))
    if result.exception and not isinstance(result.exception, SystemExit):
        raise result.exception
    assert result.exit_code == 0, result.output
    return seen[0]


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        ([], {}),
        (["--whole-number", "-3"], {"whole_number": -3}),
        (["--whole-number=4", "--colour", "blue"], {"whole_number": 4, "colour": "blue"}),
        (["--loud"], {"loud": True}),
        (["--no-loud"], {"loud": False}),
        (["--loud", "false"], {"loud": False}),
        (["--loud", "0", "--some", "0,2"], {"loud": False, "some": [0, 2]}),
        (["--loud=1"], {"loud": True}),
    ],
)
def test_values(arguments: list[str], expected: dict[str, object]) -> None:
    assert toy(*arguments).model_dump(exclude_unset=True) == expected


@pytest.mark.parametrize(
    ("arguments", "word"),
    [
        (["--whole-number", "9"], "whole_number"),
        (["--whole-number", "1.5"], "whole_number"),
        (["--colour", "green"], "colour"),
        (["--loud=perhaps"], "loud"),
    ],
)
def test_wrong_values_are_refused_by_name(arguments: list[str], word: str) -> None:
    with pytest.raises(InvalidParameter, match=word):
        toy(*arguments)


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        ([], []),
        (["a.jpg", "--loud", "b.jpg"], ["a.jpg", "--loud=true", "b.jpg"]),
        (["--no-loud", "--other", "false"], ["--loud=false", "--other", "false"]),
        (["--loud", "TRUE"], ["--loud=TRUE"]),
        (["--", "--loud"], ["--", "--loud"]),
        (["loud", "no-loud"], ["loud", "no-loud"]),
    ],
)
def test_booleans_with_and_without_a_value(arguments: list[str], expected: list[str]) -> None:
    assert plain_booleans(arguments, frozenset({"loud"})) == expected


def test_kinds_of_a_field() -> None:
    assert kinds(Annotated[int, Field(ge=0)] | None) == {int}
    assert kinds(list[int] | None) == {list}
    assert boolean_names(Toy) == {"loud"}


@pytest.mark.parametrize(
    ("command", "models"),
    [
        ("mask", [MaskParams]),
        ("anonymize", [AnonymizeParams]),
        ("batch", [MaskParams, CutoutParams, AnonymizeParams]),
    ],
)
def test_every_parameter_of_the_api_is_an_option_that_is_explained(command: str, models: list[type[Params]]) -> None:
    options = {option.opts[0]: option for option in main.parameters_of(command).values()}
    for name, field in fields_of(*models).items():
        if name == "output" or (command, name) == ("anonymize", "format"):
            continue  # -o and --format say that here
        assert (field.description or "") in options[f"--{name.replace('_', '-')}"].help


def test_a_name_that_python_keeps_for_itself() -> None:
    assert "--except" in main.parameters_of("anonymize")["except_"].opts
