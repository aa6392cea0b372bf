"""The plugin as TensorBoard sees it: names, tab, and a WSGI application a route."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Final

from tensorboard.plugins import base_plugin

from tensorboard_keract import metadata
from tensorboard_keract.viewer import data_access, routes

if TYPE_CHECKING:
    from _typeshed.wsgi import WSGIApplication

STATIC_DIRECTORY: Final = Path(__file__).resolve().parent.parent / "static"


class KeractPlugin(base_plugin.TBPlugin):
    """Serves the page and the data of recorded runs."""

    plugin_name = metadata.PLUGIN_NAME

    def __init__(
        self, context: base_plugin.TBContext, static_directory: Path = STATIC_DIRECTORY
    ) -> None:
        self._reader = data_access.Reader(context.data_provider)
        self._static_directory = static_directory

    def data_plugin_names(self) -> tuple[str, ...]:
        """The plugin names under which records are stored."""
        return (
            metadata.PLUGIN_NAME,
            metadata.STATISTICS_PLUGIN_NAME,
            metadata.HISTOGRAMS_PLUGIN_NAME,
        )

    def is_active(self) -> bool:
        """False: TensorBoard asks only where it saw none of `data_plugin_names`."""
        return False

    def frontend_metadata(self) -> base_plugin.FrontendMetadata:
        """An ES module, which TensorBoard loads into an iframe."""
        return base_plugin.FrontendMetadata(
            es_module_path="/index.js", tab_name="Keract"
        )

    def get_plugin_apps(self) -> dict[str, WSGIApplication]:
        """The routes of `http_api.md`, and the files of the page for all else."""
        files = routes.static_app(self._static_directory)
        return {
            **{
                f"/{name}": routes.data_app(answer, self._reader)
                for name, answer in routes.ROUTES.items()
            },
            "/index.js": files,
            "/*": files,
        }
