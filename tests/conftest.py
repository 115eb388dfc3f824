"""How tests of made-up input run: no example is timed, since a crowded machine is no fault of ours."""

from hypothesis import HealthCheck, settings

settings.register_profile(
    "untimed", settings.default, deadline=None, suppress_health_check=[HealthCheck.too_slow]
)
settings.load_profile("untimed")
