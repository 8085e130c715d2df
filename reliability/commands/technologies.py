"""``reliability technologies``: the cards, and one of them with its sources."""

import click

from reliability.commands.options import EXIT_CODES, Card, say


@click.group(invoke_without_command=True)
@click.pass_context
def technologies(ctx: click.Context) -> None:
    """List the technology cards.

    \b
    Examples:
      reliability technologies
      reliability technologies show oxram-130nm
    """
    if ctx.invoked_subcommand:
        return
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    from reliability.technology import list_technologies, load_technology

    table = Table("name", "memory", "title", "parameters", "assumed", box=None, pad_edge=False)
    for name in list_technologies():
        card = load_technology(name)
        assumed = sum(p.confidence == "assumed" for p in card.parameters.values())
        texts = (card.name, card.memory, card.title, str(len(card)), str(assumed))
        table.add_row(*map(Text, texts))
    Console().print(table)


@technologies.command(epilog=EXIT_CODES)
@click.argument("name", type=Card())
@click.option("--json", "as_json", is_flag=True, help="Print the card as JSON.")
def show(name: str, as_json: bool) -> None:
    """Print every parameter of the card NAME (or of a card file) with its source.

    \b
    Examples:
      reliability technologies show oxram-130nm
      reliability technologies show my_card.toml --json
    """
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    from reliability.devices.wear import not_modelled
    from reliability.technology import load_technology
    from reliability.technology.parameter_text import parameter_row

    card = load_technology(name)
    if as_json:
        say(card.to_json())
        return
    console = Console()
    console.print(Text.assemble((card.name, "bold"), f": {card.title}"))
    console.print(Text(card.description))
    for section, model in card.models.items():
        console.print(Text(f"model of {section}: {model}"))
    table = Table("parameter", "value", "uncertainty", "confidence", "source", pad_edge=False)
    for key in sorted(card.parameters):
        row = parameter_row(key, card.parameters[key])
        source = row["source"] + (f" ({row['note']})" if row["note"] else "")
        texts = (key, row["value"], row["uncertainty"], row["confidence"], source)
        table.add_row(*map(Text, texts))
    console.print(table)
    console.print(Text(f"Wear that is not modelled: {', '.join(not_modelled(card))}."))
