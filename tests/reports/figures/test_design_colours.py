"""Designs that differ are told apart by colour as long as there are colours."""

from dataclasses import replace

from tests.reports.examples import chip, record, twin

from wordline.records.record import Record
from wordline.reports.figures.design_colours import OF_TILES, OTHERS, design_of, name_designs


def of(size: int, col_ohm: float = 10.0) -> Record:
    victim = chip()
    wires = replace(victim.crossbar.wires, col_ohm=col_ohm)
    crossbar = replace(victim.crossbar, tile=(size, size), wires=wires)
    return record(replace(victim, crossbar=crossbar))


def test_tiles_have_their_own_colours() -> None:
    found = list(name_designs([of(64), of(16), of(32), of(16)]).values())
    assert found == [("16x16", OF_TILES[16]), ("32x32", OF_TILES[32]), ("64x64", OF_TILES[64])]


def test_parasitics_are_told_apart_in_a_tile_that_has_several() -> None:
    named = name_designs([of(64), of(64, 1.0), of(16)])
    assert named[design_of(of(16))] == ("16x16", OF_TILES[16])
    assert named[design_of(of(64, 1.0))] == ("64x64, col 1 ohm", OF_TILES[64])
    assert named[design_of(of(64))] == ("64x64, col 10 ohm", OTHERS[0])


def test_more_designs_than_colours_share_those_of_their_tile() -> None:
    many = [of(size, 1.0 + n) for size in (16, 64) for n in range(4)]
    assert set(name_designs(many).values()) == {("16x16", OF_TILES[16]), ("64x64", OF_TILES[64])}
    assert len(set(name_designs(many[:7]).values())) == 7


def test_a_twin_has_the_design_of_its_chip() -> None:
    assert design_of(record(twin(0))) == design_of(record(chip(0)))
