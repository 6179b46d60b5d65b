"""Arguments in, one use-case called, result printed. Nothing heavy is imported before a command runs."""

import importlib
import os
import sys
from collections.abc import Sequence
from pathlib import Path

import click

from crisisrisk import __version__
from crisisrisk.cli.printing import print_error, print_json, print_unforeseen
from crisisrisk.errors import CrisisRiskError

# Where each command is; its module is imported only when it is asked for by name.
COMMANDS = {
    "init": ("crisisrisk.cli.site", "Make a new site folder."),
    "demo": ("crisisrisk.cli.site", "The main job end to end on invented data."),
    "simulate": ("crisisrisk.cli.simulate", "Invent a city whose true risks are known."),
    "data": ("crisisrisk.cli.data", "Check and load files, and say what is there."),
    "optouts": ("crisisrisk.cli.optouts", "Who may be used for planning: the national data opt-out."),
    "people": ("crisisrisk.cli.people", "Erase somebody from everything that is kept."),
    "features": ("crisisrisk.cli.features", "List, explain and build features."),
    "meds": ("crisisrisk.cli.meds", "Data in the MEDS format."),
    "export": ("crisisrisk.cli.meds", "Write what is loaded in a format of others."),
    "train": ("crisisrisk.cli.training", "Train a model and judge it."),
    "tune": ("crisisrisk.cli.tuning", "Search for the settings of a fit."),
    "backtest": ("crisisrisk.cli.training", "Replay the past: refit and judge at many moments."),
    "evaluate": ("crisisrisk.cli.training", "Show how a run was judged."),
    "fairness": ("crisisrisk.cli.people_runs", "Show how a run did by subgroup."),
    "workload": ("crisisrisk.cli.people_runs", "Show what a run's lists mean to the teams."),
    "card": ("crisisrisk.cli.people_runs", "Write the trust sheet of a run."),
    "model": ("crisisrisk.cli.model", "List, promote, verify, compare and roll back models."),
    "score": ("crisisrisk.cli.scoring", "Score people as of a moment."),
    "explain": ("crisisrisk.cli.scoring", "Say why a score is what it is, and what changed."),
    "monitor": ("crisisrisk.cli.monitoring", "Show how scores turned out, once that is known."),
    "forecast": ("crisisrisk.cli.scoring", "Forecast the places of coming shifts."),
    "positions": ("crisisrisk.cli.positions", "Say where teams should stand in a shift."),
    "brief": ("crisisrisk.cli.brief", "Put a shift on one page."),
    "replay": ("crisisrisk.cli.replay", "Play past shifts under several plans."),
    "keys": ("crisisrisk.cli.service", "Create, list and revoke keys of the service."),
    "db": ("crisisrisk.cli.service", "Bring the operational database up to date."),
    "audit": ("crisisrisk.cli.audit", "Verify and read the audit trail of the service."),
    "work": ("crisisrisk.cli.work", "Do what is due: load, score, forecast, expire, back up."),
    "serve": ("crisisrisk.cli.service", "Run the service."),
    "describe": ("crisisrisk.cli.describe", "Write the generated pages."),
}


class _LazyGroup(click.Group):
    """A group that knows its commands' names and summaries without importing them."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        if cmd_name not in COMMANDS:
            return None
        module = importlib.import_module(COMMANDS[cmd_name][0])
        command = getattr(module, cmd_name)
        if not isinstance(command, click.Command):
            raise TypeError(f"{cmd_name} in {module.__name__} is not a command")
        return command

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        from crisisrisk.errors import did_you_mean

        if args and args[0] not in COMMANDS and not args[0].startswith("-"):
            ctx.fail(f"no command {args[0]!r} · {did_you_mean(args[0], list(COMMANDS))}")
        return super().resolve_command(ctx, args)

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        with formatter.section("Commands"):
            formatter.write_dl([(name, summary) for name, (_, summary) in COMMANDS.items()])


@click.group(
    cls=_LazyGroup,
    context_settings={"max_content_width": 110},
    epilog="Example:  crisisrisk demo --site demo-site",
)
@click.version_option(__version__, prog_name="crisisrisk")
def crisisrisk() -> None:
    """Who and where a mental-health crisis contact is likely, before it happens."""


UNFORESEEN = 70
"""The exit code of a defect, as in sysexits.h: none of those that errors.py gives."""


def run(arguments: Sequence[str] | None = None) -> int:
    """Run one command line and return its exit code: 0 fine, 1 a check failed, 2 to 5 as errors.py says."""
    try:
        result = crisisrisk.main(args=None if arguments is None else list(arguments), standalone_mode=False)
    except CrisisRiskError as error:
        print_error(error)
        if "--json" in (sys.argv[1:] if arguments is None else arguments):
            print_json({"error": error.as_problem()})
        return error.kind.exit_code
    except click.exceptions.Abort:
        click.echo("stopped", err=True)
        return 130
    except click.ClickException as error:
        error.show()
        return error.exit_code
    except BrokenPipeError:
        # The reader of our output went away (`| head`): not an error, but Python would complain at exit.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 0
    except Exception as problem:
        if os.environ.get("CRISISRISK_TRACEBACK"):
            raise
        print_unforeseen(problem)
        return UNFORESEEN
    return result if isinstance(result, int) else 0


def main() -> None:
    """The console script."""
    sys.exit(run())


def current_folder() -> Path:
    """The folder that the command was started in."""
    return Path.cwd()
