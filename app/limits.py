"""A bound on what a request may carry, kept before anything of it is read into memory."""

REFUSAL = b'{"detail": "the request is too large"}'


class BodyLimit:
    """ASGI middleware: answers 413 to bodies of more than `limit` bytes, and ends streams at that length."""

    def __init__(self, app, limit: int):
        self.app, self.limit = app, limit

    async def __call__(self, scope, receive, send):
        """Serve one connection, as ASGI asks."""
        if scope["type"] != "http":
            return await self.app(scope, receive, send)
        length = dict(scope["headers"]).get(b"content-length", b"0")
        if length.isdigit() and int(length) > self.limit:
            headers = [(b"content-type", b"application/json"), (b"connection", b"close")]
            await send({"type": "http.response.start", "status": 413, "headers": headers})
            return await send({"type": "http.response.body", "body": REFUSAL})
        return await self.app(scope, self._counted(receive), send)

    def _counted(self, receive):
        """`receive`, which ends a body of unknown length at the limit, as if the client had gone."""
        read = 0

        async def counted():
            nonlocal read
            message = await receive()
            read += len(message.get("body", b""))
            return message if read <= self.limit else {"type": "http.disconnect"}

        return counted
