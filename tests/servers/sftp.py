"""A real SFTP server for tests, in a thread of its own, with a folder of this machine as its root."""

import asyncio
import threading
from pathlib import Path
from typing import Self

import asyncssh

USER = "ann"
PASSWORD = "only for tests"


class SftpServer:
    """Serves `root` at a free port, to one user with a password or `private_key`. `asked` has who tried."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.port = 0
        self.host_key = ""
        self.asked: list[str] = []
        self.connections: list[asyncssh.SSHServerConnection] = []
        self.fingerprint = ""
        self.private_key = asyncssh.generate_private_key("ssh-ed25519")
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        asyncio.run_coroutine_threadsafe(self._start(), self._loop).result(30)
        return self

    def __exit__(self, *_: object) -> None:
        asyncio.run_coroutine_threadsafe(self._stop(), self._loop).result(30)
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(10)
        self._loop.close()

    async def _start(self) -> None:
        key = asyncssh.generate_private_key("ssh-ed25519")
        self.host_key = key.export_public_key().decode().strip()
        self.fingerprint = key.get_fingerprint("sha256")
        allowed = asyncssh.import_authorized_keys(self.private_key.export_public_key().decode())
        self._server = await asyncssh.listen(
            "127.0.0.1",
            0,
            server_host_keys=[key],
            server_factory=lambda: _Door(self),
            authorized_client_keys=allowed,
            sftp_factory=lambda channel: asyncssh.SFTPServer(channel, chroot=str(self.root).encode()),
        )
        self.port = self._server.get_port()

    async def _stop(self) -> None:
        self._server.close()
        for connection in self.connections:
            connection.abort()
        await self._server.wait_closed()


class _Door(asyncssh.SSHServer):
    def __init__(self, server: SftpServer) -> None:
        self._server = server

    def connection_made(self, conn: asyncssh.SSHServerConnection) -> None:
        self._server.connections.append(conn)

    def begin_auth(self, username: str) -> bool:
        self._server.asked.append(username)
        return True

    def password_auth_supported(self) -> bool:
        return True

    def validate_password(self, username: str, password: str) -> bool:
        return username == USER and password == PASSWORD
