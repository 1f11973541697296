"""The number that chance is made from: when processes die."""

import os
import random
from typing import Final

SEED: Final = int(os.environ.get("WAYBILL_CHAOS_SEED") or random.SystemRandom().randrange(10**6))
