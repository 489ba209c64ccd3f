"""What can be counted about jobs from outside?"""

from prometheus_client import Counter, Gauge, Histogram

FINISHED = Counter(
    "rfid3_jobs_finished_total", "Ended runs by outcome: succeeded, failed, retried, given_back, lost or cancelled.",
    ["service", "kind", "outcome"],
)  # fmt: skip
SECONDS = Histogram(
    "rfid3_job_seconds", "Seconds from the lease of a job to the end of its run.", ["service", "kind", "outcome"],
    buckets=(0.05, 0.1, 0.5, 1, 5, 15, 60, 300, 900, 3600),
)  # fmt: skip
REQUEUED = Counter("rfid3_jobs_requeued_total", "Jobs taken from a worker that no longer renewed its lease.", ["service"])
RUNNABLE = Gauge("rfid3_jobs_runnable", "Jobs that wait for a worker, by lane.", ["service", "lane"])
RUNNING = Gauge("rfid3_jobs_running", "Jobs that run, by lane.", ["service", "lane"])
OLDEST_AGE = Gauge(
    "rfid3_jobs_oldest_age_seconds", "Seconds the longest waiting runnable job has waited, by lane.", ["service", "lane"]
)  # fmt: skip
