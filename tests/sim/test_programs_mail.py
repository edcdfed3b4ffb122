"""A mailer and a mail server that nobody here wrote: smtplib and aiosmtplib against aiosmtpd."""

import asyncio
import email
import email.policy
import smtplib
from email.message import EmailMessage
from typing import Any

import aiosmtplib
import pytest
from aiosmtpd.controller import Controller
from aiosmtpd.smtp import SMTP, Envelope, Session

import netarium

BODY = "\n".join(f"line {number}: 안녕하세요" for number in range(2_000))


class Mailbox:
    """Keeps what it is handed."""

    def __init__(self) -> None:
        self.messages: list[tuple[str, list[str], bytes]] = []

    async def handle_DATA(self, _server: SMTP, _session: Session, envelope: Envelope) -> str:
        assert isinstance(envelope.content, bytes)
        self.messages.append((envelope.mail_from or "", list(envelope.rcpt_tos), envelope.content))
        return "250 Kept"


def letter() -> EmailMessage:
    message = EmailMessage()
    message["From"], message["To"], message["Subject"] = "kim@mailer.example", "lee@post.example", "편지"
    message.set_content(BODY)
    return message


def lan(seed: int, loss: float) -> tuple[netarium.World, Any, Any]:
    world = netarium.World(seed=seed)
    post, mailer = world.hosts("post", "mailer")
    world.cable(post, mailer, rate="10mbit", delay="10ms", loss=loss)
    return world, post, mailer


def arrived(box: Mailbox) -> str:
    ((sender, receivers, content),) = box.messages
    assert (sender, receivers) == ("kim@mailer.example", ["lee@post.example"])
    text: str = email.message_from_bytes(content, policy=email.policy.default).get_content()
    return text.replace("\r\n", "\n").strip()


@pytest.mark.parametrize("loss", [0, 0.05])
def test_smtplib_and_aiosmtpd_in_a_loop(loss: float) -> None:
    world, post, mailer = lan(1, loss)
    box = Mailbox()

    async def serve() -> None:
        server = await asyncio.get_running_loop().create_server(
            lambda: SMTP(box, hostname="post"), "0.0.0.0", 25
        )
        await server.serve_forever()

    def send() -> dict[str, tuple[int, bytes]]:
        with smtplib.SMTP("post", timeout=60) as client:
            return client.send_message(letter())

    def main() -> Any:
        post.run(serve)
        return mailer.run(send).join()

    assert world.run(main) == {}
    assert arrived(box) == BODY


def test_smtplib_and_aiosmtpd_with_its_own_thread() -> None:
    """aiosmtpd's Controller starts a thread, in it an event loop, and tries out its own server."""
    world, post, mailer = lan(2, 0)
    box = Mailbox()

    def serve_and_receive() -> None:
        controller = Controller(box, hostname="post", port=25, server_hostname="post")
        controller.start()
        try:
            mailer.run(send).join()
        finally:
            controller.stop()

    def send() -> None:
        with smtplib.SMTP("post", timeout=60) as client:
            client.send_message(letter())

    world.run(lambda: post.run(serve_and_receive).join())
    assert arrived(box) == BODY


@pytest.mark.parametrize("loss", [0, 0.05])
def test_aiosmtplib_and_aiosmtpd(loss: float) -> None:
    world, post, mailer = lan(3, loss)
    box = Mailbox()

    async def main() -> None:
        async with post:
            loop = asyncio.get_running_loop()
            server = await loop.create_server(lambda: SMTP(box, hostname="post"), "0.0.0.0", 25)
        async with mailer:
            _, answer = await aiosmtplib.send(letter(), hostname="post", port=25, timeout=60, start_tls=False)
            assert answer.startswith("Kept")
        server.close()

    world.run(main)
    assert arrived(box) == BODY
