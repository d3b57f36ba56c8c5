"""What Schemathesis cannot know from the document: that bytes of format "binary" are pictures here. Loaded by its command line."""

from __future__ import annotations

import schemathesis
from hypothesis import strategies
from running import PICTURES

ENCODED = [(PICTURES / name).read_bytes() for name in ("skin-nevus.jpg", "skin-melanoma.jpg", "chest-effusion.jpg")]

schemathesis.openapi.format("binary", strategies.sampled_from(ENCODED))
