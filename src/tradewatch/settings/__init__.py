"""Configuration: one frozen value, and how it comes about from options, environment and a file."""

from tradewatch.settings.load import Loaded, load_settings, settings_with_origins
from tradewatch.settings.values import LimitSettings, Settings, StreamSettings, TapeSettings

__all__ = [
    "LimitSettings",
    "Loaded",
    "Settings",
    "StreamSettings",
    "TapeSettings",
    "load_settings",
    "settings_with_origins",
]
