// Package cli is the frame of the command line programs among the examples:
// commands with words and flags in any order, errors, and exit codes.
//
// Exit code 0: done, and it holds; 1: it does not hold, or failed; 2: the caller's
// fault, such as a bad command, flag or file.
package cli

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"slices"
	"strings"
)

// Program is a program of commands, each of which works on a C: the program's
// own type around a [Call].
type Program[C any] struct {
	Name     string
	Commands []Command[C]
	New      func(*Call) C // before the flags of the command are declared; those of all commands may be
	Notes    string        // below the list of commands and the flags of each; empty for none
}

// Command is one command of a program.
type Command[C any] struct {
	Name  string
	Words string // that it takes, as its help shows them: "[A]" may be left out, "A…" may be repeated
	Does  string
	Run   func(ctx context.Context, c C) error
	Flags func(c C) // declares those that only it has; nil for none
}

// Call is one command with its words and flags, and where it prints.
type Call struct {
	*flag.FlagSet
	Stdout, Stderr io.Writer
	Words          []string
	JSON           bool // the flag -json, which every command has
}

// Run runs the program with arguments and returns its exit code.
func (p *Program[C]) Run(ctx context.Context, args []string, stdout, stderr io.Writer) int {
	if len(args) > 0 {
		for i := range p.Commands {
			if p.Commands[i].Name == args[0] {
				return p.exitCode(p.command(ctx, &p.Commands[i], args[1:], stdout, stderr), stderr)
			}
		}
	}
	p.usage(stderr)
	if len(args) > 0 && slices.Contains([]string{"-h", "-help", "--help", "help"}, args[0]) {
		return 0
	}
	return 2
}

func (p *Program[C]) usage(w io.Writer) {
	fmt.Fprintf(w, "usage: %[1]s COMMAND [words] [flags]; %[1]s COMMAND -h explains the flags\n", p.Name)
	width := 0
	for _, cmd := range p.Commands {
		width = max(width, len([]rune(cmd.call())))
	}
	for _, cmd := range p.Commands {
		fmt.Fprintf(w, "  %-*s %s\n", width, cmd.call(), cmd.Does)
	}
	p.notes(w)
}

func (p *Program[C]) notes(w io.Writer) {
	if p.Notes != "" {
		fmt.Fprintf(w, "\n%s\n", p.Notes)
	}
}

// command reads the arguments and runs the command.
func (p *Program[C]) command(ctx context.Context, cmd *Command[C], args []string, stdout, stderr io.Writer) error {
	call := &Call{FlagSet: flag.NewFlagSet(p.Name+" "+cmd.Name, flag.ContinueOnError), Stdout: stdout, Stderr: stderr}
	call.SetOutput(io.Discard)
	call.Usage = func() {}
	call.BoolVar(&call.JSON, "json", false, "one JSON object a line")
	c := p.New(call)
	if cmd.Flags != nil {
		cmd.Flags(c)
	}
	if err := call.parse(args); err != nil {
		if errors.Is(err, flag.ErrHelp) {
			fmt.Fprintf(stderr, "usage: %s %s [flags]: %s\n\n", p.Name, cmd.call(), cmd.Does)
			call.SetOutput(stderr)
			call.PrintDefaults()
			p.notes(stderr)
		}
		return err
	}
	if least, most := cmd.takes(); len(call.Words) < least || len(call.Words) > most {
		return Usagef("%s takes %s, not %d words", cmd.Name, cmd.orNothing(), len(call.Words))
	}
	return cmd.Run(ctx, c)
}

// parse reads flags and words in any order.
func (c *Call) parse(args []string) error {
	for {
		switch err := c.Parse(args); {
		case errors.Is(err, flag.ErrHelp):
			return err
		case err != nil:
			return UsageError{err}
		case c.NArg() == 0:
			return nil
		}
		c.Words = append(c.Words, c.Arg(0))
		args = c.Args()[1:]
	}
}

// call is the command as it is typed.
func (cmd *Command[C]) call() string { return strings.TrimSpace(cmd.Name + " " + cmd.Words) }

// takes returns how many words the command takes.
func (cmd *Command[C]) takes() (least, most int) {
	for word := range strings.FieldsSeq(cmd.Words) {
		if !strings.HasPrefix(word, "[") {
			least++
		}
		most++
		if strings.HasSuffix(strings.TrimSuffix(word, "]"), "…") {
			most = 1 << 20
		}
	}
	return least, most
}

func (cmd *Command[C]) orNothing() string {
	if cmd.Words == "" {
		return "flags only"
	}
	return cmd.Words
}

// exitCode prints the error, if there is one that was not printed yet, and says
// how the program ends.
func (p *Program[C]) exitCode(err error, stderr io.Writer) int {
	switch {
	case err == nil || errors.Is(err, flag.ErrHelp):
		return 0
	case errors.Is(err, ErrShown):
		return 1
	}
	fmt.Fprintf(stderr, "%s: %v\n", p.Name, err)
	if _, ok := errors.AsType[UsageError](err); ok {
		return 2
	}
	return 1
}
