"""
MediScan's C++ API for the package mediscan; private to it.
"""
from __future__ import annotations
import collections.abc
import mediscan.errors
import mediscan.results
import typing
import typing_extensions
__all__: list[str] = ['Analyzer', 'DecodeOptions', 'Image', 'ModelManager', 'Tensor', 'error_name', 'library_version', 'result_json', 'shut_down', 'system_report_json']
class DecodeOptions:
    def __init__(self, *, decoder: str, apply_orientation: bool, max_pixels: typing.SupportsInt | typing.SupportsIndex, max_side: typing.SupportsInt | typing.SupportsIndex, max_decoded_bytes: typing.SupportsInt | typing.SupportsIndex, max_file_bytes: typing.SupportsInt | typing.SupportsIndex) -> None:
        ...
class Image:
    @staticmethod
    def decode(data: bytes, options: DecodeOptions, name: str) -> Image:
        ...
    @staticmethod
    def from_pixels(pixels: typing_extensions.Buffer, bits: typing.SupportsInt | typing.SupportsIndex, name: str, options: DecodeOptions) -> Image:
        ...
    @staticmethod
    def read(path: bytes, options: DecodeOptions) -> Image:
        ...
    def to_json(self) -> str:
        ...
    @property
    def bits(self) -> int:
        ...
    @property
    def channels(self) -> int:
        ...
    @property
    def height(self) -> int:
        ...
    @property
    def name(self) -> str:
        ...
    @property
    def width(self) -> int:
        ...
class Tensor:
    pass
class Analyzer:
    def analyze(self, image: Image) -> mediscan.results.Result:
        ...
    def analyze_batch(self, images: collections.abc.Sequence[Image]) -> list[mediscan.results.Result | mediscan.errors.Error]:
        ...
    def as_radiology(self) -> Analyzer:
        ...
    def as_skin(self) -> Analyzer:
        ...
    def bundle_json(self) -> str:
        ...
    def preprocess(self, image: Image) -> Tensor:
        ...
    def status_json(self) -> str:
        ...
class ModelManager:
    def __init__(self, *, threads: typing.SupportsInt | typing.SupportsIndex, libtorch: bytes) -> None:
        ...
    def load(self, bundle: bytes, *, backend: str, device: str, precision: str, fallback: str, max_batch: typing.SupportsInt | typing.SupportsIndex) -> Analyzer:
        ...
    def status_json(self) -> list[str]:
        ...
    def unload(self, model: Analyzer) -> bool:
        ...
def error_name(code: typing.SupportsInt | typing.SupportsIndex) -> str:
    """
    Upper-case name of an error code; "UNKNOWN" for a number that is none.
    """
def library_version() -> str:
    ...
def result_json(result: mediscan.results.Result, indent: typing.SupportsInt | typing.SupportsIndex) -> str:
    """
    JSON text of a result, as docs/result.md describes it.
    """
def shut_down() -> None:
    """
    Refuse new calls and return when the last one in flight has ended.
    """
def system_report_json(*, threads: typing.SupportsInt | typing.SupportsIndex, libtorch: bytes) -> str:
    ...
