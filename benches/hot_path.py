#!/usr/bin/env python3
"""Counts what an answer costs: instructions and allocations, and the functions that make them.

    cargo build --profile dist && python3 benches/hot_path.py [program]

Needs Python, `valgrind` and `wrk`. Counts are the same on every run, whatever else the machine does;
they say nothing of caches and of the system's own work.
"""

import collections
import os
import re
import signal
import socket
import subprocess
import sys
import tempfile
import time

HOST, PATH = "alice.sandbox.localhost", "/api/admin/status"
# Each of them is one allocation.
ALLOCATE = {"_rjem_malloc", "_rjem_calloc", "_rjem_realloc", "malloc", "calloc", "realloc"}


def free_port():
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return listener.getsockname()[1]


def wrk(url, seconds):
    """Asks over and over. Says how often it was answered."""
    command = ["wrk", "-t1", "-c8", f"-d{seconds}s", "-H", f"Host: {HOST}", url]
    report = subprocess.run(command, capture_output=True, text=True, check=True, timeout=60).stdout
    assert "Non-2xx" not in report, report
    return int(re.search(r"(\d+) requests in", report).group(1))


def control(process, *arguments):
    command = ["callgrind_control", *arguments, str(process.pid)]
    subprocess.run(command, capture_output=True, check=True, timeout=60)


def measure(program, folder):
    """Runs the service under callgrind, and returns its counts and the number of requests."""
    port = free_port()
    out = os.path.join(folder, "counts")
    command = ["valgrind", "--tool=callgrind", "--instr-atstart=no", f"--callgrind-out-file={out}"]
    command += [program, "sandbox", "--listen", f"127.0.0.1:{port}"]
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        for _ in range(240):
            with socket.socket() as client:
                if client.connect_ex(("127.0.0.1", port)) == 0:
                    break
            time.sleep(0.5)
        url = f"http://127.0.0.1:{port}{PATH}"
        wrk(url, 3)
        control(process, "-i", "on")
        requests = wrk(url, 6)
        control(process, "-i", "off")
        control(process, "-d")
    finally:
        process.send_signal(signal.SIGKILL)
        process.wait(timeout=60)
    counts = [os.path.join(folder, name) for name in os.listdir(folder)]
    return max(counts, key=os.path.getsize), requests


def annotate(counts, *options):
    command = ["callgrind_annotate", "--threshold=100", *options, counts]
    return subprocess.run(command, capture_output=True, text=True, check=True, timeout=120).stdout


def short(name):
    """A function without where it is, and without the insides of its generics."""
    name = re.sub(r" \[[^\]]*\]$", "", name.strip())
    name = name.rsplit("???:", 1)[-1].rsplit("/", 1)[-1]
    while (shorter := re.sub(r"<[^<>]*>", "<…>", name)) != name and "<" in shorter.replace("<…>", ""):
        name = shorter
    return name if len(name) <= 100 else name[:99] + "…"


def main():
    program = sys.argv[1] if len(sys.argv) > 1 else "target/dist/publisher"
    with tempfile.TemporaryDirectory() as folder:
        counts, requests = measure(program, folder)
        own, callers = annotate(counts), annotate(counts, "--tree=caller")

    total, functions = 0, []
    for line in own.splitlines():
        if found := re.match(r"\s*([\d,]+) \(\s*[\d.]+%\)\s+(.*)", line):
            count = int(found.group(1).replace(",", ""))
            if "PROGRAM TOTALS" in line:
                total = count
            else:
                functions.append((count / requests, short(found.group(2))))
    print(f"## {PATH}: {total / requests:.0f} instructions for each of {requests} answers\n")
    print("| instructions | function itself |\n| --- | --- |")
    for count, name in functions[:25]:
        print(f"| {count:.0f} | `{name}` |")

    allocations, above = collections.Counter(), []
    for line in callers.splitlines():
        found = re.match(r"\s*[\d,]+ \(\s*[\d.]+%\)\s+([<*]) (.*)", line)
        if not found:
            above = []
        elif found.group(1) == "<":
            above.append(found.group(2))
        else:
            if short(found.group(2)) in ALLOCATE:
                for caller in above:
                    name, times = re.match(r"(.*) \(([\d,]+)x\)", caller).groups()
                    times = int(times.replace(",", "")) / requests
                    if short(name) not in ALLOCATE and times >= 0.05:
                        allocations[short(name)] += times
            above = []
    print(f"\n{sum(allocations.values()):.0f} allocations for each answer:\n")
    print("| allocations | by |\n| --- | --- |")
    for name, times in allocations.most_common():
        print(f"| {times:.1f} | `{name}` |")


if __name__ == "__main__":
    main()
