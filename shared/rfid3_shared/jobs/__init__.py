"""How does work that outlasts a request get done, once, whatever dies meanwhile?

The job is a row of `prediction_jobs`; Redis only wakes workers up. A route calls `enqueue` in its transaction and sends through
an `Outbox` after the commit; a worker (`jobs.worker`) takes a lease on the row and runs the work in a process of its own
(`jobs.work`); a sweeper sends and re-queues what anything forgot; a scheduler (`jobs.scheduler`) asks for what is due by the
clock. Importing this package never imports arq.
"""

from rfid3_shared.jobs.job import ACTIVE, STATES, Job
from rfid3_shared.jobs.lanes import BATCH, INTERACTIVE
from rfid3_shared.jobs.outbox import Outbox, enqueue_and_send
from rfid3_shared.jobs.progress import Progress, TerminalProgress
from rfid3_shared.jobs.requests import (
    cancel_job,
    count_jobs,
    enqueue,
    get_job,
    get_jobs,
    list_jobs,
    list_schedules,
    rerun_job,
    similar_names,
)
from rfid3_shared.jobs.schedule import Schedule
from rfid3_shared.jobs.tables import job_schedules, prediction_jobs

__all__ = [
    "ACTIVE", "BATCH", "INTERACTIVE", "STATES", "Job", "Outbox", "Progress", "Schedule", "TerminalProgress", "cancel_job",
    "count_jobs", "enqueue", "enqueue_and_send", "get_job", "get_jobs", "job_schedules", "list_jobs", "list_schedules",
    "prediction_jobs", "rerun_job", "similar_names",
]  # fmt: skip
