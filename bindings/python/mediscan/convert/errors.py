"""The one exception of mediscan.convert: what is wrong with the checkpoint, the options or the disk, and what to do."""

from __future__ import annotations


class ConversionError(Exception):
    """No bundle was made. `message` says what is wrong and where, `hint` what to do about it (may be empty)."""

    def __init__(self, message: str, hint: str = "") -> None:
        super().__init__(f"{message}\n{hint}" if hint else message)
        self.message = message
        self.hint = hint


class UsageError(ConversionError):
    """An option is missing or means nothing; nothing was tried."""


class VerificationError(ConversionError):
    """MediScan does not give torch's logits, or could not be asked for them."""
