"""A chip from its cached states is the mapped chip, bit for bit."""

import dataclasses

import pytest
import torch
from torch import nn

import wordline as wl
from wordline.nn.cached_programming import map_with_states, program_states

ADC = wl.UniformConverter(bits=6, range=wl.FullScale())
CROSSBARS = {
    "ohmic": wl.Crossbar.preset("rethinking-16", gain=wl.LeastSquaresGain()),
    "converters": dataclasses.replace(wl.Crossbar.preset("rethinking-16"), adc=ADC),
    "read noise": dataclasses.replace(
        wl.Crossbar.preset("rethinking-16"), nonidealities=(wl.ReadNoise(sigma=0.05),)
    ),
}


@pytest.mark.parametrize("name", CROSSBARS)
def test_states_give_the_chip_that_was_mapped(
    name: str, tiny_cnn: nn.Module, rng: torch.Generator
) -> None:
    crossbar, images = CROSSBARS[name], torch.rand(5, 2, 6, 6, generator=rng)
    mapped = wl.map_model(tiny_cnn, crossbar, 3)
    restored = map_with_states(tiny_cnn, crossbar, 3, program_states(tiny_cnn, crossbar, 3))
    there, here = mapped.state_dict(), restored.state_dict()
    assert there.keys() == here.keys()
    assert all(torch.equal(torch.nan_to_num(there[k]), torch.nan_to_num(here[k])) for k in there)
    assert torch.equal(mapped(images), restored(images))
    assert restored.report() == mapped.report()
    assert restored.training == mapped.training
    assert (name == "converters") == ("0/response" in program_states(tiny_cnn, crossbar, 3))


def test_nothing_is_programmed_from_states(
    tiny_cnn: nn.Module, monkeypatch: pytest.MonkeyPatch
) -> None:
    states = program_states(tiny_cnn, CROSSBARS["ohmic"])
    monkeypatch.setattr(
        "wordline.nn.programming.program_on", lambda *a: pytest.fail("programmed again")
    )
    map_with_states(tiny_cnn, CROSSBARS["ohmic"], 0, states)


def test_states_of_another_network_are_refused(tiny_cnn: nn.Module) -> None:
    states = program_states(tiny_cnn, CROSSBARS["ohmic"])
    with pytest.raises(ValueError, match=r"`states` hold no layer '0' of shape \(1, 18, 4\)"):
        map_with_states(nn.Sequential(nn.Conv2d(2, 4, 3)).eval(), CROSSBARS["ohmic"], 0, states)
