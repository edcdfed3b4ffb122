"""A mailer (smtplib) and a mail server (aiosmtpd), both unmodified, on a switch."""

import asyncio
import smtplib

from aiosmtpd.handlers import Debugging
from aiosmtpd.smtp import SMTP

import netarium

world = netarium.World(seed=3)
mailer, post = world.hosts("mailer", "post")
world.switch("lan", mailer, post, rate="100mbit", delay="1ms")


async def serve() -> None:
    server = await asyncio.get_running_loop().create_server(lambda: SMTP(Debugging()), "0.0.0.0", 25)
    await server.serve_forever()


def send() -> None:
    letter = "Subject: Hello\n\nIt came through a TCP/IP stack written in Python."
    with smtplib.SMTP("post") as client:
        client.sendmail("kim@mailer", "lee@post", letter)


post.run(serve)
world.run(send, on=mailer)
