# Manual pages, in man(7), from what `swiftlet --experimental-dump-help` says of the command and its subcommands: an
# object of file names and their texts. $version is what `swiftlet --version` says,
# $date the day the page is of.

# A backslash, a hyphen and a leading dot or quote mean something else to troff.
def text: gsub("\\\\"; "\\e") | gsub("-"; "\\-") | gsub("(?<start>^|\n)(?<mark>[.'])"; "\(.start)\\&\(.mark)");

# Lines like "64  what it means" are a table; empty lines divide paragraphs.
def paragraphs:
  split("\n") | map(
    if . == "" then ".PP"
    else (capture("^(?<tag>[0-9+n]+)  (?<rest>.*)") | ".TP\n.B \(.tag | text)\n\(.rest | text)") // text
    end) | join("\n");

def value: if .kind == "flag" then "" else " \\fI\(.valueName | text)\\fR" end;

def spelling:
  if .kind == "positional" then "\\fI\(.valueName | text)\\fR"
  else . as $argument | [.names[] | (if .kind == "short" then "-" else "--" end) + .name]
    | sort_by(length) | map("\\fB\(text)\\fR") | join(", ") + ($argument | value)
  end;

def values: if .allValues then "\nOne of \(.allValues | map("\\fB\(text)\\fR") | join(", "))." else "" end;

def entry: ".TP\n\(spelling)\n\((.abstract // "") | text)\(values)";

def shown: map(select(.shouldDisplay));

def synopsis($full):
  [
    ".B \($full | text)", (.arguments // [] | shown[] | select(.kind == "positional") | spelling),
    (if .subcommands then "\\fIcommand\\fR" else empty end), "[\\fIoption\\fR ...]"
  ] | join("\n");

def page($full; $others):
  [
    ".TH \($full | gsub(" "; "-") | ascii_upcase | text) 1 \"\($date)\" \"\($version)\" \"Swiftlet\"",
    ".SH NAME\n\($full | gsub(" "; "-") | text) \\- \(.abstract | rtrimstr(".") | text)",
    ".SH SYNOPSIS\n\(synopsis($full))",
    (if .discussion then ".SH DESCRIPTION\n\(.discussion | paragraphs)" else empty end),
    ".SH OPTIONS", (.arguments // [] | shown[] | entry),
    # Commands of a command have no pages of their own.
    (if .subcommands and $full != $others[0] then
      ".SH COMMANDS", (.subcommands[] | select(.commandName != "help")
        | ".SS \($full) \(.commandName)\n\(.abstract | text)",
          (if .discussion then ".PP\n\(.discussion | paragraphs)" else empty end),
          (.arguments // [] | shown[] | select(.names | . == null or all(.name != "help")) | entry)),
      ".SH EXIT STATUS\nThe statuses are listed in\n.BR swiftlet (1)."
    elif .subcommands then
      ".SH COMMANDS", (.subcommands[] | select(.commandName != "help")
        | ".TP\n.B \(.commandName | text)\n\(.abstract | text)")
    else
      ".SH EXIT STATUS\nThe statuses are listed in\n.BR swiftlet (1)."
    end),
    ".SH SEE ALSO\n" + ($others - [$full | gsub(" "; "-")] | map(".BR \(text) (1)") | join(",\n"))
  ] | join("\n") + "\n";

.command
| ([.commandName] + [.subcommands[].commandName | select(. != "help")]) as $names
| ($names | .[0] as $first | [$first] + [.[1:][] | "\($first)-\(.)"]) as $pages
| .commandName as $root
| [{ key: "\($root).1", value: page($root; $pages) }]
  + [.subcommands[] | select(.commandName != "help")
    | { key: "\($root)-\(.commandName).1", value: page("\($root) \(.commandName)"; $pages) }]
| from_entries
