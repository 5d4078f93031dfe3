from midtrain_dagster.inference.budget import Budget, cost


def test_cost_is_by_the_million() -> None:
    assert cost(2_000_000, 500_000, 0.25, 2.0) == 0.5 + 1.0


def test_nothing_is_spent_without_a_budget() -> None:
    budget = Budget()
    budget.spend(10**9, 10**9)
    assert budget.exhausted is None


def test_what_is_spent_first_ends_it() -> None:
    budget = Budget(tokens=100, money=1.0, price_in=1.0, price_out=1.0)
    budget.spend(50, 49)
    assert budget.exhausted is None
    budget.spend(1, 0)
    assert budget.exhausted == "`budget_tokens` of 100 are spent (100)"
