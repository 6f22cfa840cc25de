"""From the settings to the HTTP path's policy: one value that says what requests may do."""

from __future__ import annotations

from workers.http import HttpPolicy, parse_allow_addresses
from workers.settings import Settings, SettingsError


def http_policy(settings: Settings) -> HttpPolicy:
    """The policy these settings ask for; raises SettingsError when the allow list can't be read."""
    try:
        allowed = parse_allow_addresses(settings.allow_addresses)
    except ValueError as error:
        raise SettingsError(f"FRONTWIRE_ALLOW_ADDRESSES: {error}") from None
    return HttpPolicy(user_agent=settings.user_agent, proxy=settings.http_proxy, allow_addresses=allowed)
