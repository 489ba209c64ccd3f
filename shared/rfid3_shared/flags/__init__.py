"""Which abilities are switched on, for whom, and who decided that?

A table says it, an audit says who changed it and why, and every process follows within five seconds. The environment can only
switch off (`kill_switch`). Set with `set_flag` or `rfid3 flags`; asked with `Flags.on`, in routes with `guard.require_flag`.
"""

from rfid3_shared.flags.flag import MASTER, Flag, FlagState, flag_named, flag_of_service
from rfid3_shared.flags.flags import IN_FORCE_WITHIN_S, Flags
from rfid3_shared.flags.kill_switch import switched_off
from rfid3_shared.flags.rollout import arm, bucket
from rfid3_shared.flags.store import AuditPage, Change, audit, read_states, set_flag
from rfid3_shared.flags.tables import feature_flag_audit, feature_flags

__all__ = [
    "IN_FORCE_WITHIN_S", "MASTER", "AuditPage", "Change", "Flag", "FlagState", "Flags", "arm", "audit", "bucket",
    "feature_flag_audit", "feature_flags", "flag_named", "flag_of_service", "read_states", "set_flag", "switched_off",
]  # fmt: skip
