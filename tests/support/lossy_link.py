"""Two network namespaces and a slow, lossy link between them. Needs root, ip, tc, and nft or the kernel's netem."""

from __future__ import annotations

import contextlib
import os
import re
import secrets
import shutil
import subprocess
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from tests.support.environment import OUTSIDE
from tests.support.require import require

__all__ = ["LossyLink", "lossy_link"]

_PATH = OUTSIDE.get("PATH", "") + ":/usr/sbin:/sbin:/usr/bin:/bin"
HERE, THERE = "10.203.77.1", "10.203.77.2"


@dataclass(frozen=True, kw_only=True)
class LossyLink:
    """A link that runs.

    Attributes:
        near, far: names of the namespaces; `near` has the address `HERE`, `far` has `THERE`.
        made_with: how the loss is made, with the reason where it is not by netem.
    """

    near: str
    far: str
    made_with: str

    def within(self, namespace: str, command: Sequence[str]) -> list[str]:
        """The command line that runs a program in one of the namespaces."""
        return [_program("ip"), "netns", "exec", namespace, *command]

    def dropped(self) -> int:
        """How many packets were lost so far, both directions together."""
        count = 0
        for namespace in (self.near, self.far):
            queues = _run(
                "ip", "netns", "exec", namespace, _program("tc"), "-s", "qdisc", "show", "dev", "link0"
            )
            count += sum(int(number) for number in re.findall(r"netem .*?dropped (\d+)", queues, re.DOTALL))
            if "nft" in self.made_with:
                rules = _run("ip", "netns", "exec", namespace, _program("nft"), "list", "ruleset")
                count += sum(int(number) for number in re.findall(r"counter packets (\d+)", rules))
        return count


@contextlib.contextmanager
def lossy_link(*, megabits: int, loss: int) -> Iterator[LossyLink]:
    """Make the link, for as long as the `with` block lasts.

    Args:
        megabits: per second, each way.
        loss: of a hundred packets so many are lost, at random, each way.
    """
    for name in ("ip", "tc"):
        if shutil.which(name, path=_PATH) is None:
            require("real", f"{name} is not installed (Debian: apt-get install iproute2)")
    if os.geteuid() != 0:
        require("real", "network namespaces need root")
    tag = secrets.token_hex(3)
    near, far = f"ocictl-{tag}-near", f"ocictl-{tag}-far"
    with contextlib.ExitStack() as stack:
        for namespace in (near, far):
            _run("ip", "netns", "add", namespace)
            stack.callback(_run, "ip", "netns", "del", namespace)
            _run("ip", "-n", namespace, "link", "set", "lo", "up")
        _run(
            "ip", "link", "add", "link0", "netns", near, "type", "veth", "peer", "name", "link0", "netns", far
        )
        made_with = ""
        for namespace, address in ((near, HERE), (far, THERE)):
            _run("ip", "-n", namespace, "address", "add", f"{address}/30", "dev", "link0")
            # One packet is one packet: none are put together to large ones that would be lost as a whole.
            _run("ip", "-n", namespace, "link", "set", "link0", "gso_max_segs", "1", "up")
            made_with = _spoil(namespace, megabits, loss)
        yield LossyLink(near=near, far=far, made_with=made_with)


def _spoil(namespace: str, megabits: int, loss: int) -> str:
    """Make what leaves a namespace slow and lossy; tell how."""
    queue = ("-n", namespace, "qdisc", "add", "dev", "link0", "root")
    try:
        _run("tc", *queue, "netem", "rate", f"{megabits}mbit", "loss", f"{loss}%", "limit", "100")
    except RuntimeError as error:
        if shutil.which("nft", path=_PATH) is None:
            require(
                "real", f"no netem ({error}), and nft is not installed (Debian: apt-get install nftables)"
            )
        _run("tc", *queue, "tbf", "rate", f"{megabits}mbit", "burst", "6kb", "latency", "60ms")
        rules = (
            "table inet lossy {\nchain input {\ntype filter hook input priority 0;\n"
            f"iifname link0 numgen random mod 100 < {loss} counter drop\n}}\n}}\n"
        )
        _run("ip", "netns", "exec", namespace, _program("nft"), "-f", "-", stdin=rules)
        return f"tc tbf and nft numgen, as there is no netem: {error}"
    return "tc netem"


def _program(name: str) -> str:
    return shutil.which(name, path=_PATH) or name


def _run(name: str, *arguments: str, stdin: str = "") -> str:
    done = subprocess.run(
        [_program(name), *arguments], input=stdin, capture_output=True, text=True, check=False, timeout=30
    )
    if done.returncode != 0:
        raise RuntimeError(f"{name} {' '.join(arguments)}: {done.stderr.strip()}")
    return done.stdout
