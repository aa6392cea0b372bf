"""The entry point through which TensorBoard finds the plugin.

TensorBoard imports this module at every start, and an import error here would end
it, so nothing else of the package is imported before `load`, where TensorBoard
reports an error and goes on without the plugin.
"""

from __future__ import annotations

import argparse
from typing import Final

from tensorboard.plugins import base_plugin

# Steps kept for each tag, by plugin name; 0 keeps all. TensorBoard would keep 10 or
# 100, chosen at random. Maps are bounded by the recorder's byte budget; a row of
# statistics has 52 bytes and one of histograms 672, and all of it stays in memory.
SAMPLES_PER_PLUGIN: Final = {
    "keract": 0,
    "keract_statistics": 5000,
    "keract_histograms": 1000,
}


class KeractLoader(base_plugin.TBLoader):
    """Loads `KeractPlugin`, and has TensorBoard keep the recorded steps."""

    def fix_flags(self, flags: argparse.Namespace) -> None:
        """Completes `--samples_per_plugin`; what the user gave stays."""
        flags.samples_per_plugin = {
            **SAMPLES_PER_PLUGIN,
            **(flags.samples_per_plugin or {}),
        }

    def load(self, context: base_plugin.TBContext) -> base_plugin.TBPlugin:
        """The plugin. TensorBoard passes the context as its only argument."""
        from tensorboard_keract.viewer.plugin import KeractPlugin

        return KeractPlugin(context)
