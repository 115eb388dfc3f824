"""`pillarbox completion`: the shell's own completion of commands and options."""

import click


@click.command("completion")
@click.argument("shell", type=click.Choice(["bash", "zsh", "fish"]))
def command(shell: str) -> None:
    """Print a script that completes commands, options and file names in SHELL.

    \b
    bash: pillarbox completion bash > ~/.local/share/bash-completion/completions/pillarbox
    zsh:  pillarbox completion zsh > "${fpath[1]}/_pillarbox"
    fish: pillarbox completion fish > ~/.config/fish/completions/pillarbox.fish
    """
    from click.shell_completion import get_completion_class

    completion = get_completion_class(shell)
    assert completion is not None
    program = click.get_current_context().find_root().command
    click.echo(completion(program, {}, "pillarbox", "_PILLARBOX_COMPLETE").source())
