"""Which faults does a caller see, and how?

AppError 500 SYSTEM_ERROR
├─ InvalidParameters 422   ├─ Unauthorized 401   ├─ Forbidden 403   ├─ NotFound 404   ├─ Conflict 409
├─ RateLimited 429 RATE_LIMIT_EXCEEDED           ├─ PayloadTooLarge 413 INVALID_PARAMETERS
├─ InsufficientData 409    ├─ ModelUnavailable 503 (retryable)     ├─ FeatureDisabled 503
├─ CandidateRejected (jobs only)
├─ StoreUnavailable 503 (retryable)
└─ UpstreamError 502 (retryable) ─┬─ UpstreamTimeout 504 TIMEOUT   └─ UpstreamUnavailable 503

A domain adds a leaf in the module that raises it. The message is for people and never holds exception text; facts
passed as keyword arguments become `details` in the envelope.
"""

from typing import Any, ClassVar


class AppError(Exception):
    """A fault with a status, a code and facts for the caller."""

    status: ClassVar[int] = 500
    code: ClassVar[str] = "SYSTEM_ERROR"
    retryable: ClassVar[bool] = False

    def __init__(self, message: str, **details: Any) -> None:
        super().__init__(message)
        self.message = message
        self.details = details


class InvalidParameters(AppError):
    """A parameter is unknown or has a value outside its range."""

    status, code = 422, "INVALID_PARAMETERS"


class PayloadTooLarge(InvalidParameters):
    """The request body is larger than the limit."""

    status = 413


class Unauthorized(AppError):
    """No credentials, or credentials nobody knows."""

    status, code = 401, "UNAUTHORIZED"


class Forbidden(AppError):
    """The caller is known but lacks the scope."""

    status, code = 403, "FORBIDDEN"


class NotFound(AppError):
    """The named thing does not exist; `details["suggestion"]` may name what does."""

    status, code = 404, "NOT_FOUND"


class Conflict(AppError):
    """The state of the thing forbids the request."""

    status, code = 409, "CONFLICT"


class InsufficientData(AppError):
    """Nothing honest can be said yet; the details say what was found and what is needed."""

    status, code = 409, "INSUFFICIENT_DATA"


class RateLimited(AppError):
    """Too many calls in this class; `details["retry_after_s"]` says when to come back."""

    status, code = 429, "RATE_LIMIT_EXCEEDED"
    retryable = True


class ModelUnavailable(AppError):
    """No usable model and no honest fallback."""

    status, code = 503, "MODEL_UNAVAILABLE"
    retryable = True


class FeatureDisabled(AppError):
    """A flag switched this ability off."""

    status, code = 503, "FEATURE_DISABLED"


class StoreUnavailable(AppError):
    """A database cannot be reached now."""

    status, code = 503, "SYSTEM_ERROR"
    retryable = True


class CandidateRejected(AppError):
    """A trained model is no better than what serves today (jobs only)."""

    code = "CANDIDATE_REJECTED"


class UpstreamError(AppError):
    """A service answered with something that is no answer."""

    status, code = 502, "SYSTEM_ERROR"
    retryable = True


class UpstreamTimeout(UpstreamError):
    """A service took longer than the caller's deadline."""

    status, code = 504, "TIMEOUT"


class UpstreamUnavailable(UpstreamError):
    """No instance of the service accepts connections."""

    status, code = 503, "SYSTEM_ERROR"
