"""Which knobs does every process of the suite share?

Read from the environment with prefix `RFID3_` and, in the folder the process starts in, from `.env`. Frozen: a process
that wants other settings is another process. A test keeps `.env.example` complete.
"""

import hashlib
import os
import tempfile
from pathlib import Path
from typing import Any, Literal, Self

from pydantic import Field, SecretStr, ValidationError
from pydantic_settings import BaseSettings, SettingsConfigDict

from rfid3_shared.errors import InvalidParameters

LONGEST_SOCKET_PATH = 100
"""Bytes; Linux takes 107, macOS 103."""


class WrongSetting(InvalidParameters):
    """Some settings cannot be used. The message names each variable and what it takes, never what it was set to."""


class Settings(BaseSettings):
    """Common settings; a service adds its own knobs in its `settings` room by subclassing. Raises WrongSetting."""

    model_config = SettingsConfigDict(env_prefix="RFID3_", env_file=".env", env_ignore_empty=True, frozen=True, extra="ignore")

    home: Path = Path("var")
    """Folder of all state: SQLite files, registry, spill files, sockets, keys."""
    port: int = Field(8100, ge=0, le=65535)
    """TCP port of the gateway on 127.0.0.1."""
    source_url: SecretStr | None = None
    """RFID3's database (read-only account); unset = the embedded SQLite file `<home>/rfid3.db`."""
    store_url: SecretStr | None = None
    """The suite's own database; unset = the embedded SQLite file `<home>/rfid3.db`."""
    redis_url: SecretStr | None = None
    """Redis; unset = an embedded server that lives and dies with the suite, on a socket below `<home>`."""
    registry_dir: Path | None = None
    """Folder of published model artefacts; unset = `<home>/registry`."""
    registry_url: SecretStr | None = None
    """Where artefacts are kept for all hosts, e.g. s3://bucket/prefix?endpoint=https://host; unset = only in the folder above."""
    snapshot_memory_mb: int = Field(512, ge=1)
    """Memory for loaded models in one process, in MiB; the champion always stays, shadow and former champion go first."""
    promotion_tolerance_ratio: float = Field(0.02, ge=0, le=1)
    """How much worse than the champion, relative to its loss, a candidate that knows newer data may be and still follow it."""
    shadow_answers: int = Field(20, ge=0)
    """Live requests a candidate answers beside the champion, unseen and without fault, before it takes over; 0 = at once."""
    shadow_hours: float = Field(24.0, ge=0)
    """Hours after which a candidate without fault takes over even when there were fewer requests."""
    flags_off: str = ""
    """Flags switched off whatever the store says, comma separated: a kill switch that can switch nothing on."""
    monitor_false_alarm_ratio: float = Field(0.01, gt=0, lt=1)
    """Chance that a monitor ever raises a false alarm, however long and often it looks."""
    drift_psi_threshold: float = Field(0.2, gt=0)
    """Population stability index from which a feature's drift matters."""
    freshness_days: float = Field(3.0, gt=0)
    """Days without new data that are unusual anyway."""
    retrain_on_alarm: bool = True
    """Whether an alarm schedules a training run, at most once an alarm."""
    time_zone: str = "America/Chicago"
    """Zone of the business day and of RFID3's scan times."""
    log_level: str = "INFO"
    """Least severe level that is written: DEBUG, INFO, WARNING or ERROR."""
    request_deadline_s: float = Field(2.0, gt=0)
    """Longest time the gateway waits for a service before it answers 504."""
    max_body_bytes: int = Field(1_000_000, gt=0)
    """Largest request body; larger ones are answered 413."""
    rate_realtime_per_min: int = Field(100, gt=0)
    """Calls per key and minute in the class RT (forecasts and other reads)."""
    rate_batch_per_min: int = Field(10, gt=0)
    """Calls per key and minute in the class BATCH (sweeps over the inventory)."""
    rate_train_per_hour: int = Field(5, gt=0)
    """Calls per key and hour in the class TRAIN."""
    rate_system_per_min: int = Field(200, gt=0)
    """Calls per key and minute in the class SYS (health, jobs, performance)."""
    rate_events_per_min: int = Field(600, gt=0)
    """Calls per key and minute in the class EVENTS (batches of scans and POS lines)."""
    pool_size: int = Field(2, ge=1)
    """Database connections a process keeps open."""
    pool_overflow: int = Field(2, ge=0)
    """Database connections a process may open besides under load."""
    cache_ttl_s: int = Field(300, ge=1)
    """Seconds a cached value lives, before jitter."""
    job_poll_ms: int = Field(50, ge=10)
    """Milliseconds between two looks of an idle worker at its queue."""
    job_lease_s: float = Field(10.0, gt=0)
    """Seconds after which an unrenewed job lease lapses and the job may run elsewhere."""
    job_timeout_s: float = Field(3600.0, gt=0)
    """Longest run of one job before its process is ended."""
    job_memory_mb: int = Field(3072, ge=256)
    """Memory one job's processes may hold, in MiB; a job that holds more is ended."""
    job_batch_slots: int = Field(1, ge=1)
    """Long jobs (training and the like) that a worker runs side by side."""
    job_interactive_slots: int = Field(1, ge=0)
    """Jobs somebody waits for that a worker runs beside the long ones; 0 = they share the slots of those, and go first."""
    job_keep_days: float = Field(30.0, gt=0)
    """Days a finished job stays in the list; scheduled ones that succeeded stay for one."""
    ledger_queue_rows: int = Field(10_000, ge=1)
    """Prediction rows a process keeps in memory before it spills them to disk."""
    events_oldest_days: float = Field(90.0, gt=0)
    """Days ago that an event may have happened; older ones are refused."""
    events_repeat_s: float = Field(60.0, ge=0)
    """Seconds within which a tag read again in the same way is the same read; 0 = only in the same second."""
    events_trust_days: float = Field(14.0, gt=0)
    """Days after its arrival that an event counts although RFID3 has not written it itself."""
    events_keep_days: float = Field(180.0, gt=0)
    """Days that events are kept after their arrival."""

    mqtt_url: SecretStr | None = None
    """Broker and topics that readers publish scans on: mqtt://user:password@host:1883/shop/scans/#, or mqtts://; unset = none."""
    mqtt_client_id: str = Field("rfid3-suite", pattern=r"^[A-Za-z0-9_.:-]{1,60}$")
    """What the suite is called at the broker, which keeps messages under that name; two suites at one broker need two."""

    external_weather: Literal["", "open-meteo"] = ""
    """Who is asked for the weather: open-meteo; empty = nobody."""
    external_latitude: float | None = Field(None, ge=-90, le=90)
    """Where the shop is, in degrees; north is positive."""
    external_longitude: float | None = Field(None, ge=-180, le=180)
    """Where the shop is, in degrees; east is positive, so the Americas are negative."""
    external_location: str = Field("", max_length=50)
    """What that place is called beside its values; empty = they are meant everywhere."""
    external_weather_url: str = "https://api.open-meteo.com/v1/forecast"
    """Where the weather forecast is asked for."""
    external_weather_archive_url: str = "https://archive-api.open-meteo.com/v1/archive"
    """Where the weather of the past is asked for."""
    external_fred_key: SecretStr | None = None
    """Key for economic series of fred.stlouisfed.org; unset = they are not asked for."""
    external_fred_series: str = "GASREGW,MORTGAGE30US,ICSA,DGS10"
    """Ids of the economic series, comma separated: daily or weekly ones."""
    external_fred_url: str = "https://api.stlouisfed.org/fred/series/observations"
    """Where economic series are asked for."""
    external_calendar: str = Field("", pattern=r"^([A-Za-z]{2,3}(-[A-Za-z0-9]{1,3})?)?$")
    """Country, and state where wanted, whose holidays are kept as factors: US or US-MN; empty = none (models know their own)."""
    external_events: str = ""
    """CSV file or URL of local events, with the columns date and name; empty = none."""
    external_history_days: int = Field(1095, ge=1, le=36_500)
    """Days of the past that are asked for the first time."""
    external_timeout_s: float = Field(30.0, gt=0)
    """Longest time for one question to a provider, with all its tries."""

    def __init__(self, **values: Any) -> None:
        try:
            super().__init__(**values)
        except ValidationError as fault:
            prefix = str(self.model_config.get("env_prefix", ""))
            wrong = [
                f"{prefix}{one['loc'][0]}".upper() + f": {one['msg'].removeprefix('Value error, ')}" for one in fault.errors()
            ]
            # not from it: its text holds the values, and one of them may be a database's password
            raise WrongSetting(f"Settings that cannot be used. {'; '.join(wrong)}.") from None

    @classmethod
    def of(cls, settings: "Settings") -> Self:
        """A service's own settings, whichever kind a process was started with."""
        return settings if isinstance(settings, cls) else cls(**settings.model_dump())

    @property
    def embedded_db(self) -> Path:
        """The SQLite file that serves as source and store when no URL is given."""
        return self.home / "rfid3.db"

    @property
    def source_dsn(self) -> str:
        """The source as a SQLAlchemy URL."""
        return self.source_url.get_secret_value() if self.source_url else f"sqlite:///{self.embedded_db.resolve()}"

    @property
    def store_dsn(self) -> str:
        """The store as a SQLAlchemy URL."""
        return self.store_url.get_secret_value() if self.store_url else f"sqlite:///{self.embedded_db.resolve()}"

    @property
    def redis_socket(self) -> Path:
        """The embedded Redis's socket: below `home`, or in a folder of temporary files when that path is too long for one."""
        path = (self.home / "redis.sock").resolve()
        if len(os.fsencode(path)) <= LONGEST_SOCKET_PATH:
            return path
        return Path(tempfile.gettempdir()) / f"rfid3-{hashlib.sha256(os.fsencode(path)).hexdigest()[:16]}" / "redis.sock"

    @property
    def redis_dsn(self) -> str:
        """Redis as a URL."""
        return self.redis_url.get_secret_value() if self.redis_url else f"unix://{self.redis_socket}"

    @property
    def artefact_dir(self) -> Path:
        """The folder of published model artefacts."""
        return self.registry_dir or self.home / "registry"
