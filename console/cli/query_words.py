"""A command whose first argument is a query, which may begin with a `-` as options do."""

from __future__ import annotations

import difflib

import click


class QueryCommand(click.Command):
    """Takes `-term` in the place of the query as the exclusion of a term, not as an option.

    An unknown option with two dashes stays an error, and so does one with a single dash that is a letter or the name of an
    option: nobody leaves out single letters.
    """

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        """Put options before the other arguments, which nothing can take for options then."""
        known = {name: one for one in self.get_params(ctx) if isinstance(one, click.Option) for name in one.opts}
        options: list[str] = []
        words: list[str] = []
        rest = iter(args)
        for word in rest:
            if word == "--":
                words += rest
            elif word.startswith("--") or word in known:
                options.append(word)
                option = known.get(word)
                if option is not None and not (option.is_flag or option.count):
                    value = next(rest, None)
                    if value is None:
                        raise click.BadOptionUsage(word, f"Option {word!r} requires an argument.", ctx)
                    options.append(value)
            else:
                if word.startswith("-") and len(word) > 1:
                    self._check_term(word, known, first=not words, ctx=ctx)
                words.append(word)
        return super().parse_args(ctx, [*options, "--", *words] if words else options)

    @staticmethod
    def _check_term(word: str, known: dict[str, click.Option], *, first: bool, ctx: click.Context) -> None:
        """Refuse what is meant as an option, or stands where a file would."""
        name = word[1:].split("=")[0]
        near = [one for one in known if len(name) == 1 and one.startswith(f"--{name}")]
        near += difflib.get_close_matches(f"--{name}", known, n=1, cutoff=0.9)
        if near or len(name) == 1:
            meant = f"did you mean {near[0]}? " if near else ""
            raise click.NoSuchOption(
                word, f'no such option: {word}; {meant}A query without this text is "NOT {word[1:]}"', ctx=ctx
            )
        if not first:
            raise click.UsageError(f"{word} stands where a file would: put the whole query into one argument", ctx)
