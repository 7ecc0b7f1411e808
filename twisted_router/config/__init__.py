"""YAML text to one frozen configuration."""

from .load import Loaded, load_config, load_config_file
from .report import ConfigError
from .schema import (
    AccessLogConfig,
    BackendsConfig,
    Bytes,
    Config,
    ConsulConfig,
    DockerConfig,
    GuardConfig,
    LoggingConfig,
    Seconds,
    Secret,
    StaticRoute,
    StatusConfig,
)

__all__ = [
    "AccessLogConfig",
    "BackendsConfig",
    "Bytes",
    "Config",
    "ConfigError",
    "ConsulConfig",
    "DockerConfig",
    "GuardConfig",
    "Loaded",
    "LoggingConfig",
    "Seconds",
    "Secret",
    "StaticRoute",
    "StatusConfig",
    "load_config",
    "load_config_file",
]
