#!/usr/bin/env python3
"""What many tenants take, from what single things cost.

    python3 benches/scaling/model.py [units.json [simulation.json]]

Prints the unit costs, what the model predicts of the simulation beside what was measured, and what 1,000, 100,000 and
10 million tenants take. The files are those that `cargo bench --bench scaling` writes to `target`. Needs Python alone.

`python3 benches/scaling/model.py --tenants 50000 --views 20 …` does the last for your own numbers; `--help` lists them.
"""

import argparse
import json
import math
import os
import sys

# A config, an open tenant and a credential are asked for again in the last tenth of their life.
AHEAD = 0.9
# A listing at Dropbox is shown without a call for this many seconds.
LISTING_FRESH = 5.0
# The most that is kept of what people have listed, in bytes: `MAX_BYTES` of src/app/tenancy/listing_cache.rs.
LISTING_CACHE = 64 * 2**20
# How many jobs one process carries out at a time: `AT_A_TIME` of src/app/usecases/carry_out_jobs.rs.
JOBS_AT_A_TIME = 64
# Of MEMORY_BUDGET_MB, three elevenths are for files, and a file is held until it has been sent.
FILES_PART = 3 / 11
# Counting a million jobs that have ended takes this many milliseconds, once a minute at each replica (decision 0014).
COUNT_MS_A_MILLION = 40.0
# The events of a tenant that are kept at most, and the bytes of one (decision 0014: 1,000 take 150 kB).
EVENTS_KEPT, EVENT_BYTES = 1000, 150
DAY = 86_400.0
# What is no cost of a thing.
NOT_COSTS = {"seconds", "count", "memory_kb", "megapixels"}


def load(path):
    with open(path, encoding="utf-8") as file:
        return json.load(file)


def units_of(figures):
    """The cost of each thing beyond what the idle service costs meanwhile."""
    idle = {name: value for name, value in figures["idle_second"].items() if name not in NOT_COSTS}
    units = {"idle_second": idle}
    for thing, costs in figures.items():
        if thing == "idle_second" or not isinstance(costs, dict) or "count" not in costs:
            continue
        each = costs["seconds"] / costs["count"]
        units[thing] = {
            name: value - (idle.get(name, 0) * each if name not in NOT_COSTS else 0)
            for name, value in costs.items()
        }
    return units


def less(more, fewer):
    """What one thing costs beyond another."""
    return {name: more.get(name, 0) - fewer.get(name, 0) for name in set(more) | set(fewer)}


def parts_of(units):
    """Single things, so that whatever happens is a sum of them."""
    return {
        "idle_second": units["idle_second"],
        # An answer from memory.
        "view": units["view"],
        # What it takes beyond that to ask storage what has changed in a folder.
        "listing": less(units["listing_refresh"], units["view"]),
        # The first request for a tenant: its config, its credential, its clients, the whole listing.
        "opening": less(units["first_view"], units["listing_refresh"]),
        # Asking for a config and the credential of its storage again.
        "renewal": less(units["config_renewal"], units["features"]),
        "publish": units["publish"],
        # The credentials of AI and platforms, which are asked for when something is published.
        "credentials": less(units["first_publish"], units["publish"]),
        "add_job": units["add_job"],
        "carry_out_job": units["carry_out_job"],
    }


def total(parts, counts):
    """The costs of so many of each."""
    names = {name for part in counts for name in parts[part]} - NOT_COSTS
    return {name: sum(parts[part].get(name, 0) * n for part, n in counts.items()) for name in names}


def loads(rate, life, window):
    """How often something is loaded in so many seconds that is kept for `life` seconds, and asked for `rate` times a
    second at random times; nothing is kept at the beginning.

    The k-th load comes when the k-th request that is not answered from memory does: if at least k requests come in the
    time that k - 1 lives do not cover.
    """
    expected, k = 0.0, 1
    while (left := window - (k - 1) * life) > 0:
        mean = rate * left
        # The probability that fewer than k requests come in that time.
        term = fewer = math.exp(-mean)
        for n in range(1, k):
            term *= mean / n
            fewer += term
        expected += 1 - min(fewer, 1.0)
        if 1 - fewer < 1e-9:
            break
        k += 1
    return expected


def predict_simulation(units, workload):
    """What the simulation has to take."""
    parts, window = parts_of(units), workload["seconds"]
    life = AHEAD * min(workload["life"], 600)
    whole = sum(1 / rank for rank in range(1, workload["tenants"] + 1))
    published = workload["publications"] / workload["publishers"]
    jobs = workload["jobs"] / workload["publishers"]
    opened = renewed = listed = publishing = credentials = 0.0
    for rank in range(1, workload["tenants"] + 1):
        views = workload["views"] / rank / whole
        asked = views
        if rank <= workload["publishers"]:
            # A job asks for its tenant when it is added, and when it is carried out.
            asked += published + 2 * jobs
            publishing += 1 - math.exp(-(published + jobs) * window)
            credentials += loads(published + jobs, life, window)
        first = 1 - math.exp(-asked * window)
        opened += first
        renewed += loads(asked, life, window) - first
        listed += loads(views, LISTING_FRESH, window)
    counts = {
        "idle_second": workload["measured_seconds"],
        "view": workload["views"] * window,
        "listing": listed,
        "opening": opened,
        "renewal": renewed,
        "publish": workload["publications"] * window,
        "credentials": credentials,
        "add_job": workload["jobs"] * window,
        "carry_out_job": workload["jobs"] * window,
    }
    costs = total(parts, counts)
    costs["memory_kb"] = (
        opened * units["first_view"]["memory_kb"]
        + publishing * units["first_publish"]["memory_kb"]
        + shared_memory(units)
    )
    return counts, costs


def shared_memory(units):
    """What stays with the process once it has published, in kB: threads for images, and what the allocator keeps."""
    first = units["first_of_all"]
    return first["count"] * (first["memory_kb"] - units["first_publish"]["memory_kb"])


def take(units, load):
    """What a number of tenants takes at the busiest time of a day, with replicas that share the requests at random or
    by tenant."""
    parts, tenants = parts_of(units), load.tenants
    peak = load.peak / DAY * tenants
    sessions = load.sessions * peak
    views = sessions * load.views
    publications, jobs = load.publications * peak, load.jobs * peak
    replicas = load.replicas
    # The replicas that a session comes to, and how often a tenant comes to each of them.
    places = 1 if load.by_tenant else replicas * (1 - (1 - 1 / replicas) ** load.views)
    pairs = tenants * (1 if load.by_tenant else replicas)
    rate = sessions * places / pairs
    life = AHEAD * min(load.life, 600)
    config_rate = pairs * rate / (1 + rate * AHEAD * load.life)
    storage_rate = pairs * rate / (1 + rate * life)
    # A publication comes to a tenant that is there, but its other credentials have ended since the one before.
    alone = publications + jobs
    counts = {
        "idle_second": replicas,
        "view": views,
        # Of a session's lists, those that come more than five seconds after the one before.
        "listing": views,
        "opening": storage_rate,
        "publish": publications,
        "credentials": alone,
        "add_job": jobs,
        "carry_out_job": jobs,
    }
    costs = total(parts, counts)
    kept = min(tenants * (1 - math.exp(-load.sessions * places / (1 if load.by_tenant else replicas))), load.cache)
    kept = kept / replicas if load.by_tenant else kept
    photo = (units["publish_photo"]["cpu_ms"] - units["publish"]["cpu_ms"]) / units["publish_photo"]["megapixels"]
    costs["cpu_ms"] += alone * photo * load.megapixels
    ended = tenants * load.jobs * load.keep_days
    count_ms = ended / 1e6 * COUNT_MS_A_MILLION
    at_a_time = min(JOBS_AT_A_TIME, load.budget_mb * FILES_PART / load.file_mb)
    costs.update(
        {
            "views": views,
            "publications": publications,
            "jobs": jobs,
            "cores": costs["cpu_ms"] / 1e3,
            "database_cores": costs["database_cpu_ms"] / 1e3,
            "cores_that_count_jobs": replicas * count_ms / 60 / 1e3,
            "count_ms": count_ms,
            "configs": config_rate,
            "credential_calls": storage_rate + alone * 2,
            "usage_calls": costs["usage"],
            "memory_mb": (kept * units["first_view"]["memory_kb"] + units["start_kb"] + shared_memory(units)) / 1e3,
            "at_a_time": alone * load.publish_seconds,
            "room": at_a_time * replicas,
            "replicas_for_publications": math.ceil(alone * load.publish_seconds / at_a_time),
            "replicas_for_cpu": math.ceil(costs["cpu_ms"] / 1e3 / load.cores),
            "same_minute": tenants * load.jobs * load.same_minute,
            "storage_gb_a_year": 365 * tenants * (load.publications + load.jobs) * units["publication_bytes"] / 1e9,
            "captions_gb": tenants * (load.publications + load.jobs) * load.caption_days * units["caption_bytes"] / 1e9,
            "jobs_gb": ended * units["job_bytes"] / 1e9,
            "events_gb": tenants * min(EVENTS_KEPT, load.jobs * load.keep_days * units["events_of_a_job"]) * EVENT_BYTES / 1e9,
            "wal_mb": costs["wal_bytes"] / 1e6,
            "connections": 3 * replicas,
        }
    )
    costs["minutes_for_them"] = costs["same_minute"] * load.publish_seconds / costs["room"] / 60
    return costs


def table(head, rows):
    print("| " + " | ".join(head) + " |")
    print("| " + " | ".join("---" for _ in head) + " |")
    for row in rows:
        print("| " + " | ".join(row) + " |")
    print()


def short(value):
    if value == 0:
        return "0"
    if abs(value) >= 100:
        return f"{value:,.0f}"
    return f"{value:.3g}"


COSTS = ["cpu_ms", "database_cpu_ms", "statements", "wal_bytes", "orchestrator", "dropbox", "openai", "memory_kb"]


def print_units(units):
    print("## Unit costs\n")
    things = [thing for thing, costs in units.items() if isinstance(costs, dict) and "cpu_ms" in costs]
    rows = [[thing, *(short(units[thing].get(cost, 0)) for cost in COSTS)] for thing in things]
    table(["", *COSTS], rows)


def print_simulation(units, simulation):
    workload, measured = simulation["workload"], simulation["measured"]
    workload["measured_seconds"] = measured["seconds"]
    counts, predicted = predict_simulation(units, workload)
    print("## The simulation\n")
    table(["of these", "expected"], [[name, short(count)] for name, count in counts.items()])
    compared = ["cpu_ms", "database_cpu_ms", "statements", "wal_bytes", "by_host", "resolve", "usage", "dropbox", "openai", "memory_kb"]
    rows, worst = [], 0.0
    for name in compared:
        ratio = predicted[name] / measured[name]
        worst = max(worst, abs(ratio - 1))
        rows.append([name, short(predicted[name]), short(measured[name]), f"{ratio:.2f}"])
    table(["", "predicted", "measured", "predicted / measured"], rows)
    print(f"The furthest off: {worst:.0%}.\n")
    return worst


def arguments():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("files", nargs="*")
    add = parser.add_argument
    add("--tenants", type=float, help="only these; else 1,000, 100,000 and 10 million")
    add("--replicas", type=int, help="else as many as the work takes")
    add("--sessions", type=float, default=3, help="visits of a tenant's pages a day (%(default)s)")
    add("--views", type=float, default=10, help="requests in each (%(default)s)")
    add("--publications", type=float, default=0.5, help="of each tenant a day that somebody waits for (%(default)s)")
    add("--jobs", type=float, default=0.5, help="of each tenant a day (%(default)s)")
    add("--peak", type=float, default=3, help="the busiest hour, times the average (%(default)s)")
    add("--life", type=float, default=600, help="ttl_seconds of configs (%(default)s)")
    add("--publish-seconds", type=float, default=15, help="how long a publication takes (%(default)s)")
    add("--megapixels", type=float, default=12, help="of an image (%(default)s)")
    add("--file-mb", type=float, default=5, help="of an image (%(default)s)")
    add("--budget-mb", type=float, default=352, help="MEMORY_BUDGET_MB (%(default)s)")
    add("--cores", type=float, default=1, help="of each replica that are to be used (%(default)s)")
    add("--keep-days", type=float, default=90, help="JOBS_KEEP_DAYS (%(default)s)")
    add("--caption-days", type=float, default=90, help="CAPTION_HISTORY_DAYS (%(default)s)")
    add("--same-minute", type=float, default=0.1, help="the part of a day's jobs due at the same minute (%(default)s)")
    add("--cache", type=float, default=1e9, help="TENANT_SERVICE_CACHE_MAX_SIZE (what it takes)")
    add("--by-tenant", action="store_true", help="the balancer sends a host to one replica")
    return parser.parse_args()


def sized(units, load, tenants):
    """What so many tenants take with the replicas that they need."""
    load.tenants = tenants
    if load.chosen:
        load.replicas = load.chosen
        return take(units, load)
    load.replicas = 1
    for _ in range(50):
        costs = take(units, load)
        needed = max(costs["replicas_for_publications"], costs["replicas_for_cpu"], 1)
        if needed <= load.replicas:
            break
        load.replicas = needed
    return costs


def print_scales(units, load):
    load.chosen = load.replicas
    print("## What tenants take at the busiest time\n")
    scales = [load.tenants] if load.tenants else [1e3, 1e5, 1e7]
    columns = []
    for tenants in scales:
        costs = sized(units, load, tenants)
        costs["replicas"] = load.replicas
        columns.append(costs)
    names = [
        "views", "publications", "jobs", "cores", "replicas_for_cpu", "at_a_time", "replicas_for_publications",
        "replicas", "memory_mb", "configs", "credential_calls", "usage_calls", "statements", "database_cores",
        "connections", "wal_mb", "count_ms", "cores_that_count_jobs", "same_minute", "minutes_for_them", "storage_gb_a_year", "captions_gb", "jobs_gb", "events_gb",
    ]
    rows = [[name, *(short(column[name]) for column in columns)] for name in names]
    table(["", *(f"{scale:,.0f}" for scale in scales)], rows)
    print("## Configs and credentials of storage a second, by the life of configs\n")
    rows = []
    for life in [60, 300, 600, 3600, 86400]:
        row = [f"{life} s"]
        for by_tenant in [False, True]:
            load.life, load.by_tenant = life, by_tenant
            for tenants in scales:
                costs = sized(units, load, tenants)
                row.append(short(costs["configs"]))
        rows.append(row)
    head = [f"{scale:,.0f}" for scale in scales] + [f"{scale:,.0f}, by tenant" for scale in scales]
    table(["life", *head], rows)


def main():
    load_ = arguments()
    files = load_.files or [f"target/scaling-{part}.json" for part in ["units", "simulation"]]
    figures = load(files[0])
    units = units_of(figures)
    units["start_kb"] = figures["memory_kb_at_start"]
    kept = figures["bytes_of_a_publication"]
    units["publication_bytes"] = kept["ledger_entries"] + kept["ledger_hashes"]
    units["caption_bytes"] = kept["ledger_caption_history"]
    units["job_bytes"] = figures["bytes_of_a_job"]["ledger_jobs"]
    units["events_of_a_job"] = figures["events_of_a_job"]
    print_units(units)
    worst = 0.0
    if len(files) > 1 and os.path.exists(files[1]):
        worst = print_simulation(units, load(files[1]))
    print_scales(units, load_)
    sys.exit(f"The model is off by {worst:.0%}: a fifth is the limit." if worst > 0.2 else 0)


if __name__ == "__main__":
    main()
