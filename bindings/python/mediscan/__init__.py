"""Medical picture analysis: the bytes of a picture in, findings and the record of what really ran out.

    import mediscan

    model = mediscan.load("models/skin-demo")
    result = model.analyze("lesion.jpg")
    for finding in result.findings:
        print(f"{finding.label:<40} {finding.probability:.3f}")

Every failure is a :class:`mediscan.Error` with code, stage, message and hint. Research use only, not a medical device.
"""

from mediscan._core import library_version
from mediscan.analysis import Analyzer, RadiologyAnalyzer, SkinAnalyzer
from mediscan.errors import (
    AbiMismatch,
    BackendFailed,
    BackendUnavailable,
    BundleInvalid,
    Cancelled,
    CorruptImage,
    DeadlineExceeded,
    EmptyInput,
    Error,
    ErrorCode,
    Forked,
    HashMismatch,
    Internal,
    InvalidArgument,
    InvalidType,
    IoError,
    LimitExceeded,
    NotFound,
    NotReady,
    OutOfMemory,
    Overloaded,
    PrecisionUnsupported,
    SelfTestFailed,
    ShutDown,
    TruncatedImage,
    Unsupported,
    UnsupportedFormat,
)
from mediscan.images import Image, ImageInfo, Limits, Source
from mediscan.jobs import Job
from mediscan.model import LoadOptions, Model, ModelManager, load
from mediscan.quantization import QuantizeReport, quantize
from mediscan.results import Finding, Result
from mediscan.state import EngineStatus, ModelStatus
from mediscan.system import BackendInfo, SystemReport, backends, status
from mediscan.tuning import TuneReport, tune

__version__ = library_version()

__all__ = [
    "AbiMismatch",
    "Analyzer",
    "BackendFailed",
    "BackendInfo",
    "BackendUnavailable",
    "BundleInvalid",
    "Cancelled",
    "CorruptImage",
    "DeadlineExceeded",
    "EmptyInput",
    "EngineStatus",
    "Error",
    "ErrorCode",
    "Finding",
    "Forked",
    "HashMismatch",
    "Image",
    "ImageInfo",
    "Internal",
    "InvalidArgument",
    "InvalidType",
    "IoError",
    "Job",
    "LimitExceeded",
    "Limits",
    "LoadOptions",
    "Model",
    "ModelManager",
    "ModelStatus",
    "NotFound",
    "NotReady",
    "OutOfMemory",
    "Overloaded",
    "PrecisionUnsupported",
    "QuantizeReport",
    "RadiologyAnalyzer",
    "Result",
    "SelfTestFailed",
    "ShutDown",
    "SkinAnalyzer",
    "Source",
    "SystemReport",
    "TruncatedImage",
    "TuneReport",
    "Unsupported",
    "UnsupportedFormat",
    "backends",
    "library_version",
    "load",
    "quantize",
    "status",
    "tune",
]
