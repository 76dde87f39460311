from typing import Any

import pytest

from wordline.defenses import FastFGSM
from wordline.training import Milestones, OneCycle, Recipe
from wordline.training.recipe import PRESETS


def test_the_papers_recipe_is_theirs() -> None:
    paper = Recipe.preset("papers")
    assert (paper.epochs, paper.batch_size, paper.momentum, paper.weight_decay) == (
        200,
        128,
        0.9,
        5e-4,
    )
    assert paper.schedule == Milestones(0.1, (80, 120), 0.1)
    assert not paper.nesterov


@pytest.mark.parametrize("name", PRESETS)
def test_json_round_trip(name: str) -> None:
    recipe = Recipe.preset(name)
    assert Recipe.from_json(recipe.to_json()) == recipe and hash(
        Recipe.from_json(recipe.to_json())
    ) == hash(recipe)


def test_a_recipe_from_before_a_field_was_added_still_loads() -> None:
    text = '{"type": "Recipe", "epochs": 3, "schedule": {"type": "OneCycle", "peak_lr": 0.2}}'
    assert Recipe.from_json(text) == Recipe(3, schedule=OneCycle(0.2))


def test_fields_that_came_later_leave_the_identity_as_it_was() -> None:
    assert Recipe(3, schedule=OneCycle(0.2)).identity() == (
        '{"type": "Recipe", "epochs": 3, "schedule": {"type": "OneCycle", "peak_lr": 0.2}}'
    )
    assert "objective" in Recipe(3, objective=FastFGSM(0.1)).identity()


@pytest.mark.parametrize(
    ("fields", "error", "match"),
    [
        ({"epochs": 0}, ValueError, "`epochs` must be at least 1"),
        ({"epochs": 1.5}, TypeError, "`epochs` must be a whole number"),
        ({"batch_size": 1}, ValueError, "`batch_size` must be at least 2"),
        ({"schedule": 0.1}, TypeError, "`schedule` must be AbstractSchedule"),
        ({"momentum": 1.0}, ValueError, "`momentum` must be at most"),
        ({"momentum": 0.0}, ValueError, "`nesterov` needs `momentum` > 0"),
        ({"weight_decay": -1e-4}, ValueError, "`weight_decay` must be at least 0"),
        ({"crop": -1}, ValueError, "`crop` must be at least 0"),
        ({"flip": 1}, TypeError, "`flip` must be bool"),
        ({"nesterov": 1}, TypeError, "`nesterov` must be bool"),
        ({"objective": "trades"}, TypeError, "`objective` must be AbstractObjective"),
        ({"forward": "chip"}, TypeError, "`forward` must be AbstractTrainingForward"),
        ({"validation": -0.1}, ValueError, "`validation` must be at least 0"),
        ({"validation": 0.95}, ValueError, "`validation` must be at most 0.9"),
        ({"frozen_batch_norm": 1}, TypeError, "`frozen_batch_norm` must be bool"),
        (
            {"precision": "fp8"},
            ValueError,
            "`precision` must be one of 'auto', 'fp32', 'bf16', got 'fp8'",
        ),
    ],
)
def test_bad_recipes(fields: dict[str, Any], error: type[Exception], match: str) -> None:
    with pytest.raises(error, match=match):
        Recipe(**{"epochs": 1} | fields)


def test_unknown_preset() -> None:
    with pytest.raises(
        ValueError, match="`name` must be one of 'papers', 'fast', 'digits', got 'slow'"
    ):
        Recipe.preset("slow")
