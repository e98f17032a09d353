package command

import (
	"context"
	"flag"
	"fmt"
	"io"
	"slices"
	"strings"
)

// completion is the command that prints a shell's completions. They are made of the table of commands when they are printed, and
// do not call the program.
func completion(_ context.Context, e environment, args []string) error {
	shell, err := parseNamed(flag.NewFlagSet("completion", flag.ContinueOnError), args)
	if err != nil {
		return err
	}
	script, known := map[string]func(environment) string{"bash": bashCompletion, "zsh": zshCompletion, "fish": fishCompletion}[shell]
	if !known {
		return usagef("completion takes bash, zsh or fish")
	}
	_, err = io.WriteString(e.stdout, script(e))
	return err
}

// firstWords are the first words of all commands, each once, with what the command does.
func firstWords() (words, summaries []string) {
	for _, c := range commands() {
		word, verb, _ := strings.Cut(c.name, " ")
		switch {
		case slices.Contains(words, word):
		case verb != "":
			words, summaries = append(words, word), append(summaries, word+": "+verbNames(word, ", "))
		default:
			words, summaries = append(words, word), append(summaries, c.summary)
		}
	}
	return words, summaries
}

// verbNames are the second words of the commands that begin with a word.
func verbNames(word, between string) string {
	var names []string
	for _, c := range verbsOf(word) {
		names = append(names, strings.TrimPrefix(c.name, word+" "))
	}
	return strings.Join(names, between)
}

// choices are what may stand in an operand's place, when it is a choice.
func (c command) choices() []string {
	if !strings.Contains(c.operand, "|") {
		return nil
	}
	return strings.Split(c.operand, "|")
}

// takesFile tells whether a flag's value is the name of a file.
func takesFile(f *flag.Flag) bool {
	value, _ := flag.UnquoteUsage(f)
	return value == "FILE"
}

// bashCompletion needs nothing but bash itself.
func bashCompletion(e environment) string {
	var cases, values strings.Builder
	for _, c := range commands() {
		offered := slices.Clone(c.choices())
		for _, f := range c.flags(e) {
			offered = append(offered, "-"+f.Name)
			switch {
			case takesFile(f):
				fmt.Fprintf(&values, "    \"%s -%s\") compopt -o filenames 2>/dev/null; COMPREPLY=($(compgen -f -- \"$current\")); return ;;\n", c.name, f.Name)
			case takesValue(f):
				fmt.Fprintf(&values, "    \"%s -%s\") return ;;\n", c.name, f.Name)
			}
		}
		fmt.Fprintf(&cases, "    %q) offered=%q ;;\n", c.name, strings.Join(append(offered, "-h"), " "))
	}
	words, _ := firstWords()
	var verbs strings.Builder
	for _, word := range words {
		if names := verbNames(word, " "); names != "" {
			fmt.Fprintf(&verbs, "    %s) verbs=%q ;;\n", word, names)
		}
	}
	return fmt.Sprintf(`# bash completion for stagedoor
_stagedoor() {
  local current=${COMP_WORDS[COMP_CWORD]} before=${COMP_WORDS[COMP_CWORD-1]} command=${COMP_WORDS[1]} verbs='' offered=''
  COMPREPLY=()
  if [ "$COMP_CWORD" -eq 1 ]; then
    COMPREPLY=($(compgen -W %q -- "$current"))
    return
  fi
  case $command in
%s  esac
  if [ -n "$verbs" ]; then
    if [ "$COMP_CWORD" -eq 2 ]; then
      COMPREPLY=($(compgen -W "$verbs" -- "$current"))
      return
    fi
    command="$command ${COMP_WORDS[2]}"
  fi
  case "$command $before" in
%s  esac
  case $command in
%s  esac
  COMPREPLY=($(compgen -W "$offered" -- "$current"))
}
complete -F _stagedoor stagedoor
`, strings.Join(append(words, "help", "-h", "--version"), " "), verbs.String(), values.String(), cases.String())
}

// zshCompletion is a function for a folder of $fpath, and also works when it is read with source.
func zshCompletion(e environment) string {
	words, summaries := firstWords()
	var first, verbs, cases strings.Builder
	for i, word := range words {
		fmt.Fprintf(&first, "    %s\n", shellQuote(word+":"+strings.ReplaceAll(summaries[i], ":", ",")))
		if names := verbNames(word, " "); names != "" {
			fmt.Fprintf(&verbs, "    %s) if (( CURRENT == 3 )); then compadd -- %s; return; fi ;;\n", shellQuote(word), names)
		}
	}
	for _, c := range commands() {
		pattern, from := shellQuote(c.name+" ")+"*", len(strings.Fields(c.name))
		var specs []string
		for _, f := range c.flags(e) {
			value, text := flag.UnquoteUsage(f)
			spec := "-" + f.Name + "[" + strings.NewReplacer("[", "(", "]", ")", ":", ",").Replace(text) + "]"
			switch {
			case takesFile(f):
				spec += ":file:_files"
			case takesValue(f):
				spec += ":" + value + ":"
			}
			specs = append(specs, shellQuote(spec))
		}
		if choices := c.choices(); choices != nil {
			specs = append(specs, shellQuote("1:"+c.operand+":("+strings.Join(choices, " ")+")"))
		}
		fmt.Fprintf(&cases, "    %s) shift %d words; (( CURRENT -= %d )); _arguments %s; return ;;\n", pattern, from, from, strings.Join(append(specs, "'-h[show help]'"), " "))
	}
	return `#compdef stagedoor
_stagedoor() {
  local -a commands
  commands=(
` + first.String() + `  )
  if (( CURRENT == 2 )); then
    _describe command commands
    return
  fi
  local line="${words[2]} ${words[3]} "
  case ${words[2]} in
` + verbs.String() + `  esac
  case $line in
` + cases.String() + `  esac
}
if [ "$funcstack[1]" = "_stagedoor" ]; then
  _stagedoor "$@"
else
  compdef _stagedoor stagedoor
fi
`
}

// fishCompletion describes each command and flag.
func fishCompletion(e environment) string {
	var b strings.Builder
	b.WriteString("# fish completion for stagedoor\ncomplete -c stagedoor -f\n")
	words, summaries := firstWords()
	for i, word := range words {
		fmt.Fprintf(&b, "complete -c stagedoor -n __fish_use_subcommand -a %s -d %s\n", word, shellQuote(summaries[i]))
	}
	for _, c := range commands() {
		word, verb, _ := strings.Cut(c.name, " ")
		when := "__fish_seen_subcommand_from " + word
		if verb != "" {
			fmt.Fprintf(&b, "complete -c stagedoor -n '%s; and not __fish_seen_subcommand_from %s' -a %s -d %s\n",
				when, verbNames(word, " "), verb, shellQuote(c.summary))
			when += "; and __fish_seen_subcommand_from " + verb
		}
		if choices := c.choices(); choices != nil {
			fmt.Fprintf(&b, "complete -c stagedoor -n '%s' -a '%s'\n", when, strings.Join(choices, " "))
		}
		for _, f := range c.flags(e) {
			_, text := flag.UnquoteUsage(f)
			value := ""
			switch {
			case takesFile(f):
				value = " -r -F"
			case takesValue(f):
				value = " -x"
			}
			fmt.Fprintf(&b, "complete -c stagedoor -n '%s' -o %s%s -d %s\n", when, f.Name, value, shellQuote(text))
		}
	}
	return b.String()
}

// shellQuote quotes a text for all three shells.
func shellQuote(text string) string { return "'" + strings.ReplaceAll(text, "'", "’") + "'" }
