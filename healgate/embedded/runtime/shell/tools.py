"""All commands of a userland, whatever file they stand in."""

from __future__ import annotations

from .awk import AWK_TOOLS
from .expr import EXPR_TOOLS
from .filetools import FILE_TOOLS, Tool
from .grep import GREP_TOOLS
from .identity import IDENTITY_TOOLS
from .nettools import NET_TOOLS
from .pathtools import PATH_TOOLS
from .runners import RUNNERS
from .sed import SED_TOOLS
from .texttools import TEXT_TOOLS

TOOLS: dict[str, Tool] = {
    **FILE_TOOLS,
    **TEXT_TOOLS,
    **GREP_TOOLS,
    **SED_TOOLS,
    **AWK_TOOLS,
    **EXPR_TOOLS,
    **PATH_TOOLS,
    **IDENTITY_TOOLS,
    **RUNNERS,
    **NET_TOOLS,
}
