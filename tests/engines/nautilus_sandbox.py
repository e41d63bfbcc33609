"""A trading node of nautilus_trader that is live but for its venue: a feed on this machine, and the engine's sandbox.

python -m tests.engines.nautilus_sandbox DATABASE MODE SEED KILL_AT
"""

from __future__ import annotations

import asyncio
import sys
from pathlib import Path
from typing import Any

from nautilus_trader.adapters.sandbox.config import SandboxExecutionClientConfig
from nautilus_trader.adapters.sandbox.factory import SandboxLiveExecClientFactory
from nautilus_trader.common.config import LoggingConfig
from nautilus_trader.common.providers import InstrumentProvider
from nautilus_trader.config import LiveDataClientConfig, LiveExecEngineConfig, TradingNodeConfig
from nautilus_trader.live.data_client import LiveMarketDataClient
from nautilus_trader.live.factories import LiveDataClientFactory
from nautilus_trader.live.node import TradingNode
from nautilus_trader.model.data import QuoteTick
from nautilus_trader.model.enums import AccountType, OmsType
from nautilus_trader.model.identifiers import ClientId, TraderId

from paper_repo.engines.nautilus import SessionRecorderConfig
from tests.engines.nautilus_runs import Mode, Random, Watching, bars, modes


class Feed(LiveMarketDataClient):  # type: ignore[misc]
    """Sends a quote and a bar for each day, as fast as they are taken, and stops the node after the last one."""

    mode: Mode
    node: TradingNode

    async def _connect(self) -> None:
        self._cache.add_instrument(self.mode.instrument)
        self._asked_for = 0

    async def _disconnect(self) -> None:
        pass

    async def _subscribe_bars(self, command: Any) -> None:
        self._asked_for += 1
        if self._asked_for == 1:  # the engine asks once, however many listen
            self.task = asyncio.get_running_loop().create_task(self._send())

    async def _unsubscribe_bars(self, command: Any) -> None:
        pass

    async def _send(self) -> None:
        of = self.mode.instrument
        size = of.make_qty(1_000_000)
        while not self.node.trader.is_running:  # noqa: ASYNC110  it tells nobody
            await asyncio.sleep(0)
        engines = self.node.kernel.data_engine, self.node.kernel.exec_engine
        for bar in bars(self.mode):
            at = bar.ts_event - 1
            self._handle_data(QuoteTick(of.id, bar.close, bar.close, size, size, at, at))
            self._handle_data(bar)
            for _ in range(20):  # what the strategies order comes after it
                await asyncio.sleep(0)
                while any((engines[0].data_qsize(), engines[1].cmd_qsize(), engines[1].evt_qsize())):  # noqa: ASYNC110
                    await asyncio.sleep(0)
        self.node.stop()


class FeedFactory(LiveDataClientFactory):  # type: ignore[misc]
    """Makes the feed of a node."""

    made: Feed

    @staticmethod
    def create(loop: Any, name: str, config: Any, msgbus: Any, cache: Any, clock: Any) -> Feed:
        """Make it."""
        venue = FeedFactory.mode.instrument.id.venue
        feed = Feed(loop, ClientId(name), venue, msgbus, cache, clock, InstrumentProvider())
        feed.mode, feed.node = FeedFactory.mode, FeedFactory.node
        return feed

    mode: Mode
    node: TradingNode


def run(path: Path | str, name: str, seed: int, *, kill_at: int = -1) -> tuple[TradingNode, Watching]:
    """The node after it has stopped, not yet disposed of, and the recorder."""
    mode = modes()[name]
    venue = mode.instrument.id.venue.value
    loop = asyncio.new_event_loop()  # which the node closes when it is disposed of
    asyncio.set_event_loop(loop)
    node = TradingNode(
        TradingNodeConfig(
            trader_id=TraderId("T-001"),
            logging=LoggingConfig(log_level="ERROR"),
            exec_engine=LiveExecEngineConfig(reconciliation=False),
            data_clients={venue: LiveDataClientConfig()},
            exec_clients={
                venue: SandboxExecutionClientConfig(
                    venue=venue,
                    starting_balances=[str(each) for each in mode.balances],
                    base_currency=mode.base and mode.base.code,
                    oms_type=OmsType(mode.oms).name,
                    account_type=AccountType(mode.account).name,
                )
            },
            timeout_connection=5.0,
            timeout_reconciliation=5.0,
            timeout_portfolio=5.0,
            timeout_disconnection=5.0,
            timeout_post_stop=0.1,
        ),
        loop=loop,
    )
    FeedFactory.mode, FeedFactory.node = mode, node
    bar_type = bars(mode)[0].bar_type
    recorder = Watching(
        SessionRecorderConfig(
            path=str(path),
            session_id="a",
            venue=venue,
            bar_types=[str(bar_type)],
            durability="normal",
            rates=mode.rates,
        )
    )
    recorder.kill_at = kill_at
    node.trader.add_actor(recorder)
    node.trader.add_strategy(Random(mode.instrument, bar_type, seed, mode.unit, name))
    node.add_data_client_factory(venue, FeedFactory)
    node.add_exec_client_factory(venue, SandboxLiveExecClientFactory)
    node.build()
    node.run()
    return node, recorder


if __name__ == "__main__":
    run(sys.argv[1], sys.argv[2], int(sys.argv[3]), kill_at=int(sys.argv[4]))
