"""Handlers of HTTP that do nothing, or nothing but produce: what a door can cost least. Run by uvicorn.

`noop` answers. `raw` writes the body to Kafka, acknowledged by all replicas, and answers; it reads the key
alone.
"""

import os
from collections.abc import Awaitable, Callable
from typing import Any

import orjson
from aiokafka import AIOKafkaProducer

Message = dict[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]

_REPLY = b'{"accepted":true}'
_HEAD = {
    "type": "http.response.start",
    "status": 202,
    "headers": [(b"content-type", b"application/json"), (b"content-length", str(len(_REPLY)).encode())],
}
_BODY = {"type": "http.response.body", "body": _REPLY}


class Raw:
    """The bare path from a request to Kafka. `produces` or not."""

    def __init__(self, *, produces: bool) -> None:
        self._produces = produces
        self._topic = os.environ.get("TOPIC", "")
        self._producer: AIOKafkaProducer | None = None

    async def __call__(self, scope: Message, receive: Receive, send: Send) -> None:
        if scope["type"] == "lifespan":
            await self._live(receive, send)
            return
        body = b""
        more = True
        while more:
            message = await receive()
            body += message.get("body", b"")
            more = message.get("more_body", False)
        if self._producer is not None:
            key = orjson.loads(body)["values"]["email"][0].encode()
            await self._producer.send_and_wait(self._topic, body, key=key)
        await send(_HEAD)
        await send(_BODY)

    async def _live(self, receive: Receive, send: Send) -> None:
        while True:
            message = await receive()
            if message["type"] == "lifespan.startup" and self._produces:
                # The settings contactfold has, too: the fastest that are durable.
                settings: Message = {"acks": "all", "enable_idempotence": True, "max_batch_size": 262_144}
                self._producer = AIOKafkaProducer(bootstrap_servers=os.environ["BOOTSTRAP"], **settings)
                await self._producer.start()
            elif message["type"] == "lifespan.shutdown" and self._producer is not None:
                await self._producer.stop()
            await send({"type": f"{message['type']}.complete"})
            if message["type"] == "lifespan.shutdown":
                return


noop = Raw(produces=False)
raw = Raw(produces=True)
