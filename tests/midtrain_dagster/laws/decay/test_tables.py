import numpy as np

from midtrain_dagster.laws.decay.answers import Start, loss_of
from midtrain_dagster.laws.decay.config import DecayLawSection
from midtrain_dagster.laws.decay.methods.annealing import Annealing
from midtrain_dagster.laws.decay.study import study
from midtrain_dagster.laws.decay.tables import CURVES, TABLES, study_of, tables_of
from midtrain_dagster.training.decay_laws.report_plots import law_over_measured
from tests.midtrain_dagster.laws.decay.synthetic import constant, decayed, made
from tests.midtrain_dagster.laws.decay.test_fit import ANNEALING


def test_stored_study_answers_as_the_one_that_was_stored() -> None:
    runs = {"constant": constant(), "decayed": decayed()}
    curves = made(Annealing(0.999), ANNEALING, runs, noise=1e-3)
    law = DecayLawSection(law="annealing").law
    found = study(law, curves, count=20)
    tables = tables_of(found)
    assert set(tables) == set(TABLES)
    assert tables["curves"].schema == CURVES
    again = study_of(law, curves, tables)
    start, more = Start(constant()), np.full(50, 1e-4)
    assert loss_of(again, start, more) == loss_of(found, start, more)
    assert law_over_measured(tables["curves"]).axes[1].get_xlabel()
