"""Budgets: beyond so many quotes a second a client gets the newest of each symbol, told what was skipped."""

from tests.fanout.virtual import Buffer, V2Client, World

CAP = 10
AMPLE = Buffer(1 << 20, 1 << 19)


def world_with(symbols: int) -> World:
    world = World()
    for number in range(symbols):
        world.appear(f"crypto:S{number}")
    return world


def metered(world: World, *, max_quotes_per_s: int | None = CAP) -> V2Client:
    client = V2Client(world, AMPLE, binary=False, max_quotes_per_s=max_quotes_per_s)
    world.clients.append(client)
    client.say({"action": "subscribe", "symbols": ["crypto:*"]})
    client.read_all()
    return client


def run(world: World, client: V2Client, *, quarters: int, quotes: int) -> list[int]:
    """So many quarters of a second with so many quotes of each instrument; what was delivered in each."""
    delivered = []
    for _ in range(quarters):
        before = client.ledger._delivered
        for _ in range(quotes):
            world.publish(*world.instruments)
            world.end_turn()
        world.allow(0.25)
        world.read_all()
        delivered.append(client.ledger._delivered - before)
    return delivered


def test_a_client_gets_what_its_budget_allows_and_the_rest_is_skipped():
    world = world_with(5)
    client, free = metered(world), metered(world, max_quotes_per_s=None)
    delivered = run(world, client, quarters=80, quotes=4)  # 80 a second for 20 seconds
    assert sum(delivered) <= 20 * CAP + CAP + 4 * 5  # a second's worth is saved up, and one quarter is live
    assert sum(delivered[8:]) >= 18 * CAP - CAP
    assert max(delivered[8:]) <= CAP // 4 + 1
    assert (free.ledger._delivered, free.ledger._skipped) == (1_600, 0)
    world.quiet()
    assert client.ledger._delivered + client.ledger._skipped == 1_600


def test_every_symbol_has_its_turn():
    world = world_with(40)
    client = metered(world)
    seen: set[str] = set()
    for _ in range(60):
        run(world, client, quarters=1, quotes=1)
        seen |= {key for key, account in client.ledger.accounts.items() if account.position > 1}
    assert len(seen) == 40


def test_within_its_budget_a_client_hears_every_quote_at_once():
    world = world_with(2)
    client = metered(world)
    run(world, client, quarters=40, quotes=1)  # 8 a second
    assert (client.ledger._delivered, client.ledger._skipped) == (80, 0)


def test_who_wants_less_than_its_budget_again_is_live_again():
    world = world_with(2)
    client = metered(world)
    run(world, client, quarters=20, quotes=10)
    assert client.channel._member.held
    run(world, client, quarters=8, quotes=0)
    assert not client.channel._member.held
    skipped = client.ledger._skipped
    run(world, client, quarters=8, quotes=1)
    assert client.ledger._skipped == skipped


def test_a_limit_that_is_lifted_lifts_what_it_held_back():
    world = world_with(2)
    client = metered(world)
    run(world, client, quarters=20, quotes=10)
    world.happens("allow")
    world.hub.limit(client.channel._member, None)
    client.read_all()
    run(world, client, quarters=4, quotes=10)
    world.quiet()
    assert client.ledger._delivered + client.ledger._skipped == 480


def test_a_limit_that_begins_later_does_not_charge_for_what_was_before():
    world = world_with(2)
    client = metered(world, max_quotes_per_s=None)
    run(world, client, quarters=20, quotes=10)
    world.hub.limit(client.channel._member, CAP)
    assert run(world, client, quarters=8, quotes=1) == [2] * 8
    assert client.ledger._skipped == 0


def test_a_snapshot_of_more_than_the_budget_comes_as_it_is_earned():
    world = world_with(600)
    world.publish(*world.instruments)
    world.end_turn()
    client = metered(world)
    first = client.ledger._delivered
    assert first == CAP
    assert sum(run(world, client, quarters=8, quotes=0)) <= 2 * CAP
    run(world, client, quarters=200, quotes=0)
    world.quiet()
    assert (client.ledger._delivered, client.ledger._skipped) == (600, 0)


def test_no_delivery_waits_for_ever_behind_another():
    """The first used all that was earned, each time: the other stood still as long as the first moved."""
    world = world_with(40)
    world.appear("currencies:EURUSD")
    client = metered(world)
    client.say({"action": "subscribe", "symbols": ["currencies:EURUSD"]})
    client.read_all()
    run(world, client, quarters=120, quotes=1)
    head = world.tape.head(world.instruments[-1])
    assert client.ledger.accounts["currencies:EURUSD"].position > head - 40


def test_a_budget_of_one_quote_a_second_is_kept():
    world = world_with(300)
    client = metered(world, max_quotes_per_s=1)
    before = client.ledger._delivered
    delivered = run(world, client, quarters=80, quotes=1)
    assert sum(delivered[8:]) <= 20
    assert client.ledger._delivered - before <= 300 + 20  # one flush is live before the budget is looked at
