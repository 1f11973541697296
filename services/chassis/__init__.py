"""What every service stands on and no service is about."""

import os

# The core of gRPC writes text of its own to standard error, past every logger: what it has to tell
# reaches us as statuses too. It reads this once, when it is imported.
os.environ.setdefault("GRPC_VERBOSITY", "NONE")
