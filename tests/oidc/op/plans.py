"""The three plans: each module by its name, in the suite's order."""

from . import basic, config, logout

PLANS = {
    "oidcc-basic-certification-test-plan": basic.MODULES,
    "oidcc-config-certification-test-plan": config.MODULES,
    "oidcc-rp-initiated-logout-certification-test-plan": logout.MODULES,
}
