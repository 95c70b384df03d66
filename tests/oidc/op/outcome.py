"""How a module ends."""


class Skipped(Exception):
    """The suite itself does not go on with this provider, for the reason given."""


class Stopped(Exception):
    """The module cannot go on: what failed has been noted."""


class Notes:
    """What a module found wrong: failures, and what the suite only warns of."""

    def __init__(self):
        self.failures = []
        self.warnings = []

    def expect(self, is_so, expected, came):
        """Notes a failure and goes on."""
        if not is_so:
            self.failures.append(f"expected {expected}; came {came}")

    def need(self, is_so, expected, came):
        """Notes a failure after which nothing makes sense."""
        self.expect(is_so, expected, came)
        if not is_so:
            raise Stopped

    def wish(self, is_so, expected, came):
        """Notes what the suite only warns of."""
        if not is_so:
            self.warnings.append(f"expected {expected}; came {came}")


def run(module, notes, act):
    """Runs a module and gives its outcome and the reason for it."""
    try:
        act()
    except Skipped as skipped:
        if not notes.failures:
            return "SKIPPED", str(skipped)
    except Stopped:
        pass
    except Exception as broken:  # whatever a provider may answer must not end the run of the others
        where = broken.__traceback__
        while where.tb_next:
            where = where.tb_next
        notes.failures.append(f"{module}, line {where.tb_lineno}: {broken!r}")
    if notes.failures:
        return "FAILED", " | ".join(notes.failures)
    if notes.warnings:
        return "WARNING", " | ".join(notes.warnings)
    return "PASSED", ""
