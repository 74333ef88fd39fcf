"""The command line: it reads arguments, calls the library and prints. It decides nothing.

Exit codes: 0 done, 1 failed, 2 wrong usage or recipe, 3 waiting for people, 130 interrupted.
"""

from __future__ import annotations

import click

from handful.cli.later import Later

COMMANDS = {
    "ablate": ("handful.cli.ablate:ablate", "Train arms that differ in their data, and compare them."),
    "annotators": ("handful.cli.people:annotators", "List the people of a study, or change who they are."),
    "authored": ("handful.cli.authored:authored", "Check hand-written examples against the style guide."),
    "chat": ("handful.cli.chat:chat", "Talk to a model in the terminal."),
    "compare": ("handful.cli.compare:compare", "Show what differs between two runs."),
    "desk": ("handful.cli.desk:write_desk", "Write what reviewers decided at the curation desk."),
    "explain": ("handful.cli.look:explain", "Follow one example or prompt through every stage."),
    "export": ("handful.cli.export:export", "Write a data set with its card and its credits."),
    "fetch": ("handful.cli.data:fetch", "Bring files into a folder of dumps."),
    "plan": ("handful.cli.run:plan_command", "Show what `run` would do, and what it will take."),
    "reproduce": ("handful.cli.reproduce:reproduce", "Set what was run beside the paper's figures."),
    "run": ("handful.cli.run:run_command", "Run the stages that are not done yet."),
    "serve": ("handful.cli.serve:serve", "Ask people in their browsers, or answer programs."),
    "settings": (
        "handful.cli.reference:settings",
        "Show the settings of a recipe, their types and defaults.",
    ),
    "shift": ("handful.cli.shift:shift", "Tell how far tuning moved a model, token by token."),
    "show": ("handful.cli.look:show", "Show what a finished folder holds, or what a rule took."),
    "stats": ("handful.cli.votes:stats", "Rates and agreement of verdicts made by any tool."),
    "tidy": ("handful.cli.look:tidy", "List the folders that no recipe needs, and delete them."),
    "verify": ("handful.cli.look:verify", "Read every byte again, and name what was changed."),
}


@click.group(
    cls=Later,
    later=COMMANDS,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100},
)
@click.version_option(package_name="handful", prog_name="handful")
def cli() -> None:
    """Curate a thousand examples, fine-tune on them, and find out whether it helped.

    A recipe (TOML) says which dumps to read, how to choose, which model to tune and who judges. Each stage writes
    a folder below `work`, named by what made it: what is there already is never made again, and a run that was
    stopped goes on from where it was.

    \b
    sources   read dumps and hand-written examples    generate  let each system answer the test prompts
    clean     apply the quality rules                 study     pair the answers, blinded
    select    draw evenly over communities            judge     ask models which answer is better
    dataset   split, describe, credit                 annotate  ask people
    train     fine-tune, a checkpoint an epoch        stats     rates with intervals, agreement
                                                      report    one page that says whether it helped

    \b
    Start with:
      handful plan recipes/demo.toml
      handful run recipes/demo.toml
    """
