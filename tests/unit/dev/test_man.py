"""Manual pages made from the generated Markdown."""

from dev import man


def test_a_page_in_the_macros_of_man() -> None:
    markdown = (
        "# Commands\n\n<!-- Written by hand. -->\n\n.Dots and 'quotes' in *text*.\n\n"
        "## Server\n\n### `pillarbox serve`\n\n- `--workers N`: Processes: a\\\\b.\n\n"
        "| option | type | default | description | takes effect on |\n|---|---|---|---|---|\n"
        "| `data` | text | required | Its [place](x.md), a \\| b. | restart |\n"
    )
    assert man.page("pillarbox", 1, "a mail provider", markdown).splitlines() == [
        '.TH "PILLARBOX" 1 "" "Pillarbox" "Pillarbox"',
        ".SH NAME",
        "pillarbox \\- a mail provider",
        ".SH DESCRIPTION",
        ".PP",
        "\\&.Dots and 'quotes' in \\fItext\\fR.",
        ".SH SERVER",
        ".SS \\fBpillarbox serve\\fR",
        ".TP",
        "\\fB\\-\\-workers N\\fR",
        "Processes: a\\e\\eb.",
        ".TP",
        "\\fBdata\\fR",
        "Its place, a | b. (text; required; restart)",
    ]
