"""Builds the native library where there is a C compiler; trtkit computes with numpy where there is none."""

from __future__ import annotations

import sys
import sysconfig
from typing import Any

from hatchling.builders.hooks.plugin.interface import BuildHookInterface

__all__ = ["NativeBuildHook"]


class NativeBuildHook(BuildHookInterface[Any]):
    """Compiles `trtkit/native`, for a wheel as for an installation of the source tree itself."""

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:
        """Compile, and put the library into the wheel, which is then one for this platform but for any Python."""
        sys.path.insert(0, self.root)
        try:
            from trtkit.native.build import build
            from trtkit.native.sources import LIBRARY
        finally:
            sys.path.remove(self.root)
        missing = build()
        if missing:
            self.app.display_warning(f"no native code, numpy computes instead: {missing}")
            LIBRARY.unlink(missing_ok=True)
            return
        build_data["artifacts"].append(f"/trtkit/native/{LIBRARY.name}")
        build_data["pure_python"] = False
        platform = sysconfig.get_platform().replace("-", "_").replace(".", "_")
        build_data["tag"] = f"py3-none-{platform}"
