"""What another team does with a generated Python client. Run by `tests/clients/run`."""

import datetime
import os
import uuid

from generated import AuthenticatedClient
from generated.api.images import get_image, get_thumbnail, list_images, publish_image
from generated.api.jobs import add_job, cancel_job, list_jobs
from generated.api.publications import list_publications
from generated.models import ImageList, Job, JobList, JobRequest, JobStatus, Problem, PublicationList, PublishOutcome, PublishRequest, PublishResult

client = AuthenticatedClient(
    base_url=os.environ["BASE_URL"],
    token=os.environ["TOKEN"],
    headers={"Host": os.environ["TENANT_HOST"]},
    timeout=30.0,
)


def say(what: str) -> None:
    print(f"python: {what}")


images = list_images.sync(client=client)
assert isinstance(images, ImageList), images
assert images.count == len(images.filenames) > 0
image = images.filenames[0]
say(f"lists {images.count} images")

thumbnail = get_thumbnail.sync_detailed(image, client=client)
assert thumbnail.status_code == 200 and thumbnail.content.startswith(b"\xff\xd8"), thumbnail
say(f"gets a thumbnail of {len(thumbnail.content)} bytes")

key = str(uuid.uuid4())
request = PublishRequest(caption="From Python")
first = publish_image.sync_detailed(image, client=client, body=request, idempotency_key=key)
assert isinstance(first.parsed, PublishResult), first
telegram = first.parsed.results["telegram"]
assert telegram.outcome == PublishOutcome.PUBLISHED and telegram.post_id, telegram
assert "Idempotency-Replayed" not in first.headers
say(f"publishes {image!r} as post {telegram.post_id}")

again = publish_image.sync_detailed(image, client=client, body=request, idempotency_key=key)
assert again.headers["Idempotency-Replayed"] == "true", again
assert again.parsed == first.parsed
say("gets the first answer again under the same key")

problem = get_image.sync("no-such.jpg", client=client)
assert isinstance(problem, Problem), problem
assert (problem.status, problem.type_) == (404, "/problems/image-not-found"), problem
say(f"reads a problem: {problem.type_}, {problem.detail}")

ids, cursor, pages = [], None, 0
while True:
    more = {"cursor": cursor} if cursor else {}
    page = list_publications.sync(client=client, limit=1, **more)
    assert isinstance(page, PublicationList), page
    ids += [(entry.platform, entry.filename, entry.started_at) for entry in page.publications]
    pages, cursor = pages + 1, page.next_cursor
    if cursor is None:
        break
assert len(set(ids)) == len(ids) >= len(first.parsed.results.to_dict()), ids
assert any(filename == image for _, filename, _ in ids)
say(f"pages through {len(ids)} publications in {pages} pages")

tomorrow = datetime.datetime.now(datetime.timezone.utc) + datetime.timedelta(days=1)
asked = JobRequest(filename=image, publish_at=tomorrow, caption="From Python, tomorrow")
added = add_job.sync_detailed(client=client, body=asked)
job = added.parsed
assert added.status_code == 201 and isinstance(job, Job), added
assert added.headers["Location"] == f"/api/jobs/{job.id}" and job.status == JobStatus.SCHEDULED
jobs = list_jobs.sync(client=client, status=JobStatus.SCHEDULED)
assert isinstance(jobs, JobList) and any(it.id == job.id for it in jobs.jobs), jobs
cancelled = cancel_job.sync(job.id, client=client)
assert isinstance(cancelled, Job) and cancelled.status == JobStatus.CANCELLED, cancelled
say(f"adds job {job.id} for tomorrow, finds it among {len(jobs.jobs)}, and cancels it")
