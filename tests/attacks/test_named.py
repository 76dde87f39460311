import pytest

from wordline.attacks import APGD, FGSM, MIFGSM, PGD, MultiTargeted, RepeatedFGSM
from wordline.attacks.named import NAMED, AttackOptions, attack_by_name


def test_each_takes_what_it_has():
    options = AttackOptions(
        eps=0.1, step_size=0.02, loss="dlr", random_start=False, early_stop=True
    )
    pgd = PGD(
        0.1, 13, 0.02, "dlr", random_start=False, early_stop=True
    )  # 2.5 x 0.1 / 0.02 = 12.5 steps
    assert attack_by_name("fgsm", options) == FGSM(0.1, "dlr")
    assert attack_by_name("pgd", options) == pgd
    assert attack_by_name("multi-targeted", options) == MultiTargeted(pgd)
    assert attack_by_name("mifgsm", options) == MIFGSM(0.1, 13, 0.02, loss="dlr")
    assert attack_by_name("repeated-fgsm", options) == RepeatedFGSM(0.1, 13, 0.02, "dlr")
    assert attack_by_name("apgd-t", AttackOptions(0.1, 0.02, steps=7)) == APGD(
        0.1, 7, "targeted-dlr"
    )
    for name in NAMED:
        assert attack_by_name(name, options).eps == 0.1


def test_refuses():
    with pytest.raises(ValueError, match="`attack` must be one of 'fgsm', 'pgd', 'mifgsm'"):
        attack_by_name("magic", AttackOptions(0.1, 0.1))
    with pytest.raises(ValueError, match="`loss` must be one of"):
        attack_by_name("apgd-ce", AttackOptions(0.1, 0.1, loss="hinge"))  # type: ignore[arg-type]
