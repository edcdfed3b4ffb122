"""What README shows works, in both languages."""

import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
READMES = ("README.md", "README.ko.md")


def blocks(name: str, language: str) -> list[str]:
    text = (ROOT / name).read_text(encoding="utf-8")
    return re.findall(rf"^```{language}\n(.*?)^```", text, re.MULTILINE | re.DOTALL)


@pytest.mark.parametrize("name", READMES)
@pytest.mark.parametrize("number", [0, 1])
def test_examples_run(name: str, number: int) -> None:
    command = [sys.executable, "-W", "error::SyntaxWarning", "-c", blocks(name, "python")[number]]
    done = subprocess.run(command, capture_output=True, text=True, check=False, cwd=ROOT, timeout=60)
    assert done.returncode == 0, done.stderr
    expected = (r"\d+ octets in \d|초에 \d+바이트", r"SYN,ACK seq=\d+")[number]
    assert re.search(expected, done.stdout)


def test_both_languages_show_the_same_code() -> None:
    english, korean = (blocks(name, "python") for name in READMES)
    assert [block.splitlines()[:-1] for block in english] == [block.splitlines()[:-1] for block in korean]
    commands = [
        [line.split("  #")[0] for line in "".join(blocks(name, "console")).splitlines()] for name in READMES
    ]
    assert commands[0] == commands[1]


@pytest.mark.parametrize("name", READMES)
def test_links_lead_somewhere(name: str) -> None:
    text = (ROOT / name).read_text(encoding="utf-8")
    targets = re.findall(r"\]\(([^)#:]+)\)", text)
    assert "docs/tour.svg" in targets
    assert [target for target in targets if not (ROOT / target).exists()] == []


@pytest.mark.parametrize("name", READMES)
def test_commands_that_it_names_exist(name: str) -> None:
    text = (ROOT / name).read_text(encoding="utf-8")
    makefile = (ROOT / "Makefile").read_text(encoding="utf-8")
    for target in re.findall(r"make ([a-z-]+)(?=[\s`])", "".join(blocks(name, "console")) + text):
        assert re.search(rf"^{target}:", makefile, re.MULTILINE), target
